"""One period in the life of every customer: the stages of the value chain, joined."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import Cause, Line
from sim.compiled import inline, parallel_kernel
from sim.customers import be_born, change_of, release_of, set_free
from sim.draws import Stream, draw_together, exponentials, normals, to_unit, wait_for, whims
from sim.journey import after_sales, buy, evaluate, membership, need, programme, search, talk, use
from sim.life_stages import end_of_stage, enter_next_stage
from sim.prefetch import prefetch_row
from sim.records import NEVER, NOBODY, identity, level

PEOPLE_AT_ONCE = 32  # looked at together for somebody who repeats what they heard
NEEDS_AT_ONCE = 32  # that are met together, stage by stage ...
NEEDS_AHEAD = 4  # ... while memory is asked for the relations of the next
LAPSES_AHEAD = 16  # people whose records are asked for if a membership may lapse


class Desk(NamedTuple):
    """Where a block of people keeps what it works on; ``width`` addresses are drawn at once."""

    awake: npt.NDArray[np.int64]  # shape (people in the block + 1,): rows of those to whom something happens
    considered: npt.NDArray[np.int64]  # shape (n_firms + 1,): firms that come to one person's mind
    chosen: npt.NDArray[np.int64]  # shape (NEEDS_AT_ONCE,): the firm bought from, or NOBODY
    n_considered: npt.NDArray[np.int64]  # shape (NEEDS_AT_ONCE,)
    has_jumped: npt.NDArray[np.bool_]  # shape (NEEDS_AT_ONCE,): the usual firm's price, by more than is overlooked
    buyer: npt.NDArray[np.int64]  # shape (NEEDS_AT_ONCE,): place, of those in need, of each buyer
    who: npt.NDArray[np.int64]  # shape (width,): addresses to draw at
    slot: npt.NDArray[np.int64]  # shape (width,)
    no_slot: npt.NDArray[np.int64]  # shape (NEEDS_AT_ONCE,): zeros
    luck: npt.NDArray[np.uint32]  # shape (4, NEEDS_AT_ONCE): what was drawn for the person
    words: npt.NDArray[np.uint32]  # shape (4, width): what was drawn for the person and a firm
    whim_outside: npt.NDArray[np.float64]  # shape (NEEDS_AT_ONCE,)
    patience: npt.NDArray[np.float64]  # shape (NEEDS_AT_ONCE,): exponential draw for the wait for the next need
    variation: npt.NDArray[np.float64]  # shape (NEEDS_AT_ONCE,): normal draw for how good the purchase turns out
    whim: npt.NDArray[np.float64]  # shape (width,)
    n_on_roll: npt.NDArray[np.int64]  # shape (2,): buyers and movers of the block so far


@parallel_kernel
def live_through(  # type: ignore[no-untyped-def]
    share, town, network, market, behaviour, origins, clock, open_access, said, roll, books, since
):
    """Let every customer live through one period.

    Customers are taken in blocks of rows fixed by the size of the town; each block keeps its own books, so that sums
    are added in the same order whatever the number of threads. In a block, time passes for everybody first; then those
    with a need meet it, in order.

    Parameters
    ----------
    town : Town
        The people and their relations; changed in place.
    network : Network
        Who talks with whom; read only.
    market : Market
        What firms have posted; read only.
    behaviour : Behaviour
        The rules of behaviour.
    origins : Origins
        What decides who moves in.
    clock : Clock
        Seed and period. Streams used: the groups of OUTSIDE, NOTICE, EXPERIENCE and FREED, and those of birth.
    open_access : uint32
        Bit ``f`` set: captive newcomers can reach firm ``f``.
    said : Said
        Who says what this period; filled in.
    roll : Roll
        Who bought and who moved in; filled in if there is room.
    books : array, shape (n_blocks, n_firms, n_tiers, 7 types, n_lines)
        The books of the period; added to.
    since : array of int32, shape (n_blocks, n_firms, n_periods, 1 or n_tiers * 7)
        Customers by the period in which their membership began, all together or by tier and type; kept up to date.
    """
    n_blocks, n, n_firms = books.shape[0], town.pulses.size, books.shape[1]
    width = NEEDS_AT_ONCE * n_firms
    for b in range(share.first, n_blocks, share.step):
        first, last = b * n // n_blocks, (b + 1) * n // n_blocks
        desk = Desk(
            np.empty(last - first + 1, np.int64),
            np.empty(n_firms + 1, np.int64),
            np.empty(NEEDS_AT_ONCE, np.int64),
            np.empty(NEEDS_AT_ONCE, np.int64),
            np.empty(NEEDS_AT_ONCE, np.bool_),
            np.empty(NEEDS_AT_ONCE, np.int64),
            np.empty(width, np.int64),
            np.empty(width, np.int64),
            np.zeros(NEEDS_AT_ONCE, np.int64),
            np.empty((4, NEEDS_AT_ONCE), np.uint32),
            np.empty((4, width), np.uint32),
            np.empty(NEEDS_AT_ONCE, np.float64),
            np.empty(NEEDS_AT_ONCE, np.float64),
            np.empty(NEEDS_AT_ONCE, np.float64),
            np.empty(width, np.float64),
            np.zeros(2, np.int64),
        )
        block = np.int64(b)  # of one type with and without threads, so that a block's life is compiled once
        live_in_block(
            block,
            first,
            last,
            town,
            network,
            market,
            behaviour,
            origins,
            clock,
            open_access,
            said,
            roll,
            books,
            since,
            desk,
        )
        roll.n_buyers[b], roll.n_movers[b] = desk.n_on_roll[0], desk.n_on_roll[1]
        talk.spread_news(first, last, network, said, desk.awake)


@inline
def live_in_block(  # type: ignore[no-untyped-def]
    b, first, last, town, network, market, behaviour, origins, clock, open_access, said, roll, books, since, desk
):
    """Let the people of block ``b``, in the rows from ``first`` to before ``last``, live through one period."""
    talk.owe_nothing(b, said)
    own_books, own_since = books[b], since[b]
    turn_the_page(first, last, said)
    n_awake = 0
    for i in range(first, last):
        desk.awake[n_awake] = i
        n_awake += town.pulses[i].wake_at <= clock.period
    n_in_need = np.int64(0)  # not the constant 0, for which what follows would be compiled once more
    for k in range(n_awake):
        i = desk.awake[k]
        prefetch_if_lapsing(desk.awake[min(k + LAPSES_AHEAD, n_awake - 1)], town, clock)
        if town.pulses[i].leave_at <= clock.period:
            give_way(i, first, town, market, origins, clock, open_access, said, roll, own_books, own_since, desk)
        elif wake_up(i, town, market, behaviour, origins, clock, own_books, own_since):
            desk.awake[n_in_need] = i  # those with a need close ranks at the front, in order
            n_in_need += 1
    for start in range(0, n_in_need, NEEDS_AT_ONCE):
        n_now = min(np.int64(NEEDS_AT_ONCE), n_in_need - start)
        meet_needs(
            start, n_now, n_in_need, b, first, town, market, behaviour, clock, said, roll, own_books, own_since, desk
        )
        for k in range(start, start + n_now):
            i = desk.awake[k]
            need.set_alarm(town.pulses[i], change_of(town, i, origins.release_rate, clock.seed))


@inline
def turn_the_page(first, last, said):  # type: ignore[no-untyped-def]
    """Let everyone begin the period by saying what they heard and pass on, or nothing."""
    for start in range(first, last, PEOPLE_AT_ONCE):
        end = min(start + PEOPLE_AT_ONCE, last)
        n_repeat = 0
        for i in range(start, end):
            said.firm[i] = said.next_firm[i]
            n_repeat += said.next_firm[i] != NOBODY
        if n_repeat > 0:
            for i in range(start, end):
                talk.repeat_what_was_heard(i, said)


@inline
def prefetch_if_lapsing(i, town, clock):  # type: ignore[no-untyped-def]
    """Ask memory for the records of person ``i`` if a membership may lapse."""
    if town.pulses[i].lapse_at <= clock.period:
        prefetch_row(town.people, i)  # type: ignore[call-arg]
        prefetch_row(town.relations, i)


@inline
def put_down(i, first, rows, n_rows, which):  # type: ignore[no-untyped-def]
    """Put person ``i`` on the block's part of a list, from ``first`` on, if there is room for a list at all."""
    if rows.size > 0:
        rows[first + n_rows[which]] = i
        n_rows[which] += 1


