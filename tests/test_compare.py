"""Comparisons: what is saved, what is found, and what happens when runs fail or someone stops them."""

import json
import tomllib

import numpy as np
import pandas as pd
import pytest

import experiments.report.page
from experiments import compare as module
from experiments.compare import Design, Interrupted, compare, compare_all
from experiments.settings_text import differing_settings, to_toml
from experiments.statistics import paired_difference, t_quantile
from experiments.stopping import N_PILOT, Until
from sim.errors import InputError
from sim.scenario import load_scenario

SCENARIO = """
title = "Is dear better?"
periods = 20
warm_up = 5
horizon = 10
customers = { count = 40, mix = { price = 0.5, premium = 0.5 } }
network = { topology = "empty" }

[[firms]]
name = "Aurora"

[[firms]]
name = "Borealis é"

[arms.usual]

[arms.dear]
"firms.Aurora.price" = 1.5
"firms.Aurora.strategy" = { name = "tiered_service", service = { gold = 0.7 } }

[arms.cheap]
"firms.Aurora.price" = 0.5
"""


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "question.toml"
    path.write_text(SCENARIO, encoding="utf-8")
    return load_scenario(path)


@pytest.fixture
def arms(scenario):
    return {name: scenario.arm(name) for name in scenario.arms}


@pytest.fixture(autouse=True)
def _reports_are_not_drawn(monkeypatch):
    """Drawing has its own tests; here the report is a file of one line."""

    def write(folder):
        path = folder / "report.html"
        path.write_text("drawn", encoding="utf-8")
        return path

    monkeypatch.setattr(experiments.report.page, "write_report", write)


def frames(scenario, seed, with_network=False):
    """Return made-up frames: profit is a hundred times the price, plus the seed; retention is half."""
    firm = scenario.focal_firm
    price = next(each.price for each in scenario.firms if each.name == firm)
    one = pd.DataFrame({"firm": [firm], "customers": [40.0]})
    made = {
        "run": pd.DataFrame({"version": ["0.1.0+abc"], "digest": [f"{firm}{price}{seed}"]}),
        "outcomes": pd.DataFrame(
            [(firm, "retention", 0.5), (firm, "profit", 100.0 * price + seed), ("rival", "profit", -1.0)],
            columns=["firm", "metric", "value"],
        ),
        "periods": one.assign(period=0, profit=1.0),
        "tiers": one.assign(tier="gold", contribution=2.0),
        "types": one.assign(type="price"),
        "losses": pd.DataFrame(columns=["firm", "cause", "customers"]),
        "flows": one.assign(gained=1, lost=2),
        "migration": one.assign(from_tier="gold", to_tier="iron"),
        "retention_by": one.assign(group="tier", name="gold", at_start=4, kept=2, retention=0.5),
    }
    if with_network:
        made["nodes"] = pd.DataFrame(
            {"node": [0], "firm": [firm], "type": ["price"], "opinion": [0.1], "status": ["customer"]}
        )
        made["ties"] = pd.DataFrame({"a": [0], "b": [1]})
    return made


@pytest.fixture
def _quick(monkeypatch):
    monkeypatch.setattr(module, "simulate", frames)
    monkeypatch.setattr(module, "warm_up", lambda *_: None)


def table(out, name):
    """Read a table, and see that its two files say the same."""
    parquet = pd.read_parquet(out / "data" / f"{name}.parquet")
    csv = pd.read_csv(out / "data" / f"{name}.csv")
    assert list(parquet.columns) == list(csv.columns)
    assert len(parquet) == len(csv)
    return parquet


