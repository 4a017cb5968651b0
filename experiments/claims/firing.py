"""Whether letting the lowest tier go raises profit."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.claims.base import Claim, Effect, Found
from experiments.claims.places import BANK, GOODS, QUIET_BANK
from experiments.one_run import results_of
from sim.scenario import Scenario


def measure(scenario: Scenario, seed: int) -> Mapping[str, Found]:
    """Run the market with everybody served alike, and with the unprofitable of the lowest tier let go at reviews."""
    firm = scenario.focal_firm
    alike, fires = (
        results_of(scenario.with_overrides({f"firms.{firm}.strategy": {"name": name}}), seed).outcomes()[firm]
        for name in ("equal_treatment", "fire_lead")
    )
    return {
        "profit": (fires["profit"] - alike["profit"], alike["revenue"]),
        "customers": (fires["customers"] - alike["customers"], alike["customers"]),
        "retention": fires["retention"] - alike["retention"],
    }


CLAIM = Claim(
    name="firing",
    text="Letting the lowest tier go raises profit.",
    source="advice in many customer-pyramid texts; Haenlein & Kaplan (2009), Business Horizons 52(1), on its cost",
    design="Customers of the lowest tier who cost more than they bring are let go at each review, against serving all "
    "alike; the long run's profit.",
    places=(BANK, QUIET_BANK, GOODS),
    effects=(
        Effect("profit", "change of profit, of revenue when all are served alike", kind="ratio", low=0.0, null=0.0),
        Effect("customers", "change of the number of customers", kind="ratio"),
        Effect("retention", "change of retention", "points"),
    ),
    measure=measure,
    caution="The firm's fixed costs stay as they are. Those let go tell their friends, where there are any to tell.",
)
