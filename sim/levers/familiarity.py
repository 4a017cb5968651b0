"""Familiarity: whoever has long been a customer may cost less to serve (contested: Reinartz & Kumar 2000).

What is saved on each customer enters their record at the review (``sim.review.margin_after``); here it is added up
each period, for the books.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.invariants import InvariantError
from sim.levers.base import Lever

if TYPE_CHECKING:
    from sim.market import Market
    from sim.scenario import Scenario


class Familiarity(Lever):
    """Count how long the customers of firms that save on the familiar have been so."""

    asks_how_long = True

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        firms = market.scenario.firms
        self.longest = np.array([firm.familiarity_periods if firm.familiarity_saving > 0.0 else 0 for firm in firms])

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether any firm saves on familiar customers."""
        return any(firm.familiarity_saving > 0.0 for firm in scenario.firms)

    def after_life(self) -> None:
        """Sum familiarity over those who are customers at the end of the period, by tier and type."""
        market = self.market
        ages = np.minimum(np.arange(market.period, -1, -1), self.longest[:, np.newaxis])
        familiar = np.einsum("fpk,fp->fk", market.by_tenure(), ages)
        market.serving.familiar[...] = familiar.reshape(market.serving.familiar.shape)

    def recount(self) -> None:
        """Compare customers by tier and type, whenever they became so, with the books.

        Raises
        ------
        InvariantError
            If they are not the same.
        """
        stock, counted = self.market.stock, self.market.by_tenure().sum(axis=1)
        if not np.array_equal(counted.reshape(stock.shape), stock):
            raise InvariantError(f"customers by when they became so are not those of period {self.market.period}")
