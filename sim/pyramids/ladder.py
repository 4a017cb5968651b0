"""Pyramids of steps: a customer is on the highest level whose conditions the customer meets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from sim.pyramids.base import FloatArray, Name, Pyramid, cuts_by_share
from sim.pyramids.observed import MEASURED, OBSERVED, SCALES, Measured, Observed
from sim.pyramids.shapes import SHAPES
from sim.settings import Frac, Settings

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class LadderLevel(Settings):
    """A level and what it takes to be there: all of its conditions, on what the firm sees of a customer."""

    name: Name = Field(description="name of the level: the tier's")
    needs: dict[Measured, Annotated[float, Field(ge=0, le=1e6)]] = Field(
        default={}, description=f"least value of any of {', '.join(MEASURED)}"
    )
    among_best: dict[Observed, Frac] = Field(
        default={}, description=f"share of the firm's customers to be among, by any of {', '.join(OBSERVED)}"
    )


class SteppedPyramid(Pyramid):
    """A pyramid whose tiers are levels with conditions.

    To rise, a customer must pass every condition by the margin ``hysteresis``; to stay, to meet it is enough. Sliding
    has no limit, rising has: ``climb``.
    """

    hysteresis: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.1,
        description="how far past its conditions, relatively, a customer must be to rise to a level; to stay, "
        "the conditions themselves are enough",
    )
    climb: Annotated[int, Field(ge=1, le=12)] | None = Field(
        default=None,
        description="levels that a customer may rise at one review, while one may slide any number; by default 1 "
        "where each level needs those below it, else any number",
    )

    @property
    def steps(self) -> tuple[LadderLevel, ...]:
        """The levels, from the highest down."""
        raise NotImplementedError

    @property
    def is_stacked(self) -> bool:
        """Whether each level needs those below it too."""
        raise NotImplementedError

    @property
    def most_steps_up(self) -> int:
        """Levels that a customer may rise at one review."""
        return self.climb if self.climb is not None else 1 if self.is_stacked else len(self.steps)

    @property
    def tiers(self) -> tuple[str, ...]:
        """Names of the levels, from the highest down."""
        return tuple(step.name for step in self.steps)

    @property
    def entry_tier(self) -> int:
        """Index of the lowest level, where every new customer starts."""
        return len(self.steps) - 1

    @property
    def wanted(self) -> tuple[str, ...]:
        """What the conditions are about, in the order of ``OBSERVED``."""
        asked = {name for step in self.steps for name in (*step.needs, *step.among_best)}
        return tuple(name for name in OBSERVED if name in asked)

    def limits(self, step: LadderLevel, seen: Mapping[str, FloatArray]) -> list[tuple[str, float]]:
        """Return the conditions of a level: what is looked at, and the least value of it."""
        shares = {name: np.array([share, 1.0 - share]) for name, share in step.among_best.items()}
        best = [(name, float(cuts_by_share(seen[name], parts)[0])) for name, parts in shares.items()]
        return [*step.needs.items(), *best]

    def levels_of(self, seen: Mapping[str, FloatArray], held: IntArray) -> IntArray:
        """Return the level of each customer.

        Parameters
        ----------
        seen : mapping of str to array, shape (n_customers_of_the_firm,)
            What the firm sees of them: all of ``wanted``.
        held : array of int, shape (n_customers_of_the_firm,)
            Index of the level that each has held so far.
        """
        bottom = len(self.steps) - 1
        new: IntArray = np.full(held.size, bottom, dtype=np.int64)
        may_stay: BoolArray = np.ones(held.size, dtype=np.bool_)
        may_rise: BoolArray = np.ones(held.size, dtype=np.bool_)
        for k in reversed(range(bottom)):
            if not self.is_stacked:
                may_stay, may_rise = np.ones_like(may_stay), np.ones_like(may_rise)
            for name, least in self.limits(self.steps[k], seen):
                may_stay = may_stay & (seen[name] >= least)
                may_rise = may_rise & (seen[name] >= least + self.hysteresis * abs(least))
            new[np.where(k < held, may_rise & (k >= held - self.most_steps_up), may_stay)] = k
        return new


class Ladder(SteppedPyramid):
    """Any number of named levels, top first, each with its conditions on what the firm sees."""

    scheme: Literal["ladder"] = "ladder"
    levels: Annotated[tuple[LadderLevel, ...], Field(min_length=1, max_length=12)] = Field(
        description="the levels, from the highest down; the lowest has no conditions, for every customer is somewhere"
    )
    each_needs_those_below: bool = Field(
        default=True, description="whether a level also needs the conditions of all levels below it"
    )

    @model_validator(mode="after")
    def _can_be_climbed(self) -> Ladder:
        names = self.tiers
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'levels: two are called "{name}"; allowed: each name once')
        *upper, lowest = self.levels
        if lowest.needs or lowest.among_best:
            raise ValueError(f'levels: the lowest, "{lowest.name}", has conditions; allowed: none, as some meet none')
        for level in upper:
            if not level.needs and not level.among_best:
                raise ValueError(f'levels: "{level.name}" has no conditions; allowed: at least one above the lowest')
            for name, least in level.needs.items():
                to_rise = least + self.hysteresis * least
                if to_rise > SCALES[name]:
                    raise ValueError(
                        f'levels: "{level.name}" needs {name} = {least:g}, and {to_rise:g} to rise to it with '
                        f"hysteresis = {self.hysteresis:g}; allowed: up to {SCALES[name]:g}"
                    )
        return self

    @property
    def steps(self) -> tuple[LadderLevel, ...]:
        """The levels given."""
        return self.levels

    @property
    def is_stacked(self) -> bool:
        """Whether each level needs those below it too."""
        return self.each_needs_those_below


class NamedLadder(SteppedPyramid):
    """A pyramid of levels from the literature, with conditions of our own: see ``sim/pyramids/shapes.py``."""

    scheme: Literal["relationship", "life_cycle", "funnel", "resonance", "aarrr", "value_matrix", "layers", "patronage"]

    @property
    def steps(self) -> tuple[LadderLevel, ...]:
        """The levels of the shape."""
        return tuple(LadderLevel.model_validate(level) for level in SHAPES[self.scheme].levels)

    @property
    def is_stacked(self) -> bool:
        """Whether each level needs those below it too."""
        return SHAPES[self.scheme].is_stacked
