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
from sim.compiled import inline, kernel, parallel_kernel
from sim.draws import Stream, block, draw_together, firm_slot, to_unit
from sim.journey.context import Clock
from sim.levers.base import Lever
from sim.prefetch import prefetch_row
from sim.records import identity, in_steps, level

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market
    from sim.programme_settings import OccasionSpec
    from sim.scenario import Scenario

CUSTOMERS, NEWCOMERS, LAPSED, RECORD = range(4)
GUESTS = ("customers", "newcomers", "lapsed", "record")
STAYS, EVERYBODY = 2.0, 1.0  # the lot of who does not come; all lots drawn are below 1
AT_ONCE = 256  # rows that are looked through for people to invite before any of them is asked
AHEAD = 16  # people whose records are asked for before they are looked at
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


class Desk(NamedTuple):
    """What is at hand while some rows are gone through: the people in them who are invited."""

    row: npt.NDArray[np.int64]  # shape (AT_ONCE,), like the next two
    who: npt.NDArray[np.int64]  # identities
    slot: npt.NDArray[np.int64]  # of their draws: all the same
    words: npt.NDArray[np.uint32]  # shape (4, AT_ONCE): drawn for them, of ATTEND, LOT and WANT
    comes: npt.NDArray[np.bool_]  # shape (AT_ONCE,)


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
        places = math.floor(spec.places * market.n_customers)
        if places >= market.n_customers:
            invite_and_receive(market.town, occasion, clock, counts, market.books)
        else:
            invite(market.town, occasion, clock, self.lots, counts)
            receive(market.town, occasion, clock, self.lots, last_lot(self.lots, places), counts, market.books)
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


def last_lot(lots: npt.NDArray[np.float64], places: int) -> float:
    """Return the lot below which people may come: of those who would, as many as there are places."""
    willing = np.sort(lots[lots < EVERYBODY])  # quicker than to part all lots at the one looked for
    return float(willing[places]) if willing.size > places else EVERYBODY


@kernel
def desk_for(slot):  # type: ignore[no-untyped-def]
    """Return a desk for the event of a slot."""
    return Desk(
        np.empty(AT_ONCE, np.int64),
        np.empty(AT_ONCE, np.int64),
        np.full(AT_ONCE, slot),
        np.empty((4, AT_ONCE), np.uint32),
        np.empty(AT_ONCE, np.bool_),
    )


@parallel_kernel
def invite_and_receive(share, town, occasion, clock, counts, books):  # type: ignore[no-untyped-def]
    """Hold an event with room for everybody: parameters as in ``invite`` and ``receive``."""
    n_blocks, n = counts.shape[0], town.people.size
    desk = desk_for(occasion.slot)
    for b in range(share.first, n_blocks, share.step):
        last = (b + 1) * n // n_blocks
        for first in range(b * n // n_blocks, last, AT_ONCE):
            n_invited = ask(first, min(first + AT_ONCE, last), town, occasion, clock, counts[b], desk)
            for k in range(n_invited):
                if desk.comes[k]:
                    be_guest(desk.row[k], to_unit(desk.words[2, k]), town, occasion, clock, counts[b], books[b])


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
    desk = desk_for(occasion.slot)
    for b in range(share.first, n_blocks, share.step):
        last = (b + 1) * n // n_blocks
        lots[b * n // n_blocks : last] = STAYS
        for first in range(b * n // n_blocks, last, AT_ONCE):
            n_invited = ask(first, min(first + AT_ONCE, last), town, occasion, clock, counts[b], desk)
            for k in range(n_invited):
                lots[desk.row[k]] = to_unit(desk.words[1, k]) if desk.comes[k] else STAYS


@inline
def ask(first, last, town, occasion, clock, counts, desk):  # type: ignore[no-untyped-def]
    """Invite people in some rows and let them answer; return how many are invited, and count them and the willing."""
    n_invited = write_to(first, last, town, occasion, clock, desk)
    counts[0] += n_invited
    counts[1] += let_answer(n_invited, town, occasion, desk)
    return n_invited


@inline
def write_to(first, last, town, occasion, clock, desk):  # type: ignore[no-untyped-def]
    """Invite those in some rows whom the event is for, draw for each, and return how many they are."""
    n_invited = 0
    for i in range(first, last):
        prefetch_row(town.relations[:, occasion.firm], min(i + AHEAD, last - 1))  # type: ignore[call-arg]
        desk.row[n_invited] = i  # the next is written over who is not invited: quicker than to ask
        n_invited += is_invited(town.relations[i, occasion.firm], occasion, clock.period)
    for k in range(n_invited):
        prefetch_row(town.people, desk.row[min(k + AHEAD, n_invited - 1)])  # type: ignore[call-arg]
        desk.who[k] = identity(town.people[desk.row[k]], desk.row[k])
    draw_together(clock.seed, Stream.ATTEND // 4, clock.period, desk.who, desk.slot, n_invited, desk.words)
    return n_invited


@inline
def let_answer(n_invited, town, occasion, desk):  # type: ignore[no-untyped-def]
    """Note who of the invited would come, and return how many they are."""
    n_willing = 0
    for k in range(n_invited):  # all before anyone comes: the processor need not guess
        desk.comes[k] = would_come(k, town, occasion, desk)
        n_willing += desk.comes[k]
    return n_willing


@inline
def would_come(k, town, occasion, desk):  # type: ignore[no-untyped-def]
    """Say whether the ``k``-th of the invited would come."""
    person, relation = town.people[desk.row[k]], town.relations[desk.row[k], occasion.firm]
    pull = np.float64(person.attachment_weight) * relation.attachment
    gift = person.reward_weight * (occasion.treat / person.basket)
    push = person.effort_weight * (level(relation.distance) + occasion.effort)
    utility = occasion.appeal + pull + gift - push
    return to_unit(desk.words[0, k]) < 1.0 / (1.0 + math.exp(-max(_LEAST, utility)))


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
                _, _, u_want, _ = block(
                    clock.seed, Stream.WANT // 4, clock.period, identity(town.people[i], i), occasion.slot
                )
                be_guest(i, u_want, town, occasion, clock, counts[b], books[b])


@inline
def be_guest(i, u_want, town, occasion, clock, counts, books):  # type: ignore[no-untyped-def]
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
    if u_want < occasion.need:
        counts[3] += pulse.need_at > clock.period
        pulse.need_at = min(pulse.need_at, clock.period)
        pulse.wake_at = min(pulse.wake_at, clock.period)
        if person.usual != occasion.firm:
            person.is_alert = True
