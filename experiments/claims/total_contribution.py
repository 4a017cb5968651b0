"""Whether to rank customers by all they bring, or by how much they buy."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.claims.base import Claim, Effect, Found
from experiments.claims.places import GOODS, OUTDOOR
from experiments.one_run import results_of
from sim.scenario import Scenario

SERVICE = {"platinum": 1.0, "gold": 0.85, "iron": 0.5, "lead": 0.3}


def measure(scenario: Scenario, seed: int) -> Mapping[str, Found]:
    """Run the market with the same service by tier, the tiers cut by total contribution and by volume."""
    firm = scenario.focal_firm
    strategy = {"name": "tiered_service", "service": SERVICE}
    total, volume, profit = (
        results_of(
            scenario.with_overrides({f"firms.{firm}.pyramid.rank_by": key, f"firms.{firm}.strategy": strategy}), seed
        ).outcomes()[firm]
        for key in ("total_contribution", "volume", "profit")
    )
    return {
        "profit": (total["profit"] - volume["profit"], volume["revenue"]),
        "over_own": (total["profit"] - profit["profit"], profit["revenue"]),
        "retention": total["retention"] - volume["retention"],
    }


CLAIM = Claim(
    name="total_contribution",
    text="Ranking customers by total contribution, their word of mouth included, earns more than ranking them by "
    "volume.",
    source="Kumar, Petersen & Leone (2007), Harvard Business Review 85(10), against the classic A/B/C analysis",
    design="The same levels of service by tier; only what customers are ranked by differs. The long run's profit.",
    places=(OUTDOOR, GOODS),
    effects=(
        Effect(
            "profit", "change of profit, of revenue: total contribution over volume", kind="ratio", low=0.0, null=0.0
        ),
        Effect("over_own", "the same, total contribution over own margin", kind="ratio"),
        Effect("retention", "change of retention, total contribution over volume", "points"),
    ),
    measure=measure,
    caution="The credit for word of mouth is the firm's own estimate: a share of the margin of purchases that came "
    "after praise.",
)
