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

from sim.compiled import bits_of, formula, kernel, number_of, routine


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
    JUMP_SPREAD = 11
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
    # at a need, one per person
    OUTSIDE = 28
    NEXT_NEED = 29
    RECOVER = 30
    SPEAK = 31
    # at a need, one per person and firm (slot: the firm)
    NOTICE = 32
    CHOICE = 33
    ADVERTISING = 34
    FORGET = 35
    # at use, one per person and firm bought from (slot: the firm)
    EXPERIENCE = 36
    FAILURE = 38
    COMPLAIN = 39
    # when it comes up, one per person (slot of RELAY: the tie)
    RELAY = 40
    LIFT = 41
    FREED = 42
    # set-up that no person owns
    NETWORK = 44
    TIE = 45
    SAMPLE = 46
    # at birth, one per person
    STAY = 48
    HELD_BACK = 49
    FIRST_NEED = 50
    # at a review, one per firm (person: the firm's slot): what a strategy tries
    TRIAL = 64
    # at a survey, one per person and firm (slot: the firm)
    ASKED = 52
    SAY_CHOICE = 56
    SAY_PRICE = 57
    SAY_RIVALS = 58
    SAY_TOLERANCE = 59
    SAY_ATTITUDE = 60
    SAY_WISH = 61
    # at a review, one per customer and firm (slot: the firm): who is contacted
    CALLED = 144
    MAILED = 145
    # at a seeding, one per person (slot: the firm)
    SEEDED = 140
    SEED_SPEAKS = 141
    # in a study of the whole market, one per person (slot of SAY_PERFORMANCE: the firm); the two first of eight streams
    SAY_IMPORTANCE = 120
    SAY_PERFORMANCE = 128
    ASKED_OF_MARKET = 136
    # of a programme with a card, one per person and firm (slot: the firm)
    ENROL = 160
    PRIZE = 161
    INVITE = 162
    # of credit: once per person, and when an account is due, one per person and firm (slot: the firm)
    CREDITWORTHY = 188
    PAYS = 192
    # at an event that a firm holds, one per person (slot: the firm and the event)
    ATTEND = 164
    LOT = 165
    WANT = 166
    # at a purchase, one per person (slot: the firm and the product): whether to take up a new product
    TAKE_UP = 176
    # at a review of a pyramid that asks, one per customer and firm (slot: the firm)
    TELL_SATISFACTION = 200
    TELL_CLOSENESS = 201
    TELL_TRUST = 202
    TELL_ATTITUDE = 203
    TELL_REPUTE = 204
    TELL_FIT = 205
    TELL_WISH = 206
    # of stages of life, one per person: at birth, and when one ends
    LIFE_STAGE = 208
    STAGE_LASTS = 209
    NEXT_STAGE_LASTS = 210
    NEED_OF_STAGE = 211


_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_2_TO_MINUS_32 = 2.0**-32
_N_ROUNDS = 10


@formula
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


@formula
def to_unit(word):  # type: ignore[no-untyped-def]
    """Map a 32-bit word to the middle of one of 2**32 equal steps of (0, 1): never 0, never 1."""
    return (np.float64(word) + 0.5) * _2_TO_MINUS_32


@formula
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


@routine
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


_MANTISSA = np.int64(0x000FFFFFFFFFFFFF)
_EXPONENT_OF_ONE = np.int64(0x3FF0000000000000)
_LN_2 = math.log(2.0)
_SQRT_2 = math.sqrt(2.0)


@formula
def ln(x):  # type: ignore[no-untyped-def]
    """Return the natural logarithm of a positive number, to about 1 part in 10**15.

    Written out, unlike the one of the C library, so that the processor can take several numbers through it together.
    With ``x = 2**e m`` and ``m`` near 1, ``ln x = e ln 2 + 2 artanh((m - 1)/(m + 1))``; the series ends where it no
    longer matters.
    """
    bits = bits_of(x)
    mantissa = number_of((bits & _MANTISSA) | _EXPONENT_OF_ONE)
    is_high = mantissa > _SQRT_2
    m = 0.5 * mantissa if is_high else mantissa
    exponent = np.float64(np.int32(bits >> 52) - 1023 + is_high)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    z_2 = z * z
    z_4 = z_2 * z_2
    low = (1.0 / 3.0 + z * (1.0 / 5.0)) + z_2 * (1.0 / 7.0 + z * (1.0 / 9.0))  # in pairs: they do not wait for another
    middle = (1.0 / 11.0 + z * (1.0 / 13.0)) + z_2 * (1.0 / 15.0 + z * (1.0 / 17.0))
    series = low + z_4 * (middle + z_4 * (1.0 / 19.0 + z * (1.0 / 21.0)))
    return exponent * _LN_2 + 2.0 * (s + s * z * series)


