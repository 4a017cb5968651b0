"""Eighty per cent of profit from twenty per cent of customers, and how much of that is demand alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments.claims.base import Claim, Effect, Found
from experiments.claims.places import BANK, COFFEE, GOODS
from experiments.claims.tools import held, whole_records
from experiments.one_run import opened, step_to
from experiments.repeat_buying import nbd_top_share
from sim.customer_results import top_share
from sim.scenario import Scenario


def measure(scenario: Scenario, seed: int) -> Mapping[str, Found]:
    """Take what each of the firm's customers bought and brought in the long run."""
    with opened(whole_records(scenario), seed) as market:
        step_to(market, scenario.periods - scenario.horizon)
        start = {name: held(market, name) for name in ("margin", "revenue", "volume", "since")}
        was_member = held(market, "is_active") == 1
        step_to(market, scenario.periods)
        is_member = held(market, "is_active") == 1
        has_stayed = was_member & is_member & (held(market, "since") == start["since"])
        margin, revenue, volume = (
            (held(market, name) - np.where(has_stayed, start[name], 0.0))[is_member]
            for name in ("margin", "revenue", "volume")
        )
    bought = volume > 0
    mean, variance = float(volume.mean()), float(volume.var(ddof=1))
    profit, null = top_share(margin[bought]), nbd_top_share(mean, variance)
    return {
        "profit": profit,
        "beyond_null": profit - null,
        "sales": top_share(revenue[bought]),
        "null": null,
    }


CLAIM = Claim(
    name="top_fifth",
    text="Eighty per cent of profit comes from twenty per cent of customers.",
    source="the Pareto rule as Koch (1998) and Zeithaml, Rust & Lemon (2001) tell it",
    design="Nothing is changed. Of the firm's customers at the end who bought in the long run, the fifth with the "
    "highest margin after the cost of serving; beside it, what unequal purchase rates alone give (NBD).",
    places=(GOODS, BANK, COFFEE),
    effects=(
        Effect("profit", "share of profit from the top 20% of customers", low=0.75, high=0.85),
        Effect("beyond_null", "the same, less what demand alone gives to sales", "points", low=0.0, null=0.0),
        Effect("sales", "share of sales from the top 20% of customers", kind="share"),
        Effect("null", "share of purchases by demand alone (NBD)", kind="share"),
    ),
    measure=measure,
    caution="75 to 85% is taken to be eighty. Profit is before the costs of the firm as a whole; a share above 100%"
    " means that the others together cost more than they bring.",
)
