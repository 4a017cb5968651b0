"""What happens to the market from outside: the events of a scenario, each at the start of its period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sim import customers as people
from sim import review
from sim.event_settings import (
    AccessOpened,
    AdvertisingBurst,
    AnyEvent,
    ConstraintLifted,
    Entry,
    Exit,
    PriceChange,
    ProgrammeEnd,
    ProgrammeStart,
    QualityCrisis,
    Seeding,
)
from sim.seeding import seed_people

if TYPE_CHECKING:
    from sim.market import Market
    from sim.scenario import Scenario


Lasts = PriceChange | QualityCrisis | AdvertisingBurst


def founders(scenario: Scenario) -> npt.NDArray[np.bool_]:
    """Return which firms are in the market from the start: all but those that enter before they leave, if they do."""
    later = set()
    for firm in scenario.firms:
        own = [event for event in scenario.events if isinstance(event, Entry | Exit) and event.firm == firm.name]
        first = min(own, key=lambda event: event.at, default=None)
        if isinstance(first, Entry) and first.at > 0:
            later.add(firm.name)
    return np.array([firm.name not in later for firm in scenario.firms])


def set_the_scene(market: Market) -> None:
    """Close the firms that enter later, and hold back programmes whose first event is their start."""
    for firm, is_founder in zip(market.firms.values(), founders(market.scenario), strict=True):
        firm.is_open = bool(is_founder)
        programme_events = [
            event
            for event in market.scenario.events
            if isinstance(event, ProgrammeStart | ProgrammeEnd) and event.firm == firm.name
        ]
        if programme_events:
            firm.has_programme_running = not isinstance(
                min(programme_events, key=lambda event: event.at), ProgrammeStart
            )


def happen(market: Market) -> None:
    """Let this period's events happen, and end those whose time is over."""
    if not market.scenario.events:
        return
    for event in market.scenario.events:
        if event.at == market.period:
            _begin(market, event)
    for firm in market.firms.values():
        firm.price_factor = _in_force(market, firm.name, PriceChange, "factor", 1.0)
        firm.failure_rate = _in_force(market, firm.name, QualityCrisis, "failure_rate", firm.spec.whole.failure_rate)
        firm.extra_advertising = _in_force(market, firm.name, AdvertisingBurst, "spend", 0.0)


def _in_force(market: Market, firm: str, kind: type[Lasts], key: str, otherwise: float) -> float:
    """Return what the latest event of a kind that still lasts has set for a firm."""
    lasting = [
        event
        for event in market.scenario.events
        if isinstance(event, kind)
        and event.firm == firm
        and event.at <= market.period
        and (event.periods is None or market.period < event.at + event.periods)
    ]
    return float(getattr(sorted(lasting, key=lambda event: event.at)[-1], key)) if lasting else otherwise


def _begin(market: Market, event: AnyEvent) -> None:
    """Let an event happen that changes the market once."""
    match event:
        case Entry():
            market.firms[event.firm].is_open = True
        case Exit():
            leaver = market.firms[event.firm]
            leaver.is_open = False
            review.close_firm(market.town, leaver.index, leaver.pyramid.entry_tier, market.books, market.since)
        case AccessOpened():
            opened = [market.firms[event.firm].index] if event.firm else range(market.n_firms)
            mask = np.uint32(sum(1 << index for index in opened))
            market.open_access |= mask
            people.open_access(market.town, mask, market.origins, market.seed_used)
        case ProgrammeStart():
            market.firms[event.firm].has_programme_running = True
        case ProgrammeEnd():
            ender = market.firms[event.firm]
            ender.has_programme_running = False
            review.expire_points(market.town, ender.index, market.books)
        case ConstraintLifted():
            people.lift_constraints(market.town, event.share, market.seed_used, market.period)
        case Seeding():
            seed_people(market, event)