@formula
def gumbel(u):  # type: ignore[no-untyped-def]
    """Turn a uniform into a standard Gumbel draw: with it, the largest utility wins with logit probabilities."""
    return -ln(-ln(u))


@routine
def exponentials(words, n, drawn):  # type: ignore[no-untyped-def]
    """Turn the first ``n`` words of an array into exponential draws of mean 1."""
    for k in range(n):
        drawn[k] = -ln(to_unit(words[k]))


@routine
def whims(words, n, drawn):  # type: ignore[no-untyped-def]
    """Turn the first ``n`` words of an array into Gumbel draws."""
    for k in range(n):
        drawn[k] = gumbel(to_unit(words[k]))


@formula
def normal(u_radius, u_angle):  # type: ignore[no-untyped-def]
    """Turn two uniforms into one standard normal draw (Box & Muller 1958)."""
    return math.sqrt(-2.0 * math.log(u_radius)) * math.cos(2.0 * math.pi * u_angle)


@formula
def normal_of(u):  # type: ignore[no-untyped-def]
    """Turn one uniform into one standard normal draw: its quantile, to about 1 part in 10**16 [1]_.

    References
    ----------
    .. [1] Wichura (1988), "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37.
    """
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = 2.5090809287301226727e3 * r + 3.3430575583588128105e4
        top = (top * r + 6.7265770927008700853e4) * r + 4.5921953931549871457e4
        top = (top * r + 1.3731693765509461125e4) * r + 1.9715909503065514427e3
        top = (top * r + 1.3314166789178437745e2) * r + 3.3871328727963666080e0
        low = 5.2264952788528545610e3 * r + 2.8729085735721942674e4
        low = (low * r + 3.9307895800092710610e4) * r + 2.1213794301586595867e4
        low = (low * r + 5.3941960214247511077e3) * r + 6.8718700749205790830e2
        low = (low * r + 4.2313330701600911252e1) * r + 1.0
        return q * top / low
    r = math.sqrt(-math.log(u if q < 0.0 else 1.0 - u))
    if r <= 5.0:
        r -= 1.6
        top = 7.74545014278341407640e-4 * r + 2.27238449892691845833e-2
        top = (top * r + 2.41780725177450611770e-1) * r + 1.27045825245236838258e0
        top = (top * r + 3.64784832476320460504e0) * r + 5.76949722146069140550e0
        top = (top * r + 4.63033784615654529590e0) * r + 1.42343711074968357734e0
        low = 1.05075007164441684324e-9 * r + 5.47593808499534494600e-4
        low = (low * r + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1
        low = (low * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0
        low = (low * r + 2.05319162663775882187e0) * r + 1.0
    else:
        r -= 5.0
        top = 2.01033439929228813265e-7 * r + 2.71155556874348757815e-5
        top = (top * r + 1.24266094738807843860e-3) * r + 2.65321895265761230930e-2
        top = (top * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0
        top = (top * r + 5.46378491116411436990e0) * r + 6.65790464350110377720e0
        low = 2.04426310338993978564e-15 * r + 1.42151175831644588870e-7
        low = (low * r + 1.84631831751005468180e-5) * r + 7.86869131145613259100e-4
        low = (low * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1
        low = (low * r + 5.99832206555887937690e-1) * r + 1.0
    return math.copysign(top / low, q)


@routine
def normals(words, n, drawn):  # type: ignore[no-untyped-def]
    """Turn the first ``n`` words of an array into standard normal draws."""
    for k in range(n):
        drawn[k] = normal_of(to_unit(words[k]))


@formula
def wait_for(exponential, rate):  # type: ignore[no-untyped-def]
    """Turn an exponential draw into the number of periods, 1 or more, to the first in which an event happens.

    For an event of a Poisson rate it is more than ``k`` with probability ``exp(-rate k)``, as if one had drawn every
    period whether it happens.
    """
    return 1 + int(min(exponential / rate, 1e6)) if rate > 0.0 else 1_000_000


def firm_slot(name: str) -> int:
    """Return the slot of a firm's draws: a hash of its name, so that the order in which firms are listed is nothing."""
    return zlib.crc32(name.encode()) & 0xFFFFFF


def generator(seed: int, stream: Stream) -> np.random.Generator:
    """Return a NumPy generator for set-up work that no person owns, such as building the network."""
    return np.random.Generator(np.random.Philox(key=[seed, int(stream)]))
