"""One period in the life of every customer: the stages of the value chain, joined."""

from __future__ import annotations

import math

import numpy as np

from sim.accounts import Cause, Line
from sim.compiled import inline, parallel_kernel, prange
from sim.customers import NOBODY, be_born
from sim.draws import Stream, block, gumbel
from sim.journey import after_sales, buy, evaluate, membership, need, search, talk, use
from sim.prefetch import prefetch_row

LOOK_AHEAD = 2  # needs for whose records memory is asked in advance


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
    n_blocks, n = books.shape[0], town.pulses.size
    for b in prange(n_blocks):
        own_books, own_since = books[b], since[b]
        first, last = b * n // n_blocks, (b + 1) * n // n_blocks
        in_need = np.empty(last - first, dtype=np.int64)
        luck = np.empty(last - first, dtype=np.float64)
        n_in_need = 0
        for i in range(first, last):
            has_need, u_outside = pass_time(
                i, town, market, behaviour, origins, clock, open_access, said, own_books, own_since
            )
            if has_need:
                in_need[n_in_need], luck[n_in_need] = i, u_outside
                n_in_need += 1
        for k in range(n_in_need):
            if k + LOOK_AHEAD < n_in_need:
                prefetch_row(town.people, in_need[k + LOOK_AHEAD])  # type: ignore[call-arg]
                prefetch_row(town.relations, in_need[k + LOOK_AHEAD])
            meet_need(in_need[k], luck[k], town, market, behaviour, clock, said, own_books, own_since)


@inline
def pass_time(i, town, market, behaviour, origins, clock, open_access, said, books, since):  # type: ignore[no-untyped-def]
    """Let a period pass for person ``i``: repeat what was heard, move away, lapse, be set free.

    Returns whether a need arises, and the draw for buying nowhere.
    """
    talk.repeat_what_was_heard(i, said)
    pulse = town.pulses[i]
    u_move, u_need, u_release, u_outside = block(clock.seed, Stream.MOVE // 4, clock.period, pulse.id, 0)
    if u_move < behaviour.turnover:
        membership.move_away(i, town, market, books, since)
        newcomer = ((clock.period + 1) << 32) | (pulse.id & 0xFFFFFFFF)
        be_born(i, newcomer, clock.period, open_access, clock.seed, town, origins)
        said.firm[i] = NOBODY
        return False, u_outside
    if pulse.lapse_at <= clock.period:
        membership.let_lapse(i, clock.period, town, market, behaviour, books, since)
    if behaviour.release_rate > 0.0 and need.is_set_free(town.people[i], behaviour.release_rate, u_release):
        town.people[i].is_constrained = False
        pulse.rate = town.people[i].rate
    return need.arises(pulse, u_need), u_outside


@inline
def meet_need(i, u_outside, town, market, behaviour, clock, said, books, since):  # type: ignore[no-untyped-def]
    """Search, evaluate and choose; then buy, use, and live with it."""
    person = town.people[i]
    log_reference = math.log(np.float64(person.reference_price))
    f, n_considered = choose(i, u_outside, log_reference, town, market, behaviour, clock)
    usual = person.usual
    person.seen = clock.period
    if f == NOBODY:
        return
    relation = town.relations[i, f]
    offer = market.offers[f, relation.tier]
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
    has_choice = (person.reach & (person.reach - np.uint32(1))) != 0
    is_dearer = relation.bought_at >= 0 and search.is_price_jump(offer.log_price, log_reference, behaviour)

    if relation.bought_at < 0:
        relation.expectation = use.promise(offer, behaviour)
    margin = buy.pay(person, relation, f, offer, clock.period, behaviour, books, since)
    buy.adapt(person, relation, offer, log_reference, behaviour)
    buy.form_habit(town.relations, i, f, has_choice, behaviour)
    buy.credit_word_of_mouth(i, relation, f, margin, clock.period, behaviour, said)
    person.usual = f
    pulse = town.pulses[i]
    pulse.lapse_at = min(pulse.lapse_at, clock.period + behaviour.activity_window)

    cell = books[f, relation.tier, person.type]
    cell[Line.CONSIDERED] += n_considered
    u_radius, u_angle, u_failure, u_complain = block(
        clock.seed, Stream.EXPERIENCE // 4, clock.period, pulse.id, offer.slot
    )
    u_recover, u_speak, _, _ = block(clock.seed, Stream.RECOVER // 4, clock.period, pulse.id, 0)
    lived = use.experience(offer, u_radius, u_angle, behaviour)
    has_failed = u_failure < offer.failure_rate
    satisfaction, attachment = relation.satisfaction, relation.attachment
    if has_failed:
        lived -= after_sales.bear_failure(relation, offer, u_complain, u_recover, cell, behaviour)
    else:
        relation.strikes *= behaviour.strike_fade
    felt = after_sales.update_satisfaction(relation, lived, behaviour)
    after_sales.update_attachment(person, relation, lived, felt, market.norm, behaviour)
    after_sales.update_trust(relation, has_failed, felt, is_dearer, behaviour)
    cell[Line.SATISFACTION_CHANGE] += np.float64(relation.satisfaction) - satisfaction
    cell[Line.ATTACHMENT_CHANGE] += np.float64(relation.attachment) - attachment
    talk.speak(i, person, relation, f, felt, u_speak, behaviour, said, cell)
    if has_failed:
        person.is_alert = True
        if after_sales.walks_out(person, relation):
            membership.leave(person, relation, f, Cause.FAILURE, offer.entry_tier, books, since)
            relation.barred_until = clock.period + behaviour.quit_periods
            relation.strikes = 0.0
            person.usual = NOBODY


@inline
def choose(i, u_outside, log_reference, town, market, behaviour, clock):  # type: ignore[no-untyped-def]
    """Return the firm bought from, or NOBODY, and the number of firms considered.

    Each firm's draws are keyed to the firm, so that one firm's offer changes only the choices it should: common random
    numbers, and no dependence on the order in which firms are listed.
    """
    person, pulse = town.people[i], town.pulses[i]
    usual = person.usual
    has_usual = usual != NOBODY
    has_jumped = False
    if has_usual:
        posted = market.offers[usual, town.relations[i, usual].tier]
        has_jumped = search.is_price_jump(posted.log_price, log_reference, behaviour)
    effort = search.effort_of_search(person, has_usual, has_jumped, behaviour)
    elapsed = clock.period - person.seen

    best, best_utility, n_considered = NOBODY, behaviour.outside_utility + gumbel(u_outside), 0
    for f in range(town.relations.shape[1]):
        relation = town.relations[i, f]
        offer = market.offers[f, relation.tier]
        is_reachable = (person.reach >> f) & 1 == 1
        if not offer.is_open or not is_reachable:
            continue
        is_usual = f == usual
        u_notice, u_choice, u_ad, u_forget = block(clock.seed, Stream.NOTICE // 4, clock.period, pulse.id, offer.slot)
        exposure = market.exposure[clock.period + 1, f] - market.exposure[person.seen + 1, f]
        search.refresh_awareness(relation, is_usual, exposure, elapsed, u_ad, u_forget, behaviour)
        if relation.barred_until > clock.period or offer.quality_value < 0.0:
            continue
        if search.comes_to_mind(relation, is_usual, effort, offer.ad_reach, u_notice):
            n_considered += 1
            utility = evaluate.perceived_value(person, relation, offer, log_reference, behaviour) + gumbel(u_choice)
            if utility > best_utility:
                best, best_utility = f, utility
    return best, n_considered
