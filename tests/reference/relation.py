"""What one person has with one firm, and how it changes with experience and hearsay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.accounts import Cause
from tests.reference.arithmetic import NEVER, NOBODY, clip, single, step

if TYPE_CHECKING:
    from sim.settings import BehaviourSpec


@dataclass(slots=True)
class Relation:
    """A person's leaning, knowledge, feelings and standing with one firm; floats are rounded as stored."""

    taste: float
    distance: float
    is_aware: bool
    tier: int
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
    told_by: int = NOBODY  # number of the tie over which the firm was last praised
    told_at: int = NEVER
    bought_at: int = NEVER
    since: int = NEVER
    barred_until: int = NEVER
    cause: int = Cause.LAPSED  # what a loss would be put down to
    is_active: bool = False  # a customer of the firm
    # in the firm's programme, if it keeps these
    card: int = 0  # none, or 1 + the level of status
    tally: float = 0.0  # purchases or money that count, or money owed, since the last review
    worth: float = 0.0  # margin on record at the last review as a customer, for who wins back
    called_back: bool = False
    missed: int = 0  # reviews in a row at which the level was not earned again

    def end(self, entry_tier: int) -> None:
        """Cease to be that of a customer: points, habit and the record are gone."""
        self.is_active = False
        self.points = self.habit = 0.0
        self.volume = self.revenue = self.margin = self.credit = 0.0
        self.tier = entry_tier
        self.cause = Cause.LAPSED

    def fade(self, memory: float) -> None:
        """Let the firm's record fade at a review."""
        self.volume = single(self.volume * memory)
        self.revenue = single(self.revenue * memory)
        self.margin = single(self.margin * memory)
        self.credit = single(self.credit * memory)

    def grow_used(self, is_bought: bool, how: BehaviourSpec) -> None:
        """Strengthen the habit of buying here, or weaken it."""
        towards = 1.0 - self.habit if is_bought else -self.habit
        self.habit = step(self.habit + how.habit_speed * towards)

    def learn(self, x: float, how: BehaviourSpec) -> float:
        """Compare an experience with what was expected; return what was felt, -1 to 1."""
        scale, d = how.disconfirmation_scale, x - self.expectation
        towards = clip(d / scale, -1.0, 1.0) - self.satisfaction
        self.satisfaction = step(self.satisfaction + how.satisfaction_speed * towards)
        self.expectation = single(self.expectation + how.expectation_speed * d)
        if abs(d) <= how.zone_of_tolerance:
            return 0.0
        return math.copysign(min(1.0, (abs(d) - how.zone_of_tolerance) / scale), d)

    def attach(self, felt: float, x: float, norm: float, gain: float, how: BehaviourSpec) -> None:
        """Grow apart after a bad experience; grow closer by surprise, and by being served better than elsewhere."""
        if felt < 0.0:
            forgiveness = 0.5 if self.attachment > 0.5 and self.strikes <= 1.0 else 1.0
            fall = how.attachment_fall * forgiveness * felt * self.attachment
            self.attachment = single(self.attachment + fall)
        better = max(0.0, x + how.liking * self.taste - norm) / how.disconfirmation_scale
        warmth = min(1.0, max(0.0, felt) + how.bond * better)
        self.attachment = single(self.attachment + gain * how.attachment_rise * warmth * (1.0 - self.attachment))

    def judge_quality(self, felt: float, is_failure: bool, how: BehaviourSpec) -> None:
        """Trust the firm's quality less after a failure or a disappointment, else more."""
        if is_failure:
            self.trust_quality = fallen(self.trust_quality, how)
        elif felt < 0.0:
            self.trust_quality = fallen(self.trust_quality, how, -felt)
        else:
            self.trust_quality = risen(self.trust_quality, how)

    def judge_character(self, is_promise_kept: bool, how: BehaviourSpec) -> None:
        """Trust the firm's character more or less."""
        self.trust_character = (risen if is_promise_kept else fallen)(self.trust_character, how)

    def judge_ability(self, is_made_good: bool, how: BehaviourSpec) -> None:
        """Trust more or less that the firm can make good its failures."""
        self.trust_ability = (risen if is_made_good else fallen)(self.trust_ability, how)

    def hear(self, valence: float, tie: float, how: BehaviourSpec) -> None:
        """Let the opinion of the firm move towards what an acquaintance says."""
        self.opinion = step(self.opinion + how.influence * tie * (valence - self.opinion))


def risen(trust: float, how: BehaviourSpec) -> float:
    """Return a trust after a promise kept."""
    return step(trust + how.trust_rise * (1.0 - trust))


def fallen(trust: float, how: BehaviourSpec, share: float = 1.0) -> float:
    """Return a trust after a promise broken."""
    return step(trust - how.trust_fall * share * trust)
