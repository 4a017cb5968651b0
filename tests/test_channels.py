"""Price methods, charges for service, and tiers handed over to a third party: by hand, and in the market."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sim.accounts import Line
from sim.errors import InputError
from sim.pricing import Posted, Pricing, PricingSpec
from tests.markets import STILL, STILL_FIRM, Market, market, scenario
from tests.reference.compare import compare

OWN = Posted(1.0, quality=0.6, service=0.4, image=0.5)
LEAD = {"scheme": "four_tier", "review_every": 4}


def test_cost_plus_by_hand() -> None:
    """A cost of 0.6 and half of it is 0.9; a cost of 2.0 would be 3.0, and is kept to the highest."""
    pricing = Pricing(PricingSpec(method="cost_plus", markup=0.5))
    assert pricing.decide(OWN, 0.6, [], 0.0) == pytest.approx(0.9)
    assert pricing.decide(OWN, 2.0, [], 0.0) == 2.0
    assert pricing.decide(OWN, 0.0, [], 0.0) == 0.5


def test_customer_utility_by_hand() -> None:
    """Service that is better by 0.4 at weight 1 is worth 0.4, a fifth of it in ln p at a weight of 2."""
    spec = PricingSpec(
        method="customer_utility", price_weight=2.0, quality_weight=1.0, service_weight=1.0, image_weight=0.0
    )
    rivals = [Posted(0.8, 0.6, 0.2, 0.5), Posted(1.25, 0.6, 0.2, 0.9)]
    better = OWN._replace(service=0.6)
    assert Pricing(spec).decide(better, 0.6, rivals, 0.0) == pytest.approx(math.exp(0.2))
    assert Pricing(spec).decide(OWN._replace(service=0.2), 0.6, rivals, 0.0) == pytest.approx(1.0)
    assert Pricing(spec).decide(OWN._replace(price=1.1), 0.6, [], 0.0) == 1.1


def test_profit_led_by_hand() -> None:
    """The price asked, a step up, on as profit rises, back as it falls, and up again as it falls once more."""
    pricing = Pricing(PricingSpec(method="profit_led", step=0.25))
    prices = [pricing.decide(OWN, 0.6, [], profit) for profit in (0.0, 10.0, 12.0, 11.0, 9.0)]
    assert prices == pytest.approx([1.0, 1.25, 1.5625, 1.25, 1.5625])


def test_a_price_by_method_is_the_price_it_comes_to() -> None:
    plain = market([{"price": 0.75, "unit_cost": 0.5}, {}], periods=20)
    priced = market([{"pricing": {"method": "cost_plus", "markup": 0.5}, "unit_cost": 0.5}, {}], periods=20)
    for m in (plain, priced):
        m.run()
    assert plain.digest() == priced.digest()


def test_a_better_offer_is_priced_above_and_looks_at_rivals_prices() -> None:
    pricing = {"method": "customer_utility"}
    m = market([{"pricing": pricing, "quality": 0.8}, {"price": 1.1}], periods=20)
    m.run()
    assert m.firms["Firm0"].policy.price == pytest.approx(1.1 * math.exp(1.4 * 0.2 / 3.0))


def test_a_search_by_profit_finds_the_way_up_from_a_price_that_is_too_low() -> None:
    m = market([{"pricing": {"method": "profit_led", "step": 0.05}, "price": 0.62}, {}], periods=130)
    m.run()
    assert m.firms["Firm0"].policy.price > 0.75


@pytest.mark.parametrize(
    "firm",
    [
        {"tiers": {"lead": {"surcharge": 0.0}}},
        {"channel": "store", "tier_channels": {"lead": "store"}},
    ],
)
def test_what_changes_nothing_leaves_the_run_as_it_is(firm: dict[str, Any]) -> None:
    plain, other = market([{}, {}], periods=20), market([firm, {}], periods=20)
    for m in (plain, other):
        m.run()
    assert plain.digest() == other.digest()


def test_a_charge_by_hand() -> None:
    """A tenth on a price of 2, a fifth off: 1.76 is paid of 2.2, and 0.44 is the discount."""
    firm = {"price": 2.0, "discount": 0.2, "tiers": {"gold": {"surcharge": 0.1}}}
    m = market([firm, {}])
    m.step()
    offers = m.offers[0]
    np.testing.assert_allclose(offers["list_price"], [2.0, 2.2, 2.0, 2.0])
    np.testing.assert_allclose(offers["price"], [1.6, 1.76, 1.6, 1.6])


def lead_only(lead: dict[str, Any], channels: dict[str, Any] | None = None, **firm: Any) -> Market:
    """Return a market in which all customers are in the lead tier, after some periods."""
    pyramid = {"scheme": "n_tier", "names": ["lead"], "shares": [1.0], "review_every": 4}
    firms = [{**STILL_FIRM, "pyramid": pyramid, **lead, **firm}, STILL_FIRM]
    m = market(firms, STILL, periods=20, channels=channels or {})
    m.run()
    return m


def test_a_charge_is_revenue_and_no_discount() -> None:
    m = lead_only({"tiers": {"lead": {"surcharge": 0.1}}})
    books = sum(books[0] for books in m.history.books)
    paid, goods = books[..., Line.REVENUE].sum(), books[..., Line.GOODS].sum()
    assert paid == pytest.approx(goods / 0.6 * 1.1)
    assert books[..., Line.DISCOUNTS].sum() == 0.0


THIRD = {"agent": {"effort": 0.25, "cost": 1.0, "serves": 0.3}}


def test_who_is_handed_over_costs_no_service_and_gets_the_channels() -> None:
    m = lead_only({"channel": "agent"}, THIRD, service=0.9, service_cost=5.0, capacity=0.001)
    firm = m.firms["Firm0"]
    assert firm.n_customers > 50
    assert sum(books[0][..., Line.SERVICE].sum() for books in m.history.books) == 0.0
    assert m.offers[0, 0]["service"] == m.offers[0, 0]["delivered"] == 0.3
    assert firm.delivery == 1.0  # there is no load, for all its lack of capacity
    relations = m.town.relations[:, 0]
    gained = relations["revenue"] * 0.4 - relations["volume"] * 1.0  # at a price of 1, a cost of 0.6 and a fee of 1
    np.testing.assert_allclose(relations["margin"], gained, rtol=1e-4, atol=1e-3)


def test_who_is_not_handed_over_is_served_by_the_firm() -> None:
    """Of four tiers, lead alone is handed over: its capacity is for the rest."""
    firms = [{"pyramid": LEAD, "tier_channels": {"lead": "agent"}, "service": 0.8, "capacity": 0.1}, {}]
    m = market(firms, periods=20, channels=THIRD)
    m.run()
    firm = m.firms["Firm0"]
    load = 0.8 * firm.stock[:3].sum()
    assert firm.delivery == pytest.approx(min(1.0, 0.1 * 500 / load))
    books = m.history.books[-1][0]
    np.testing.assert_allclose(books[..., Line.SERVICE].sum(axis=1)[:3], 0.64 * firm.stock[:3].sum(axis=1))
    assert firm.stock[3].sum() > 0
    assert books[3, :, Line.SERVICE].sum() == 0.0


@pytest.mark.parametrize(
    ("firm", "told"),
    [
        ({"pricing": {"method": "guess"}}, "cost_plus"),
        ({"pricing": {"step": 0.9}}, "step"),
        ({"pricing": {"price_weight": 0.0}}, "price_weight"),
        ({"pricing": {"lowest": 1.5}}, "lowest"),
        ({"tiers": {"lead": {"surcharge": -0.1}}}, "surcharge"),
    ],
)
def test_bad_input_is_refused(firm: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        scenario([firm])


def test_a_channel_cannot_serve_more_than_wholly() -> None:
    with pytest.raises(InputError, match="serves"):
        scenario([{}], channels={"agent": {"effort": 0.1, "cost": 1.0, "serves": 1.2}})


@pytest.mark.parametrize("method", ["cost_plus", "customer_utility", "profit_led"])
def test_the_plain_model_agrees(method: str) -> None:
    """All at once, beside events, capacity, staff and goodwill, to the last bit."""
    firm: dict[str, Any] = {
        "pyramid": LEAD,
        "pricing": {"method": method, "markup": 0.6, "step": 0.03},
        "tiers": {"lead": {"surcharge": 0.15, "discount": 0.05}, "gold": {"service": 0.7}},
        "tier_channels": {"iron": "agent"},
        "capacity": 0.1,
        "staff": {},
        "promotion": {"budget": 0.2, "advertising": 0.5, "brand": 0.5},
    }
    rivals = [{"pricing": {"method": "customer_utility"}, "channel": "agent"}, {"price": 0.95}]
    prices = [{"kind": "price_change", "at": 6, "firm": "Firm2", "factor": 0.8, "periods": 5}]
    compare(scenario([firm, *rivals], {"customers.count": 80}, channels=THIRD, events=prices), seed=3, periods=24)
