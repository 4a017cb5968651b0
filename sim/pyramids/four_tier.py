"""The four-tier pyramid: platinum, gold, iron, lead."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from sim.pyramids.base import FloatArray, RankedPyramid, check_shares, cuts_by_share
from sim.settings import Frac

TIERS = ("platinum", "gold", "iron", "lead")


class FourTier(RankedPyramid):
    """Platinum, gold, iron and lead, cut by their shares of the firm's customers.

    Source: Zeithaml, Rust & Lemon (2001), "The customer pyramid: creating and serving profitable customers",
    California Management Review 43(4). The default shares are assumed.
    """

    scheme: Literal["four_tier"] = "four_tier"
    shares: dict[str, Frac] = Field(
        default={"platinum": 0.05, "gold": 0.15, "iron": 0.50, "lead": 0.30},
        description="share of the firm's customers in each tier; sums to 1",
    )

    @field_validator("shares")
    @classmethod
    def _shares_are_complete(cls, shares: dict[str, float]) -> dict[str, float]:
        check_shares(shares, TIERS)
        return shares

    @property
    def tiers(self) -> tuple[str, ...]:
        """Platinum, gold, iron, lead."""
        return TIERS

    def cuts(self, scores: FloatArray) -> FloatArray:
        """Return the least scores of platinum, gold and iron."""
        return cuts_by_share(scores, np.array([self.shares[tier] for tier in TIERS]))
