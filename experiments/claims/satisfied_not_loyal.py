"""Whether those who are satisfied are those who stay."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments.claims.base import Claim, Effect, Found
from experiments.claims.places import BANK, COFFEE, GOODS
from experiments.claims.tools import BoolArray, FloatArray, held
from experiments.one_run import opened, step_to
from sim.loyalty_types import LoyaltyType
from sim.scenario import Scenario

TOLD = (LoyaltyType.INERTIA, LoyaltyType.CONVENIENCE, LoyaltyType.PRICE, LoyaltyType.INCENTIVE, LoyaltyType.PREMIUM)


def correlation(score: FloatArray, has_stayed: BoolArray) -> float:
    """Return the correlation of a score with staying; NaN where all stayed, or left, or scored alike.

    Examples
    --------
    >>> correlation(np.array([0.0, 1.0, 1.0, 2.0]), np.array([False, False, True, True]))
    0.707...
    """
    if score.size < 2 or np.ptp(score) == 0 or has_stayed.all() or not has_stayed.any():
        return float("nan")
    return float(np.corrcoef(score, has_stayed)[0, 1])


def measure(scenario: Scenario, seed: int) -> Mapping[str, Found]:
    """Ask the firm's customers at the start of the long run, and see who is there at its end without a lapse."""
    start = scenario.periods - scenario.horizon
    with opened(scenario, seed) as market:
        step_to(market, start)
        was_member, satisfaction, attachment = (
            held(market, name) for name in ("is_active", "satisfaction", "attachment")
        )
        kind = market.customers.column("type").astype(np.int64)
        step_to(market, scenario.periods)
        stays = (held(market, "is_active") == 1) & (held(market, "since") < start)
    asked = was_member == 1
    leaves = asked & ~stays
    return {
        "all": correlation(satisfaction[asked], stays[asked]),
        "attachment": correlation(attachment[asked], stays[asked]),
        "leavers": float((satisfaction[leaves] >= 0).mean()) if leaves.any() else float("nan"),
        "asked": float((satisfaction[asked] >= 0).mean()) if asked.any() else float("nan"),
        **{
            of.name.lower(): correlation(satisfaction[asked & (kind == of)], stays[asked & (kind == of)]) for of in TOLD
        },
    }


CLAIM = Claim(
    name="satisfied_not_loyal",
    text="Satisfied is not loyal: satisfaction says little about who stays, and most of those who leave were "
    "satisfied.",
    source="Jones & Sasser (1995), Harvard Business Review 73(6); Reichheld (1996): 60 to 80% of those who left had"
    " said they were satisfied",
    design="Nothing is changed. Each customer's satisfaction at the start of the long run against being a customer "
    "at its end without a lapse, over all and by loyalty type; the same with attachment.",
    places=(GOODS, BANK, COFFEE),
    effects=(
        Effect("all", "correlation of satisfaction with staying", "number", high=0.3, null=0.5),
        Effect("leavers", "share of those who left who had been satisfied", kind="share", low=0.6, high=0.8, null=0.2),
        Effect("asked", "share of all customers who were satisfied", kind="share"),
        Effect("attachment", "correlation of attachment with staying", "number"),
        *(Effect(of.name.lower(), f"the same, {of.name.lower()} customers, satisfaction", "number") for of in TOLD),
    ),
    measure=measure,
    caution="Little is taken to mean a correlation below 0.3 (a tenth of the variation), and a correlation above "
    "0.5 to be contrary. Satisfied means at or above what was expected; a survey's scale may put the line "
    "elsewhere. Many who leave buy too seldom to stay, whatever they feel.",
)
