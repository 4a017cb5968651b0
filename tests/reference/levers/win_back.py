"""Offers to those who lapsed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.accounts import Line
from tests.reference.arithmetic import NEVER
from tests.reference.levers.base import Lever

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from tests.reference.firm import Firm
    from tests.reference.person import Customer


class WinBack(Lever):
    """The best of those who lapsed are called back, by what they were worth at their last review as customers."""

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether a firm wins back."""
        return any(spec.win_back is not None for spec in scenario.firms)

    def states(self) -> list[list[list[float]]]:
        """Return worth, and who is called back."""
        people = self.model.customer_list
        return [
            [[getattr(relation, name) for relation in each.relations] for each in people]
            for name in ("worth", "called_back")
        ]

    def after_review(self, firms: list[Firm]) -> None:
        """Call back for each firm that is due."""
        for firm in firms:
            if firm.spec.win_back is not None:
                self.call_back(firm)

    def call_back(self, firm: Firm) -> None:
        """Note what customers are worth, and make the offers."""
        lapsed = []
        for customer in self.model.customer_list:
            relation = customer.relations[firm.number]
            relation.called_back = False
            if relation.is_active:
                relation.worth = relation.margin
            elif self.may_return(customer, firm):
                lapsed.append(customer)
        lapsed.sort(key=lambda customer: -customer.relations[firm.number].worth)
        for customer in lapsed[: math.floor(firm.spec.win_back.most * self.model.n_customers)]:
            relation = customer.relations[firm.number]
            relation.called_back = relation.is_aware = customer.is_alert = True
            firm.enter(Line.ACQUISITION, customer, firm.spec.win_back.contact_cost)

    def may_return(self, customer: Customer, firm: Firm) -> bool:
        """Say whether someone who is no customer might be called back."""
        relation, t = customer.relations[firm.number], self.model.period
        has_bought = relation.bought_at != NEVER and relation.bought_at >= t - firm.spec.win_back.within
        return has_bought and relation.barred_until <= t and relation.worth > 0.0