@inline
def give_way(i, first, town, market, origins, clock, open_access, said, roll, books, since, desk):  # type: ignore[no-untyped-def]
    """Let the person of row ``i`` move away, and somebody else move in, who begins to live in the next period."""
    membership.move_away(i, town, market, books, since)
    be_born(i, clock.period + 1, open_access, clock.seed, town, origins)
    said.firm[i] = NOBODY
    put_down(i, first, roll.mover, desk.n_on_roll, 1)


@inline
def wake_up(i, town, market, behaviour, origins, clock, books, since):  # type: ignore[no-untyped-def]
    """Let happen what is due to person ``i``: lapsing, freedom, a new stage of life. Return whether there is a need."""
    pulse = town.pulses[i]
    if pulse.lapse_at <= clock.period:
        membership.let_lapse(i, clock.period, town, market, behaviour, books, since)
    if release_of(town.people, i, origins.release_rate, clock.seed) <= clock.period:
        set_free(town, i, clock.period, clock.seed)
    if end_of_stage(town, i) <= clock.period:
        enter_next_stage(i, behaviour.constrained_rate, clock, town, origins.stages)
    if pulse.need_at <= clock.period:
        return True
    need.set_alarm(pulse, change_of(town, i, origins.release_rate, clock.seed))
    return False


