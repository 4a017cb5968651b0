"""What prices know of the trade, of support and of voice, and what a firm's market in mind knows of them: by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sim.accounts import Line
from sim.channels import DEFAULT_CHANNELS, ChannelSpec
from sim.firm_settings import FirmSpec
from sim.policy import Policy
from sim.pricing import NO_TRADE, Posted, Pricing, PricingSpec, Trade, trade_of
from sim.settings import BusinessBuyersSpec
from sim.strategies import MarketView
from sim.strategies.best_response import BestResponse, basket_of, profit_in_mind
from tests.markets import market, scenario
from tests.reference.compare import compare
from tests.test_business import BUYERS, market_of
from tests.test_channels import TRADE

QUARTERLY = {"scheme": "four_tier", "review_every": 4}
OWN = Posted(1.0, quality=0.6, service=0.4, image=0.5)
UTILITY = {
    "method": "customer_utility",
    "price_weight": 2.0, "quality_weight": 1.0, "service_weight": 1.0, "image_weight": 0.0,
}  # fmt: skip


# ---- price methods --------------------------------------------------------------------------------------------------


def test_what_the_trade_leaves_by_hand() -> None:
    """Of 30 sold through a retailer who keeps 0.4, and 10 directly: 0.6 x 3/4 + 1/4 = 0.7 of the firm's price."""
    raised, kept = np.array([1.0, 1.0]), np.array([0.4, 0.0])
    assert trade_of(raised, kept, np.array([30.0, 10.0]), 1) == (1.0, pytest.approx(0.7))
    assert trade_of(raised, kept, np.zeros(2), 1) == (1.0, 1.0)
    assert trade_of(raised, kept, np.zeros(2), 0) == (1.0, pytest.approx(0.6))
    assert trade_of(raised, 0.0 * kept, np.array([0.1, 0.7]), 0) == NO_TRADE  # exactly
    passed_on = trade_of(np.array([4 / 3]), np.array([0.25]), np.array([5.0]), 0)  # customers bear it
    assert passed_on == (pytest.approx(4 / 3), pytest.approx(1.0))


def test_cost_plus_is_on_what_the_trade_leaves_by_hand() -> None:
    """0.9 is wanted of a unit: at three quarters of the price that is 1.2, at 11/12 0.98."""
    pricing = Pricing(PricingSpec(markup=0.5))
    assert pricing.decide(OWN, 0.6, [], 0.0, Trade(1.0, 0.75)) == pytest.approx(1.2)
    assert pricing.decide(OWN, 0.6, [], 0.0, Trade(1.0, 11 / 12)) == pytest.approx(0.981818, abs=1e-6)
    assert pricing.decide(OWN, 0.6, [], 0.0, Trade(4 / 3, 1.0)) == pytest.approx(0.9)


def test_customers_value_support_and_risk_and_see_what_the_trade_adds_by_hand() -> None:
    """Support is 0.5 against 0.1 at weight 1, a fifth in ln p at a weight of 2; a risk of 0.4 takes that away."""
    pricing, rivals = Pricing(PricingSpec(**UTILITY)), [OWN._replace(support=0.1)]
    better = OWN._replace(support=0.5)
    assert pricing.decide(better, 0.6, rivals, 0.0) == pytest.approx(math.exp(0.2))
    assert pricing.decide(better._replace(risk=0.4), 0.6, rivals, 0.0) == pytest.approx(1.0)
    assert pricing.decide(better, 0.6, rivals, 0.0, Trade(4 / 3, 1.0)) == pytest.approx(0.75 * math.exp(0.2))
    assert pricing.decide(better, 0.6, [], 0.0, Trade(4 / 3, 1.0)) == 1.0  # the price asked, if there is no rival
    assert pricing.decide(OWN._replace(support=1e9), 0.6, rivals, 0.0) == 2.0
    assert pricing.decide(OWN._replace(risk=1e9), 0.6, rivals, 0.0) == 0.5


def test_a_firm_gets_its_markup_when_the_trade_is_paid() -> None:
    """The higher tiers buy directly, the rest at a shop that keeps 0.3: at the mix sold last, half of cost is left."""
    firm = {
        "pyramid": QUARTERLY, "pricing": {"markup": 0.5}, "unit_cost": 0.5, "channel": "trade",
        "tier_channels": {"platinum": "web", "gold": "web"},
    }  # fmt: skip
    m = market([firm, {}], channels={"trade": {**TRADE, "margins": [0.3]}})
    m.step()
    assert m.firms["Firm0"].policy.price == pytest.approx(0.75 / 0.7)  # newcomers buy at the shop
    m.run(28)
    sold = sum(books[0].sum(axis=1)[:, Line.GOODS] for books in m.history.books[24:28]) / 0.5  # the review at 28
    net = m.firms["Firm0"].policy.price * (sold[0] + sold[1] + 0.7 * (sold[2] + sold[3]))
    assert net == pytest.approx(1.5 * 0.5 * sold.sum())
    assert sold.min() > 0.0
    assert sold[:2].sum() > 0.2 * sold.sum()


