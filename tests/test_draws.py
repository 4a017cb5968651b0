"""Chance: the published generator, one number per address, and numbers that behave as independent uniforms.

Statistical tests are two-sided, fail by chance once in a million each (the seeds are fixed, so they do not flake), and
state what they would miss.
"""

from __future__ import annotations

import math
import pickle
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from scipy import stats

from sim import draws
from sim.compiled import kernel
from sim.draws import Stream

FALSE_ALARM = 1e-6
N = 1_000_000

words = st.integers(0, 2**32 - 1).map(np.uint64)
addresses = st.tuples(
    st.integers(0, 2**63 - 1),  # seed
    st.integers(0, 1023),  # stream
    st.integers(0, 2**32 - 1),  # period
    st.integers(0, 2**63 - 1),  # person
    st.integers(0, 2**24 - 1),  # slot
)


@kernel
def fill(seed, stream, period, person, slot, out):  # type: ignore[no-untyped-def]
    for k in range(out.size):
        out[k] = draws.uniform(seed[k], stream[k], period[k], person[k], slot[k])


def uniforms(**address: Any) -> NDArray[np.float64]:
    """Return the uniforms at addresses that run over one or more coordinates; the others have fixed values."""
    fixed = {"seed": 1, "stream": 5, "period": 3, "person": 17, "slot": 0}
    columns = np.broadcast_arrays(*(np.asarray(value, np.int64) for value in (fixed | address).values()))
    out = np.empty(columns[0].size)
    fill(*(np.ascontiguousarray(column) for column in columns), out)
    return out


# --- the generator and its addresses


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
    ids=["zeros", "ones", "pi"],
)
@pytest.mark.parametrize("philox", [draws.philox, draws.philox.py_func], ids=["compiled", "plain"])
def test_philox_gives_the_published_words(philox, counter, key, expected):
    """The known answers of Random123 (Salmon et al. 2011), file kat_vectors, philox4x32 with 10 rounds."""
    arguments = [np.uint64(int(word, 16)) for word in f"{counter} {key}".split()]
    assert " ".join(f"{int(word):08x}" for word in philox(*arguments)) == expected


@given(st.tuples(words, words, words, words, words, words))
@settings(max_examples=100, deadline=None)
def test_compiled_philox_equals_its_plain_twin(counter_and_key):
    assert draws.philox(*counter_and_key) == draws.philox.py_func(*counter_and_key)


