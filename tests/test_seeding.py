"""Seeding: who gets a sample, what it costs, and what it does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.accounts import Line
from tests.markets import STILL, STILL_FIRM, Market, market

SCALE_FREE = {"topology": "scale_free", "mean_degree": 6}
UNKNOWN = {**STILL_FIRM, "awareness": 0.0, "quality": 0.9}


def seeded(**event: Any) -> Market:
    """Return a market after its first period, in which a firm that nobody knows gives samples to a tenth of 500."""
    events = [{"kind": "seeding", "firm": "Firm0", "at": 0, "share": 0.1, **event}]
    m = market([UNKNOWN, STILL_FIRM], {**STILL, "customers.mix": {"price": 1.0}}, network=SCALE_FREE, events=events)
    m.step()
    return m


def test_samples_go_to_those_with_most_ties_or_fewest_and_cost_what_they_cost() -> None:
    for to, sign in (("hubs", 1), ("fringe", -1)):
        m = seeded(to=to, cost=3.0, talk=0.0)
        knows = m.customers.column("is_aware")[:, 0] == 1
        degree = sign * np.diff(m.network.first)
        assert knows.sum() == 50
        assert degree[knows].min() >= np.sort(degree)[-50]
        assert m.history.books[0][0, ..., Line.ACQUISITION].sum() == 150.0


def test_anyone_is_drawn_by_lot() -> None:
    """The mean degree of 50 people drawn from 500 lies within 4 standard errors: false alarm below 1 in 10,000."""
    m = seeded(to="anyone", talk=0.0)
    degree = np.diff(m.network.first)
    knows = m.customers.column("is_aware")[:, 0] == 1
    assert knows.sum() == 50
    assert abs(degree[knows].mean() - degree.mean()) < 4.0 * degree.std() / np.sqrt(50)


def test_samples_are_talked_of_and_friends_come_to_know() -> None:
    """Everyone who has one speaks, fully good: their neighbours know the firm, and think well of it."""
    m = seeded(to="hubs", talk=1e6)
    knows = m.customers.column("is_aware")[:, 0] == 1
    assert knows.sum() > 150
    opinion = m.customers.column("opinion")[:, 0]
    assert opinion[knows].max() > 0.0
    assert (opinion[~knows] == 0.0).all()


def test_who_cannot_reach_the_firm_gets_to_know_nothing() -> None:
    far = {**UNKNOWN, "reach": 0.0}
    events = [{"kind": "seeding", "firm": "Firm0", "at": 0, "share": 1.0}]
    m = market([far, STILL_FIRM], {**STILL, "customers.mix": {"price": 1.0}}, events=events)
    m.step()
    assert not m.customers.column("is_aware")[:, 0].any()
    assert m.history.books[0][0, ..., Line.ACQUISITION].sum() == pytest.approx(500 * 5.0)
