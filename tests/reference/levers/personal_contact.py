"""Representatives, and how close customers are to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.accounts import Line
from tests.reference.arithmetic import single, step
from tests.reference.levers.base import Lever

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from tests.reference.firm import Firm
    from tests.reference.market import ReferenceMarket
    from tests.reference.person import Customer


class PersonalContact(Lever):
    """Closeness by household and firm: it moves at the firm's reviews."""

    def __init__(self, model: ReferenceMarket) -> None:
        super().__init__(model)
        self.closeness = [[0.0 for _ in model.firm_list] for _ in model.customer_list]

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether a firm has representatives."""
        return any(spec.contact is not None for spec in scenario.firms)

    def states(self) -> list[list[list[float]]]:
        """Return closeness."""
        return [self.closeness]

    def before_life(self) -> None:
        """Meet the customers of the firms that have reviewed their pyramids."""
        for firm in self.model.firm_list:
            if firm.spec.contact is not None and firm.is_due:
                for customer in self.model.customer_list:
                    self.meet(customer, firm)

    def meet(self, customer: Customer, firm: Firm) -> None:
        """Let one customer become closer to the firm's people, or less close."""
        relation, how = customer.relations[firm.number], self.model.behaviour
        closeness, spec = self.closeness[customer.row], firm.spec.contact
        if not relation.is_active or relation.since >= self.model.period - firm.spec.pyramid.review_every:
            closeness[firm.number] = 0.0
        if not relation.is_active:
            return
        contact, close = float(firm.policy.contact[relation.tier]), closeness[firm.number]
        closeness[firm.number] = close = single(close + spec.warmth * (contact - close))
        cost = spec.pay * firm.spec.pyramid.review_every * contact
        firm.enter(Line.CONTACT, customer, cost)
        relation.margin = single(relation.margin - cost)
        attachment = relation.attachment
        gain = customer.attachment_gain * how.attachment_rise
        relation.attachment = single(attachment + gain * close * (1.0 - attachment))
        firm.enter(Line.ATTACHMENT_CHANGE, customer, relation.attachment - attachment)
        trust = relation.trust_character
        relation.trust_character = step(trust + how.trust_rise * close * (1.0 - trust))
