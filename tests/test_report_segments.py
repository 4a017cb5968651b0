"""The report's tables of rivals, segments, cohorts and current against potential value, and the network in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from experiments.report import rivals, stock, value_analysis

RATINGS = {"Aurora": (0.5, 0.7), "Borealis": (0.4, 0.4), "Corona": (0.6, 0.9)}  # of two seeds


def answers(group: str, name: str, ratings: dict[str, tuple[float, float]]) -> list[dict[str, Any]]:
    """Return what a segment says of the price of some firms."""
    return [
        {"seed": seed, "group": group, "name": name, "attribute": "price", "firm": firm, "performance": rated}
        for firm, by_seed in ratings.items()
        for seed, rated in enumerate(by_seed)
    ]


def test_the_lead_over_each_rival_by_hand() -> None:
    """0.1 and 0.3 ahead of one, 20 points on average; 0.1 and 0.2 behind the other."""
    table = rivals.beside_each(pd.DataFrame(answers("all", "all", RATINGS)), "Aurora", "as it is")
    assert table is not None
    assert list(table.columns) == ["Attribute", "Borealis", "Corona"]
    assert [(name, [cell.text for cell in cells]) for name, cells in table.rows] == [
        ("price", ["+20", "\N{MINUS SIGN}15"])
    ]
    alone = {"Aurora": RATINGS["Aurora"]}
    assert rivals.beside_each(pd.DataFrame(answers("all", "all", alone)), "Aurora", "as it is") is None


def test_segments_have_best_rivals_of_their_own() -> None:
    rows = answers("type", "price", RATINGS) + answers("tier", "gold", {**RATINGS, "Corona": (0.1, 0.1)})
    table = rivals.by_segment(pd.DataFrame(rows), "Aurora", "as it is")
    assert table is not None
    place = list(table.columns).index("price") - 1
    told = {name: (cells[place].text, cells[place].note) for name, cells in table.rows}
    assert told == {"gold": ("+20", "Borealis"), "price": ("\N{MINUS SIGN}15", "Corona")}
    assert table.rows[0][0] == "gold"  # tiers first
    assert {cell.text for cell in table.rows[0][1]} == {"+20", "not known"}  # nobody was asked of the rest


def evidence(**tables: list[dict[str, Any]]) -> Any:
    """Return what the tables read of a saved comparison of one arm."""
    return SimpleNamespace(
        tables={name: pd.DataFrame(rows) for name, rows in tables.items()}, arms=("a",), label={"a": "A"}, baseline="a"
    )


def test_cohorts_are_means_over_seeds() -> None:
    rows = [
        {"arm": "a", "seed": seed, "joined_from": first, "gained": 100, "customers": left, "survival": left / 100,
         "clv": 30.0, "equity": 30.0 * left}
        for seed, first, left in ((1, 0, 20), (2, 0, 40), (1, 52, 60), (2, 52, 80))
    ]  # fmt: skip
    table = stock.cohorts(evidence(cohorts=rows), "a", "A")
    assert table is not None
    told = {name: [cell.text for cell in cells] for name, cells in table.rows}
    assert told == {
        "period 0 on": ["100", "30", "30%", "30", "900"],
        "period 52 on": ["100", "70", "70%", "30", "2,100"],
    }
    assert stock.cohorts(evidence(), "a", "A") is None


def test_current_against_potential_value_sums_to_all_who_were_asked() -> None:
    asked = {"retain": 40, "develop": 10, "maintain": 10, "cultivate": 40}
    rows = [
        {"arm": "a", "seed": seed, "quadrant": name, "asked": n, "current": 200.0, "potential": 50.0}
        for seed in (1, 2)
        for name, n in asked.items()
    ]
    table = stock.matrix(evidence(matrix=rows), "a", "A")
    assert table is not None
    assert [(name, [cell.text for cell in cells]) for name, cells in table.rows] == [
        (name, [f"{n}%", "200", "50"]) for name, n in asked.items()
    ]
    assert stock.matrix(evidence(), "a", "A") is None


def test_the_network_in_words() -> None:
    friends = {"arm": "a", "seed": 1, "opinion_clustering": 0.3, "churn_clustering": 1.0}
    friends |= {"retention_hubs": 0.5, "retention_others": 0.5}
    net = {"arm": "a", "mean_degree": 8.0, "max_degree": 13, "isolated_share": 0.0, "clustering": 0.32}
    found = value_analysis.contagion(evidence(contagion=[friends], network=[{**net, "largest_component_share": 1.0}]))
    assert found is not None
    sentences, _ = found
    for part in ("8 ties a person on average and 13 at most", "32% of the pairs", "100% of people"):
        assert part in sentences[-1]
