"""All for the top tier."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from sim.policy import Policy
from sim.strategies.base import Discount, Level, MarketView, Money, Strategy


class RewardTheBest(Strategy):
    """Lavish service and rewards on the top tier; give the others the base policy.

    Source: O'Brien & Jones (1995), "Do rewards really create loyalty?", Harvard Business Review 73(3): offer the best
    value to the best customers.
    """

    name: Literal["reward_the_best"] = "reward_the_best"
    service: Level = Field(default=0.9, description="service level of the top tier")
    discount: Discount = Field(default=0.0, description="share off the price for the top tier")
    gift: Money = Field(default=1.0, description="cost of the gift at each purchase of the top tier, in money")

    def decide(self, view: MarketView) -> Policy:
        """Post the base policy with a better top tier."""
        is_top = np.arange(len(view.base.tiers)) == 0
        return view.base.replace(
            service=np.where(is_top, self.service, view.base.service),
            discount=np.where(is_top, self.discount, view.base.discount),
            gift=np.where(is_top, self.gift, view.base.gift),
        )
