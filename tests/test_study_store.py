"""The store: what is in it stays, once and never half; and ids that stand for all that decides a run."""

import errno
import os
import sys
import textwrap

import pyarrow.parquet
import pytest

from experiments.study import files
from experiments.study import store as stores
from experiments.study.runs import Failed, Outcome, Run, fingerprint
from experiments.study.store import Store
from sim.errors import InputError
from sim.scenario import load_scenario


def outcome(n, profit=1.0, **more):
    firms = {name: {"profit": profit * n, "retention": 0.5, **more} for name in ("Aurora", "Boreas")}
    return Outcome(f"id{n:04d}", "here", n, "1", f"digest{n}", firms, seconds=0.1 * n)


def small(**changes):
    return load_scenario("baseline", {"customers.count": 100, **changes})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_what_is_added_is_there_for_everyone(store):
    store.add([outcome(1), outcome(2)])
    other = Store(store.path)
    assert other.has("id0001")
    assert not other.has("id0003")
    store.add([outcome(3)])
    assert not other.has("id0003")
    other.refresh()
    assert other.has("id0003")
    frame = other.runs()
    assert list(frame["id"]) == [f"id{n:04d}" for n in (1, 1, 2, 2, 3, 3)]
    assert list(frame["firm"]) == ["Aurora", "Boreas"] * 3
    assert list(frame["profit"]) == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]


def test_a_run_made_twice_is_there_once(store):
    store.add([outcome(1)])
    Store(store.path).add([outcome(1)])
    assert len(store.runs()) == 2
    assert store.outcomes(["id0001", "id0009"])["id0001"]["Boreas"]["profit"] == 1.0


def test_half_a_file_is_no_file(store):
    store.add([outcome(1)])
    [whole] = (store.path / "runs").glob("*.parquet")
    (store.path / "runs" / f".{whole.name}.123.tmp").write_bytes(whole.read_bytes()[:100])
    again = Store(store.path)
    assert len(again.runs()) == 2
    assert len(again) == 1


def test_files_are_put_together_without_loss(store, monkeypatch):
    for n in range(1, stores.N_SMALL_FILES + 9):
        store.add([outcome(n, **({"later": 7.0} if n > 3 else {}))])
    assert len(list((store.path / "runs").glob("*.parquet"))) == 9
    assert sorted(set(Store(store.path).runs()["id"])) == [f"id{n:04d}" for n in range(1, stores.N_SMALL_FILES + 9)]


def test_a_death_while_files_are_put_together_loses_nothing(store, monkeypatch):
    for n in range(1, 11):
        store.add([outcome(n)])
    before = store.runs()

    def die(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "_sync_folder", die)
    with pytest.raises(KeyboardInterrupt):
        store.compact(at_least=2)
    monkeypatch.undo()
    assert len(list((store.path / "runs").glob("*.parquet"))) == 11  # both the old ones and the new
    assert Store(store.path).runs().equals(before)
    store.compact(at_least=2)
    assert len(list((store.path / "runs").glob("*.parquet"))) == 1
    assert Store(store.path).runs().equals(before)


def test_a_full_disk_is_told_and_costs_nothing_that_was_there(store, monkeypatch):
    store.add([outcome(1)])

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pyarrow.parquet, "write_table", full)
    with pytest.raises(OSError, match=r"No space left on device.*kept") as told:
        store.add([outcome(2)])
    assert told.value.filename == str(store.path)
    monkeypatch.undo()
    assert list((store.path / "runs").glob(".*")) == []
    assert not store.has("id0002")
    assert set(Store(store.path).runs()["id"]) == {"id0001"}


def test_a_failure_counts_until_the_run_succeeds(store):
    store.add_failed([Failed("id0001", "here", 1, "it broke", "trace", "loyalty run here --seed 1")])
    assert list(store.failed()["message"]) == ["it broke"]
    assert not store.has("id0001")
    store.add([outcome(1)])
    assert store.failed().empty


