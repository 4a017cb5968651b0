"""Let the unprofitable go."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from sim.policy import Policy
from sim.strategies.base import Level, MarketView, Strategy


class FireLead(Strategy):
    """Tier the service, and at each review fire those of the lowest tier who cost more than they bring.

    Source: Zeithaml, Rust & Lemon (2001) on the lead tier; contested, see Haenlein & Kaplan (2009), "Unprofitable
    customers and their management", Business Horizons 52(1).
    """

    name: Literal["fire_lead"] = "fire_lead"
    service: dict[str, Level] = Field(default={}, description="service level by tier; tiers not named keep the base")

    def decide(self, view: MarketView) -> Policy:
        """Post the base policy with tiered service and the lowest tier up for dismissal."""
        is_lowest = np.arange(len(view.base.tiers)) == len(view.base.tiers) - 1
        return view.base.with_tiers(service=self.service).replace(fire=is_lowest)
