"""Rewards to those whose praise brought a new customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.accounts import Line
from tests.reference.arithmetic import single
from tests.reference.levers.base import Lever

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from tests.reference.person import Customer


class Referral(Lever):
    """Who praised a firm to somebody who joined it in this period is rewarded, if a customer there."""

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether a firm rewards."""
        return any(spec.referral is not None for spec in scenario.firms)

    def after_life(self) -> None:
        """Look at everybody who bought on somebody's word."""
        for customer in self.model.customer_list:
            if customer.credit is not None:
                self.reward_for(customer)

    def reward_for(self, customer: Customer) -> None:
        """Reward whoever brought a customer, if new."""
        teller, firm, _, is_first = customer.credit
        relation, own = customer.relations[firm.number], teller.relations[firm.number]
        if firm.spec.referral is None or relation.since != self.model.period or not own.is_active:
            return
        is_new = is_first or firm.spec.referral.for_returning
        if is_new and teller.birth <= relation.told_at:
            reward = firm.spec.referral.reward
            firm.enter(Line.REFERRALS, teller)
            firm.enter(Line.INCENTIVES, teller, reward)
            own.margin = single(own.margin - reward)
