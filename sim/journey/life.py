"""One period in the life of every customer: the stages of the value chain, joined."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import Cause, Line
from sim.compiled import inline, parallel_kernel, prange
from sim.customers import be_born, set_free
from sim.draws import Stream, draw_together, gumbel, to_unit
from sim.journey import after_sales, buy, evaluate, membership, need, search, talk, use
from sim.prefetch import prefetch_row
from sim.records import NOBODY, identity, level

PEOPLE_AT_ONCE = 256  # whose draws of the period are made together
NEEDS_AT_ONCE = 32  # that are met together, stage by stage ...
NEEDS_AHEAD = 4  # ... while memory is asked for the records of the next


class Desk(NamedTuple):
    """Where a block of people keeps what it works on; ``width`` addresses are drawn at once."""

    in_need: npt.NDArray[np.int64]  # shape (people in the block + 1,): rows of those with a need
    luck: npt.NDArray[np.uint32]  # shape (people in the block + 1,): their draw for buying nowhere
    turning: npt.NDArray[np.int64]  # shape (PEOPLE_AT_ONCE + 1,): rows of those for whom more than time passes
    considered: npt.NDArray[np.int64]  # shape (n_firms + 1,): firms that come to one person's mind
    chosen: npt.NDArray[np.int64]  # shape (NEEDS_AT_ONCE,): the firm bought from, or NOBODY
    n_considered: npt.NDArray[np.int64]  # shape (NEEDS_AT_ONCE,)
    who: npt.NDArray[np.int64]  # shape (width,): addresses to draw at
    slot: npt.NDArray[np.int64]  # shape (width,)
    no_slot: npt.NDArray[np.int64]  # shape (width,): zeros
    words: npt.NDArray[np.uint32]  # shape (4, width): what was drawn
    more_words: npt.NDArray[np.uint32]  # shape (4, width)


@parallel_kernel
def live_through(town, market, behaviour, origins, clock, open_access, said, books, since):  # type: ignore[no-untyped-def]
    """Let every customer live through one period.

    Customers are taken in blocks of rows fixed by the size of the town; each block keeps its own books, so that sums
    are added in the same order whatever the number of threads. In a block, time passes for everybody first; then those
    with a need meet it, in order.

    Parameters
    ----------
    town : Town
        The people and their relations; changed in place.
    market : Market
        What firms have posted; read only.
    behaviour : Behaviour
        The rules of behaviour.
    origins : Origins
        What decides who moves in.
    clock : Clock
        Seed and period. Streams used: the groups of MOVE, NOTICE, EXPERIENCE and RECOVER, and those of birth.
    open_access : uint32
        Bit ``f`` set: captive newcomers can reach firm ``f``.
    said : Said
        Who says what this period; filled in.
    books : array, shape (n_blocks, n_firms, n_tiers, 7 types, n_lines)
        The books of the period; added to.
    since : array of int64, shape (n_blocks, n_firms, n_periods)
        Customers by the period in which their membership began; kept up to date.
    """
    n_blocks, n, n_firms = books.shape[0], town.pulses.size, books.shape[1]
    width = max(PEOPLE_AT_ONCE, NEEDS_AT_ONCE * n_firms)
    for b in prange(n_blocks):
        first, last = b * n // n_blocks, (b + 1) * n // n_blocks
        desk = Desk(
            np.empty(last - first + 1, np.int64),
            np.empty(last - first + 1, np.uint32),
            np.empty(PEOPLE_AT_ONCE + 1, np.int64),
            np.empty(n_firms + 1, np.int64),
            np.empty(NEEDS_AT_ONCE, np.int64),
            np.empty(NEEDS_AT_ONCE, np.int64),
            np.empty(width, np.int64),
            np.empty(width, np.int64),
            np.zeros(width, np.int64),
            np.empty((4, width), np.uint32),
            np.empty((4, width), np.uint32),
        )
        live_in_block(b, first, last, town, market, behaviour, origins, clock, open_access, said, books, since, desk)


@inline
def live_in_block(b, first, last, town, market, behaviour, origins, clock, open_access, said, books, since, desk):  # type: ignore[no-untyped-def]
    """Let the people of block ``b``, in the rows from ``first`` to before ``last``, live through one period."""
    talk.owe_nothing(b, said)
    own_books, own_since = books[b], since[b]
    n_in_need = 0
    for start in range(first, last, PEOPLE_AT_ONCE):
        end = min(start + PEOPLE_AT_ONCE, last)
        for i in range(start, end):
            desk.who[i - start] = identity(town.pulses[i], i)
        draw_together(clock.seed, Stream.MOVE // 4, clock.period, desk.who, desk.no_slot, end - start, desk.words)
        turn_the_page(
            start, end, town, market, behaviour, origins, clock, open_access, said, own_books, own_since, desk
        )
        n_in_need = note_needs(start, end, n_in_need, town, clock, desk)
    for start in range(0, n_in_need, NEEDS_AT_ONCE):
        n_now = min(NEEDS_AT_ONCE, n_in_need - start)
        meet_needs(start, n_now, n_in_need, b, town, market, behaviour, clock, said, own_books, own_since, desk)


@inline
def turn_the_page(start, end, town, market, behaviour, origins, clock, open_access, said, books, since, desk):  # type: ignore[no-untyped-def]
    """Let everyone repeat what they heard, and those whose time has come move away, lapse, or be set free."""
    for i in range(start, end):
        talk.repeat_what_was_heard(i, said)
    n_turning = 0
    for i in range(start, end):
        k = i - start
        desk.turning[n_turning] = i
        n_turning += (
            (to_unit(desk.words[0, k]) < behaviour.turnover)
            | (town.pulses[i].lapse_at <= clock.period)
            | (to_unit(desk.words[2, k]) < behaviour.release_rate)
        )
    for place in range(n_turning):
        prefetch_row(town.people, desk.turning[place])  # type: ignore[call-arg]
        prefetch_row(town.relations, desk.turning[place])
    for place in range(n_turning):
        i = desk.turning[place]
        pulse, k = town.pulses[i], i - start
        if to_unit(desk.words[0, k]) < behaviour.turnover:
            membership.move_away(i, town, market, books, since)
            be_born(i, clock.period + 1, open_access, clock.seed, town, origins)
            said.firm[i] = NOBODY
            continue
        if pulse.lapse_at <= clock.period:
            membership.let_lapse(i, clock.period, town, market, behaviour, books, since)
        if need.is_set_free(town.people[i], behaviour.release_rate, to_unit(desk.words[2, k])):
            set_free(town.people[i], pulse)


@inline
def note_needs(start, end, n_in_need, town, clock, desk):  # type: ignore[no-untyped-def]
    """Note who of the people from ``start`` to before ``end`` has a need, and their draw for buying nowhere.

    Returns how many of the block have one, the ``n_in_need`` of before included. Who has just moved in has none yet.
    """
    for i in range(start, end):
        k, pulse = i - start, town.pulses[i]
        desk.in_need[n_in_need], desk.luck[n_in_need] = i, desk.words[3, k]
        n_in_need += need.arises(pulse, to_unit(desk.words[1, k])) & (pulse.birth <= clock.period)
    return n_in_need


@inline
def meet_needs(start, n, n_in_need, b, town, market, behaviour, clock, said, books, since, desk):  # type: ignore[no-untyped-def]
    """Take ``n`` people with a need through the stages: search, evaluate and choose; then buy, use, live with it.

    Each firm's draws are keyed to the firm, so that one firm's offer changes only the choices it should: common random
    numbers, and no dependence on the order in which firms are listed.
    """
    n_firms = books.shape[0]
    for k in range(n):
        i = desk.in_need[start + k]
        for f in range(n_firms):
            desk.who[k * n_firms + f] = identity(town.pulses[i], i)
            desk.slot[k * n_firms + f] = market.offers[f, 0].slot
    draw_together(clock.seed, Stream.NOTICE // 4, clock.period, desk.who, desk.slot, n * n_firms, desk.words)
    n_buyers = 0
    for k in range(n):
        i = desk.in_need[start + k]
        if start + k + NEEDS_AHEAD < n_in_need:
            ahead = desk.in_need[start + k + NEEDS_AHEAD]
            prefetch_row(town.people, ahead)  # type: ignore[call-arg]
            prefetch_row(town.relations, ahead)
        f = choose(i, k, to_unit(desk.luck[start + k]), town, market, behaviour, clock, desk)
        town.people[i].seen = clock.period
        if f != NOBODY:
            # buyers close ranks at the front, in order: their own places are done with
            desk.in_need[start + n_buyers] = i
            desk.chosen[n_buyers], desk.n_considered[n_buyers] = f, desk.n_considered[k]
            n_buyers += 1
    for k in range(n_buyers):
        i = desk.in_need[start + k]
        desk.who[k] = identity(town.pulses[i], i)
        desk.slot[k] = market.offers[desk.chosen[k], 0].slot
    draw_together(clock.seed, Stream.EXPERIENCE // 4, clock.period, desk.who, desk.slot, n_buyers, desk.words)
    draw_together(clock.seed, Stream.RECOVER // 4, clock.period, desk.who, desk.no_slot, n_buyers, desk.more_words)
    for k in range(n_buyers):
        i, f = desk.in_need[start + k], desk.chosen[k]
        margin = acquire(i, f, desk.n_considered[k], town, market, behaviour, clock, books, since)
        buy.credit_word_of_mouth(i, town.relations[i, f], f, margin, b, clock.period, behaviour, said)
        live_with_it(i, f, k, town, market, behaviour, clock, said, books, since, desk)


@inline
def choose(i, k, u_outside, town, market, behaviour, clock, desk):  # type: ignore[no-untyped-def]
    """Return the firm bought from, or NOBODY; note the number of firms considered."""
    person = town.people[i]
    log_reference = np.float64(person.log_reference)
    usual = person.usual
    has_usual = usual != NOBODY
    has_jumped = False
    if has_usual:
        posted = market.offers[usual, town.relations[i, usual].tier]
        has_jumped = search.is_price_jump(posted.log_price, log_reference, behaviour)
    effort = search.effort_of_search(person, has_usual, has_jumped, behaviour)
    elapsed = clock.period - person.seen

    n_considered, n_firms = 0, town.relations.shape[1]
    for f in range(n_firms):
        relation = town.relations[i, f]
        offer = market.offers[f, relation.tier]
        is_reachable = (person.reach >> f) & 1 == 1
        if not offer.is_open or not is_reachable:
            continue
        is_usual = f == usual
        place = k * n_firms + f
        u_notice, u_ad, u_forget = (
            to_unit(desk.words[0, place]), to_unit(desk.words[2, place]), to_unit(desk.words[3, place])
        )  # fmt: skip
        exposure = market.exposure[clock.period + 1, f] - market.exposure[person.seen + 1, f]
        search.refresh_awareness(relation, is_usual, exposure, elapsed, u_ad, u_forget, behaviour)
        desk.considered[n_considered] = f
        n_considered += (
            (relation.barred_until <= clock.period)
            & (offer.quality_value >= 0.0)
            & search.comes_to_mind(relation, is_usual, effort, offer.ad_reach, u_notice)
        )
    desk.n_considered[k] = n_considered

    best, best_utility = NOBODY, behaviour.outside_utility + gumbel(u_outside)
    for place in range(n_considered):
        f = desk.considered[place]
        relation = town.relations[i, f]
        offer = market.offers[f, relation.tier]
        whim = gumbel(to_unit(desk.words[1, k * n_firms + f]))
        utility = evaluate.perceived_value(person, relation, offer, log_reference, behaviour) + whim
        if utility > best_utility:
            best, best_utility = f, utility
    return best


@inline
def acquire(i, f, n_considered, town, market, behaviour, clock, books, since):  # type: ignore[no-untyped-def]
    """Leave the usual firm or stay, and buy; return the firm's margin on the purchase, in money."""
    person, relation = town.people[i], town.relations[i, f]
    log_reference = np.float64(person.log_reference)
    offer = market.offers[f, relation.tier]
    usual = person.usual
    if usual != NOBODY:
        old = town.relations[i, usual]
        cell = books[usual, old.tier, person.type]
        cell[Line.REPEAT_CHANCES] += 1.0
        if f == usual:
            cell[Line.REPURCHASES] += 1.0
            relation.cause = Cause.LAPSED
        else:
            old_offer = market.offers[usual, old.tier]
            old.cause = evaluate.reason_to_switch(person, old, old_offer, relation, offer, log_reference, behaviour)
    person.is_alert = False
    is_dearer = relation.bought_at >= 0 and search.is_price_jump(offer.log_price, log_reference, behaviour)
    buy.judge_price(relation, is_dearer, behaviour)
    if relation.bought_at < 0:
        relation.expectation = use.promise(offer, behaviour)
    has_choice = (person.reach & (person.reach - np.uint32(1))) != 0
    margin = buy.pay(person, relation, f, offer, clock.period, behaviour, books, since)
    buy.adapt(person, offer, behaviour)
    buy.form_habit(town.relations, i, f, has_choice, behaviour)
    person.usual = f
    pulse = town.pulses[i]
    pulse.lapse_at = min(np.int64(pulse.lapse_at), clock.period + behaviour.activity_window)
    books[f, relation.tier, person.type, Line.CONSIDERED] += n_considered
    return margin