@inline
def meet_needs(  # type: ignore[no-untyped-def]
    start, n, n_in_need, b, first, town, market, behaviour, clock, said, roll, books, since, desk
):
    """Take ``n`` people with a need through the stages: search, evaluate and choose; then buy, use, live with it.

    Each firm's draws are keyed to the firm, so that one firm's offer changes only the choices it should: common random
    numbers, and no dependence on the order in which firms are listed.
    """
    n_firms = books.shape[0]
    for k in range(n):
        i = desk.awake[start + k]
        for f in range(n_firms):
            desk.who[k * n_firms + f] = identity(town.people[i], i)
            desk.slot[k * n_firms + f] = market.offers[f, 0].slot
    draw_together(clock.seed, Stream.NOTICE // 4, clock.period, desk.who, desk.slot, n * n_firms, desk.words)
    for k in range(n):
        desk.who[k] = desk.who[k * n_firms]
    draw_together(clock.seed, Stream.OUTSIDE // 4, clock.period, desk.who, desk.no_slot, n, desk.luck)
    whims(desk.words[1], n * n_firms, desk.whim)
    whims(desk.luck[0], n, desk.whim_outside)
    exponentials(desk.luck[1], n, desk.patience)
    n_buyers = 0
    for k in range(n):
        i = desk.awake[start + k]
        last = n_in_need - 1
        prefetch_row(town.people, desk.awake[min(start + k + NEEDS_AT_ONCE, last)])  # type: ignore[call-arg]
        prefetch_row(town.relations, desk.awake[min(start + k + NEEDS_AHEAD, last)])
        desk.chosen[n_buyers], desk.buyer[n_buyers] = choose(i, k, town, market, behaviour, clock, desk), k
        need_again(i, desk.patience[k], town, behaviour, clock)
        n_buyers += desk.chosen[n_buyers] != NOBODY
    for place in range(n_buyers):
        desk.who[place] = desk.who[desk.buyer[place]]  # in order: nobody's place is taken before it is read
        desk.slot[place] = market.offers[desk.chosen[place], 0].slot
    draw_together(clock.seed, Stream.EXPERIENCE // 4, clock.period, desk.who, desk.slot, n_buyers, desk.words)
    normals(desk.words[0], n_buyers, desk.variation)
    for place in range(n_buyers):
        k, f = desk.buyer[place], desk.chosen[place]
        i = desk.awake[start + k]
        is_first = town.relations[i, f].bought_at == NOBODY
        margin = acquire(i, f, desk.n_considered[k], desk.has_jumped[k], town, market, behaviour, clock, books, since)
        buy.credit_word_of_mouth(i, town.relations[i, f], f, is_first, margin, b, clock.period, behaviour, said)
        live_with_it(i, f, place, k, town, market, behaviour, clock, said, books, since, desk)
        if town.people[i].usual != NOBODY:
            put_down(i, first, roll.buyer, desk.n_on_roll, 0)


@inline
def need_again(i, patience, town, behaviour, clock):  # type: ignore[no-untyped-def]
    """Note that person ``i`` has looked around in this period, and when the next need comes."""
    person = town.people[i]
    rate = np.float64(person.rate) * (behaviour.constrained_rate if person.is_constrained else 1.0)
    person.seen = clock.period
    town.pulses[i].need_at = min(NEVER, clock.period + wait_for(patience, rate))


@inline
def choose(i, k, town, market, behaviour, clock, desk):  # type: ignore[no-untyped-def]
    """Return the firm bought from, or NOBODY; note the number of firms considered."""
    person = town.people[i]
    log_reference = np.float64(person.log_reference)
    usual = person.usual
    has_usual = usual != NOBODY
    has_jumped = False
    if has_usual:
        posted = market.offers[usual, town.relations[i, usual].tier]
        has_jumped = search.is_price_jump(person, i, posted.log_price, log_reference, behaviour, clock.seed)
    desk.has_jumped[k] = has_jumped
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

    best, best_utility = NOBODY, behaviour.outside_utility + desk.whim_outside[k]
    for place in range(n_considered):
        f = desk.considered[place]
        relation = town.relations[i, f]
        offer = market.offers[f, relation.tier]
        points, card = programme.points_held(i, f, offer, town, market), programme.card_of(i, f, offer, market)
        value = evaluate.perceived_value(person, relation, points, card, offer, log_reference, behaviour)
        if offer.win_back > 0.0 and market.called_back[i, f]:
            value += evaluate.value_of_win_back(person, offer)
        utility = value + desk.whim[k * n_firms + f]
        if utility > best_utility:
            best, best_utility = f, utility
    if best == NOBODY and has_usual:
        town.relations[i, usual].cause = Cause.UNMET_NEED
    return best


@inline
def acquire(i, f, n_considered, has_jumped, town, market, behaviour, clock, books, since):  # type: ignore[no-untyped-def]
    """Leave the usual firm or stay, and buy; return the firm's margin on the purchase, in money."""
    person, relation = town.people[i], town.relations[i, f]
    log_reference = np.float64(person.log_reference)
    offer = market.offers[f, relation.tier]
    card = programme.card_of(i, f, offer, market)
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
            old.cause = evaluate.reason_to_switch(
                person,
                old,
                programme.points_held(i, usual, old_offer, town, market),
                programme.card_of(i, usual, old_offer, market),
                old_offer,
                relation,
                programme.points_held(i, f, offer, town, market),
                card,
                offer,
                log_reference,
                behaviour,
            )
    person.is_alert = False
    if f != usual and relation.bought_at >= 0:
        has_jumped = search.is_price_jump(person, i, offer.log_price, log_reference, behaviour, clock.seed)
    is_dearer = relation.bought_at >= 0 and has_jumped
    buy.judge_price(relation, is_dearer, behaviour)
    if relation.bought_at < 0:
        relation.expectation = use.promise(offer, behaviour)
    has_choice = (person.reach & (person.reach - np.uint32(1))) != 0
    margin = buy.pay(i, f, card, offer, town, market, clock.period, books, since)
    if offer.programme > 0.0 and card > 0:
        cell = books[f, relation.tier, person.type]
        cell[Line.MEMBER_PURCHASES] += 1.0
        cell[Line.MEMBER_REPURCHASES] += f == usual
    buy.adapt(person, offer, behaviour)
    buy.form_habit(town.relations, i, f, has_choice, behaviour)
    person.usual = f
    pulse = town.pulses[i]
    pulse.lapse_at = min(np.int64(pulse.lapse_at), clock.period + behaviour.activity_window)
    books[f, relation.tier, person.type, Line.CONSIDERED] += n_considered
    return margin


@inline
def live_with_it(i, f, place, k, town, market, behaviour, clock, said, books, since, desk):  # type: ignore[no-untyped-def]
    """Use what was bought from firm ``f``; complain, learn, and speak of it, or walk out."""
    person, relation = town.people[i], town.relations[i, f]
    offer = market.offers[f, relation.tier]
    cell = books[f, relation.tier, person.type]
    u_failure, u_complain = to_unit(desk.words[2, place]), to_unit(desk.words[3, place])
    u_recover, u_speak = to_unit(desk.luck[2, k]), to_unit(desk.luck[3, k])
    lived = use.experience(offer, desk.variation[place], behaviour)
    has_failed = u_failure < offer.failure_rate
    satisfaction, attachment = relation.satisfaction, np.float64(relation.attachment)
    if has_failed:
        lived -= after_sales.bear_failure(person, relation, offer, u_complain, u_recover, cell, behaviour)
    else:
        relation.strikes *= behaviour.strike_fade
    felt = after_sales.update_satisfaction(relation, lived, behaviour)
    after_sales.update_attachment(person, relation, lived, felt, market.norm, behaviour)
    after_sales.judge_quality(relation, has_failed, felt, behaviour)
    cell[Line.SATISFACTION_CHANGE] += level(relation.satisfaction - satisfaction)
    cell[Line.ATTACHMENT_CHANGE] += relation.attachment - attachment
    talk.speak(i, person, relation, f, felt, u_speak, offer, behaviour, said, cell)
    if has_failed:
        person.is_alert = True
        if after_sales.walks_out(person, relation):
            membership.leave(person, relation, f, Cause.FAILURE, offer.entry_tier, books, since)
            relation.barred_until = min(NEVER, clock.period + behaviour.quit_periods)
            relation.strikes = 0.0
            person.usual = NOBODY
