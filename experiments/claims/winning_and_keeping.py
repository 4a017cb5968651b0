"""What it costs to win a customer, and what it costs to keep one."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.claims.base import Claim, Effect, Found
from experiments.claims.places import BANK, GOODS
from experiments.claims.tools import of_focal
from experiments.one_run import results_of
from sim.accounts import COST_NAMES
from sim.scenario import Scenario

MONEY = 0.12  # per person in the market and period, about 8% of the revenue of the firm in consumer goods
SPENDING = tuple(name for name in COST_NAMES if name in ("service", "advertising", "recovery"))


def measure(scenario: Scenario, seed: int) -> Mapping[str, Found]:
    """Run the market as it is, with more advertising, and with better service for those who are customers."""
    firm = scenario.focal_firm
    spec = next(each for each in scenario.firms if each.name == firm)
    plain = results_of(scenario, seed)
    base = of_focal(plain)
    stock = float(base["customers"].tail(scenario.horizon).mean())
    # what the same money pays for, were the number of customers to stay as it is
    per_customer = MONEY * scenario.customers.count / (stock or 1.0)
    level = min(1.0, float((spec.service**2 + per_customer / spec.service_cost) ** 0.5))
    strategy = {"name": "equal_treatment", "service": level}
    offence = results_of(scenario.with_overrides({f"firms.{firm}.advertising": spec.advertising + MONEY}), seed)
    defence = results_of(scenario.with_overrides({f"firms.{firm}.strategy": strategy}), seed)
    won, kept, profit, spent = {}, {}, {}, {}
    for name, results in (("base", plain), ("offence", offence), ("defence", defence)):
        year = of_focal(results).tail(scenario.horizon)
        won[name] = float(year["gained"].sum())
        kept[name] = results.outcomes()[firm]["retention"] * stock
        profit[name] = results.outcomes()[firm]["profit"]
        spent[name] = float(year[list(SPENDING)].sum().sum())
    cost = {name: spent[name] - spent["base"] for name in ("offence", "defence")}
    per_thousand = {
        "won": 1000 * (won["offence"] - won["base"]) / cost["offence"],
        "kept": 1000 * (kept["defence"] - kept["base"]) / cost["defence"],
    }
    return {
        "won_per_kept": (per_thousand["won"], per_thousand["kept"]),
        "cheaper": (per_thousand["won"], per_thousand["kept"]),
        **per_thousand,
        "profit_offence": (profit["offence"] - profit["base"]) / cost["offence"],
        "profit_defence": (profit["defence"] - profit["base"]) / cost["defence"],
    }


CLAIM = Claim(
    name="winning_and_keeping",
    text="Winning a customer costs five times as much as keeping one.",
    source="attributed to TARP in the 1980s and repeated since, with 5 to 8 for offence over defence; East, Hammond & "
    "Gendall (2006) on how little stands behind it",
    design=f"The same money, {MONEY} per person and period from the start, once for advertising and once for service"
    " to customers, each against the market as it is: customers won more, and customers kept more of those "
    "there were, in the long run per thousand of money really spent.",
    places=(GOODS, BANK),
    effects=(
        Effect("won_per_kept", "customers won by the money that keeps one", "number", "ratio", high=1 / 5, null=1.0),
        Effect("cheaper", "the same, were keeping only cheaper", "number", "ratio", high=1.0, null=1.0),
        Effect("won", "customers won more per 1,000 of money for advertising", "number"),
        Effect("kept", "customers kept more per 1,000 of money for service", "number"),
        Effect("profit_offence", "profit gained per unit of money for advertising", "number"),
        Effect("profit_defence", "profit gained per unit of money for service", "number"),
    ),
    measure=measure,
    caution="Costs are those of the next customer at these levels of spending, not averages. Advertising also reminds "
    "those who are customers, and better service also wins some: neither is counted. Welcome money is left out, for "
    "people in this model do not weigh it when they choose.",
)
