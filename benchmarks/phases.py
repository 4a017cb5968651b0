"""Where the time of a period goes: each call of ``Market.step`` timed, and an idle market beside a busy one."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from benchmarks.engines import SEED, scenario_of
from sim import Market, happenings
from sim.firms import Firm
from sim.journey import life, talk

#: What is timed, in the order of ``Market.step``: name, where it is called from, and what it does.
PHASES: tuple[tuple[str, Any, str], ...] = (
    ("_open_period", Market, "clean books"),
    ("happen", happenings, "events"),
    ("_review_pyramids", Market, "firms rank their customers and cut the tiers"),
    ("decide", Firm, "firms decide"),
    ("post_policy", Firm, "firms post"),
    (
        "live_through",
        life,
        "everyone lives through the period: need, search, choice, purchase, use, after-sales, talk",
    ),
    ("listen", talk, "everyone listens"),
    ("settle_credit", talk, "credit for word of mouth"),
    ("_close_period", Market, "books close"),
)
REST = "the rest: calls between them"
NO_NEEDS = 1e-12  # needs per person and period


@contextmanager
def clocks() -> Iterator[dict[str, float]]:
    """Time every call of a phase while the context lasts; seconds add up by name.

    Kernels must be compiled before: one that calls another cannot be compiled while that is wrapped.
    """
    spent = {name: 0.0 for name, _, _ in PHASES}
    originals = [(owner, name, getattr(owner, name)) for name, owner, _ in PHASES]

    def clocked(name: str, call: Any) -> Any:
        def timed(*arguments: Any) -> Any:
            start = time.perf_counter()
            try:
                return call(*arguments)
            finally:
                spent[name] += time.perf_counter() - start

        return timed

    try:
        for owner, name, call in originals:
            setattr(owner, name, clocked(name, call))
        yield spent
    finally:
        for owner, name, call in originals:
            setattr(owner, name, call)


def breakdown(n_customers: int, warm: int, measured: int) -> dict[str, Any]:
    """Time the phases of a market, and the life of one in which nobody has a need.

    Returns
    -------
    dict
        ``customers``; ``seconds``, by phase and for the ``total``, a period; ``idle_seconds``, of a period's life
        without needs; ``needs``, per customer and period.
    """
    market = Market(scenario_of(n_customers), seed=SEED, collect=False)
    needs = needs_per_period(market)
    busy = _spent(market, warm, measured)
    del market
    idle = scenario_of(n_customers).with_overrides({"customers.demand.mean_rate": NO_NEEDS})
    without = _spent(Market(idle, seed=SEED, collect=False), 1, measured)
    return {"customers": n_customers, "seconds": busy, "idle_seconds": without["live_through"], "needs": needs}


def needs_per_period(market: Market) -> float:
    """Return how many needs arise for a customer in a period, on average."""
    column = market.customers.column
    slowed = np.where(column("is_constrained") != 0, market.scenario.customers.constrained_rate, 1.0)
    return float(np.mean(-np.expm1(-column("rate") * slowed)))


def _spent(market: Market, warm: int, measured: int) -> dict[str, float]:
    for _ in range(warm):
        market.step()
    with clocks() as spent:
        start = time.perf_counter()
        for _ in range(measured):
            market.step()
        total = time.perf_counter() - start
    by_phase = {name: seconds / measured for name, seconds in spent.items()}
    rest = total / measured - math.fsum(by_phase.values())
    return {**by_phase, "rest": rest, "total": total / measured}
