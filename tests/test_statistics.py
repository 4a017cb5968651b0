"""Intervals and differences, against numbers worked on paper and against their own promises."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from experiments.statistics import (
    N_DRAWS,
    Estimate,
    compare_to_baseline,
    estimate,
    level_of,
    paired_difference,
    probability_best,
    share_estimate,
    standard_error,
    variance_reduction,
)
from experiments.stopping import MOST_RATIO, Until, is_narrow, seeds_needed
from sim.errors import InputError


def test_interval_worked_by_hand():
    """Mean 5, squared deviations 9 + 1 + 1 + 9 = 20, s² = 20/3, s/√4 = 1.29099; t(.975, 3) = 3.18245."""
    found = estimate([2.0, 4.0, 6.0, 8.0])
    assert_allclose([found.mean, found.ci_low, found.ci_high], [5.0, 5.0 - 4.10853, 5.0 + 4.10853], atol=1e-5)
    assert found.n == 4


def test_paired_difference_worked_by_hand():
    """Differences 1, 2, 3: mean 2, s = 1, half width 4.30265 / √3 = 2.48414; the arms' own spread plays no part."""
    found = paired_difference([101.0, 52.0, 13.0], [100.0, 50.0, 10.0])
    assert_allclose([found.mean, found.ci_low, found.ci_high], [2.0, -0.48414, 4.48414], atol=1e-5)


def test_interval_of_a_share_worked_by_hand():
    """Mean 0.9, s = 0.1, se = 0.057735; on the logit scale se / 0.09 = 0.641500, times t(.975, 2) = 4.30265: 2.76015.

    logit 0.9 = 2.19722, so the ends are the logistics of -0.56293 and 4.95737.
    """
    found = share_estimate([0.8, 0.9, 1.0])
    assert_allclose([found.mean, found.ci_low, found.ci_high], [0.9, 0.362870, 0.993018], atol=1e-5)
    assert level_of("retention", [0.8, 0.9, 1.0]) == found
    assert level_of("profit", [0.8, 0.9, 1.0]) == estimate([0.8, 0.9, 1.0])


@pytest.mark.parametrize("values", [[1.0, 1.0, 1.0], [0.0, 0.0], [0.99, 0.99, 0.99, 0.99, 0.99]])
def test_shares_that_agree_have_an_interval_of_no_width(values):
    found = share_estimate(values)
    assert found.ci_low <= found.mean <= found.ci_high
    assert_allclose([found.ci_low, found.ci_high], found.mean, atol=1e-12)


def test_a_pilot_lends_its_spread_and_its_degrees_of_freedom():
    """All nine have mean 0; the pilot -1, 1, 0 has s = 1: half width 4.30265 / √9 = 1.43422."""
    values = [-1.0, 1.0, 0.0] + [0.0] * 6
    assert standard_error(values, values[:3]) == (1 / 3, 2)
    found = estimate(values, pilot=values[:3])
    assert_allclose([found.ci_low, found.ci_high], [-1.43422, 1.43422], atol=1e-5)
    assert paired_difference([v + 7.0 for v in values], [7.0] * 9, n_pilot=3) == found
    assert estimate(values, pilot=[0.0, 0.0, np.nan]) == estimate(values)  # a pilot without spread tells nothing
    with pytest.raises(ValueError, match="1 values have no spread"):
        standard_error([3.0, np.nan])


def test_seeds_needed_worked_by_hand():
    """Differences -1, 1, 0: (4.30265 x 1 / 0.5)² = 74.05, so 75; a seed lost in the pilot is made up for.

    Of retention nothing varies, and of the broken arm nothing is known.
    """
    arms = {"usual": [10.0, 20.0, 30.0], "other": [9.0, 21.0, 30.0], "broken": [np.nan, np.nan, 5.0]}
    kept = {arm: [0.5, 0.5, 0.5] for arm in arms}
    values = {"profit": arms, "retention": kept}
    assert seeds_needed(values, "usual", {"profit": 0.5, "retention": 0.001}) == 75
    lost = {"profit": {arm: [*each, np.nan] for arm, each in arms.items()}}
    assert seeds_needed(lost, "usual", {"profit": 0.5}) == 76
    assert seeds_needed(values, "usual", {"retention": 0.001}) == 0
    assert seeds_needed(values, "usual", {"profit": 0.0}) == MOST_RATIO**2


def test_narrow_is_every_difference_known_and_within_its_width():
    values = {"usual": [1.0, 2.0, 3.0], "other": [2.0, 3.0, 5.0]}  # differences 1, 1, 2: half width 1.43422
    differences = {arm: {"profit": each} for arm, each in compare_to_baseline(values, "usual").items()}
    assert is_narrow(differences, Until(profit=0.1), {"profit": 1.4343})
    assert not is_narrow(differences, Until(profit=0.1), {"profit": 1.4342})
    assert not is_narrow(differences, Until(profit=0.1), {})
    assert not is_narrow(differences, Until(retention=0.1), {"retention": 9.0})


def test_what_may_be_asked_for():
    assert Until.parse(["ci=0.5%"]) == Until(retention=0.005, profit=0.005)
    assert Until.parse([" retention = .3 % "]) == Until(retention=0.003)
    assert Until.parse(["profit=2%", "retention=1%"]).half_widths(-500.0) == {"retention": 0.01, "profit": 10.0}
    assert Until.parse(["ci=1%"]).half_widths(float("nan")) == {"retention": 0.01}


@pytest.mark.parametrize("asked", ["", "ci", "ci=", "ci=0.5", "ci=0%", "ci=-1%", "share=1%", "ci=nan%", "ci=1e-3%"])
def test_a_width_that_is_none_is_refused(asked):
    with pytest.raises(InputError, match=r"--until.*: not a width; allowed: ci=0\.5%"):
        Until.parse([asked])


