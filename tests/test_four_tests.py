"""The four tests of a measure: value, cost, experience, staying power."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.accounts import N_LINES, Line
from sim.crm.four_tests import costs_of
from sim.firm_settings import ProgrammeSpec
from tests.markets import STILL, STILL_FIRM, market

ONE_TIER = {"scheme": "n_tier", "names": ["all"], "shares": [1.0]}


def test_what_each_lever_cost_by_hand() -> None:
    lines = np.zeros((1, N_LINES))
    lines[0, [Line.SERVICE, Line.DISCOUNTS, Line.PURCHASES]] = 50.0, 20.0, 10.0
    lines[0, [Line.POINTS_REDEEMED, Line.INCENTIVES]] = 600.0, 3 * 4.0 + 10 * 2.0
    programme = ProgrammeSpec(redeem_at=200, reward_cost=4.0)  # three rewards of 4, ten gifts of 2
    assert [float(cost[0]) for cost in costs_of(lines, np.array([2.0]), programme)] == [50.0, 20.0, 20.0, 12.0]
    assert [float(cost[0]) for cost in costs_of(lines, np.array([2.0]), None)] == [50.0, 20.0, 20.0, 0.0]


def test_what_service_is_worth_by_hand() -> None:
    """Everybody alike but in basket and rate: the share of the price that pays for the service is the same for all."""
    firm = {**STILL_FIRM, "pyramid": ONE_TIER, "service": 0.5, "discount": 0.1, "gift": 1.0, "gift_worth": 1.5}
    m = market([firm], {**STILL, "customers.mix": {"convenience": 1.0}})
    table = m.run().four_tests.set_index("lever")
    person = m.town.people[m.town.relations["is_active"][:, 0] == 1]
    share = 1.0 - math.exp(-float(person["service_weight"][0]) * 0.5 / float(person["price_weight"][0]))
    worth = share * 0.9 * (person["basket"].astype(np.float64) * np.minimum(1.0, person["rate"])).mean()
    assert table.loc["service", "worth_per_cost"] == pytest.approx(worth / 0.25, rel=1e-6)  # a level of 1/2 costs 1/4
    assert table.loc[["discount", "gift"], "worth_per_cost"].tolist() == [1.0, 1.5]
    assert table["experienced"].tolist() == [1.0, 1.0, 1.0]
    books = np.array(m.history.books[-m.horizon :])[:, 0].sum(axis=(0, 1, 2))
    gross = books[Line.REVENUE] + books[Line.DISCOUNTS] - books[Line.GOODS]
    assert table.loc["gift", "cost_share"] == pytest.approx(books[Line.PURCHASES] / gross)


def test_a_promise_cut_short_is_neither_experienced_whole_nor_sustained() -> None:
    firm = {**STILL_FIRM, "pyramid": ONE_TIER, "capacity": 0.1, "service": 0.8, "discount": 0.05}
    table = market([firm], {}).run().four_tests.set_index("lever")
    assert 0.0 < table.loc["service", "experienced"] < 0.5
    assert table.loc["service", "sustained"] == 0.0
    assert table.loc["discount", ["experienced", "sustained"]].tolist() == [1.0, 1.0]  # which was kept
