"""The four tests of what a firm does for all alike: costs as booked, worth by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.accounts import TIER_COST_LINES, FirmCost, Line
from sim.crm.firm_wide import ALL_TIERS
from tests.markets import STILL, STILL_FIRM, Market, market


def judged(
    own: dict[str, Any], changes: dict[str, Any] | None = None, **settings: Any
) -> tuple[Market, pd.DataFrame, pd.DataFrame]:
    """Return a market where a firm of four tiers has a rival, and the firm's measures: for all alike, and by tier."""
    firms = [{**STILL_FIRM, **own}, STILL_FIRM]
    m = market(firms, {**STILL, "customers.mix": {"convenience": 1.0}, **(changes or {})}, **settings)
    table = m.run().four_tests
    table = table[table["firm"] == "Firm0"]
    is_wide = table["tier"] == ALL_TIERS
    return m, table[is_wide].set_index("lever"), table[~is_wide]


def books(m: Market) -> np.ndarray[Any, Any]:
    """Return the firm's books of the long run, shape (n_periods, n_tiers, n_lines)."""
    whole: np.ndarray[Any, Any] = np.array(m.history.books[-m.horizon :])[:, 0].sum(axis=2)
    return whole


def paid(m: Market, cost: FirmCost) -> float:
    """Return what a cost of the firm as a whole came to in the long run."""
    return float(np.array(m.history.firm_costs[-m.horizon :])[:, 0, cost].sum())


def worth_at_a_purchase(m: Market, weight: str | float, utility: float) -> np.ndarray[Any, Any]:
    """Return what a utility is worth at a purchase, by tier, all being alike but in basket and rate."""
    relations = m.town.relations[:, 0]
    worth = np.zeros(len(m.firms["Firm0"].pyramid.tiers))
    for k in range(len(worth)):
        people = m.town.people[(relations["is_active"] == 1) & (relations["tier"] == k)]
        often = np.minimum(1.0, people["rate"].astype(np.float64))
        weighed = float(people[weight][0]) if isinstance(weight, str) else weight
        cut = 1.0 - math.exp(-weighed * utility / float(people["price_weight"][0]))
        worth[k] = cut * (people["basket"] * often).sum() / often.sum()
    return worth


def test_who_does_nothing_for_all_is_not_judged_for_it() -> None:
    _, wide, by_tier = judged({"service": 0.5})
    assert wide.empty
    assert set(by_tier["lever"]) == {"service"}


def test_a_price_below_the_usual_one_by_hand() -> None:
    """Of a price of 0.8, a quarter of what is paid is the money that was given."""
    m, wide, _ = judged({"price": 0.8})
    lines = books(m).sum(axis=(0, 1))
    row = wide.loc["lower price"]
    assert row["cost"] == pytest.approx(lines[Line.REVENUE] * 0.25)
    assert row["worth_per_cost"] == row["experienced"] == 1.0
    assert row["cost_share"] == pytest.approx(row["cost"] / (lines[Line.REVENUE] - lines[Line.GOODS]))
    assert judged({"price": 1.2})[1].empty


def test_a_price_that_a_method_has_lowered_counts_and_the_trade_bears_its_part() -> None:
    """A markup of a fifth on a cost of 0.6 is 0.72, but the shop keeps a tenth: 0.8 is asked."""
    shop = {"shop": {"effort": 0.2, "cost": 0.0, "margins": [0.1]}}
    own = {"unit_cost": 0.6, "channel": "shop", "pricing": {"method": "cost_plus", "markup": 0.2}}
    m, wide, _ = judged(own, channels=shop)
    assert m.firms["Firm0"].policy.price == pytest.approx(0.8)
    assert wide.loc["lower price", "cost"] == pytest.approx(books(m)[..., Line.REVENUE].sum() * 0.25 * 0.9)
    assert wide.loc["lower price", "worth_per_cost"] == pytest.approx(1.0 / 0.9)


def test_a_brand_by_hand() -> None:
    """Goodwill of what is spent, kept whole: after 60 periods 60 x 0.05 = 3, and 3 / (3 + 2) of the way is 0.6."""
    mix = {"budget": 0.1, "brand": 0.5, "advertising": 0.5, "goodwill_decay": 0.0, "goodwill_half": 2.0}
    m, wide, _ = judged({"promotion": mix, "image": 0.5})
    row = wide.loc["brand"]
    assert list(wide.index) == ["brand"]  # advertising tells of the firm, and gives nothing
    assert row["cost"] == pytest.approx(0.05 * m.n_customers * 20)
    assert row["cost"] == pytest.approx(paid(m, FirmCost.PROMOTION))
    purchases = books(m).sum(axis=0)[:, Line.PURCHASES]
    worth = (worth_at_a_purchase(m, 0.5, 0.3) * purchases).sum()  # at a weight of 0.5; 0.6 of the 0.5 that it lacked
    assert row["worth_per_cost"] == pytest.approx(worth / row["cost"], rel=1e-5)
    assert row["experienced"] == 1.0  # everybody has heard of the firm
    untold = {**mix, "brand": 1.0, "advertising": 0.0}
    m, wide, _ = judged({"promotion": untold, "awareness": 0.2}, {"customers.behaviour.praise_rate": 0.0})
    knows = (m.town.relations["is_aware"][:, 0] != 0).mean()
    assert wide.loc["brand", "experienced"] == knows < 0.9


