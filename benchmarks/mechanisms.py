"""What each mechanism costs: a market in which every firm has it, beside the same market without, step by step."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.engines import SEED, scenario_of
from sim import Market

Settings = dict[str, Any]

POINTS: Settings = {"redeem_at": 200, "reward_worth": 8.0, "reward_cost": 5.0}
EVENING: Settings = {"name": "evening", "at": 4, "every": 13}
STAGES: list[Settings] = [{"name": "young", "share": 0.5, "lasts": 130.0}, {"name": "old", "share": 0.5}]
LAUNCH: Settings = {"kind": "launch", "firm": "Aurora", "name": "second", "at": 4, "appeal": -3.0}

#: Settings that every firm gets, by what they stand for.
OF_FIRMS: dict[str, Settings] = {
    "points": {"programme": POINTS},
    "points shared by all firms": {"programme": {**POINTS, "coalition": "all"}},
    "points that expire": {"programme": {**POINTS, "expiry": 26}},
    "status": {"programme": {"kind": "status"}},
    "prizes": {"programme": {"kind": "prizes"}},
    "events held for customers": {"occasions": [EVENING]},
    "personal contact": {"contact": {"attention": 0.5}},
    "rewards for referrals": {"referral": {}},
    "offers to come back": {"win_back": {}},
    "staff, morale and training": {"staff": {"training": 0.2}},
    "payment later": {"credit": {}},
    "suggestions and complaints improve the product": {"voice": {}},
    "promotion mix": {"promotion": {"advertising": 0.5, "brand": 0.2, "promotion": 0.1, "direct_mail": 0.2}},
    "a price set anew at reviews": {"pricing": {"method": "customer_utility"}},
    "savings on long customers": {"familiarity_saving": 0.2},
    "two channels side by side": {"channel": {"store": 0.5, "web": 0.5}},
    "ranking by lifetime value": {"pyramid": {"scheme": "four_tier", "rank_by": "lifetime_value"}},
    "levels of loyalty instead of shares": {"pyramid": {"scheme": "funnel"}},
    "firms that learn": {"strategy": {"name": "hill_climb"}},
}

NOTHING = "nothing: the same market twice"

#: Settings of the market as a whole.
OF_THE_MARKET: dict[str, Settings] = {
    NOTHING: {},
    "a new product, and cross-buying": {"events": [LAUNCH]},
    "businesses as customers": {"customers.business": {}},
    "stages of life": {"customers.life_stages": STAGES},
}

EVERYTHING = "all that go together"
#: What rules out something else here, or stands in its place.
APART = ("points", "points shared by all firms", "status", "prizes", "levels of loyalty instead of shares")


def names() -> list[str]:
    """Return what can be measured, :data:`EVERYTHING` last."""
    return [*OF_THE_MARKET, *OF_FIRMS, EVERYTHING]


def settings_of(name: str) -> Settings:
    """Return the settings, by dotted path, that give a mechanism to the market and each of its firms."""
    if name == EVERYTHING:
        return {path: value for each in names()[:-1] if each not in APART for path, value in settings_of(each).items()}
    if name in OF_THE_MARKET:
        return OF_THE_MARKET[name]
    firms = [firm.name for firm in scenario_of(100).firms]
    return {f"firms.{firm}.{key}": value for firm in firms for key, value in OF_FIRMS[name].items()}


def cost(name: str, n_customers: int, warm: int, measured: int) -> dict[str, Any]:
    """Time a market with a mechanism and one without, a period of each in turn, now the one first and now the other.

    Returns
    -------
    dict
        ``name``; ``customers``; ``with`` and ``without``: seconds of each measured period; ``times``: what a period
        with it takes, relative to one without, over all of them.
    """
    scenario = scenario_of(n_customers)
    markets = {
        "without": Market(scenario, seed=SEED, collect=False),
        "with": Market(scenario.with_overrides(settings_of(name)), seed=SEED, collect=False),
    }
    taken: dict[str, list[float]] = {which: [] for which in markets}
    for period in range(warm + measured):
        for which in sorted(markets, reverse=period % 2 == 0):
            start = time.perf_counter()
            markets[which].step()
            if period >= warm:
                taken[which].append(time.perf_counter() - start)
    times = sum(taken["with"]) / sum(taken["without"])
    return {"name": name, "customers": n_customers, "times": times, **taken}
