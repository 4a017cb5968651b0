"""Small changes of a policy: one lever of one tier, or the price, a step up or down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sim.policy import Policy

MOST: dict[str, float] = {"service": 1.0, "discount": 0.5, "gift": 1e3, "points": 1e3}
LEAST_CHANGE = 1e-9


class Move(NamedTuple):
    """A change of one lever in one tier, or of the price: of no tier, the step relative to the price."""

    lever: str
    tier: int
    step: float


def moves_from(policy: Policy, steps: Mapping[str, float]) -> list[Move]:
    """Return all changes by the given steps that change a policy; a lever's step of 0 leaves it alone."""
    return [
        move
        for lever, size in steps.items()
        for tier in ([0] if lever == "price" else range(len(policy.tiers)))
        for move in (Move(lever, tier, size), Move(lever, tier, -size))
        if abs(_level_after(policy, move) - _level(policy, move)) > LEAST_CHANGE
    ]


def moved(policy: Policy, move: Move) -> Policy:
    """Return a policy after a change, within its bounds."""
    level = _level_after(policy, move)
    if move.lever == "price":
        return policy.replace(price=level)
    return policy.with_tiers(**{move.lever: {policy.tiers[move.tier]: level}})


def _level(policy: Policy, move: Move) -> float:
    return policy.price if move.lever == "price" else float(getattr(policy, move.lever)[move.tier])


def _level_after(policy: Policy, move: Move) -> float:
    if move.lever == "price":
        return policy.price * (1.0 + move.step)
    return min(MOST[move.lever], max(0.0, _level(policy, move) + move.step))
