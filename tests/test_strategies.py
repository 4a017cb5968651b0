"""A battery that every strategy passes, and what each does, by a hand-written view."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

import sim.strategies
from sim.accounts import Cause, Line
from sim.channels import DEFAULT_CHANNELS
from sim.firm_settings import FirmSpec
from sim.policy import PER_TIER, Policy
from sim.pricing import PricingSpec
from sim.pyramids import FourTier, NTier, TwoTier
from sim.strategies import STRATEGIES, Luck, MarketView
from sim.strategies.base import Decider
from sim.strategies.best_response import profit_in_mind
from tests.markets import Market, market, scenario

EXAMPLES: dict[str, dict[str, Any]] = {
    "equal_treatment": {},
    "tiered_service": {"service": {"platinum": 0.9, "lead": 0.1}},
    "tiered_incentives": {"discount": {"platinum": 0.1}, "points": {"gold": 2.0}, "gift": {"platinum": 1.0}},
    "reward_the_best": {},
    "chase_acquisition": {},
    "cut_price": {},
    "advocate_first": {"service": {"platinum": 0.9}},
    "fire_lead": {"service": {"gold": 0.7}},
    "hill_climb": {"gift_step": 0.5},
    "imitate_the_leader": {},
    "bandit": {"menu": {"as_set": {}, "attentive": {"service": {"gold": 0.8}}, "cheap": {"price": 0.9}}},
    "elasticity_led": {},
    "best_response": {"people": 40, "horizon": 5, "settling": 2, "tries": 2},
    "level_budget": {"gift": 0.5},
}


def base_policy() -> Policy:
    return FirmSpec(name="Aurora").base_policy(DEFAULT_CHANNELS)


def market_view(**changes: Any) -> MarketView:
    base = base_policy()
    view = MarketView(
        firm="Aurora",
        period=13,
        base=base,
        current=base,
        customers=np.array([10, 30, 100, 60]),
        contribution=np.array([500.0, 400.0, 300.0, -50.0]),
        rival_prices={"Borealis": 1.0, "Corona": 0.95},
        share=0.3,
        purchases=np.array([20, 25, 30, 5]),
        revenue=np.array([900.0, 800.0, 700.0, 100.0]),
        service_cost=np.array([20.0, 60.0, 200.0, 120.0]),
        incentive_cost=np.zeros(4),
        gained=np.array([0, 1, 5, 9]),
        lost=np.array([0, 2, 3, 8]),
        rival_shares={"Borealis": 0.5, "Corona": 0.2},
        settings=FirmSpec(name="Aurora"),
        goods_cost=np.array([540.0, 480.0, 420.0, 60.0]),
        channels={"store": DEFAULT_CHANNELS["store"]},
        buyers=None,
    )
    return replace(view, **changes)


def make(name: str, **changes: Any) -> sim.strategies.Strategy:
    return STRATEGIES[name](**{**EXAMPLES[name], **changes})


def begin(strategy: sim.strategies.Strategy, seed: int = 1, firm: str = "Aurora") -> Decider:
    return strategy.begin(Luck(seed, firm))


def posted_by(decider: Decider, n: int = 12) -> list[Policy]:
    """Return what is posted over some reviews, whose books change from one to the next and in no simple way."""
    posted = []
    for k in range(n):
        swing = 1.0 + 0.3 * np.sin(5.0 * k + np.arange(4))
        view = market_view(
            period=13 * k,
            contribution=swing * [500.0, 400.0, 300.0, -50.0],
            revenue=swing[::-1] * [900.0, 800.0, 700.0, 100.0],
        )
        if posted:
            cost = 2.0 * view.customers * posted[-1].service ** 2
            view = replace(view, current=posted[-1], service_cost=cost)
        posted.append(decider.decide(view))
    return posted


def equal(a: Policy, b: Policy) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in Policy.__slots__)


@pytest.mark.parametrize("name", STRATEGIES)
class TestEveryStrategy:
    def test_it_posts_a_legal_policy_for_every_tier(self, name: str):
        for posted in posted_by(begin(make(name))):
            assert posted.tiers == FourTier().tiers
            for lever in PER_TIER:
                assert getattr(posted, lever).shape == (4,)

    def test_the_view_is_left_unchanged(self, name: str):
        decider = begin(make(name))
        for k in range(7):
            view = market_view(period=13 * k)
            before = pickle.dumps(view)
            decider.decide(view)
            assert pickle.dumps(view) == before

    def test_the_same_views_give_the_same_policies(self, name: str):
        assert all(map(equal, posted_by(begin(make(name))), posted_by(begin(make(name)))))

    def test_every_run_begins_afresh(self, name: str):
        """Two firms that share their settings share nothing that either has learnt."""
        strategy = make(name)
        alone = posted_by(begin(strategy))
        one, other = begin(strategy), begin(strategy)
        posted_by(one, 5)
        assert all(map(equal, alone, posted_by(other)))

    def test_it_survives_pickling(self, name: str):
        copy = pickle.loads(pickle.dumps(make(name)))
        assert copy == make(name)
        assert all(map(equal, posted_by(begin(copy)), posted_by(begin(make(name)))))
        decider = begin(make(name))
        posted_by(decider, 5)
        halfway = pickle.loads(pickle.dumps(decider))
        assert equal(halfway.decide(market_view()), decider.decide(market_view()))

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

    def test_the_same_seed_gives_the_same_run(self, name: str):
        rank_by = "total_contribution" if name == "advocate_first" else "profit"
        firm = {"strategy": {"name": name, **EXAMPLES[name]}, "pyramid": {"rank_by": rank_by, "review_every": 4}}
        small = scenario([firm, {}], {"customers.count": 100})
        digests = []
        for _ in range(2):
            m = Market(small, seed=3)
            m.run(40)
            digests.append(m.digest())
        assert digests[0] == digests[1]


def test_every_strategy_file_is_registered():
    files = {path.stem for path in Path(sim.strategies.__file__).parent.glob("*.py")} - {
        "__init__",
        "base",
        "moves",
        "own",
    }
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
    assert m.history.books[13][0, :, :, Line.LOST + Cause.FIRED].sum() == fired.sum()
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


def test_the_climber_keeps_a_step_that_paid_and_takes_it_further():
    decider = begin(make("hill_climb", gift_step=0.0))
    earned = [100.0, 100.0, 120.0]  # nothing known; the base policy's; the first trial's
    posted = [decider.decide(market_view(period=13 * k, contribution=np.array([e]))) for k, e in enumerate(earned)]
    base, first, second = posted
    assert equal(base, base_policy())
    changes = [(lever, *np.flatnonzero(getattr(first, lever) != getattr(base, lever))) for lever in PER_TIER]
    [(lever, tier)] = [change for change in changes if len(change) > 1]
    steps = [getattr(b, lever)[tier] - getattr(a, lever)[tier] for a, b in ((base, first), (first, second))]
    assert steps[0] == pytest.approx(steps[1])
    assert abs(steps[0]) == pytest.approx({"service": 0.1, "discount": 0.02}[lever])


def test_the_climber_goes_back_and_reads_afresh_after_a_step_that_did_not_pay():
    decider = begin(make("hill_climb"))
    earned = [100.0, 100.0, 90.0, 80.0, 85.0]
    posted = [decider.decide(market_view(period=13 * k, contribution=np.array([e]))) for k, e in enumerate(earned)]
    is_base = [equal(policy, base_policy()) for policy in posted]
    assert is_base == [True, False, True, False, False]  # 85 beats the 80 read afresh, not the 100 of old


def test_climbers_try_by_the_luck_of_their_seed_and_firm():
    tried = {
        (seed, firm): pickle.dumps(posted_by(begin(make("hill_climb"), seed, firm), 2)[1])
        for seed in range(4)
        for firm in ("Aurora", "Borealis")
    }
    assert len(set(tried.values())) > 2
    assert any(tried[seed, "Aurora"] != tried[seed, "Borealis"] for seed in range(4))


def test_the_climber_stays_where_there_is_no_lever_to_move():
    still = make("hill_climb", service_step=0.0, discount_step=0.0, gift_step=0.0)
    assert all(equal(policy, base_policy()) for policy in posted_by(begin(still)))


@pytest.mark.parametrize(
    ("share", "shares", "price"),
    [
        (0.3, {"Borealis": 0.5, "Corona": 0.2}, 1.1),  # half the way to the leader's 1.2
        (0.3, {"Borealis": 0.2, "Corona": 0.5}, 0.9),
        (0.6, {"Borealis": 0.3, "Corona": 0.1}, 1.0),  # a leader stays
        (0.0, {"Borealis": 0.0, "Corona": 0.0}, 1.0),  # nothing is sold yet
        (1.0, {}, 1.0),
    ],
)
def test_imitators_move_half_the_way_to_a_larger_rival(share: float, shares: dict[str, float], price: float):
    prices = {"Borealis": 1.2, "Corona": 0.8}
    view = market_view(share=share, rival_shares=shares, rival_prices={name: prices[name] for name in shares})
    assert make("imitate_the_leader").decide(view).price == pytest.approx(price)


def test_imitators_follow_nobody_below_the_floor():
    view = market_view(rival_shares={"Corona": 0.9}, rival_prices={"Corona": 0.2})
    assert make("imitate_the_leader", floor=0.8).decide(view).price == 0.8


def test_the_bandit_tries_all_then_weighs_record_against_doubt():
    """By hand: two cycles at the first, one at the second, n = 3: the means scale to 1 and 0.

    The bounds are 1 + c sqrt(2 ln 3 / 2) and c sqrt(2 ln 3): 2.05 and 1.48 at c = 1; the second leads above c = 2.3.
    """
    menu = {"usual": {}, "cheap": {"price": 0.9}}
    for exploration, second in ((1.0, 1.0), (3.0, 0.9)):
        decider = begin(make("bandit", menu=menu, exploration=exploration))
        prices = [decider.decide(market_view(contribution=np.array([e]))).price for e in (0.0, 100.0, 50.0)]
        assert prices == [1.0, 0.9, 1.0]
        assert decider.decide(market_view(contribution=np.array([100.0]))).price == second


def test_the_allocator_moves_service_to_where_spending_brought_most():
    """Gold answers each unit spent with 3 of revenue, iron with 1, the others with none."""
    slopes, decider, current = np.array([0.0, 3.0, 1.0, 0.0]), begin(make("elasticity_led")), base_policy()
    levels = []
    for k in range(8):
        view = market_view(period=13 * k, current=current)
        cost = view.customers * current.service**2
        current = decider.decide(replace(view, service_cost=cost, revenue=50.0 * view.customers + slopes * cost))
        levels.append(current.service)
    for k, tried in enumerate(levels[1:5]):
        assert_array_equal(np.flatnonzero(tried > 0.4), [k])
    assert_allclose(decider.elasticities(), slopes, atol=1e-9)
    assert levels[5][1] > 0.4
    assert np.delete(levels[5], 1).min() < 0.4
    view = market_view()
    assert (view.customers * levels[5] ** 2).sum() == pytest.approx((view.customers * 0.4**2).sum())


def test_the_allocator_knows_nothing_of_a_tier_whose_spend_hardly_varied():
    """Spend 1.00, 1.04, 1.00, 1.04 is 1.02 +- 0.02, 2%: revenue moved by 4, for other reasons, is no slope of 100."""
    decider = begin(make("elasticity_led"))
    spent = np.array([[1.00, 1.0, 1.0, 1.00], [1.04, 1.2, 1.0, 1.11], [1.00, 1.0, 1.4, 1.00], [1.04, 1.2, 1.0, 1.11]])
    paid = np.array(
        [[50.0, 50.0, 50.0, 50.0], [46.0, 50.6, 50.0, 50.0], [50.0, 50.0, 50.4, 50.0], [46.0, 50.6, 50.0, 50.0]]
    )
    decider.reviews.extend(zip(spent, paid, strict=True))
    assert_allclose(decider.elasticities(), [np.nan, 3.0, 1.0, 0.0], atol=1e-9)  # 0.11 apart is 5.2% of the mean
    moved = decider._moved(base_policy().service, market_view())
    assert moved[0] == 0.4
    assert moved[3] < 0.4 < moved[1]
    decider.reviews.clear()
    decider.reviews.extend([(np.full(4, 1.0), np.full(4, 50.0))] * 3)
    assert_array_equal(decider._moved(base_policy().service, market_view()), base_policy().service)


def test_the_best_response_to_selling_below_cost_is_to_raise_the_price():
    """At a price of 0.5 every purchase loses money, as a unit costs 0.6: the step up loses less than the step down."""
    decider = begin(make("best_response", people=200, horizon=13, price_step=0.2, service_step=0.0, discount_step=0.0))
    cheap = base_policy().replace(price=0.5)
    assert decider.decide(market_view(base=cheap, current=cheap)).price == pytest.approx(0.6)


def test_a_firm_that_thinks_leaves_the_price_to_its_price_method():
    """It would ask a fifth more than half the usual price, but there is nothing to try where that is not its to set."""
    how = make("best_response", people=200, horizon=13, price_step=0.2, service_step=0.0, discount_step=0.0)
    cheap, priced = base_policy().replace(price=0.5), FirmSpec(name="Aurora", pricing=PricingSpec())
    assert begin(how).decide(market_view(base=cheap, current=cheap)).price == pytest.approx(0.6)
    assert begin(how).decide(market_view(base=cheap, current=cheap, settings=priced)).price == 0.5


def test_a_firm_that_thinks_keeps_what_it_cannot_better_and_waits_for_its_first_books():
    still = make("best_response", price_step=0.0, service_step=0.0, discount_step=0.0)
    assert equal(begin(still).decide(market_view()), base_policy())
    eager = begin(make("best_response", price_step=0.5))
    no_books = market_view(purchases=np.zeros(4, dtype=np.int64), customers=np.zeros(4, dtype=np.int64))
    assert equal(eager.decide(no_books), base_policy())


def test_the_market_in_mind_has_the_rivals_that_are_seen():
    """Alone, a firm earns more than beside a rival who asks half its price, on the same people with the same luck."""
    how = make("best_response", people=200, horizon=13)
    alone, beside = market_view(rival_prices={}), market_view(rival_prices={"Corona": 0.5})
    assert profit_in_mind(alone, base_policy(), how, 3) > profit_in_mind(beside, base_policy(), how, 3)


# ---- one budget by level --------------------------------------------------------------------------------------------


def spent_by(how: dict[str, Any], customers: list[int], revenue: list[float]) -> tuple[Policy, float, float]:
    """Return what is posted, what its service costs and what its gifts do, for a purchase per unit of revenue."""
    view = market_view(customers=np.array(customers), revenue=np.array(revenue))
    posted = STRATEGIES["level_budget"](**how).decide(view)
    return posted, float((view.customers * posted.service**2).sum()), float((view.revenue * posted.gift).sum())


def test_a_budget_by_level_spends_what_treating_all_alike_would():
    """Four tiers, the top served three times as the lowest: 3, 7/3, 5/3 and 1 on a scale."""
    how = {"service": 0.5, "gift": 2.0, "top": 3.0}
    posted, on_service, on_gifts = spent_by(how, [5, 15, 50, 30], [200.0, 300.0, 400.0, 100.0])
    assert posted.service / posted.service[-1] == pytest.approx([3, 7 / 3, 5 / 3, 1])
    assert posted.gift / posted.gift[-1] == pytest.approx([3, 7 / 3, 5 / 3, 1])
    assert on_service == pytest.approx(100 * 0.25)
    assert on_gifts == pytest.approx(1000 * 2.0)


def test_who_is_fully_served_leaves_the_rest_of_the_budget_to_others():
    """At a budget of 0.8 squared per customer, tenfold: the top tier can be given no more than 1."""
    posted, on_service, _ = spent_by({"service": 0.8, "top": 10.0}, [5, 15, 50, 30], [1.0, 1.0, 1.0, 1.0])
    assert posted.service.max() == 1.0
    assert (np.diff(posted.service) <= 0).all()
    assert on_service == pytest.approx(100 * 0.64)


@pytest.mark.parametrize(("customers", "revenue"), [([0] * 4, [0.0] * 4), ([10, 0, 0, 0], [0.0] * 4)])
def test_without_customers_or_sales_there_is_still_a_policy(customers, revenue):
    posted, on_service, _ = spent_by({"service": 0.5, "gift": 1.0}, customers, revenue)
    assert on_service == pytest.approx(0.25 * sum(customers))
    assert (posted.gift > 0).all()
