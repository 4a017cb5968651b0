"""Answers known without the code: each could be worked on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from sim.accounts import Cause, Line
from tests.markets import STILL, STILL_FIRM, Market, market, scenario

ALL_BUY = {
    "customers.behaviour.outside_utility": -50.0,
    "customers.demand.mean_rate": 50.0,
    "customers.demand.rate_shape": 500.0,
}


def purchases(m: Market) -> np.ndarray:
    """Return purchases by firm over the whole run, shape (n_firms,)."""
    return np.sum([books[..., Line.PURCHASES].sum(axis=(1, 2)) for books in m.history.books], axis=0)


@pytest.mark.statistical
def test_one_firm_without_alternative_keeps_whoever_stays_in_the_category():
    """Retention over 20 periods is survival, (1 - turnover)^20. Fails by chance 1e-6 (n about 4,000)."""
    m = market(
        [STILL_FIRM],
        {**STILL, **ALL_BUY, "customers.turnover": 0.02, "customers.count": 4000, "customers.mix": {"premium": 1.0}},
    )
    results = m.run()
    row = results.retention_by.query("group == 'all'").iloc[0]
    n, p = int(row["at_start"]), (1 - 0.02) ** 20
    assert n > 3800
    assert binom.ppf(0.5e-6, n, p) <= row["kept"] <= binom.isf(0.5e-6, n, p)


@pytest.mark.statistical
def test_identical_firms_share_equally():
    """Each of four like firms has a quarter of first choices: fails by chance 1e-6; n = 8,000 misses 1% off at 1e-1.

    Only the first purchase of each person counts, since later ones follow the first by habit.
    """
    m = market(4, {**ALL_BUY, "customers.count": 8000, "customers.mix": {"convenience": 1.0}})
    for firm in m.firms.values():
        firm.spec = firm.spec.model_copy(update={"awareness": 1.0})
    m.step()
    firsts = purchases(m)
    for count in firsts:
        assert binom.ppf(0.5e-6, int(firsts.sum()), 0.25) <= count <= binom.isf(0.5e-6, int(firsts.sum()), 0.25)


def test_price_customers_all_buy_the_cheapest_when_nothing_else_counts():
    """With a price weight without bound, one per cent cheaper takes everybody who knows both."""
    still = {**STILL_FIRM, "advertising": 5.0}
    m = market(
        [{**still, "price": 1.0}, {**still, "price": 0.98}],
        {
            **STILL,
            **ALL_BUY,
            "customers.mix": {"price": 1.0},
            "customers.types": {"price": {"price_weight": 100.0, "search": 1.0, "attachment_gain": 0.0}},
            "customers.behaviour.habit_weight": 0.0,
            "customers.behaviour.unfamiliarity_weight": 0.0,
            "network.topology": "empty",
        },
    )
    m.run()
    dear, cheap = purchases(m)
    # a Gumbel difference (logistic) must exceed 100 ln(1/0.98) = 2.02: in 1 / (1 + e^2.02) = 11.7% of choices it does
    share = dear / (dear + cheap)
    assert (
        abs(share - 1 / (1 + math.exp(100 * math.log(1 / 0.98)))) < 5 * math.sqrt(0.117 * 0.883 / (dear + cheap)) + 0.01
    )
    nearer = market([{**still, "price": 1.0}, {**still, "price": 0.7}], {
        **STILL, **ALL_BUY, "customers.mix": {"price": 1.0}, "customers.types": {"price": {"price_weight": 100.0}},
        "network.topology": "empty",
    })  # fmt: skip
    nearer.run()
    assert purchases(nearer)[0] == 0


def test_without_network_or_advertising_awareness_never_grows():
    m = market(
        [{"advertising": 0.0, "awareness": 0.5}] * 2,
        {"customers.turnover": 0.0, "network.topology": "empty", "customers.mix": {"premium": 1.0}},
    )
    before = m.customers.column("is_aware").sum(axis=0)
    for _ in range(60):
        m.step()
        now = m.customers.column("is_aware").sum(axis=0)
        assert (now <= before).all()
        before = now
    assert before.sum() > 0


def test_word_of_mouth_makes_a_firm_known():
    quiet = {"advertising": 0.0, "awareness": 0.3}
    alone = market([quiet] * 2, {"network.topology": "empty"}, seed=5)
    talking = market([quiet] * 2, {"network.topology": "small_world"}, seed=5)
    alone.run()
    talking.run()
    assert talking.customers.column("is_aware").mean() > alone.customers.column("is_aware").mean() + 0.05


def test_attachment_follows_the_closed_form_when_nothing_varies():
    """One firm better than the other by a constant: a_n = 1 - (1 - r)^n, r = gain x rise x advantage / scale.

    Quality 0.8 against 0.6, equal service 0.4: lived 1.0, norm 0.9, advantage 0.1 over a scale of 0.5 is 0.2; with gain
    1 and rise 0.1, r = 0.02 at each purchase. Expectation is met from the start, so nothing is felt.
    """
    m = market(
        [{**STILL_FIRM, "quality": 0.8, "service": 0.4}, {**STILL_FIRM, "quality": 0.6, "service": 0.4, "reach": 0.0}],
        {
            **STILL,
            **ALL_BUY,
            "customers.mix": {"premium": 1.0},
            "customers.types": {"premium": {"attachment_gain": 1.0}},
            "customers.behaviour.alert_search": 1.0,
            "customers.behaviour.attachment_rise": 0.1,
            "customers.behaviour.bond": 1.0,
            "customers.behaviour.disconfirmation_scale": 0.5,
            "customers.behaviour.service_in_experience": 0.5,
        },
    )
    m.run(25)
    attachment = m.customers.column("attachment")[:, 0]
    assert np.allclose(attachment, 1 - 0.98**25, atol=1e-5)


def test_attachment_without_alternatives_or_surprise_stays_where_it_is():
    """One firm, nothing varies: expectation is met, elsewhere is no worse; satisfied is not attached."""
    m = market([STILL_FIRM], {**STILL, **ALL_BUY, "customers.mix": {"premium": 1.0}})
    m.run()
    assert m.customers.column("attachment").max() < 1e-6
    assert np.abs(m.customers.column("satisfaction")).max() < 1e-6


def test_scenarios_of_one_seed_share_people_needs_and_luck_until_a_policy_touches_them():
    """A gift at one firm leaves every person who never could buy there exactly as they were."""
    one_tier = {"pyramid": {"scheme": "n_tier", "names": ["all"], "shares": [1.0]}}
    plain = [{**one_tier, "reach": 0.5}, {**one_tier, "reach": 1.0}]
    gifts = [{**one_tier, "reach": 0.5, "gift": 2.0}, {**one_tier, "reach": 1.0}]
    nobody_looks_at_totals = {"network.topology": "empty", "customers.behaviour.trust_weight": 0.0}
    without, given = (market(firms, nobody_looks_at_totals) for firms in (plain, gifts))
    without.run()
    given.run()
    untouched = (without.customers.column("reach") & 1) == 0
    assert 100 < untouched.sum() < 400
    for name in ("attachment", "opinion", "habit", "volume", "bought_at"):
        a, b = without.customers.column(name), given.customers.column(name)
        assert np.array_equal(a[untouched], b[untouched])
    assert not np.array_equal(without.customers.column("bought_at"), given.customers.column("bought_at"))


def test_a_promise_to_everybody_is_kept_for_nobody():
    """Capacity for half the load: delivery falls to half of what is promised, and satisfaction below zero."""
    tight = market([{"service": 0.8, "capacity": 0.1}, {}], {**ALL_BUY})
    tight.run()
    firm = tight.firms["Firm0"]
    load = (firm.stock.sum(axis=1) * firm.policy.service).sum()
    assert firm.delivery == pytest.approx(min(1.0, 0.1 * 500 / load))
    assert firm.delivery < 0.5
    costs = tight.history.firm_costs[-1][0]
    assert costs[1] == pytest.approx(0.5 * 0.1 * 500)


def test_quality_below_the_floor_is_refused_and_above_what_is_wanted_is_not_valued():
    from sim.firms import quality_value

    assert quality_value(0.19, 0.2, 0.9) < 0
    assert quality_value(0.2, 0.2, 0.9) == 0.0
    assert quality_value(0.55, 0.2, 0.9) == pytest.approx(0.5)
    assert quality_value(0.9, 0.2, 0.9) == quality_value(1.0, 0.2, 0.9) == 1.0
    m = market([{"quality": 0.1}, {}])
    m.run()
    assert purchases(m)[0] == 0
    assert purchases(m)[1] > 0


def test_every_cause_of_loss_can_be_told():
    """One market with everything that drives customers away knows every cause."""
    m = market(
        [
            {"strategy": {"name": "fire_lead", "service": {"lead": 1.0}}, "service_cost": 4.0, "failure_rate": 0.2},
            {"programme": {"points_per_money": 2.0, "redeem_at": 50.0, "reward_worth": 5.0}},
            {"quality": 0.7, "service": 0.9},
            {"price": 0.9},
        ],
        {"customers.count": 3000, "customers.activity_window": 13, "customers.turnover": 0.005},
        events=[
            {"kind": "exit", "firm": "Firm3", "at": 100},
            {"kind": "programme_end", "firm": "Firm1", "at": 50},
            {"kind": "price_change", "firm": "Firm2", "factor": 1.3, "at": 60},
        ],
        periods=130,
    )
    results = m.run()
    causes = set(results.losses["cause"])
    assert causes == {cause.name.lower() for cause in Cause}


@pytest.mark.parametrize("opens", [0, 5])
def test_a_firm_may_close_for_a_time(opens: int):
    """It sells from its entry (or the start) until its exit, and again once it enters anew."""
    events = [{"kind": "entry", "firm": "Firm0", "at": at} for at in ((30,) if opens == 0 else (30, opens))]
    m = market([STILL_FIRM, {}], events=[*events, {"kind": "exit", "firm": "Firm0", "at": 15}])
    sold = m.run().periods.query("firm == 'Firm0'")["purchases"].to_numpy()
    assert (sold[opens:15] > 0).all()
    assert (sold[30:] > 0).all()
    assert not sold[:opens].any()
    assert not sold[15:30].any()


def test_settings_in_money_and_shares_reach_the_books():
    """One purchase on paper: basket 30 at price 1, discount 10%, goods 18, channel 1, gift 0.5, welcome 2."""
    m = market(
        [{**STILL_FIRM, "discount": 0.1, "gift": 0.5, "welcome": 2.0}],
        {**STILL, **ALL_BUY, "customers.count": 1, "customers.demand.basket_shape": 1e6, "network.topology": "empty"},
    )
    m.step()
    books = m.history.books[0].sum(axis=(0, 1, 2))
    assert books[Line.PURCHASES] == 1
    assert books[Line.REVENUE] == pytest.approx(27.0, rel=0.01)
    assert books[Line.DISCOUNTS] == pytest.approx(3.0, rel=0.01)
    assert books[Line.GOODS] == pytest.approx(18.0, rel=0.01)
    assert (books[Line.CHANNEL], books[Line.INCENTIVES], books[Line.ACQUISITION]) == (1.0, 0.5, 2.0)
    assert books[Line.SERVICE] == pytest.approx(0.4**2 * 1.0)


def test_a_scenario_without_changes_is_itself():
    assert scenario().content_hash() == scenario().content_hash()
    assert scenario().content_hash() != scenario(changes={"customers.turnover": 0.002}).content_hash()
