"""One budget of service and gifts, whoever stands on which level."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sim.policy import Policy
from sim.strategies.base import Level, MarketView, Money, Strategy

FloatArray = npt.NDArray[np.float64]


class LevelBudget(Strategy):
    """Serve and reward the tiers by their height, for what treating all alike at ``service`` and ``gift`` would cost.

    It names no tier, so it goes with any pyramid, and pyramids can be compared for the same money. Service and gifts
    fall in even steps from the top tier to the lowest. Service costs its square, per customer now in the tier; gifts
    come with purchases, so they are weighed by what the tiers paid since the last review. Source: our own baseline.
    """

    name: Literal["level_budget"] = "level_budget"
    service: Level = Field(default=0.5, description="service level that would cost as much, if all had it")
    gift: Money = Field(default=0.0, description="gift at each purchase that would cost as much for all, in money")
    top: Annotated[float, Field(ge=1, le=100)] = Field(
        default=3.0, description="service and gift of the highest tier, in those of the lowest"
    )

    def decide(self, view: MarketView) -> Policy:
        """Post levels in even steps, on the scale that spends the budget."""
        weights = np.linspace(self.top, 1.0, len(view.base.tiers))
        customers, paid = view.customers.astype(np.float64), np.maximum(0.0, view.revenue)
        buyers = paid if paid.sum() > 0.0 else customers
        spread = float((buyers * weights).sum())
        gift = self.gift * buyers.sum() / spread * weights if spread > 0.0 else self.gift * np.ones_like(weights)
        return view.base.replace(service=self._served(weights, customers), gift=gift)

    def _served(self, weights: FloatArray, customers: FloatArray) -> FloatArray:
        """Return the service of each tier: in proportion to its weight, at most 1; what that frees goes to others."""
        budget, is_full = customers.sum() * self.service**2, np.zeros(weights.size, dtype=np.bool_)
        if budget == 0.0:
            return np.full(weights.size, self.service)
        service: FloatArray = np.ones(weights.size)
        while not is_full.all():
            spread = float((customers * weights**2)[~is_full].sum())
            left = max(0.0, budget - float(customers[is_full].sum()))
            if spread == 0.0:
                return service  # nobody is left in the tiers that could be given more
            service[~is_full] = np.sqrt(left / spread) * weights[~is_full]
            if not (service > 1.0).any():
                return service
            is_full |= service > 1.0
            service[is_full] = 1.0
        return service
