"""Parts of a study file: what varies, and the design of a sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from experiments.study.design import FILLING, DesignKind

VARIED = "a list of two values or more, as in [0.9, 1.0], or a range, as in { low = 0.8, high = 1.2 }"


class Part(BaseModel):
    """A part of a study file, in which no unknown key may stand."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Range(Part):
    """A setting that may lie anywhere between two numbers; two whole ends of a whole setting make a whole number."""

    low: int | float = Field(description="a number")
    high: int | float = Field(description="a number above low")


def varied(given: Any) -> Any:
    """Return the range or the values that a setting may take; ValueError if they are none."""
    if isinstance(given, Mapping):
        ends = dict(given)
        if set(ends) != {"low", "high"}:
            raise ValueError(f"no range; allowed: {VARIED}")
        if not all(_is_number(end) for end in ends.values()):
            raise ValueError("the ends of a range must be numbers; allowed: as in { low = 0.8, high = 1.2 }")
        if not ends["low"] < ends["high"]:
            raise ValueError("low is not below high; allowed: as in { low = 0.8, high = 1.2 }")
        return Range(**ends)
    if not isinstance(given, list | tuple) or len(given) < 2:
        raise ValueError(f"nothing to vary; allowed: {VARIED}")
    kinds = [(isinstance(value, bool), value) for value in given]
    for place, kind in enumerate(kinds):
        if kind in kinds[:place]:
            raise ValueError(f"{kind[1]!r} is there twice; allowed: each value once")
    return tuple(given)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


Whole = Annotated[int, Field(strict=True)]  # no text, and neither true nor false


class DesignSpec(Part):
    """How a sweep goes through the settings that vary."""

    kind: DesignKind = Field(
        default="grid",
        description="grid (every combination), latin_hypercube, sobol, one_at_a_time, csv (a file), or arms",
    )
    points: Annotated[Whole, Field(ge=2, le=1_000_000)] | None = Field(
        default=None, description="points of a latin_hypercube or sobol design, 2 to a million"
    )
    file: str | None = Field(default=None, description="a CSV file: a column per dotted path, a row per point (csv)")

    @model_validator(mode="after")
    def _fits(self) -> DesignSpec:
        if (self.points is not None) != (self.kind in FILLING):
            raise ValueError("points belong to the designs latin_hypercube and sobol, which need them")
        if (self.file is not None) != (self.kind == "csv"):
            raise ValueError("a file belongs to the design csv, which needs one")
        return self