@given(addresses)
@settings(max_examples=100, deadline=None)
def test_a_draw_is_a_word_of_its_block_compiled_or_plain(address):
    seed, stream, period, person, slot = address
    block = draws.block(seed, stream // 4, period, person, slot)
    assert block == draws.block.py_func(seed, stream // 4, period, person, slot)
    assert draws.uniform(*address) == draws.uniform.py_func(*address) == block[stream % 4]


@given(addresses)
@settings(max_examples=200, deadline=None)
def test_every_address_has_a_counter_and_key_of_its_own(address):
    """The address can be read back from what Philox is given, so no two addresses share it."""
    seed, stream, period, person, slot = address
    given_to_philox: list[int] = []

    def spy(*arguments: np.uint64) -> tuple[np.uint64, ...]:
        given_to_philox.extend(int(argument) for argument in arguments)
        return arguments[:4]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draws, "philox", spy)
        draws.block.py_func(seed, stream // 4, period, person, slot)
    c0, c1, c2, c3, k0, k1 = given_to_philox
    assert max(given_to_philox) < 2**32
    assert (k0 | k1 << 32, c3 >> 24, c2, c0 | c1 << 32, c3 & 0xFFFFFF) == (seed, stream // 4, period, person, slot)


def test_no_two_streams_share_a_number():
    assert len(Stream.__members__) == len({int(stream) for stream in Stream.__members__.values()})
    assert max(Stream) < 1024


@pytest.mark.parametrize("to_unit", [draws.to_unit, draws.to_unit.py_func], ids=["compiled", "plain"])
def test_uniforms_are_never_zero_or_one(to_unit):
    assert to_unit(np.uint64(0)) == 2.0**-33
    assert to_unit(np.uint64(2**32 - 1)) == 1 - 2.0**-33


@pytest.mark.parametrize("u", [2.0**-33, 0.25, 1 / math.e, 0.9, 1 - 2.0**-33])
def test_transforms_have_their_closed_form_and_equal_their_plain_twins(u):
    assert draws.gumbel(u) == draws.gumbel.py_func(u)
    assert_allclose(draws.gumbel(u), stats.gumbel_r.ppf(u), rtol=1e-9, atol=1e-12)
    assert draws.normal(u, 0.3) == draws.normal.py_func(u, 0.3)
    assert_allclose(draws.normal(u, 0.5), -math.sqrt(-2 * math.log(u)), rtol=1e-12)


@given(st.floats(1e-300, 1e300))
@settings(max_examples=500, deadline=None)
def test_the_logarithm_is_that_of_the_library_to_the_last_digits(x):
    assert_allclose(draws.ln(x), math.log(x), rtol=1e-15, atol=1e-18)


def test_the_quantile_of_the_normal_distribution():
    """In the middle, in the tails, and where the formulas change (0.075 and 0.925, exp(-25))."""
    u = np.array([2.0**-33, 1e-12, 1.3e-11, 1.4e-11, 0.0749, 0.0751, 0.3, 0.5, 0.925, 0.926, 1 - 2.0**-33])
    assert_allclose([draws.normal_of(each) for each in u], stats.norm.ppf(u), rtol=1e-12, atol=1e-15)


@given(st.lists(addresses, min_size=1, max_size=40))
@settings(max_examples=50, deadline=None)
def test_what_is_drawn_together_is_what_is_drawn_alone(several):
    seed, stream, period, _, _ = several[0]
    people, slots = (np.array([address[place] for address in several], np.int64) for place in (3, 4))
    n = len(several)
    words = np.empty((4, n), np.uint32)
    draws.draw_together(seed, stream // 4, period, people, slots, n, words)
    alone = [draws.block(seed, stream // 4, period, who, slot) for who, slot in zip(people, slots, strict=True)]
    assert_array_equal(np.vectorize(draws.to_unit)(words).T, np.array(alone))
    together = np.empty(n)
    for many, one in (
        (draws.whims, draws.gumbel),
        (draws.exponentials, lambda u: -draws.ln(u)),
        (draws.normals, draws.normal_of),
    ):
        many(words[0], n, together)
        assert_array_equal(together, [one(u) for u, *_ in alone])


def test_waits_on_paper():
    """At half an event per period: a draw of 1.2 is used up in the third, one of 0.4 in the first."""
    assert draws.wait_for(1.2, 0.5) == 3
    assert draws.wait_for(0.4, 0.5) == 1
    assert draws.wait_for(1.0, math.inf) == 1
    assert draws.wait_for(1.0, 0.0) == draws.wait_for(1e9, 1e-9) - 1 == 1_000_000


@pytest.mark.statistical
def test_waits_are_as_if_every_period_had_been_drawn():
    """Chi-square of the first nine periods and the rest, n = 1e6: fails by chance 1e-6.

    Misses a chance of an event off by 1% with probability below 1e-6.
    """
    rate, luck = 0.25, uniforms(stream=Stream.NEXT_NEED, person=np.arange(N))
    together = np.empty(N)
    fill_waits(luck, rate, together)
    happens = 1 - math.exp(-rate)
    share = stats.geom.pmf(np.arange(1, 10), happens)
    counts = np.bincount(np.minimum(together, 10).astype(np.int64), minlength=11)[1:]
    assert_chi_square_fits(counts, np.append(share, 1 - share.sum()))


@kernel
def fill_waits(luck, rate, out):  # type: ignore[no-untyped-def]
    for k in range(out.size):
        out[k] = draws.wait_for(-draws.ln(luck[k]), rate)


def test_a_firm_has_its_slot_by_name():
    assert draws.firm_slot("Aurora") == zlib.crc32(b"Aurora") % 2**24
    assert draws.firm_slot("Aurora") != draws.firm_slot("Borealis")


def test_generators_differ_by_seed_and_by_stream_and_repeat():
    addresses = [(seed, stream) for seed in (0, 1, 2**63 - 2, 2**63 - 1) for stream in (Stream.NETWORK, Stream.SAMPLE)]
    numbers = [draws.generator(*address).integers(2**62) for address in addresses]
    assert len(set(numbers)) == len(addresses)
    assert numbers == [draws.generator(*address).integers(2**62) for address in addresses]
    generator = draws.generator(1, Stream.NETWORK)
    assert pickle.loads(pickle.dumps(generator)).random() == generator.random()


# --- uniform and independent

RUNS = {
    "persons": {"person": np.arange(N)},
    "persons far apart": {"person": np.arange(N) << 32},
    "periods": {"period": np.arange(N)},
    "slots": {"slot": np.arange(N)},
    "seeds": {"seed": np.arange(N)},
    "streams": {"stream": np.tile(np.arange(1000), N // 1000), "person": np.repeat(np.arange(N // 1000), 1000)},
}


@pytest.mark.statistical
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
def test_draws_along_one_coordinate_are_uniform(run):
    """Kolmogorov-Smirnov, n = 1e6: fails by chance 1e-6 in all, too uneven or too even.

    Misses a distribution function that is off by 0.0055 anywhere with probability below 1e-6: the bound is 0.0028, and
    the empirical function has a standard error of at most 0.0005 at a point.
    """
    distance = stats.ks_1samp(uniforms(**run), stats.uniform.cdf, method="asymp").statistic
    assert stats.kstwo.ppf(FALSE_ALARM / 2, N) < distance < stats.kstwo.isf(FALSE_ALARM / 2, N)


@pytest.mark.statistical
@pytest.mark.parametrize("stream", range(4))
def test_low_bits_are_uniform(stream):
    """Chi-square of the last 8 bits, 255 degrees of freedom, n = 1e6: fails by chance 1e-6.

    Misses frequencies that are all off by 2% with probability below 1e-6.
    """
    low_byte = (uniforms(stream=stream, person=np.arange(N)) * 2.0**32).astype(np.int64) % 256
    assert_chi_square_fits(np.bincount(low_byte, minlength=256), np.full(256, 1 / 256))


STEPS = {
    "next person": {"person": np.arange(N) + 1},
    "next period": {"person": np.arange(N), "period": 4},
    "next seed": {"person": np.arange(N), "seed": 2},
    "next slot": {"person": np.arange(N), "slot": 1},
    "next stream, same block": {"person": np.arange(N), "stream": 6},
    "next but one, same block": {"person": np.arange(N), "stream": 7},
    "same word, next block": {"person": np.arange(N), "stream": 9},
    "person and period swapped": {"person": 3, "period": np.arange(N)},
    "person beyond 32 bits": {"person": np.arange(N) + 2**32},
    "seed beyond 32 bits": {"person": np.arange(N), "seed": 1 + 2**32},
}


@pytest.mark.statistical
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_draws_one_step_apart_are_independent(step):
    """Correlation, and chi-square over 16 x 16 cells, n = 1e6 pairs: each fails by chance 1e-6.

    Misses a correlation of 0.01 with probability 1.6e-7 (the bound is 0.0049), and cells that are all off by 2% from
    independence with probability below 1e-6.
    """
    here, there = uniforms(person=np.arange(N)), uniforms(**step)
    correlation = 12 * np.mean((here - 0.5) * (there - 0.5))  # with the known mean and variance of a uniform
    assert abs(correlation) * math.sqrt(N) < stats.norm.isf(FALSE_ALARM / 2)
    cells = (here * 16).astype(np.int64) * 16 + (there * 16).astype(np.int64)
    assert_chi_square_fits(np.bincount(cells, minlength=256), np.full(256, 1 / 256))


def assert_chi_square_fits(counts: NDArray[np.int64], share: NDArray[np.float64]) -> None:
    """Refuse counts too far from their expectation, or too near to it."""
    expected = counts.sum() * share
    distance = float(np.sum((counts - expected) ** 2 / expected))
    assert stats.chi2.ppf(FALSE_ALARM / 2, share.size - 1) < distance < stats.chi2.isf(FALSE_ALARM / 2, share.size - 1)


@pytest.mark.statistical
def test_largest_utility_with_gumbel_draws_wins_with_logit_shares():
    """Chi-square, 3 degrees of freedom, n = 400,000 choices: fails by chance 1e-6.

    Misses a shift of 0.008 of the choices from one firm to another with probability below 1e-6.
    """
    n, utility = 400_000, np.array([0.0, 0.5, 1.0, -1.0])
    luck = [uniforms(stream=Stream.CHOICE, person=np.arange(n), slot=firm) for firm in range(4)]
    noise = -np.log(-np.log(luck))
    assert_allclose([draws.gumbel(u) for u in luck[0][:100]], noise[0][:100], rtol=1e-12, atol=1e-14)
    choice = np.argmax(utility[:, None] + noise, axis=0)
    assert_chi_square_fits(np.bincount(choice, minlength=4), np.exp(utility) / np.exp(utility).sum())


@kernel
def fill_normal(radius, angle, out):  # type: ignore[no-untyped-def]
    for k in range(out.size):
        out[k] = draws.normal(radius[k], angle[k])


@pytest.mark.statistical
def test_normal_draws_are_standard_normal():
    """Mean, variance and Kolmogorov-Smirnov, n = 1e6: each fails by chance 1e-6.

    Misses with probability below 1e-6 a mean off by 0.01, a variance off by 0.015, or a distribution function off by
    0.0055 anywhere.
    """
    radius, angle = (uniforms(stream=stream, person=np.arange(N)) for stream in (Stream.RATE, Stream.RATE_ANGLE))
    normal = np.empty(N)
    fill_normal(radius, angle, normal)
    assert_standard_normal(normal)
    fill_normal_of(uniforms(stream=Stream.EXPERIENCE, person=np.arange(N)), normal)
    assert_standard_normal(normal)


@kernel
def fill_normal_of(luck, out):  # type: ignore[no-untyped-def]
    for k in range(out.size):
        out[k] = draws.normal_of(luck[k])


def assert_standard_normal(normal: NDArray[np.float64]) -> None:
    assert abs(normal.mean()) * math.sqrt(N) < stats.norm.isf(FALSE_ALARM / 2)
    squares = float(np.sum(normal**2))
    assert stats.chi2.ppf(FALSE_ALARM / 2, N) < squares < stats.chi2.isf(FALSE_ALARM / 2, N)
    distance = stats.ks_1samp(normal, stats.norm.cdf, method="asymp").statistic
    assert stats.kstwo.ppf(FALSE_ALARM / 2, N) < distance < stats.kstwo.isf(FALSE_ALARM / 2, N)


def test_an_address_is_all_that_decides():
    """Drawing for more people, or in another order, changes nobody's number."""
    few, many = uniforms(person=np.arange(10)), uniforms(person=np.arange(1000))
    backwards = uniforms(person=np.arange(1000)[::-1])
    assert_array_equal(few, many[:10])
    assert_array_equal(backwards[::-1], many)
