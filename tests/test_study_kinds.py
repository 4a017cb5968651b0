"""Study files of every kind, from the command line to what they tell and keep, on small markets."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from experiments.cli import main
from experiments.runner import Interrupted
from experiments.statistics import estimate, paired_difference
from experiments.study import execute, sweep
from experiments.study.runs import Outcome, Run
from experiments.study.store import Store
from sim.scenario import load_scenario

ROOT = Path(__file__).parent.parent
MARKET = """
title = "Dear or cheap?"
periods = 8
warm_up = 0
horizon = 4
customers.count = 60

[[firms]]
name = "Aurora"
[[firms]]
name = "Borealis"

[arms.dear]
"firms.Aurora.price" = 1.3
[arms.cheap]
"firms.Aurora.strategy" = "cut_price"
"""
HEAD = """
title = "What is asked?"
scenario = "market.toml"
seeds = 2
store = "store"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a market, whose studies share a store."""
    place = tmp_path_factory.mktemp("studies")
    (place / "market.toml").write_text(MARKET)
    return place


def do(folder: Path, name: str, head: str, tail: str = "", seeds: int = 2) -> tuple[Any, str]:
    """Do a study and return its answer, and what was said beside it."""
    (folder / f"{name}.toml").write_text(HEAD.replace("seeds = 2", f"seeds = {seeds}") + head + tail)
    words = ["study", str(folder / f"{name}.toml"), "--out", str(folder / "out" / name), "--workers", "1", "--json"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, (done.output, done.exception)
    page = (folder / "out" / name / "report.html").read_text(encoding="utf-8")
    assert "What was found" in page
    assert "<svg" in page
    return json.loads(done.stdout), done.stderr


PRICES = '[vary]\n"firms.Aurora.price" = [0.9, 1.0, 1.2]\n"firms.Aurora.quality" = [0.4, 0.8]\n'


def test_a_grid_tells_every_combination_and_is_not_run_again(folder: Path) -> None:
    found, _ = do(folder, "grid", "", PRICES)
    assert (found["runs"], len(found["points"])) == (3 * 2 * 2, 6)
    again, said = do(folder, "grid", "", PRICES)
    assert again == found
    assert "0 runs made; 12 were in" in said
    effects = pd.DataFrame(found["effects"])
    assert set(effects["factor"]) == {"firms.Aurora.price", "firms.Aurora.quality"}
    assert set(effects["n"]) == {2}
    points = pd.DataFrame(found["points"])
    at_low = points[points["firms.Aurora.price"] == 0.9]["profit"].mean()
    told = effects[(effects["outcome"] == "profit") & (effects["factor"] == "firms.Aurora.price")].set_index("value")
    assert told.loc[0.9, "mean"] == pytest.approx(at_low)


def test_one_at_a_time_holds_each_value_against_the_scenario_as_it_is_alone(folder: Path) -> None:
    """The value "as it is" is of one point, and not of those at which something else is changed."""
    found, _ = do(folder, "single", 'design.kind = "one_at_a_time"\n', PRICES)
    assert found["runs"] == (1 + 3 + 2) * 2
    points = pd.DataFrame(found["points"])
    base = points[points["firms.Aurora.price"].isna() & points["firms.Aurora.quality"].isna()]
    for row in found["effects"]:
        if row["value"] == "as it is":
            assert row["mean"] == pytest.approx(base[row["outcome"]].item())
    page = (folder / "out" / "single" / "report.html").read_text(encoding="utf-8")
    assert "is averaged over" not in page
    assert "nothing else is changed" in page


@pytest.mark.parametrize("kind", ["latin_hypercube", "sobol"])
def test_a_design_that_fills_ranges(folder: Path, kind: str) -> None:
    vary = '[vary]\n"firms.Aurora.price" = { low = 0.9, high = 1.2 }\n"network.topology" = ["random", "scale_free"]\n'
    found, _ = do(folder, kind, f'design = {{ kind = "{kind}", points = 6 }}\n', vary)
    assert found["runs"] == 6 * 2
    assert {row["network.topology"] for row in found["points"]} == {"random", "scale_free"}
    assert all(0.9 <= row["firms.Aurora.price"] <= 1.2 for row in found["points"])


def test_a_csv_of_settings_whose_plan_is_forgotten_when_it_changes(folder: Path) -> None:
    (folder / "points.csv").write_text(
        'firms.Aurora.price,firms.Aurora.strategy\n0.9,equal_treatment\n1.0,\n1.1,"{ name = ""cut_price"" }"\n'
    )
    found, _ = do(folder, "table", 'design = { kind = "csv", file = "points.csv" }\n')
    assert [row["firms.Aurora.strategy"] for row in found["points"]] == [
        "equal_treatment",
        None,
        '{"name": "cut_price"}',
    ]
    (folder / "points.csv").write_text("firms.Aurora.price\n0.9\n1.1\n")
    found, _ = do(folder, "table", 'design = { kind = "csv", file = "points.csv" }\n')
    assert (found["runs"], len(found["points"])) == (4, 2)


def test_arms_are_a_design_too(folder: Path) -> None:
    found, _ = do(folder, "arms", 'design.kind = "arms"\noutcomes = "retention"\n')
    assert [row["arm"] for row in found["points"]] == ["dear", "cheap"]
    assert found["runs"] == 2 * 2
    assert {row["factor"] for row in found["effects"]} == {"arm"}


def test_until_runs_the_pilot_and_then_as_many_seeds_as_it_takes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "N_PILOT", 5)
    head = 'until = "profit=15%"\nfocal = "Borealis"\n'
    found, said = do(folder, "many", head, '[vary]\n"firms.Aurora.price" = [0.95, 1.05]\n', seeds=40)
    assert found["focal"] == "Borealis"
    needed = int(re.search(r"by the first 5 seeds, (\d+) seeds are needed", said)[1])  # type: ignore[index]
    assert 5 <= needed < 40
    assert {row["seeds"] for row in found["points"]} == {needed}
    until, [gap] = found["until"], [row for row in found["differences"] if row["outcome"] == "profit"]
    assert (until["n_pilot"], until["n_needed"], until["is_reached"]) == (5, needed, True)
    assert (gap["ci_high"] - gap["ci_low"]) / 2 <= until["half_widths"]["profit"] * (1 + 1e-9)
    runs = Store(folder / "store").runs("many", "Borealis").pivot(index="seed", columns="point", values="profit")
    expected = paired_difference(runs[1.0], runs[0.0], 5)
    assert (gap["mean"], gap["ci_low"], gap["ci_high"], gap["n"]) == pytest.approx(
        (expected.mean, expected.ci_low, expected.ci_high, needed)
    )
    level = estimate(runs[1.0], runs[1.0][:5])
    point = found["points"][1]
    assert (point["profit_low"], point["profit_high"]) == pytest.approx((level.ci_low, level.ci_high))
    effects = {(row["outcome"], row["value"]): row for row in found["effects"]}
    assert effects["profit", 1.05]["ci_low"] == pytest.approx(level.ci_low)
    page = (folder / "out" / "many" / "report.html").read_text(encoding="utf-8")
    assert "every difference from the first point is known to within" in page


def test_sensitivity_of_a_difference(folder: Path) -> None:
    head = 'kind = "sensitivity"\noutcomes = "retention"\n[options]\nsize = 2\nagainst = "cheap"\n'
    vary = (
        '"customers.behaviour.praise_rate" = { low = 0.1, high = 0.4 }\n"network.topology" = ["random", "scale_free"]\n'
    )
    found, _ = do(folder, "hangs", head, "[vary]\n" + vary)
    assert found["runs"] == 2 * (2 + 2) * 2 * 2
    assert "difference in retention" in found["finding"]


def test_robustness_of_the_arms(folder: Path) -> None:
    found, _ = do(folder, "worlds", 'kind = "robustness"\nseed_from = 7\noptions.worlds = 10\n',
                  '[vary]\n"customers.mix.price" = { low = 0.1, high = 0.4 }\n')  # fmt: skip
    assert found["seeds"] == [7, 8]
    assert found["worlds"] == 10
    assert {row["policy"] for row in found["regret"]} == {"dear", "cheap"}


def test_differences_of_shares_are_told_in_percentage_points(folder: Path) -> None:
    """Regret in retention, and what an assumption changes of a difference in retention."""
    head = 'outcomes = "retention"\nkind = '
    vary = '[vary]\n"customers.mix.price" = { low = 0.1, high = 0.4 }\n'
    do(folder, "points", head + '"robustness"\noptions.worlds = 10\n', vary, seeds=1)
    page = (folder / "out" / "points" / "report.html").read_text(encoding="utf-8")
    assert re.search(r"at worst it gives [\d.]+ points? less than the best policy", page)
    table = page[page.index("Regret in retention over") :].partition("</table>")[0]
    assert len(re.findall(r"[\d.]+ points?", table)) >= 4
    head += '"sensitivity"\noptions = { method = "morris", size = 2, against = "cheap" }\n'
    do(folder, "change", head, vary, seeds=1)
    page = (folder / "out" / "change" / "report.html").read_text(encoding="utf-8")
    assert re.search(r"goes from [\u2212\d.]+ points? to [\u2212\d.]+ points?, mean [\u2212\d.]+ points?", page)


def test_optimise_a_lever(folder: Path) -> None:
    found, _ = do(folder, "best", 'kind = "optimise"\n[options]\ntrials = 4\nfresh = 2\n',
                  '[vary]\n"firms.Aurora.price" = { low = 0.9, high = 1.2 }\n')  # fmt: skip
    assert found["seeds"] == [1, 2]
    assert found["fresh_seeds"] == [3, 4]
    assert found["levers"] == ["firms.Aurora.price"]


def test_a_tournament_of_two(folder: Path) -> None:
    found, _ = do(folder, "cup", 'kind = "tournament"\noptions.strategies = ["dear", "cheap"]\n')
    assert found["runs"] == 4 * 2
    assert found["strategies"] == ["dear", "cheap"]


def test_the_firm_asked_about_is_the_one_named(folder: Path) -> None:
    vary = '[vary]\n"firms.Aurora.price" = { low = 0.9, high = 1.2 }\n'
    do(folder, "other", 'kind = "sensitivity"\nfocal = "Borealis"\noptions.size = 2\n', vary)
    page = (folder / "out" / "other" / "report.html").read_text(encoding="utf-8")
    assert "profit of Borealis" in page.partition("</h1>")[0]


def test_a_firm_that_loses_everybody_is_told_as_not_known(folder: Path) -> None:
    """A price so high that nobody is left to be retained: no number, and no crash once all runs are made."""
    set_ = '[set]\n"firms.Aurora.awareness" = 0.0\n"firms.Aurora.advertising" = 0.0\n"customers.activity_window" = 2\n'
    found, _ = do(folder, "gone", set_, '[vary]\n"firms.Aurora.price" = [500.0, 900.0]\n')
    assert {row["retention"] for row in found["points"]} == {None}


def test_a_stop_while_runs_are_written_loses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "market.toml").write_text(MARKET)
    scenario = load_scenario(tmp_path / "market.toml")
    store = Store(tmp_path / "store")
    monkeypatch.setattr(execute, "SECONDS_UNWRITTEN", 0.0)
    add, tries = store.add, iter([KeyboardInterrupt])

    def stopped(outcomes: list[Outcome]) -> None:
        for error in tries:
            raise error
        add(outcomes)

    monkeypatch.setattr(store, "add", stopped)
    with pytest.raises(Interrupted, match="1 runs were finished and are kept"):
        execute.execute([Run(scenario, seed) for seed in (1, 2)], store, workers=1)
    assert len(Store(tmp_path / "store")) == 1


def test_ctrl_c_is_one_line_and_exit_code_130_and_what_is_finished_is_kept(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "market.toml").write_text(MARKET)
    (tmp_path / "long.toml").write_text((HEAD + PRICES).replace("seeds = 2", "seeds = 20000"))
    command = [sys.executable, "-m", "experiments.cli", "study", "long.toml", "--workers", "2"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    first = next(line for line in process.stderr if "runs," in line)
    os.killpg(process.pid, signal.SIGINT)
    stopped = time.monotonic()
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    assert time.monotonic() - stopped < 10
    assert stdout == ""
    told = [line for line in stderr.splitlines() if "runs," not in line or "stopped" in line]
    assert len(told) == 1, stderr
    n_kept = int(re.fullmatch(
        r"stopped; ([\d,]+) runs were finished and are kept in store; the same command goes on from there", told[0]
    )[1].replace(",", ""))  # type: ignore[index]  # fmt: skip
    assert n_kept >= int(first.partition("/")[0])
    store = Store(tmp_path / "store", create=False)
    assert len(store) == n_kept
    assert len(store.runs("long")) >= 2 * n_kept
    assert not (tmp_path / "reports" / "long" / "report.html").exists()
