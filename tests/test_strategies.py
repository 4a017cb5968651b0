"""A battery that every strategy passes, and what each does, by a hand-written view."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pydantic import ValidationError

import sim.strategies
from sim.firm_settings import DEFAULT_CHANNELS, FirmSpec
from sim.policy import PER_TIER, Policy
from sim.pyramids import FourTier, NTier, TwoTier
from sim.strategies import STRATEGIES, MarketView
from tests.markets import market

EXAMPLES: dict[str, dict[str, Any]] = {
    "equal_treatment": {},
    "tiered_service": {"service": {"platinum": 0.9, "lead": 0.1}},
    "tiered_incentives": {"discount": {"platinum": 0.1}, "points": {"gold": 2.0}, "gift": {"platinum": 1.0}},
    "reward_the_best": {},
    "chase_acquisition": {},
    "cut_price": {},
    "advocate_first": {"service": {"platinum": 0.9}},
    "fire_lead": {"service": {"gold": 0.7}},
}


def base_policy() -> Policy:
    return FirmSpec(name="Aurora").base_policy(DEFAULT_CHANNELS)


def market_view(**changes: Any) -> MarketView:
    base = base_policy()
    view = MarketView(
        period=13,
        base=base,
        current=base,
        customers=np.array([10, 30, 100, 60]),
        contribution=np.array([500.0, 400.0, 300.0, -50.0]),
        rival_prices={"Borealis": 1.0, "Corona": 0.95},
        share=0.3,
    )
    return replace(view, **changes)


def make(name: str, **changes: Any) -> sim.strategies.Strategy:
    return STRATEGIES[name](**{**EXAMPLES[name], **changes})


def equal(a: Policy, b: Policy) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in Policy.__slots__)


@pytest.mark.parametrize("name", STRATEGIES)
class TestEveryStrategy:
    def test_it_posts_a_legal_policy_for_every_tier(self, name: str):
        posted = make(name).decide(market_view())
        assert posted.tiers == FourTier().tiers
        for lever in PER_TIER:
            assert getattr(posted, lever).shape == (4,)

    def test_the_view_is_left_unchanged(self, name: str):
        view = market_view()
        before = pickle.dumps(view)
        make(name).decide(view)
        assert pickle.dumps(view) == before

    def test_the_same_view_gives_the_same_policy(self, name: str):
        assert equal(make(name).decide(market_view()), make(name).decide(market_view()))

    def test_it_survives_pickling(self, name: str):
        copy = pickle.loads(pickle.dumps(make(name)))
        assert copy == make(name)
        assert equal(copy.decide(market_view()), make(name).decide(market_view()))

    def test_it_refuses_keys_it_does_not_know(self, name: str):
        with pytest.raises(ValidationError, match="Extra inputs"):
            make(name, charm=1.0)

    def test_it_is_told_in_words(self, name: str):
        assert len((STRATEGIES[name].__doc__ or "").strip()) > 40

    def test_it_runs_in_a_market(self, name: str):
        rank_by = "total_contribution" if name == "advocate_first" else "profit"
        firm = {"strategy": {"name": name, **EXAMPLES[name]}, "pyramid": {"rank_by": rank_by}}
        m = market([firm, {}], {"customers.count": 200})
        m.run(30)
        assert m.firms["Firm0"].n_customers > 0


def test_every_strategy_file_is_registered():
    files = {path.stem for path in Path(sim.strategies.__file__).parent.glob("*.py")} - {"__init__", "base"}
    assert files == set(STRATEGIES)
    assert all(cls.model_fields["name"].default == name for name, cls in STRATEGIES.items())


def test_equal_treatment_is_the_base_policy():
    assert equal(make("equal_treatment").decide(market_view()), base_policy())
    assert_array_equal(make("equal_treatment", service=0.7).decide(market_view()).service, [0.7] * 4)


def test_tiered_service_changes_service_alone():
    posted = make("tiered_service").decide(market_view())
    assert_array_equal(posted.service, [0.9, 0.4, 0.4, 0.1])
    assert equal(posted.replace(service=0.4), base_policy())


def test_tiered_incentives_leave_service_alone():
    posted = make("tiered_incentives").decide(market_view())
    assert_array_equal(posted.discount, [0.1, 0, 0, 0])
    assert_array_equal(posted.points, [1, 2, 1, 1])
    assert_array_equal(posted.gift, [1, 0, 0, 0])
    assert_array_equal(posted.service, base_policy().service)


def test_reward_the_best_lavishes_on_the_top_tier_only():
    posted = make("reward_the_best").decide(market_view())
    assert_array_equal(posted.service, [0.9, 0.4, 0.4, 0.4])
    assert_array_equal(posted.gift, [1, 0, 0, 0])


def test_chase_acquisition_moves_money_from_service_to_new_customers():
    posted = make("chase_acquisition").decide(market_view())
    assert (posted.advertising, posted.welcome) == (0.15, 5.0)
    assert_array_equal(posted.service, [0.2] * 4)


@pytest.mark.parametrize(
    ("rivals", "price"),
    [({"B": 1.0}, 0.95), ({"B": 0.5}, 0.7), ({"B": 2.0}, 1.0), ({}, 0.95), ({"B": 1.0, "C": 0.8}, 0.76)],
)
def test_cut_price_undercuts_the_cheapest_but_not_below_its_floor_nor_above_its_base(rivals, price):
    assert make("cut_price").decide(market_view(rival_prices=rivals)).price == pytest.approx(price)


def test_fire_lead_puts_only_the_lowest_tier_up_for_dismissal():
    assert_array_equal(make("fire_lead").decide(market_view()).fire, [False, False, False, True])


def test_a_price_war_ends_at_the_floor():
    firms = [{"strategy": {"name": "cut_price", "floor": 0.8}} for _ in range(2)]
    m = market(firms, periods=260)
    prices = []
    for _ in range(130):
        m.step()
        prices.append([firm.policy.price for firm in m.firms.values()])
    assert prices[0] == [0.95, 0.95]
    assert prices[-1] == [0.8, 0.8]
    assert (np.diff(prices, axis=0) <= 0).all()


def test_firms_decide_on_what_rivals_posted_before_not_on_what_they_decide_now():
    """At the first review both undercut the old price of 1 alike, whoever is listed first."""
    m = market([{"strategy": "cut_price"}, {"strategy": "cut_price"}])
    m.step()
    assert [firm.policy.price for firm in m.firms.values()] == [0.95, 0.95]


def test_firing_the_lead_tier_lets_go_only_those_who_cost_more_than_they_bring():
    m = market([{"strategy": {"name": "fire_lead", "service": {"lead": 1.0}}, "service_cost": 3.0}, {}])
    for _ in range(13):
        m.step()
    margin = m.customers.column("margin")[:, 0]
    costs = 3.0 * m.firms["Firm0"].policy.service ** 2
    tiers, since = m.customers.column("tier")[:, 0], m.customers.column("since")[:, 0]
    profit = (margin - costs[tiers] * (13 - np.maximum(since, 0)))[m.customers.column("is_active")[:, 0] == 1]
    assert (profit < 0).any()
    m.step()
    fired = m.customers.column("barred_until")[:, 0] == 32_000
    assert 0 < fired.sum() < (profit < 0).sum() + 1
    assert not (m.customers.column("is_active")[:, 0] == 1)[fired].any()
    assert m.history.books[13][0, :, :, 25].sum() == fired.sum()
    while m.period < 60:
        m.step()
    assert not (m.customers.column("bought_at")[:, 0] >= 13)[fired & (m.customers.column("id") < 2**32)].any()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"service": 1.5}, "0 to 1"),
        ({"discount": 1.0}, "0 to below 1"),
        ({"gift": -1.0}, "0 or more"),
        ({"service": np.nan}, "finite"),
        ({"price": 0.0}, "price must be positive"),
    ],
)
def test_a_policy_that_no_firm_could_post_is_refused(change, told):
    with pytest.raises(ValueError, match=told):
        base_policy().replace(**change)


def test_a_policy_needs_one_value_per_tier():
    with pytest.raises(ValueError, match="one value per tier"):
        Policy(**{**{name: getattr(base_policy(), name) for name in Policy.__slots__}, "service": np.ones(3)})


def test_two_and_n_tier_firms_post_their_own_tiers():
    for pyramid in (TwoTier(), NTier(names=("a", "b", "c"), thresholds=(100.0, 10.0))):
        spec = FirmSpec(name="X", pyramid=pyramid)
        assert spec.base_policy(DEFAULT_CHANNELS).tiers == pyramid.tiers
