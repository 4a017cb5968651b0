"""Staff: morale, training and turnover by hand, and the service that comes of them in a market."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.accounts import FirmCost
from sim.staff import Staff, StaffSpec
from tests.markets import market


def test_a_period_by_hand() -> None:
    """A tenth leave; ln 2 trains half; wanted 0.5 + 0.4/2 - (1.1 - 0.8) - 2/20 = 0.3, and half of the way is 0.4."""
    staff = Staff(StaffSpec(training=math.log(2.0), training_cost=1.0, turnover=0.1, morale_speed=0.5))
    cost = staff.end_period(load=1.1, complaints=0.05)
    assert cost == pytest.approx(math.log(2.0) + 0.1 * 2.0)
    assert staff.trained == pytest.approx(0.5)
    assert staff.morale == pytest.approx(0.4)
    assert staff.delivery == pytest.approx(0.9)
    staff.end_period(load=0.0, complaints=0.0)  # 12% leave: 0.44 stay trained, and half of the rest learns
    assert staff.trained == pytest.approx(0.72)


def test_staff_who_are_neither_tired_nor_trained_nor_blamed_deliver_what_is_promised() -> None:
    unmoved = {"turnover": 0.0, "complaint_effect": 0.0}
    plain = market([{"capacity": 0.2}, {}], periods=20)
    staffed = market([{"capacity": 0.2, "staff": unmoved | {"workload_effect": 0.0}}, {}], periods=20)
    tired = market([{"capacity": 0.2, "staff": unmoved}, {}], periods=20)
    for m in (plain, staffed, tired):
        m.run()
    assert plain.digest() == staffed.digest()
    assert plain.digest() != tired.digest()


def test_training_raises_the_service_delivered_and_is_paid_for() -> None:
    trained = market([{"staff": {"training": 1.0, "turnover": 0.0}}, {}])
    untrained = market([{"staff": {"turnover": 0.0}}, {}])
    trained.run()
    untrained.run()
    assert trained.firms["Firm0"].delivery > 1.2
    assert untrained.firms["Firm0"].delivery < 1.0  # customers complain
    costs = [np.sum(m.history.firm_costs, axis=0)[0, FirmCost.STAFF] for m in (trained, untrained)]
    assert costs == pytest.approx([1.0 * 500 * 60, 0.0])


def test_service_is_never_delivered_beyond_the_full() -> None:
    m = market([{"service": 0.9, "staff": {"training": 5.0, "delivery_span": 1.0}}, {}])
    m.run()
    assert m.firms["Firm0"].delivery > 1.2
    assert (m.offers[0]["delivered"] == 1.0).all()


def test_overwork_drives_out_the_trained() -> None:
    spec = StaffSpec(training=0.05, turnover=0.05)
    rested, overworked = Staff(spec), Staff(spec)
    for _ in range(200):
        rested.end_period(load=0.8, complaints=0.0)
        overworked.end_period(load=1.4, complaints=0.0)
    assert rested.morale > 0.5 > overworked.morale
    assert rested.trained > overworked.trained
