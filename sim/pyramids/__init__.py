"""Customer pyramids: how a firm tells its customers apart, and in which tier each of them is."""

from typing import Annotated

from pydantic import Field

from sim.pyramids.base import RANKING_KEYS, Pyramid, RankedPyramid
from sim.pyramids.four_tier import FourTier
from sim.pyramids.ladder import Ladder, LadderLevel, NamedLadder, SteppedPyramid
from sim.pyramids.n_tier import NTier
from sim.pyramids.shapes import SHAPES
from sim.pyramids.two_tier import TwoTier

AnyPyramid = Annotated[TwoTier | FourTier | NTier | Ladder | NamedLadder, Field(discriminator="scheme")]
PYRAMIDS: dict[str, type[Pyramid]] = {
    "two_tier": TwoTier,
    "four_tier": FourTier,
    "n_tier": NTier,
    "ladder": Ladder,
    **dict.fromkeys(SHAPES, NamedLadder),
}

__all__ = [
    "PYRAMIDS", "RANKING_KEYS", "SHAPES", "AnyPyramid", "FourTier", "Ladder", "LadderLevel", "NTier", "NamedLadder",
    "Pyramid", "RankedPyramid", "SteppedPyramid", "TwoTier",
]  # fmt: skip