def test_variance_reduction_worked_by_hand():
    """var(10, 20, 30) = 100, var(11, 19, 33) = 124, var(1, -1, 3) = 4: (100 + 124) / 4 = 56."""
    assert_allclose(variance_reduction([11.0, 19.0, 33.0], [10.0, 20.0, 30.0]), 56.0)


@pytest.mark.parametrize("shift", [0.0, 0.1, 1e6])
def test_variance_reduction_is_unknown_where_nothing_is_left_to_reduce(shift):
    baseline = np.array([0.3, 0.7, 1.9, 2.3])
    assert variance_reduction(baseline + shift, baseline) is None


def test_seeds_without_both_numbers_are_left_out():
    found = paired_difference([1.0, np.nan, 3.0, 9.0], [0.0, 5.0, np.inf, 6.0])
    assert (found.mean, found.n) == (2.0, 2)


def test_unequal_numbers_of_seeds_cannot_be_paired():
    with pytest.raises(ValueError, match="3 values cannot be paired with 2"):
        paired_difference([1.0, 2.0, 3.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], Estimate(None, None, None, 0)),
        ([np.nan], Estimate(None, None, None, 0)),
        ([4.0], Estimate(4.0, None, None, 1)),
    ],
)
def test_too_few_seeds_give_no_interval(values, expected):
    assert estimate(values) == expected


def test_equal_values_give_an_interval_of_no_width():
    assert estimate([2.0, 2.0, 2.0]) == Estimate(2.0, 2.0, 2.0, 3)


def test_two_arms_agree_with_the_t_distribution():
    """With two arms the chance is P(t < mean / se). The draws miss it by over 4.9 standard errors 1e-6 often."""
    ours, theirs = np.array([3.0, 5.0, 4.0, 7.0]), np.array([2.0, 5.5, 3.0, 5.0])
    gap = ours - theirs
    expected = stats.t.cdf(gap.mean() / stats.sem(gap), df=3)
    chances = probability_best([ours, theirs])
    assert chances is not None
    assert_allclose(chances[0], expected, atol=4.9 * np.sqrt(expected * (1 - expected) / N_DRAWS))
    assert_allclose(sum(chances), 1.0)


def test_arms_alike_share_the_chance_and_a_worse_one_has_none():
    good = np.array([5.0, 6.0, 7.1, 5.3, 6.2])
    chances = probability_best([good, good, good - 3.0])
    assert_allclose(chances, [0.5, 0.5, 0.0])


def test_more_arms_than_seeds():
    """Six arms in two seeds: the draws exist, add up to 1, and favour the arm that led in both."""
    table = np.array([[1.0, 2.0], [1.1, 1.9], [0.9, 2.2], [1.3, 1.7], [4.0, 5.1], [0.0, 0.5]])
    chances = probability_best(table)
    assert chances is not None
    assert_allclose(sum(chances), 1.0)
    assert int(np.argmax(chances)) == 4


def test_one_seed_tells_nothing_about_the_best():
    assert probability_best([[1.0], [2.0]]) is None


def test_differences_are_for_every_arm_and_fit_into_json():
    values = {"equal": [1.0, 2.0, 3.0], "tiered": [2.0, 3.0, 4.0], "broken": [np.nan, np.nan, np.nan]}
    differences = compare_to_baseline(values, "equal")
    assert list(differences) == ["equal", "tiered", "broken"]
    assert (differences["equal"].mean, differences["equal"].p_best) == (0.0, 0.0)
    text = json.dumps({arm: each.to_json() for arm, each in differences.items()}, allow_nan=False)
    assert json.loads(text)["tiered"] == {
        "mean": 1.0, "ci_low": 1.0, "ci_high": 1.0, "n": 3, "p_best": 1.0, "variance_reduction": None,
    }  # fmt: skip
    assert json.loads(text)["broken"]["n"] == 0


def test_unknown_baseline():
    with pytest.raises(KeyError, match="gold"):
        compare_to_baseline({"equal": [1.0, 2.0]}, "gold")


@pytest.mark.statistical
def test_intervals_cover_the_truth_as_often_as_they_say():
    """Normal arms sharing their luck by seed, five seeds, true difference 0.5; fails by chance 1e-6 (n = 4,000).

    An interval made with the normal quantile instead of Student's covers 88% and would fail.
    """
    n_repeats, n_seeds = 4_000, 5
    generator = np.random.default_rng(1)
    luck = generator.normal(scale=10.0, size=(n_repeats, n_seeds))
    ours = 0.5 + luck + generator.normal(size=luck.shape)
    theirs = luck + generator.normal(size=luck.shape)
    n_covered = 0
    for mine, other in zip(ours, theirs, strict=True):
        found = paired_difference(mine, other)
        n_covered += found.ci_low <= 0.5 <= found.ci_high
    low, high = stats.binom.ppf(0.5e-6, n_repeats, 0.95), stats.binom.isf(0.5e-6, n_repeats, 0.95)
    assert low <= n_covered <= high


@pytest.mark.statistical
def test_a_chance_of_being_best_is_right_as_often_as_it_says():
    """With no true difference P(best) is uniform: below 0.1 in a tenth of 250 repeats; fails by chance 1e-6."""
    n_repeats = 250
    samples = np.random.default_rng(2).normal(size=(n_repeats, 2, 4))
    n_low = sum(probability_best(sample)[0] < 0.1 for sample in samples)
    low, high = stats.binom.ppf(0.5e-6, n_repeats, 0.1), stats.binom.isf(0.5e-6, n_repeats, 0.1)
    assert low <= n_low <= high