@pytest.mark.usefixtures("_quick")
def test_differences_are_paired_and_told_for_the_focal_firm(arms, tmp_path):
    """Price 1.5 against 1.0: +50 in every seed, whatever the seed adds to both."""
    found = compare(arms, [1, 2, 30], "usual", tmp_path / "out", workers=1, progress=False)
    gap = found.differences["dear"]["profit"]
    assert (gap.mean, gap.ci_low, gap.ci_high, gap.n, gap.p_best) == (50.0, 50.0, 50.0, 3, 1.0)
    assert gap.variance_reduction is None
    assert found.arms["cheap"]["profit"].mean == 61.0  # 50 + (1 + 2 + 30) / 3
    assert found.succeeded
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert list(plain["arms"]) == ["usual", "dear", "cheap"]
    assert list(plain["differences"]) == ["dear", "cheap"]
    assert set(plain["differences"]["dear"]["profit"]) == {
        "mean", "ci_low", "ci_high", "n", "p_best", "variance_reduction",
    }  # fmt: skip
    assert plain["seeds"] == [1, 2, 30]
    assert plain["report"] == str(tmp_path / "out" / "report.html")


@pytest.mark.usefixtures("_quick")
def test_every_table_is_saved_in_the_order_of_arms_and_seeds(arms, tmp_path):
    compare(arms, [2, 1], "usual", tmp_path, workers=1, progress=False)
    runs = [(arm, seed) for arm in arms for seed in (2, 1)]
    for name in ("periods", "tiers", "types", "flows", "migration", "retention_by", "runs"):
        saved = table(tmp_path, name)
        assert list(saved[["arm", "seed"]].itertuples(index=False, name=None)) == runs, name
    assert table(tmp_path, "losses").empty
    assert list(table(tmp_path, "losses").columns) == ["arm", "seed", "firm", "cause", "customers"]
    assert list(table(tmp_path, "nodes")["arm"]) == list(arms)  # of the first seed
    assert list(table(tmp_path, "ties").columns) == ["arm", "a", "b"]
    differences = table(tmp_path, "differences")
    assert list(differences.columns) == [
        "arm", "metric", "mean", "ci_low", "ci_high", "n", "p_best", "variance_reduction",
    ]  # fmt: skip
    assert list(table(tmp_path, "arms").columns) == ["arm", "metric", "mean", "ci_low", "ci_high", "n"]
    assert not list((tmp_path / "data").glob(".*"))  # nothing temporary is left


