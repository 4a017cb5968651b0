"""New customers first."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.policy import Policy
from sim.strategies.base import Level, MarketView, Money, Strategy


class ChaseAcquisition(Strategy):
    """Spend on advertising and welcome offers, and save on service to those already won.

    The leaky bucket filled from above: the policy that Reichheld (1996), *The Loyalty Effect*, argues against.
    """

    name: Literal["chase_acquisition"] = "chase_acquisition"
    advertising: Money = Field(default=0.15, description="advertising, in money per person in the market and period")
    welcome: Money = Field(default=5.0, description="money given at a first purchase")
    service: Level = Field(default=0.2, description="service level for all tiers")

    def decide(self, view: MarketView) -> Policy:
        """Post the base policy with acquisition raised and service lowered."""
        return view.base.replace(advertising=self.advertising, welcome=self.welcome, service=self.service)
