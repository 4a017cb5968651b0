"""Value elasticity: the revenue that a unit of money spent on serving a tier has brought, by the firm's own books."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import Line

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]

LEAST_CHANGES = 3  # of a straight line through fewer, no interval can be told
LEAST_SPREAD = 1e-9  # relative to the spend: changes that differ by less are rounding


class Cycles(NamedTuple):
    """Money per customer and period, by review cycle and tier; NaN where a tier had nobody."""

    spent: FloatArray  # shape (n_cycles, n_tiers): on service
    paid: FloatArray  # shape (n_cycles, n_tiers): revenue


class Elasticity(NamedTuple):
    """Revenue gained per unit spent, and how surely it is known; NaN where it cannot be told."""

    slope: float  # 2: one in, two out
    low: float  # the 95% interval
    high: float
    n_changes: int  # from one cycle to the next
    verdict: str  # "told", "too few cycles" or "spend has not varied"


def cycles_of(market: Market, firm: Firm) -> Cycles:
    """Read a firm's spend and revenue per customer and period from its books, over the review cycles completed.

    A cycle runs from one review of the firm (or the start) to the period before its next.
    """
    f, n_tiers = firm.index, len(firm.pyramid.tiers)
    ends = [period for period, of, _ in market.history.migration if of == f]
    spent, paid = np.full((len(ends), n_tiers), np.nan), np.full((len(ends), n_tiers), np.nan)
    for k, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        books = np.sum([period[f, :n_tiers] for period in market.history.books[start:end]], axis=(0, 2))
        stock = np.sum([period[f, :n_tiers] for period in market.history.stock[start:end]], axis=(0, 2))
        np.divide(books[:, Line.SERVICE], stock, out=spent[k], where=stock > 0.0)
        np.divide(books[:, Line.REVENUE], stock, out=paid[k], where=stock > 0.0)
    return Cycles(spent, paid)


def value_elasticity(spent: FloatArray, paid: FloatArray) -> Elasticity:
    """Return the slope of changes in revenue on changes in spend, from cycle to cycle, by least squares.

    Changes, not levels: a trend that both follow, or what sets the tier apart for good, is no return on spend. What
    else moved revenue in the same cycle still is in the slope, as in any firm's books [1]_.

    Parameters
    ----------
    spent, paid : array, shape (n_cycles,)
        Money per customer and period; NaN where there was no customer.

    References
    ----------
    .. [1] Dorfman & Steiner (1954), "Optimal advertising and optimal quality", American Economic Review 44(5); Rust,
       Lemon & Zeithaml (2004), "Return on marketing", Journal of Marketing 68(1).
    """
    from scipy.special import stdtrit

    x, y = np.diff(spent), np.diff(paid)
    is_known = np.isfinite(x) & np.isfinite(y)
    x, y = x[is_known], y[is_known]
    unknown = float("nan")
    if x.size < LEAST_CHANGES:
        return Elasticity(unknown, unknown, unknown, x.size, "too few cycles")
    if np.ptp(x) <= LEAST_SPREAD * np.nanmax(np.abs(spent)):
        return Elasticity(unknown, unknown, unknown, x.size, "spend has not varied")
    x, y = x - x.mean(), y - y.mean()
    squares = float((x * x).sum())
    slope = float((x * y).sum()) / squares
    free = x.size - 2
    error = float(np.sqrt(((y - slope * x) ** 2).sum() / free / squares))
    half = float(stdtrit(free, 0.975)) * error
    return Elasticity(slope, slope - half, slope + half, x.size, "told")
