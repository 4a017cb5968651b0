"""Talk: word of mouth. Speakers speak of their own experience; listeners pull what their neighbours said.

Every listener reads what was said in this period's life, never what a neighbour has just come to think, so the order of
listeners, and the number of threads, is nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import Line
from sim.compiled import inline, kernel, parallel_kernel, seldom
from sim.draws import Stream, block
from sim.network import strength_of
from sim.prefetch import prefetch_row
from sim.records import NOBODY, identity, in_steps, level

SPEAKERS_AT_ONCE = 32  # whose news spread together, and ...
LISTENERS_AT_ONCE = 32  # ... who listen together, while memory is asked for what they touch next
WORDS_AT_ONCE = 64  # that are found before they are taken in


class Ears(NamedTuple):
    """Who in a block listens, and words on their way to some of them."""

    listener: npt.NDArray[np.int64]  # shape (people in the block + 1,)
    hearer: npt.NDArray[np.int64]  # shape (WORDS_AT_ONCE + 1,): the row of the listener
    tie: npt.NDArray[np.int64]  # shape (WORDS_AT_ONCE + 1,): the place in the network of the tie to who speaks


@inline
def speak(i, person, relation, f, felt, luck, offer, behaviour, said, cell):  # type: ignore[no-untyped-def]
    """Let a customer tell of a bad experience, or praise a firm they are attached to or delighted by."""
    if felt < 0.0:
        if luck < person.talk * behaviour.grievance_rate * -felt:
            tell(i, f, felt, 0, said)
            cell[Line.GRIEVANCES] += 1.0
    else:
        warmth = max(felt, relation.attachment)
        if luck < person.talk * behaviour.praise_rate * warmth * offer.readiness:
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


@inline
def teller_of(buyer, f, town, network):  # type: ignore[no-untyped-def]
    """Return the row of who last praised firm ``f`` to a buyer, who has not listened since, or NOBODY if they moved."""
    relation = town.relations[buyer, f]
    teller = network.neighbours[network.first[buyer] + relation.told_by]
    return teller if town.people[teller].birth <= relation.told_at else NOBODY


@kernel
def settle_credit(town, network, said):  # type: ignore[no-untyped-def]
    """Credit the margin of this period's purchases to those whose praise led to them, in the order of buyers."""
    n_blocks, n = said.n_credits.size, said.firm.size
    for b in range(n_blocks):
        first = b * n // n_blocks
        last = first + said.n_credits[b]
        prefetch_tellers(first, last, town, network, said)
        for place in range(first, last):
            teller = teller_of(said.credit_buyer[place], said.credit_firm[place], town, network)
            if teller != NOBODY:
                town.relations[teller, said.credit_firm[place]].credit += said.credit_money[place]


@inline
def prefetch_tellers(first, last, town, network, said):  # type: ignore[no-untyped-def]
    """Ask for what it takes to find those who praised, and then for them, a step for all before the next."""
    for place in range(first, last):
        buyer = np.int64(said.credit_buyer[place])
        prefetch_row(network.first, buyer)  # type: ignore[call-arg]
        prefetch_row(town.relations[:, said.credit_firm[place]], buyer)
    for place in range(first, last):
        buyer = np.int64(said.credit_buyer[place])
        told_by = town.relations[buyer, said.credit_firm[place]].told_by
        prefetch_row(network.neighbours, np.int64(network.first[buyer] + told_by))  # type: ignore[call-arg]
    for place in range(first, last):
        buyer, f = said.credit_buyer[place], said.credit_firm[place]
        teller = np.int64(network.neighbours[network.first[buyer] + town.relations[buyer, f].told_by])
        prefetch_row(town.people, teller)  # type: ignore[call-arg]
        prefetch_row(town.relations[:, f], teller)


@inline
def spread_news(first, last, network, said, speaker):  # type: ignore[no-untyped-def]
    """Mark everyone who has a neighbour in a block that speaks, so that the others need not look.

    Whoever else marks a listener at the same time writes the same. ``speaker`` has room for one more than the block has
    people.
    """
    n_speakers = 0
    for i in range(first, last):
        speaker[n_speakers] = i
        n_speakers += said.firm[i] != NOBODY
    for start in range(0, n_speakers, SPEAKERS_AT_ONCE):
        end = min(start + SPEAKERS_AT_ONCE, n_speakers)
        for which in range(start, end):
            prefetch_row(network.first, speaker[which])  # type: ignore[call-arg]
        for which in range(start, end):
            prefetch_row(network.neighbours, np.int64(network.first[speaker[which]]))  # type: ignore[call-arg]
        for which in range(start, end):
            for k in range(network.first[speaker[which]], network.first[speaker[which] + 1]):
                said.has_news[network.neighbours[k]] = True


