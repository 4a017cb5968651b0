"""Customers who pay later: what it will cost to wait for their money, and what of it will never come."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import FirmCost, Line
from sim.levers.credit import Credit

if TYPE_CHECKING:
    from sim.crm.records import Records
    from sim.firms import Firm
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]


class Deferred(NamedTuple):
    """What a firm that gives credit has on its books; arrays have shape (n_customers_of_the_firm,)."""

    owed: FloatArray  # now, in money
    paid: FloatArray  # of what fell due since the person moved in
    lost: FloatArray  # written off of it
    pays_later: npt.NDArray[np.bool_]  # holds a tier that has terms
    loss_share: float  # written off of what fell due, over all who ever were customers
    carrying_cost: float  # interest paid so far, per unit sold on credit
    usual: float  # money that a customer with terms buys for in a window


def deferred_of(market: Market, firm: Firm, records: Records) -> Deferred | None:
    """Read a firm's accounts and books of deferred payment, as copies; None if it gives no credit."""
    lever = next((lever for lever in market.levers if isinstance(lever, Credit)), None)
    if firm.spec.credit is None or lever is None:
        return None
    f, history = firm.index, market.history
    owed, _, paid, lost = (state[records.row, f].astype(np.float64) for state in lever.accounts)
    has_terms = lever.terms.group[f, : len(firm.pyramid.tiers)]
    books = np.sum([period[f].sum(axis=1) for period in history.books], axis=0)[: has_terms.size]
    stock = np.sum([period[f].sum(axis=1) for period in history.stock], axis=0)[: has_terms.size]
    lent = float(books[:, Line.ON_CREDIT].sum())
    written_off, collected = float(books[:, Line.BAD_DEBT].sum()), float(books[:, Line.COLLECTED].sum())
    interest = float(np.sum([costs[f, FirmCost.INTEREST] for costs in history.firm_costs]))
    return Deferred(
        owed=owed,
        paid=paid,
        lost=lost,
        pays_later=has_terms[records.tier],
        loss_share=_ratio(written_off, written_off + collected),
        carrying_cost=_ratio(interest, lent),
        usual=market.scenario.customers.activity_window * _ratio(lent, float(stock[has_terms].sum())),
    )


def loss_shares(own: Deferred) -> FloatArray:
    """Return the share of each customer's account that is expected never to be paid.

    It is the customer's own share so far, drawn towards all customers' the more, the less has fallen due: what is
    usual in a window counts as much as all customers' [1]_.

    References
    ----------
    .. [1] Buehlmann (1967), "Experience rating and credibility", ASTIN Bulletin 4(3).
    """
    weight = own.paid + own.lost + own.usual
    drawn = own.lost + own.usual * own.loss_share
    shares: FloatArray = np.divide(drawn, weight, out=np.full_like(weight, own.loss_share), where=weight > 0.0)
    return shares


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else 0.0
