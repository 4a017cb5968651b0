"""How many seeds a comparison needs, by Stein's two stages, so that intervals made narrow still keep their promise.

Adding seeds until the intervals at hand look narrow enough stops too often where those seeds happen to agree, and such
intervals hold the truth less often than they say. Stein's rule decides once. The first :data:`N_PILOT` seeds tell how
much each difference varies; from that follows how many seeds make every interval as narrow as asked; and the intervals
are made of the mean of all seeds and the spread of the pilot, with its degrees of freedom. For normal differences the
coverage is then exactly 95%, for as many differences as there are. ``tests/test_coverage.py`` measures it on these, on
skewed and heavy-tailed ones, and on the market itself, next to the rule of looking on until all looks well.

References
----------
Stein, C. (1945). A two-sample test for a linear hypothesis whose power is independent of the variance. Annals of
Mathematical Statistics 16(3), 243-258.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from experiments.statistics import Estimate, standard_error, t_quantile
from sim.errors import InputError

N_PILOT = 30
MOST_SEEDS = 1000
METRICS = ("retention", "profit")
MOST_RATIO = 1e6  # of the pilot's spread to a width: beyond it, as many seeds are needed as nobody can run
ROUNDING_FRAC = 1e-9
ALLOWED = "ci=0.5%, or retention=0.5% (in points) or profit=2% (of the baseline's), above 0%"

Values = Mapping[str, ArrayLike]


@dataclass(frozen=True, slots=True)
class Until:
    """How narrow the 95% interval of every difference from the baseline is to be, to either side of its mean.

    Parameters
    ----------
    retention : float, optional
        As a share of customers: 0.005 is half a percentage point. None asks nothing.
    profit : float, optional
        As a share of the baseline's mean profit, or loss. None asks nothing.
    """

    retention: float | None = None
    profit: float | None = None

    @classmethod
    def parse(cls, asked: Sequence[str]) -> Until:
        """Read what a user asks for: ``ci=0.5%`` for both outcomes, ``retention=...`` and ``profit=...`` for one.

        Examples
        --------
        >>> Until.parse(["ci=0.5%", "profit=2%"])
        Until(retention=0.005, profit=0.02)

        Raises
        ------
        InputError
            If one is neither, or not a percentage above 0.
        """
        widths: dict[str, float] = {}
        for each in asked:
            match = re.fullmatch(r"\s*(ci|retention|profit)\s*=\s*(\d+\.?\d*|\.\d+)\s*%\s*", each)
            if match is None or float(match[2]) == 0:
                raise InputError("not a width", key="--until", value=each, allowed=ALLOWED)
            for metric in METRICS if match[1] == "ci" else (match[1],):
                widths[metric] = float(match[2]) / 100
        return cls(**widths)

    def half_widths(self, profit_money: float) -> dict[str, float]:
        """Return how far an interval may reach to either side, by metric, given the baseline's mean profit.

        Retention as a share of customers, profit in money.
        """
        asked = {"retention": self.retention, "profit": None if self.profit is None else self.profit * profit_money}
        return {metric: abs(width) for metric, width in asked.items() if width is not None and math.isfinite(width)}


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a comparison has the seeds it has.

    Parameters
    ----------
    asked : Until
        What was asked for.
    half_widths : mapping of str to float
        What that is by metric: a share of customers, and money.
    n_pilot : int
        Seeds of the pilot, which told the spread.
    n_needed : int
        Seeds that were found to be needed.
    n_most : int
        Seeds that were allowed.
    is_reached : bool
        Whether every interval is known and as narrow as asked.
    """

    asked: Until
    half_widths: Mapping[str, float]
    n_pilot: int
    n_needed: int
    n_most: int
    is_reached: bool

    @property
    def told(self) -> str:
        """What the pilot decided, in a line."""
        if self.n_needed == self.n_pilot:
            return f"the first {self.n_pilot} seeds are enough"
        limit = f", of which {self.n_most:,} are allowed" if self.n_needed > self.n_most else ""
        return f"by the first {self.n_pilot} seeds, {self.n_needed:,} seeds are needed{limit}"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def decide(values: Mapping[str, Values], baseline: str, asked: Until, n_pilot: int, n_most: int) -> Stop:
    """Decide by the pilot how many seeds are wanted in all: whatever stops by itself stops by this rule.

    Parameters
    ----------
    values : mapping
        By metric and arm, one number per seed of the pilot: see :func:`seeds_needed`.
    baseline : str
        The arm that the others are compared with.
    asked : Until
        How narrow the differences are to be.
    n_pilot, n_most : int
        Seeds of the pilot, and seeds that are allowed.

    Returns
    -------
    Stop
        Not yet said to be reached: that is for the intervals to tell (:func:`is_narrow`).
    """
    profit = np.asarray(values.get("profit", {}).get(baseline, ()), dtype=np.float64)
    known = profit[np.isfinite(profit)]
    half_widths = asked.half_widths(float(known.mean()) if known.size else math.nan)
    n_needed = max(n_pilot, seeds_needed(values, baseline, half_widths))
    return Stop(asked, half_widths, n_pilot, n_needed, n_most, is_reached=False)


def seeds_needed(values: Mapping[str, Values], baseline: str, half_widths: Mapping[str, float]) -> int:
    """Return how many seeds make the interval of every difference from the baseline as narrow as asked.

    A difference that no two seeds of the pilot tell is left out: no number of seeds is known to tell it.

    Parameters
    ----------
    values : mapping
        By metric and arm, one number per seed of the pilot, shape (n_pilot,); not finite where there is none.
    baseline : str
        The arm that the others are compared with.
    half_widths : mapping of str to float
        By metric, in its unit.
    """
    needed = 0
    for metric, width in half_widths.items():
        arms = values.get(metric, {})
        for arm, ours in arms.items():
            if arm == baseline:
                continue
            gap = np.asarray(ours, dtype=np.float64) - np.asarray(arms[baseline], dtype=np.float64)
            n_known = int(np.isfinite(gap).sum())
            if n_known < 2:
                continue
            error, freedom = standard_error(gap)
            spread = error * math.sqrt(n_known) * t_quantile(freedom)
            if spread > 0:
                ratio = min(spread / width, MOST_RATIO) if width > 0 else MOST_RATIO
                needed = max(needed, math.ceil(ratio**2) + gap.size - n_known)
    return needed


def is_narrow(
    differences: Mapping[str, Mapping[str, Estimate]], asked: Until, half_widths: Mapping[str, float]
) -> bool:
    """Say whether every interval, by arm and metric, is known and reaches no further to either side than asked."""
    for metric in METRICS:
        if getattr(asked, metric) is None:
            continue
        for metrics in differences.values():
            found = metrics.get(metric)
            if metric not in half_widths or found is None or found.ci_low is None or found.ci_high is None:
                return False
            if (found.ci_high - found.ci_low) / 2 > half_widths[metric] * (1 + ROUNDING_FRAC):
                return False
    return True
