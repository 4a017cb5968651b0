"""Events that firms hold: who is invited, who comes, what it costs, and what it leaves behind.

Not to be confused with the events of a scenario, which happen to the market (``sim/happenings.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import FirmCost, Line
from sim.compiled import inline, parallel_kernel
from sim.draws import Stream, block, firm_slot
from sim.journey.context import Clock
from sim.levers.base import Lever
from sim.records import identity, in_steps, level

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market
    from sim.programme_settings import OccasionSpec
    from sim.scenario import Scenario

CUSTOMERS, NEWCOMERS, LAPSED, RECORD = range(4)
GUESTS = ("customers", "newcomers", "lapsed", "record")
STAYS, EVERYBODY = 2.0, 1.0  # the lot of who does not come; all lots drawn are below 1
_LEAST = -700.0  # below it, a chance is 0 in any case


class Occasion(NamedTuple):
    """An event in a period, as compiled kernels see it."""

    firm: int
    slot: int
    guests: int  # index into GUESTS
    group: npt.NDArray[np.bool_]  # shape (n_tiers,)
    since: int  # newcomers became customers after this period
    effort: float
    appeal: float
    treat: float  # worth to a guest of what is given, in money
    guest_cost: float
    warmth: float
    trust: float
    need: float


@dataclass(frozen=True, slots=True)
class Held:
    """What came of an event: people invited, those who would have come, guests, and needs that it woke."""

    period: int
    firm: str
    name: str
    invited: int
    willing: int
    guests: int
    needs: int


@dataclass(slots=True)
class Diary:
    """The events held so far."""

    held: list[Held] = field(default_factory=list)


class Occasions(Lever):
    """Invite people on a firm's record to an event, in a form and at a place that suits some of them.

    Source: Wohlfeil & Whelan (2006), "Consumer motivations to participate in event-marketing strategies", Journal of
    Marketing Management 22(5-6), for why people come; McAlexander, Schouten & Koenig (2002), "Building brand
    community", Journal of Marketing 66(1), for the bonds that shared events build.
    """

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        self.lots = np.full(market.n_customers, STAYS)
        self.diary = Diary()

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether any firm holds events."""
        return any(firm.occasions for firm in scenario.firms)

    def before_life(self) -> None:
        """Hold the events of the period, firm by firm in the order of their lists."""
        for firm in self.market.firms.values():
            for spec in firm.spec.occasions:
                if firm.is_open and spec.is_held(self.market.period):
                    self.hold(firm, spec)

    def hold(self, firm: Firm, spec: OccasionSpec) -> None:
        """Hold one event: invite, draw lots if more would come than there is room for, and receive the guests."""
        market = self.market
        occasion = _occasion(firm, spec, market.period, market.n_tiers)
        clock = Clock(market.seed_used, market.period)
        counts = np.zeros((market.n_blocks, 4), dtype=np.int64)
        invite(market.town, occasion, clock, self.lots, counts)
        places = math.floor(spec.places * market.n_customers)
        last_lot = EVERYBODY
        if counts[:, 1].sum() > places:
            last_lot = float(np.partition(self.lots, places)[places])
        receive(market.town, occasion, clock, self.lots, last_lot, counts, market.books)
        market.period_firm_costs[firm.index, FirmCost.EVENTS] += spec.fixed_cost * market.n_customers
        invited, willing, guests, needs = counts.sum(axis=0).tolist()
        self.diary.held.append(Held(market.period, firm.name, spec.name, invited, willing, guests, needs))


def _occasion(firm: Firm, spec: OccasionSpec, period: int, n_tiers: int) -> Occasion:
    """Return an event as kernels see it."""
    group = np.zeros(n_tiers, dtype=np.bool_)
    group[: len(firm.pyramid.tiers)] = [spec.group is None or tier in spec.group for tier in firm.pyramid.tiers]
    return Occasion(
        firm=firm.index,
        slot=firm_slot(f"{firm.name}: {spec.name}"),
        guests=GUESTS.index(spec.guests),
        group=group,
        since=period - firm.pyramid.review_every,
        effort=spec.effort,
        appeal=spec.appeal,
        treat=spec.guest_cost * firm.spec.gift_worth,
        guest_cost=spec.guest_cost,
        warmth=spec.warmth,
        trust=spec.trust,
        need=spec.need,
    )