@inline
def live_with_it(i, f, k, town, market, behaviour, clock, said, books, since, desk):  # type: ignore[no-untyped-def]
    """Use what was bought from firm ``f``; complain, learn, and speak of it, or walk out."""
    person, relation = town.people[i], town.relations[i, f]
    offer = market.offers[f, relation.tier]
    cell = books[f, relation.tier, person.type]
    u_radius, u_angle = to_unit(desk.words[0, k]), to_unit(desk.words[1, k])
    u_failure, u_complain = to_unit(desk.words[2, k]), to_unit(desk.words[3, k])
    u_recover, u_speak = to_unit(desk.more_words[0, k]), to_unit(desk.more_words[1, k])
    lived = use.experience(offer, u_radius, u_angle, behaviour)
    has_failed = u_failure < offer.failure_rate
    satisfaction, attachment = relation.satisfaction, np.float64(relation.attachment)
    if has_failed:
        lived -= after_sales.bear_failure(relation, offer, u_complain, u_recover, cell, behaviour)
    else:
        relation.strikes *= behaviour.strike_fade
    felt = after_sales.update_satisfaction(relation, lived, behaviour)
    after_sales.update_attachment(person, relation, lived, felt, market.norm, behaviour)
    after_sales.judge_quality(relation, has_failed, felt, behaviour)
    cell[Line.SATISFACTION_CHANGE] += level(relation.satisfaction - satisfaction)
    cell[Line.ATTACHMENT_CHANGE] += relation.attachment - attachment
    talk.speak(i, person, relation, f, felt, u_speak, behaviour, said, cell)
    if has_failed:
        person.is_alert = True
        if after_sales.walks_out(person, relation):
            membership.leave(person, relation, f, Cause.FAILURE, offer.entry_tier, books, since)
            relation.barred_until = clock.period + behaviour.quit_periods
            relation.strikes = 0.0
            person.usual = NOBODY
