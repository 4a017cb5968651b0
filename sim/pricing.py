"""How a firm finds its price: from its costs, from what rivals offer customers, or by what its profit does.

The equations are in ``docs/channels.md``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sim.settings import Settings

FloatArray = npt.NDArray[np.float64]
Weight = Annotated[float, Field(ge=0, le=100)]
MOST_LOG_PRICE = 700.0  # beyond every highest price, and within what a float holds


class Posted(NamedTuple):
    """What everybody can see of a firm."""

    price: float  # that a newcomer is asked, relative to the market's usual price
    quality: float  # 0 to 1, like the two that follow
    service: float  # promised to a newcomer
    image: float
    support: float = 0.0  # promised to a newcomer besides service, in levels of service
    risk: float = 0.0  # of depending on the firm, in utility


class Trade(NamedTuple):
    """What the trade makes of a firm's own price, relative to it."""

    raised: float = 1.0  # the price that a newcomer is asked
    left: float = 1.0  # what the firm gets of it, on average over all that is sold


NO_TRADE = Trade()


def trade_of(raised: FloatArray, kept: FloatArray, goods: FloatArray, entry_tier: int) -> Trade:
    """Return what the trade makes of a firm's own price.

    Parameters
    ----------
    raised : array, shape (n_tiers,)
        The price that a tier is asked, relative to the firm's own.
    kept : array, shape (n_tiers,)
        Share of what the tier pays that the trade keeps.
    goods : array, shape (n_tiers,)
        What was sold to the tier, at cost; if nothing was sold to any, all is taken to go to newcomers.
    entry_tier : int
        The tier of newcomers.
    """
    left = raised * (1.0 - kept)
    sold = math.fsum(goods)
    mean = math.fsum(goods * left) / sold if sold > 0.0 else float(left[entry_tier])
    return Trade(float(raised[entry_tier]), mean)


class PricingSpec(Settings):
    """The price method: it sets the price at each review, in place of the price of the firm and its strategy."""

    method: Literal["cost_plus", "customer_utility", "profit_led"] = Field(
        default="cost_plus",
        description="a markup on the unit cost, once the trade has had its share; as much above rivals as the offer "
        "is worth more to customers; or a step at each review, on while the profit rises and back when it does not",
    )
    markup: Annotated[float, Field(ge=0, le=100)] = Field(
        default=0.67, description="cost_plus: share of the unit cost that is left over it, once the trade has its share"
    )
    price_weight: Annotated[float, Field(ge=0.5, le=100)] = Field(
        default=3.0,
        description="customer_utility: what the firm takes the average customer's weight of price to be; so the three "
        "that follow",
    )
    quality_weight: Weight = Field(default=1.4, description="customer_utility: weight of full quality over none")
    service_weight: Weight = Field(default=0.9, description="customer_utility: weight of full service over none")
    image_weight: Weight = Field(default=0.5, description="customer_utility: weight of full brand image over none")
    step: Annotated[float, Field(ge=0, le=0.5)] = Field(
        default=0.02, description="profit_led: relative change of the price at a review"
    )
    lowest: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.5, description="least price that the method may set, relative to the market's usual price"
    )
    highest: Annotated[float, Field(ge=1, le=100)] = Field(
        default=2.0, description="greatest price that the method may set, relative to the market's usual price"
    )

    def within(self, price: float) -> float:
        """Return a price, kept from going below the lowest or above the highest."""
        return min(self.highest, max(self.lowest, price))

    def value(self, posted: Posted) -> float:
        """Return what an offer is worth to the average customer, as the firm believes, in utility without the price."""
        return (
            self.quality_weight * posted.quality
            + self.service_weight * (posted.service + posted.support)
            + self.image_weight * posted.image
            - posted.risk
        )


class Pricing:
    """One firm's pricing in one run: what the profit was at the last review, and which way the price goes.

    Sources: cost-plus, Hall & Hitch (1939), "Price theory and business behaviour", Oxford Economic Papers 2; pricing by
    value, Nagle & Holden (1987), "The Strategy and Tactics of Pricing"; a search by what profit does, Cyert & March
    (1963), "A Behavioral Theory of the Firm".
    """

    def __init__(self, spec: PricingSpec) -> None:
        self.spec = spec
        self.price: float | None = None
        self.profit: float | None = None
        self.is_rising = True

    def decide(
        self, own: Posted, unit_cost: float, rivals: Sequence[Posted], profit: float, trade: Trade = NO_TRADE
    ) -> float:
        """Return the firm's own price to post until the next review: what the trade adds or keeps comes after.

        Parameters
        ----------
        own : Posted
            What the firm is about to post, at its own price; that stands if the method finds none.
        unit_cost : float
            Cost of goods per unit of basket, on the price's scale.
        rivals : sequence of Posted
            What rivals in the market had posted.
        profit : float
            Contribution of all tiers since the last review, in money.
        trade : Trade
            What the trade makes of the price; by default there is none.
        """
        match self.spec.method:
            case "cost_plus":
                price = unit_cost * (1.0 + self.spec.markup) / trade.left
            case "customer_utility":
                price = self._as_valued(own, rivals, trade)
            case _:
                price = self._as_profit_goes(own.price, profit)
        self.price = self.spec.within(price)
        return self.price

    def _as_valued(self, own: Posted, rivals: Sequence[Posted], trade: Trade) -> float:
        """Return the price at which the average customer values the firm as the rivals on average."""
        if not rivals:
            return own.price
        log_price = math.fsum(math.log(rival.price) for rival in rivals) / len(rivals)
        value = math.fsum(self.spec.value(rival) for rival in rivals) / len(rivals)
        log_price += (self.spec.value(own) - value) / self.spec.price_weight
        return math.exp(min(MOST_LOG_PRICE, log_price)) / trade.raised

    def _as_profit_goes(self, asked: float, profit: float) -> float:
        """Return the last price a step further: the same way if the profit has risen since, else the other way."""
        if self.price is None:
            return asked
        if self.profit is not None and not profit > self.profit:
            self.is_rising = not self.is_rising
        self.profit = profit
        return self.price * (1.0 + self.spec.step) if self.is_rising else self.price / (1.0 + self.spec.step)
