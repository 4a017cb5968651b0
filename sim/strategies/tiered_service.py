"""Better service for better customers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.policy import Policy
from sim.strategies.base import Level, MarketView, Strategy


class TieredService(Strategy):
    """Serve each tier at its own level; price and incentives are the same for all.

    Source: Zeithaml, Rust & Lemon (2001), "The customer pyramid", California Management Review 43(4).
    """

    name: Literal["tiered_service"] = "tiered_service"
    service: dict[str, Level] = Field(description="service level by tier; tiers not named keep the base level")

    def decide(self, view: MarketView) -> Policy:
        """Post the base policy with each tier's service."""
        return view.base.with_tiers(service=self.service)
