"""Loyalty, value and survey measures against numbers that can be checked on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sim.crm import deferred, loyalty, records, survey, value
from sim.draws import Stream, uniform
from sim.loyalty_types import LoyaltyType

ALL = np.ones(2, dtype=bool)


def test_entropy_weights_by_hand() -> None:
    # two customers: the first measure sets them apart wholly (H = 0), the second as 1 to 3
    levels = np.array([[1.0, 0.25], [0.0, 0.75]])
    weights, is_equal = loyalty.entropy_weights(levels)
    entropy = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))  # 0.8113
    assert_allclose(weights, [1 / (2 - entropy), (1 - entropy) / (2 - entropy)])
    assert_allclose(weights, [0.8412, 0.1588], atol=5e-5)
    assert not is_equal


def test_a_constant_column_has_no_weight() -> None:
    weights, is_equal = loyalty.entropy_weights(np.array([[0.5, 0.0], [0.5, 1.0], [0.5, 0.5]]))
    assert_array_equal(weights, [0.0, 1.0])
    assert not is_equal


@pytest.mark.parametrize("n", [0, 1, 3])
def test_weights_are_equal_where_nothing_differs_and_it_is_said(n: int) -> None:
    index = loyalty.loyalty_index(np.full((n, 4), 7.0), np.ones(4, dtype=bool))
    assert_array_equal(index.weights, [0.25] * 4)
    assert index.is_equal
    assert_array_equal(index.values, [0.5] * n)


def test_the_index_by_hand() -> None:
    # both measures set three customers apart as 0, 1/2, 1, and so weigh alike; of the second, less is more loyal
    index = loyalty.loyalty_index(np.array([[0.0, 9.0], [2.0, 9.0], [4.0, 1.0], [2.0, 5.0]]), np.array([True, False]))
    assert_array_equal(
        loyalty.normalised(np.array([[0.0, 9.0], [4.0, 1.0]]), np.array([True, False])), [[0, 0], [1, 1]]
    )
    # first column 0, .5, 1, .5 over a sum of 2: p = 0, 1/4, 1/2, 1/4, H = 1.5 ln 2 / ln 4 = 3/4
    # second column 0, 0, 1, .5 over a sum of 1.5: p = 0, 0, 2/3, 1/3, H = 0.6365 / ln 4 = 0.4591
    assert_allclose(index.weights, [0.25 / 0.7909, 0.5409 / 0.7909], atol=5e-5)
    assert_allclose(index.values, [0.0, 0.1581, 1.0, 0.5], atol=5e-5)


def test_dick_and_basu() -> None:
    found = loyalty.patronage_of(
        attitude=np.array([0.6, 0.6, 0.4, 0.4, 0.5]),
        rival_attitude=np.array([0.5, 0.5, 0.5, 0.5, 0.5]),
        repeats=np.array([5.0, 4.9, 5.0, 4.9, 5.0]),
        wish=np.full(5, 10.0),
    )
    assert [loyalty.PATRONAGE[k] for k in found] == ["true", "latent", "spurious", "none", "spurious"]


def test_a_type_is_told_by_records() -> None:
    # rows: before any rival; new with few; many and word of mouth; few though word of mouth; many alone; few
    told = loyalty.diagnose_by_records(
        repeats=np.array([0.0, 1.0, 5.0, 1.0, 4.0, 2.0]),
        tenure=np.array([90, 38, 39, 60, 60, 60]),
        credit=np.array([0.0, 3.0, 3.0, 3.0, 0.0, 0.0]),
        had_no_rival=np.array([True, False, False, False, False, False]),
        window=39,
    )
    expected = ["MONOPOLY", "INERTIA", "PREMIUM", "PRICE", "INERTIA", "PRICE"]  # the median of the last four is 3
    assert [LoyaltyType(k).name for k in told] == expected
    assert not loyalty.diagnose_by_records(*np.zeros((3, 0)), np.zeros(0, dtype=bool), 39).size


def test_a_type_is_told_by_answers() -> None:
    plain = {"price_sensitivity": 0.2, "looks": 0.5, "tolerance": 2.0, "attitude": 0.4, "rival_attitude": 0.3}
    plain |= {"share": 0.5, "is_new": False, "had_no_rival": False}
    fitting = [
        ("INCENTIVE", {}),
        ("CONVENIENCE", {"looks": 0.4}),
        ("LATENT", {"share": 0.04}),
        ("INCENTIVE", {"share": 0.04, "rival_attitude": 0.4}),  # the rival is liked as much: nothing holds back
        ("INCENTIVE", {"share": 0.04, "is_new": True}),  # has had no time
        ("MONOPOLY", {"share": 0.04, "rival_attitude": 0.05}),
        ("MONOPOLY", {"looks": 0.4, "had_no_rival": True}),
        ("INERTIA", {"tolerance": 3.0, "looks": 0.4, "had_no_rival": True}),
        ("INCENTIVE", {"tolerance": 3.0}),  # forgives, but shops around
        ("PREMIUM", {"attitude": 0.5, "tolerance": 3.0, "looks": 0.4}),
        ("PRICE", {"attitude": 0.5, "price_sensitivity": 0.34}),
    ]
    columns = {key: np.array([{**plain, **change}[key] for _, change in fitting]) for key in plain}
    told = loyalty.diagnose_by_answers(**columns)
    assert [LoyaltyType(k).name for k in told] == [name for name, _ in fitting]


def test_agreement_allows_for_chance() -> None:
    right, kappa = loyalty.agreement(np.array([[20.0, 5.0], [10.0, 15.0]]))  # Cohen's kappa: (.7 - .5) / (1 - .5)
    assert (right, kappa) == pytest.approx((0.7, 0.4))
    assert loyalty.agreement(np.array([[5.0, 5.0], [5.0, 5.0]]))[1] == 0.0
    assert math.isnan(loyalty.agreement(np.zeros((2, 2)))[0])


def test_a_record_fades_at_every_later_review() -> None:
    # reviews in periods 3 and 6 keep half each: a purchase in period 3 comes after its review
    assert_array_equal(records.period_weights(7, [3, 6], 0.5), [0.25, 0.25, 0.25, 0.5, 0.5, 0.5, 1.0])


def test_survival_pools_cohorts_that_would_rise() -> None:
    # cohorts of 10, 10 and 20 joined in periods 0, 1 and 3; 2, 6 and 10 of them are left: by age 1, 3, 4: .5, .6, .2
    curve = value.survival_curve(np.array([10.0, 10.0, 0.0, 20.0]), np.array([2.0, 6.0, 0.0, 10.0]))
    pooled = 16 / 30  # ages 1 and 3 would rise: the 30 customers of both count together
    assert_allclose(curve, [1.0, pooled, pooled, pooled, 0.2])
    assert_array_equal(value.survival_curve(np.zeros(3), np.zeros(3)), np.ones(4))


def test_a_constant_rate_of_leaving_gives_the_textbook_annuity() -> None:
    # s / (1 + r - s) at every age (Gupta & Lehmann): 0.8 / (1.1 - 0.8)
    assert_allclose(value.annuity(0.8 ** np.arange(6), 0.1), [8 / 3] * 6)


def test_annuity_by_hand() -> None:
    # at r = 1 each period halves; S = 1, 1/2, 1/4; beyond, half leave each period: 1/4 / (1 - 1/4) = 1/3
    assert_allclose(value.annuity(np.array([1.0, 0.5, 0.25]), 1.0), [1 / 3, 1 / 3, 1 / 3])
    # S = 1, 1, 1/4: the same tail; age 1: (1/4 + 1/12) / 2 = 1/6; age 0: (1 + 1/6) / 2 = 7/12
    assert_allclose(value.annuity(np.array([1.0, 1.0, 0.25]), 1.0), [7 / 12, 1 / 6, 1 / 3])
    assert_array_equal(value.annuity(np.array([1.0, 0.0]), 1.0), [0.0, 0.0])


def test_a_short_record_is_drawn_towards_all() -> None:
    # all: 30 in 20 periods, 1.5 a period; with 10 periods of that: (10 + 15) / 20, (20 + 15) / 20
    assert_allclose(value.credible_rate(np.array([10.0, 20.0]), np.array([10.0, 10.0]), 10.0), [1.25, 1.75])


def test_the_parts_of_a_customers_value_by_hand() -> None:
    worth = np.array([2.0, 0.0, 0.0, 3.0])
    # one customer, 3 periods old, whose record of 6 is worth 2 periods: 3 a period; word of mouth 1 a period
    one = {"margin": np.array([6.0]), "credit": np.array([2.0]), "length": np.array([2.0]), "tenure": np.array([3])}
    parts = value.customer_value(**one, worth=worth, window=2)
    assert [float(part[0]) for part in parts] == [3.0, 6.0, 6.0, 3.0, 0.0, 3.0, 0.0]
    assert parts.clv[0] == 9.0
    assert parts.total[0] == 21.0
    # credit is to cost 2, and half a unit a period could be gained by more service: 1.5 at a worth of 3
    parts = value.customer_value(**one, worth=worth, window=2, cost_of_credit=np.array([2.0]), gain=np.array([0.5]))
    assert [float(part[0]) for part in parts] == [3.0, 6.0, 6.0, 3.0, -2.0, 3.0, 1.5]
    assert parts.clv[0] == 7.0  # what could be gained is not to come
    assert parts.total[0] == 20.5


def test_the_cost_of_credit_by_hand() -> None:
    # a tenth of all that fell due was lost; a customer buys for 100 in a window, and a unit costs 0.02 to carry
    # the first: 10 of 100 lost, and so (10 + 10) / 200 is expected of the 50 owed
    # the second has fallen to a tier without terms and owes 20 from before: nothing fell due, so a tenth
    # the third has paid 900 of 900: (0 + 10) / 1000 of the 10 owed
    own = deferred.Deferred(
        owed=np.array([50.0, 20.0, 10.0]),
        paid=np.array([90.0, 0.0, 900.0]),
        lost=np.array([10.0, 0.0, 0.0]),
        pays_later=np.array([True, False, True]),
        loss_share=0.1,
        carrying_cost=0.02,
        usual=100.0,
    )
    assert_allclose(deferred.loss_shares(own), [0.1, 0.1, 0.01])
    # windows of 3: all with terms pay 18 in 6 periods, 3 a period; (6 + 9) / 6 = 2.5 and (12 + 9) / 6 = 3.5
    revenue, length = np.array([6.0, 99.0, 12.0]), np.array([3.0, 3.0, 3.0])
    cost = value.cost_of_credit(own, revenue, length, np.array([3.0, 9.0, 5.0]), window=3)
    assert_allclose(cost, [5.0 + 0.02 * 2.5 * 3, 2.0, 0.1 + 0.02 * 3.5 * 5])
    assert_array_equal(deferred.loss_shares(own._replace(usual=0.0))[:2], [0.1, 0.1])  # nothing to go by but all


def test_quadrants_of_current_and_potential_value() -> None:
    found = value.quadrant_of(np.array([9.0, 1.0, 8.0, 2.0]), np.array([9.0, 8.0, 1.0, 2.0]))
    assert [value.QUADRANTS[k] for k in found] == ["retain", "develop", "maintain", "cultivate"]


def test_answers_err_in_proportion_to_the_scale_and_stay_on_it() -> None:
    truth, noise = np.array([2.0, 2.0, 5.0]), np.array([1.0, -2.0, 1.0])
    assert_array_equal(survey.with_error(truth, noise, 0.25, 1.0, 5.0), [3.0, 1.0, 5.0])
    assert_array_equal(survey.with_error(truth, noise, 0.0, 1.0, 5.0), truth)


def test_a_sample_is_the_same_people_whoever_else_is_there() -> None:
    """Those with the smallest draws, each at the address of who they are: born in period 5, in rows 100 to 2,099."""
    births, rows = np.full(2000, 5, dtype=np.int16), np.arange(100, 2100)
    draw = np.array([uniform(7, int(Stream.ASKED), 3, (5 << 32) | row, 9) for row in rows.tolist()])
    chosen = survey.choose_sample(7, int(Stream.ASKED), 3, births, rows, 9, 50)
    assert_array_equal(chosen, np.sort(np.argsort(draw)[:50]))
    some = np.sort(np.concatenate([chosen[::2], np.setdiff1d(np.arange(2000), chosen)[::3]]))
    again = some[survey.choose_sample(7, int(Stream.ASKED), 3, births[some], rows[some], 9, 25)]
    assert_array_equal(again, chosen[::2])
    assert_array_equal(survey.choose_sample(7, int(Stream.ASKED), 3, births[:3], rows[:3], 9, 3), [0, 1, 2])
