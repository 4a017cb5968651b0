"""The analyses against answers that are known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from experiments.analyses import labels, optimise, robustness, sensitivity, tournament
from experiments.analyses.sensitivity import Factor
from sim.errors import InputError

THREE = [Factor("x1", -math.pi, math.pi), Factor("x2", -math.pi, math.pi), Factor("x3", -math.pi, math.pi)]


def ishigami(places: np.ndarray) -> np.ndarray:
    """Return Ishigami & Homma's function (1990) with a = 7, b = 0.1."""
    x = -math.pi + 2 * math.pi * places
    return np.sin(x[:, 0]) + 7.0 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


# ---- sensitivity ----------------------------------------------------------------------------------------------------


def test_sobol_indices_of_a_function_whose_indices_are_known() -> None:
    """First .314, .442, 0; total .558, .442, .244 (Sobol' & Levitan 1999)."""
    places = sensitivity.sobol_places(THREE, 1024)
    table = sensitivity.sobol_indices(THREE, ishigami(places)).set_index("factor")
    assert_allclose(table.loc[["x1", "x2", "x3"], "first"], [0.314, 0.442, 0.0], atol=0.03)
    assert_allclose(table.loc[["x1", "x2", "x3"], "total"], [0.558, 0.442, 0.244], atol=0.03)
    assert (table["total_low"] < table["total"]).all()


def test_morris_finds_the_slopes_of_a_plane() -> None:
    factors = [Factor("a"), Factor("b"), Factor("c")]
    places = sensitivity.morris_places(factors, 8)
    table = sensitivity.morris_effects(factors, places, places @ np.array([3.0, -5.0, 0.0])).set_index("factor")
    assert table.index.tolist() == ["b", "a", "c"]
    assert_allclose(table["mu_star"], [5.0, 3.0, 0.0], atol=1e-9)
    assert_allclose(table["mu"], [-5.0, 3.0, 0.0], atol=1e-9)
    assert_allclose(table["sigma"], 0.0, atol=1e-9)
    assert "b, a mean change of 5" in sensitivity.screened(table.reset_index())


def test_regional_tells_where_the_outcome_is_high() -> None:
    places = np.random.default_rng(1).random((400, 2))
    table = sensitivity.regional([Factor("a", 0.0, 10.0), Factor("b")], places, places[:, 0])
    assert table["factor"].tolist() == ["a", "b"]
    assert table["p"].iloc[0] < 1e-6 < 0.01 < table["p"].iloc[1]
    assert 7.5 < table["from"].iloc[0] < table["to"].iloc[0] < 10.0


def test_an_outcome_that_never_varies_hangs_on_nothing() -> None:
    table = sensitivity.sobol_indices(THREE, np.ones(5 * 8))
    assert (table[["first", "total"]] == 0.0).all(axis=None)
    assert "No assumption is shown to matter" in sensitivity.in_a_sentence("profit", table, 0.4)