@pytest.mark.parametrize("passed_on", [0.0, 0.4, 1.0])
def test_who_bears_the_margin_makes_no_odds_to_what_customers_pay_at_cost_plus(passed_on: float) -> None:
    trade = {"trade": {**TRADE, "margins": [0.25], "passed_on": passed_on}}
    m = market([{"pricing": {"markup": 0.5}, "channel": "trade"}, {}], channels=trade)
    m.step()
    assert m.offers[0]["price"] == pytest.approx([1.2] * 4)
    assert m.offers[0]["price"] * (1.0 - m.offers[0]["commission"]) == pytest.approx([0.9] * 4)


def test_a_price_by_customers_utility_is_what_newcomers_pay_beside_what_rivals_customers_pay() -> None:
    """Two like offers: a rival's 0.9 is 1.2 at the shop; who sells directly asks 1.2, and who has that shop too 0.9."""
    trade = {"trade": {**TRADE, "margins": [0.25], "passed_on": 1.0}}
    for channel, price in (("web", 1.2), ("trade", 0.9)):
        m = market([{"pricing": UTILITY, "channel": channel}, {"price": 0.9, "channel": "trade"}], channels=trade)
        m.step()
        assert m.firms["Firm0"].policy.price == pytest.approx(price)
        assert m.offers["price"][0] == pytest.approx([1.2] * 4)


def test_suppliers_price_what_they_support_customers_with() -> None:
    """S is 0.8 x 0.5 + 1.0 x 0.2 = 0.6 against 0.5 x 0.4 = 0.2, less risks of 0.3 and 0.1: 0.2 more, half of it."""
    firms = [
        {"pricing": UTILITY, "business": {"know_how": 0.5, "risk": 0.3}, "contact": {"attention": 0.2}},
        {"price": 1.1, "business": {"delivery": 0.4, "risk": 0.1}, "tiers": {"platinum": {"delivery": 1.0}}},
    ]
    m = market_of(BUYERS, firms)
    m.step()
    assert m.firms["Firm0"].policy.price == pytest.approx(1.1 * math.exp(0.1))


def test_a_product_that_customers_made_better_is_priced_as_such_whosever_it_is() -> None:
    """Half of what can be gained: 0.6 + 0.3 x 0.4 x 0.5 = 0.66 by an own voice, and as much by a rival's."""
    for voiced, price in ((0, math.exp(0.06 / 2)), (1, math.exp(-0.06 / 2))):
        firms: list[dict[str, Any]] = [{"pricing": UTILITY}, {}]
        firms[voiced]["voice"] = {"quality_gain": 0.3}
        m = market(firms)
        voice = list(m.firms.values())[voiced].voice
        assert voice is not None
        voice.improvement = 0.5
        m.step()
        assert m.firms["Firm0"].policy.price == pytest.approx(price)


@pytest.mark.parametrize("method", ["cost_plus", "customer_utility", "profit_led"])
def test_the_plain_model_agrees_on_what_prices_know(method: str) -> None:
    """Trade, third party, business support, risk and voice together, to the last bit."""
    channels = {
        "agent": {**TRADE, "serves": 0.5, "margins": [0.1]},
        "trade": {**TRADE, "margins": [0.2, 0.1], "passed_on": 0.4},
    }
    both = {"voice": {"lag": 2, "ideas": 1.0}, "pyramid": QUARTERLY, "contact": {"attention": 0.3}}
    firms = [
        {**both, "pricing": {"method": method}, "channel": {"trade": 0.7, "web": 0.3},
         "tier_channels": {"lead": "agent"}, "business": {"delivery": 0.6, "risk": 0.2}},
        {**both, "channel": "trade", "business": {"know_how": 0.9, "risk": 0.4}, "price": 0.9},
        {"pricing": UTILITY, "channel": "agent"},
    ]  # fmt: skip
    compare(scenario(firms, {"customers.count": 80}, channels=channels, customers={"business": {}}), 3, 24)


# ---- the market in a firm's mind -------------------------------------------------------------------------------------

HOW = BestResponse(people=200, horizon=13)


def view_of(
    channels: dict[str, ChannelSpec], buyers: BusinessBuyersSpec | None = None, **settings: Any
) -> tuple[MarketView, Policy]:
    """Return what a firm sees before a review, alone in its market, having sold 25 for 30 80 times; and its policy."""
    spec = FirmSpec(name="Aurora", **settings)
    base = spec.base_policy(channels)
    none = np.zeros(4)
    counts = np.array([10, 30, 100, 60])
    view = MarketView(
        firm="Aurora", period=13, base=base, current=base, customers=counts, contribution=none, rival_prices={},
        share=1.0, purchases=np.array([20, 25, 30, 5]), revenue=np.array([600.0, 750.0, 900.0, 150.0]),
        service_cost=none, incentive_cost=none, gained=counts, lost=counts, rival_shares={}, settings=spec,
        goods_cost=25.0 * spec.unit_cost * np.array([20, 25, 30, 5]), channels=spec.channels_used(channels),
        buyers=buyers,
    )  # fmt: skip
    return view, base


