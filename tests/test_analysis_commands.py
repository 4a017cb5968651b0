"""The commands that make many runs, end to end on a small market."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from experiments.analyses.ask_tournament import markets, players_of
from experiments.analyses.assumptions import factors_of, parse, unsure
from experiments.analyses.evaluate import Bench, with_settings
from experiments.cli import main
from experiments.study.study_file import study_of
from sim.errors import InputError
from sim.scenario import load_scenario

SMALL = (
    "--set",
    "customers.count=150",
    "--set",
    "periods=30",
    "--set",
    "warm_up=0",
    "--set",
    "horizon=15",
    "--workers=1",
)


def asked(command: str, *words: str, out: Path, code: int = 0) -> Any:
    done = CliRunner().invoke(main, [command, "baseline", *words, *SMALL, "--out", str(out), "--json"])
    assert done.exit_code == code, done.output
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "What was found" in page
    assert "<svg" in page
    return json.loads(done.stdout)


def test_sensitivity_of_a_level_and_of_a_difference(tmp_path: Path) -> None:
    varied = ["--vary", "customers.behaviour.praise_rate=0.1:0.4", "--vary", "firms.Aurora.price=0.9:1.3"]
    level = asked("sensitivity", *varied, "-n", "4", "--seeds", "2", out=tmp_path / "level")
    assert level["runs"] == 4 * (2 + 2) * 2
    assert {row["factor"] for row in level["indices"]} == {"customers.behaviour.praise_rate", "firms.Aurora.price"}
    screened = ["--method", "morris", "-n", "3", "--against", "tiered_service"]
    gap = asked("sensitivity", *varied, *screened, "--seeds", "1", out=tmp_path / "gap")
    assert gap["runs"] == 3 * (2 + 1) * 2
    assert "difference in profit" in gap["finding"]
    assert (tmp_path / "gap" / "data" / "points.csv").is_file()


def test_robustness_over_a_few_worlds(tmp_path: Path) -> None:
    varied = ["--vary", "customers.mix.price=0.1:0.4", "--vary", "network.topology=random,scale_free"]
    found = asked("robustness", *varied, "--worlds", "10", out=tmp_path)
    assert found["worlds"] == 10
    assert len(found["regret"]) == len(load_scenario("baseline").arms)
    assert min(row["max_regret"] for row in found["regret"]) >= 0.0
    assert sum(row["best_in"] for row in found["regret"]) >= 1.0


def test_optimise_is_no_worse_than_the_policies_it_starts_from(tmp_path: Path) -> None:
    varied = [f"firms.Aurora.tiers.{tier}.service=0:1" for tier in ("platinum", "gold", "iron", "lead")]
    words = [word for path in varied for word in ("--vary", path)]
    found = asked("optimise", *words, "--trials", "8", "--seeds", "2", "--fresh", "3", out=tmp_path)
    assert set(found["seeds"]).isdisjoint(found["fresh_seeds"])
    best = max(row["profit"] for row in found["front"])
    start = next(row["profit"] for row in found["given"] if row["policy"] == "tiered_service")
    assert best >= start  # the search tries that policy first
    assert found["advantage"]["profit"]["n"] == 3


def test_a_tournament_of_two(tmp_path: Path) -> None:
    found = asked("tournament", "--strategy", "equal", "--strategy", "cut_price", "--seeds", "2", out=tmp_path)
    assert found["runs"] == 4 * 2
    assert found["strategies"] == ["equal", "cut_price"]
    assert sum(found["survivors"].values()) == pytest.approx(1.0, abs=0.01)


def test_a_run_that_fails_is_said_and_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_one.py").write_text(
        "class Fails:\n    def decide(self, view):\n        if view.period > 0:\n            raise ValueError('no')\n"
        "        return view.base\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    words = ("--strategy", "equal", "--strategy", "broken_one:Fails", "--seeds", "1")
    done = CliRunner().invoke(main, ["tournament", "baseline", *words, *SMALL, "--out", str(tmp_path / "t"), "--json"])
    assert done.exit_code == 1
    assert "3 runs failed" in done.stderr
    assert json.loads(done.stdout)["ranking"][0]["strategy"] == "equal"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sensitivity", "baseline", "--vary", "customers.count"], "is no setting to vary"),
        (["sensitivity", "baseline", "--vary", "customers.behavior.praise_rate=0.1:0.4"], "behaviour"),
        (["sensitivity", "baseline", "--vary", "firms.Aurora.quality=0.5:1.5"], "quality = 1.5"),
        (["sensitivity", "baseline", "-n", "6"], "power"),
        (["robustness", "baseline:equal"], "has no arms"),
        (["tournament", "baseline", "--strategy", "equl"], "did you mean"),
        (["tournament", "baseline", "--strategy", "equal"], "nobody to play against"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_runs(words: list[str], message: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [*words, "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert message in done.stderr or "Sobol" in done.stderr
    assert "Traceback" not in done.stderr


# ---- the parts ------------------------------------------------------------------------------------------------------


def test_a_share_of_one_type_leaves_the_others_in_proportion() -> None:
    base = load_scenario("baseline")
    (changed,) = with_settings(base, [{"customers.mix.price": 0.4}])
    assert sum(changed.customers.mix.values()) == pytest.approx(1.0, abs=1e-12)
    assert changed.customers.mix["price"] == pytest.approx(0.4)
    before, after = base.customers.mix, changed.customers.mix
    assert after["premium"] / after["inertia"] == pytest.approx(before["premium"] / before["inertia"])
    with pytest.raises(InputError, match="cannot be a mix"):
        with_settings(base, [{"customers.mix.price": 0.8, "customers.mix.premium": 0.3}])


def test_assumptions_that_few_are_sure_of_can_all_be_run_at_their_ends() -> None:
    for name in ("baseline", "coffee_shops", "telecom_monopoly"):
        base = load_scenario(name)
        assert len(factors_of([], base)) == len(unsure(base)) > 4


def test_a_range_from_0_to_1_is_of_whole_numbers_only_where_the_setting_is() -> None:
    base = load_scenario("baseline")
    service, count = factors_of(["firms.Aurora.tiers.gold.service=0:1", "customers.count=100:200"], base)
    assert service.value(0.5) == 0.5
    assert count.value(0.5) == 150
    vary = {"firms.Aurora.tiers.gold.service": {"low": 0, "high": 1}, "customers.count": {"low": 100, "high": 200}}
    asked = study_of({"title": "The same in a file?", "scenario": "baseline", "vary": vary})
    assert [factor.value(0.5) for factor in asked.factors] == [0.5, 150]


def test_ranges_and_choices_are_told_apart() -> None:
    assert parse("customers.count=10:20").is_whole
    assert not parse("firms.Aurora.price=0.9:1").is_whole
    assert parse('network.topology="ring",empty').choices == ("ring", "empty")
    with pytest.raises(InputError, match="no range of numbers"):
        parse("network.topology=ring:random")


def test_firms_of_a_tournament_are_alike_but_for_their_strategy() -> None:
    base = load_scenario("advocates")
    players = players_of(base)
    assert "best_response" not in players
    chosen = {name: players[name] for name in list(players)[:2]}
    built = markets(base, chosen, 2)
    assert len(built) == 4
    for seating, scenario in built:
        first, second = scenario.firms
        assert first.model_dump(exclude={"name", "strategy", "pyramid"}) == second.model_dump(
            exclude={"name", "strategy", "pyramid"}
        )
        assert len(seating) == 2


def test_no_run_is_made_twice() -> None:
    base = load_scenario("baseline", {"customers.count": 60, "periods": 10, "warm_up": 0, "horizon": 5})
    with Bench(workers=1, progress=False) as bench:
        first = bench.run([base, base], [1, 2])
        again = bench.table([base], [2], "Aurora", "profit")
    assert bench.n_runs == 2
    assert first[0] == first[1]
    assert first[0][1] is not None
    assert again[0, 0] == first[0][1]["Aurora"]["profit"]
