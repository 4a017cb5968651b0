"""Business markets: what organisational customers get of a supplier besides product, service and price.

The equations are in ``docs/business-markets.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sim.settings import Frac, NonNegative, Settings

if TYPE_CHECKING:
    from sim.policy import Policy
    from sim.settings import BusinessBuyersSpec

FloatArray = npt.NDArray[np.float64]


class BusinessSpec(Settings):
    """A supplier of businesses: how far it has gone in what they look for, and what that costs."""

    delivery: Frac = Field(default=0.0, description="reliability of delivery, for tiers that do not name theirs")
    delivery_cost: NonNegative = Field(
        default=2.0, description="cost of fully reliable delivery at each purchase, in money; grows with it squared"
    )
    know_how: Frac = Field(default=0.0, description="what the supplier knows of its customers' trade, and shares")
    know_how_cost: NonNegative = Field(
        default=0.3,
        description="cost of full know-how, in money per person in the market and period; grows with it squared",
    )
    time_to_market: Frac = Field(
        default=0.0, description="how far the supplier shortens its customers' way to market: development, samples"
    )
    time_to_market_cost: NonNegative = Field(
        default=0.3,
        description="cost of the shortest time to market, in money per person in the market and period; grows with "
        "it squared",
    )
    buying_effort: Frac = Field(
        default=0.0, description="effort of tenders, approval and contracts, on the scale of channels.effort"
    )
    risk: Frac = Field(default=0.0, description="risk that customers see in depending on the supplier")


class Business:
    """What a supplier's levels come to in the eyes of its customers, and in its costs.

    Source: Ulaga & Eggert (2006), "Value-based differentiation in business relationships: gaining and sustaining key
    supplier status", Journal of Marketing 70(1).

    Parameters
    ----------
    spec : BusinessSpec
        The supplier's levels.
    buyers : BusinessBuyersSpec
        What customers weigh.
    has_contacts : bool
        Whether the supplier has representatives, whose attention a tier's ``contact`` shares out.
    """

    def __init__(self, spec: BusinessSpec, buyers: BusinessBuyersSpec, has_contacts: bool) -> None:
        self.spec, self.buyers, self.has_contacts = spec, buyers, has_contacts

    @property
    def running_cost(self) -> float:
        """Cost of know-how and of time to market, in money per person in the market and period."""
        spec = self.spec
        know_how = spec.know_how_cost * (spec.know_how * spec.know_how)
        return know_how + spec.time_to_market_cost * (spec.time_to_market * spec.time_to_market)

    @property
    def felt_risk(self) -> float:
        """Utility that customers lose to the risk of depending on the supplier."""
        return self.buyers.risk * self.spec.risk

    def support(self, policy: Policy) -> FloatArray:
        """Return what each tier gets besides service, in levels of service, shape (n_tiers,)."""
        spec, buyers = self.spec, self.buyers
        support: FloatArray = buyers.delivery * policy.delivery + buyers.know_how * spec.know_how
        support += buyers.time_to_market * spec.time_to_market
        if self.has_contacts:
            support += buyers.personal_contact * policy.contact
        return support

    def columns(self, policy: Policy, failure_rate: float) -> dict[str, FloatArray | float]:
        """Return the columns of offers that are other than in a market of households.

        Parameters
        ----------
        policy : Policy
            What is posted.
        failure_rate : float
            Chance that a purchase fails the customer in another way than by being late.
        """
        spec, buyers = self.spec, self.buyers
        is_late = buyers.late_rate * (1.0 - policy.delivery)  # and so late that it is a failure
        return {
            "support": self.support(policy),
            "risk": self.felt_risk,
            "failure_rate": failure_rate + (1.0 - failure_rate) * is_late,
            "effort": policy.channel_effort + spec.buying_effort,
            "channel_cost": policy.channel_cost + spec.delivery_cost * (policy.delivery * policy.delivery),
        }
