"""What one person has with one firm."""

from __future__ import annotations

from dataclasses import dataclass

from sim.accounts import Cause
from tests.reference.arithmetic import NEVER, NOBODY


@dataclass(slots=True)
class Relation:
    """A person's leaning, knowledge, feelings and standing with one firm; floats are in single precision."""

    taste: float = 0.0
    distance: float = 0.0
    expectation: float = 0.0
    satisfaction: float = 0.0
    attachment: float = 0.0
    trust_quality: float = 0.5
    trust_character: float = 0.5
    trust_ability: float = 0.5
    habit: float = 0.0
    opinion: float = 0.0
    strikes: float = 0.0
    points: float = 0.0
    # the firm's record of the customer, faded at each review
    volume: float = 0.0
    revenue: float = 0.0
    margin: float = 0.0
    credit: float = 0.0
    told_by: int = NOBODY  # the row of who last praised the firm
    told_at: int = NEVER
    bought_at: int = NEVER
    since: int = NEVER
    barred_until: int = NEVER
    tier: int = 0
    cause: int = Cause.LAPSED  # what a loss would be put down to
    is_aware: bool = False
    is_active: bool = False  # a customer of the firm
