"""Pyramids of steps: a customer is on the highest level whose conditions the customer meets."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from sim.pyramids.base import FloatArray, Name, Pyramid, cuts_by_share
from sim.pyramids.observed import FACTS, MEASURED, OBSERVED, SCALES, Measured, Observed
from sim.pyramids.shapes import SHAPES
from sim.settings import Frac, Settings

IntArray = npt.NDArray[np.int64]
LevelArray = npt.NDArray[np.int8]
BoolArray = npt.NDArray[np.bool_]
Places = IntArray | slice
EVERYBODY = slice(None)


class Look(Protocol):
    """How to look at a firm's customers."""

    def __call__(self, name: str, places: Places = EVERYBODY, /) -> FloatArray:
        """Return what is seen of the customers in some places, by its name in ``OBSERVED``."""


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

    def asks_for(self, name: str) -> bool:
        """Say whether a condition of any level is about what a name in ``OBSERVED`` stands for."""
        return any(name in step.needs or name in step.among_best for step in self.steps)

    def limits(self, step: LadderLevel, look: Look) -> list[tuple[str, float]]:
        """Return the conditions of a level: what is looked at, and the least value of it."""
        shares = {name: np.array([share, 1.0 - share]) for name, share in step.among_best.items()}
        best = [(name, float(cuts_by_share(look(name), parts)[0])) for name, parts in shares.items()]
        return [*step.needs.items(), *best]

    def levels_of(self, look: Look, held: LevelArray) -> LevelArray:
        """Return the level of each customer, who is looked at no further than it takes.

        Parameters
        ----------
        look : Look
            What the firm sees of them.
        held : array of int8, shape (n_customers_of_the_firm,)
            Index of the level that each has held so far.
        """
        bottom = len(self.steps) - 1
        levels: LevelArray = np.full(held.size, bottom, dtype=np.int8)
        everybody, all_of_them = np.arange(held.size), np.ones(held.size, dtype=np.bool_)
        places, may_rise = everybody, all_of_them
        for k in reversed(range(bottom)):
            if not self.is_stacked:
                places, may_rise = everybody, all_of_them
            own = held[places]
            who = np.flatnonzero((k >= own) | (may_rise & (k >= own - self.most_steps_up)))
            places, may_rise = places[who], may_rise[who]  # nobody else can come as high
            for condition in self.limits(self.steps[k], look):
                places, may_rise = self._who_meets(*condition, look, places, may_rise)
            levels[places[np.flatnonzero((k >= held[places]) | may_rise)]] = k
        return levels

    def _who_meets(
        self, name: str, least: float, look: Look, places: IntArray, may_rise: BoolArray
    ) -> tuple[IntArray, BoolArray]:
        """Return which of the customers in some places meet a condition, and whether they may rise by all so far."""
        seen = look(name, places)
        who = np.flatnonzero(seen >= least)
        return places[who], may_rise[who] & (seen[who] >= self.least_to_rise(name, least))

    def least_to_rise(self, name: str, least: float) -> float:
        """Return what it takes to rise by a condition: more than to stay, but where a fact is known for certain."""
        return least if name in FACTS else least + self.hysteresis * abs(least)


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
                to_rise = self.least_to_rise(name, least)
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
        return _levels_of_shape(self.scheme)

    @property
    def is_stacked(self) -> bool:
        """Whether each level needs those below it too."""
        return SHAPES[self.scheme].is_stacked


@cache
def _levels_of_shape(scheme: str) -> tuple[LadderLevel, ...]:
    """Return the levels of a shape, checked once."""
    return tuple(LadderLevel.model_validate(level) for level in SHAPES[scheme].levels)
