"""Events that firms hold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim import draws
from sim.accounts import FirmCost, Line
from sim.draws import Stream, firm_slot
from tests.reference.arithmetic import NEVER, single, step
from tests.reference.levers.base import Lever

if TYPE_CHECKING:
    from sim.programme_settings import OccasionSpec
    from sim.scenario import Scenario
    from tests.reference.firm import Firm
    from tests.reference.person import Customer


class Occasions(Lever):
    """Invitations, a lot if more would come than there is room for, and guests."""

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether a firm holds events."""
        return any(spec.occasions for spec in scenario.firms)

    def before_life(self) -> None:
        """Hold what is due."""
        t = self.model.period
        for firm in self.model.firm_list:
            for spec in firm.spec.occasions:
                is_due = t == spec.at or (spec.every is not None and t > spec.at and (t - spec.at) % spec.every == 0)
                if is_due and firm.is_open:
                    self.hold(firm, spec)

    def hold(self, firm: Firm, spec: OccasionSpec) -> None:
        """Hold one event."""
        model = self.model
        model.firm_costs[-1][firm.number, FirmCost.EVENTS] += spec.fixed_cost * model.n_customers
        slot = firm_slot(f"{firm.spec.name}: {spec.name}")
        lots = {}
        for customer in model.customer_list:
            if self.is_invited(customer, firm, spec):
                attend, lot, want, _ = draws.block(
                    model.seed_used, int(Stream.ATTEND) // 4, model.period, customer.id, slot
                )
                if attend < chance_to_come(customer, firm, spec):
                    lots[customer] = lot, want
        places = math.floor(spec.places * model.n_customers)
        in_order = sorted(lot for lot, _ in lots.values())
        last_lot = in_order[places] if len(in_order) > places else 1.0
        for customer, (lot, want) in lots.items():
            if lot < last_lot:
                self.receive(customer, firm, spec, want)

    def is_invited(self, customer: Customer, firm: Firm, spec: OccasionSpec) -> bool:
        """Say whether an event is for someone."""
        relation = customer.relations[firm.number]
        if relation.barred_until > self.model.period:
            return False
        if not relation.is_active:
            return spec.guests in ("lapsed", "record") and relation.bought_at != NEVER
        if spec.group is not None and firm.tiers[relation.tier] not in spec.group:
            return False
        joined_of_late = relation.since > self.model.period - firm.spec.pyramid.review_every
        return spec.guests in ("customers", "record") or (spec.guests == "newcomers" and joined_of_late)

    def receive(self, customer: Customer, firm: Firm, spec: OccasionSpec, want: float) -> None:
        """Receive a guest."""
        relation, t = customer.relations[firm.number], self.model.period
        attachment = relation.attachment
        gain = customer.attachment_gain * spec.warmth
        relation.attachment = single(attachment + gain * (1.0 - attachment))
        relation.trust_character = step(relation.trust_character + spec.trust * (1.0 - relation.trust_character))
        relation.is_aware = True
        firm.enter(Line.GUESTS, customer)
        if relation.is_active:
            firm.enter(Line.ATTACHMENT_CHANGE, customer, relation.attachment - attachment)
            firm.enter(Line.INCENTIVES, customer, spec.guest_cost)
            relation.margin = single(relation.margin - spec.guest_cost)
        else:
            firm.enter(Line.ACQUISITION, customer, spec.guest_cost)
        if want < spec.need:
            customer.needs_at = min(customer.needs_at, t)
            customer.is_alert = customer.is_alert or customer.usual is not firm


def chance_to_come(customer: Customer, firm: Firm, spec: OccasionSpec) -> float:
    """Return the chance that someone who is invited would come."""
    relation = customer.relations[firm.number]
    utility = (
        spec.appeal
        + customer.attachment_weight * relation.attachment
        + customer.reward_weight * (spec.guest_cost * firm.spec.gift_worth / customer.basket)
        - customer.effort_weight * (relation.distance + spec.effort)
    )
    return 1.0 / (1.0 + math.exp(-max(-700.0, utility)))
