"""Pyramids of levels from the literature, as data: their levels, top first, and our conditions for each.

The names and their order are the sources'. The sources say in words what a level is, never how to tell it by a record
or an answer: the conditions are assumed, so that each level has some customers in the shipped markets. What lies below
the lowest level (someone who does not know the firm's name, a prospect) is no customer, and has no tier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Shape:
    """A pyramid of levels.

    Parameters
    ----------
    told : str
        What it is, in a line, with its source.
    levels : tuple of dict
        Settings of each ``LadderLevel``, from the highest down.
    is_stacked : bool
        Whether each level needs those below it too.
    """

    told: str
    levels: tuple[dict[str, Any], ...]
    is_stacked: bool = True


def _level(name: str, among_best: dict[str, float] | None = None, **needs: float) -> dict[str, Any]:
    return {"name": name, "needs": needs, "among_best": among_best or {}}


SHAPES: dict[str, Shape] = {
    "relationship": Shape(
        "The relationship pyramid: knows, likes, friendly, respects, values the relationship",
        (
            _level("values the relationship", closeness=0.25, share=0.3),
            _level("respects", trust=0.5),
            _level("friendly", closeness=0.15),
            _level("likes", attitude=0.35),
            _level("knows"),
        ),
    ),
    "life_cycle": Shape(
        "The life cycle of a customer: entry, intermediate, advanced, loyal (Dwyer, Schurr & Oh 1987)",
        (
            _level("loyal", tenure=3.0, attitude=0.4),
            _level("advanced", tenure=1.0, repeats=3.0),
            _level("intermediate", repeats=1.0),
            _level("entry"),
        ),
    ),
    "funnel": Shape(
        "The funnel of building loyalty: create, get close, serve, move, lasting",
        (
            _level("lasting", tenure=2.0, share=0.4),
            _level("move", closeness=0.2),
            _level("serve", satisfaction=0.45),
            _level("get close", repeats=1.0),
            _level("create"),
        ),
    ),
    "resonance": Shape(
        "Brand resonance: function, inner benefit, feeling, personality, shared values (Keller 2001)",
        (
            _level("shared values", attitude=0.45),
            _level("personality", fit=0.5),
            _level("feeling", closeness=0.15),
            _level("inner benefit", satisfaction=0.45),
            _level("function"),
        ),
    ),
    "aarrr": Shape(
        "The funnel of growth: acquisition, activation, retention, referral, revenue (McClure 2007)",
        (
            _level("revenue", {"profit": 0.5}),
            _level("referral", referral=0.02),
            _level("retention", tenure=1.0, recency=0.5),
            _level("activation", repeats=1.0),
            _level("acquisition"),
        ),
    ),
    "value_matrix": Shape(
        "Current against potential value: retain, develop, maintain, cultivate",
        (
            _level("retain", {"profit": 0.5, "potential": 0.5}),
            _level("develop", {"potential": 0.5}),
            _level("maintain", {"profit": 0.5}),
            _level("cultivate"),
        ),
        is_stacked=False,
    ),
    "layers": Shape(
        "Layers around the firm: loyal, wandering, latent",
        (
            _level("loyal", share=0.5, attitude=0.4),
            _level("wandering", repeats=1.0),
            _level("latent"),
        ),
    ),
    "patronage": Shape(
        "Segments by attitude and behaviour: true, latent, spurious or no loyalty (Dick & Basu 1994)",
        (
            _level("true", {"attitude": 0.5}, share=0.5),
            _level("latent", {"attitude": 0.5}),
            _level("spurious", share=0.5),
            _level("none"),
        ),
        is_stacked=False,
    ),
}  # fmt: skip
