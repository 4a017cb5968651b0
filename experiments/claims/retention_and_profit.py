"""Five points more retention, and what they do to profit."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.claims.base import Claim, Effect, Found
from experiments.claims.places import BANK, GOODS
from experiments.one_run import results_of
from sim.scenario import Scenario

POINTS = 0.05
DISCOUNT_RATE = 0.12  # a year
BETTER_SERVICE = 0.25  # added to the service level, 0 to 1


def value_rise(retention: float, points: float = POINTS, discount_rate: float = DISCOUNT_RATE) -> float:
    """Return by how much a customer's discounted value rises with retention when nothing else changes, as a share.

    A yearly margin kept at rate ``r`` and discounted at rate ``d`` is worth ``(1 + d) / (1 + d - r)`` of it.

    Examples
    --------
    >>> round(value_rise(0.80), 3), round(value_rise(0.90), 3)
    (0.185, 0.294)
    """
    return points / (1 + discount_rate - retention - points)


def measure(scenario: Scenario, seed: int) -> Mapping[str, Found]:
    """Run the market as it is and with better service for which the firm does not pay."""
    firm = scenario.focal_firm
    spec = next(each for each in scenario.firms if each.name == firm)
    better = spec.service + BETTER_SERVICE
    kept_cost = spec.service_cost * (spec.service / better) ** 2
    improved = scenario.with_overrides({f"firms.{firm}.service": better, f"firms.{firm}.service_cost": kept_cost})
    before, after = (results_of(each, seed).outcomes()[firm] for each in (scenario, improved))
    rise = after["retention"] - before["retention"]
    each_one = [each["profit"] / each["customers"] for each in (before, after)]
    return {
        "profit": ((after["profit"] - before["profit"]) * POINTS, rise * before["profit"]),
        "customers": ((after["customers"] - before["customers"]) * POINTS, rise * before["customers"]),
        "per_customer": ((each_one[1] - each_one[0]) * POINTS, rise * each_one[0]),
        "arithmetic": value_rise(before["retention"]),
        "rise": rise,
    }


CLAIM = Claim(
    name="retention_and_profit",
    text="Five points more retention raise profit by 25 to 85%.",
    source="Reichheld & Sasser (1990), Harvard Business Review 68(5); Gupta & Lehmann (2005) on what arithmetic gives",
    design=f"The firm's service level is {BETTER_SERVICE:.2f} higher from the start, at no cost to it, against the "
    "same market without; the change of the long run's profit is divided by that of retention and told for "
    "five points.",
    places=(GOODS, BANK),
    effects=(
        Effect("profit", "rise of profit per 5 points of retention", kind="ratio", low=0.25, high=0.85, null=0.0),
        Effect("customers", "rise of the number of customers, per 5 points", kind="ratio"),
        Effect("per_customer", "rise of profit per customer, per 5 points", kind="ratio"),
        Effect("arithmetic", "rise of a customer's value by arithmetic alone, at 12% discount"),
        Effect("rise", "rise of retention that was brought about", "points"),
    ),
    measure=measure,
    caution="Service that keeps customers also wins them, and fixed costs make profit swing more than sales; profit is "
    "that of one year, the arithmetic is about the value of a customer.",
)
