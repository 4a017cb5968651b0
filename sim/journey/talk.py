"""Talk: word of mouth. Speakers speak of their own experience; listeners pull what their neighbours said.

Every listener reads what was said in this period's life, never what a neighbour has just come to think, so the order of
listeners, and the number of threads, is nothing.
"""

from __future__ import annotations

import numpy as np

from sim.accounts import Line
from sim.compiled import inline, kernel, parallel_kernel, prange
from sim.draws import Stream, block
from sim.prefetch import prefetch_row
from sim.records import NOBODY, identity, in_steps, level

LISTENERS_AHEAD = 4  # for whose records memory is asked in advance


@inline
def speak(i, person, relation, f, felt, luck, behaviour, said, cell):  # type: ignore[no-untyped-def]
    """Let a customer tell of a bad experience, or praise a firm they are attached to or delighted by."""
    if felt < 0.0:
        if luck < person.talk * behaviour.grievance_rate * -felt:
            tell(i, f, felt, 0, said)
            cell[Line.GRIEVANCES] += 1.0
    else:
        warmth = max(felt, relation.attachment)
        if luck < person.talk * behaviour.praise_rate * warmth:
            tell(i, f, warmth, 0, said)
            cell[Line.PRAISE] += 1.0


@inline
def tell(i, f, valence, steps, said):  # type: ignore[no-untyped-def]
    """Put a word into person ``i``'s mouth for this period."""
    said.firm[i] = f
    said.valence[i] = in_steps(valence)
    said.steps[i] = steps


@inline
def put_down(i, f, valence, steps, said):  # type: ignore[no-untyped-def]
    """Keep a word for person ``i`` to say in the next period of life."""
    said.next_firm[i] = f
    said.next_valence[i] = in_steps(valence)
    said.next_steps[i] = steps


@inline
def repeat_what_was_heard(i, said):  # type: ignore[no-untyped-def]
    """Begin the period by saying what was heard last period and is passed on, or nothing."""
    said.firm[i] = said.next_firm[i]
    if said.next_firm[i] != NOBODY:
        said.valence[i] = said.next_valence[i]
        said.steps[i] = said.next_steps[i]
        said.next_firm[i] = NOBODY


@inline
def owe_nothing(b, said):  # type: ignore[no-untyped-def]
    """Begin the period of block ``b`` without purchases that praise led to."""
    said.n_credits[b] = 0


@kernel
def settle_credit(town, network, said):  # type: ignore[no-untyped-def]
    """Credit the margin of this period's purchases to those whose praise led to them, in the order of buyers."""
    n_blocks, n = said.n_credits.size, said.firm.size
    for b in range(n_blocks):
        first = b * n // n_blocks
        last = first + said.n_credits[b]
        for place in range(first, last):
            i = said.credit_buyer[place]
            told = town.relations[i, said.credit_firm[place]]
            teller = network.neighbours[network.first[i] + told.told_by]
            is_still_here = town.pulses[teller].birth <= told.told_at
            said.credit_to[place] = teller if is_still_here else NOBODY
            prefetch_row(town.relations, np.int64(teller))  # type: ignore[call-arg]
        for place in range(first, last):
            teller = said.credit_to[place]
            if teller != NOBODY:
                town.relations[teller, said.credit_firm[place]].credit += said.credit_money[place]


@parallel_kernel
def spread_news(network, said):  # type: ignore[no-untyped-def]
    """Mark everyone who has a neighbour that speaks, so that the others need not look."""
    n_blocks, n = said.n_credits.size, said.firm.size
    for b in prange(n_blocks):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            if said.firm[i] != NOBODY:
                mark_listeners(i, network, said)


@inline
def mark_listeners(i, network, said):  # type: ignore[no-untyped-def]
    """Mark those whom person ``i`` talks with; whoever else marks them at the same time writes the same."""
    for k in range(network.first[i], network.first[i + 1]):
        said.has_news[network.neighbours[k]] = True


@parallel_kernel
def listen(town, network, behaviour, clock, said, books):  # type: ignore[no-untyped-def]
    """Let everyone take in what each neighbour said this period; a grievance may be passed on in the next."""
    n_blocks, n = books.shape[0], said.firm.size
    for b in prange(n_blocks):
        first, last = b * n // n_blocks, (b + 1) * n // n_blocks
        listeners, n_listeners = np.empty(last - first, np.int32), 0
        for i in range(first, last):
            if said.has_news[i]:
                listeners[n_listeners] = i
                n_listeners += 1
        own_books = books[b]
        for k in range(n_listeners):
            if k + LISTENERS_AHEAD < n_listeners:
                ahead = listeners[k + LISTENERS_AHEAD]
                prefetch_row(town.people, np.int64(ahead))  # type: ignore[call-arg]
                prefetch_row(town.relations, np.int64(ahead))
            take_in(np.int64(listeners[k]), town, network, behaviour, clock, said, own_books)


@inline
def take_in(i, town, network, behaviour, clock, said, books):  # type: ignore[no-untyped-def]
    """Let person ``i`` hear each neighbour that speaks, in the order of the ties.

    A function of its own, not the body of the parallel loop: there Numba loses what is stored into the arrays of a
    tuple, and no grievance was ever passed on.
    """
    said.has_news[i] = False
    person = town.people[i]
    first = network.first[i]
    for k in range(first, network.first[i + 1]):
        speaker = network.neighbours[k]
        f = said.firm[speaker]
        if f == NOBODY:
            continue
        valence, steps = level(said.valence[speaker]), said.steps[speaker]
        relation = town.relations[i, f]
        is_reachable = (person.reach >> f) & 1 == 1
        cell = books[f, relation.tier, person.type]
        cell[Line.PRAISE_HEARD.value if valence > 0.0 else Line.GRIEVANCES_HEARD.value] += 1.0
        is_usual = person.usual == f
        tie = network.strengths[network.tie[k]]
        if hear(relation, is_reachable, is_usual, k - first, valence, tie, clock.period, behaviour):
            person.is_alert = True
        if valence < 0.0 and steps < behaviour.relay_steps and said.next_firm[i] == NOBODY:
            who = identity(town.pulses[i], i)
            _, _, u_relay, _ = block(clock.seed, Stream.RELAY // 4, clock.period, who, 1 + k - first)
            if u_relay < behaviour.relay_rate:
                put_down(i, f, valence, steps + 1, said)


@inline
def hear(relation, is_reachable, is_usual, which_tie, valence, tie, period, behaviour):  # type: ignore[no-untyped-def]
    """Take in one word on a firm: opinion moves, the firm becomes known, and who praised it is remembered.

    Returns whether it is news that makes the listener look around: praise of a firm that is not the usual one.
    """
    opinion = level(relation.opinion)
    relation.opinion = in_steps(opinion + behaviour.influence * tie * (valence - opinion))
    if is_reachable:
        relation.is_aware = True
    if valence > 0.0 and not is_usual:
        relation.told_by = which_tie
        relation.told_at = period
        return is_reachable
    return False
