"""What the scenario makes happen at the start of a period."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim import draws
from sim.accounts import Cause, Line
from sim.draws import Stream
from sim.loyalty_types import LoyaltyType
from tests.reference.firm import Temporary

if TYPE_CHECKING:
    from sim.settings import AnyEvent
    from tests.reference.firm import Firm
    from tests.reference.market import ReferenceMarket


def happen(market: ReferenceMarket) -> None:
    """End what has run its time, then let this period's events happen, in the order of the scenario."""
    for firm in market.firm_list:
        for change in ("price_change", "crisis", "burst"):
            running = getattr(firm, change)
            if running is not None and running.until <= market.period:
                setattr(firm, change, None)
    for event in market.scenario.events:
        if event.at == market.period:
            _happen(market, event)


def _happen(market: ReferenceMarket, event: AnyEvent) -> None:
    name = getattr(event, "firm", None)
    firm = next((firm for firm in market.firm_list if firm.spec.name == name), None)
    periods = getattr(event, "periods", None)
    until = math.inf if periods is None else event.at + periods
    match event.kind:
        case "entry":
            firm.is_open = True
        case "exit":
            _close(firm)
        case "access_opened":
            _open_access(market, market.firm_list if firm is None else [firm])
        case "price_change":
            firm.price_change = Temporary(event.factor, until)
        case "quality_crisis":
            firm.crisis = Temporary(event.failure_rate, until)
        case "programme_start":
            firm.runs_programme = True
        case "programme_end":
            _end_programme(firm)
        case "constraint_lifted":
            _lift_constraints(market, event.share)
        case "advertising_burst":
            firm.burst = Temporary(event.spend, until)


def _close(firm: Firm) -> None:
    """A firm leaves the market, and loses all its customers."""
    firm.is_open = False
    for customer, _ in firm.members():
        customer.end_membership(firm, Cause.CLOSED)


def _open_access(market: ReferenceMarket, opened: list[Firm]) -> None:
    """Let all monopoly people buy from firms: they know these at once, and look around."""
    for firm in opened:
        firm.has_opened_access = True
        for customer in market.customer_list:
            if customer.type == LoyaltyType.MONOPOLY:
                customer.reach.add(firm.number)
                customer.relations[firm.number].is_aware = True
                customer.is_alert = True


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
