"""The four tests of the levers beside service, discounts, gifts and points: costs as booked, worth by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.accounts import FirmCost, Line
from sim.crm.more_levers import Folk, PerPurchase
from tests.markets import STILL, STILL_FIRM, Market, Results, market

ONE_TIER = {"scheme": "n_tier", "names": ["all"], "shares": [1.0]}
FIRM = {**STILL_FIRM, "pyramid": ONE_TIER}
PRIZES = {"chance": 0.1, "worth": 9.0, "cost": 6.0}
ALIKE = {**STILL, "customers.mix": {"convenience": 1.0}}


def judged(
    own: dict[str, Any], changes: dict[str, Any] | None = None, **settings: Any
) -> tuple[Market, Results, pd.DataFrame]:
    """Return a market in which a firm with a lever has a rival without, its results, and the firm's four tests."""
    m = market([{**FIRM, **own}, FIRM], {**ALIKE, **(changes or {})}, **settings)
    results = m.run()
    return m, results, results.four_tests[results.four_tests["firm"] == "Firm0"].set_index("lever")


def booked(m: Market, line: Line) -> float:
    """Return what a line of the firm's books came to in the long run."""
    return float(np.array(m.history.books[-m.horizon :])[:, 0, ..., line].sum())


def paid(m: Market, cost: FirmCost) -> float:
    """Return what a cost of the firm as a whole came to in the long run."""
    return float(np.array(m.history.firm_costs[-m.horizon :])[:, 0, cost].sum())


def test_what_a_utility_at_purchases_is_worth_by_hand() -> None:
    """A price cut of half of 8 at each purchase, and of half of 16 at every second: 16/3 at one on average."""
    people = {
        "price_weight": np.array([2.0, 2.0]),
        "service_weight": np.array([1.0, 0.5]),
        "basket": np.array([10.0, 20.0]),
        "rate": np.array([3.0, 0.5]),
    }
    folk = Folk(people, np.array([1, 1]), np.array([1.0, 0.8]))
    served = {"service_weight": np.array([0.0, 4.0 * math.log(2.0)])}
    one = PerPurchase("x", np.ones(2), {"service_weight": np.array([0.0, 2.0 * math.log(2.0)])}, np.ones(2), np.ones(2))
    whole = Folk({**people, "service_weight": np.ones(2)}, folk.tier, folk.price)
    assert one.judged(whole).worth == pytest.approx([0.0, (4.0 + 8.0 * 0.5) / 1.5])
    two = one._replace(utility=served, times=np.array([5.0, 3.0]))
    assert two.judged(folk).worth == pytest.approx([0.0, 3.0 * (8.0 * 0.75 + 8.0 * 0.5) / 1.5])


def test_recovery_and_goodwill_by_hand() -> None:
    """What is made good gives back 0.4 of experience, as 0.4/0.7 of the quality that is wanted would."""
    m, _, table = judged({"failure_rate": 0.5, "service": 0.9, "complaint_cost": 2.0, "goodwill": 3.0})
    complaints, made_good = booked(m, Line.COMPLAINTS), booked(m, Line.RECOVERIES)
    assert table.loc["recovery", "cost"] == pytest.approx(2.0 * complaints)
    assert table.loc["goodwill", "cost"] == pytest.approx(3.0 * made_good)
    assert table.loc["recovery", "cost"] + table.loc["goodwill", "cost"] == pytest.approx(booked(m, Line.RECOVERY))
    people = m.town.people[m.town.relations["is_active"][:, 0] == 1]
    often = np.minimum(1.0, people["rate"].astype(np.float64))
    cut = 1.0 - math.exp(-float(people["quality_weight"][0]) * (0.5 * 0.8 / 0.7) / float(people["price_weight"][0]))
    worth = cut * (people["basket"] * often).sum() / often.sum()
    assert table.loc["recovery", "worth_per_cost"] == pytest.approx(worth * made_good / (2.0 * complaints), rel=1e-6)
    assert table.loc["recovery", "experienced"] == pytest.approx(made_good / complaints)
    assert table.loc["goodwill", "worth_per_cost"] == pytest.approx(1.5)  # the worth of gifts


def test_contact_is_judged_beside_service() -> None:
    """Each costs what is booked for it."""
    firm = {"pyramid": {**ONE_TIER, "review_every": 10}, "contact": {"attention": 0.5, "pay": 0.4, "warmth": 0.5}}
    m, _, table = judged({**firm, "service": 0.5}, {"customers.activity_window": 60, "customers.demand.mean_rate": 5.0})
    assert table.loc["service", "cost"] == pytest.approx(booked(m, Line.SERVICE))
    assert table.loc["contact", "cost"] == pytest.approx(booked(m, Line.CONTACT))
    assert table.loc["contact", "cost"] == pytest.approx(0.5 * 0.4 * m.history.stock[-1][0].sum() * 20, rel=0.02)
    assert 0.9 < table.loc["contact", "experienced"] <= 1.0  # after five reviews, 31/32 of the way for all who stayed
    assert table.loc["contact", "worth_per_cost"] > 0.0
    nobody_cares = {
        "customers.types": {"convenience": {"attachment_weight": 0.0}},
        "customers.behaviour.trust_weight": 0.0,
    }
    _, _, table = judged(firm, nobody_cares)
    assert table.loc["contact", "worth_per_cost"] == 0.0


