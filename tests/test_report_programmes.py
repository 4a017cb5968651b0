"""The report's tables of programmes and events: shown where there are any, with means over seeds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from experiments.report import programmes


def evidence(**tables: list[dict[str, Any]]) -> Any:
    """Return what the tables read of a saved comparison of two arms."""
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items()}
    return SimpleNamespace(tables=frames, arms=("none", "card"), label={"none": "No card", "card": "A card"})


def test_nothing_is_shown_of_what_there_is_not() -> None:
    assert programmes.of(evidence()) == ()
    assert programmes.of(evidence(programmes=[], occasions=[])) == ()


def test_a_programme_is_shown_by_arm_as_a_mean_over_seeds() -> None:
    shares = {"participation": 1.0, "member_share": 0.9, "redemption_rate": 0.75, "breakage": float("nan")}
    rows = [
        {"arm": "card", "seed": seed, "kind": "cash_back", **shares, "cost_share": share, "cost_per_repeat": 3.0}
        for seed, share in enumerate((0.01, 0.03))
    ]
    (table,) = programmes.of(evidence(programmes=rows))
    ((heading, cells),) = table.rows
    assert heading == "A card: cash back"
    assert [cell.text for cell in cells] == ["100%", "90%", "75%", "none", "2%", "3"]


def test_events_are_shown_by_arm_and_name_each_time_held() -> None:
    """Of two seeds, in one held twice: the mean of 20 and 40, and 10, is 20."""
    rows = [
        {"arm": "card", "seed": seed, "name": "tasting", "invited": 100, "willing": n, "guests": n, "needs": 0}
        for seed, n in ((1, 20), (1, 40), (2, 10))
    ]
    (table,) = programmes.of(evidence(occasions=rows))
    ((heading, cells),) = table.rows
    assert heading == "A card: tasting"
    assert [cell.text for cell in cells] == ["100", "20", "20", "0"]
