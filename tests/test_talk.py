"""What is said is heard, travels on as far as it may, and no further."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.accounts import Line
from sim.records import STEPS
from tests.markets import Market, market

COMPLAINERS: dict[str, Any] = {
    "customers.behaviour.grievance_rate": 1.0,
    "customers.behaviour.zone_of_tolerance": 0.0,
    "customers.demand.mean_rate": 0.5,
}


def heard(m: Market, line: Line) -> float:
    return float(sum(books[..., line].sum() for books in m.history.books))


def test_grievances_are_passed_on_as_often_as_the_rate_says():
    counts = []
    for rate in (0.0, 0.2, 1.0):
        m = market(2, {**COMPLAINERS, "customers.behaviour.relay_rate": rate}, periods=30)
        m.run()
        counts.append(heard(m, Line.GRIEVANCES_HEARD))
    assert counts[0] < counts[1] < counts[2]
    assert counts[2] > 2 * counts[0]


@pytest.mark.parametrize(("steps", "reached"), [(0, 1), (1, 2), (2, 3)])
def test_a_grievance_travels_so_many_ties_and_no_further(steps: int, reached: int):
    """On a ring, one dissatisfied customer: after enough periods, opinion has moved ``1 + steps`` ties away."""
    m = market(
        2,
        {
            "network.topology": "ring",
            "customers.demand.mean_rate": 1e-9,
            "customers.turnover": 0.0,
            "customers.behaviour.relay_rate": 1.0,
            "customers.behaviour.relay_steps": steps,
            "customers.count": 50,
        },
        periods=20,
    )
    m.said.next_firm[20], m.said.next_valence[20], m.said.next_steps[20] = 0, -STEPS, 0
    for _ in range(8):
        m.step()
    moved = np.flatnonzero(m.customers.column("opinion")[:, 0] < 0)
    assert moved.min() == 20 - reached
    assert moved.max() == 20 + reached


def test_the_fired_tell_their_friends():
    firm = {"strategy": {"name": "fire_lead", "service": {"lead": 1.0}}, "service_cost": 3.0}
    silent = {"customers.behaviour.grievance_rate": 0.0, "customers.behaviour.relay_rate": 0.0}
    m = market([firm, {}], silent, periods=20)
    m.run()
    fired = sum(books[0, :, :, Line.LOST].sum() for books in m.history.books)
    assert fired > 10
    degree = np.diff(m.network.first).mean()
    assert heard(m, Line.GRIEVANCES_HEARD) == pytest.approx(fired * degree, rel=0.3)


def test_who_hears_nothing_does_not_look():
    """The marks of news are cleared when read, so that only those with a speaking neighbour listen."""
    m = market(2)
    for _ in range(20):
        m.step()
        assert not m.said.has_news.any()
