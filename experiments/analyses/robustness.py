"""Which policy holds up when the world is not as assumed: regret, satisficing, and the worlds in which one fails.

Robust decision making: Lempert, Groves, Popper & Bankes (2006), *Management Science* 52(4). Regret: Savage (1951),
*Journal of the American Statistical Association* 46. Boxes: the patient rule induction method of Friedman & Fisher
(1999), *Statistics and Computing* 9(2), with the tests of Bryant & Lempert (2010), *Technological Forecasting and
Social Change* 77(1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.analyses.sensitivity import Factor
from experiments.report.intervals import interval_of
from experiments.report.words import listed, number, percent

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PEEL = 0.05  # share of the points in the box that one peel may take
LEAST_MASS = 0.05  # share of all points that a box must keep
CHANCE = 0.05  # a limit that chance would give this often is not told


def worlds_places(factors: Sequence[Factor], n_worlds: int, seed: int = 1) -> FloatArray:
    """Return a Latin hypercube of worlds, shape (n_worlds, n_factors), each place from 0 to 1."""
    from scipy.stats import qmc

    places: FloatArray = qmc.LatinHypercube(len(factors), rng=np.random.default_rng(seed)).random(n_worlds)
    return places


def regret(outcome: Mapping[str, FloatArray]) -> pd.DataFrame:
    """Return how much each policy loses by not being the best, world by world.

    Parameters
    ----------
    outcome : mapping of str to array, shape (n_worlds,)
        What each policy gives in each world; more is better.

    Returns
    -------
    DataFrame
        One row per policy, least greatest regret first: ``policy``, ``max_regret``, ``mean_regret`` with the ends of
        its 95% interval over worlds (``ci_low``, ``ci_high``), and ``best_in``, the share of worlds where it is best.

    Examples
    --------
    >>> table = regret({"a": np.array([1.0, 5.0]), "b": np.array([2.0, 1.0])})
    >>> table[["policy", "max_regret", "best_in"]].values.tolist()
    [['a', 1.0, 0.5], ['b', 4.0, 0.5]]
    """
    values = np.column_stack(list(outcome.values()))
    best = np.nanmax(values, axis=1, keepdims=True)
    lost = best - values
    rows = []
    for k, policy in enumerate(outcome):
        mean = interval_of(lost[:, k])
        row = (policy, float(np.nanmax(lost[:, k])), mean.mean, mean.low, mean.high, float((lost[:, k] == 0.0).mean()))
        rows.append(row)
    columns = ["policy", "max_regret", "mean_regret", "ci_low", "ci_high", "best_in"]
    return pd.DataFrame(rows, columns=columns).sort_values("max_regret", ignore_index=True, kind="stable")


def satisficing(outcome: Mapping[str, FloatArray], least: float) -> dict[str, float]:
    """Return the share of worlds in which each policy gives at least ``least``."""
    return {policy: float((values >= least).mean()) for policy, values in outcome.items()}


@dataclass(frozen=True)
class Limit:
    """One side of a box: where a factor is above or below a value.

    Parameters
    ----------
    factor : Factor
    low, high : float
        Places from 0 to 1 between which it lies.
    p : float
        Chance that taking the points beyond this limit into the box would leave so many cases by luck.
    """

    factor: Factor
    low: float
    high: float
    p: float

    def __str__(self) -> str:
        """Say the limit in words."""
        low, high = self.factor.value(self.low), self.factor.value(self.high)
        if self.factor.choices:
            first = min(int(self.low * len(self.factor.choices)), len(self.factor.choices) - 1)
            last = max(first, -(-int(1e9 * self.high * len(self.factor.choices)) // 10**9) - 1)
            return f"{self.factor.path} is {' or '.join(map(str, self.factor.choices[first : last + 1]))}"
        if self.low <= 0.0:
            return f"{self.factor.path} is below {_in_words(high)}"
        if self.high >= 1.0:
            return f"{self.factor.path} is above {_in_words(low)}"
        return f"{self.factor.path} is from {_in_words(low)} to {_in_words(high)}"


@dataclass(frozen=True)
class Box:
    """The worlds in which something happens more often than elsewhere.

    Parameters
    ----------
    limits : tuple of Limit
        What bounds it; none if no part of the worlds stands out.
    density : float
        Share of the worlds inside in which it happens.
    coverage : float
        Share of the worlds in which it happens that are inside.
    mass : float
        Share of all worlds that are inside.
    base : float
        Share of all worlds in which it happens.
    """

    limits: tuple[Limit, ...]
    density: float
    coverage: float
    mass: float
    base: float


def prim(factors: Sequence[Factor], places: FloatArray, happens: BoolArray, wanted: float = 0.8) -> Box:
    """Return the largest box of a peeling in which something happens in at least the share ``wanted`` of worlds.

    Each peel takes, of all sides, the one whose removal leaves the highest share; if no box reaches ``wanted``, the one
    of the highest share is returned. Limits that are likely by chance are dropped again.

    Parameters
    ----------
    factors : sequence of Factor
    places : array, shape (n_worlds, n_factors)
        Where each world lies, 0 to 1.
    happens : array of bool, shape (n_worlds,)
    wanted : float
        Share of worlds inside the box in which it should happen.
    """
    n, base = len(happens), float(happens.mean())
    low, high = np.zeros(len(factors)), np.ones(len(factors))
    if not happens.any():
        return Box((), base, 1.0, 1.0, base)
    boxes = [(low.copy(), high.copy())]
    inside = np.ones(n, dtype=bool)
    while happens[inside].mean() < 1.0:
        peeled = _best_peel(places, happens, inside, low, high)
        if peeled is None:
            break
        low, high, inside = peeled
        boxes.append((low.copy(), high.copy()))
    shares = [float(happens[_is_in(places, *box)].mean()) for box in boxes]
    reached = [k for k, share in enumerate(shares) if share >= wanted]
    low, high = boxes[reached[0] if reached else int(np.argmax(shares))]
    limits = _limits(factors, places, happens, low.copy(), high.copy())
    low, high = np.zeros(len(factors)), np.ones(len(factors))
    for limit in limits:
        k = list(factors).index(limit.factor)
        low[k], high[k] = limit.low, limit.high
    inside = _is_in(places, low, high)
    return Box(
        limits, float(happens[inside].mean()), float(happens[inside].sum() / happens.sum()), float(inside.mean()), base
    )


def _best_peel(
    places: FloatArray, happens: BoolArray, inside: BoolArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray, BoolArray] | None:
    """Return the box after the best peel, or None if it would be too small or no better."""
    best: tuple[FloatArray, FloatArray, BoolArray] | None = None
    most = float(happens[inside].mean())
    for k in range(places.shape[1]):
        values = places[inside, k]
        for side in (0, 1):
            cut = float(np.quantile(values, PEEL if side == 0 else 1.0 - PEEL))
            stays: BoolArray = np.greater(places[:, k], cut) if side == 0 else np.less(places[:, k], cut)
            keeps = inside & stays
            if keeps.mean() < LEAST_MASS or keeps.sum() == inside.sum():
                continue
            share = float(happens[keeps].mean())
            if share > most:
                new_low, new_high = low.copy(), high.copy()
                (new_low if side == 0 else new_high)[k] = cut
                best, most = (new_low, new_high, keeps), share
    return best


def _is_in(places: FloatArray, low: FloatArray, high: FloatArray) -> BoolArray:
    # a place at a cut was peeled away; those at 0 and 1 never are
    inside = ((places > low) | (low <= 0.0)) & ((places < high) | (high >= 1.0))
    return np.asarray(inside.all(axis=1), dtype=np.bool_)


def _limits(
    factors: Sequence[Factor], places: FloatArray, happens: BoolArray, low: FloatArray, high: FloatArray
) -> tuple[Limit, ...]:
    """Return the limits of a box that chance does not explain; drop the likeliest one after the other."""
    from scipy import stats

    while True:
        bounded = [k for k in range(len(factors)) if low[k] > 0.0 or high[k] < 1.0]
        inside = _is_in(places, low, high)
        p_values = {}
        for k in bounded:
            open_low, open_high = low.copy(), high.copy()
            open_low[k], open_high[k] = 0.0, 1.0
            wider = _is_in(places, open_low, open_high)
            share = float(happens[wider].mean())
            test = stats.binomtest(int(happens[inside].sum()), int(inside.sum()), share, alternative="greater")
            p_values[k] = float(test.pvalue)
        doubtful = max(p_values, key=lambda k: p_values[k], default=None)
        if doubtful is None or p_values[doubtful] <= CHANCE:
            return tuple(Limit(factors[k], float(low[k]), float(high[k]), p_values[k]) for k in bounded)
        low[doubtful], high[doubtful] = 0.0, 1.0


def in_a_sentence(what: str, box: Box) -> str:
    """Say where something happens: ``tiering loses when more than 40% are price customers``."""
    if not box.limits:
        return f"{what} in {percent(box.base)} of the worlds tried, and no part of them stands out."
    where = listed(str(limit) for limit in box.limits)
    return (
        f"{what} where {where}: in {percent(box.density)} of those worlds against {percent(box.base)} of all, which is "
        f"{percent(box.coverage)} of the worlds in which it does."
    )


def _in_words(value: object) -> str:
    return number(float(value)) if isinstance(value, int | float) else str(value)
