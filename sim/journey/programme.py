"""The programme at a purchase: who takes part, what it is worth, and points that partners count together.

Each partner in a coalition keeps its own points of a customer, so that every firm's points balance by themselves.
"""

from __future__ import annotations

import numpy as np

from sim.accounts import Line
from sim.compiled import inline, seldom
from sim.records import NOBODY

_MOST_SLOTS = 2**24


@inline
def card_of(i, f, offer, market):  # type: ignore[no-untyped-def]
    """Return 0 if person ``i`` takes no part in the programme of firm ``f``, else 1 + the level of status."""
    return np.int64(market.cards[i, f]) if offer.programme > 1.0 else np.int64(1)


@inline
def points_elsewhere(i, f, offer, town, market):  # type: ignore[no-untyped-def]
    """Return the points of person ``i`` at the partners of firm ``f``."""
    return points_at_partners(i, f, offer.coalition, town, market) if offer.coalition > 0 else 0.0


@inline
def points_held(i, f, offer, town, market):  # type: ignore[no-untyped-def]
    """Return the points of person ``i`` that count at firm ``f``."""
    return town.relations[i, f].points + points_elsewhere(i, f, offer, town, market)


@seldom
def points_at_partners(i, f, coalition, town, market):  # type: ignore[no-untyped-def]
    """Return the points of person ``i`` at the other firms of a coalition."""
    points = 0.0
    for g in range(town.relations.shape[1]):
        if g != f and market.offers[g, 0].coalition == coalition:
            points += town.relations[i, g].points
    return points


@seldom
def worth_of_perks(person, card, offer):  # type: ignore[no-untyped-def]
    """Return what cash back, status and the chance of a prize are worth, as a share of the price paid."""
    sure = offer.cash_back + offer.esteem * (card - 1)
    return sure + offer.prize / (person.basket * offer.price)


@seldom
def clear(i, f, n_points, town, market, books):  # type: ignore[no-untyped-def]
    """Take points of person ``i`` at the partners of firm ``f`` for a reward given there; return what they refund.

    Partners are taken in the order of their slots, so that the order in which firms are listed is nothing. Each refunds
    the set price of its points, a share of what a reward costs firm ``f``; so what one firm pays another receives.
    """
    here = town.relations[i, f]
    offer, kind = market.offers[f, here.tier], town.people[i].type
    a_reward = offer.clearing * offer.reward_cost
    missing, last = n_points, np.int64(-1)
    while missing > 0.0:
        g, slot = next_partner(i, f, last, offer.coalition, town, market)
        there = town.relations[i, g]
        used = min(np.float64(there.points), missing)
        refund = a_reward * (used / offer.redeem_at)
        there.points = np.int32(there.points - used)
        there.margin -= refund
        cell = books[g, there.tier, kind]
        cell[Line.POINTS_REDEEMED] += used
        cell[Line.REWARDS] += refund
        cell[Line.INCENTIVES] += refund
        missing, last = missing - used, slot
    books[f, here.tier, kind, Line.POINTS_HONOURED.value] += n_points
    return a_reward * (n_points / offer.redeem_at)


@inline
def next_partner(i, f, last, coalition, town, market):  # type: ignore[no-untyped-def]
    """Return the partner of firm ``f`` at which person ``i`` has points that comes next after a slot, and its slot."""
    best, best_slot = np.int64(NOBODY), np.int64(_MOST_SLOTS)
    for g in range(town.relations.shape[1]):
        slot = market.offers[g, 0].slot
        is_partner = g != f and market.offers[g, 0].coalition == coalition and town.relations[i, g].points > 0
        if is_partner and last < slot < best_slot:
            best, best_slot = np.int64(g), slot
    return best, best_slot
