"""What a firm's records say of each of its customers: how much they bought, for how long, and what it earned.

A record fades: at every review of the pyramid the firm keeps the share ``memory`` of it. What fades alike can be
undone on average: a record is worth as many periods as the weights of its periods add up to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import Line
from sim.compiled import formula
from sim.review import familiar_periods

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.firms import Firm
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

RECORDED = ("tier", "since", "bought_at", "volume", "revenue", "margin", "credit")


@dataclass(frozen=True, slots=True)
class Records:
    """One firm's records of its customers, each array of shape (n_customers_of_the_firm,).

    Parameters
    ----------
    row : array of int
        Where each lives in the town.
    tier : array of int
        Index of the tier held.
    since, bought_at : array of int
        Periods in which the membership began and of the last purchase.
    tenure : array of int
        Periods from the first of the membership to now.
    length : array
        Periods that the record is worth, after fading.
    repeats : array
        Repeat purchases in a window of ``activity_window`` periods: the customer's purchases on record, but for the
        first of the membership, on the scale of a record that has never been empty.
    volume : array
        Purchases on record.
    revenue, margin, credit : array
        Money on record: paid, earned after the cost of serving, and earned by word of mouth.
    """

    row: IntArray
    tier: IntArray
    since: IntArray
    bought_at: IntArray
    tenure: IntArray
    length: FloatArray
    repeats: FloatArray
    volume: FloatArray
    revenue: FloatArray
    margin: FloatArray
    credit: FloatArray


def period_weights(n_periods: int, reviews: Sequence[int], memory: float) -> FloatArray:
    """Return what is left on record of one unit booked in each period: ``memory`` per later review.

    Parameters
    ----------
    n_periods : int
        Periods so far.
    reviews : sequence of int
        Periods of the reviews, each held before the period's purchases, in order.
    memory : float
        Share of the record kept at a review.

    Returns
    -------
    array, shape (n_periods,)

    Examples
    --------
    >>> period_weights(5, [2, 4], 0.5).tolist()
    [0.25, 0.25, 0.5, 0.5, 1.0]
    """
    n_later = len(reviews) - np.searchsorted(reviews, np.arange(n_periods), side="right")
    weights: FloatArray = np.power(float(memory), n_later, dtype=np.float64)
    return weights


def cohorts_of(market: Market, firm: Firm) -> tuple[FloatArray, FloatArray]:
    """Return how many joined a firm in each period and how many of those never left, each of shape (n_periods,)."""
    f = firm.index
    joined = [books[f, ..., Line.GAINED] for books in market.history.books]
    gained = np.array(joined).sum(axis=(1, 2)) if joined else np.zeros(0)
    still: FloatArray = market.since[:, f, : market.period].sum(axis=(0, 2)).astype(np.float64)
    return gained, still


class Fading(NamedTuple):
    """What is left on record of the periods so far."""

    weights: FloatArray  # shape (n_periods,): of one unit booked in each
    length: FloatArray  # shape (n_periods + 1,): periods that the record is worth of who joined in each
    to_window: float  # purchases in an activity window, per purchase on a record that has never been empty


def fading(market: Market, firm: Firm) -> Fading:
    """Return what is left on a firm's records of the periods so far."""
    reviews = [period for period, f, _ in market.history.migration if f == firm.index]
    weights = period_weights(market.period, reviews, firm.pyramid.memory)
    length = np.append(weights[::-1].cumsum()[::-1], 0.0)
    return Fading(weights, length, market.scenario.customers.activity_window / max(float(length[0]), 1.0))


@formula
def repeats_of(volume, first_weight, to_window):  # type: ignore[no-untyped-def]
    """Return repeat purchases in a window: those on record, but for what is left of the first."""
    return np.maximum(0.0, volume - first_weight) * to_window


def records_of(market: Market, firm: Firm) -> Records:
    """Read a firm's records of its present customers, as copies."""
    relations = market.town.relations[:, firm.index]
    row = np.flatnonzero(relations["is_active"])
    own = {name: relations[name][row] for name in RECORDED}  # a copy of each, far quicker than of whole relations
    now = market.period
    since, tier = own["since"].astype(np.int64), own["tier"].astype(np.int64)
    left = fading(market, firm)
    volume = own["volume"].astype(np.float64)
    unbilled = now - np.maximum(since, firm.last_review)  # periods of service not yet charged to the record
    served = unbilled.astype(np.float64)
    if firm.spec.familiarity_saving > 0.0:
        longest, total = firm.spec.familiarity_periods, familiar_periods.py_func
        familiar = total(now - since, longest) - total(now - unbilled - since, longest)
        served -= firm.spec.familiarity_saving * familiar / longest
    return Records(
        row=row,
        tier=tier,
        since=since,
        bought_at=own["bought_at"].astype(np.int64),
        tenure=now - since,
        length=left.length[since],
        repeats=repeats_of.py_func(volume, left.weights[since], left.to_window),
        volume=volume,
        revenue=own["revenue"].astype(np.float64),
        margin=own["margin"].astype(np.float64) - firm.service_costs[tier] * served,
        credit=own["credit"].astype(np.float64),
    )
