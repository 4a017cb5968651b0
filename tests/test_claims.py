"""The claims laboratory: the rule of the verdict, each measure on made-up data worked on paper, and the command."""

from __future__ import annotations

import json
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose

from experiments.claims import (
    CLAIMS,
    chosen,
    delight,
    firing,
    price_rise,
    reach_of_talk,
    retention_and_profit,
    satisfied_not_loyal,
    sliding,
    small_advocates,
    tenure,
    top_fifth,
    total_contribution,
    winning_and_keeping,
)
from experiments.claims.base import Effect
from experiments.claims.judging import judge, ratio_estimate, verdict_of
from experiments.cli import main
from experiments.report.claims import claimed, load_findings
from experiments.statistics import Estimate
from sim.accounts import N_LINES, Line
from sim.errors import InputError
from tests.markets import scenario

RANGE = Effect("a", "a", low=0.25, high=0.85, null=0.0)
ABOVE = Effect("a", "a", low=0.0, null=0.0)
BELOW = Effect("a", "a", high=0.3, null=0.5)
NO_NULL = Effect("a", "a", low=8.0)
UNJUDGED = Effect("a", "a")
MARKET = scenario(2, {"customers.count": 200, "periods": 104, "horizon": 52})


@pytest.mark.parametrize(
    ("effect", "low", "high", "verdict"),
    [
        (RANGE, 0.3, 0.8, "supported"),
        (RANGE, 0.25, 0.85, "supported"),
        (RANGE, 0.1, 0.2, "not supported"),
        (RANGE, 0.9, 1.2, "not supported"),
        (RANGE, -0.1, 0.2, "not supported"),
        (RANGE, -0.2, -0.1, "contrary"),
        (RANGE, 0.2, 0.4, "undecided"),
        (RANGE, -0.2, 0.9, "undecided"),
        (ABOVE, 0.1, 0.2, "supported"),
        (ABOVE, -0.2, -0.1, "contrary"),
        (ABOVE, -0.1, 0.1, "undecided"),
        (BELOW, 0.1, 0.2, "supported"),
        (BELOW, 0.35, 0.45, "not supported"),
        (BELOW, 0.6, 0.7, "contrary"),
        (BELOW, 0.2, 0.4, "undecided"),
        (NO_NULL, 1.0, 2.0, "not supported"),
        (UNJUDGED, 0.1, 0.2, "not judged"),
    ],
)
def test_the_verdict_follows_from_the_interval(effect, low, high, verdict):
    assert verdict_of(effect, Estimate((low + high) / 2, low, high, 8)) == verdict


def test_without_an_interval_nothing_is_decided():
    assert verdict_of(ABOVE, Estimate(0.5, None, None, 1)) == "undecided"


@pytest.mark.parametrize("ends", [{"low": 1.0, "high": 0.5}, {"low": 0.0, "null": 0.1}, {"null": 0.0}])
def test_a_claim_that_cannot_be_judged_is_refused(ends):
    with pytest.raises(ValueError, match="allowed"):
        Effect("a", "a", **ends)


def test_a_ratio_over_a_constant_has_the_interval_of_its_numerator():
    """Mean 3, standard error 1, t quantile of one degree of freedom 12.706."""
    found = ratio_estimate([2.0, 4.0], [1.0, 1.0])
    assert_allclose([found.mean, found.ci_low, found.ci_high], [3.0, 3 - 12.7062, 3 + 12.7062], rtol=1e-5)


def test_fiellers_interval_holds_the_ratios_that_a_t_test_does_not_reject():
    """At each end, the t statistic of numerator - end x denominator is the quantile itself."""
    above, below = np.array([5.0, 7.0, 6.0, 8.0]), np.array([2.0, 2.2, 1.9, 2.1])
    found = ratio_estimate(above, below)
    for end in (found.ci_low, found.ci_high):
        gap = above - end * below
        assert_allclose(abs(gap.mean()) / (gap.std(ddof=1) / 2), 3.18245, rtol=1e-5)


def test_a_denominator_that_may_be_zero_leaves_no_interval():
    assert ratio_estimate([1.0, 1.0, 1.0], [0.1, -0.1, 0.2]) == Estimate(pytest.approx(15.0), None, None, 3)


def test_kinds_are_judged_each_in_its_way():
    assert judge(Effect("a", "a", kind="ratio"), [(2.0, 1.0), (6.0, 3.0)]).mean == 2.0
    assert judge(Effect("a", "a", kind="share"), [0.98, 1.0]).ci_high < 1.0
    assert judge(Effect("a", "a"), [0.98, 1.0]).ci_high > 1.0