def earned_with(channel: dict[str, Any]) -> float:
    """Return what a firm expects to earn through one channel of that kind."""
    view, base = view_of({"way": ChannelSpec(effort=0.2, cost=1.0, **channel)}, channel="way")
    return profit_in_mind(view, base, HOW, 3)


def test_the_market_in_mind_pays_the_trade() -> None:
    """People and prices are the same, whatever the firm's shop keeps: twice the margin costs twice as much."""
    earned = [earned_with({"margins": margins}) for margins in ([], [0.1], [0.2])]
    assert earned[0] - earned[1] > 100.0
    assert earned[0] - earned[2] == pytest.approx(2.0 * (earned[0] - earned[1]))


def test_the_market_in_mind_asks_customers_for_what_the_trade_adds() -> None:
    """A margin passed on costs the firm nothing but the customers whom a price a third higher keeps away."""
    direct, passed_on, borne = (
        earned_with(way) for way in ({}, {"margins": [0.25], "passed_on": 1.0}, {"margins": [0.25]})
    )
    assert passed_on < direct
    assert borne < passed_on  # at a markup of two thirds, a quarter of the price is most of what is earned


def test_the_basket_in_mind_is_told_from_the_goods_by_hand() -> None:
    """80 purchases whose goods cost 25 x 0.6 each, whatever was paid for them: the customers bought 25 at a time."""
    assert basket_of(view_of(DEFAULT_CHANNELS, price=1.2, discount=0.3)[0]) == pytest.approx(25.0)


def test_the_basket_in_mind_of_what_costs_nothing_is_told_from_what_was_paid_by_hand() -> None:
    """Of 2400 for 80 at 1.2: 25; 18.75 if the trade adds a third; 31.25 at a fifth off; 20 with a quarter on top."""
    free: dict[str, Any] = {"price": 1.2, "unit_cost": 0.0}
    way = ChannelSpec(effort=0.2, cost=1.0, margins=(0.25,), passed_on=1.0)
    assert basket_of(view_of({"way": way}, channel={"way": 1.0}, **free)[0]) == pytest.approx(18.75)
    assert basket_of(view_of(DEFAULT_CHANNELS, **free)[0]) == pytest.approx(25.0)
    assert basket_of(view_of(DEFAULT_CHANNELS, discount=0.2, **free)[0]) == pytest.approx(31.25)
    dearer = {tier: {"surcharge": 0.25} for tier in ("platinum", "gold", "iron", "lead")}
    assert basket_of(view_of(DEFAULT_CHANNELS, tiers=dearer, **free)[0]) == pytest.approx(20.0)


def test_the_market_in_mind_is_within_reach_through_the_trade() -> None:
    """Of a firm that nobody reaches directly, nobody buys; and all do whom the shop brings."""
    earned = []
    for access in (0.0, 1.0):
        view, base = view_of(
            {"way": ChannelSpec(effort=0.2, cost=1.0, access=access)}, channel="way", reach=0.0, advertising=0.0,
            fixed_cost=0.0,
        )  # fmt: skip
        earned.append(profit_in_mind(view, base, HOW, 3))
    assert earned[0] < 0.05 * earned[1]  # but for the few who are bound to a firm, whichever it is


def test_a_tier_in_mind_that_is_handed_over_costs_no_service() -> None:
    view, base = view_of({"way": ChannelSpec(effort=0.2, cost=1.0, serves=0.3)}, channel="way")
    lavish, none = (profit_in_mind(view, base.replace(service=level), HOW, 3) for level in (1.0, 0.0))
    assert lavish == none


def test_the_market_in_mind_pays_for_delivery_and_values_support() -> None:
    """Delivery that nobody weighs costs its price at each purchase: as many times 1 as there are; know-how sells."""
    shop = {"store": ChannelSpec(effort=0.2, cost=1.0)}
    blind = BusinessBuyersSpec(delivery=0.0, late_rate=0.0)
    earned = []
    for cost in (0.0, 1.0, 2.0):
        view, base = view_of(shop, blind, business={"delivery": 1.0, "delivery_cost": cost})
        earned.append(profit_in_mind(view, base, HOW, 3))
    n_purchases = round(earned[0] - earned[1])
    assert n_purchases > 30
    assert earned == pytest.approx([earned[0], earned[0] - n_purchases, earned[0] - 2.0 * n_purchases])
    view, base = view_of(shop, blind, business={"know_how": 1.0, "know_how_cost": 0.0})
    assert profit_in_mind(view, base, HOW, 3) > earned[0]


def test_a_firm_sees_its_own_channels_and_no_rivals() -> None:
    channels = {name: {**TRADE, "margins": [0.2]} for name in ("shop", "agent", "other")}
    firms = [{"channel": {"shop": 0.5, "web": 0.5}, "tier_channels": {"lead": "agent"}}, {"channel": "other"}]
    m = market(firms, channels=channels)
    m.run(13)
    view = m.firms["Firm0"].view()
    assert view.channels == {name: m.scenario.channels[name] for name in ("agent", "shop", "web")}
    assert view.buyers is None
    books = sum(books[0].sum(axis=1) for books in m.history.books[-view.settings.pyramid.review_every :])
    np.testing.assert_array_equal(view.goods_cost, books[:, Line.GOODS])
