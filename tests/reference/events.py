"""What the scenario makes happen at the start of a period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim import draws
from sim.accounts import Cause, Line
from sim.draws import Stream
from sim.loyalty_types import LoyaltyType
from tests.reference.arithmetic import step
from tests.reference.person import Word

if TYPE_CHECKING:
    from sim.event_settings import AnyEvent, Seeding
    from tests.reference.firm import Firm
    from tests.reference.market import ReferenceMarket
    from tests.reference.person import Customer


def happen(market: ReferenceMarket) -> None:
    """Let this period's events happen, in the order of the scenario; of those that last, the latest is in force."""
    firms = {firm.spec.name: firm for firm in market.firm_list}
    for event in market.scenario.events:
        if event.at == market.period:
            _happen(market, event, firms.get(getattr(event, "firm", None)))
    for firm in market.firm_list:
        firm.price_factor, firm.failure_rate, firm.burst = 1.0, firm.own_failure_rate, 0.0
    for event in sorted(market.scenario.events, key=lambda event: event.at):
        lasts = getattr(event, "periods", None)
        if event.at <= market.period and (lasts is None or market.period < event.at + lasts):
            _keep_in_force(event, firms.get(getattr(event, "firm", None)))


def _keep_in_force(event: AnyEvent, firm: Firm | None) -> None:
    """Set what an event changes for as long as it lasts."""
    match event.kind:
        case "price_change":
            firm.price_factor = event.factor
        case "quality_crisis":
            firm.failure_rate = event.failure_rate
        case "advertising_burst":
            firm.burst = event.spend


def _happen(market: ReferenceMarket, event: AnyEvent, firm: Firm | None) -> None:
    match event.kind:
        case "entry":
            firm.is_open = True
        case "exit":
            _close(firm)
        case "access_opened":
            _open_access(market, market.firm_list if firm is None else [firm])
        case "programme_start":
            firm.runs_programme = True
        case "programme_end":
            _end_programme(firm)
        case "constraint_lifted":
            _lift_constraints(market, event.share)
        case "seeding":
            _seed(market, firm, event)


def _close(firm: Firm) -> None:
    """A firm leaves the market, and loses all its customers."""
    firm.is_open = False
    for customer, _ in firm.members():
        customer.end_membership(firm, Cause.CLOSED)


def _open_access(market: ReferenceMarket, firms: list[Firm]) -> None:
    """Let monopoly people buy from firms that reach them at all: they know those, and look around."""
    for firm in firms:
        firm.has_opened_access = True
    for customer in market.customer_list:
        if customer.type == LoyaltyType.MONOPOLY:
            customer.is_alert = True
            for firm in firms:
                luck = draws.uniform(market.seed_used, int(Stream.REACH), customer.id >> 32, customer.id, firm.slot)
                if luck < firm.reach:
                    customer.reach.add(firm.number)
                    customer.relations[firm.number].is_aware = True


def _end_programme(firm: Firm) -> None:
    """A programme ends: open points expire."""
    firm.runs_programme = False
    for customer, relation in firm.members():
        firm.enter(Line.POINTS_EXPIRED, customer, relation.points)
        relation.points = 0.0


def _seed(market: ReferenceMarket, firm: Firm, event: Seeding) -> None:
    """Give samples to some: they know the firm, look around, and may speak well of it."""

    def luck(customer: Customer, stream: Stream) -> float:
        return draws.uniform(market.seed_used, int(stream), market.period, customer.id, firm.slot)

    ties = {"hubs": -1, "fringe": 1, "anyone": 0}[event.to]
    in_turn = sorted(
        market.customer_list, key=lambda each: (ties * len(each.neighbours), luck(each, Stream.SEEDED), each.row)
    )
    word = firm.quality_value
    for customer in in_turn[: round(event.share * market.n_customers)]:
        firm.enter(Line.ACQUISITION, customer, event.cost)
        if firm.number in customer.reach:
            customer.relations[firm.number].is_aware = True
            customer.is_alert = True
        readiness = customer.talkativeness * (market.behaviour.praise_rate * event.talk)
        if word > 0.0 and luck(customer, Stream.SEED_SPEAKS) < readiness:
            customer.put_down = Word(firm, step(word), 0)


def _lift_constraints(market: ReferenceMarket, share: float) -> None:
    """Free a share of the constrained people."""
    for customer in market.customer_list:
        if customer.is_constrained:
            luck = draws.uniform(market.seed_used, int(Stream.LIFT), market.period, customer.id, 0)
            if luck < share:
                customer.be_freed()
