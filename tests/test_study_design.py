"""Designs: what each promises of its points, and that a study is the same however its file is written."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.analyses.sensitivity import Factor
from experiments.study.design import filled, from_csv, grid, one_at_a_time, runs_of
from experiments.study.study_file import load_study, study_of
from sim.errors import InputError
from sim.scenario import load_scenario

FEW = settings(max_examples=60, deadline=None)
NAMES = st.lists(st.text("abcdefgh.", min_size=1, max_size=6), min_size=1, max_size=4, unique=True)
VALUE = st.one_of(st.integers(-9, 9), st.floats(-9, 9).filter(lambda x: x != int(x)), st.text("xyz", min_size=1))
SMALL = {"customers.count": 60, "periods": 10, "warm_up": 0, "horizon": 5}


@st.composite
def ranges(draw: st.DrawFn) -> list[Factor]:
    """Return ranges, each of a path of its own."""
    factors = []
    for name in draw(NAMES):
        low = draw(st.floats(-100, 100))
        factors.append(Factor(name, low, low + draw(st.floats(0.01, 50))))
    return factors


@st.composite
def choices(draw: st.DrawFn) -> list[Factor]:
    """Return lists of values, each of a path of its own."""
    values = st.lists(VALUE, min_size=2, max_size=4, unique_by=lambda value: (type(value), value))
    return [Factor(name, choices=tuple(draw(values))) for name in draw(NAMES)]


def is_one_a_stratum(values: list[float], factor: Factor) -> bool:
    """Say whether each of as many equal parts of a range as there are values holds one of them."""
    edges = np.linspace(factor.low, factor.high, len(values) + 1)
    slack = 1e-9 * (1.0 + abs(factor.low) + abs(factor.high))
    ordered = np.sort(values)
    return bool((ordered >= edges[:-1] - slack).all() and (ordered <= edges[1:] + slack).all())


@FEW
@given(ranges(), st.integers(2, 40))
def test_a_latin_hypercube_has_one_point_in_each_stratum_of_each_range(factors: list[Factor], n: int) -> None:
    points = filled("latin_hypercube", factors, n)
    assert len(points) == n
    assert all(is_one_a_stratum([point[factor.path] for point in points], factor) for factor in factors)


@FEW
@given(ranges(), st.integers(1, 5))
def test_a_sobol_sequence_of_a_power_of_two_does_so_too(factors: list[Factor], power: int) -> None:
    points = filled("sobol", factors, 2**power)
    assert all(is_one_a_stratum([point[factor.path] for point in points], factor) for factor in factors)


@FEW
@given(ranges(), st.sampled_from(["latin_hypercube", "sobol"]), st.integers(2, 40), st.data())
def test_filling_stays_in_bounds_and_comes_out_the_same_in_any_order(
    factors: list[Factor], kind: str, n: int, data: st.DataObject
) -> None:
    points = filled(kind, factors, n)
    shuffled = data.draw(st.permutations(factors))
    assert filled(kind, shuffled, n) == points  # as settings, whatever the order of their names
    assert [list(point) for point in points] == [[factor.path for factor in factors]] * n
    for factor in factors:
        assert all(factor.low <= point[factor.path] <= factor.high for point in points)


def test_whole_numbers_and_choices_are_filled_evenly() -> None:
    factors = [Factor("n", 1, 4, is_whole=True), Factor("topology", choices=("ring", "random"))]
    points = filled("latin_hypercube", factors, 8)
    assert sorted(point["n"] for point in points) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert sorted(point["topology"] for point in points) == ["random"] * 4 + ["ring"] * 4


@FEW
@given(choices())
def test_a_grid_is_the_product(factors: list[Factor]) -> None:
    points = grid(factors)
    paths = [factor.path for factor in factors]
    assert [tuple(point[path] for path in paths) for point in points] == list(
        itertools.product(*(factor.choices for factor in factors))
    )


@FEW
@given(choices(), ranges())
def test_one_at_a_time_changes_one_setting_of_the_scenario_as_it_is(listed: list[Factor], open_: list[Factor]) -> None:
    factors = [*listed, *(Factor(f"range {each.path}", each.low, each.high) for each in open_)]
    first, *others = one_at_a_time(factors)
    assert first == {}
    assert all(len(point) == 1 for point in others)
    for factor in factors:
        tried = [point[factor.path] for point in others if factor.path in point]
        assert tried == list(factor.choices or (factor.low, factor.high))


@FEW
@given(choices(), st.sampled_from(["", "\ufeff"]), st.sampled_from(["\n", "\r\n"]), st.data())
def test_a_csv_file_gives_its_rows_back(
    tmp_path_factory: pytest.TempPathFactory, factors: list[Factor], mark: str, ending: str, data: st.DataObject
) -> None:
    """With or without the byte order mark and the line ends of Windows; an empty cell is no setting."""
    points = []
    for point in grid(factors)[:9]:
        kept = {path: value for path, value in point.items() if data.draw(st.booleans())}
        points += [kept] if kept not in points else []
    path = tmp_path_factory.mktemp("csv") / "points.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(mark)
        rows = csv.writer(file, lineterminator=ending)
        rows.writerow([factor.path for factor in factors])
        for point in points:
            rows.writerow([point.get(factor.path, "") for factor in factors])
    assert from_csv(path) == points


def test_a_cell_is_a_value_of_toml_or_else_text(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text('a,b\n1, ring \n 0.5 ,"{ name = ""cut_price"" }"\ntrue,"x, y"\n')
    assert from_csv(tmp_path / "points.csv") == [
        {"a": 1, "b": "ring"},
        {"a": 0.5, "b": {"name": "cut_price"}},
        {"a": True, "b": "x, y"},
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no rows; allowed: a row per point"),
        ("a,b\n", "has no rows; allowed: a row per point"),
        ("a,b\n1\n", "line 2: has 1; allowed: 2 cells, as in the header"),
        ("a,b\n1,2\n1,2,3\n", "line 3: has 3; allowed: 2 cells"),
        ("a,b\n1,2,3\n4,5,6\n", "line 2: has 3; allowed: 2 cells"),
        ("a,a\n1,2\n", 'line 1: "a" is there twice'),
        ("a,\n1,2\n", "line 1: column 2 has no name"),
        ("a;b\n1;2\n", "line 1: columns are separated by semicolons; allowed: commas"),
        ("a,b\n1,2\n3,4\n1,2\n", "line 4: the same as line 2; allowed: each point once"),
        ('a,b\n1,"2\n', "cannot be read: unexpected end of data"),
        ("a,b\n1,2\n,\n,\n", "line 4: the same as line 3"),
    ],
)
def test_a_csv_file_that_is_none_is_refused_by_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "points.csv"
    path.write_text(text)
    with pytest.raises(InputError) as told:
        from_csv(path)
    assert str(told.value).startswith(f"{path}: ")
    assert said in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("content", [b"a,b\n1,\xe9\n", None])
def test_what_cannot_be_read_is_told(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "points.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"points.csv: cannot be read: .*; allowed: a CSV file in UTF-8"):
        from_csv(path)


# ---- a study and its runs -------------------------------------------------------------------------------------------

STUDY = """
title = "What do price and strategy do?"
scenario = "baseline"
seeds = 3
seed_from = 5

