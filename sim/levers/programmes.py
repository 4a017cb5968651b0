"""What a loyalty programme keeps of its members beside points: cards, status, money owed, prizes, points that expire.

Points and cash paid at once are part of the purchase (``sim/journey/programme.py``); all else happens after the
period's purchases, and at the review.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import Line
from sim.compiled import inline, parallel_kernel
from sim.draws import Stream, block
from sim.journey.context import Clock
from sim.levers.base import Lever
from sim.prefetch import prefetch_buyers, prefetch_row
from sim.records import gather, identity, in_steps, level

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market
    from sim.scenario import Scenario

FloatArray = npt.NDArray[np.float64]
NO_KIND, POINTS, CASH_BACK, STATUS, PRIZES = range(-1, 4)
KINDS = ("points", "cash_back", "status", "prizes")


class Plans(NamedTuple):
    """The firms' programmes as compiled kernels see them; each array has shape (n_firms,), unless said."""

    slot: npt.NDArray[np.int64]  # of the firm's draws
    kind: npt.NDArray[np.int64]  # index into KINDS, or NO_KIND
    has_cards: npt.NDArray[np.bool_]
    group: npt.NDArray[np.bool_]  # shape (n_firms, n_tiers): tiers that may take part
    enrolment: FloatArray
    invite: FloatArray
    invite_cost: FloatArray
    expiry: npt.NDArray[np.int64]  # periods; 0 if points do not expire
    cash_later: FloatArray  # share of what is paid that comes back at the review
    is_by_money: npt.NDArray[np.bool_]  # status is earned by money paid, not purchases
    levels: FloatArray  # shape (n_firms, n_levels): infinite where a firm has fewer
    term: npt.NDArray[np.int64]
    level_cost: FloatArray
    prize_chance: FloatArray
    prize_cost: FloatArray


class Members(NamedTuple):
    """What is kept of the members; each array has shape (n_customers, n_firms)."""

    cards: npt.NDArray[np.int8]  # 0 without a card, else 1 + the level of status
    tally: npt.NDArray[np.float32]  # since the last review: purchases or money that count, or money owed
    missed: npt.NDArray[np.int8]  # reviews in a row at which the level held was not earned again


def plans_of(market: Market) -> Plans:
    """Gather the firms' programmes."""
    firms = list(market.firms.values())
    n, n_levels = len(firms), max(len(firm.spec.programme.status.levels) for firm in firms if firm.spec.programme)
    plans = Plans(
        slot=market.origins.firm_slots,
        kind=np.full(n, NO_KIND),
        has_cards=np.zeros(n, dtype=np.bool_),
        group=np.zeros((n, market.n_tiers), dtype=np.bool_),
        enrolment=np.zeros(n),
        invite=np.zeros(n),
        invite_cost=np.zeros(n),
        expiry=np.zeros(n, dtype=np.int64),
        cash_later=np.zeros(n),
        is_by_money=np.zeros(n, dtype=np.bool_),
        levels=np.full((n, n_levels), np.inf),
        term=np.ones(n, dtype=np.int64),
        level_cost=np.zeros(n),
        prize_chance=np.zeros(n),
        prize_cost=np.zeros(n),
    )
    for f, firm in enumerate(firms):
        programme = firm.spec.programme
        if programme is None:
            continue
        cash, status, prizes, tiers = programme.cash_back, programme.status, programme.prizes, firm.pyramid.tiers
        plans.kind[f] = KINDS.index(programme.kind)
        plans.has_cards[f] = programme.uses_cards
        plans.group[f, : len(tiers)] = [programme.group is None or tier in programme.group for tier in tiers]
        plans.enrolment[f], plans.invite[f] = programme.enrolment, programme.invite
        plans.invite_cost[f], plans.expiry[f] = programme.invite_cost, programme.expiry or 0
        plans.cash_later[f] = cash.share if plans.kind[f] == CASH_BACK and cash.paid_at == "review" else 0.0
        plans.is_by_money[f], plans.term[f] = status.earned_by == "revenue", status.term
        plans.levels[f, : len(status.levels)], plans.level_cost[f] = status.levels, status.level_cost
        plans.prize_chance[f], plans.prize_cost[f] = prizes.chance, prizes.cost
    return plans


