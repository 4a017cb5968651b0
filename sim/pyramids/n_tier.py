"""A pyramid of a user's own tiers, cut by shares of customers or by fixed thresholds."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from sim.pyramids.base import FloatArray, Name, RankedPyramid, cuts_by_share
from sim.settings import Frac


class NTier(RankedPyramid):
    """Any number of named tiers, top first, cut by ``shares`` or by ``thresholds`` (one of the two)."""

    scheme: Literal["n_tier"] = "n_tier"
    names: Annotated[tuple[Name, ...], Field(min_length=1, max_length=12)] = Field(
        description="names of the tiers, from the most to the least valuable"
    )
    shares: tuple[Frac, ...] | None = Field(default=None, description="share of customers in each tier; sums to 1")
    thresholds: tuple[float, ...] | None = Field(
        default=None, description="least score of each tier but the lowest, falling, in the units of rank_by"
    )

    @model_validator(mode="after")
    def _one_way_to_cut(self) -> NTier:
        n = len(self.names)
        if len(set(self.names)) != n:
            raise ValueError("names repeat a tier; allowed: each tier once")
        if (self.shares is None) == (self.thresholds is None):
            raise ValueError("give either shares or thresholds, one of the two")
        if self.shares is not None and (len(self.shares) != n or abs(sum(self.shares) - 1.0) > 1e-9):
            raise ValueError(f"shares = {list(self.shares)}; allowed: {n} shares that sum to 1")
        if self.thresholds is not None and (
            len(self.thresholds) != n - 1
            or any(np.diff(self.thresholds) >= 0)
            or not np.isfinite(self.thresholds).all()
        ):
            raise ValueError(f"thresholds = {list(self.thresholds)}; allowed: {n - 1} falling numbers")
        return self

    @property
    def tiers(self) -> tuple[str, ...]:
        """The names given."""
        return self.names

    def cuts(self, scores: FloatArray) -> FloatArray:
        """Return the least score of each tier but the lowest."""
        if self.shares is not None:
            return cuts_by_share(scores, np.array(self.shares))
        return np.array(self.thresholds, dtype=np.float64)
