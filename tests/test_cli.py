"""The ``loyalty`` command, end to end: answers, messages and exit codes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest
from click.testing import CliRunner

import experiments.report.page
from experiments import cli, compare, comparing, gathered, listed
from experiments.cli import main
from experiments.gathered import COLUMNS
from sim import scenario as scenarios
from sim.topologies import Topology

ROOT = Path(__file__).resolve().parent.parent
SCENARIO = """
title = "Does a dear Aurora lose?"
periods = 24
warm_up = 4
horizon = 12
customers = { count = 60, demand = { mean_rate = 0.4 } }
network = { topology = "random", mean_degree = 4 }

[[firms]]
name = "Aurora"

[[firms]]
name = "Borealis"

[arms.usual]

[arms.dear]
"firms.Aurora.price" = 1.6
"""
RUN_KEYS = {"scenario", "seed", "version", "periods", "customers", "digest", "firms"}
FIRM_KEYS = {
    "customers", "gained", "lost", "retention", "repeat_rate", "share", "satisfaction", "attachment", "revenue",
    "costs", "profit", "tiers", "types",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder to work in, with a small scenario in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(SCENARIO, encoding="utf-8")
    (tmp_path / "ties.csv").write_text("a,b\n0,1\n1,somebody\n", encoding="utf-8")
    return tmp_path


def undrawn(folder):
    return folder / "report.html"


@pytest.fixture
def _no_drawing(monkeypatch):
    monkeypatch.setattr(experiments.report.page, "write_report", undrawn)


def loyalty(*words, code=0):
    """Run a command in this process and return its standard output and standard error."""
    answer = CliRunner().invoke(main, [str(word) for word in words])
    assert answer.exit_code == code, (answer.output, answer.exception)
    assert "Traceback" not in answer.output
    return answer.stdout, answer.stderr


def start(*words, **options):
    """Start a command as a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "experiments.cli", *map(str, words)]
    return subprocess.Popen(
        command,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **options,
    )


def test_help_imports_nothing_heavy():
    heavy = "{'numba', 'numpy', 'pandas', 'mesa', 'scipy', 'rich', 'pydantic'}"
    code = f"import sys; from experiments.cli import main; sys.exit(str({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert found.stderr.strip() == "set()"


def test_help_and_version():
    stdout, _ = loyalty("--help")
    for command in ("run", "compare", "check", "schema", "list", "data", "demo"):
        assert re.search(rf"^  {command} ", stdout, re.MULTILINE)
    stdout, _ = loyalty("--version")
    assert re.fullmatch(r"loyalty \d+\.\d+\.\d+\+[0-9a-f]{8}\n", stdout)


@pytest.mark.usefixtures("folder")
def test_run_prints_the_contract_as_json_and_nothing_else():
    stdout, stderr = loyalty("run", "small.toml", "--seed", 7, "--json")
    summary = json.loads(stdout)
    assert summary.keys() >= RUN_KEYS
    assert (summary["scenario"], summary["seed"], summary["periods"], summary["customers"]) == ("small", 7, 24, 60)
    for firm in summary["firms"].values():
        assert firm.keys() >= FIRM_KEYS
    assert "24/24 periods" in stderr
    again, _ = loyalty("run", "small.toml", "--seed", 7, "--json")
    assert json.loads(again) == summary
    other, _ = loyalty("run", "small.toml", "--seed", 8, "--json")
    assert json.loads(other)["digest"] != summary["digest"]


