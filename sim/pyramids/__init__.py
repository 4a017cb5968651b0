"""Customer pyramids: how a firm ranks its customers and cuts the ranking into tiers."""

from typing import Annotated

from pydantic import Field

from sim.pyramids.base import RANKING_KEYS, Pyramid
from sim.pyramids.four_tier import FourTier
from sim.pyramids.n_tier import NTier
from sim.pyramids.two_tier import TwoTier

AnyPyramid = Annotated[TwoTier | FourTier | NTier, Field(discriminator="scheme")]
PYRAMIDS: dict[str, type[Pyramid]] = {"two_tier": TwoTier, "four_tier": FourTier, "n_tier": NTier}

__all__ = ["PYRAMIDS", "RANKING_KEYS", "AnyPyramid", "FourTier", "NTier", "Pyramid", "TwoTier"]
