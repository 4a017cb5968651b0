"""Each loyalty type alone meets its own temptation, and those of the others, and leaves or stays as it should.

Two like firms, Home and Rival; from period 104 on, one thing changes. The effect is the change in Home's share of the
type's purchases over the last year against the same seed without the change: common random numbers leave only that.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from sim.accounts import Line
from sim.loyalty_types import TYPE_NAMES
from tests.markets import market

CHANGE_AT, PERIODS, YEAR = 104, 182, 52

TEMPTATIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "access": {"events": [{"kind": "access_opened", "at": CHANGE_AT}]},
    "visible_offer": {
        "events": [
            {"kind": "price_change", "firm": "Rival", "factor": 0.9, "at": CHANGE_AT},
            {"kind": "advertising_burst", "firm": "Rival", "spend": 0.5, "periods": PERIODS, "at": CHANGE_AT},
        ]
    },
    "constraint_lifted": {"events": [{"kind": "constraint_lifted", "at": CHANGE_AT}]},
    "easier_rival": {"firms.Rival.channel": "web", "channels": {"web": {"effort": 0.0, "cost": 0.4}}},
    "lower_price": {"events": [{"kind": "price_change", "firm": "Rival", "factor": 0.9, "at": CHANGE_AT}]},
    "rival_rewards": {
        "firms.Rival.programme": {"reward_worth": 8.0, "redeem_at": 200.0},
        "events": [{"kind": "programme_start", "firm": "Rival", "at": CHANGE_AT}],
    },
    "failures": {
        "events": [{"kind": "quality_crisis", "firm": "Home", "failure_rate": 0.35, "at": CHANGE_AT, "periods": 52}]
    },
}


@cache
def purchases(kind: str, temptation: str) -> tuple[float, float]:
    """Return purchases in the last year at Home and at Rival, in a market of one type."""
    m = market(
        [{"name": "Home"}, {"name": "Rival"}],
        {
            "customers.count": 2000,
            "customers.mix": {kind: 1.0},
            "customers.captive_to": "Home",
            **TEMPTATIONS[temptation],
        },
        seed=3,
        periods=PERIODS,
    )
    m.run()
    books = sum(m.history.books[-YEAR:])[..., Line.PURCHASES].sum(axis=(1, 2))
    return float(books[0]), float(books[1])


def loss(kind: str, temptation: str) -> float:
    """Return the share of purchases that Home loses to the temptation."""
    (home, rival), (home_before, rival_before) = purchases(kind, temptation), purchases(kind, "none")
    return home_before / (home_before + rival_before) - home / (home + rival)


def growth(kind: str, temptation: str) -> float:
    """Return the type's purchases relative to those without the temptation."""
    return sum(purchases(kind, temptation)) / sum(purchases(kind, "none"))


def test_monopoly_customers_stay_until_a_rival_gains_access():
    assert purchases("monopoly", "none")[1] == 0
    assert loss("monopoly", "lower_price") == 0.0
    assert loss("monopoly", "access") > 0.3


def test_inertia_does_not_see_a_better_offer_until_it_is_shown():
    assert loss("inertia", "visible_offer") > 1.5 * max(0.0, loss("inertia", "lower_price"))
    assert loss("inertia", "visible_offer") > 0.15
    # who looks around anyway gains nothing from being shown
    assert loss("price", "visible_offer") < 1.4 * loss("price", "lower_price")


def test_latent_customers_buy_little_until_the_constraint_lifts():
    assert growth("latent", "constraint_lifted") > 4.0
    assert sum(purchases("latent", "none")) < 0.3 * sum(purchases("premium", "none"))
    others = [kind for kind in TYPE_NAMES if kind != "latent"]
    assert all(growth(kind, "constraint_lifted") == 1.0 for kind in others)


@pytest.mark.parametrize(
    ("kind", "temptation"),
    [("convenience", "easier_rival"), ("price", "lower_price"), ("incentive", "rival_rewards")],
)
def test_each_type_falls_most_for_its_own_temptation(kind: str, temptation: str):
    own = loss(kind, temptation)
    assert own > 0.06
    for other in ("inertia", "latent", "convenience", "price", "incentive", "premium"):
        if other != kind:
            assert own > 1.5 * loss(other, temptation), other


def test_premium_customers_stay_for_price_and_rewards_but_not_through_repeated_failures():
    failed = loss("premium", "failures")
    assert failed > 0.04
    for temptation in ("lower_price", "rival_rewards", "easier_rival"):
        assert failed > 1.5 * loss("premium", temptation), temptation


def test_premium_customers_are_attached_and_price_customers_cannot_be():
    attached = {}
    for kind in ("premium", "price", "inertia", "convenience"):
        m = market(2, {"customers.count": 1000, "customers.mix": {kind: 1.0}, "periods": 156}, seed=3)
        m.run()
        usual = m.customers.column("usual")
        relations = m.customers.column("attachment")
        attached[kind] = float(relations[usual >= 0, usual[usual >= 0]].mean())
    assert attached["price"] == 0.0
    assert attached["premium"] > 0.25
    assert attached["premium"] > 3 * max(attached["inertia"], attached["convenience"])


def test_incentive_customers_leave_when_the_programme_ends():
    def share(events: list[dict[str, Any]]) -> float:
        m = market(
            [{"name": "Home", "programme": {}}, {"name": "Rival", "programme": {}}],
            {"customers.count": 2000, "customers.mix": {"incentive": 1.0}},
            seed=3,
            periods=PERIODS,
            events=events,
        )
        m.run()
        books = sum(m.history.books[-YEAR:])[..., Line.PURCHASES].sum(axis=(1, 2))
        return float(books[0] / books.sum())

    assert share([]) - share([{"kind": "programme_end", "firm": "Home", "at": CHANGE_AT}]) > 0.2