def test_calls_by_hand() -> None:
    """Money for one call a customer at a review calls on 1 - 1/e of them: the rest calls on somebody once more."""
    mix = {"budget": 0.5, "personal_selling": 0.4, "advertising": 0.6, "selling_cost": 2.0, "selling_effect": 0.3}
    weights = {"attachment_weight": 1.0, "attachment_gain": 1.0, "price_weight": 2.0}
    changes = {"customers.types": {"convenience": weights}, "customers.behaviour.trust_weight": 0.0}
    m, wide, _ = judged({"promotion": mix}, changes)
    row = wide.loc["calls"]
    assert row["cost"] == pytest.approx(0.2 * m.n_customers * 20)
    assert row["cost"] == pytest.approx(paid(m, FirmCost.PROMOTION))
    relations, cycle = m.town.relations[:, 0], m.firms["Firm0"].pyramid.review_every
    is_customer = relations["is_active"] == 1
    people, attachment = m.town.people[is_customer], relations["attachment"][is_customer].astype(np.float64)
    calls = 0.2 * cycle * m.n_customers / 2.0
    called = is_customer.sum() * (1.0 - math.exp(-calls / is_customer.sum()))
    assert row["experienced"] == pytest.approx(called / calls)
    often = np.minimum(1.0, people["rate"].astype(np.float64)) * m.scenario.customers.activity_window
    worth = ((1.0 - np.exp(-0.3 * (1.0 - attachment) / 2.0)) * people["basket"] * often).mean()
    assert row["worth_per_cost"] == pytest.approx(worth * called / (calls * 2.0), rel=1e-5)


def test_training_by_hand() -> None:
    """With all trained at once, morale is 0.5 + 0.4: delivery is 1.4 where it would be 1 without."""
    staff = {"morale": 0.9, "training": 50.0, "training_effect": 0.4, "turnover": 0.0, "complaint_effect": 0.0}
    m, wide, _ = judged({"service": 0.5, "staff": staff})
    row = wide.loc["training"]
    assert row["cost"] == pytest.approx(50.0 * m.n_customers * 20)
    assert row["cost"] == pytest.approx(paid(m, FirmCost.STAFF))
    purchases = books(m).sum(axis=0)[:, Line.PURCHASES]
    worth = (worth_at_a_purchase(m, "service_weight", 0.5 * 0.4) * purchases).sum()
    assert row["worth_per_cost"] == pytest.approx(worth / row["cost"], rel=1e-5)
    assert row["experienced"] == pytest.approx(1.0)
    assert row["sustained"] == 0.0  # all is delivered, but at a loss
    cheap = {**staff, "training": 0.001}
    _, wide, _ = judged({"service": 0.5, "staff": cheap})
    assert 0.0 < wide.loc["training", "experienced"] < 0.1
    assert wide.loc["training", "sustained"] == 1.0


def test_training_is_not_sustained_where_service_falls_short() -> None:
    staff = {"morale": 0.1, "training": 0.01, "morale_speed": 0.0}
    m, wide, _ = judged({"service": 0.5, "staff": staff, "promotion": {"brand": 0.1, "advertising": 0.9}})
    profit = books(m)[..., Line.REVENUE].sum(axis=1) - books(m)[..., list(TIER_COST_LINES)].sum(axis=(1, 2))
    profit -= np.array(m.history.firm_costs[-m.horizon :])[:, 0].sum(axis=1)
    assert wide.loc["training", "sustained"] == 0.0
    assert wide.loc["brand", "sustained"] == (profit >= 0.0).mean() > 0.9


def test_voice_by_hand() -> None:
    """At its best the product has gained half of what it lacked, and failures fall by a half."""
    voice = {"needed": 1e-6, "erosion": 0.0, "quality_gain": 0.5, "failure_cut": 0.5, "complaints": 0.25, "ideas": 0.5}
    own = {"quality": 0.5, "failure_rate": 0.2, "voice": voice}
    m, wide, _ = judged(own)
    row, lines = wide.loc["voice"], books(m).sum(axis=0)
    assert m.firms["Firm0"].quality == pytest.approx(0.75)
    better = (0.25 + 0.1 * 0.5) / 0.7  # of the quality that is wanted; failures avoided as if quality were better
    worth = (worth_at_a_purchase(m, "quality_weight", better) * lines[:, Line.PURCHASES]).sum()
    assert row["cost"] == pytest.approx(paid(m, FirmCost.VOICE))
    assert row["worth_per_cost"] == pytest.approx(worth / row["cost"], rel=1e-5)
    complaints, praise = lines[:, Line.COMPLAINTS].sum(), lines[:, Line.PRAISE].sum()
    assert row["experienced"] == pytest.approx((0.25 * complaints + 0.5 * praise) / (complaints + 0.5 * praise))


def test_know_how_and_time_to_market_by_hand() -> None:
    buyers = {"know_how": 0.6, "time_to_market": 0.5, "delivery": 0.0, "late_rate": 0.0}
    own = {"business": {"know_how": 0.5, "know_how_cost": 0.4, "time_to_market": 1.0, "time_to_market_cost": 0.2}}
    m, wide, _ = judged(own, customers={"count": 500, "business": buyers})
    purchases = books(m).sum(axis=0)[:, Line.PURCHASES]
    for lever, level_worth, cost in (("know-how", 0.6 * 0.5, 0.4 * 0.25), ("time to market", 0.5, 0.2)):
        assert wide.loc[lever, "cost"] == pytest.approx(cost * m.n_customers * 20)
        worth = (worth_at_a_purchase(m, "service_weight", level_worth) * purchases).sum()
        assert wide.loc[lever, "worth_per_cost"] == pytest.approx(worth / wide.loc[lever, "cost"], rel=1e-5)
