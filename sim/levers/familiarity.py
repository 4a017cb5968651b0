"""Familiarity: whoever has long been a customer may cost less to serve (contested: Reinartz & Kumar 2000).

What is saved on each customer enters their record at the review (``sim.review.margin_after``); here it is counted
over all customers each period, for the books.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.compiled import inline, parallel_kernel
from sim.levers.base import Lever

if TYPE_CHECKING:
    from sim.scenario import Scenario


class Familiarity(Lever):
    """Count how long the customers of firms that save on the familiar have been so."""

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether any firm saves on familiar customers."""
        return any(firm.familiarity_saving > 0.0 for firm in scenario.firms)

    def after_life(self) -> None:
        """Sum familiarity over those who are customers at the end of the period, by tier and type."""
        market, firms = self.market, list(self.market.firms.values())
        longest = [firm.spec.familiarity_periods if firm.spec.familiarity_saving > 0.0 else 0 for firm in firms]
        totals = np.zeros((market.n_blocks, market.n_firms, market.n_tiers, 7), dtype=np.int64)
        count(market.town, market.period, np.array(longest), totals)
        for firm, total in zip(firms, totals.sum(axis=0), strict=True):
            firm.familiar[...] = total[: len(firm.pyramid.tiers)]


@parallel_kernel
def count(share, town, period, longest, totals):  # type: ignore[no-untyped-def]
    """Add each customer's periods of membership to the totals of firms that save on the familiar.

    Parameters
    ----------
    town : Town
        The people and their relations; read only.
    period : int
        Now.
    longest : array of int, shape (n_firms,)
        Periods that count at most, by firm; 0 for a firm that saves nothing.
    totals : array of int64, shape (n_blocks, n_firms, n_tiers, 7)
        Added to.
    """
    n_blocks, n = totals.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            for f in range(longest.size):
                if longest[f] > 0:
                    count_one(town.relations[i, f], town.people[i], period, longest[f], totals[b, f])


@inline
def count_one(relation, person, period, longest, totals):  # type: ignore[no-untyped-def]
    """Add one customer's."""
    if relation.is_active:
        totals[relation.tier, person.type] += min(period - np.int64(relation.since), longest)
