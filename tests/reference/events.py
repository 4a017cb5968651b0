"""What the scenario makes happen at the start of a period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim import draws
from sim.accounts import Cause, Line
from sim.draws import Stream
from sim.loyalty_types import LoyaltyType

if TYPE_CHECKING:
    from sim.settings import AnyEvent
    from tests.reference.firm import Firm
    from tests.reference.market import ReferenceMarket


def happen(market: ReferenceMarket) -> None:
    """End what has run its time, then let this period's events happen, in the order of the scenario."""
    firms = {firm.spec.name: firm for firm in market.firm_list}
    for event in market.scenario.events:
        periods = getattr(event, "periods", None)
        if periods is not None and event.at + periods == market.period:
            _pass(event, firms[event.firm])
    for event in market.scenario.events:
        if event.at == market.period:
            _happen(market, event, firms.get(getattr(event, "firm", None)))


def _pass(event: AnyEvent, firm: Firm) -> None:
    """Put back what an event had changed for a time; a later event's change of the same thing ends with it."""
    match event.kind:
        case "price_change":
            firm.price_factor = 1.0
        case "quality_crisis":
            firm.failure_rate = firm.spec.failure_rate
        case "advertising_burst":
            firm.burst = 0.0


def _happen(market: ReferenceMarket, event: AnyEvent, firm: Firm | None) -> None:
    match event.kind:
        case "entry":
            firm.is_open = True
        case "exit":
            _close(firm)
        case "access_opened":
            _open_access(market, market.firm_list if firm is None else [firm])
        case "price_change":
            firm.price_factor = event.factor
        case "quality_crisis":
            firm.failure_rate = event.failure_rate
        case "programme_start":
            firm.runs_programme = True
        case "programme_end":
            _end_programme(firm)
        case "constraint_lifted":
            _lift_constraints(market, event.share)
        case "advertising_burst":
            firm.burst = event.spend


def _close(firm: Firm) -> None:
    """A firm leaves the market, and loses all its customers."""
    firm.is_open = False
    for customer, _ in firm.members():
        customer.end_membership(firm, Cause.CLOSED)


def _open_access(market: ReferenceMarket, firms: list[Firm]) -> None:
    """Let monopoly people buy from firms: they know all that have been opened to them, and look around."""
    for firm in firms:
        firm.has_opened_access = True
    opened = [firm for firm in market.firm_list if firm.has_opened_access]
    for customer in market.customer_list:
        if customer.type == LoyaltyType.MONOPOLY:
            customer.is_alert = True
            for firm in opened:
                customer.reach.add(firm.number)
                customer.relations[firm.number].is_aware = True


def _end_programme(firm: Firm) -> None:
    """A programme ends: open points expire."""
    firm.runs_programme = False
    for customer, relation in firm.members():
        firm.enter(Line.POINTS_EXPIRED, customer, relation.points)
        relation.points = 0.0


def _lift_constraints(market: ReferenceMarket, share: float) -> None:
    """Free a share of the constrained people."""
    for customer in market.customer_list:
        if customer.is_constrained:
            luck = draws.uniform(market.seed_used, int(Stream.LIFT), market.period, customer.id, 0)
            if luck < share:
                customer.be_freed()
