"""The report's tables of credit, of value elasticity, of referrals and of calls to come back: by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from experiments.report import credit, programmes, worth

NAN = float("nan")


def evidence(**tables: list[dict[str, Any]]) -> Any:
    """Return what the tables read of a saved comparison of two arms."""
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items()}
    return SimpleNamespace(tables=frames, arms=("none", "all"), label={"none": "None", "all": "All"})


def test_nothing_is_shown_of_what_there_is_not() -> None:
    rating = {"arm": "all", "seed": 1, "tier": "gold", "rating": "A", "customers": 0, "owed": 0.0, "paid": 0.0}
    never = {"arm": "none", "seed": 1, "firm": "F", "tier": "gold", "elasticity": NAN, "low": NAN, "high": NAN}
    unused = {"arm": "none", "seed": 1, "firm": "F", "lever": "win_back", "offers": 0.0, "taken": 0.0, "cost": 0.0}
    for found in (evidence(), evidence(credit=[{**rating, "written_off": 0.0}], elasticity=[never], bonds=[unused])):
        assert credit.ratings(found) is None
        assert worth.elasticity(found) is None
        assert programmes.of(found) == ()


def test_ratings_are_added_over_tiers_within_each_seed() -> None:
    """Of two seeds: 100 of 1,000 never paid by 10 of 40 customers, and 300 of 1,000 by 30 of 40."""
    rows = [
        {"arm": "all", "seed": seed, "tier": tier, "rating": rating, "customers": n, "owed": 5.0}
        | {"paid": paid, "written_off": lost}
        for seed, tier, rating, n, paid, lost in (
            (1, "gold", "C", 4, 500.0, 100.0),
            (1, "iron", "C", 6, 400.0, 0.0),
            (1, "iron", "none", 30, 0.0, 0.0),
            (2, "gold", "C", 30, 700.0, 300.0),
            (2, "gold", "none", 10, 0.0, 0.0),
        )
    ]
    table = credit.ratings(evidence(credit=rows))
    assert table is not None
    shown = {heading: [cell.text for cell in cells] for heading, cells in table.rows}
    assert list(shown) == ["All: C", "All: none", "All: all"]
    assert shown["All: C"] == ["20", "50%", "7.50", "1,000", "20%"]
    assert shown["All: none"][-1] == "nothing fell due"
    assert shown["All: all"][:2] == ["40", "100%"]


def test_elasticity_is_shown_where_any_run_tells_it() -> None:
    rows = [
        {"arm": "all", "seed": seed, "firm": firm, "tier": "gold", "elasticity": slope, "low": low, "high": 9.0}
        | {"changes": changes}
        for seed, firm, slope, low, changes in (
            (1, "Ours", 2.0, 1.0, 10),
            (2, "Ours", 4.0, -1.0, 12),
            (3, "Ours", NAN, NAN, 2),
            (1, "Rival", NAN, NAN, 2),
        )
    ]
    table = worth.elasticity(evidence(elasticity=rows))
    assert table is not None
    ((heading, cells),) = table.rows
    assert heading == "All: Ours, gold"
    assert [cell.text for cell in cells] == ["3", "2 of 3 runs", "1 of 2", "11"]
    alone = worth.elasticity(evidence(elasticity=rows[:1]))
    assert alone is not None
    assert alone.rows[0][1][0].note == "1 to 9"  # of one run, the firm's own interval


def test_rewards_and_calls_are_shown_by_arm() -> None:
    rows = [
        {"arm": "all", "seed": seed, "lever": lever, "offers": offers, "taken": taken, "cost": cost}
        for seed, lever, offers, taken, cost in (
            (1, "referral", NAN, 10.0, 50.0),
            (2, "referral", NAN, 30.0, 150.0),
            (1, "win_back", 100.0, 10.0, 130.0),
            (2, "win_back", 100.0, 30.0, 290.0),
        )
    ]
    brought, called = programmes.of(evidence(bonds=rows))
    assert [cell.text for cell in brought.rows[0][1]] == ["20", "100", "5"]
    assert [cell.text for cell in called.rows[0][1]] == ["100", "20", "20%", "210", "11.3"]  # 13 and 9.67 each
    alone = [{"arm": "all", "seed": 1, "lever": "win_back", "offers": 100.0, "taken": NAN, "cost": 50.0}]
    (asked,) = programmes.of(evidence(bonds=alone))
    assert [cell.text for cell in asked.rows[0][1]] == ["100", "not counted", "not counted", "50", "not counted"]