@pytest.mark.usefixtures("_quick")
def test_the_manifest_says_how_to_do_it_again(arms, scenario, tmp_path):
    compare(arms, [1, 2], "usual", tmp_path, workers=1, progress=False)
    manifest = json.loads((tmp_path / "data" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["title"] == scenario.title
    assert manifest["scenario"] == "question"
    assert (manifest["focal"], manifest["baseline"], manifest["arms"]) == (
        "Aurora",
        "usual",
        ["usual", "dear", "cheap"],
    )
    assert (manifest["periods"], manifest["warm_up"], manifest["horizon"], manifest["customers"]) == (20, 5, 10, 40)
    assert manifest["version"] == "0.1.0+abc"
    assert manifest["settings"]["dear"]["firms.Aurora.price"] == 1.5
    assert manifest["settings"]["usual"]["firms.Aurora.price"] == 1.0
    assert manifest["failed"] == []
    for arm, text in manifest["toml"].items():
        again = tmp_path / "again.toml"
        again.write_text(text, encoding="utf-8")
        assert load_scenario(again).content_hash() == arms[arm].content_hash()


@pytest.mark.usefixtures("_quick")
def test_a_failed_run_is_recorded_and_counted_nowhere(arms, tmp_path, monkeypatch, capsys):
    def fails_once(scenario, seed, with_network):
        if scenario.name == "question:dear" and seed == 2:
            raise ArithmeticError("the ledger does not balance")
        return frames(scenario, seed, with_network)

    monkeypatch.setattr(module, "simulate", fails_once)
    found = compare(arms, [1, 2, 3], "usual", tmp_path, workers=1)
    [failed] = found.failed
    assert (failed.arm, failed.seed) == ("dear", 2)
    assert failed.message == "ArithmeticError: the ledger does not balance"
    assert failed.command == f"loyalty run {arms['dear'].source}:dear --seed 2"
    assert not found.succeeded
    assert found.report is not None
    assert found.arms["dear"]["profit"].n == 2
    assert found.differences["dear"]["profit"].n == 2
    outcomes = table(tmp_path, "outcomes")
    assert outcomes[(outcomes["arm"] == "dear") & (outcomes["seed"] == 2)].empty
    runs = table(tmp_path, "runs").set_index(["arm", "seed"])
    assert runs.loc[("dear", 2), "failure"] == failed.message
    assert pd.isna(runs.loc[("dear", 2), "digest"])
    assert failed.command in capsys.readouterr().err


@pytest.mark.usefixtures("_quick")
def test_when_every_run_fails_there_are_data_but_no_report(arms, tmp_path, monkeypatch):
    def fails(*_):
        raise ArithmeticError("no")

    compare(arms, [1], "usual", tmp_path, workers=1, progress=False)
    assert len(table(tmp_path, "periods")) == 3
    monkeypatch.setattr(module, "simulate", fails)
    found = compare(arms, [1], "usual", tmp_path, workers=1, progress=False)
    assert (found.report, found.problem, len(found.failed)) == (None, "every run failed", 3)
    assert list(table(tmp_path, "runs")["failure"]) == ["ArithmeticError: no"] * 3
    assert table(tmp_path, "periods").empty  # nothing is left of the earlier comparison
    assert found.to_json()["arms"] == {"usual": {}, "dear": {}, "cheap": {}}


@pytest.mark.usefixtures("_quick")
def test_a_report_that_cannot_be_drawn_leaves_the_data(arms, tmp_path, monkeypatch):
    def fails(folder):
        raise InputError("cannot be drawn")

    monkeypatch.setattr(experiments.report.page, "write_report", fails)
    (tmp_path / "report.html").write_text("of an earlier comparison", encoding="utf-8")
    found = compare(arms, [1], "usual", tmp_path, workers=1, progress=False)
    assert "cannot be drawn" in found.problem
    assert not found.succeeded
    assert not (tmp_path / "report.html").exists()
    assert len(table(tmp_path, "runs")) == 3


@pytest.mark.usefixtures("_quick")
def test_ctrl_c_keeps_the_finished_runs(arms, tmp_path, monkeypatch):
    """Stopped in the fourth run: seed 1 of all three arms is there, a complete pair, and seed 2 of none."""

    def stops(scenario, seed, with_network):
        if seed == 2:
            raise KeyboardInterrupt
        return frames(scenario, seed, with_network)

    monkeypatch.setattr(module, "simulate", stops)
    with pytest.raises(Interrupted, match=r"3 of 6 runs are kept in .*data"):
        compare(arms, [1, 2], "usual", tmp_path, workers=1, progress=False)
    assert list(table(tmp_path, "runs")["seed"]) == [1, 1, 1]
    manifest = json.loads((tmp_path / "data" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["unfinished"] == 3
    assert not (tmp_path / "report.html").exists()


@pytest.mark.usefixtures("_quick")
def test_several_comparisons_share_the_workers_and_are_kept_one_by_one(arms, tmp_path, monkeypatch):
    def stops(scenario, seed, with_network):
        if scenario.name == "question:cheap":
            raise KeyboardInterrupt
        return frames(scenario, seed, with_network)

    designs = [
        Design({"usual": arms["usual"]}, [1], "usual", tmp_path / "first"),
        Design({"dear": arms["dear"]}, [1, 2], "dear", tmp_path / "second"),
    ]
    first, second = compare_all(designs, workers=1, progress=False)
    assert (first.arms["usual"]["profit"].mean, second.arms["dear"]["profit"].mean) == (101.0, 151.5)
    monkeypatch.setattr(module, "simulate", stops)
    designs.append(Design({"cheap": arms["cheap"]}, [1], "cheap", tmp_path / "third"))
    with pytest.raises(Interrupted, match=r"1 of 1 runs .*first.*; 2 of 2 runs .*second"):
        compare_all(designs, workers=1, progress=False)


@pytest.mark.usefixtures("_quick")
def test_arms_with_focal_firms_of_their_own(arms, tmp_path):
    """Each arm is judged by its own firm; in the data the two go by one joint name, so that nothing is left out."""
    own = {"aurora": arms["dear"], "borealis": arms["dear"].with_overrides({"focal": "Borealis é"})}
    found = compare(own, [1, 2], "aurora", tmp_path, workers=1, progress=False)
    assert found.differences["borealis"]["profit"].mean == -50.0
    outcomes = table(tmp_path, "outcomes")
    assert set(outcomes["firm"]) == {"Aurora / Borealis é", "rival"}


def varied(scenario, seed, with_network=False):
    """Return made-up frames in which the dear arm's profit varies from -6 to 6 around 50 more, whatever the seed."""
    made = frames(scenario, seed, with_network)
    if scenario.name == "question:dear":
        made["outcomes"].loc[1, "value"] += seed * 7919 % 13 - 6
    return made


@pytest.fixture
def _varied(monkeypatch):
    monkeypatch.setattr(module, "simulate", varied)
    monkeypatch.setattr(module, "warm_up", lambda *_: None)


@pytest.mark.usefixtures("_varied")
def test_as_many_seeds_run_as_it_takes_and_the_intervals_keep_the_spread_of_the_pilot(arms, tmp_path):
    """Profit of 115.5 on average over the pilot, 0.8% of it to either side; only the dear arm's difference varies."""
    until = Until(retention=0.001, profit=0.008)
    found = compare(arms, range(1, 901), "usual", tmp_path, workers=1, progress=False, until=until)
    gaps = np.array([50.0 + seed * 7919 % 13 - 6 for seed in range(1, 901)])
    half_width = 0.008 * (100.0 + 15.5)
    n = int(np.ceil((t_quantile(N_PILOT - 1) * gaps[:N_PILOT].std(ddof=1) / half_width) ** 2))
    assert N_PILOT < n < 900
    assert found.design.seeds == tuple(range(1, n + 1))
    expected = paired_difference(gaps[:n], np.zeros(n), N_PILOT)
    gap = found.differences["dear"]["profit"]
    assert (gap.mean, gap.ci_low, gap.ci_high, gap.n) == pytest.approx(
        (expected.mean, expected.ci_low, expected.ci_high, n)
    )
    assert (gap.ci_high - gap.ci_low) / 2 <= half_width
    manifest = json.loads((tmp_path / "data" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["seeds"] == found.to_json()["seeds"] == list(found.design.seeds)
    assert manifest["until"] == json.loads(json.dumps(found.to_json()["until"]))
    assert manifest["until"] == {
        "asked": {"retention": 0.001, "profit": 0.008},
        "half_widths": {"retention": 0.001, "profit": pytest.approx(half_width)},
        "n_pilot": N_PILOT, "n_needed": n, "n_most": 900, "is_reached": True,
    }  # fmt: skip
    runs = table(tmp_path, "runs")
    assert list(runs[["arm", "seed"]].itertuples(index=False, name=None)) == [
        (a, s) for a in arms for s in range(1, n + 1)
    ]


@pytest.mark.usefixtures("_varied")
@pytest.mark.parametrize(("n_most", "n_run"), [(40, 40), (20, 20)])
def test_no_more_seeds_run_than_are_allowed(arms, tmp_path, capsys, n_most, n_run):
    until = Until(profit=0.008)
    found = compare(arms, range(1, n_most + 1), "usual", tmp_path, workers=1, until=until)
    assert len(found.design.seeds) == n_run
    assert found.stop is not None
    assert (found.stop.is_reached, found.stop.n_pilot) == (False, min(N_PILOT, n_most))
    assert f"seeds are needed, of which {n_most} are allowed" in capsys.readouterr().err


@pytest.mark.usefixtures("_varied")
def test_a_pilot_that_suffices_is_all_that_runs_beside_designs_with_seeds_given(arms, tmp_path):
    designs = [
        Design(arms, range(1, 101), "usual", tmp_path / "open", until=Until(profit=0.5)),
        Design(arms, [5, 6], "usual", tmp_path / "given"),
    ]
    opened, given = compare_all(designs, workers=1, progress=False)
    assert (opened.design.seeds, given.design.seeds) == (tuple(range(1, N_PILOT + 1)), (5, 6))
    assert opened.stop is not None
    assert (opened.stop.n_needed, opened.stop.is_reached) == (N_PILOT, True)
    assert given.stop is None


@pytest.mark.usefixtures("_varied")
def test_an_arm_that_always_fails_is_not_waited_for_and_not_called_known(arms, tmp_path, monkeypatch):
    def fails(scenario, seed, with_network):
        if scenario.name == "question:cheap":
            raise ArithmeticError("no")
        return varied(scenario, seed, with_network)

    monkeypatch.setattr(module, "simulate", fails)
    found = compare(arms, range(1, 101), "usual", tmp_path, workers=1, progress=False, until=Until(profit=0.5))
    assert found.stop is not None
    assert (len(found.design.seeds), found.stop.is_reached) == (N_PILOT, False)


@pytest.mark.usefixtures("_varied")
def test_ctrl_c_after_the_pilot_keeps_it_and_says_what_was_left(arms, tmp_path, monkeypatch):
    def stops(scenario, seed, with_network):
        if seed == N_PILOT + 2:
            raise KeyboardInterrupt
        return varied(scenario, seed, with_network)

    monkeypatch.setattr(module, "simulate", stops)
    with pytest.raises(Interrupted, match=f"{3 * (N_PILOT + 1)} of 120 runs are kept"):
        compare(arms, range(1, 41), "usual", tmp_path, workers=1, progress=False, until=Until(profit=0.008))
    manifest = json.loads((tmp_path / "data" / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["unfinished"], manifest["until"]["is_reached"]) == (27, False)


def test_what_cannot_be_compared_is_refused_before_anything_runs(arms, tmp_path):
    longer = arms["dear"].with_overrides({"periods": 30})
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    for changes, problem in [
        ({"baseline": "daer"}, 'did you mean "dear"'),
        ({"seeds": []}, "no seed"),
        ({"seeds": [1, 1]}, "one twice"),
        ({"arms": {**arms, "longer": longer}}, r"periods = 30: .*different periods; allowed: 20"),
        ({"arms": {}}, "nothing to compare"),
        ({"out": blocked}, r"file/data: cannot be written"),
        ({"arms": {"usual": arms["usual"]}, "until": Until(profit=0.1)}, "until: one arm has no difference"),
    ]:
        asked = {"arms": arms, "seeds": [1], "baseline": "usual", "out": tmp_path / "out", **changes}
        with pytest.raises(InputError, match=problem):
            compare(**asked, workers=1, progress=False)


def test_toml_comes_back_as_it_was(tmp_path):
    path = tmp_path / "odd.toml"
    path.write_text(
        'title = "quote \\" and é"\n[[firms]]\nname = "A \\"B\\" \\\\ c"\n[[firms]]\nname = "C"\nprogramme = {}\n'
        '[[events]]\nkind = "access_opened"\nat = 3\n'
        '[customers.types]\nprice = { tolerance = 1e-5 }\n[customers.mix]\nprice = 1\n[arms.x]\n"firms.C.gift" = 1\n',
        encoding="utf-8",
    )
    raw = load_scenario(path).raw
    del raw["arms"]
    assert tomllib.loads(to_toml(load_scenario(path))) == raw


def test_settings_that_differ_are_told_and_no_others(arms):
    settings = differing_settings(arms)
    assert settings["cheap"] == {
        "firms.Aurora.price": 0.5,
        "firms.Aurora.strategy.name": "equal_treatment",
    }
    assert settings["dear"]["firms.Aurora.strategy.service.gold"] == 0.7
    assert differing_settings({"dear": arms["dear"]}) == {"dear": {}}


def test_missing_outcomes_are_nulls(arms, tmp_path, monkeypatch):
    """A firm without customers has no retention: not a number in the run, null in every file and in JSON."""

    def without(scenario, seed, with_network):
        made = frames(scenario, seed, with_network)
        made["outcomes"].loc[0, "value"] = np.nan
        return made

    monkeypatch.setattr(module, "simulate", without)
    monkeypatch.setattr(module, "warm_up", lambda *_: None)
    found = compare(arms, [1, 2], "usual", tmp_path, workers=1, progress=False).to_json()
    assert found["arms"]["dear"]["retention"] == {"mean": None, "ci_low": None, "ci_high": None, "n": 0}
    json.dumps(found, allow_nan=False)
    assert pd.isna(table(tmp_path, "outcomes")["value"].iloc[0])
