"""Promotion mix, budget for winning and keeping, and a welcome: by hand, and in the market."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from sim.accounts import FirmCost, Line
from sim.errors import InputError
from sim.levers.contacts import Contacts, chances_of_contact
from sim.promotion import CHANNELS, BudgetSpec, Promotion, PromotionSpec
from tests.markets import STILL, STILL_FIRM, SURE_TO_BUY, Market, market, scenario

PYRAMID = {"scheme": "four_tier", "review_every": 4}


def test_goodwill_and_image_by_hand() -> None:
    """0.5 a period, of which a tenth is lost: 0.5, then 0.95; that is half of the way from 0.4 to 1."""
    mix = PromotionSpec(budget=1.0, brand=0.5, advertising=0.5, goodwill_decay=0.1, goodwill_half=0.95)
    promotion = Promotion(mix)
    assert promotion.image(0.4) == 0.4
    promotion.end_period(0.0, is_open=True)
    promotion.end_period(0.0, is_open=True)
    assert promotion.goodwill == pytest.approx(0.95)
    assert promotion.image(0.4) == pytest.approx(0.7)
    promotion.end_period(0.0, is_open=False)
    assert promotion.goodwill == pytest.approx(0.855)


def test_price_cuts_last_while_there_is_money_by_hand() -> None:
    """Who pays 4 at a fifth off was given 1: two periods of 0.5, so that every other period has a cut."""
    promotion = Promotion(PromotionSpec(budget=1.0, promotion=0.5, advertising=0.5, cut=0.2))
    factors = []
    for _ in range(4):
        promotion.begin_period()
        factors.append(promotion.price_factor)
        promotion.end_period(4.0 if promotion.is_cut else 5.0, is_open=True)
    assert factors == pytest.approx([0.8, 1.0, 0.8, 1.0])


def test_chances_of_contact_by_hand() -> None:
    """0.05 a period over 4 periods and 100 people is 20 money: 4 calls at 5, and 40 letters at 0.5."""
    mix = PromotionSpec(
        budget=0.1, advertising=0.0, personal_selling=0.5, direct_mail=0.5, selling_cost=5.0, mail_cost=0.5
    )
    call, letter = chances_of_contact(mix, 4, 100, 20, 80)
    assert call == pytest.approx(1 - math.exp(-4 / 20))
    assert letter == pytest.approx(1 - math.exp(-40 / 80))
    assert chances_of_contact(mix, 4, 100, 0, 0) == (0.0, 0.0)


def test_a_mix_of_advertising_alone_is_the_advertising_setting() -> None:
    plain = market([{"advertising": 0.08}, {}], periods=20)
    mixed = market([{"promotion": {"budget": 0.08}}, {}], periods=20)
    split = market([{"budget": {"total": 0.08, "retention": 0.0}}, {}], periods=20)
    for m in (plain, mixed, split):
        m.run()
    assert plain.digest() == mixed.digest() == split.digest()
    more = market([{"promotion": {"budget": 0.09}}, {}], periods=20)
    more.run()
    assert more.digest() != plain.digest()


def test_a_budget_is_the_mix_it_stands_for() -> None:
    mix = BudgetSpec(total=0.2, retention=0.6, mail_share=0.25).as_mix()
    assert [mix.spend(channel) for channel in CHANNELS] == pytest.approx([0.0, 0.08, 0.0, 0.09, 0.03])


def test_all_money_of_the_budget_is_booked() -> None:
    """Advertising and promotion as costs, money off as discounts: together the budget, to within one period's cut."""
    mix = dict.fromkeys(CHANNELS, 0.2) | {"budget": 0.1, "cut": 0.1}
    m = market([{"promotion": mix, "pyramid": PYRAMID}, {}], periods=60)
    m.run()
    costs = np.sum(m.history.firm_costs, axis=0)[0]
    assert costs[FirmCost.ADVERTISING] == pytest.approx(0.02 * 500 * 60)
    assert costs[FirmCost.PROMOTION] == pytest.approx(0.06 * 500 * 60)
    given = [books[0, ..., Line.DISCOUNTS].sum() for books in m.history.books]
    purse = m.firms["Firm0"].promotion
    assert purse is not None
    assert sum(given) + purse.purse * 500 == pytest.approx(0.02 * 500 * 60)
    assert 0 < np.count_nonzero(given) < 40
    assert -purse.purse * 500 <= max(given)