def test_a_guest_is_given_the_surplus_of_coming_by_hand() -> None:
    """With even odds to come, ln 2 at a weight of price of 1 halves a price; half of the invited come."""
    plain = {"price_weight": 1.0, "attachment_weight": 0.0, "reward_weight": 0.0, "effort_weight": 0.0}
    event = {
        "name": "open day",
        "at": 45,
        "every": 5,
        "appeal": 0.0,
        "places": 0.1,
        "guest_cost": 2.0,
        "fixed_cost": 0.01,
    }
    m, results, table = judged({"occasions": [event]}, {"customers.types": {"convenience": plain}})
    guests = booked(m, Line.GUESTS)
    assert guests > 0
    assert table.loc["events", "cost"] == pytest.approx(booked(m, Line.INCENTIVES) + paid(m, FirmCost.EVENTS))
    basket = m.town.people["basket"][m.town.relations["is_active"][:, 0] == 1].astype(np.float64).mean()
    assert table.loc["events", "worth_per_cost"] == pytest.approx(basket * guests / table.loc["events", "cost"])
    held = results.occasions.query("period >= 40")
    assert table.loc["events", "experienced"] == pytest.approx(guests / held["willing"].sum())
    assert table.loc["events", "experienced"] < 1.0


@pytest.mark.parametrize(
    ("own", "lever", "lines", "worth"),
    [
        ({"referral": {"reward": 4.0}, "service": 1.0}, "referral", (Line.INCENTIVES,), 1.5),
        ({"welcome": 2.0}, "welcome", (Line.ACQUISITION,), 1.0),
        ({"programme": {"kind": "cash_back"}}, "cash back", (Line.INCENTIVES,), 1.0),
        ({"programme": {"kind": "prizes", "prizes": PRIZES}}, "prizes", (Line.INCENTIVES,), 1.5),
    ],
)
def test_what_is_given_in_money_costs_what_is_booked(
    own: dict[str, Any], lever: str, lines: tuple[Line, ...], worth: float
) -> None:
    talk = {"customers.behaviour.praise_rate": 1.0, "customers.behaviour.attachment_rise": 1.0}
    m, _, table = judged(own, {**talk, "customers.activity_window": 4})
    assert table.loc[lever, "cost"] == pytest.approx(sum(booked(m, line) for line in lines))
    assert table.loc[lever, "cost"] > 0.0
    assert table.loc[lever, "worth_per_cost"] == pytest.approx(worth)
    assert table.loc[lever, "experienced"] == 1.0


def test_offers_to_come_back_are_worth_what_was_taken() -> None:
    own = {"win_back": {"offer": 4.0, "contact_cost": 0.5, "most": 0.1}}
    m, results, table = judged(own, {"customers.activity_window": 8})
    taken, offers = booked(m, Line.WON_BACK), results.called_back[0]
    assert taken > 0
    assert table.loc["win-back", "cost"] == pytest.approx(booked(m, Line.ACQUISITION))
    assert table.loc["win-back", "worth_per_cost"] == pytest.approx(4.0 * taken / (4.0 * taken + 0.5 * offers))
    assert table.loc["win-back", "experienced"] == pytest.approx(taken / offers)


def test_status_is_worth_the_esteem_of_its_levels() -> None:
    """All hold one level or none: worth is the esteem, of what is paid in a cycle, over the cost of the level."""
    status = {"levels": [1.0], "esteem": 0.05, "level_cost": 0.5}
    own = {"programme": {"kind": "status", "status": status, "enrolment": 1.0}}
    m, _, table = judged(own)
    assert table.loc["status", "cost"] == pytest.approx(booked(m, Line.INCENTIVES))
    holds = (m.town.relations["is_active"][:, 0] == 1) & (m.cards[:, 0] == 2)
    people = m.town.people[holds]
    spend = (people["basket"].astype(np.float64) * np.minimum(1.0, people["rate"])).mean()
    assert table.loc["status", "worth_per_cost"] == pytest.approx(0.05 * spend * 13 / 0.5, rel=1e-6)


def test_credit_costs_interest_and_what_is_never_paid() -> None:
    m, _, table = judged({"credit": {"default_rate": 0.1, "interest": 0.01, "worth": 0.03}})
    cost = booked(m, Line.BAD_DEBT) + paid(m, FirmCost.INTEREST)
    assert table.loc["credit", "cost"] == pytest.approx(cost)
    assert table.loc["credit", "worth_per_cost"] == pytest.approx(0.03 * booked(m, Line.ON_CREDIT) / cost)


def test_delivery_and_channels_share_what_is_booked() -> None:
    own = {"channel": {"web": 0.5, "phone": 0.5}, "business": {"delivery": 0.8, "delivery_cost": 1.5}}
    m, _, table = judged(own, customers={"count": 500, "business": {"delivery": 0.5, "late_rate": 0.2}})
    purchases = booked(m, Line.PURCHASES)
    assert table.loc["delivery", "cost"] == pytest.approx(1.5 * 0.64 * purchases)
    assert table.loc["delivery", "cost"] + table.loc["channel", "cost"] == pytest.approx(booked(m, Line.CHANNEL))
    assert table.loc["delivery", "experienced"] == pytest.approx(1.0 - 0.2 * 0.2)
    people = m.town.people[m.town.relations["is_active"][:, 0] == 1]
    often = np.minimum(1.0, people["rate"].astype(np.float64))
    basket = (people["basket"] * often).sum() / often.sum()
    weight, price_weight = float(people["effort_weight"][0]), float(people["price_weight"][0])
    spared = 0.4 - (0.15 + 0.25) / 2  # third_party is the most laborious
    worth = (1.0 - math.exp(-weight * spared / price_weight)) * basket
    assert table.loc["channel", "worth_per_cost"] == pytest.approx(
        worth * purchases / table.loc["channel", "cost"], rel=1e-6
    )


def test_one_channel_for_all_is_no_lever() -> None:
    _, _, table = judged({"channel": "phone"})
    assert "channel" not in table.index
