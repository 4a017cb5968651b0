"""The study files that come with the product: in order, told of in the docs, and their first runs made."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from experiments.study.design import runs_of
from experiments.study.execute import execute
from experiments.study.kinds import kind_of
from experiments.study.runs import Run
from experiments.study.store import Store
from experiments.study.study_file import load_study

ROOT = Path(__file__).parent.parent
STUDIES = sorted((ROOT / "studies").glob("*.toml"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_it_is_in_order_and_its_first_runs_can_be_made(path: Path, tmp_path: Path) -> None:
    study = load_study(path)
    assert study.title.endswith("?")
    kind_of(study.kind).check(study)
    short = {"periods": 20, "warm_up": 0, "horizon": 10, "customers.count": 100}
    if study.kind == "sweep":
        runs = list(islice(runs_of(study.base.with_overrides(short), study.design.kind, study.points(), [1]), 2))
    else:
        runs = [Run(arm.with_overrides(short), 1, {"arm": name}) for name, arm in study.arms.items()]
    tally = execute(runs, Store(tmp_path / "store"), workers=1)
    assert (tally.made, tally.n_failed) == (len(runs), 0)


def test_each_is_told_of_where_a_user_looks() -> None:
    assert len(STUDIES) >= 2
    page = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    assert all(f"loyalty study studies/{path.name}" in page for path in STUDIES)
    assert all(f"loyalty study studies/{path.name}" in path.read_text(encoding="utf-8") for path in STUDIES)