def test_a_study_has_its_labels_as_columns_and_a_status(store):
    scenario = small()
    runs = [Run(scenario, seed, {"price": 0.5 * seed, "who": "a b", "seed": "mine"}) for seed in (1, 2)]
    store.begin("my-study", {"asks": 1}, total=3)
    store.plan("my-study", 0, runs)
    done = Outcome(runs[1].id, "here", 2, "1", "d", {"Aurora": {"profit": 5.0}}, 1.0)
    store.add([done])
    frame = store.runs("my-study")
    assert list(frame["price"]) == [1.0]
    assert list(frame["who"]) == ["a b"]
    assert list(frame["seed_label"]) == ["mine"]
    assert store.sql('select price, profit from "my-study"').to_dict("records") == [{"price": 1.0, "profit": 5.0}]
    status = store.status("my-study")
    assert (status.total, status.done, status.failed, status.running) == (3, 1, 0, 0)
    store.begin("my-study", {"asks": 1}, total=3)
    assert len(store.runs("my-study")) == 1
    store.begin("my-study", {"asks": 2}, total=3)  # another study of the same name: a plan of its own, the same runs
    assert store.runs("my-study").empty
    assert len(store.runs()) == 1


def test_names_that_differ_in_capitals_alone_are_one_name_to_sql(store):
    store.begin("Prices", {"asks": 1})
    with pytest.raises(InputError, match=r"study = 'prices': is \"Prices\" to SQL.*; allowed: another name"):
        store.begin("prices", {"asks": 2})
    store.begin("Prices", {"asks": 3})
    store.begin("prices2", {"asks": 2})
    assert store.studies() == ["Prices", "prices2"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [({"manifest.json": '{"format": 99}'}, "another format"), ({"thesis.doc": "mine"}, "is no store")],
)
def test_what_is_no_store_is_refused(tmp_path, content, problem):
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=problem):
        Store(tmp_path)


def test_bad_questions_are_told(store):
    with pytest.raises(InputError, match="Parser Error"):
        store.sql("selec")
    with pytest.raises(InputError, match="no study is called"):
        store.runs("none")
    with pytest.raises(InputError, match="not a study's name"):
        store.begin("../up", {})
    with pytest.raises(InputError, match="no such store"):
        Store(store.path / "none", create=False)


def test_an_id_stands_for_scenario_and_seed_and_nothing_else():
    scenario = small()
    assert Run(scenario, 1, {"a": 1}).id == Run(small(title="Another?"), 1).id
    assert Run(scenario, 1).id != Run(scenario, 2).id
    assert Run(scenario, 1).id != Run(small(**{"firms.0.price": 1.01}), 1).id
    assert Run(scenario, 1, content=fingerprint(scenario)).id == Run(scenario, 1).id


def test_an_id_stands_for_the_bytes_of_the_files_named(tmp_path):
    text = 'title = "t"\nextends = "{}"\n[network]\ntopology = "edge_list"\npath = "ties.csv"\n'
    base = os.path.relpath(load_scenario("baseline").source, tmp_path)
    (tmp_path / "mine.toml").write_text(text.format(base))
    prints = []
    for ties in ("a,b\n0,1\n", "a,b\n0,2\n", "a,b\n0,1\n"):
        (tmp_path / "ties.csv").write_text(ties)
        prints.append(fingerprint(load_scenario(tmp_path / "mine.toml")))
    assert prints[0] == prints[2] != prints[1]


def test_an_id_stands_for_the_code_of_a_strategy_and_of_what_it_imports(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helper_of_mine.py").write_text("def keep(policy):\n    return policy\n")
    code = """
        from helper_of_mine import keep

        class Mine:
            def decide(self, view):
                return keep(view.base)
        """
    (tmp_path / "strategy_of_mine.py").write_text(textwrap.dedent(code))
    scenario = small(**{"firms.0.strategy": {"name": "strategy_of_mine:Mine"}})
    first = fingerprint(scenario)
    assert fingerprint(scenario) == first
    (tmp_path / "helper_of_mine.py").write_text("def keep(policy):\n    return policy  # still\n")
    second = fingerprint(scenario)
    (tmp_path / "strategy_of_mine.py").write_text(textwrap.dedent(code) + "\n# more\n")
    assert len({first, second, fingerprint(scenario)}) == 3
    for name in ("helper_of_mine", "strategy_of_mine"):
        sys.modules.pop(name, None)
