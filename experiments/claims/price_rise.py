"""Whether a higher price pays at first and costs later."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.claims.base import Claim, Effect, Found
from experiments.claims.places import BANK, COFFEE, GOODS
from experiments.claims.tools import of_focal, quarter
from experiments.one_run import results_of
from sim.scenario import Scenario

FACTOR = 1.10


def measure(scenario: Scenario, seed: int) -> Mapping[str, Found]:
    """Run the market with and without a price rise for good a quarter after the warm-up."""
    span = quarter(scenario)
    at = scenario.warm_up + span
    rise = {"kind": "price_change", "firm": scenario.focal_firm, "at": at, "factor": FACTOR}
    events = [event.model_dump(exclude_none=True) for event in scenario.events]
    plain = of_focal(results_of(scenario, seed))
    raised = of_focal(results_of(scenario.with_overrides({"events": [*events, rise]}), seed))
    soon, long_run = slice(at, at + span), slice(scenario.periods - 2 * span, scenario.periods)
    first, late = (
        float((raised["profit"][when].sum() - plain["profit"][when].sum()) / plain["revenue"][when].sum())
        for when in (soon, long_run)
    )
    customers = plain["customers"][long_run].mean(), raised["customers"][long_run].mean()
    return {
        "turn": late - first,
        "first": first,
        "late": late,
        "customers": float(customers[1] / customers[0] - 1),
    }


CLAIM = Claim(
    name="price_rise",
    text="Pricing for profit is short-sighted: what a higher price brings at first is lost later.",
    source="pricing chapters of customer-value texts; Anderson & Simester (2010) on customers who leave for good",
    design=f"The firm's price rises by {FACTOR - 1:.0%} for good a quarter after the warm-up, against the same "
    "market without; the change of profit, as a share of the unchanged market's revenue, in the first "
    "quarter and in the last half-year.",
    places=(GOODS, BANK, COFFEE),
    effects=(
        Effect(
            "turn",
            "change of profit in the last half-year, less that in the first quarter, of revenue",
            "points",
            high=0.0,
            null=0.0,
        ),
        Effect("first", "change of profit in the first quarter, of revenue", low=0.0, null=0.0),
        Effect("late", "change of profit in the last half-year, of revenue", high=0.0, null=0.0),
        Effect("customers", "change of the number of customers in the last half-year"),
    ),
    measure=measure,
    caution="A quarter is a quarter of the scenario's long run: 13 weeks, and 32 working days in the coffee shops. "
    "Rivals do not follow the rise, and reference prices get used to it. Whether the rise was worth it "
    "depends on where the price stood before.",
)
