"""Intervals as pictures and sentences need them, paired tests, and the allowance for many comparisons at once."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from experiments.statistics import estimate, share_estimate, standard_error

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over seeds and its 95% interval; the ends are NaN when there are too few seeds for one."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def is_known(self) -> bool:
        """Whether there is an interval at all."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.is_known and (self.low > 0 or self.high < 0)


NOTHING = Interval(math.nan, math.nan, math.nan, 0)


def interval_of(values: ArrayLike, *, pilot: ArrayLike | None = None, is_share: bool = False) -> Interval:
    """Return the mean of ``values`` (one per seed, NaN where not known) and its 95% interval by Student's t.

    Parameters
    ----------
    values : array_like, shape (n_seeds,)
    pilot : array_like, shape (n_pilot,), optional
        The values whose spread stands for that of all: see :func:`experiments.statistics.estimate`.
    is_share : bool
        Whether the values lie between 0 and 1, and the interval with them.
    """
    found = share_estimate(values, pilot) if is_share else estimate(values, pilot)
    mean, low, high = (math.nan if end is None else end for end in (found.mean, found.ci_low, found.ci_high))
    return Interval(mean, low, high, found.n)


def paired_p(differences: ArrayLike, pilot: ArrayLike | None = None) -> float:
    """Return the two-sided p-value of a paired t-test, with the spread of a pilot if given; NaN below two pairs.

    Differences that are all the same have no spread to test: zero is then no evidence (1), anything else is
    certain in these runs (0).
    """
    known = np.asarray(differences, dtype=float)
    known = known[np.isfinite(known)]
    if known.size < 2:
        return math.nan
    error, freedom = standard_error(known, pilot)
    if error <= 1e-12 * float(np.abs(known).max()):
        return 1.0 if not known.any() else 0.0
    return float(2 * stats.t.sf(abs(float(known.mean())) / error, freedom))


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Return Holm's step-down adjusted p-values; comparisons whose p-value is NaN are not counted.

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of
    Statistics 6(2), 65-70.
    """
    known = sorted((p, rank) for rank, p in enumerate(p_values.values()) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    largest = 0.0
    for step, (p, rank) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - step)))
        adjusted[rank] = largest
    return dict(zip(p_values, adjusted, strict=True))