def test_run_takes_settings_periods_and_arms_and_keeps_its_tables(folder):
    changes = ["--set", "customers.count=50", "--set", 'firms.1.name="Boreas"', "--periods", 15]
    stdout, _ = loyalty("run", "small.toml:dear", *changes, "--json", "--out", "kept")
    summary = json.loads(stdout)
    assert (summary["scenario"], summary["periods"], summary["customers"]) == ("small:dear", 15, 50)
    assert list(summary["firms"]) == ["Aurora", "Boreas"]
    assert json.loads((folder / "kept" / "summary.json").read_text(encoding="utf-8")) == summary
    for name in cli.RUN_TABLES:
        assert list(pd.read_parquet(f"kept/{name}.parquet").columns) == list(pd.read_csv(f"kept/{name}.csv").columns)
    assert pd.read_parquet("kept/periods.parquet")["period"].nunique() == 15


@pytest.mark.usefixtures("folder")
def test_run_prints_a_table_per_firm_for_a_person():
    stdout, _ = loyalty("run", "small.toml")
    assert stdout.startswith("Does a dear Aurora lose?")
    for word in ("Aurora", "Borealis", "Aurora: tier", "platinum", "profit", "retention"):
        assert word in stdout


def test_compare_gives_the_same_for_any_number_of_workers(folder, monkeypatch):
    """End to end on the real market: the contract as JSON, the report drawn, and every data file the same."""
    found = {}
    for workers in (2, 1):
        words = ["compare", "small.toml", "--seeds", 3, "--workers", workers, "--out", f"with-{workers}", "--json"]
        stdout, stderr = loyalty(*words)
        monkeypatch.setattr(
            experiments.report.page, "write_report", lambda folder: folder / "report.html"
        )  # once is enough
        found[workers] = json.loads(stdout)
        assert "6/6 runs" in stderr
        assert Path(found[workers].pop("report")) == Path(f"with-{workers}/report.html")
    assert found[1] == found[2]
    assert set(found[1]["arms"]) == {"usual", "dear"}
    assert set(found[1]["differences"]) == {"dear"}
    for metric in ("retention", "profit"):
        assert found[1]["differences"]["dear"][metric]["n"] == 3
    assert found[1]["differences"]["dear"]["share"]["mean"] < 0  # who asks 60% more sells to fewer
    files = sorted(path.name for path in (folder / "with-1" / "data").iterdir() if path.name != "manifest.json")
    assert len(files) == 2 * (len(COLUMNS) + len(("arms", "differences", "runs")))
    for name in files:
        assert (folder / "with-1/data" / name).read_bytes() == (folder / "with-2/data" / name).read_bytes(), name
    assert "Does a dear Aurora lose?" in (folder / "with-2/report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("folder", "_no_drawing")
def test_seeds_are_added_alike_for_any_number_of_workers():
    """The pilot of 30 is not enough for a thousandth of the profit, and 32 are allowed."""
    found = {}
    for workers in (1, 2):
        words = ["compare", "small.toml", "--until", "profit=0.1%", "--seeds", 32, "--seed-from", 7]
        stdout, stderr = loyalty(*words, "--workers", workers, "--out", f"with-{workers}", "--json")
        found[workers] = json.loads(stdout)
        assert Path(found[workers].pop("report")) == Path(f"with-{workers}/report.html")
        assert "64/64 runs" in stderr
    assert found[1] == found[2]
    assert found[1]["seeds"] == list(range(7, 39))
    until = found[1]["until"]
    assert (until["n_pilot"], until["n_most"], list(until["half_widths"])) == (30, 32, ["profit"])
    assert until["n_needed"] > 32
    for name in ("runs", "differences", "outcomes"):
        assert Path(f"with-1/data/{name}.csv").read_bytes() == Path(f"with-2/data/{name}.csv").read_bytes()
    manifest = json.loads(Path("with-1/data/manifest.json").read_text(encoding="utf-8"))
    assert manifest["command"] == "loyalty compare small.toml --seeds 32 --seed-from 7 --until profit=0.1%"


@pytest.mark.usefixtures("folder", "_no_drawing")
def test_files_that_stand_without_their_arms_are_told():
    """Two files, one of them with an arm named: the other's arms are not compared, and it is said."""
    Path("big.toml").write_text(SCENARIO.replace("count = 60", "count = 80"), encoding="utf-8")
    _, stderr = loyalty("compare", "small.toml:dear", "big.toml", "--seeds", 1, "--workers", 1, "--out", "out")
    assert "big.toml is compared as it stands, without its arms (usual, dear); one is big.toml:usual" in stderr
    assert "small.toml" not in stderr
    _, stderr = loyalty("compare", "small.toml", "--seeds", 1, "--workers", 1, "--out", "out")
    assert "without its arms" not in stderr


@pytest.mark.usefixtures("folder", "_no_drawing")
def test_compare_prints_table_finding_and_place_for_a_person():
    stdout, _ = loyalty("compare", "small.toml:dear", "small.toml", "--seeds", 2, "--workers", 1, "--seed-from", 5)
    assert "against dear" in stdout
    assert "2 seeds" in stdout
    assert re.search(r"report: reports/small-dear-vs-small/report\.html$", stdout.strip())
    manifest = json.loads(Path("reports/small-dear-vs-small/data/manifest.json").read_text(encoding="utf-8"))
    assert (manifest["arms"], manifest["seeds"]) == (["dear", "small"], [5, 6])
    assert manifest["command"] == "loyalty compare small.toml:dear small.toml --seeds 2 --seed-from 5"


@pytest.mark.usefixtures("folder", "_no_drawing")
def test_arms_go_by_the_shortest_name_that_is_their_own():
    Path("other").mkdir()
    Path("other/small.toml").write_text(SCENARIO, encoding="utf-8")
    Path("big.toml").write_text(SCENARIO, encoding="utf-8")
    for typed, names in [
        (["small.toml"], ["usual", "dear"]),
        (["small.toml:dear"], ["dear"]),
        (["small.toml:dear", "big.toml:dear", "big.toml"], ["small:dear", "big:dear", "big"]),
        (["small.toml", "other/small.toml"], ["small.toml", "other/small.toml"]),
        (["big.toml", "big.toml"], ["big.toml (1)", "big.toml (2)"]),
    ]:
        assert list(comparing._arms(typed, {})) == names


@pytest.mark.usefixtures("folder", "_no_drawing")
@pytest.mark.parametrize("given", ["dear", "small:dear", "small.toml:dear"])
def test_a_baseline_is_named_in_any_way_that_is_clear(given):
    words = ["compare", "small.toml", "--baseline", given, "--seeds", 1, "--workers", 1, "--json", "--out", "out"]
    stdout, _ = loyalty(*words)
    assert json.loads(stdout)["baseline"] == "dear"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "absent.toml"], "absent.toml: no such file"),
        (["run", "small.toml", "--set", "customers.count"], "--set = 'customers.count': not a setting"),
        (["run", "small.toml", "--set", "focal=Aurora"], "allowed: a TOML value; text in quotes: 'focal=\"Aurora\"'"),
        (["run", "small.toml", "--set", "focal=1\nperiods=3"], "not a TOML value"),
        (["run", "small.toml", "--set", "customers.cuont=5"], 'did you mean "count"'),
        (["run", "small.toml", "--set", "firms.Aurorra.price=5"], 'did you mean "Aurora"'),
        (["run", "small.toml", "--set", "customers.mix={price=0.4}"], "shares that sum to 1"),
        (["run", "small.toml:daer"], 'did you mean "dear"'),
        (["run", "small.toml", "--seed", -1], "--seed"),
        (["run", "small.toml", "--out", "small.toml/here"], "small.toml/here: cannot be written"),
        (["compare", "small.toml", "--seeds", 0], "--seeds"),
        (["compare", "small.toml", "--workers", 0], "--workers"),
        (["compare", "small.toml", "--until", "ci=0.5"], "--until = 'ci=0.5': not a width; allowed: ci=0.5%"),
        (["compare", "small.toml:dear", "--until", "ci=5%"], "one arm has no difference"),
        (["compare", "small.toml", "--baseline", "usul"], 'did you mean "usual"'),
        (["compare", "small.toml", "--out", "small.toml"], "cannot be written"),
        (["compare", "small.toml", "--set", "network.mean_degree=400"], "network.mean_degree"),
        (
            ["compare", "small.toml", "--set", 'customers.demand.transactions="absent.csv"'],
            "absent.csv: cannot be read",
        ),
        (["compare", "small.toml", "--set", 'network={topology="edge_list", path="ties.csv"}'], "ties.csv: line 3"),
        (["compare"], "SCENARIO"),
        (["list", "wishes"], "wishes"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2_before_anything_runs(words, said, monkeypatch):
    for name in ("warm_up", "simulate"):
        monkeypatch.setattr(compare, name, None)
    stdout, stderr = loyalty(*words, code=2)
    assert stdout == ""
    assert said in stderr
    assert not Path("reports").exists() or not list(Path("reports").rglob("*.parquet"))


@pytest.mark.usefixtures("folder", "_no_drawing")
def test_a_failed_run_is_exit_code_1_with_a_command_to_see_it_again(monkeypatch):
    simulate = compare.simulate

    def fails_once(scenario, seed, with_network):
        if (scenario.name, seed) == ("small:dear", 2):
            raise ArithmeticError("the ledger does not balance")
        return simulate(scenario, seed, with_network)

    monkeypatch.setattr(compare, "simulate", fails_once)
    words = [
        "compare",
        "small.toml",
        "--seeds",
        2,
        "--workers",
        1,
        "--set",
        "customers.count=50",
        "--json",
        "--out",
        "out",
    ]
    stdout, stderr = loyalty(*words, code=1)
    [failed] = json.loads(stdout)["failed"]
    assert failed["command"] == "loyalty run small.toml:dear --set customers.count=50 --seed 2"
    assert "1 of 4 runs failed" in stderr
    answer, _ = loyalty(*failed["command"].split()[1:], "--json")
    assert json.loads(answer)["scenario"] == "small:dear"


@pytest.mark.usefixtures("folder")
def test_a_full_disk_is_a_message_and_exit_code_1(monkeypatch):
    def fails(*_):
        raise OSError(28, "No space left on device", "out/data/periods.parquet")

    monkeypatch.setattr(gathered, "write_table", fails)
    _, stderr = loyalty("compare", "small.toml", "--seeds", 1, "--workers", 1, "--out", "out", code=1)
    assert "out/data/periods.parquet: No space left on device" in stderr


def test_check_tells_the_good_from_the_bad_and_all_that_is_wrong(folder):
    bad = SCENARIO.replace("count = 60", "cuont = 60").replace("[[firms]]\nname", "[[firms]]\nprise = 2\nname", 1)
    (folder / "bad.toml").write_text(bad, encoding="utf-8")
    stdout, stderr = loyalty("check", "small.toml", "bad.toml", "absent.toml", code=2)
    assert stdout == "small.toml: ok: Does a dear Aurora lose? (60 customers, arms: usual, dear)\n"
    log = SCENARIO.replace("demand = { mean_rate = 0.4 }", 'demand = { transactions = "absent.csv" }')
    (folder / "log.toml").write_text(log, encoding="utf-8")
    assert "absent.csv: cannot be read" in loyalty("check", "log.toml", code=2)[1]
    for problem in ('"cuont"', '"prise"', "absent.toml"):
        assert problem in stderr
    for name, path in scenarios.shipped().items():
        if "transactions" not in path.read_text(encoding="utf-8"):  # a log is not shipped
            assert loyalty("check", name)[0].startswith(f"{name}: ok")


def test_schema_describes_a_scenario():
    schema = json.loads(loyalty("schema")[0])
    assert schema["properties"].keys() >= {"title", "customers", "network", "firms", "arms"}


@pytest.mark.parametrize(
    ("kind", "some"),
    [
        ("types", ["premium", "monopoly"]),
        ("strategies", ["tiered_service", "fire_lead"]),
        ("pyramids", ["four_tier"]),
        ("topologies", get_args(Topology)),
        ("scenarios", list(scenarios.shipped())),
    ],
)
def test_list_names_what_there_is_with_a_line_on_each(kind, some):
    as_json = json.loads(loyalty("list", kind, "--json")[0])
    names = [each["name"] for each in as_json]
    assert set(some) <= set(names)
    assert all(each["description"] for each in as_json)
    lines = loyalty("list", kind)[0].splitlines()
    assert [line.split()[0] for line in lines] == names


def test_topologies_listed_are_those_there_are():
    assert list(listed.TOPOLOGIES) == list(get_args(Topology))


def test_data_cdnow_writes_a_log(folder):
    assert loyalty("data", "cdnow", "--out", "logs/cdnow.csv")[0].strip() == "logs/cdnow.csv"
    assert pd.read_csv(folder / "logs/cdnow.csv")["customer"].nunique() == 2357


@pytest.mark.usefixtures("_no_drawing")
def test_demo_compares_every_shipped_scenario_that_has_arms(folder, monkeypatch):
    """On two small scenarios, one of which needs the purchase log, in place of the shipped ones."""
    shipped = folder / "shipped"
    shipped.mkdir()
    (shipped / "first.toml").write_text(SCENARIO, encoding="utf-8")
    log = (
        "title = 'From a log'\n"
        + SCENARIO.replace("{ mean_rate = 0.4 }", '{ transactions = "logs/cdnow.csv" }')
        .partition("\n")[2]
        .partition("\n")[2]
    )
    (shipped / "second.toml").write_text(log, encoding="utf-8")
    (shipped / "without_arms.toml").write_text(SCENARIO.partition("[arms")[0], encoding="utf-8")
    monkeypatch.setattr(scenarios, "SHIPPED_FOLDER", shipped)
    stdout, stderr = loyalty("demo", "--seeds", 2, "--workers", 1, "--out", "demo")
    assert "2 comparisons, 2 seeds each" in stderr
    assert "8/8 runs" in stderr
    assert (shipped / "logs/cdnow.csv").exists()
    for name in ("first", "second"):
        assert f"report: demo/{name}/report.html" in stdout
    assert stdout.strip().endswith("all reports: demo/index.html")
    assert "second/report.html" in (folder / "demo/index.html").read_text(encoding="utf-8")


def test_ctrl_c_is_exit_code_130_and_keeps_what_was_finished(folder):
    words = ["compare", folder / "small.toml", "--seeds", 20_000, "--workers", 2, "--out", folder / "out"]
    process = start(*words, cwd=folder)
    assert process.stderr is not None
    first = next(line for line in process.stderr if "runs," in line)
    os.killpg(process.pid, signal.SIGINT)
    stopped = time.monotonic()
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    assert time.monotonic() - stopped < 10
    assert stdout == ""
    n_kept = int(re.search(r"^stopped; (\d+) of 40000 runs are kept in .*out/data$", stderr, re.MULTILINE)[1])
    assert n_kept >= int(first.partition("/")[0])
    assert len(pd.read_parquet(folder / "out/data/runs.parquet")) == n_kept
    assert "Traceback" not in stderr, stderr


def test_a_reader_that_has_seen_enough_is_no_error():
    process = start("list", "topologies")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=30) == 0


def test_validate_sets_what_is_measured_beside_what_is_published():
    words = ["validate", "baseline", "--seeds", "2", "--workers", "1", "--set", "customers.count=400"]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 0, told.stderr
    assert "own-price elasticity" in told.stdout
    assert "−5.10 to −1.30" in told.stdout  # noqa: RUF001
    facts = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    assert {fact["n"] for fact in facts} == {2}
    assert all(fact["inside"] in (True, False, None) for fact in facts)
