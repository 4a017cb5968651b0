"""What happens to the market from outside: the events of a scenario, each at the start of its period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sim import customers as people
from sim import review
from sim.settings import (
    AccessOpened,
    AdvertisingBurst,
    ConstraintLifted,
    Entry,
    Exit,
    PriceChange,
    ProgrammeEnd,
    ProgrammeStart,
    QualityCrisis,
)

if TYPE_CHECKING:
    from sim.market import Market
    from sim.scenario import Scenario


def founders(scenario: Scenario) -> npt.NDArray[np.bool_]:
    """Return which firms are in the market from the start: those without an entry to come, shape (n_firms,)."""
    later = {event.firm for event in scenario.events if isinstance(event, Entry) and event.at > 0}
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
    now = market.period
    for event in market.scenario.events:
        firm = market.firms.get(getattr(event, "firm", None) or "")
        ends = getattr(event, "periods", None)
        if firm and ends is not None and now == event.at + ends:
            if isinstance(event, PriceChange):
                firm.price_factor = 1.0
            elif isinstance(event, QualityCrisis):
                firm.failure_rate = firm.spec.failure_rate
            elif isinstance(event, AdvertisingBurst):
                firm.extra_advertising = 0.0
        if now != event.at:
            continue
        match event:
            case Entry():
                market.firms[event.firm].is_open = True
            case Exit():
                leaver = market.firms[event.firm]
                leaver.is_open = False
                review.close_firm(market.town, leaver.index, leaver.pyramid.entry_tier, market.books, market.since)
            case AccessOpened():
                opened = [firm.index] if firm else range(market.n_firms)
                for index in opened:
                    market.open_access |= np.uint32(1 << index)
                people.open_access(market.town, market.open_access)
            case PriceChange():
                market.firms[event.firm].price_factor = event.factor
            case QualityCrisis():
                market.firms[event.firm].failure_rate = event.failure_rate
            case ProgrammeStart():
                market.firms[event.firm].has_programme_running = True
            case ProgrammeEnd():
                ender = market.firms[event.firm]
                ender.has_programme_running = False
                review.expire_points(market.town, ender.index, market.books)
            case ConstraintLifted():
                people.lift_constraints(market.town, event.share, market.seed_used, now)
            case AdvertisingBurst():
                market.firms[event.firm].extra_advertising = event.spend
