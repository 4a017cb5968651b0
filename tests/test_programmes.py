"""Loyalty programmes: who takes part, what members get, how points balance, and what it comes to; all on paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from sim.accounts import Line
from sim.errors import InputError
from sim.records import NEVER
from tests.markets import STILL, STILL_FIRM, Market, market, scenario

#: A need in every period, met by the one firm that is there: 30 money each time.
ALL_BUY = {
    **STILL,
    "customers.behaviour.outside_utility": -50.0,
    "customers.demand.mean_rate": 50.0,
    "customers.demand.rate_shape": 500.0,
    "customers.mix": {"premium": 1.0},
    "network.topology": "empty",
}
EVERY_FOUR = {"scheme": "four_tier", "review_every": 4}


def of_one(programme: dict[str, Any], n: int = 1, n_firms: int = 1, **changes: Any) -> Market:
    """Return a market of ``n`` alike people who buy in every period, from firms with a programme."""
    firm = {**STILL_FIRM, "programme": {"running_cost": 0.0, **programme}, "pyramid": EVERY_FOUR}
    m = market([firm] * n_firms, {**ALL_BUY, "customers.count": n, **changes})
    m.town.people["basket"], m.town.people["search"] = 30.0, 1.0
    return m


def step(m: Market, n: int = 1) -> np.ndarray:
    """Go some periods on, and return the books of the last by firm, shape (n_firms, n_lines)."""
    for _ in range(n):
        m.step()
    return m.history.books[-1].sum(axis=(1, 2))


def stop_buying(m: Market) -> None:
    m.town.pulses["need_at"] = NEVER


def test_cash_comes_back_at_once() -> None:
    """2% of 30."""
    books = step(of_one({"kind": "cash_back", "cash_back": {"share": 0.02}}))[0]
    assert books[Line.REWARDS] == books[Line.INCENTIVES] == 0.6
    assert books[Line.MEMBER_PURCHASES] == 1.0


def test_cash_comes_back_at_the_review() -> None:
    """Nothing for four purchases, then 2% of 120; who has left by then gets nothing."""
    programme = {"kind": "cash_back", "cash_back": {"share": 0.02, "paid_at": "review"}}
    m = of_one(programme)
    assert step(m, 4)[0, Line.INCENTIVES] == 0.0
    assert step(m)[0, Line.INCENTIVES] == pytest.approx(2.4)
    m = of_one(programme, **{"customers.activity_window": 2})
    step(m)
    stop_buying(m)
    step(m, 6)
    assert sum(books[..., Line.LOST :].sum() for books in m.history.books) == 1.0
    assert sum(books[..., Line.INCENTIVES].sum() for books in m.history.books) == 0.0


def test_status_is_earned_by_purchases_and_costs() -> None:
    """Four purchases before the review: the first brings the card, three count."""
    for level, held, cost in ((3.0, 1, 5.0), (4.0, 0, 0.0)):
        m = of_one({"kind": "status", "status": {"levels": [level], "level_cost": 5.0}})
        books = step(m, 5)[0]
        assert m.cards[0, 0] == 1 + held
        assert books[Line.INCENTIVES] == cost


def test_status_is_earned_by_money() -> None:
    """Three purchases of 30 that count are 90."""
    for level, held in ((90.0, 1), (91.0, 0)):
        m = of_one({"kind": "status", "status": {"levels": [level], "earned_by": "revenue"}})
        step(m, 5)
        assert m.cards[0, 0] == 1 + held


def test_status_is_lost_after_its_term_and_that_hurts() -> None:
    m = of_one({"kind": "status", "status": {"levels": [3.0], "term": 2}})
    step(m, 5)
    stop_buying(m)
    step(m, 4)  # the review at 8: one purchase since the last, in 4; missed once
    assert m.cards[0, 0] == 2
    trust = int(m.town.relations[0, 0]["trust_character"])
    step(m, 4)
    assert m.cards[0, 0] == 1
    assert m.town.relations[0, 0]["trust_character"] == np.floor(0.75 * trust + 0.5)


def test_every_purchase_may_win_a_prize() -> None:
    for chance, won in ((1.0, 1.0), (0.0, 0.0)):
        books = step(of_one({"kind": "prizes", "prizes": {"chance": chance, "cost": 7.0}}))[0]
        assert (books[Line.PRIZES], books[Line.INCENTIVES]) == (won, 7.0 * won)


def test_a_tier_outside_the_group_earns_nothing() -> None:
    for group, earned in ((["iron"], 30.0), (["platinum", "gold"], 0.0)):
        books = step(of_one({"group": group}))[0]
        assert books[Line.POINTS_ISSUED] == earned
        assert books[Line.MEMBER_PURCHASES] == earned / 30.0


def test_points_expire_without_a_purchase() -> None:
    """30 points of period 0; at the review in 4 they are four periods old."""
    for expiry, expired in ((4, 30.0), (5, 0.0)):
        m = of_one({"expiry": expiry})
        step(m)
        stop_buying(m)
        assert step(m, 4)[0, Line.POINTS_EXPIRED] == expired
        assert m.firms["Firm0"].points_open == 30.0 - expired


def test_partners_count_points_together_and_clear() -> None:
    """90 points of Firm0 and 30 of Firm1 make a reward of 100 at Firm1, which costs 5.

    70 points are Firm0's: it refunds 0.8 x 5 x 70/100 = 2.8, and 5 - 2.8 = 2.2 is left to Firm1; 20 points stay open.
    """
    m = of_one({"coalition": "both", "redeem_at": 100, "reward_cost": 5.0, "clearing": 0.8}, n_firms=2)
    m.town.relations["barred_until"][0, 1] = 3
    step(m, 3)
    m.town.relations["barred_until"][0, 0] = NEVER
    first, second = step(m)
    assert (first[Line.POINTS_REDEEMED], second[Line.POINTS_REDEEMED]) == (70.0, 30.0)
    assert (first[Line.POINTS_HONOURED], second[Line.POINTS_HONOURED]) == (0.0, 70.0)
    assert first[Line.INCENTIVES] == pytest.approx(2.8)
    assert second[Line.INCENTIVES] == pytest.approx(2.2)
    assert [firm.points_open for firm in m.firms.values()] == [20.0, 0.0]


def test_who_shares_no_programme_counts_no_foreign_points() -> None:
    m = of_one({"redeem_at": 100}, n_firms=2)
    m.town.relations["barred_until"][0, 1] = 3
    step(m, 3)
    m.town.relations["barred_until"][0, 0] = NEVER
    assert not step(m)[:, Line.POINTS_REDEEMED].any()


@pytest.mark.statistical
def test_some_take_the_card_and_take_part_from_then_on() -> None:
    """Of 4,000 buyers 0.3; within 1e-6 of both tails of a binomial."""
    m = of_one({"enrolment": 0.3}, n=4000)
    assert step(m)[0, Line.POINTS_ISSUED] == 0.0
    n_cards = int((m.cards > 0).sum())
    assert binom.ppf(0.5e-6, 4000, 0.3) <= n_cards <= binom.isf(0.5e-6, 4000, 0.3)
    assert step(m)[0, Line.MEMBER_PURCHASES] == n_cards


def test_invitations_at_the_review_cost_and_bring_members() -> None:
    m = of_one({"enrolment": 0.0, "invite": 1.0, "invite_cost": 0.5}, n=10)
    assert step(m, 5)[0, Line.INCENTIVES] == 5.0
    assert (m.cards == 1).all()
    assert step(m)[0, Line.INCENTIVES] == 0.0


def test_cash_back_and_prizes_win_custom() -> None:
    """The same 500 people and luck: 10% back, or one prize in a hundred worth 300, draws some of them."""
    firms = [{**STILL_FIRM}, {**STILL_FIRM}]
    plain = market(firms, STILL).run(30).outcomes()["Firm0"]["share"]
    for programme in (
        {"kind": "cash_back", "cash_back": {"share": 0.1}},
        {"kind": "prizes", "prizes": {"chance": 0.01, "worth": 300.0}},
        {"kind": "status", "status": {"levels": [1.0], "esteem": 0.2}},
    ):
        m = market([{**STILL_FIRM, "programme": programme, "pyramid": EVERY_FOUR}, firms[1]], STILL)
        assert m.run(30).outcomes()["Firm0"]["share"] > plain + 0.02


def test_what_is_not_set_changes_nothing() -> None:
    """Settings of other kinds, words, clearing without partners, a group of all: the same run, bit for bit."""
    more = {
        "goal": "none", "group": ["platinum", "gold", "iron", "lead"], "clearing": 0.5, "invite": 0.5,
        "cash_back": {"share": 0.5}, "status": {"esteem": 9.0}, "prizes": {"chance": 1.0},
    }  # fmt: skip
    digests = {market([{"programme": programme}, {}]).run(30).digest for programme in ({}, more)}
    assert len(digests) == 1


def test_what_a_programme_came_to() -> None:
    """Twenty purchases of 30, 0.6 back each and 0.01 a period for running it; 19 of them repeat purchases."""
    m = of_one({"kind": "cash_back", "cash_back": {"share": 0.02}, "running_cost": 0.01})
    row = m.run(20).programmes.iloc[0]
    assert (row["firm"], row["kind"], row["participation"], row["member_share"]) == ("Firm0", "cash_back", 1.0, 1.0)
    assert row["cost"] == pytest.approx(12.2)
    assert row["cost_share"] == pytest.approx(12.2 / 600.0)
    assert row["cost_per_repeat"] == pytest.approx(12.2 / 19.0)


@pytest.mark.parametrize(
    ("firms", "told"),
    [
        ([{"programme": {"group": ["silver"]}}], 'programme.group names the tier "silver"'),
        ([{"programme": {"group": []}}], "allowed: one or more of platinum, gold, iron, lead"),
        ([{"programme": {"kind": "stamps"}}], "kind"),
        ([{"programme": {"coalition": "one"}}, {}], 'no other firm is in "one"; allowed: two or more'),
        (
            [{"programme": {"coalition": "two", "redeem_at": at}} for at in (100, 200)],
            'redeem_at in the coalition "two" is Firm0 100, Firm1 200; allowed: the same for all',
        ),
        ([{"programme": {"kind": "status", "expiry": 8}}], 'expiry needs a programme of kind "points", not "status"'),
        ([{"programme": {"status": {"levels": [8.0, 3.0]}}}], "allowed: each more than the one before"),
        ([{"programme": {"cash_back": {"share": 1.0}}}], "less than 1"),
    ],
)
def test_a_programme_that_cannot_be_is_refused(firms: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(InputError) as caught:
        scenario(firms)
    assert told in str(caught.value)