def test_what_is_claimed_is_written_with_its_ends():
    assert claimed(RANGE) == "25% to 85%"
    assert claimed(ABOVE) == "above 0%"
    assert claimed(BELOW) == "below 30%"
    assert claimed(NO_NULL) == "at least 800%"
    assert claimed(UNJUDGED) == ""


def test_a_claim_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="tenure"):
        chosen(["tenur"])


def test_every_claim_has_a_contrast_and_something_to_be_judged_by():
    for claim in CLAIMS.values():
        assert len(claim.places) >= 2
        assert claim.effects[0].is_judged
        assert len({effect.name for effect in claim.effects}) == len(claim.effects)


def outcomes_of(monkeypatch: pytest.MonkeyPatch, module: Any, outcomes: list[dict[str, float]]) -> None:
    """Let the runs of an experiment give these outcomes of the focal firm, in order."""
    runs = iter([SimpleNamespace(outcomes=lambda each=each: {"Firm0": each}) for each in outcomes])
    monkeypatch.setattr(module, "results_of", lambda scenario, seed: next(runs))


def looks_of(monkeypatch: pytest.MonkeyPatch, module: Any, looks: dict[int, dict[str, Any]], **market: Any) -> Any:
    """Let an experiment see these columns of the focal firm, by period."""
    town = SimpleNamespace(period=0, **market)

    @contextmanager
    def opened(scenario, seed):
        town.period = 0
        yield town

    def step_to(market, period):
        market.period = period

    monkeypatch.setattr(module, "opened", opened)
    monkeypatch.setattr(module, "step_to", step_to)
    monkeypatch.setattr(module, "held", lambda market, name: np.array(looks[market.period][name]))
    return town


def test_profit_per_five_points_of_retention(monkeypatch):
    """30 of 100 more profit for 10 points: 15% for five; customers 20% for ten; arithmetic .05 / (1.12 - .55)."""
    before = {"profit": 100.0, "retention": 0.5, "customers": 10.0}
    after = {"profit": 130.0, "retention": 0.6, "customers": 12.0}
    outcomes_of(monkeypatch, retention_and_profit, [before, after])
    found = retention_and_profit.measure(MARKET, 1)
    assert_allclose(found["profit"][0] / found["profit"][1], 0.15)
    assert_allclose(found["customers"][0] / found["customers"][1], 0.10)
    assert_allclose(found["arithmetic"], 0.05 / 0.57)


def test_profit_of_firing(monkeypatch):
    alike = {"profit": 10.0, "revenue": 200.0, "customers": 50.0, "retention": 0.5}
    fires = {"profit": 6.0, "revenue": 150.0, "customers": 40.0, "retention": 0.6}
    outcomes_of(monkeypatch, firing, [alike, fires])
    found = firing.measure(MARKET, 1)
    assert found["profit"] == (-4.0, 200.0)
    assert found["customers"] == (-10.0, 50.0)


def test_profit_of_ranking_by_total_contribution(monkeypatch):
    """Total contribution 12, volume 10, own margin 13."""
    runs = [{"profit": profit, "revenue": 100.0, "retention": 0.5} for profit in (12.0, 10.0, 13.0)]
    outcomes_of(monkeypatch, total_contribution, runs)
    found = total_contribution.measure(MARKET, 1)
    assert found["profit"] == (2.0, 100.0)
    assert found["over_own"] == (-1.0, 100.0)


def test_cost_of_winning_and_of_keeping(monkeypatch):
    """100 money wins 5 more; 50 money keeps 10% of 100 more: 200 against 50 a thousand: winning costs 4 times."""

    def year(gained: float, service: float, advertising: float) -> pd.DataFrame:
        row = {"customers": 100.0, "gained": gained, "service": service, "advertising": advertising, "recovery": 0.0}
        return pd.DataFrame([row])

    tables = iter([year(20, 10, 0), year(20, 10, 0), year(25, 10, 100), year(22, 60, 0)])
    runs = iter([(0.5, 80.0), (0.52, 70.0), (0.6, 90.0)])

    def run(scenario, seed):
        retention, profit = next(runs)
        return SimpleNamespace(outcomes=lambda: {"Firm0": {"retention": retention, "profit": profit}})

    monkeypatch.setattr(winning_and_keeping, "results_of", run)
    monkeypatch.setattr(winning_and_keeping, "of_focal", lambda results: next(tables))
    found = winning_and_keeping.measure(MARKET, 1)
    assert_allclose([found["won"], found["kept"]], [50.0, 200.0])
    assert_allclose(found["won_per_kept"][0] / found["won_per_kept"][1], 0.25)
    assert_allclose([found["profit_offence"], found["profit_defence"]], [-0.1, 0.2])


