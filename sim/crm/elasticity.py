"""Value elasticity: the revenue that a unit of money spent on serving a tier has brought, by the firm's own books."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import Line
from sim.crm.later import Later

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]

LEAST_CHANGES = 3  # of a straight line through fewer, no interval can be told
LEAST_SPREAD = 1e-9  # relative to the spend: changes that differ by less are rounding
STEP = 0.1  # more spent than now, of which the gain is told: a straight line does not hold far
FOLLOW_REVENUE = (Line.GOODS, Line.INCENTIVES, Line.CHANNEL, Line.COMMISSION)  # costs that grow with what is sold


class Cycles(NamedTuple):
    """Money per customer and period, by review cycle and tier; NaN where a tier had nobody."""

    spent: FloatArray  # shape (n_cycles, n_tiers): on service
    paid: FloatArray  # shape (n_cycles, n_tiers): revenue
    left: FloatArray  # shape (n_tiers,): share of the revenue of all cycles that costs which follow it leave


class Elasticity(NamedTuple):
    """Revenue gained per unit spent, and how surely it is known; NaN where it cannot be told."""

    slope: float  # 2: one in, two out
    low: float  # the 95% interval
    high: float
    n_changes: int  # from one cycle to the next
    verdict: str  # "told", "too few cycles", "spend has not varied" or "spend has varied too little"


def cycles_of(market: Market, firm: Firm) -> Later[Cycles]:
    """Tell a firm's spend and revenue per customer and period, by its books, over the review cycles completed.

    A cycle runs from one review of the firm (or the start) to the period before its next. The cycles are added up when
    they are asked for, as of now.
    """
    f, n_tiers, history = firm.index, len(firm.pyramid.tiers), market.history
    ends = [period for period, of, _ in history.migration if of == f]
    n_periods = ends[-1] if ends else 0
    books, stock = (history.whole(name)[:n_periods, f, :n_tiers] for name in ("books", "stock"))

    def add_up() -> Cycles:
        unknown = np.full((len(ends), n_tiers), np.nan)
        if not ends:
            return Cycles(unknown, unknown, np.zeros(n_tiers))
        starts = [0, *ends[:-1]]
        lines = (Line.SERVICE, Line.REVENUE, *FOLLOW_REVENUE)
        by_line = np.add.reduceat(books[..., lines].sum(axis=2), starts)
        served = np.add.reduceat(stock.sum(axis=2), starts)
        spent, paid = (np.divide(by_line[..., k], served, out=unknown.copy(), where=served > 0.0) for k in range(2))
        sold, followed = by_line[..., 1].sum(axis=0), by_line[..., 2:].sum(axis=(0, 2))
        left = np.divide(sold - followed, sold, out=np.zeros(n_tiers), where=sold > 0.0)
        return Cycles(spent, paid, left)

    return Later(add_up)


def value_elasticity(spent: FloatArray, paid: FloatArray) -> Elasticity:
    """Return the slope of changes in revenue on changes in spend, from cycle to cycle, by least squares.

    Changes, not levels: a trend that both follow, or what sets the tier apart for good, is no return on spend. What
    else moved revenue in the same cycle still is in the slope, as in any firm's books [1]_.

    The less spend varies beside what moves revenue anyway, the wider the interval. Where half of it is more than the
    average return, all revenue by all spend, it holds no effect at all as well as revenue wholly due to what is spent:
    the books tell nothing, and the slope, however large, is not given. How large it is does not count.

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
    is_whole = np.isfinite(spent) & np.isfinite(paid)
    if half * spent[is_whole].sum() > paid[is_whole].sum():
        return Elasticity(unknown, unknown, unknown, x.size, "spend has varied too little")
    return Elasticity(slope, slope - half, slope + half, x.size, "told")


def gain(told: Elasticity, left: float, spent: float) -> float:
    """Return what a tenth more spent on a customer would bring beyond its cost, in money per period.

    Of each unit spent the firm gets ``slope * left`` back after the costs that follow revenue, so that it pays where
    the slope is above ``1 / left`` [1]_. If that is not sure, the whole 95% interval being above, the gain is 0.

    Parameters
    ----------
    told : Elasticity
        The value elasticity of the customer's tier.
    left : float
        Share of revenue that costs which follow it leave.
    spent : float
        Spent on serving a customer of the tier now, per period; NaN if there was nobody.

    References
    ----------
    .. [1] Dorfman & Steiner (1954), "Optimal advertising and optimal quality", American Economic Review 44(5).

    Examples
    --------
    Four units in for one out, of which goods take half, are one unit of gain; of a spend of 3 a tenth is 0.3:

    >>> round(gain(Elasticity(4.0, 3.0, 5.0, 9, "told"), left=0.5, spent=3.0), 9)
    0.3
    >>> gain(Elasticity(4.0, 1.9, 6.1, 9, "told"), left=0.5, spent=3.0)
    0.0
    """
    is_sure = told.low * left > 1.0 and np.isfinite(spent)
    return STEP * spent * (told.slope * left - 1.0) if is_sure else 0.0