@parallel_kernel
def listen(share, town, network, behaviour, clock, said, books):  # type: ignore[no-untyped-def]
    """Let everyone take in what each neighbour said this period; a grievance may be passed on in the next."""
    n_blocks, n = books.shape[0], said.firm.size
    for b in range(share.first, n_blocks, share.step):
        first, last = b * n // n_blocks, (b + 1) * n // n_blocks
        ears = Ears(
            np.empty(last - first + 1, np.int64),
            np.empty(WORDS_AT_ONCE + 1, np.int64),
            np.empty(WORDS_AT_ONCE + 1, np.int64),
        )
        listen_in_block(first, last, town, network, behaviour, clock, said, books[b], ears)


@inline
def listen_in_block(first, last, town, network, behaviour, clock, said, books, ears):  # type: ignore[no-untyped-def]
    """Let those of a block of people listen who have a neighbour that speaks."""
    n_listeners = 0
    for i in range(first, last):
        ears.listener[n_listeners] = i
        n_listeners += said.has_news[i]
        said.has_news[i] = False
    for start in range(0, n_listeners, LISTENERS_AT_ONCE):
        end = min(start + LISTENERS_AT_ONCE, n_listeners)
        hear_neighbours(start, end, n_listeners, town, network, behaviour, clock, said, books, ears)


@inline
def hear_neighbours(start, end, n, town, network, behaviour, clock, said, books, ears):  # type: ignore[no-untyped-def]
    """Let some of the ``n`` listeners hear each neighbour that speaks, in the order of the ties."""
    for which in range(start, end):
        i = ears.listener[which]
        prefetch_row(network.first, ears.listener[min(which + LISTENERS_AT_ONCE, n - 1)])  # type: ignore[call-arg]
        prefetch_row(network.neighbours, np.int64(network.first[i]))
        prefetch_row(network.neighbours, np.int64(network.first[i + 1]) - 1)
    for which in range(start, end):
        i = ears.listener[which]
        for k in range(network.first[i], network.first[i + 1]):
            prefetch_row(said.firm, np.int64(network.neighbours[k]))  # type: ignore[call-arg]
    n_words = 0
    for which in range(start, end):
        i = ears.listener[which]
        for k in range(network.first[i], network.first[i + 1]):
            ears.hearer[n_words], ears.tie[n_words] = i, k
            n_words += said.firm[network.neighbours[k]] != NOBODY
            if n_words == WORDS_AT_ONCE:
                take_in_all(n_words, town, network, behaviour, clock, said, books, ears)
                n_words = 0
    take_in_all(n_words, town, network, behaviour, clock, said, books, ears)


@seldom
def take_in_all(n_words, town, network, behaviour, clock, said, books, ears):  # type: ignore[no-untyped-def]
    """Let the words that were found be taken in, in order."""
    for word in range(n_words):
        i, speaker = ears.hearer[word], np.int64(network.neighbours[ears.tie[word]])
        prefetch_row(town.people, i)  # type: ignore[call-arg]
        prefetch_row(town.relations[:, said.firm[speaker]], i)
        prefetch_row(said.valence, speaker)
    for word in range(n_words):
        take_in(ears.hearer[word], ears.tie[word], town, network, behaviour, clock, said, books)


@inline
def take_in(i, k, town, network, behaviour, clock, said, books):  # type: ignore[no-untyped-def]
    """Let person ``i`` hear what the neighbour at the other end of tie ``k`` says."""
    person, speaker = town.people[i], network.neighbours[k]
    f, valence, steps = said.firm[speaker], level(said.valence[speaker]), said.steps[speaker]
    relation = town.relations[i, f]
    is_reachable = (person.reach >> f) & 1 == 1
    is_usual = person.usual == f
    which_tie = k - network.first[i]
    tie = strength_of(network, k)
    books[f, relation.tier, person.type, Line.PRAISE_HEARD.value if valence > 0.0 else Line.GRIEVANCES_HEARD.value] += (
        1.0
    )
    if hear(relation, is_reachable, is_usual, which_tie, valence, tie, clock.period, behaviour):
        person.is_alert = True
    if valence < 0.0 and steps < behaviour.relay_steps and said.next_firm[i] == NOBODY:
        u_relay, _, _, _ = block(clock.seed, Stream.RELAY // 4, clock.period, identity(person, i), 1 + which_tie)
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