def test_share_of_the_top_fifth_counts_the_long_run_of_the_same_membership(monkeypatch):
    """Margins of the long run: 60, 20, 10, 20 and, of a member who came back in it, the whole 0: 60 of 110."""
    looks = {
        52: {
            "margin": [40, 0, 0, 0, 90],
            "revenue": [0] * 5,
            "volume": [1] * 5,
            "since": [1] * 5,
            "is_active": [1] * 5,
        },
        104: {
            "margin": [100, 20, 10, 20, 0],
            "revenue": [60, 20, 10, 10, 0],
            "volume": [9, 3, 2, 2, 2],
            "since": [1, 1, 1, 1, 60],
            "is_active": [1] * 5,
        },
    }
    for look in looks.values():
        for name in ("margin", "revenue", "volume"):
            look[name] = np.array(look[name], dtype=float)
    looks_of(monkeypatch, top_fifth, looks)
    found = top_fifth.measure(MARKET, 1)
    assert_allclose(found["profit"], 60 / 110)
    assert_allclose(found["sales"], 60 / 100)


def test_margin_by_tenure(monkeypatch):
    """Two old customers at 10 in the last year and at 8 two years before; one in the second year at 4."""
    periods = (0, 26, 52, 78, 104)
    since = [[5, 5, 60]] * 5
    margin = [[0, 0, 0], [3, 1, 0], [11, 9, 0], [30, 30, 2], [40, 40, 6]]
    looks = {
        period: {
            "margin": np.array(margin[k], dtype=float),
            "volume": np.zeros(3),
            "since": np.array(since[k]),
            "is_active": np.ones(3),
        }
        for k, period in enumerate(periods)
    }
    looks_of(monkeypatch, tenure, looks)
    found = tenure.measure(MARKET, 1)
    assert found["cross"] == (6.0, 4.0)
    assert found["within"] == (2.0, 8.0)
    assert_allclose(found["selection"], 1.5 - 0.25)


def test_satisfaction_of_those_who_stay_and_leave(monkeypatch):
    """Satisfied: three of four; of the two who leave (one of them came back), one. Nobody else is asked."""
    at_start = {
        "is_active": [1, 1, 1, 1, 0],
        "satisfaction": [0.5, 0.2, -0.4, 0.1, -0.9],
        "attachment": [1, 0, 0, 1, 0],
    }
    at_end = {"is_active": [1, 1, 0, 1, 1], "since": [3, 60, 3, 3, 60]}
    town = SimpleNamespace(column=lambda name: np.array([6, 6, 4, 4, 4]))
    looks_of(monkeypatch, satisfied_not_loyal, {52: at_start, 104: at_end}, customers=town)
    found = satisfied_not_loyal.measure(MARKET, 1)
    assert_allclose(found["leavers"], 0.5)
    assert_allclose(found["asked"], 0.75)
    assert_allclose(found["attachment"], 1.0)
    assert_allclose(found["premium"], 1.0)


def test_worth_of_small_advocates(monkeypatch):
    """The talker below the median is worth 2 + 8, the biggest buyer 20 + 0."""
    look = {"is_active": [1] * 4, "revenue": [1, 2, 50, 60], "margin": [1, 2, 15, 20], "credit": [0, 8, 1, 0]}
    looks_of(
        monkeypatch, small_advocates, {104: look},
        customers=SimpleNamespace(column=lambda name: np.array([1.0, 9.0, 1.0, 1.0])),
        network=SimpleNamespace(first=np.array([0, 2, 4, 6, 8])),
    )  # fmt: skip
    found = small_advocates.measure(MARKET, 1)
    assert found["worth"] == (10.0, 20.0)
    assert found["own"] == (2.0, 20.0)
    assert found["credit_small"] == (8.0, 10.0)


def test_a_price_rise_early_and_late(monkeypatch):
    """13 periods from 13 on: 2 more of 10 each; the last 26: 1 less of 10 each."""
    plain = pd.DataFrame({"profit": 5.0, "revenue": 10.0, "customers": 100.0}, index=range(104))
    raised = plain.copy()
    raised.loc[13:25, "profit"] += 2.0
    raised.loc[78:, "profit"] -= 1.0
    raised.loc[78:, "customers"] = 90.0
    tables = iter([plain, raised])
    monkeypatch.setattr(price_rise, "results_of", lambda scenario, seed: None)
    monkeypatch.setattr(price_rise, "of_focal", lambda results: next(tables))
    found = price_rise.measure(MARKET, 1)
    assert_allclose([found[name] for name in ("first", "late", "turn", "customers")], [0.2, -0.1, -0.3, -0.1])


