"""Personal contact with customers, and letters to all on record."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.accounts import Line
from sim.draws import Stream
from tests.reference.arithmetic import NEVER, single
from tests.reference.levers.base import Lever

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from tests.reference.firm import Firm
    from tests.reference.person import Customer


class Contacts(Lever):
    """At a review the money since the last one is spent on visits and on letters."""

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether a firm has a promotion mix."""
        return any(spec.mix is not None for spec in scenario.firms)

    def after_review(self, firms: list[Firm]) -> None:
        """Let each firm that is due contact its people."""
        for firm in firms:
            if firm.spec.mix is not None:
                self.contact(firm)

    def contact(self, firm: Firm) -> None:
        """Visit customers, and write to whoever once bought and is welcome."""
        mix, model = firm.spec.mix, self.model
        known = [
            customer
            for customer in model.customer_list
            if customer.relations[firm.number].bought_at != NEVER
            and customer.relations[firm.number].barred_until <= model.period
        ]
        n_members = sum(customer.relations[firm.number].is_active for customer in known)
        periods = firm.spec.pyramid.review_every
        visits = mix.budget * mix.personal_selling * periods * model.n_customers / mix.selling_cost
        letters = mix.budget * mix.direct_mail * periods * model.n_customers / mix.mail_cost
        for customer in known:
            is_member = customer.relations[firm.number].is_active
            if is_member and customer.luck(Stream.CALLED, firm.slot) < 1.0 - math.exp(-visits / n_members):
                self.visit(customer, firm)
            if customer.luck(Stream.MAILED, firm.slot) < 1.0 - math.exp(-letters / len(known)):
                self.write_to(customer, firm)

    def visit(self, customer: Customer, firm: Firm) -> None:
        """A visit brings the customer closer, and trust in the firm's character."""
        relation, before = customer.relations[firm.number], customer.relations[firm.number].attachment
        share = customer.attachment_gain * firm.spec.mix.selling_effect
        relation.attachment = single(before + share * (1.0 - before))
        relation.judge_character(True, self.model.behaviour)
        firm.enter(Line.ATTACHMENT_CHANGE, customer, relation.attachment - before)

    @staticmethod
    def write_to(customer: Customer, firm: Firm) -> None:
        """A letter reminds who last bought elsewhere."""
        if customer.usual is not firm:
            customer.relations[firm.number].is_aware = customer.is_alert = True
