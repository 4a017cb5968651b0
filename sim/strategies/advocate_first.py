"""Those who bring others come first."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from sim.policy import Policy
from sim.strategies.base import Level, MarketView, Strategy


class AdvocateFirst(Strategy):
    """Tier the service, with customers ranked by total contribution, so that small buyers who advocate rise.

    It refuses a pyramid that ranks by anything else. Source: Kumar, Petersen & Leone (2007), "How valuable is word of
    mouth?", Harvard Business Review 85(10).
    """

    ranks_by: ClassVar[str] = "total_contribution"
    name: Literal["advocate_first"] = "advocate_first"
    service: dict[str, Level] = Field(description="service level by tier; tiers not named keep the base level")

    def decide(self, view: MarketView) -> Policy:
        """Post the base policy with each tier's service."""
        return view.base.with_tiers(service=self.service)
