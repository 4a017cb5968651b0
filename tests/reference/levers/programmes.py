"""Programmes: cards, status, cash back at the review, prizes, points that expire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim import draws
from sim.accounts import Line
from sim.draws import Stream
from tests.reference.arithmetic import single
from tests.reference.levers.base import Lever

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from tests.reference.firm import Firm
    from tests.reference.person import Customer
    from tests.reference.relation import Relation


class Programmes(Lever):
    """What programmes keep of customers, in their relations to the firms."""

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether any programme keeps more than points."""
        return any(spec.programme is not None and spec.programme.has_states for spec in scenario.firms)

    def states(self) -> list[list[list[float]]]:
        """Return cards, tallies and reviews missed."""
        people = self.model.customer_list
        return [
            [[getattr(relation, name) for relation in each.relations] for each in people]
            for name in ("card", "tally", "missed")
        ]

    def luck(self, stream: Stream, customer: Customer, firm: Firm) -> float:
        """Return a draw of a person and a firm."""
        return draws.uniform(self.model.seed_used, int(stream), self.model.period, customer.id, firm.slot)

    def after_review(self, firms: list[Firm]) -> None:
        """Settle the members' accounts with the firms that are due."""
        for firm in firms:
            if firm.spec.programme is None:
                continue
            for customer in self.model.customer_list:
                relation = customer.relations[firm.number]
                if relation.is_active and firm.runs_programme:
                    self.settle(customer, firm, relation)
                else:
                    relation.card, relation.missed = min(1, relation.card), 0
                relation.tally = 0.0

    def settle(self, customer: Customer, firm: Firm, relation: Relation) -> None:
        """Settle one customer's account."""
        programme = firm.spec.programme
        if programme.expiry is not None and self.model.period >= relation.bought_at + programme.expiry:
            firm.enter(Line.POINTS_EXPIRED, customer, relation.points)
            relation.points = 0.0
        if programme.kind == "status" and relation.card > 0:
            self.settle_level(firm, relation)
            spend(firm, customer, programme.status.level_cost * (relation.card - 1))
        if programme.kind == "cash_back" and programme.cash_back.paid_at == "review":
            spend(firm, customer, relation.tally)
        may_join = programme.group is None or firm.tiers[relation.tier] in programme.group
        if programme.uses_cards and relation.card == 0 and programme.invite > 0.0 and may_join:
            relation.card = int(self.luck(Stream.INVITE, customer, firm) < programme.invite)
            spend(firm, customer, programme.invite_cost)

    def settle_level(self, firm: Firm, relation: Relation) -> None:
        """Give the level earned, or keep the one held for its term."""
        status = firm.spec.programme.status
        earned = 1 + sum(relation.tally >= level for level in status.levels)
        if earned >= relation.card:
            relation.card, relation.missed = earned, 0
            return
        relation.missed += 1
        if relation.missed == status.term:
            relation.card, relation.missed = earned, 0
            relation.judge_character(False, self.model.behaviour)

    def after_life(self) -> None:
        """Enter the period's purchases."""
        for customer in self.model.customer_list:
            firm = customer.usual
            if firm is None or customer.relations[firm.number].bought_at != self.model.period:
                continue
            if customer.offer_of(firm).takes_part:
                self.enter(customer, firm, customer.relations[firm.number])

    def enter(self, customer: Customer, firm: Firm, relation: Relation) -> None:
        """Enter a purchase: a customer without a card may take one, and the rest of it begins with the next."""
        programme = firm.spec.programme
        if programme.uses_cards and relation.card == 0:
            relation.card = int(self.luck(Stream.ENROL, customer, firm) < programme.enrolment)
            return
        paid = customer.basket * customer.offer_of(firm).price
        if programme.kind == "status":
            counts = paid if programme.status.earned_by == "revenue" else 1.0
            relation.tally = single(relation.tally + counts)
        elif programme.kind == "cash_back" and programme.cash_back.paid_at == "review":
            relation.tally = single(relation.tally + programme.cash_back.share * paid)
        elif programme.kind == "prizes" and self.luck(Stream.PRIZE, customer, firm) < programme.prizes.chance:
            firm.enter(Line.PRIZES, customer)
            spend(firm, customer, programme.prizes.cost)


def spend(firm: Firm, customer: Customer, money: float) -> None:
    """Spend money of the programme on a customer."""
    relation = customer.relations[firm.number]
    firm.enter(Line.REWARDS, customer, money)
    firm.enter(Line.INCENTIVES, customer, money)
    relation.margin = single(relation.margin - money)
