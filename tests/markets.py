"""Small markets that tests build in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim import Market, Results, Scenario, load_scenario
from sim.scenario import from_settings

__all__ = ["Market", "Path", "Results", "load_scenario", "market", "scenario"]

#: Everybody alike, nothing fails, nobody forgets or moves: one thing at a time.
STILL: dict[str, Any] = {
    "customers.turnover": 0.0,
    "customers.behaviour.individual_spread": 0.0,
    "customers.behaviour.taste_spread": 0.0,
    "customers.behaviour.distance_spread": 0.0,
    "customers.behaviour.forget_rate": 0.0,
}
STILL_FIRM: dict[str, Any] = {"inconsistency": 0.0, "failure_rate": 0.0, "advertising": 0.0, "awareness": 1.0}


def scenario(
    firms: int | Sequence[Mapping[str, Any]] = 2, changes: Mapping[str, Any] | None = None, **settings: Any
) -> Scenario:
    """Return a scenario of ``firms`` (a number of like ones, or their settings), changed by dotted path."""
    specs = [{} for _ in range(firms)] if isinstance(firms, int) else firms
    raw: dict[str, Any] = {
        "title": "A test?",
        "periods": 60,
        "warm_up": 0,
        "horizon": 20,
        "customers": {"count": 500},
        "firms": [{"name": f"Firm{i}", **spec} for i, spec in enumerate(specs)],
        **settings,
    }
    return from_settings(raw).with_overrides(changes or {})


def market(
    firms: int | Sequence[Mapping[str, Any]] = 2,
    changes: Mapping[str, Any] | None = None,
    seed: int = 1,
    **settings: Any,
) -> Market:
    """Return a market of such a scenario."""
    return Market(scenario(firms, changes, **settings), seed=seed)


# Who need something all the time, always buy, look at every firm and weigh a reward twice.
SURE_TO_BUY: dict[str, Any] = {
    "customers.count": 8000,
    "customers.mix": {"premium": 1.0},
    "customers.types": {"premium": {"reward_weight": 2.0, "search": 1.0}},
    "customers.behaviour.outside_utility": -50.0,
    "customers.behaviour.alert_search": 1.0,
    "customers.demand.mean_rate": 50.0,
    "customers.demand.rate_shape": 500.0,
    "customers.demand.basket_shape": 1e8,
}
