"""Seeding: a firm gives samples to chosen people, so that they know it, look at it, and may speak of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sim.accounts import Line
from sim.compiled import inline, kernel
from sim.draws import Stream, block
from sim.journey import talk
from sim.records import identity

if TYPE_CHECKING:
    from sim.event_settings import Seeding
    from sim.market import Market


def seed_people(market: Market, event: Seeding) -> None:
    """Give a sample to a share of people: those with most ties, with fewest, or anyone.

    Hinz, Skiera, Barrot & Becker (2011), Journal of Marketing 75(6), find hubs worth seeding; Watts & Dodds (2007),
    Journal of Consumer Research 34(4), seldom.
    """
    firm = market.firms[event.firm]
    n_seeded = round(event.share * market.n_customers)
    luck = np.empty((2, market.n_customers))
    slot = market.origins.firm_slots[firm.index]
    draw_seeds(market.town.people, market.seed_used, market.period, slot, luck)
    degree = np.diff(market.network.first)
    rank = {"hubs": -degree, "fringe": degree, "anyone": np.zeros_like(degree)}[event.to]
    is_chosen: npt.NDArray[np.bool_] = np.zeros(market.n_customers, dtype=np.bool_)
    is_chosen[np.lexsort((luck[0], rank))[:n_seeded]] = True
    good_word = max(0.0, firm.quality_value)
    talk_rate = market.scenario.customers.behaviour.praise_rate * event.talk
    hand_out(market.town, firm.index, is_chosen, luck[1], good_word, talk_rate, event.cost, market.said, market.books)


@kernel
def draw_seeds(people, seed, period, slot, luck):  # type: ignore[no-untyped-def]
    """Fill ``luck``, shape (2, n_customers): who comes first among equals, and who speaks."""
    for i in range(people.size):
        luck[0, i], luck[1, i], _, _ = block(seed, Stream.SEEDED // 4, period, identity(people[i], i), slot)


@kernel
def hand_out(town, f, is_chosen, luck, good_word, talk_rate, cost, said, books):  # type: ignore[no-untyped-def]
    """Give the samples; each costs ``cost``, in money."""
    n_blocks, n = books.shape[0], town.pulses.size
    for b in range(n_blocks):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            if is_chosen[i]:
                try_out(i, f, luck[i], good_word, talk_rate, cost, town, said, books[b])


@inline
def try_out(i, f, luck, good_word, talk_rate, cost, town, said, books):  # type: ignore[no-untyped-def]
    """Let person ``i`` try the product of firm ``f``: they know it, look around, and may put in a good word for it."""
    person, relation = town.people[i], town.relations[i, f]
    books[f, relation.tier, person.type, Line.ACQUISITION] += cost
    if (person.reach >> f) & 1 == 1:
        relation.is_aware = True
        person.is_alert = True
    if good_word > 0.0 and luck < person.talk * talk_rate:
        talk.put_down(i, f, good_word, 0, said)