class Programmes(Lever):
    """Cards, status, cash back at the review, prizes and the expiry of points.

    Source: Dowling & Uncles (1997), "Do customer loyalty programs really work?", Sloan Management Review 38(4), for the
    kinds of reward; Drèze & Nunes (2009), "Feeling superior: the impact of loyalty program structure on consumers'
    perceptions of status", Journal of Consumer Research 35(6), for esteem; Wagner, Hennig-Thurau & Rudolph (2009),
    "Does customer demotion jeopardize loyalty?", Journal of Marketing 73(3), for what a lost level does.
    """

    reads_roll = True

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        self.plans = plans_of(market)
        shape = (market.n_customers, market.n_firms)
        self.members = Members(
            np.zeros(shape, dtype=np.int8), np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.int8)
        )
        market.cards = self.members.cards

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether a firm's programme keeps anything beside points."""
        return any(firm.programme is not None and firm.programme.has_states for firm in scenario.firms)

    def after_review(self, firms: list[Firm]) -> None:
        """Let points expire, pay what is owed, settle levels of status, and invite those without a card."""
        due = [firm for firm in firms if firm.spec.programme is not None]
        if due:
            market = self.market
            review_members(
                market.town,
                np.array([firm.index for firm in due]),
                np.array([firm.has_programme_running for firm in due]),
                self.plans,
                self.members,
                market.behaviour.trust_fall,
                Clock(market.seed_used, market.period),
                market.books,
            )

    def after_life(self) -> None:
        """Enter the period's purchases on the members' cards; newcomers to the town have none."""
        market = self.market
        movers = gather(market.roll.mover, market.roll.n_movers)
        for states in self.members:
            states[movers] = 0
        clock = Clock(market.seed_used, market.period)
        enter_purchases(market.town, market.offers, self.plans, self.members, clock, market.roll, market.books)

    def states(self) -> tuple[npt.NDArray[Any], ...]:
        """Return cards, tallies and reviews missed."""
        return tuple(self.members)


@parallel_kernel
def enter_purchases(share, town, offers, plans, members, clock, roll, books):  # type: ignore[no-untyped-def]
    """Enter the period's purchases on the cards of the members.

    Parameters
    ----------
    town : Town
        The people and their relations; a prize lowers the margin on record.
    offers : array of OFFER, shape (n_firms, n_tiers)
        What firms have posted; read only.
    plans : Plans
        The firms' programmes.
    members : Members
        Changed in place.
    clock : Clock
        Seed and period. Streams used: ENROL, PRIZE.
    roll : Roll
        Who bought.
    books : array, shape (n_blocks, n_firms, n_tiers, 7 types, n_lines)
        Added to.
    """
    n_blocks, n = books.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        first = b * n // n_blocks
        last = first + roll.n_buyers[b]
        for place in range(first, last):
            prefetch_row(members.tally, prefetch_buyers(place, last, town, roll))  # type: ignore[call-arg]
            enter_purchase(np.int64(roll.buyer[place]), town, offers, plans, members, clock, books[b])


