"""Strategies: how a firm decides its policy. One class a file, found by name."""

from typing import Annotated

from pydantic import Field

from sim.strategies.advocate_first import AdvocateFirst
from sim.strategies.base import MarketView, Strategy
from sim.strategies.chase_acquisition import ChaseAcquisition
from sim.strategies.cut_price import CutPrice
from sim.strategies.equal_treatment import EqualTreatment
from sim.strategies.fire_lead import FireLead
from sim.strategies.reward_the_best import RewardTheBest
from sim.strategies.tiered_incentives import TieredIncentives
from sim.strategies.tiered_service import TieredService

AnyStrategy = Annotated[
    EqualTreatment
    | TieredService
    | TieredIncentives
    | RewardTheBest
    | ChaseAcquisition
    | CutPrice
    | AdvocateFirst
    | FireLead,
    Field(discriminator="name"),
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
}

__all__ = ["STRATEGIES", "AnyStrategy", "MarketView", "Strategy"]
