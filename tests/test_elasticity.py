"""Value elasticity against numbers that can be checked on paper, and in a market whose firm varies its spend."""

from __future__ import annotations

import numpy as np
import pytest

from sim.crm.elasticity import cycles_of, gain, value_elasticity
from tests.markets import market


def test_elasticity_by_hand() -> None:
    # changes of spend 1, 0, -1, 0 and of revenue 3, 1, -3, 1: means 0 and 1/2, slope (2.5 + 3.5) / 2 = 3
    # left over: -.5, .5, -.5, .5: sum of squares 1, error sqrt(1 / 2 / 2) = 1/2, times t(.975; 2) = 4.3027
    told = value_elasticity(np.array([1.0, 2.0, 2.0, 1.0, 1.0]), np.array([5.0, 8.0, 9.0, 6.0, 7.0]))
    assert told[:4] == pytest.approx((3.0, 3.0 - 2.15133, 3.0 + 2.15133, 4), abs=1e-4)
    assert told.verdict == "told"


def test_a_common_trend_is_no_return() -> None:
    spent = np.arange(6.0)
    assert value_elasticity(spent, 4.0 * spent).verdict == "spend has not varied"  # every change is the same


def test_it_says_when_it_cannot_be_told() -> None:
    few = value_elasticity(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 4.0]))
    assert (few.verdict, few.n_changes) == ("too few cycles", 2)
    assert np.isnan(few.slope)
    gap = value_elasticity(np.array([1.0, 2.0, np.nan, 4.0, 5.0]), np.arange(5.0))  # a tier once empty: 2 changes
    assert (gap.verdict, gap.n_changes) == ("too few cycles", 2)


def test_a_spend_that_hardly_varied_tells_nothing() -> None:
    """As by hand, but with 9 more spent in every cycle: the interval, +-2.15, is wider than the return, 7 / 10.4."""
    spent, paid = np.array([10.0, 11.0, 11.0, 10.0, 10.0]), np.array([5.0, 8.0, 9.0, 6.0, 7.0])
    told = value_elasticity(spent, paid)
    assert (told.verdict, told.n_changes) == ("spend has varied too little", 4)
    assert np.isnan([told.slope, told.low, told.high]).all()
    assert gain(told, left=0.5, spent=10.0) == 0.0
    # with 13 more revenue in every cycle the return is 20 / 10.4 = 1.92, still less; with 16 more it is 2.21: told
    assert value_elasticity(spent, paid + 13.0).verdict == "spend has varied too little"
    assert value_elasticity(spent, paid + 16.0).slope == pytest.approx(3.0)
    once_empty = np.append(np.nan, spent), np.append(np.nan, paid + 16.0)
    assert value_elasticity(*once_empty).verdict == "told"


def test_cycles_are_those_of_the_books() -> None:
    firms = [{"service": 0.5, "pyramid": {"scheme": "two_tier", "review_every": 10}}, {}]
    m = market(firms)
    results = m.run()
    cycles = cycles_of(m, m.firms["Firm0"]).made
    assert cycles.spent.shape == (5, 2)  # reviews at 10, ..., 50 end a cycle each; the last is not complete
    tiers = results.tiers.query("firm == 'Firm0' and 10 <= period < 20").groupby("tier", sort=False)
    per_customer = tiers["revenue"].sum() / tiers["customers"].sum()
    np.testing.assert_allclose(cycles.paid[1], per_customer, rtol=1e-12)
    known = cycles.spent[np.isfinite(cycles.spent)]
    np.testing.assert_allclose(known, 0.25, rtol=1e-12)  # service_cost 1 times level squared
    own = results.elasticity.query("firm == 'Firm0'")
    assert set(own["verdict"]) <= {"spend has not varied", "too few cycles"}
    assert own["elasticity"].isna().all()


def test_a_firm_that_varies_its_service_is_told_its_elasticity() -> None:
    firms = [{"pyramid": {"scheme": "two_tier", "review_every": 5}, "strategy": {"name": "elasticity_led"}}, {}]
    own = market(firms).run().elasticity.query("firm == 'Firm0'")
    assert (own["verdict"] == "told").all()
    assert ((own["low"] < own["elasticity"]) & (own["elasticity"] < own["high"])).all()
