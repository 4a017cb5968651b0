"""Comparisons that keep their runs: the same tables with a store and without, and no run made twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments import one_run
from experiments.compare import compare
from experiments.study import frames
from experiments.study.execute import Tally, execute
from experiments.study.runs import Run
from experiments.study.store import Store
from sim.errors import InputError
from sim.scenario import Scenario, load_scenario

CHANGES = {"customers.count": 120, "periods": 40, "warm_up": 10, "horizon": 26}
MADE = ("outcomes", "periods", "value", "nodes", "ties", "four_tests", "attributes", "differences", "runs")


@pytest.fixture(scope="module")
def arms() -> dict[str, Scenario]:
    dear = load_scenario("baseline", {**CHANGES, "firms.Aurora.price": 11.0})
    return {"as it is": load_scenario("baseline", CHANGES), "dear": dear}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the seed of each run that is made."""
    seeds: list[int] = []
    results_of = one_run.results_of

    def counted(scenario: Scenario, seed: int) -> Any:
        seeds.append(seed)
        return results_of(scenario, seed)

    monkeypatch.setattr(one_run, "results_of", counted)
    return seeds


def tables(out: Path) -> dict[str, pd.DataFrame]:
    return {name: pd.read_parquet(out / "data" / f"{name}.parquet") for name in MADE}


def test_a_store_changes_no_table_and_no_run_is_made_twice(
    arms: dict[str, Scenario], tmp_path: Path, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.compare._draw", lambda *_: {0: tmp_path})  # drawing is not what is tested
    plain = compare(arms, [1, 2, 3], out=tmp_path / "plain", workers=1, progress=False)
    assert sorted(made) == [1, 1, 2, 2, 3, 3]
    made.clear()
    first = compare(arms, [1, 2], out=tmp_path / "first", workers=1, progress=False, store=tmp_path / "store")
    assert sorted(made) == [1, 1, 2, 2]
    kept = compare(arms, [1, 2, 3], out=tmp_path / "kept", workers=1, progress=False, store=tmp_path / "store")
    assert sorted(made) == [1, 1, 2, 2, 3, 3]
    assert first.succeeded
    assert kept.to_json()["differences"] == plain.to_json()["differences"]
    theirs = tables(tmp_path / "kept")
    for name, table in tables(tmp_path / "plain").items():
        assert len(table) or name == "four_tests"
        pd.testing.assert_frame_equal(theirs[name], table, check_exact=True)

    store = Store(tmp_path / "store")
    assert len(store) == 6
    assert store.status("compare-baseline").done == 6
    found = store.sql("select arm, avg(profit) as mean from \"compare-baseline\" where firm = 'Aurora' group by arm")
    by_arm = {arm: levels["profit"].mean for arm, levels in plain.arms.items()}
    assert dict(zip(found["arm"], found["mean"], strict=True)) == pytest.approx(by_arm)


def test_a_run_that_fails_is_noted_and_tried_again(
    arms: dict[str, Scenario], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.compare._draw", lambda *_: {0: tmp_path})
    results_of = one_run.results_of

    def failing(scenario: Scenario, seed: int) -> Any:
        if seed == 2:
            raise RuntimeError("no luck")
        return results_of(scenario, seed)

    with monkeypatch.context() as patched:
        patched.setattr(one_run, "results_of", failing)
        comparison = compare(arms, [1, 2], out=tmp_path / "out", workers=1, progress=False, store=tmp_path / "store")
    assert [(each.arm, each.seed) for each in comparison.failed] == [("as it is", 2), ("dear", 2)]
    store = Store(tmp_path / "store")
    assert (len(store), len(store.failed("compare-baseline"))) == (2, 2)
    assert store.failed()["message"].tolist() == ["RuntimeError: no luck"] * 2
    again = compare(arms, [1, 2], out=tmp_path / "out", workers=1, progress=False, store=tmp_path / "store")
    assert again.succeeded
    assert len(Store(tmp_path / "store").failed()) == 0


def test_what_is_no_store_is_refused_before_anything_runs(
    arms: dict[str, Scenario], tmp_path: Path, made: list[int]
) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is no store"):
        compare(arms, [1], out=tmp_path / "out", workers=1, progress=False, store=tmp_path / "file")
    assert not made


def test_a_run_that_is_kept_without_its_tables_is_made_once_more_for_them(
    arms: dict[str, Scenario], tmp_path: Path, made: list[int]
) -> None:
    """As when a sweep made it: its outcomes are there, and stay there once."""
    store, scenario = Store(tmp_path / "store"), arms["dear"]
    assert execute([Run(scenario, 1)], store, workers=1).made == 1
    bare, whole = Run(scenario, 1, tables="all"), Run(scenario, 1, tables="network")
    assert not store.has_tables(bare)
    assert execute([bare, whole, bare], store, workers=1) == Tally(2, 1, (), 0)
    assert execute([bare, whole], store, workers=1) == Tally(0, 2, (), 0)
    assert made == [1, 1, 1]
    assert len(Store(store.path).runs()) == len(scenario.firms)
    assert "nodes" not in store.tables(bare)
    assert len(store.tables(whole)["nodes"])
    pd.testing.assert_frame_equal(store.tables(bare)["periods"], store.tables(whole)["periods"], check_exact=True)


def test_tables_come_back_as_they_were() -> None:
    kinds = pd.DataFrame(
        {
            "text": ["a", None, "ü"],
            "whole": np.array([1, 2, 3], dtype=np.int16),
            "number": [0.1, np.nan, np.inf],
            "told": [True, False, True],
            "kind": pd.Categorical(["x", "y", "x"], categories=["y", "x"]),
        }
    )
    empty = pd.DataFrame({"firm": pd.Series(dtype=object), "n": pd.Series(dtype=float)})
    sparse = kinds[kinds["told"]]  # an index with a gap
    back = frames.unpacked(frames.packed({"kinds": kinds, "empty": empty, "sparse": sparse}))
    assert list(back) == ["kinds", "empty", "sparse"]
    for name, frame in {"kinds": kinds, "empty": empty, "sparse": sparse}.items():
        pd.testing.assert_frame_equal(back[name], frame, check_exact=True)
