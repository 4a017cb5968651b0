"""What a strategy is: a rule from what a firm can see to the policy it posts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sim.policy import Policy
from sim.settings import NonNegative, Settings

Level = Annotated[float, Field(ge=0, le=1)]
Discount = Annotated[float, Field(ge=0, lt=1)]
Money = NonNegative
Multiple = Annotated[float, Field(ge=0, le=1000)]


@dataclass(frozen=True, slots=True)
class MarketView:
    """What a firm can see when it decides: its own records and books, and what rivals post. Never inner states.

    Parameters
    ----------
    period : int
        The period that is about to begin.
    base : Policy
        The firm's policy before its strategy: every tier alike, as set in the scenario.
    current : Policy
        The policy posted last.
    customers : array, shape (n_tiers,)
        The firm's customers by tier.
    contribution : array, shape (n_tiers,)
        Contribution of each tier since the last review, in money.
    rival_prices : mapping of str to float
        Posted price of each rival in the market.
    share : float
        The firm's share of the market's revenue since the last review.
    """

    period: int
    base: Policy
    current: Policy
    customers: npt.NDArray[np.int64]
    contribution: npt.NDArray[np.float64]
    rival_prices: Mapping[str, float]
    share: float


class Strategy(Settings):
    """A rule that decides a firm's policy at each review of its pyramid."""

    def decide(self, view: MarketView) -> Policy:
        """Return the policy to post until the next review."""
        raise NotImplementedError

    def tiers_named(self) -> dict[str, tuple[str, ...]]:
        """Return the tiers that each of the strategy's settings names, for checking against the pyramid."""
        return {key: tuple(value) for key, value in self.__dict__.items() if isinstance(value, dict)}
