"""The 80/20 pyramid: a few core customers above the many."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from sim.pyramids.base import FloatArray, RankedPyramid, cuts_by_share


class TwoTier(RankedPyramid):
    """Gold for the best share of customers, iron for the rest.

    Source: the 80/20 rule of segmenting customers by value; Curry & Curry (2000), *The Customer Marketing Method*.
    """

    scheme: Literal["two_tier"] = "two_tier"
    gold_share: Annotated[float, Field(gt=0, lt=1)] = Field(default=0.2, description="share of customers in gold")

    @property
    def tiers(self) -> tuple[str, ...]:
        """Gold, then iron."""
        return ("gold", "iron")

    def cuts(self, scores: FloatArray) -> FloatArray:
        """Return the least score of gold."""
        return cuts_by_share(scores, np.array([self.gold_share, 1.0 - self.gold_share]))
