"""A study of the kind ``compare``: what ``loyalty compare`` finds, with its runs in a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

import experiments.report.page
from experiments import compare_arms, gathered, one_run, run_study, tables_of
from experiments.cli import main
from experiments.comparison import Comparison
from experiments.report.evidence import load
from experiments.report.findings import against_baseline
from experiments.study import compared
from experiments.study.store import Store
from sim.scenario import Scenario, load_scenario

MARKET = """
title = "Dear or cheap?"
periods = 12
warm_up = 0
horizon = 8
customers.count = 80

[[firms]]
name = "Aurora"
[[firms]]
name = "Borealis"

[arms.usual]
[arms.dear]
"firms.Aurora.price" = 1.3
[arms.cheap]
"firms.Aurora.price" = 0.8
"""
STUDY = """
title = "May Aurora ask more?"
kind = "compare"
scenario = "market.toml"
seeds = 3
store = "store"
options.baseline = "dear"

[set]
"firms.Borealis.price" = 1.1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a market and a study of it."""
    place = tmp_path_factory.mktemp("compared")
    (place / "market.toml").write_text(MARKET)
    (place / "prices.toml").write_text(STUDY)
    return place


@pytest.fixture(scope="module")
def plain(folder: Path) -> Comparison:
    """Return the same comparison, asked from Python and without a store."""
    scenario = load_scenario(folder / "market.toml")
    arms = {name: scenario.arm(name).with_overrides({"firms.Borealis.price": 1.1}) for name in scenario.arms}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(experiments.report.page, "write_report", lambda out: out / "report.html")
        return compare_arms(arms, 3, baseline="dear", out=folder / "plain", workers=1, progress=False)


def written_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "page_of", lambda _: "drawn")
    monkeypatch.setattr(gathered, "write_table", lambda *_: None)


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written has a test of its own."""
    written_quickly(monkeypatch)


def do(folder: Path, name: str = "prices", *words: str, code: int = 0) -> tuple[dict[str, Any], str]:
    """Do a study and return its answer, and what was said beside it."""
    asked = ["study", str(folder / f"{name}.toml"), "--out", str(folder / "out" / name), "--workers", "1", "--json"]
    done = CliRunner().invoke(main, [*asked, *words])
    assert done.exit_code == code, (done.output, done.exception)
    return json.loads(done.stdout), done.stderr


def test_it_finds_what_a_comparison_finds_and_writes_the_same_and_runs_nothing_twice(
    folder: Path, plain: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, said = do(folder)
    assert "9/9 runs" in said
    theirs = plain.to_json()
    for key in ("arms", "differences", "seeds", "baseline", "until", "failed"):
        assert found[key] == json.loads(json.dumps(theirs[key])), key
    assert found["runs"] == 9
    verdicts = against_baseline(load(folder / "plain"))
    assert [(each["arm"], each["outcome"], each["p_adjusted"]) for each in found["verdicts"]] == [
        (verdict.arm, verdict.metric, verdict.p_adjusted) for verdict in verdicts
    ]
    assert {each["comparisons"] for each in found["verdicts"]} == {4}

    ours, expected = tables_of(folder / "out" / "prices"), tables_of(plain)
    assert list(ours) == list(expected)
    for name, table in expected.items():
        pd.testing.assert_frame_equal(ours[name], table, check_exact=True)
    page = (folder / "out" / "prices" / "report.html").read_text(encoding="utf-8")
    assert "May Aurora ask more?" in page
    assert page.count("<svg") > 5
    assert load(folder / "out" / "prices").manifest["command"].startswith("loyalty")

    written_quickly(monkeypatch)
    again, said = do(folder)
    assert again == found
    assert "0 runs made; 9 were in" in said
    asked = "select arm, avg(profit) as mean from prices where firm = 'Aurora' group by arm"
    means = Store(folder / "store").sql(asked).set_index("arm")["mean"].to_dict()
    assert means == pytest.approx({arm: levels["profit"].mean for arm, levels in plain.arms.items()})


@pytest.mark.usefixtures("_quick")
def test_it_is_told_in_a_terminal_and_in_python(folder: Path, plain: Comparison) -> None:
    words = ["study", str(folder / "prices.toml"), "--out", str(folder / "told"), "--workers", "1"]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("May Aurora ask more?")
    assert "Holm p" in told.stdout
    found = run_study(folder / "prices.toml", workers=1, progress=False)
    gap = found.data["differences"].set_index(["arm", "metric"]).loc[("cheap", "profit"), "mean"]
    assert gap == plain.differences["cheap"]["profit"].mean
    assert all(sentence in told.stdout.replace("\n", " ") for sentence in found.sentences)


@pytest.mark.usefixtures("_quick")
def test_until_is_that_of_a_comparison_with_the_seeds_it_takes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathered, "N_PILOT", 5)
    text = STUDY.replace("seeds = 3", 'seeds = 20\nuntil = "profit=30%"').replace('"dear"', '"usual"')
    (folder / "open.toml").write_text(text)
    found, said = do(folder, "open")
    until = found["until"]
    assert 5 < until["n_needed"] <= 20
    assert f"by the first 5 seeds, {until['n_needed']} seeds are needed" in said
    assert (found["seeds"], until["n_pilot"]) == (list(range(1, until["n_needed"] + 1)), 5)
    assert until["is_reached"]
    for metrics in found["differences"].values():
        width = (metrics["profit"]["ci_high"] - metrics["profit"]["ci_low"]) / 2
        assert width <= until["half_widths"]["profit"] * (1 + 1e-9)


@pytest.mark.usefixtures("_quick")
def test_a_run_that_fails_is_told_with_its_settings_and_the_others_are_compared(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results_of = one_run.results_of

    def failing(scenario: Scenario, seed: int) -> Any:
        if (scenario.name, seed) == ("market:cheap", 102):
            raise ArithmeticError("the ledger does not balance")
        return results_of(scenario, seed)

    monkeypatch.setattr(one_run, "results_of", failing)
    (folder / "broken.toml").write_text(STUDY.replace("seeds = 3", "seeds = 2\nseed_from = 101"))
    found, said = do(folder, "broken", code=1)
    [failed] = found["failed"]
    assert (failed["arm"], failed["seed"]) == ("cheap", 102)
    assert failed["message"] == "ArithmeticError: the ledger does not balance"
    assert "--set firms.1.price=1.1" in failed["command"]
    assert "1 runs failed" in said
    assert (found["differences"]["cheap"]["profit"]["n"], found["differences"]["usual"]["profit"]["n"]) == (1, 2)
    monkeypatch.setattr(one_run, "results_of", results_of)
    mended, said = do(folder, "broken")
    assert "1 runs made; 5 were in" in said
    assert mended["failed"] == []


def test_when_every_run_fails_that_is_what_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ArithmeticError("no")

    monkeypatch.setattr(one_run, "results_of", fails)
    (folder / "none.toml").write_text(STUDY.replace("seeds = 3", "seeds = 1\nseed_from = 201"))
    found, _ = do(folder, "none", code=1)
    assert (found["runs"], len(found["failed"])) == (0, 3)
    page = (folder / "out" / "none" / "report.html").read_text(encoding="utf-8")
    assert "No run finished" in page
