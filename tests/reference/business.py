"""A firm whose customers are businesses: what they get besides, what they bear, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.business import BusinessSpec

if TYPE_CHECKING:
    from sim.policy import Policy
    from tests.reference.firm import Firm, Offer


class Supplier:
    """The firm as a supplier.

    Parameters
    ----------
    firm : Firm
        The firm.
    """

    def __init__(self, firm: Firm) -> None:
        self.firm, self.own = firm, firm.spec.business or BusinessSpec()
        self.buyers = firm.model.settings.business

    def support(self, tier: int, policy: Policy) -> float:
        """Return what a policy gives a tier besides service, in levels of service."""
        support = self.buyers.delivery * float(policy.delivery[tier]) + self.buyers.know_how * self.own.know_how
        support += self.buyers.time_to_market * self.own.time_to_market
        if self.firm.spec.contact is not None:
            support += self.buyers.personal_contact * float(policy.contact[tier])
        return support

    @property
    def felt_risk(self) -> float:
        """Utility that customers lose to the risk of depending on the firm."""
        return self.buyers.risk * self.own.risk

    @property
    def cost_of_abilities(self) -> float:
        """Cost of know-how and time to market, per person in the market."""
        own = self.own
        know_how = own.know_how_cost * (own.know_how * own.know_how)
        return know_how + own.time_to_market_cost * (own.time_to_market * own.time_to_market)

    def offered(self, offer: Offer, tier: int) -> Offer:
        """Return the offer to a tier with the effort of buying, what delivery costs, and deliveries that come late."""
        delivery = float(self.firm.policy.delivery[tier])
        late = self.buyers.late_rate * (1.0 - delivery)
        return replace(
            offer,
            effort=offer.effort + self.own.buying_effort,
            channel_cost=offer.channel_cost + self.own.delivery_cost * (delivery * delivery),
            failure_rate=offer.failure_rate + (1.0 - offer.failure_rate) * late,
        )