@inline
def enter_purchase(i, town, offers, plans, members, clock, books):  # type: ignore[no-untyped-def]
    """Enter what person ``i`` bought in the period, if they still are a customer: who walked out forgoes it."""
    person = town.people[i]
    f = person.usual
    relation = town.relations[i, f]
    offer = offers[f, relation.tier]
    if offer.programme <= 0.0:
        return
    u_enrol, u_prize, _, _ = block(clock.seed, Stream.ENROL // 4, clock.period, identity(person, i), offer.slot)
    if plans.has_cards[f] and members.cards[i, f] == 0:
        members.cards[i, f] = u_enrol < plans.enrolment[f]
        return
    paid = person.basket * offer.price
    if plans.kind[f] == STATUS:
        members.tally[i, f] += paid if plans.is_by_money[f] else 1.0
    elif plans.cash_later[f] > 0.0:
        members.tally[i, f] += plans.cash_later[f] * paid
    elif plans.kind[f] == PRIZES and u_prize < plans.prize_chance[f]:
        cell = books[f, relation.tier, person.type]
        cell[Line.PRIZES] += 1.0
        spend(plans.prize_cost[f], relation, cell)


@inline
def spend(money, relation, cell):  # type: ignore[no-untyped-def]
    """Spend money of the programme on a customer."""
    cell[Line.REWARDS] += money
    cell[Line.INCENTIVES] += money
    relation.margin -= money


@parallel_kernel
def review_members(share, town, due, is_running, plans, members, trust_fall, clock, books):  # type: ignore[no-untyped-def]
    """Go through the members of the firms whose review is due.

    Parameters
    ----------
    town : Town
        The people and their relations; points, margin and trust are changed.
    due : array of int, shape (n_due,)
        The firms.
    is_running : array of bool, shape (n_due,)
        Whether their programmes run.
    plans, members, clock, books
        As in ``enter_purchases``; stream used: INVITE.
    trust_fall : float
        Share of the trust in character that is lost with a level.
    """
    n_blocks, n = books.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            for d in range(due.size):
                review_member(i, due[d], is_running[d], town, plans, members, trust_fall, clock, books[b])


@inline
def review_member(i, f, is_running, town, plans, members, trust_fall, clock, books):  # type: ignore[no-untyped-def]
    """Review person ``i`` as a member of the programme of firm ``f``; who is no customer keeps the bare card."""
    relation, person = town.relations[i, f], town.people[i]
    if not relation.is_active or not is_running:
        members.cards[i, f] = min(members.cards[i, f], 1)
        members.tally[i, f], members.missed[i, f] = 0.0, 0
        return
    cell = books[f, relation.tier, person.type]
    if plans.expiry[f] > 0 and relation.bought_at + plans.expiry[f] <= clock.period:
        cell[Line.POINTS_EXPIRED] += relation.points
        relation.points = 0
    if plans.kind[f] == STATUS and members.cards[i, f] > 0:
        settle_level(i, f, relation, plans, members, trust_fall)
        spend(plans.level_cost[f] * (members.cards[i, f] - 1), relation, cell)
    elif plans.cash_later[f] > 0.0:
        spend(np.float64(members.tally[i, f]), relation, cell)
    members.tally[i, f] = 0.0
    if plans.has_cards[f] and members.cards[i, f] == 0 and plans.invite[f] > 0.0 and plans.group[f, relation.tier]:
        _, _, u_invite, _ = block(clock.seed, Stream.INVITE // 4, clock.period, identity(person, i), plans.slot[f])
        members.cards[i, f] = u_invite < plans.invite[f]
        spend(plans.invite_cost[f], relation, cell)


@inline
def settle_level(i, f, relation, plans, members, trust_fall):  # type: ignore[no-untyped-def]
    """Give the level that was earned; a level held is kept for the term, and to lose it costs trust in character."""
    held, earned = members.cards[i, f] - 1, 0
    for k in range(plans.levels.shape[1]):
        earned += members.tally[i, f] >= plans.levels[f, k]
    if earned >= held:
        members.missed[i, f] = 0
    else:
        members.missed[i, f] += 1
        if members.missed[i, f] < plans.term[f]:
            earned = held
        else:
            members.missed[i, f] = 0
            character = level(relation.trust_character)
            relation.trust_character = in_steps(character - trust_fall * character)
    members.cards[i, f] = 1 + earned
