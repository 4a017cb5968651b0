"""What firms build over time, as a run and the report tell it: product, name, staff, new products' buyers."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from experiments.compare import compare
from experiments.report import built
from tests.markets import STILL, STILL_FIRM, market, scenario

SURE = {"kind": "launch", "firm": "Firm0", "name": "tea", "at": 0, "appeal": 50.0}


def told(firm: dict[str, Any], changes: dict[str, Any] | None = None, **settings: Any) -> dict[str, float]:
    """Return what is told of a firm after 60 periods, by measure."""
    table = market([{**STILL_FIRM, **firm}, {}], {**STILL, **(changes or {})}, **settings).run().built
    assert set(table["firm"]) <= {"Firm0"}
    return dict(zip(table["measure"], table["value"], strict=True))


def test_a_firm_that_builds_nothing_is_not_told_of() -> None:
    assert told({}) == {}


def test_a_name_by_hand() -> None:
    """0.05 a period that fades by 2% comes to 0.05 (1 - 0.98^60) / 0.02 of goodwill, where 2 is half the way."""
    brand = {"budget": 0.1, "brand": 0.5, "advertising": 0.5}
    goodwill = 0.05 * (1.0 - 0.98**60) / 0.02
    found = told({"promotion": brand, "image": 0.4})
    assert list(found) == ["image"]
    assert found["image"] == pytest.approx(0.4 + 0.6 * goodwill / (goodwill + 2.0))


def test_staff_by_hand() -> None:
    """Without leavers, 60 periods of a hundredth of what trains 63% train 1 - exp(-0.6); morale is kept still."""
    found = told({"staff": {"training": 0.01, "turnover": 0.0, "morale": 0.7, "morale_speed": 0.0}})
    assert found == pytest.approx({"morale": 0.7, "trained": 1.0 - math.exp(-0.6), "delivered": 1.2})


def test_what_capacity_leaves_of_a_promise() -> None:
    """The last period's customers are 500 at 0.8 each; at 0.1 for each of 500 people an eighth can be delivered."""
    always = {"customers.demand.mean_rate": 50.0, "customers.demand.rate_shape": 500.0}
    everybody = {"customers.mix": {"convenience": 1.0}, "customers.behaviour.outside_utility": -50.0}
    found = told({"service": 0.8, "capacity": 0.1, "price": 0.01}, {**always, **everybody})
    assert found == pytest.approx({"delivered": 0.125}, rel=0.01)


def test_a_product_improved_by_what_customers_say() -> None:
    """All of it that suggestions can do, so far and no further: 0.6 + 0.3 x 0.4, and 0.5 of every second failure."""
    voice = {"complaints": 1.0, "needed": 1e-6, "erosion": 0.0, "lag": 1, "quality_gain": 0.3, "failure_cut": 0.5}
    found = told({"voice": voice, "quality": 0.6, "failure_rate": 0.5})
    assert found == pytest.approx({"quality": 0.72, "failure_rate": 0.25})


def test_a_product_that_nobody_refuses_is_taken_up_by_all() -> None:
    assert told({}, events=[SURE]) == {"take_up": 1.0}
    assert told({}, events=[{**SURE, "appeal": -50.0}]) == {"take_up": 0.0}
    assert told({}, events=[SURE, {"kind": "entry", "firm": "Firm0", "at": 5}]) == {}  # it was not open, and has none


def test_the_report_tells_of_it_by_arm_as_a_mean_over_seeds() -> None:
    rows = [
        {"arm": "none", "seed": seed, "measure": "take_up", "name": "tea", "value": value}
        for seed, value in ((1, 0.1), (2, 0.3))
    ]
    evidence: Any = SimpleNamespace(tables={"built": pd.DataFrame(rows)}, arms=("none",), label={"none": "No card"})
    table = built.of(evidence)
    assert table is not None
    ((heading, cells),) = table.rows
    assert heading == "No card: customers who have taken up tea"
    assert [cell.text for cell in cells] == ["20%"]
    assert built.of(SimpleNamespace(tables={}, arms=("none",), label={})) is None  # type: ignore[arg-type]


def test_a_comparison_saves_and_shows_it(tmp_path: Path) -> None:
    arms = {
        "plain": scenario(2, {"customers.count": 200}),
        "tea": scenario(2, {"customers.count": 200, "events": [SURE]}),
    }
    page = compare(arms, [1, 2], out=tmp_path, workers=1, progress=False).report.read_text(encoding="utf-8")
    assert "customers who have taken up tea" in page
    assert pd.read_parquet(tmp_path / "data" / "built.parquet")["arm"].tolist() == ["tea", "tea"]
