"""Strategies: how a firm decides its policy. One class a file, found by name."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from sim.strategies.advocate_first import AdvocateFirst
from sim.strategies.bandit import Bandit
from sim.strategies.base import Luck, MarketView, Strategy
from sim.strategies.best_response import BestResponse
from sim.strategies.chase_acquisition import ChaseAcquisition
from sim.strategies.cut_price import CutPrice
from sim.strategies.elasticity_led import ElasticityLed
from sim.strategies.equal_treatment import EqualTreatment
from sim.strategies.fire_lead import FireLead
from sim.strategies.hill_climb import HillClimb
from sim.strategies.imitate_the_leader import ImitateTheLeader
from sim.strategies.level_budget import LevelBudget
from sim.strategies.own import OWN, OwnStrategy
from sim.strategies.reward_the_best import RewardTheBest
from sim.strategies.tiered_incentives import TieredIncentives
from sim.strategies.tiered_service import TieredService


def name(value: Any) -> str | None:
    """Return which strategy settings are of, by their key ``name``: one listed, or any of a user's own."""
    named = value.get("name") if isinstance(value, Mapping) else getattr(value, "name", None)
    return OWN if isinstance(named, str) and ":" in named else named


AnyStrategy = Annotated[
    Annotated[EqualTreatment, Tag("equal_treatment")]
    | Annotated[TieredService, Tag("tiered_service")]
    | Annotated[TieredIncentives, Tag("tiered_incentives")]
    | Annotated[RewardTheBest, Tag("reward_the_best")]
    | Annotated[ChaseAcquisition, Tag("chase_acquisition")]
    | Annotated[CutPrice, Tag("cut_price")]
    | Annotated[AdvocateFirst, Tag("advocate_first")]
    | Annotated[FireLead, Tag("fire_lead")]
    | Annotated[HillClimb, Tag("hill_climb")]
    | Annotated[ImitateTheLeader, Tag("imitate_the_leader")]
    | Annotated[Bandit, Tag("bandit")]
    | Annotated[ElasticityLed, Tag("elasticity_led")]
    | Annotated[BestResponse, Tag("best_response")]
    | Annotated[LevelBudget, Tag("level_budget")]
    | Annotated[OwnStrategy, Tag(OWN)],
    Discriminator(name),
]

STRATEGIES: dict[str, type[Strategy]] = {
    "equal_treatment": EqualTreatment,
    "tiered_service": TieredService,
    "tiered_incentives": TieredIncentives,
    "reward_the_best": RewardTheBest,
    "chase_acquisition": ChaseAcquisition,
    "cut_price": CutPrice,
    "advocate_first": AdvocateFirst,
    "fire_lead": FireLead,
    "hill_climb": HillClimb,
    "imitate_the_leader": ImitateTheLeader,
    "bandit": Bandit,
    "elasticity_led": ElasticityLed,
    "best_response": BestResponse,
    "level_budget": LevelBudget,
}

__all__ = ["STRATEGIES", "AnyStrategy", "Luck", "MarketView", "Strategy"]
