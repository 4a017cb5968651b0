"""Better rewards for better customers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.policy import Policy
from sim.strategies.base import Discount, MarketView, Money, Multiple, Strategy


class TieredIncentives(Strategy):
    """Give each tier its own discount, points and gifts; service is the same for all.

    Source: frequency reward programmes with status levels; Kumar & Shah (2004), "Building and sustaining profitable
    customer loyalty for the 21st century", Journal of Retailing 80(4).
    """

    name: Literal["tiered_incentives"] = "tiered_incentives"
    discount: dict[str, Discount] = Field(default={}, description="share off the price by tier")
    points: dict[str, Multiple] = Field(default={}, description="points by tier, relative to the programme's base rate")
    gift: dict[str, Money] = Field(default={}, description="cost of the gift at each purchase by tier, in money")

    def decide(self, view: MarketView) -> Policy:
        """Post the base policy with each tier's incentives."""
        return view.base.with_tiers(discount=self.discount, points=self.points, gift=self.gift)