[set]
"customers.count" = 60
"periods" = 10
"warm_up" = 0
"horizon" = 5

[vary]
"firms.Aurora.price" = [0.9, 1.1]
"firms.Aurora.strategy" = ["equal_treatment", { name = "tiered_service", service = { gold = 0.8, lead = 0.1 } }]
"""
REORDERED = """
seed_from = 5
seeds = 3
scenario = "baseline"
title = "What do price and strategy do?"

[vary]
"firms.Aurora.strategy" = ["equal_treatment", { service = { lead = 0.1, gold = 0.8 }, name = "tiered_service" }]
"firms.Aurora.price" = [0.9, 1.1]

[set]
"horizon" = 5
"warm_up" = 0
"periods" = 10
"customers.count" = 60
"""


def ids_of(path: Path, text: str) -> list[str]:
    path.write_text(text)
    study = load_study(path)
    study.check_points()
    return [run.id for run in runs_of(study.base, study.design.kind, study.points(), study.seed_range)]


def test_a_file_gives_the_same_runs_again_and_in_any_order_of_its_keys(tmp_path: Path) -> None:
    once = ids_of(tmp_path / "one.toml", STUDY)
    assert once == ids_of(tmp_path / "another name.toml", STUDY)
    assert len(set(once)) == 2 * 2 * 3
    assert set(once) == set(ids_of(tmp_path / "one.toml", REORDERED))
    assert set(once).isdisjoint(ids_of(tmp_path / "one.toml", STUDY.replace("seed_from = 5", "seed_from = 8")))


def test_a_filled_design_does_not_hang_on_the_order_of_keys(tmp_path: Path) -> None:
    varied = ['"firms.Aurora.price" = { low = 0.9, high = 1.1 }', '"customers.count" = { low = 50, high = 90 }']
    head = 'title = "t"\nscenario = "baseline"\nseeds = 1\ndesign = { kind = "sobol", points = 4 }\n[vary]\n'
    one, other = (ids_of(tmp_path / "s.toml", head + "\n".join(each)) for each in (varied, varied[::-1]))
    assert one == other
    assert len(set(one)) == 4


def test_every_point_meets_every_seed_and_a_strategy_is_a_setting_like_others() -> None:
    raw: dict[str, Any] = {
        "title": "t?", "scenario": "baseline", "set": SMALL,
        "vary": {"firms.Aurora.strategy": ["cut_price", {"name": "tiered_service", "service": {"gold": 0.8}}]},
    }  # fmt: skip
    study = study_of(raw)
    runs = list(runs_of(study.base, "grid", study.points(), range(2, 5)))
    assert [(run.seed, run.labels["point"]) for run in runs] == list(itertools.product(range(2, 5), range(2)))
    aurora = [run.scenario.firms[0].strategy for run in runs[:2]]
    assert [each.name for each in aurora] == ["cut_price", "tiered_service"]
    assert aurora[1].service["gold"] == 0.8  # type: ignore[union-attr]
    assert runs[1].labels["firms.Aurora.strategy"] == '{"name": "tiered_service", "service": {"gold": 0.8}}'


def test_large_designs_are_built_part_by_part_and_numbered_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.study.design.POINTS_AT_ONCE", 2)
    base = load_scenario("baseline", SMALL)
    points = [{"firms.Aurora.price": 0.8 + k / 10} for k in range(5)]
    runs = list(runs_of(base, "grid", points, [1, 2]))
    assert [(run.labels["point"], run.seed) for run in runs] == [
        (0, 1), (1, 1), (0, 2), (1, 2), (2, 1), (3, 1), (2, 2), (3, 2), (4, 1), (4, 2),
    ]  # fmt: skip


def test_what_is_set_is_set_under_every_arm_whatever_that_changes(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'title = "t?"\n[[firms]]\nname = "A"\n[[firms]]\nname = "B"\n'
        '[arms.dear]\n"firms.A.price" = 1.3\n[arms.cheap]\n"firms.A.price" = 0.8\n"firms.A.quality" = 0.4\n'
    )
    study = study_of({"title": "t?", "scenario": str(tmp_path / "mine.toml"), "set": {"firms.A.price": 1.0}})
    assert [arm.firms[0].price for arm in study.arms.values()] == [1.0, 1.0]
    assert study.arms["cheap"].firms[0].quality == 0.4
