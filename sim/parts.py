"""Sets of purchases: a product of several parts, used together, and as good as its weakest link makes it.

The equations are in ``docs/beyond-purchases.md``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from pydantic import Field

from sim.settings import Frac, NonNegative, Positive, Settings


class PartSpec(Settings):
    """A part of what is bought."""

    name: Annotated[str, Field(min_length=1, max_length=60, description="name of the part")]
    weight: Positive = Field(default=1.0, description="how much the part counts in the whole, relative to the others")
    quality: Frac = Field(default=0.6, description="quality of the part")
    inconsistency: NonNegative = Field(default=0.10, description="standard deviation of the part's experienced quality")
    failure_rate: Frac = Field(default=0.01, description="chance that the part fails the customer at a purchase")


class Whole(NamedTuple):
    """What the parts come to."""

    quality: float
    inconsistency: float
    failure_rate: float


def whole_of(parts: Sequence[PartSpec], weakest_link: float) -> Whole:
    """Return what parts come to, used together.

    Parameters
    ----------
    parts : sequence of PartSpec
        One or more.
    weakest_link : float
        How far the whole is judged by its worst part, 0 to 1; the rest by the weighted mean.

    Returns
    -------
    Whole
        It fails if any part does, each by itself. The worst part is the one of least quality, the first at a tie.
    """
    total = math.fsum(part.weight for part in parts)
    mean = math.fsum(part.weight * part.quality for part in parts) / total
    spread = math.sqrt(math.fsum((part.weight * part.inconsistency) ** 2 for part in parts)) / total
    worst = min(parts, key=lambda part: part.quality)
    return Whole(
        quality=(1.0 - weakest_link) * mean + weakest_link * worst.quality,
        inconsistency=(1.0 - weakest_link) * spread + weakest_link * worst.inconsistency,
        failure_rate=1.0 - math.prod(1.0 - part.failure_rate for part in parts),
    )
