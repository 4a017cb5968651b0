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
        market = self.market
        for firm in market.firms.values():
            if firm.spec.familiarity_saving > 0.0:
                totals = np.zeros((market.n_blocks, market.n_tiers, 7), dtype=np.int64)
                count(market.town, firm.index, market.period, firm.spec.familiarity_periods, totals)
                firm.familiar[...] = totals.sum(axis=0)[: len(firm.pyramid.tiers)]


@parallel_kernel
def count(share, town, f, period, longest, totals):  # type: ignore[no-untyped-def]
    """Add each customer's periods of membership, up to ``longest``, to ``totals``, shape (n_blocks, n_tiers, 7)."""
    n_blocks, n = totals.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            count_one(town.relations[i, f], town.people[i], period, longest, totals[b])


@inline
def count_one(relation, person, period, longest, totals):  # type: ignore[no-untyped-def]
    """Add one customer's."""
    if relation.is_active:
        totals[relation.tier, person.type] += min(period - np.int64(relation.since), longest)
