"""Every strategy against every other: pay-offs, ranking, and what an evolution of shares makes of them.

In the manner of Axelrod (1980), *Journal of Conflict Resolution* 24(1), and the tournaments that followed: markets of
several firms alike but for their strategy, every strategy in every seat. Evolution: the replicator of Taylor & Jonker
(1978), *Mathematical Biosciences* 40; stability: Maynard Smith & Price (1973), *Nature* 246.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, permutations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.report.intervals import Interval, interval_of

FloatArray = npt.NDArray[np.float64]

GENERATIONS = 400
SELECTION = 1.0  # of the replicator: pay-offs are taken relative to their range
EXTINCT = 1e-3


@dataclass(frozen=True)
class Seating:
    """One market of the tournament: who sits where."""

    strategies: tuple[str, ...]


def seatings(strategies: Sequence[str], n_firms: int) -> Iterator[Seating]:
    """Yield every market of ``n_firms`` in which one strategy meets a field of another, in all seats.

    A market has ``k`` firms of strategy A and the rest of B, for every pair (A, B), A against itself included; every
    order of the seats is played, so that no strategy is favoured by its place.

    Examples
    --------
    >>> [each.strategies for each in seatings(("a", "b"), 2)]
    [('a', 'a'), ('a', 'b'), ('b', 'a'), ('b', 'b')]
    """
    seen = set()
    for a, b in combinations_with_replacement(strategies, 2):
        for n_of_b in range(n_firms + 1) if a != b else (0,):
            for order in permutations((a,) * (n_firms - n_of_b) + (b,) * n_of_b):
                if order not in seen:
                    seen.add(order)
                    yield Seating(order)


def pay_offs(results: pd.DataFrame, strategies: Sequence[str], metric: str) -> dict[tuple[str, str], FloatArray]:
    """Return what each strategy earns against each other, a number per seed.

    Parameters
    ----------
    results : DataFrame
        One row per firm of a market and seed: ``seed``, ``market`` (a number), ``seat``, ``strategy`` and the metric.
    strategies : sequence of str
        Who took part.
    metric : str
        The column that is the pay-off.

    Returns
    -------
    dict of (str, str) to array, shape (n_seeds,)
        Own strategy and the other's: the mean over the rivals met in all markets and seats, seed by seed (ordered by
        seed). Two strategies that never met are left out.
    """
    met: dict[tuple[str, str], dict[int, list[float]]] = {}
    for _, firms in results.groupby(["seed", "market"], sort=True):
        seed = int(firms["seed"].iloc[0])
        rows = list(firms[["seat", "strategy", metric]].itertuples(index=False, name=None))
        for seat, own, earned in rows:
            for other_seat, other, _ in rows:
                if other_seat != seat:
                    met.setdefault((own, other), {}).setdefault(seed, []).append(float(earned))
    return {
        pair: np.array([np.mean(by_seed[seed]) for seed in sorted(by_seed)])
        for pair, by_seed in met.items()
        if pair[0] in strategies and pair[1] in strategies
    }


def has_met_all(earned: dict[tuple[str, str], FloatArray], name: str, strategies: Sequence[str]) -> bool:
    """Return whether a strategy met itself and every other that met itself."""
    others = [other for other in strategies if (other, other) in earned]
    return (name, name) in earned and all((name, other) in earned and (other, name) in earned for other in others)


def matrix(earned: dict[tuple[str, str], FloatArray], strategies: Sequence[str]) -> FloatArray:
    """Return the mean pay-offs, own strategy in rows, shape (n_strategies, n_strategies); NaN where two never met."""
    return np.array([[earned[a, b].mean() if (a, b) in earned else np.nan for b in strategies] for a in strategies])


def ranking(results: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the strategies by the first metric, best first.

    Returns
    -------
    DataFrame
        Columns ``strategy``, and for each metric its mean over all markets and seats with the ends of its 95% interval
        over seeds (``profit``, ``profit_low``, ``profit_high``), and ``p_best``, the share of seeds in which it has the
        highest mean of the first metric; of equals, the first by name is taken.
    """
    by_seed = results.groupby(["strategy", "seed"], sort=False)[list(metrics)].mean()
    best = by_seed[metrics[0]].unstack("strategy").idxmax(axis=1)
    rows = []
    for strategy in dict.fromkeys(results["strategy"]):
        own = by_seed.loc[strategy]
        row: dict[str, Any] = {"strategy": strategy}
        for name in metrics:
            found = interval_of(own[name])
            row |= {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
        row["p_best"] = float((best == strategy).mean())
        rows.append(row)
    return pd.DataFrame(rows).sort_values(metrics[0], ascending=False, ignore_index=True, kind="stable")


def replicate(pay_off: FloatArray, start: FloatArray | None = None, generations: int = GENERATIONS) -> FloatArray:
    """Return the shares of strategies over generations in which those that earn more than the mean grow.

    Parameters
    ----------
    pay_off : array, shape (n, n)
        What the row earns against the column.
    start : array, shape (n,), optional
        Shares at the start; equal unless given.
    generations : int
        How many to follow.

    Returns
    -------
    array, shape (generations + 1, n)
        Each row sums to 1. Growth of a share: 1 + (own fitness - mean fitness) / range of pay-offs.

    Examples
    --------
    A strategy that earns more whatever it meets takes over:

    >>> replicate(np.array([[2.0, 2.0], [1.0, 1.0]]))[-1].round(3).tolist()
    [1.0, 0.0]
    """
    n = len(pay_off)
    shares = np.full(n, 1.0 / n) if start is None else np.asarray(start, dtype=float) / np.sum(start)
    reach = float(np.ptp(pay_off)) or 1.0
    path = [shares]
    for _ in range(generations):
        fitness = pay_off @ shares
        shares = shares * (1.0 + SELECTION * (fitness - shares @ fitness) / reach)
        shares = np.maximum(shares, 0.0) / np.maximum(shares, 0.0).sum()
        path.append(shares)
    return np.array(path)


@dataclass(frozen=True)
class Stability:
    """Whether one strategy, held by all, keeps out every other.

    Parameters
    ----------
    strategy : str
    invaders : tuple of str
        Those shown to earn more against it than it earns against itself.
    doubtful : tuple of str
        Those for whom that is not told by the interval.
    """

    strategy: str
    invaders: tuple[str, ...]
    doubtful: tuple[str, ...]

    @property
    def cannot_be_invaded(self) -> bool:
        """Whether every other is shown to earn less against it than it does itself."""
        return not self.invaders and not self.doubtful


def stability(earned: dict[tuple[str, str], FloatArray], strategies: Sequence[str]) -> list[Stability]:
    """Return for each strategy who can invade a market in which all hold it, by intervals paired by seed."""
    found = []
    for own in strategies:
        invaders, doubtful = [], []
        for other in strategies:
            if other == own or (other, own) not in earned or (own, own) not in earned:
                continue
            gap: Interval = interval_of(earned[other, own] - earned[own, own])
            if not gap.is_known:
                doubtful.append(other)
            elif gap.low > 0.0:
                invaders.append(other)
            elif gap.high >= 0.0:
                doubtful.append(other)
        found.append(Stability(own, tuple(invaders), tuple(doubtful)))
    return found


def survivors(path: FloatArray, strategies: Sequence[str]) -> list[str]:
    """Return the strategies that are left at the end of an evolution, largest share first."""
    order = np.argsort(-path[-1], kind="stable")
    return [strategies[k] for k in order if path[-1][k] > EXTINCT]
