"""From numbers by seed to an interval, and from an interval to a verdict: by rule, whatever comes out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from experiments.claims.base import Effect, Found
from experiments.statistics import Estimate, estimate, share_estimate, t_quantile

Verdict = Literal["supported", "not supported", "contrary", "undecided", "not judged"]

# A denominator below this share of its largest value is rounding, not a quantity.
LEAST_FRAC = 1e-12


def verdict_of(effect: Effect, found: Estimate) -> Verdict:
    """Return what an interval says of a claim.

    *Supported*: the whole interval lies in what is claimed. *Contrary*: all of it lies beyond the null, away from the
    claim. *Not supported*: all of it lies outside of what is claimed, but not beyond the null. *Undecided*: it reaches
    over an end of what is claimed, or there is no interval. *Not judged*: nothing is claimed of the effect.

    Examples
    --------
    >>> gain = Effect("gain", "gain in profit", low=0.25, high=0.85, null=0.0)
    >>> ends = [(0.3, 0.5), (0.1, 0.2), (-0.2, -0.1), (0.0, 0.4)]
    >>> [verdict_of(gain, Estimate((low + high) / 2, low, high, 8)) for low, high in ends]
    ['supported', 'not supported', 'contrary', 'undecided']
    """
    if not effect.is_judged:
        return "not judged"
    if found.ci_low is None or found.ci_high is None:
        return "undecided"
    low = -math.inf if effect.low is None else effect.low
    high = math.inf if effect.high is None else effect.high
    if low <= found.ci_low and found.ci_high <= high:
        return "supported"
    if effect.null is not None:
        is_contrary = found.ci_high < effect.null if effect.null <= low else found.ci_low > effect.null
        if is_contrary:
            return "contrary"
    return "not supported" if found.ci_high < low or found.ci_low > high else "undecided"


def judge(effect: Effect, by_seed: Sequence[Found]) -> Estimate:
    """Return an effect's mean over seeds and its 95% interval, in the way that suits its kind."""
    if effect.kind == "ratio":
        pairs = np.array(by_seed, dtype=np.float64).reshape(-1, 2)
        return ratio_estimate(pairs[:, 0], pairs[:, 1])
    return share_estimate(by_seed) if effect.kind == "share" else estimate(by_seed)


def ratio_estimate(numerator: ArrayLike, denominator: ArrayLike) -> Estimate:
    """Return the ratio of two means over seeds with its 95% interval by Fieller's theorem.

    A mean of ratios would follow the seed whose denominator happens to be near zero. Where the denominator's own
    interval reaches zero the ratio has no bounded interval, and none is given.

    Parameters
    ----------
    numerator, denominator : array_like, shape (n_seeds,)
        Measured in the same runs, seed by seed; seeds where either is not finite are left out.

    References
    ----------
    Fieller, E. C. (1954). Some problems in interval estimation. JRSS B 16(2).

    Examples
    --------
    >>> ratio_estimate([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    Estimate(mean=2.0, ci_low=None, ci_high=None, n=3)
    >>> ratio_estimate([20.0, 24.0, 22.0], [10.0, 12.0, 11.0])
    Estimate(mean=2.0, ci_low=2.0, ci_high=2.0, n=3)
    """
    above, below = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    is_known = np.isfinite(above) & np.isfinite(below)
    above, below = above[is_known], below[is_known]
    n = int(above.size)
    if n == 0 or abs(below.mean()) <= LEAST_FRAC * np.abs(below).max():
        return Estimate(None, None, None, n)
    ratio = float(above.mean() / below.mean())
    if n == 1:
        return Estimate(ratio, None, None, 1)
    var_above, covariance, _, var_below = (np.cov(above, below) / n).ravel().tolist()
    t2 = t_quantile(n - 1) ** 2
    g = t2 * var_below / below.mean() ** 2
    if g >= 1:
        return Estimate(ratio, None, None, n)
    middle = above.mean() * below.mean() - t2 * covariance
    scale = below.mean() ** 2 - t2 * var_below
    spread = middle**2 - scale * (above.mean() ** 2 - t2 * var_above)
    half = math.sqrt(max(0.0, spread)) / scale
    centre = middle / scale
    return Estimate(ratio, min(float(centre - half), ratio), max(float(centre + half), ratio), n)