@parallel_kernel
def invite(share, town, occasion, clock, lots, counts):  # type: ignore[no-untyped-def]
    """Invite people, and let each decide whether to come.

    Parameters
    ----------
    town : Town
        The people and their relations; read only.
    occasion : Occasion
        The event.
    clock : Clock
        Seed and period. Streams used: ATTEND, LOT.
    lots : array, shape (n_customers,)
        Filled with the lot of each who would come, 0 to 1, and ``STAYS`` of the others.
    counts : array of int64, shape (n_blocks, 4)
        People invited and willing; counted up.
    """
    n_blocks, n = counts.shape[0], lots.size
    for b in range(share.first, n_blocks, share.step):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            ask(i, town, occasion, clock, lots, counts[b])


@inline
def ask(i, town, occasion, clock, lots, counts):  # type: ignore[no-untyped-def]
    """Invite person ``i``, if the event is for them."""
    person, relation = town.people[i], town.relations[i, occasion.firm]
    lots[i] = STAYS
    if not is_invited(relation, occasion, clock.period):
        return
    counts[0] += 1
    u_attend, u_lot, _, _ = block(clock.seed, Stream.ATTEND // 4, clock.period, identity(person, i), occasion.slot)
    pull = np.float64(person.attachment_weight) * relation.attachment
    gift = person.reward_weight * (occasion.treat / person.basket)
    push = person.effort_weight * (level(relation.distance) + occasion.effort)
    utility = occasion.appeal + pull + gift - push
    if u_attend < 1.0 / (1.0 + math.exp(-max(_LEAST, utility))):
        lots[i] = u_lot
        counts[1] += 1


@inline
def is_invited(relation, occasion, period):  # type: ignore[no-untyped-def]
    """Say whether an event is for this customer, or former customer."""
    if relation.barred_until > period:
        return False
    if relation.is_active:
        is_new = occasion.guests != NEWCOMERS or relation.since > occasion.since
        return occasion.guests != LAPSED and is_new and occasion.group[relation.tier]
    return occasion.guests >= LAPSED and relation.bought_at >= 0


@parallel_kernel
def receive(share, town, occasion, clock, lots, last_lot, counts, books):  # type: ignore[no-untyped-def]
    """Receive those whose lot is below ``last_lot``: parameters as in ``invite``; stream used: WANT.

    Attachment and trust rise, a need may be woken, and each guest costs.
    """
    n_blocks, n = counts.shape[0], lots.size
    for b in range(share.first, n_blocks, share.step):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            if lots[i] < last_lot:
                be_guest(i, town, occasion, clock, counts[b], books[b])


@inline
def be_guest(i, town, occasion, clock, counts, books):  # type: ignore[no-untyped-def]
    """Let person ``i`` be the firm's guest."""
    person, pulse, relation = town.people[i], town.pulses[i], town.relations[i, occasion.firm]
    cell = books[occasion.firm, relation.tier, person.type]
    before = np.float64(relation.attachment)
    gain = person.attachment_gain * occasion.warmth
    relation.attachment = before + gain * (1.0 - before)
    character = level(relation.trust_character)
    relation.trust_character = in_steps(character + occasion.trust * (1.0 - character))
    relation.is_aware = True
    cell[Line.GUESTS] += 1.0
    counts[2] += 1
    if relation.is_active:
        cell[Line.ATTACHMENT_CHANGE] += relation.attachment - before
        cell[Line.INCENTIVES] += occasion.guest_cost
        relation.margin -= occasion.guest_cost
    else:
        cell[Line.ACQUISITION] += occasion.guest_cost
    _, _, u_want, _ = block(clock.seed, Stream.WANT // 4, clock.period, identity(person, i), occasion.slot)
    if u_want < occasion.need:
        counts[3] += pulse.need_at > clock.period
        pulse.need_at = min(pulse.need_at, clock.period)
        pulse.wake_at = min(pulse.wake_at, clock.period)
        if person.usual != occasion.firm:
            person.is_alert = True