def test_the_sentence_names_the_assumption_and_those_not_told_apart() -> None:
    columns = ["factor", "total", "total_low", "total_high"]
    clear = pd.DataFrame([("price", 0.8, 0.7, 0.9), ("talk", 0.1, 0.0, 0.2)], columns=columns)
    close = pd.DataFrame([("price", 0.5, 0.3, 0.7), ("talk", 0.4, 0.2, 0.6)], columns=columns)
    assert sensitivity.in_a_sentence("Profit", clear, 0.1).startswith("Profit hangs on price (80%")
    assert "not told apart from talk" in sensitivity.in_a_sentence("Profit", close, 0.1)
    assert "one seed does not tell" in sensitivity.in_a_sentence("Profit", clear, math.nan)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Factor("p", 1.0, 1.0), "is no range"),
        (lambda: Factor("p", choices=("a",)), "has one choice"),
        (lambda: sensitivity.sobol_places(THREE, 12), "no size of a Sobol"),
    ],
)
def test_designs_that_cannot_be_are_refused(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()  # type: ignore[operator]


# ---- tournament -----------------------------------------------------------------------------------------------------


def test_every_strategy_meets_every_other_and_itself_in_every_seat() -> None:
    found = [each.strategies for each in tournament.seatings(("a", "b", "c"), 3)]
    assert len(found) == len(set(found)) == 3 + 3 * 6
    assert {("a", "a", "a"), ("a", "b", "a"), ("b", "b", "a"), ("c", "a", "a")} <= set(found)
    assert ("a", "b", "c") not in found  # one strategy against a field of another


def games(pay: dict[tuple[str, str], float], n_seeds: int = 3, noise: float = 0.0) -> pd.DataFrame:
    """Return what two firms earn in every market and seed."""
    rng = np.random.default_rng(1)
    rows = []
    for market, ((own, other), earned) in enumerate(pay.items()):
        for seed in range(n_seeds):
            luck = noise * rng.normal()
            rows += [
                {"seed": seed, "market": market, "seat": 0, "strategy": own, "profit": earned + luck},
                {"seed": seed, "market": market, "seat": 1, "strategy": other, "profit": pay[other, own] + luck},
            ]
    return pd.DataFrame(rows)


HAWK_DOVE = {("hawk", "hawk"): -1.0, ("hawk", "dove"): 4.0, ("dove", "hawk"): 0.0, ("dove", "dove"): 2.0}


def test_hawks_and_doves_settle_at_their_mixture_and_neither_keeps_the_other_out() -> None:
    """With a prize of 4 and a fight that costs 6, the stable share of hawks is V / C = 2/3."""
    names = ("hawk", "dove")
    earned = tournament.pay_offs(games(HAWK_DOVE), names, "profit")
    pay_off = tournament.matrix(earned, names)
    assert_allclose(pay_off, [[-1.0, 4.0], [0.0, 2.0]])
    path = tournament.replicate(pay_off, np.array([0.1, 0.9]))
    assert_allclose(path[-1], [2 / 3, 1 / 3], atol=1e-3)
    assert_allclose(path.sum(axis=1), 1.0)
    hawk, dove = tournament.stability(earned, names)
    assert hawk.invaders == ("dove",)
    assert dove.invaders == ("hawk",)
    assert tournament.survivors(path, names) == ["hawk", "dove"]


def test_defection_cannot_be_invaded_and_takes_over() -> None:
    dilemma = {("c", "c"): 3.0, ("c", "d"): 0.0, ("d", "c"): 5.0, ("d", "d"): 1.0}
    earned = tournament.pay_offs(games(dilemma, noise=0.1), ("c", "d"), "profit")
    cooperate, defect = tournament.stability(earned, ("c", "d"))
    assert defect.cannot_be_invaded
    assert cooperate.invaders == ("d",)
    path = tournament.replicate(tournament.matrix(earned, ("c", "d")))
    assert tournament.survivors(path, ("c", "d")) == ["d"]


def test_the_ranking_is_the_mean_over_all_that_were_met_with_its_interval() -> None:
    table = tournament.ranking(games(HAWK_DOVE, noise=0.5), ["profit"]).set_index("strategy")
    assert table.index.tolist() == ["dove", "hawk"] or table.index.tolist() == ["hawk", "dove"]
    assert ((table["profit_low"] < table["profit"]) & (table["profit"] < table["profit_high"])).all()
    assert table["p_best"].sum() == pytest.approx(1.0)


# ---- optimisation ---------------------------------------------------------------------------------------------------


def test_the_front_is_what_nothing_beats() -> None:
    goals = np.array([[0.5, 10.0, 1.0], [0.6, 9.0, 1.0], [0.5, 10.0, 2.0], [0.4, 9.0, 3.0]])
    assert optimise.is_front(goals).tolist() == [True, True, False, False]


def trade_off(tried: list[dict[str, float]], seeds: tuple[int, ...]) -> list[dict[str, np.ndarray] | None]:
    """Return a market where service keeps customers and costs profit, half-way is wasteful, and luck is shared."""
    luck = np.array([np.random.default_rng(seed).normal() for seed in seeds])
    answers: list[dict[str, np.ndarray] | None] = []
    for settings in tried:
        service, waste = settings["service"], settings["waste"]
        retention = 0.4 + 0.4 * service - 0.2 * waste + 0.001 * luck
        profit = 100.0 - 60.0 * service - 50.0 * waste + luck
        answers.append({"retention": retention, "profit": profit, "spend": np.full(len(seeds), 60.0 * service)})
    return answers


def test_the_search_leaves_waste_alone_keeps_to_the_budget_and_is_the_same_again() -> None:
    levers = [Factor("service"), Factor("waste")]
    found = optimise.search(levers, trade_off, (1, 2, 3, 4), 160, budget=30.0)  # type: ignore[arg-type]
    front = optimise.front_of(found)
    assert all(each.spend.mean() <= 30.0 for each in found)
    assert max(each.settings["waste"] for each in front) < 0.15
    assert min(each.settings["service"] for each in front) < 0.1
    assert 0.4 < max(each.settings["service"] for each in front) <= 0.5
    again = optimise.search(levers, trade_off, (1, 2, 3, 4), 160, budget=30.0)  # type: ignore[arg-type]
    assert [each.settings for each in again] == [each.settings for each in found]


def test_runs_that_failed_are_no_candidates() -> None:
    def fails_where_dear(tried: list[dict[str, float]], seeds: tuple[int, ...]) -> list[dict[str, np.ndarray] | None]:
        return [
            None if settings["service"] > 0.5 else gave
            for settings, gave in zip(tried, trade_off(tried, seeds), strict=True)
        ]

    found = optimise.search([Factor("service"), Factor("waste")], fails_where_dear, (1, 2), 40)  # type: ignore[arg-type]
    assert 0 < len(found) < 40
    assert max(each.settings["service"] for each in found) <= 0.5


def test_the_best_of_many_lucky_ones_falls_when_judged_anew() -> None:
    rng = np.random.default_rng(3)
    same = [optimise.Candidate({}, np.full(4, 0.5), rng.normal(size=4), np.zeros(4)) for _ in range(200)]
    best = max(same, key=lambda each: float(each.profit.mean()))
    anew = optimise.Candidate({}, np.full(4, 0.5), rng.normal(size=4), np.zeros(4))
    assert optimise.winners_curse([best], [anew]) > 0.5
    gap = optimise.advantage(optimise.Candidate({}, best.retention, anew.profit + 2.0, anew.spend), anew)
    assert gap["profit"].mean == pytest.approx(2.0)


# ---- robustness -----------------------------------------------------------------------------------------------------


def test_regret_and_satisficing_by_hand() -> None:
    outcome = {"tiers": np.array([5.0, 1.0, 4.0]), "alike": np.array([3.0, 3.0, 3.0])}
    table = robustness.regret(outcome).set_index("policy")
    assert table.index.tolist() == ["tiers", "alike"]
    assert table["max_regret"].tolist() == [2.0, 2.0]
    assert table["mean_regret"].tolist() == pytest.approx([2 / 3, 1.0])
    assert table["best_in"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert robustness.satisficing(outcome, 3.0) == {"tiers": pytest.approx(2 / 3), "alike": 1.0}


def test_prim_finds_the_planted_box_and_leaves_out_what_does_not_matter() -> None:
    """False alarm: each limit is kept at p <= .05; the planted ones have p below 1e-6."""
    factors = [Factor("price_share", 0.0, 0.5), Factor("reach"), Factor("luck")]
    places = robustness.worlds_places(factors, 600, seed=2)
    happens = (places[:, 0] > 0.6) & (places[:, 1] > 0.5)
    box = robustness.prim(factors, places, happens)
    assert {limit.factor.path for limit in box.limits} == {"price_share", "reach"}
    assert box.density >= 0.8
    assert box.coverage >= 0.7
    low = {limit.factor.path: limit.low for limit in box.limits}
    assert low["price_share"] == pytest.approx(0.6, abs=0.12)
    sentence = robustness.in_a_sentence("Tiering loses", box)
    assert "price_share is above 0." in sentence
    assert "of all" in sentence


def test_no_box_stands_out_where_chance_decides() -> None:
    """At most one factor of three is told, by the tests' own level; false alarm of two or more below 1 in 100."""
    rng = np.random.default_rng(5)
    factors = [Factor("a"), Factor("b"), Factor("c")]
    n_limits = []
    for seed in range(10):
        places = robustness.worlds_places(factors, 200, seed)
        n_limits.append(len(robustness.prim(factors, places, rng.random(200) < 0.3).limits))
    assert np.mean(n_limits) < 2.5


def test_limits_on_choices_are_said_by_name() -> None:
    topology = Factor("network.topology", choices=("ring", "random", "empty", "complete"))
    assert str(robustness.Limit(topology, 0.0, 0.5, 0.01)) == "network.topology is ring or random"
    assert str(robustness.Limit(Factor("x", 0.0, 10.0), 0.2, 1.0, 0.01)) == "x is above 2"
    assert str(robustness.Limit(Factor("x", 0.0, 10.0), 0.2, 0.5, 0.01)) == "x is from 2 to 5"


# ---- labels ---------------------------------------------------------------------------------------------------------


def test_settings_go_by_their_ends_unless_two_would_be_called_alike() -> None:
    paths = ["customers.behaviour.praise_rate", "customers.mix.price", "firms.A.price", "x.size", "y.size"]
    assert labels.short(paths) == ["praise_rate", "mix.price", "A.price", "x.size", "y.size"]


def test_names_beside_points_stay_clear_of_each_other_and_inside() -> None:
    points = [(100.0 + 3 * k, 50.0 + k) for k in range(4)] + [(278.0, 20.0), (2.0, 20.0)]
    boxes = labels.apart(points, ["equal", "A", "B", "C", "tiered_service", "D"], 8.5, 280.0)
    for k, (left, bottom, right, top) in enumerate(boxes):
        assert 0.0 <= left < right <= 280.0
        for a, b, c, d in boxes[:k]:
            assert right <= a or c <= left or top <= b or d <= bottom
