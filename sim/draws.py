"""Named, counter-based random draws: every number has an address, and nothing else decides it.

A draw is a pure function of ``(seed, stream, period, person, slot)``. There is no generator to advance, so adding a
stream, a customer or a thread never shifts another draw, and two scenarios run with one seed share their luck until a
policy touches it (common random numbers).

The generator is Philox-4x32-10 [1]_, which maps a 128-bit counter and a 64-bit key to four 32-bit words. The address is
laid out so that the key is the seed, the first two counter words name the person, the third the period, and the fourth
the group of streams and the slot. Four streams of one group share a block: one evaluation serves the four decisions
that a customer takes together.

References
----------
.. [1] Salmon, Moraes, Dror & Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", SC'11.
"""

from __future__ import annotations

import math
import zlib
from enum import IntEnum

import numpy as np

from sim.compiled import inline, kernel, seldom


class Stream(IntEnum):
    """The purposes of chance. Streams ``4 g .. 4 g + 3`` are the four words of group ``g``."""

    # at birth, one per person
    TYPE = 0
    LATENT_NATURE = 1
    TALKATIVENESS = 2
    SEARCH_SPREAD = 3
    PRICE_SPREAD = 4
    REWARD_SPREAD = 5
    EFFORT_SPREAD = 6
    QUALITY_SPREAD = 7
    SERVICE_SPREAD = 8
    TOLERANCE_SPREAD = 9
    GAIN_SPREAD = 10
    # at birth, attempts at a gamma draw (slot: the attempt)
    RATE = 12
    RATE_ANGLE = 13
    RATE_ACCEPT = 14
    RATE_BOOST = 15
    BASKET = 16
    BASKET_ANGLE = 17
    BASKET_ACCEPT = 18
    BASKET_BOOST = 19
    # at birth, one per person and firm (slot: the firm)
    TASTE = 20
    DISTANCE = 21
    REACH = 22
    AWARE = 23
    CAPTIVE_TO = 24
    # every period, one per person
    MOVE = 28
    NEED = 29
    RELEASE = 30
    OUTSIDE = 31
    # at a need, one per person and firm (slot: the firm)
    NOTICE = 32
    CHOICE = 33
    ADVERTISING = 34
    FORGET = 35
    # at use and after, one per person
    EXPERIENCE = 36
    EXPERIENCE_ANGLE = 37
    FAILURE = 38
    COMPLAIN = 39
    RECOVER = 40
    SPEAK = 41
    RELAY = 42
    LIFT = 43
    # set-up that no person owns
    NETWORK = 44
    TIE = 45
    SAMPLE = 46


_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_2_TO_MINUS_32 = 2.0**-32
_N_ROUNDS = 10


@inline
def philox(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Return the four words of Philox-4x32-10 for a counter and a key, all as uint64 below 2**32."""
    for _ in range(_N_ROUNDS):
        product_0 = _MULTIPLIER_0 * c0
        product_1 = _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (
            (product_1 >> _32) ^ c1 ^ k0,
            product_1 & _LOW,
            (product_0 >> _32) ^ c3 ^ k1,
            product_0 & _LOW,
        )
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    return c0, c1, c2, c3


@inline
def to_unit(word):  # type: ignore[no-untyped-def]
    """Map a 32-bit word to the middle of one of 2**32 equal steps of (0, 1): never 0, never 1."""
    return (np.float64(word) + 0.5) * _2_TO_MINUS_32


@inline
def block(seed, group, period, person, slot):  # type: ignore[no-untyped-def]
    """Return the four uniforms in (0, 1) of one address; ``group`` is ``stream // 4``.

    Parameters
    ----------
    seed : int
        The run's seed, 0 to 2**63 - 1.
    group : int
        Below 256: a group of four streams.
    period : int
        The period of the decision (for draws at birth: the period of birth), below 2**32.
    person : int
        The person's identity, not the row it lives in, below 2**63.
    slot : int
        Below 2**24: tells apart draws of one person in one period, such as those for different firms.
    """
    seed_bits = np.uint64(seed)
    person_bits = np.uint64(person)
    w0, w1, w2, w3 = philox(
        person_bits & _LOW,
        person_bits >> _32,
        np.uint64(period) & _LOW,
        (np.uint64(group) << np.uint64(24)) | np.uint64(slot),
        seed_bits & _LOW,
        seed_bits >> _32,
    )
    return to_unit(w0), to_unit(w1), to_unit(w2), to_unit(w3)


@seldom
def draw_together(seed, group, period, people, slots, n, words):  # type: ignore[no-untyped-def]
    """Draw the blocks of many addresses at once, a third of the time of one after the other.

    The processor takes several addresses through each step together. Words are kept as they are, ``to_unit`` makes
    uniforms of them: of most, one or two are looked at.

    Parameters
    ----------
    seed, group, period
        As in ``block``.
    people, slots : array of int64, shape (at least n,)
        The addresses.
    n : int
        How many.
    words : array of uint32, shape (4, at least n)
        Filled with the four words of each address.
    """
    seed_bits = np.uint64(seed)
    k0, k1 = seed_bits & _LOW, seed_bits >> _32
    c2, c3 = np.uint64(period) & _LOW, np.uint64(group) << np.uint64(24)
    for k in range(n):
        person_bits = np.uint64(people[k])
        w0, w1, w2, w3 = philox(person_bits & _LOW, person_bits >> _32, c2, c3 | np.uint64(slots[k]), k0, k1)
        words[0, k], words[1, k], words[2, k], words[3, k] = w0, w1, w2, w3


@kernel
def uniform(seed, stream, period, person, slot):  # type: ignore[no-untyped-def]
    """Return the one uniform in (0, 1) at an address: word ``stream % 4`` of the block of ``stream // 4``."""
    words = block(seed, stream // 4, period, person, slot)
    return words[stream % 4]


@inline
def gumbel(u):  # type: ignore[no-untyped-def]
    """Turn a uniform into a standard Gumbel draw: with it, the largest utility wins with logit probabilities."""
    return -math.log(-math.log(u))


@inline
def normal(u_radius, u_angle):  # type: ignore[no-untyped-def]
    """Turn two uniforms into one standard normal draw (Box & Muller 1958)."""
    return math.sqrt(-2.0 * math.log(u_radius)) * math.cos(2.0 * math.pi * u_angle)


def firm_slot(name: str) -> int:
    """Return the slot of a firm's draws: a hash of its name, so that the order in which firms are listed is nothing."""
    return zlib.crc32(name.encode()) & 0xFFFFFF


def generator(seed: int, stream: Stream) -> np.random.Generator:
    """Return a NumPy generator for set-up work that no person owns, such as building the network."""
    return np.random.Generator(np.random.Philox(key=[seed, int(stream)]))
