"""What a strategy is: a rule from what a firm can see to the policy it posts, fixed or learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sim.draws import Stream, firm_slot, uniform
from sim.policy import Policy
from sim.settings import NonNegative, Settings

if TYPE_CHECKING:
    from sim.channels import ChannelSpec
    from sim.firm_settings import FirmSpec
    from sim.settings import BusinessBuyersSpec

Level = Annotated[float, Field(ge=0, le=1)]
Discount = Annotated[float, Field(ge=0, lt=1)]
Money = NonNegative
Multiple = Annotated[float, Field(ge=0, le=1000)]


@dataclass(frozen=True, slots=True)
class MarketView:
    """What a firm can see when it decides: its own records and books, and what rivals post. Never inner states.

    "Since the last review" are the last ``review_every`` periods of its pyramid, or all there were if fewer.

    Parameters
    ----------
    firm : str
        The firm's name.
    period : int
        The period that is about to begin.
    base : Policy
        The firm's policy before its strategy: every tier alike, as set in the scenario.
    current : Policy
        The policy posted last.
    customers : array, shape (n_tiers,)
        The firm's customers by tier.
    contribution : array, shape (n_tiers,)
        Contribution of each tier since the last review, in money: revenue less the costs of the tier.
    rival_prices : mapping of str to float
        Posted price of each rival in the market.
    share : float
        The firm's share of the market's revenue since the last review.
    purchases : array, shape (n_tiers,)
        Purchases of each tier since the last review.
    revenue, service_cost, incentive_cost : array, shape (n_tiers,)
        What each tier paid since the last review, what serving it cost, and its rewards and gifts, in money.
    gained, lost : array, shape (n_tiers,)
        Customers won and lost by tier since the last review.
    rival_shares : mapping of str to float
        Share of the market's revenue since the last review of each rival in the market, as panels publish them.
    settings : FirmSpec
        The firm's own settings: its costs, its programme, its pyramid.
    goods_cost : array, shape (n_tiers,)
        Cost of the goods that each tier bought since the last review, in money.
    channels : mapping of str to ChannelSpec
        The channels that the firm itself uses: what each asks of customers, costs, and keeps of the price.
    buyers : BusinessBuyersSpec or None
        What customers who are businesses weigh, as they tell whoever sells to them; None if they are households.
    """

    firm: str
    period: int
    base: Policy
    current: Policy
    customers: npt.NDArray[np.int64]
    contribution: npt.NDArray[np.float64]
    rival_prices: Mapping[str, float]
    share: float
    purchases: npt.NDArray[np.int64]
    revenue: npt.NDArray[np.float64]
    service_cost: npt.NDArray[np.float64]
    incentive_cost: npt.NDArray[np.float64]
    gained: npt.NDArray[np.int64]
    lost: npt.NDArray[np.int64]
    rival_shares: Mapping[str, float]
    settings: FirmSpec
    goods_cost: npt.NDArray[np.float64]
    channels: Mapping[str, ChannelSpec]
    buyers: BusinessBuyersSpec | None


@dataclass(frozen=True, slots=True)
class Luck:
    """A firm's own chance in a run, for strategies that try things out: no other draw depends on it.

    Parameters
    ----------
    seed : int
        The run's seed.
    firm : str
        The firm's name.
    """

    seed: int
    firm: str

    def draw(self, period: int, index: int = 0) -> float:
        """Return the uniform in (0, 1) of a period, from ``Stream.TRIAL``; ``index`` tells apart several of one."""
        return float(uniform(self.seed, int(Stream.TRIAL), period, firm_slot(self.firm), index))


class Decider(Protocol):
    """What decides for one firm in one run; it may remember what it saw."""

    def decide(self, view: MarketView) -> Policy:
        """Return the policy to post until the next review."""
        ...


class Strategy(Settings):
    """A rule that decides a firm's policy at each review of its pyramid.

    Settings are fixed and shared between runs; what a strategy learns belongs to one firm in one run. A strategy that
    learns therefore returns a new object from ``begin``; one that does not is its own decider.
    """

    def begin(self, luck: Luck) -> Decider:
        """Return what decides for a firm in a run that begins, knowing nothing of any other run."""
        return self

    def decide(self, view: MarketView) -> Policy:
        """Return the policy to post until the next review."""
        raise NotImplementedError

    def tiers_named(self) -> dict[str, tuple[str, ...]]:
        """Return the tiers that each of the strategy's settings names, for checking against the pyramid."""
        return {key: tuple(value) for key, value in self.__dict__.items() if isinstance(value, dict)}
