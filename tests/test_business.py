"""Business customers: what suppliers offer besides, by hand, and what it does to the market."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from sim.accounts import Cause, FirmCost, Line
from sim.crm.attributes import ATTRIBUTES, study
from sim.errors import InputError
from tests.markets import STILL, STILL_FIRM, Market, market, scenario

BUYERS = {"delivery": 0.5, "know_how": 0.8, "time_to_market": 0.7, "personal_contact": 1.0, "risk": 1.0}
NO_COSTS = {"delivery_cost": 0.0, "know_how_cost": 0.0, "time_to_market_cost": 0.0}
SUPPLIER = {"delivery": 0.8, "know_how": 0.5, "time_to_market": 0.2, "buying_effort": 0.1, "risk": 0.3}
#: Everybody buys in the first period, for 30.
ALL_BUY: dict[str, Any] = {
    **STILL,
    "customers.behaviour.outside_utility": -50.0,
    "customers.behaviour.alert_search": 1.0,
    "customers.demand.mean_rate": 50.0,
    "customers.demand.rate_shape": 500.0,
    "customers.demand.basket_shape": 1e8,
    "customers.demand.mean_basket": 30.0,
}


def market_of(
    buyers: dict[str, float], firms: Sequence[dict[str, Any]], changes: dict[str, Any] | None = None
) -> Market:
    """Return a market whose customers are businesses."""
    return market(firms, changes, customers={"count": 500, "business": buyers})


@pytest.fixture(scope="module")
def supplied() -> Market:
    """A market of one supplier, after its first period."""
    firm = {
        **STILL_FIRM,
        "failure_rate": 0.03,
        "service": 0.4,
        "business": {**SUPPLIER, "delivery_cost": 2.0, "know_how_cost": 0.4, "time_to_market_cost": 0.5},
        "contact": {"attention": 0.5},
        "tiers": {"platinum": {"delivery": 1.0, "contact": 1.0}},
        "complaint_ease": 0.0,
        "fixed_cost": 0.2,
    }
    m = market_of({**BUYERS, "late_rate": 0.1}, [firm], {**ALL_BUY, "survey.error": 0.0})
    m.step()
    return m


def test_what_is_offered_by_hand(supplied: Market) -> None:
    """Platinum: 0.5 + 0.4 + 0.14 + 1.0 levels of service; others 0.4 + 0.4 + 0.14 + 0.5, and 2% come late."""
    offers, (store,) = supplied.offers[0], {supplied.scenario.channels["store"]}
    assert offers["support"] == pytest.approx([2.04, 1.44, 1.44, 1.44])
    assert offers["failure_rate"] == pytest.approx([0.03, 0.0494, 0.0494, 0.0494])
    assert offers["channel_cost"] == pytest.approx(store.cost + np.array([2.0, 1.28, 1.28, 1.28]))
    assert offers["effort"] == pytest.approx([store.effort + 0.1] * 4)
    assert offers["risk"] == pytest.approx([0.3] * 4)


def test_what_it_costs_by_hand(supplied: Market) -> None:
    """By person: 0.2 fixed, 0.4 x 0.25 of know-how, 0.5 x 0.04 of time to market; by purchase: 1.28 of delivery."""
    assert supplied.history.firm_costs[0][0, FirmCost.FIXED] == pytest.approx((0.2 + 0.1 + 0.02) * 500)
    books = supplied.history.books[0][0].sum(axis=(0, 1))
    n, store = books[Line.PURCHASES], supplied.scenario.channels["store"]
    assert n > 450
    assert books[Line.CHANNEL] == pytest.approx((store.cost + 1.28) * n)
    has_bought = supplied.town.relations["bought_at"][:, 0] == 0
    record = supplied.town.relations["margin"][has_bought, 0].astype(np.float64)
    assert record == pytest.approx(30.0 * (1.0 - 0.6) - store.cost - 1.28, abs=0.01)  # baskets are not quite alike


def test_what_is_expected_and_lived_by_hand(supplied: Market) -> None:
    """0.6 + half of (0.4 + 1.44) is promised, and had by all whom nothing failed: nobody is surprised."""
    relations = supplied.town.relations[:, 0]
    is_served = (relations["bought_at"] == 0) & (relations["strikes"] == 0)
    assert is_served.sum() > 400
    assert relations["expectation"][is_served] == pytest.approx(0.6 + 0.5 * 1.84, rel=1e-6)
    assert not relations["satisfaction"][is_served].any()
    assert not relations["attachment"][is_served].any()  # there is no better or worse elsewhere


def test_what_a_study_of_the_market_finds_by_hand(supplied: Market) -> None:
    """Full service and all that goes with it is 4 levels: (0.4 + 1.44) / 4 = 0.46, and it counts for 4 of them."""
    found, who = study(supplied).made, supplied.town.people
    service = ATTRIBUTES.index("service")
    assert found.performance[:, 0, service] == pytest.approx(0.46)
    against_price = found.importance[:, service] / found.importance[:, ATTRIBUTES.index("price")]
    of_types = np.unique((4.0 * who["service_weight"] / who["price_weight"]).round(4))
    assert len(of_types) == 5
    np.testing.assert_allclose(np.unique(against_price.round(4)), of_types, atol=1e-4)


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("supplier", "firm", "utility"),
    [
        ({"delivery": 1.0}, {}, 1.0),
        ({"know_how": 0.625}, {}, 1.0),
        ({"time_to_market": 1.0}, {}, 1.4),
        ({}, {"contact": {"attention": 0.5}}, 1.0),
        ({"buying_effort": 0.5}, {}, -1.5),
        ({"risk": 1.0}, {}, -1.0),
    ],
)
def test_what_counts_in_the_choice(supplier: dict[str, float], firm: dict[str, Any], utility: float) -> None:
    """At a weight of service of 2 and of effort of 3, against a like firm without: logit. Fails by chance 1e-6 each."""
    m = market_of(
        {**BUYERS, "late_rate": 0.0},
        [{**STILL_FIRM, **firm, "business": {**supplier, **NO_COSTS}}, STILL_FIRM],
        {
            **ALL_BUY,
            "customers.count": 4000,
            "customers.mix": {"premium": 1.0},
            "customers.types": {"premium": {"service_weight": 2.0, "effort_weight": 3.0, "search": 1.0}},
        },
    )
    m.step()
    first, other = (int(m.history.books[0][f, ..., Line.PURCHASES].sum()) for f in (0, 1))
    n, p = first + other, 1.0 / (1.0 + math.exp(-utility))
    assert n > 3900
    assert binom.ppf(0.5e-6, n, p) <= first <= binom.isf(0.5e-6, n, p)


@pytest.mark.statistical
def test_deliveries_that_come_late_are_failures() -> None:
    """0.1 fail by themselves, and 0.5 x 0.6 of the others come late: 0.37; or none. Each fails by chance 1e-6."""
    failed = []
    for delivery in (0.4, 1.0):
        firm = {**STILL_FIRM, "failure_rate": 0.1, "business": {"delivery": delivery}}
        m = market_of({"late_rate": 0.5}, [firm], {**ALL_BUY, "customers.count": 3000})
        m.step()
        failed.append(m.town.relations["strikes"][:, 0] > 0)
        n = int(m.history.books[0][0, ..., Line.PURCHASES].sum())
        p = 0.1 + 0.9 * 0.5 * (1.0 - delivery)
        assert n > 2800
        assert binom.ppf(0.5e-6, n, p) <= m.history.books[0][0, ..., Line.FAILURES].sum() <= binom.isf(0.5e-6, n, p)
    assert (failed[0] | ~failed[1]).all()  # the same luck: whom a punctual supplier fails, a late one does too


def test_a_supplier_that_delivers_keeps_more_and_sells_more() -> None:
    """Same price, same people, same luck: against a rival of middling delivery."""
    lost, share = [], []
    for delivery in (0.2, 0.9):
        firms = [{"business": {"delivery": delivery}}, {"business": {"delivery": 0.5}}]
        m = market_of({"late_rate": 0.3}, firms, {"customers.demand.mean_rate": 0.5})
        m.run()
        books = np.sum(m.history.books, axis=0).sum(axis=(1, 2))
        lost.append(books[0, Line.LOST + Cause.FAILURE])
        share.append(books[0, Line.REVENUE] / books[:, Line.REVENUE].sum())
    assert lost[1] < lost[0]
    assert share[1] > share[0] + 0.02


def test_what_nobody_weighs_and_costs_nothing_changes_nothing() -> None:
    """Not a bit: levels that are worth nothing, and a market in which no supplier has any."""
    of_households = market(2)
    worthless = {**dict.fromkeys(BUYERS, 0.0), "late_rate": 0.0}
    levels = {**SUPPLIER, **NO_COSTS, "buying_effort": 0.0}
    indifferent = market_of(worthless, [{"business": levels}, {}])
    nothing_there = market_of({**BUYERS, "late_rate": 0.0}, [{}, {}])
    for m in (of_households, indifferent, nothing_there):
        m.run()
    assert of_households.digest() == indifferent.digest() == nothing_there.digest()


@pytest.mark.parametrize(
    ("firm", "buyers", "told"),
    [
        ({"business": {}}, None, "firms.Firm0.business is given, but customers are no businesses"),
        ({"tiers": {"gold": {"delivery": 0.5}}}, {}, "tiers.gold.delivery = 0.5, but the firm has no table business"),
        ({"business": {"know_how": 1.5}}, {}, "know_how = 1.5: should be less than or equal to 1"),
        ({"business": {"delivery_cost": -1.0}}, {}, "delivery_cost"),
        ({}, {"late_rate": 2.0}, "late_rate"),
        ({}, {"knowhow": 1.0}, "know_how"),
    ],
)
def test_bad_input_is_refused(firm: dict[str, Any], buyers: dict[str, float] | None, told: str) -> None:
    with pytest.raises(InputError, match=told):
        scenario([firm], customers={"business": buyers})
