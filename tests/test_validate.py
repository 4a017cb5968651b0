"""Measures of a market, against numbers worked on paper, laws of known parameters and markets of one known answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from experiments import validate as module
from experiments.repeat_buying import double_jeopardy, duplication, nbd_top_share, switching
from experiments.validate import (
    FACTS,
    cohort_retention,
    judge,
    keep_panel,
    praise_per_grievance,
    price_elasticity,
    validate,
)
from sim.accounts import N_LINES, Line
from sim.customer_results import top_share
from sim.errors import InputError
from tests.markets import STILL, STILL_FIRM, load_scenario, market, scenario

NAN = float("nan")
Z = stats.norm.isf(0.5e-6)  # two-sided, fails by chance 1e-6

#: Four buyers of three brands; the fifth person buys nothing, and the fourth brand has no buyer.
COUNTS = np.array([[3, 4, 0, 0], [2, 2, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])

#: People who buy every week, alike but for whim, and remember nothing.
FORGETFUL: dict[str, Any] = {
    **STILL,
    "customers.demand": {"mean_rate": 50.0, "rate_shape": 1e6},
    "customers.mix": {"price": 1.0},
    "customers.behaviour.outside_utility": -50.0,
    "customers.behaviour.reference_speed": 0.0,
    "customers.behaviour.habit_weight": 0.0,
    "customers.behaviour.trust_weight": 0.0,
    "customers.behaviour.opinion_weight": 0.0,
    "customers.behaviour.unfamiliarity_weight": 0.0,
}


def test_double_jeopardy_worked_by_hand():
    """Penetrations 3/4, 2/4, 1/4; purchases per buyer 2, 3, 1: r = 0.25 / √(0.125 · 2) = ½."""
    assert_allclose(double_jeopardy(COUNTS), 0.5)


@pytest.mark.parametrize("counts", [COUNTS[:, :2], np.ones((4, 3), dtype=np.int64)])
def test_double_jeopardy_is_unknown_below_three_brands_or_when_all_are_alike(counts):
    assert np.isnan(double_jeopardy(counts))


def test_duplication_worked_by_hand():
    """Two of A's three buyers buy B, both of B's buy A, nobody else both: (2/3 + 1) / 6 over a penetration of ½."""
    assert_allclose(duplication(COUNTS), (2 / 3 + 1) / 6 / 0.5)


def test_buying_one_brand_tells_nothing_of_another_where_all_pairs_are_as_frequent_as_by_chance():
    every_combination = np.array([[a, b, 1] for a in (0, 2) for b in (0, 5)])
    assert_allclose(duplication(every_combination), 1.0)


def test_duplication_is_unknown_of_a_single_brand():
    assert np.isnan(duplication(COUNTS[:, :1]))


def test_switching_worked_by_hand():
    """Two purchases each, share ½: never buying has chance (S + 2) / 4(S + 1), which is the 3/8 seen if S = 1."""
    counts = np.array([[2, 0]] * 3 + [[0, 2]] * 3 + [[1, 1]] * 2)
    assert_allclose(switching(counts), 1.0, rtol=1e-8)


def test_switching_ends_at_nothing_at_everything_and_at_a_single_brand():
    assert switching(np.array([[2, 0], [0, 2]])) == 0.0
    assert switching(np.array([[1, 1], [1, 1]])) == np.inf
    assert np.isnan(switching(COUNTS[:, :1]))


def dirichlet_panel(s: float, n_people: int, seed: int) -> np.ndarray:
    """Return a panel's purchases if category purchases are NBD and choices Dirichlet: Ehrenberg's own model."""
    generator = np.random.default_rng(seed)
    needs = generator.negative_binomial(0.8, 0.8 / 10.8, n_people)
    return generator.multinomial(needs, generator.dirichlet(s * np.array([0.4, 0.3, 0.2, 0.1]), n_people))


@pytest.mark.statistical
@pytest.mark.parametrize("s", [1.0, 3.5])
def test_switching_finds_the_parameter_of_a_dirichlet(s):
    """Fails by chance 1e-6; misses an error of 4% in S less than 1e-6 (30 panels, standard error below .35%)."""
    found = [switching(dirichlet_panel(s, 20_000, seed)) for seed in range(30)]
    error = np.std(found, ddof=1) / np.sqrt(30)
    assert error < 0.0035 * s
    assert abs(np.mean(found) - s) < stats.t.isf(0.5e-6, 29) * error


def test_top_share_worked_by_hand():
    """One of the five who bought is the top fifth: 10 of 20."""
    assert top_share(np.array([2.0, 10.0, 5.0, 2.0, 1.0])) == 0.5
    assert np.isnan(top_share(np.zeros(3)))


@pytest.mark.parametrize("m", [1, 3, 10])
def test_top_share_of_a_geometric_law_worked_by_hand(m):
    """With shape 1 and q^m = 1/5 the top fifth are those with more than m purchases, who buy m + 1/(1 - q) each."""
    q = 0.2 ** (1 / m)
    assert_allclose(nbd_top_share(q / (1 - q), q / (1 - q) ** 2), 0.2 * (1 + m * (1 - q)), rtol=1e-9)


def test_top_share_within_a_group_of_equals():
    """Of buyers who all bought once, the top fifth bought a fifth: a Poisson law of a very small mean."""
    assert_allclose(nbd_top_share(1e-9, 1e-9), 0.2, rtol=1e-6)


@pytest.mark.statistical
def test_top_share_of_an_nbd_is_that_of_its_draws():
    """Fails by chance 1e-6; misses an error of .004 less than 1e-6 (100 samples, standard error below .0004)."""
    draws = np.random.default_rng(1).negative_binomial(0.5, 0.5 / 6.5, (100, 50_000))
    shares = [top_share(sample[sample > 0].astype(np.float64)) for sample in draws]
    error = np.std(shares, ddof=1) / np.sqrt(100)
    assert error < 0.0004
    assert abs(np.mean(shares) - nbd_top_share(6.0, 6.0 + 36.0 / 0.5)) < stats.t.isf(0.5e-6, 99) * error


def test_the_panel_counts_what_the_books_count():
    """Nobody moves, walks out or lapses, so the usual firm of the books is the brand of the time before."""
    firms = [{"name": name, "failure_rate": 0.0} for name in "ABC"]
    m = market(firms, {"customers.turnover": 0.0, "customers.activity_window": 1000, "customers.count": 300})
    panel = keep_panel(m, 40)
    books = sum(m.history.books).sum(axis=(1, 2))
    assert panel.counts.shape == (300, 3)
    assert panel.counts.sum(axis=0).tolist() == books[:, Line.PURCHASES].tolist()
    assert (panel.n_same, panel.n_next) == (books[:, Line.REPURCHASES].sum(), books[:, Line.REPEAT_CHANCES].sum())
    assert 0 < panel.n_same < panel.n_next
    assert_allclose(panel.baskets, m.customers.column("basket"))


def test_the_panel_leaves_out_who_moves_away():
    m = market(2, {"customers.turnover": 0.02, "customers.count": 300})
    for _ in range(10):
        m.step()
    before = m.customers.column("id").copy()
    panel = keep_panel(m, 20)
    n_stayed = (m.customers.column("id") == before).sum()
    assert 0 < n_stayed < 300
    assert len(panel.counts) == len(panel.baskets) == n_stayed
    assert panel.counts.sum() < sum(m.history.books[10:])[..., Line.PURCHASES].sum()


@pytest.mark.statistical
def test_a_cohort_that_loses_only_movers_keeps_the_same_share_each_year():
    """One firm from which all buy every week: retention is (1 - .01)⁵² = .593 at every age.

    Each year fails by chance 1e-6; misses a tenth more or less moving less than 1e-4 in the first.
    """
    n = 20_000.0
    m = market([STILL_FIRM], {**FORGETFUL, "customers.turnover": 0.01, "customers.count": n}, periods=210)
    for retention in cohort_retention(m, first=0):
        assert abs(retention - 0.99**52) < Z * np.sqrt(0.99**52 * (1 - 0.99**52) / n)
        n *= retention


def test_retention_is_unknown_of_a_cohort_that_is_not_there():
    m = market([{"awareness": 0.0, "advertising": 0.0}], {"customers.count": 20}, periods=210)
    assert np.isnan(cohort_retention(m, first=0)).all()


def test_praise_per_grievance_worked_by_hand():
    """Periods 1 and 2 of three, over two firms: 2 + 4 praises to 1 + 1 grievances; what is heard does not count."""
    books = np.zeros((3, 2, 1, 7, N_LINES))
    books[:, 0, 0, 0, Line.PRAISE] = [9, 2, 4]
    books[:, 1, 0, 3, Line.GRIEVANCES] = [9, 1, 1]
    books[..., Line.GRIEVANCES_HEARD] = 50
    told: Any = SimpleNamespace(history=SimpleNamespace(books=list(books)))
    assert praise_per_grievance(told, slice(1, 3)) == 3.0
    books[..., Line.GRIEVANCES] = 0
    assert np.isnan(praise_per_grievance(told, slice(1, 3)))


@pytest.mark.statistical
def test_price_elasticity_of_a_logit_market():
    """Three like firms and a weight of 3 on the log of price: a firm's share at price P is P⁻³ / (P⁻³ + 2).

    Fails by chance 1e-6 if the three firms' errors are independent and a firm's two shares drawn apart, which common
    luck makes better; misses a weight wrong by a tenth less than 1e-5 (standard error .021 for a difference of .2).
    """
    n_people = 6000
    prior = {"price_weight": 3.0, "search": 1.0, "attachment_weight": 0.0}
    changes = {**FORGETFUL, "customers.types": {"price": prior}, "customers.count": n_people}
    found = price_elasticity(scenario([STILL_FIRM | {"name": name} for name in "ABC"], changes), seed=1).both
    share = np.array([p**-3 / (p**-3 + 2) for p in (0.9, 1.1)])
    log_ratio = np.log(1.1 / 0.9)
    error = np.sqrt(((1 - share) / share).sum() / (13 * n_people)) / log_ratio
    assert error / np.sqrt(3) < 0.021
    assert abs(found - np.log(share[1] / share[0]) / log_ratio) < Z * error / np.sqrt(3)


def test_price_elasticity_is_unknown_where_nothing_is_sold():
    nothing = scenario([{"awareness": 0.0, "advertising": 0.0}], {"customers.count": 20})
    assert np.isnan(price_elasticity(nothing, seed=1)).all()


@pytest.mark.statistical
def test_a_price_that_is_minded_only_as_a_jump_loses_by_a_rise_alone():
    """Prices weigh nothing, but each week a rise startles the dearer firm's buyers, and half of them leave for good.

    Of two like firms one has half of the people in the first week and half as many in every next one, so that in 13
    weeks it sells 2 (1 - 2^-13) / 13 of what it would have sold. Fails by chance 1e-6 (a person's weeks there have
    variance 2); misses a week more or less of startled buyers less than 1e-6.
    """
    n_people = 3000
    prior = {"price_weight": 0.0, "search": 0.0, "attachment_weight": 0.0}
    changes = {**FORGETFUL, "customers.types": {"price": prior}, "customers.count": n_people}
    changes |= {"customers.behaviour.alert_search": 1.0, "customers.behaviour.price_jump_spread": 0.0}
    found = price_elasticity(scenario([STILL_FIRM | {"name": name} for name in "AB"], changes), seed=1)
    assert found.cut == 0.0
    error = np.sqrt(2.0 / n_people) / np.log(1.1)
    assert abs(found.rise - np.log(2.0 * (1.0 - 2.0**-13) / 13.0) / np.log(1.1)) < Z * error
    assert found.rise * np.log(1.1) == pytest.approx(found.both * np.log(1.1 / 0.9))


def test_facts_are_judged_by_the_mean_and_by_the_ends_that_are_given():
    measured = pd.DataFrame({key: [0.0, 0.0] for key in FACTS})
    measured["duplication"] = [0.92, 1.22]  # mean 1.07, the upper end
    measured["switching"] = [NAN, 3.6]
    measured["double_jeopardy"] = [0.9, 1.0]
    measured["retention_rise_2"] = [0.3, -0.4]
    measured["repeat"] = [NAN, np.inf]
    table = judge(measured).set_axis(list(FACTS))
    without_range = ["retention_1", "elasticity_cut", "elasticity_rise"]
    assert table["inside"].drop([*without_range, "repeat"]).to_dict() == {
        "double_jeopardy": True, "duplication": True, "switching": False, "elasticity": False, "top20": False,
        "top20_null": False, "retention_rise_2": False, "retention_rise_3": True, "word_of_mouth": False,
    }  # fmt: skip
    assert table.loc[[*without_range, "repeat"], "inside"].isna().all()
    assert table["n"].to_dict() == {**dict.fromkeys(FACTS, 2), "switching": 1, "repeat": 0}
    half_width = 0.15 * stats.t.isf(0.025, 1)  # standard deviation .3/√2, over √2
    assert_allclose(
        table.loc["duplication", ["ci_low", "ci_high"]].astype(float), [1.07 - half_width, 1.07 + half_width]
    )
    assert table.loc["switching", ["ci_low", "ci_high"]].isna().all()


def test_a_market_is_measured_by_seed_and_the_same_each_time():
    small = scenario(3, {"customers.count": 200}, warm_up=20)
    table = validate(small, [1, 2])
    columns = ["fact", "value", "ci_low", "ci_high", "n", "low", "high", "inside", "basis"]
    assert list(table.columns) == columns
    assert table["fact"].tolist() == [fact.name for fact in FACTS.values()]
    assert (table["n"] == 2).all()
    pd.testing.assert_frame_equal(table, validate(small, [2, 1]))


def test_nothing_is_known_of_a_market_without_sales():
    table = validate(scenario([{"awareness": 0.0, "advertising": 0.0}], {"customers.count": 20}), [1])
    assert table["value"].isna().all()
    assert table["inside"].isna().all()


def test_a_run_that_fails_is_told_and_gives_no_table(monkeypatch):
    def fail(*_: object) -> None:
        raise ArithmeticError("books do not balance")

    monkeypatch.setattr(module, "measure", fail)
    with pytest.raises(RuntimeError, match="scenario, seed 5: ArithmeticError: books do not balance"):
        validate(scenario(2), [5])


@pytest.mark.parametrize("seeds", [[], [1, 2, 1]])
def test_every_seed_comes_once(seeds):
    with pytest.raises(InputError, match="each seed once"):
        validate(scenario(2), seeds)


def test_no_workers_is_an_error():
    with pytest.raises(ValueError, match="at least 1"):
        validate(scenario(2), [1], workers=0)


@pytest.mark.slow
@pytest.mark.statistical
def test_the_default_market_is_credible():
    """Every fact is inside its range, on seeds that no value was chosen on; so is its interval, but for noisy r."""
    table = validate(load_scenario("baseline"), [11, 12, 13, 14, 15]).set_axis(list(FACTS))
    judged = table[table["low"].notna() | table["high"].notna()]
    assert judged["inside"].all(), judged.loc[~judged["inside"].astype(bool), ["value", "low", "high"]]
    certain = judged.drop("double_jeopardy")
    assert (certain["ci_low"] > certain["low"].fillna(-np.inf)).all()
    assert (certain["ci_high"] < certain["high"].fillna(np.inf)).all()
