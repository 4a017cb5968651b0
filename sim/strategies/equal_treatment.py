"""Everyone alike."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.policy import Policy
from sim.strategies.base import Level, MarketView, Strategy


class EqualTreatment(Strategy):
    """Give every customer the same service and no one an incentive that others do not get.

    The null against which any tiering has to earn its keep.
    """

    name: Literal["equal_treatment"] = "equal_treatment"
    service: Level | None = Field(default=None, description="service level for all; by default the firm's base level")

    def decide(self, view: MarketView) -> Policy:
        """Post the base policy for all tiers."""
        return view.base if self.service is None else view.base.replace(service=self.service)