def contacted(mix: dict[str, Any]) -> tuple[Market, np.ndarray, np.ndarray]:
    """Return a market, and the relations to its first firm before and after contacts that are certain to be made."""
    firm = {"promotion": {"budget": 1000.0, "advertising": 0.0, **mix}, "pyramid": PYRAMID, "awareness": 0.5}
    m = market([firm, {}], {"customers.activity_window": 3, "customers.demand.mean_rate": 0.5, "customers.count": 300})
    for _ in range(8):
        m.step()
    m.books[...] = 0.0
    before = m.town.relations[:, 0].copy()
    (lever,) = [lever for lever in m.levers if isinstance(lever, Contacts)]
    m.town.people["is_alert"] = 0
    lever.after_review([m.firms["Firm0"]])
    return m, before, m.town.relations[:, 0]


def test_a_call_brings_customers_closer_as_fast_as_they_attach() -> None:
    m, before, after = contacted({"personal_selling": 1.0, "selling_effect": 0.25})
    called, gain = before["is_active"] == 1, m.town.people["attachment_gain"].astype(np.float64)
    assert 10 < called.sum() < 290
    expected = np.where(called, before["attachment"] + gain * 0.25 * (1.0 - before["attachment"]), before["attachment"])
    np.testing.assert_allclose(after["attachment"], expected, rtol=1e-6)
    assert (after["trust_character"][called] > before["trust_character"][called]).all()
    assert (after["trust_character"][~called] == before["trust_character"][~called]).all()
    booked = m.books[:, 0, ..., Line.ATTACHMENT_CHANGE].sum()
    assert booked == pytest.approx((after["attachment"] - before["attachment"].astype(np.float64)).sum())
    assert m.town.people["is_alert"].sum() == 0


def test_a_letter_reminds_who_bought_here_and_last_bought_elsewhere() -> None:
    m, before, after = contacted({"direct_mail": 1.0})
    reminded = (before["bought_at"] >= 0) & (m.town.people["usual"] != 0) & (before["barred_until"] <= m.period)
    assert 10 < reminded.sum() < 290
    assert (after["is_aware"][reminded] == 1).all()
    assert ((m.town.people["is_alert"] == 1) == reminded).all()
    assert (after["is_aware"][~reminded] == before["is_aware"][~reminded]).all()
    assert (after["attachment"] == before["attachment"]).all()


@pytest.mark.statistical
def test_a_welcome_counts_in_the_choice_of_who_is_not_a_customer() -> None:
    """A quarter of the basket at weight 2 is half a unit: e^0.5 to 1 of first choices. Fails by chance 1e-6."""
    firms = [{**STILL_FIRM, "welcome": 7.5}, STILL_FIRM]
    m = market(
        firms,
        {
            **STILL,
            **SURE_TO_BUY,
        },
    )
    m.step()
    welcomed, other = (int(m.history.books[0][f, ..., Line.PURCHASES].sum()) for f in (0, 1))
    n, p = welcomed + other, math.exp(0.5) / (1.0 + math.exp(0.5))
    assert n > 7900
    assert binom.ppf(0.5e-6, n, p) <= welcomed <= binom.isf(0.5e-6, n, p)


@pytest.mark.parametrize(
    ("firm", "told"),
    [
        ({"promotion": {"brand": 0.3}}, "sum to 1.3; allowed: shares that sum to 1"),
        ({"promotion": {}, "budget": {}}, "allowed: one of them"),
        ({"promotion": {"cut": 1.0}}, "cut"),
        ({"budget": {"retention": 1.5}}, "retention"),
        ({"staff": {"morale": 2.0}}, "morale"),
        ({"familiarity_periods": 0}, "familiarity_periods"),
    ],
)
def test_bad_input_is_refused(firm: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        scenario([firm])
