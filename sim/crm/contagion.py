"""Whether opinion and churn cluster in the network, measured against the same people shuffled over it.

Nothing ties friends together at birth, so whatever clusters does so by talk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.loyalty_types import TYPE_NAMES
from sim.records import STEPS

if TYPE_CHECKING:
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

HUB_SHARE = 0.1  # of people, by their ties


def opinion_clustering(values: FloatArray, a: IntArray, b: IntArray) -> float:
    """Return how alike the opinions of people with a tie are: Moran's I, 1 if the same, about 0 if shuffled.

    Parameters
    ----------
    values : array, shape (n_people,)
        Opinions.
    a, b : array of int, shape (n_ties,)
        The two ends of each tie.

    Returns
    -------
    float
        Mean product of the two ends' deviations over the variance, plus 1 / (n - 1), so that its expectation over all
        ways of shuffling the people is 0 exactly [1]_; NaN if all opinions are equal or there is no tie.

    References
    ----------
    .. [1] Moran (1950), "Notes on continuous stochastic phenomena", Biometrika 37.

    Examples
    --------
    Two pairs of friends who agree, the pairs at odds:

    >>> round(opinion_clustering(np.array([1.0, 1.0, -1.0, -1.0]), np.array([0, 2]), np.array([1, 3])), 3)
    1.333
    """
    away = values - values.mean() if values.size else values
    variance = float((away * away).mean()) if values.size else 0.0
    if variance == 0.0 or a.size == 0:
        return float("nan")
    return float((away[a] * away[b]).mean()) / variance + 1.0 / (values.size - 1)


def co_leaving(left: npt.NDArray[np.bool_], kind: IntArray, a: IntArray, b: IntArray) -> tuple[int, float]:
    """Return the ties between two customers who both left, and how many there would be by chance.

    By chance: in the mean over all ways of shuffling who left among the customers of each loyalty type, the network
    and the types staying as they are (a join count, Cliff & Ord 1981, *Spatial Processes*).

    Parameters
    ----------
    left : array of bool, shape (n_customers,)
        Who left.
    kind : array of int, shape (n_customers,)
        Loyalty type of each.
    a, b : array of int, shape (n_ties,)
        The two ends of each tie between customers.

    Examples
    --------
    Four customers of one type, of whom two left, friends with each other; the other tie joins two who stayed. Of the
    6 pairs that could have left, each tie would have been one: 2 ties times 1/6.

    >>> counted, expected = co_leaving(np.array([True, True, False, False]), np.zeros(4, int), np.array([0, 2]),
    ...                                np.array([1, 3]))
    >>> counted, round(expected, 3)
    (1, 0.333)
    """
    n = np.bincount(kind, minlength=len(TYPE_NAMES)).astype(np.float64)
    gone = np.bincount(kind, left, len(TYPE_NAMES))
    chance = np.divide(gone, n, out=np.zeros_like(n), where=n > 0)
    both = np.outer(chance, chance)  # that two customers of these types have left
    pairs = n * (n - 1.0)
    np.fill_diagonal(both, np.divide(gone * (gone - 1.0), pairs, out=np.zeros_like(n), where=pairs > 0))
    return int((left[a] & left[b]).sum()), float(both[kind[a], kind[b]].sum())


@dataclass(frozen=True, slots=True)
class Friends:
    """Who knew whom, what they thought and who left, at the end of a run.

    Parameters
    ----------
    firms : tuple of str
        Names of the firms.
    first, neighbours : array of int
        The network's ties, as rows of neighbours laid end to end: see :class:`sim.network.Network`.
    kind : array of int, shape (n_customers,)
        Loyalty type of each at the start of the long run.
    stood : array of bool, shape (n_customers, n_firms)
        Who was a customer then ...
    is_kept : array of bool, shape (n_customers, n_firms)
        ... and who has been one since before.
    opinion : array of int, shape (n_customers, n_firms)
        Opinions of the firms at the end, in steps.
    """

    firms: tuple[str, ...]
    first: npt.NDArray[np.int32]
    neighbours: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int8]
    stood: npt.NDArray[np.bool_]
    is_kept: npt.NDArray[np.bool_]
    opinion: npt.NDArray[np.int16]


def note_friends(market: Market) -> Friends:
    """Note of a market what ``contagion`` needs; it does not change when the market goes on."""
    people, relations = market.town.people, market.town.relations
    standing, types = market.standing, market.standing_types
    return Friends(
        firms=tuple(market.firms),
        first=market.network.first,
        neighbours=market.network.neighbours,
        kind=people["type"].copy() if types is None else types,
        stood=np.zeros(relations.shape, dtype=bool) if standing is None else standing >= 0,
        is_kept=(relations["is_active"] == 1) & (relations["since"] < market.last_period - market.horizon),
        opinion=relations["opinion"].copy(),
    )


def contagion(noted: Friends) -> pd.DataFrame:
    """Return, by firm, how opinion and churn cluster at the end of a run, and what its hubs are like.

    Returns
    -------
    DataFrame
        One row per firm: ``opinion_clustering``; over the long run, of the ties between two of its customers at the
        start, ``ties_left`` (both left) and ``ties_expected`` (by chance), and ``churn_clustering``, their ratio (1: no
        contagion); ``retention_hubs`` and ``retention_others``, of the tenth of people with most ties and of the rest.
    """
    degree = np.diff(noted.first)
    n, kind = degree.size, noted.kind.astype(np.int64)
    ends = np.repeat(np.arange(n), degree)
    is_first = ends < noted.neighbours  # each tie once
    a, b = ends[is_first], noted.neighbours[is_first].astype(np.int64)
    n_hubs = max(1, round(HUB_SHARE * n))
    is_hub = np.zeros(n, dtype=bool)
    is_hub[np.argsort(-degree, kind="stable")[:n_hubs]] = True
    rows = []
    for f, firm in enumerate(noted.firms):
        stood, is_kept = noted.stood[:, f], noted.is_kept[:, f]
        place = np.cumsum(stood) - 1
        is_within = stood[a] & stood[b]
        left = stood & ~is_kept
        counted, expected = co_leaving(left[stood], kind[stood], place[a[is_within]], place[b[is_within]])
        rows.append(
            {
                "firm": firm,
                "opinion_clustering": opinion_clustering(noted.opinion[:, f] / STEPS, a, b),
                "ties_left": counted,
                "ties_expected": expected,
                "churn_clustering": counted / expected if expected > 0.0 else float("nan"),
                "retention_hubs": _share(is_kept, stood & is_hub),
                "retention_others": _share(is_kept, stood & ~is_hub),
            }
        )
    return pd.DataFrame(rows)


def _share(is_so: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]) -> float:
    return float(is_so[among].mean()) if among.any() else float("nan")
