"""The rise of a price that makes people look around: one for all, or each person's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sim.accounts import Line
from sim.draws import Stream, uniform
from tests.markets import STILL, STILL_FIRM, market, scenario

N_PEOPLE = 4000
SPREAD = "customers.behaviour.price_jump_spread"

#: People who buy every week and look at no other firm unless startled, then at all. They are used to a price of 1.
STARTLED_OR_NOT = {
    **STILL,
    "customers.count": N_PEOPLE,
    "customers.mix": {"price": 1.0},
    "customers.types": {"price": {"search": 0.0}},
    "customers.demand": {"mean_rate": 50.0, "rate_shape": 1e6},
    "customers.behaviour.outside_utility": -50.0,
    "customers.behaviour.alert_search": 1.0,
    "customers.behaviour.reference_speed": 0.0,
    "customers.behaviour.price_jump": 0.05,
}


def after_a_rise(rise, spread):
    """Return a market of two like firms a week after both took 1 + rise, in which all had bought once."""
    rises = [{"kind": "price_change", "firm": name, "factor": 1.0 + rise, "at": 1} for name in ("Firm0", "Firm1")]
    m = market([STILL_FIRM, STILL_FIRM], {**STARTLED_OR_NOT, SPREAD: spread}, events=rises)
    m.run(2)
    return m


def n_startled(m):
    """Count who looked at a second firm in the second week."""
    return int(m.history.books[1][..., Line.CONSIDERED].sum()) - N_PEOPLE


@pytest.mark.parametrize(("rise", "startled"), [(0.04, 0), (0.06, N_PEOPLE)])
def test_without_spread_a_rise_startles_nobody_or_everybody(rise, startled):
    assert n_startled(after_a_rise(rise, 0.0)) == startled


@pytest.mark.statistical
def test_with_spread_a_rise_startles_whose_own_threshold_it_passes():
    """A person's is ln 1.05 exp(L/2), L logistic of variance 1, worked out from its address; 10% passes 91.9% of them.

    Nobody else looks around, and whoever buys the dearer product again trusts the firm less. The share fails by chance
    1e-6, and misses one that is wrong by 4 points less than 1e-4.
    """
    m = after_a_rise(0.10, 0.5)
    luck = np.array([uniform(1, int(Stream.JUMP_SPREAD), 0, who, 0) for who in range(N_PEOPLE)])
    own = math.log(1.05) * np.exp(0.5 * stats.logistic.ppf(luck) * math.sqrt(3.0) / math.pi)
    passed = own < math.log(1.10)
    assert n_startled(m) == passed.sum()
    trust = m.customers.column("trust_character")[np.arange(N_PEOPLE), m.customers.column("usual")]
    has_stayed = (m.customers.column("bought_at") >= 0).sum(axis=1) == 1
    assert (trust[has_stayed & passed] < 0.5).all()
    assert (trust[has_stayed & ~passed] > 0.5).all()
    p = stats.logistic.cdf(math.log(math.log(1.10) / math.log(1.05)) / 0.5 * math.pi / math.sqrt(3.0))
    assert abs(p - 0.919) < 1e-4
    assert stats.binom.ppf(0.5e-6, N_PEOPLE, p) <= passed.sum() <= stats.binom.isf(0.5e-6, N_PEOPLE, p)


def test_a_price_that_falls_startles_nobody_whatever_the_spread():
    assert n_startled(after_a_rise(-0.10, 0.5)) == 0


@pytest.mark.parametrize("spread", [-0.1, 5.1, float("nan")])
def test_a_spread_out_of_range_is_refused(spread):
    with pytest.raises(ValueError, match="price_jump_spread"):
        scenario(2, {SPREAD: spread})