def test_what_is_left_of_delight(monkeypatch):
    plain = pd.DataFrame({"satisfaction": 0.0, "attachment": 0.1}, index=range(104))
    better = plain.copy()
    better.loc[13:25, "satisfaction"] = 0.4
    better.loc[78:, "satisfaction"] = 0.1
    better.loc[78:, "attachment"] = 0.3
    paths = iter([plain, better])
    monkeypatch.setattr(delight, "_path", lambda *arguments: next(paths))
    found = delight.measure(MARKET, 1)
    assert_allclose(found["left"], (0.1, 0.4))
    assert_allclose(found["attachment"], (0.2, 0.0), atol=1e-12)


def test_reach_of_talk_counts_every_firm_after_the_warm_up(monkeypatch):
    """Each period: 2 words of praise heard by 10, one grievance heard by 7, 3 purchases credited."""
    period = np.zeros((2, 1, 1, N_LINES))
    for firm in (0, 1):
        period[firm, 0, 0, [Line.PRAISE, Line.PRAISE_HEARD]] = 1.0, 5.0
    period[0, 0, 0, [Line.GRIEVANCES, Line.GRIEVANCES_HEARD]] = 1.0, 7.0

    class Town:
        def __init__(self) -> None:
            self.period = 0
            self.history = SimpleNamespace(books=[])
            self.said = SimpleNamespace(n_credits=np.array([1, 2]))
            self.scenario = SimpleNamespace(focal_firm="Firm0")
            self.firms = {"Firm0": SimpleNamespace(index=0)}

        def step(self) -> None:
            self.history.books.append(period)
            self.period += 1

    @contextmanager
    def opened(scenario, seed):
        yield Town()

    monkeypatch.setattr(reach_of_talk, "opened", opened)
    found = reach_of_talk.measure(MARKET.with_overrides({"warm_up": 52}), 1)
    assert found["closed"] == (156.0, 104.0)
    assert found["told_well"] == (520.0, 104.0)
    assert found["told_ill"] == (364.0, 52.0)
    assert found["per_grievance"] == (52.0, 52.0)


def test_sliding_follows_the_people_who_were_customers_and_are_still_there(monkeypatch):
    """Attachment .2 as it is, .5 after the rise, .1 after the fall; who moved away and who was none are left out."""
    state = {"level": 0.4}
    looks = {0: {"is_active": [1, 1, 0]}}
    after = {0.4: 0.2, 0.7: 0.5, 0.1: 0.1}

    def column(name):
        return np.array([0, 1, 2]) if town.period == 0 else np.array([0, 9, 2])

    town = looks_of(
        monkeypatch, sliding, looks,
        customers=SimpleNamespace(column=column),
        history=SimpleNamespace(migration=[(13, 0, np.array([[8, 2], [10, 90]])), (13, 1, np.array([[0, 9], [9, 0]]))]),
    )  # fmt: skip
    monkeypatch.setattr(sliding, "focal", lambda market: SimpleNamespace(index=0))
    monkeypatch.setattr(sliding, "set_service", lambda market, level: state.update(level=round(level, 6)))
    looked = sliding.held

    def held(market, name):
        return looked(market, name) if market.period == 0 else np.array([after[state["level"]], 0.9, 0.9])

    monkeypatch.setattr(sliding, "held", held)
    two_tiers = MARKET.with_overrides({"firms.Firm0.pyramid": "two_tier"})
    found = sliding.measure(two_tiers, 1)
    assert_allclose(found["attachment"], (0.1, 0.3))
    assert_allclose(found["tiers"], (0.2, 0.1))


def test_the_command_saves_first_and_writes_the_page_from_what_it_saved(tmp_path):
    options = ["--seeds", "2", "--workers", "1", "--set", "customers.count=340", "--json", "--out", str(tmp_path)]
    result = CliRunner().invoke(main, ["claims", "top_fifth", "small_advocates", *options])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    by_seed = pd.read_parquet(tmp_path / "data" / "by_seed.parquet")
    own = by_seed[(by_seed["claim"] == "top_fifth") & (by_seed["effect"] == "profit")]
    first = next(each for each in told["claims"] if each["name"] == "top_fifth")["findings"][0]
    assert_allclose(first["mean"], own[own["scenario"] == "baseline"]["value"].mean())
    page = (tmp_path / "claims.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "Eighty per cent of profit" in page


def test_an_unknown_claim_is_one_line_on_the_command_line(tmp_path):
    result = CliRunner().invoke(main, ["claims", "tenur", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "tenure" in result.stderr
    assert "Traceback" not in result.output


def test_findings_of_another_version_are_refused(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "manifest.json").write_text("{}", encoding="utf-8")
    pd.DataFrame({"claim": ["gone"], "place": ["x"], "effect": ["y"]}).to_parquet(
        tmp_path / "data" / "findings.parquet"
    )
    with pytest.raises(InputError, match="another version"):
        load_findings(tmp_path)
