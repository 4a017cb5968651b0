"""Price methods, charges for service, tiers handed over, and the trade: by hand, and in the market."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from sim.accounts import TIER_COST_LINES, Line
from sim.channels import ChannelSpec, way_of
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
    pyramid = {"scheme": "n_tier", "names": ["lead"], "shares": [1.0], "review_every": 4, "memory": 1.0}
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


TRADE = {"effort": 0.25, "cost": 1.0}


def test_what_the_trade_keeps_by_hand() -> None:
    """A quarter and a fifth leave 0.6 of what is paid; half of them passed on, the price is ½ + ½ / 0.6 = 4/3."""
    channel = ChannelSpec(effort=0.1, cost=0.0, margins=(0.25, 0.2), passed_on=0.5)
    assert channel.kept == pytest.approx(0.6)
    assert channel.price_factor == pytest.approx(4 / 3)
    assert ChannelSpec(effort=0.1, cost=0.0).price_factor == 1.0


def test_reach_through_the_trade_by_hand() -> None:
    """Half of the 0.6 out of reach, through the channel of the entry tier; none through that of another tier."""
    channels = {name: ChannelSpec(effort=0.1, cost=0.0, access=0.5) for name in ("store", "web")}
    spec = scenario([{"reach": 0.4, "tier_channels": {"gold": "web"}}]).firms[0]
    assert spec.reach_through(channels) == pytest.approx(0.7)
    assert spec.reach_through(channels | {"store": ChannelSpec(effort=0.1, cost=0.0)}) == 0.4


def test_the_trade_brings_the_firm_within_reach_of_more_people() -> None:
    """Nobody is reached directly; through the trade half of 500 people are, up to chance of 1e-6."""
    everybody = {"customers.mix": {"premium": 1.0}}
    m = market([{"channel": "trade", "reach": 0.0}, {}], everybody, channels={"trade": {**TRADE, "access": 0.5}})
    n_within = int((m.town.people["reach"] & 1).sum())
    assert binom.ppf(0.5e-6, 500, 0.5) <= n_within <= binom.isf(0.5e-6, 500, 0.5)
    m.run()
    has_bought = m.town.relations["bought_at"][:, 0] >= 0
    assert has_bought.sum() > 50
    assert (m.town.people["reach"][has_bought] & 1).all()


@pytest.mark.parametrize(("passed_on", "price"), [(0.0, 1.0), (1.0, 1.25)])
def test_a_commission_is_booked_and_charged_to_the_record(passed_on: float, price: float) -> None:
    trade = {"trade": {**TRADE, "margins": [0.2], "passed_on": passed_on}}
    m = lead_only({"channel": "trade"}, trade, service_cost=0.0)
    books = sum(books[0].sum(axis=(0, 1)) for books in m.history.books)
    assert books[Line.REVENUE] == pytest.approx(books[Line.GOODS] / 0.6 * price)
    assert books[Line.COMMISSION] == pytest.approx(0.2 * books[Line.REVENUE])
    costs = books[list(TIER_COST_LINES)].sum()
    assert m.town.relations["margin"][:, 0].sum() == pytest.approx(books[Line.REVENUE] - costs, rel=1e-4)
    assert books[Line.DISCOUNTS] == 0.0


def test_what_customers_pay_more_keeps_some_of_them_away() -> None:
    """The whole margin passed on is a price a third higher: fewer buy than where the firm bears it."""
    bought = []
    for passed_on in (0.0, 1.0):
        trade = {"trade": {**TRADE, "margins": [0.25], "passed_on": passed_on}}
        m = market([{"channel": "trade"}, {}], channels=trade)
        m.run()
        bought.append(sum(books[0][..., Line.PURCHASES].sum() for books in m.history.books))
    assert bought[1] < 0.8 * bought[0]


@pytest.mark.parametrize(
    ("trade", "told"),
    [({"margins": [0.95]}, "margins"), ({"margins": [0.1] * 6}, "margins"), ({"access": 1.5}, "access"),
     ({"passed_on": -0.1}, "passed_on")],
)  # fmt: skip
def test_a_bad_trade_is_refused(trade: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        scenario(1, channels={"trade": {**TRADE, **trade}})


# ---- several channels side by side ----------------------------------------------------------------------------------

BRANCH = ChannelSpec(effort=0.4, cost=2.0, margins=(0.25,), passed_on=1.0, access=0.5)
ONLINE = ChannelSpec(effort=0.1, cost=0.5, access=0.2)
BOTH = {"branch": BRANCH, "online": ONLINE}


def test_a_hybrid_of_two_channels_by_hand() -> None:
    """A fifth at the branch, where the price is 4/3 and a quarter of it is lost; half of the rest is within reach."""
    way = way_of({"branch": 0.2, "online": 0.8}, BOTH)
    assert way.effort == pytest.approx(0.2 * 0.4 + 0.8 * 0.1)
    assert way.cost == pytest.approx(0.2 * 2.0 + 0.8 * 0.5)
    assert way.price_factor == pytest.approx(0.2 * 4 / 3 + 0.8)
    assert way.commission * way.price_factor == pytest.approx(0.2 * 4 / 3 * 0.25)
    assert way.access == pytest.approx(1.0 - 0.5 * 0.8)
    assert way.serves is None


def test_all_purchases_through_one_channel_are_that_channel() -> None:
    alone = way_of({"online": 1.0}, BOTH)
    assert alone == (0.1, 0.5, None, 1.0, 0.0, pytest.approx(0.2))
    plain, mixed = market([{"channel": "web"}, {}], periods=20), market([{"channel": {"web": 1.0}}, {}], periods=20)
    for m in (plain, mixed):
        m.run()
    assert plain.digest() == mixed.digest()


def test_a_tier_on_several_channels_costs_their_mean_and_the_others_their_own() -> None:
    """Three quarters at 0.4 and a quarter at 1.0 are 0.55 a purchase."""
    shares = {"web": 0.75, "store": 0.25}
    m = lead_only({"tier_channels": {"lead": shares}})
    books = sum(books[0].sum(axis=(0, 1)) for books in m.history.books)
    assert books[Line.CHANNEL] == pytest.approx(0.55 * books[Line.PURCHASES])
    assert m.offers[0, 0]["effort"] == pytest.approx(0.75 * 0.15 + 0.25 * 0.25)


@pytest.mark.parametrize(
    ("firm", "told"),
    [
        ({"channel": {"web": 0.5, "store": 0.4}}, "shares sum to 0.9; allowed: a sum of 1"),
        ({"channel": {}}, "shares sum to 0"),
        ({"channel": {"web": 0.5, "stroe": 0.5}}, 'unknown channel "stroe"'),
        ({"tier_channels": {"lead": {"web": 1.5, "store": -0.5}}}, "greater than 0"),
        ({"tier_channels": {"lead": {"web": 0.5, "agent": 0.5}}}, 'tier_channels.lead: "agent" serves'),
    ],
)
def test_a_bad_division_over_channels_is_refused(firm: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        scenario([firm], channels=THIRD)
    assert "\n" not in str(refused.value)


def test_the_plain_model_agrees_on_several_channels() -> None:
    channels = {name: channel.model_dump() for name, channel in BOTH.items()} | THIRD
    firms = [
        {"channel": {"branch": 0.3, "online": 0.7}, "reach": 0.3, "tier_channels": {"lead": "agent"}},
        {"tier_channels": {"lead": {"online": 0.5, "branch": 0.25, "web": 0.25}}, "pricing": {}},
    ]
    compare(scenario(firms, {"customers.count": 80}, channels=channels), seed=3, periods=24)


def test_the_plain_model_agrees_on_the_trade() -> None:
    channels = {"agent": {**TRADE, "serves": 0.4, "margins": [0.1, 0.2], "passed_on": 0.3, "access": 0.5}}
    firms = [{"channel": "agent", "reach": 0.4, "welcome": 1.0}, {"tier_channels": {"lead": "agent"}, "reach": 0.7}]
    compare(scenario(firms, {"customers.count": 80}, channels=channels), seed=3, periods=24)
