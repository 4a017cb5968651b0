"""What loyalty gives beyond purchases, and sets of purchases: by hand, and in the market."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from sim.accounts import FirmCost, Line
from sim.errors import InputError
from sim.levers.launches import Launches
from sim.parts import PartSpec, whole_of
from sim.voice import Voice, VoiceSpec
from tests.markets import Market, market, scenario

# ---- voice ----------------------------------------------------------------------------------------------------------


def test_a_suggestion_makes_the_product_better_after_the_lag_by_hand() -> None:
    """As many as are needed times ln 2 take half of the way, in two periods; a tenth of that is lost in the next.

    At half of its best, quality 0.6 gains 0.5 x 0.4 x 0.5 = 0.1, and a fifth of all failures is avoided.
    """
    voice = Voice(VoiceSpec(lag=2, needed=0.2, quality_gain=0.5, failure_cut=0.4, erosion=0.1))
    voice.end_period(0.2 * math.log(2.0))
    assert voice.improvement == 0.0
    voice.end_period(0.0)
    assert voice.improvement == pytest.approx(0.5)
    assert voice.quality(0.6) == pytest.approx(0.7)
    assert voice.failure_rate(0.05) == pytest.approx(0.04)
    voice.end_period(0.0)
    assert voice.improvement == pytest.approx(0.45)


def test_suggestions_by_hand() -> None:
    """Half of 20 complaints, and a tenth of 30 who praise."""
    assert Voice(VoiceSpec(complaints=0.5, ideas=0.1)).suggestions(20.0, 30.0) == pytest.approx(13.0)


def test_a_firm_that_works_on_nothing_is_a_firm_without_voice() -> None:
    plain = market([{}, {}], periods=20)
    deaf = market([{"voice": {"complaints": 0.0, "ideas": 0.0}}, {}], periods=20)
    listening = market([{"voice": {}}, {}], periods=20)
    for m in (plain, deaf, listening):
        m.run()
    assert plain.digest() == deaf.digest()
    assert plain.digest() != listening.digest()


def test_listening_makes_the_product_better_and_is_paid_for() -> None:
    m = market([{"voice": {"ideas": 0.5, "handling_cost": 2.0, "lag": 3}, "failure_rate": 0.1}, {}])
    m.run()
    firm, books = m.firms["Firm0"], np.sum(m.history.books, axis=0)[0].sum(axis=(0, 1))
    costs = np.sum(m.history.firm_costs, axis=0)[:, FirmCost.VOICE]
    assert costs[0] == pytest.approx(2.0 * (books[Line.COMPLAINTS] + 0.5 * books[Line.PRAISE]))
    assert costs[1] == 0.0
    assert 0.62 < firm.quality < 0.72  # at its best, 0.6 + 0.3 x 0.4
    assert 0.06 < m.offers[0]["failure_rate"][0] < 0.1
    firm.write_offers()
    assert (m.offers[0]["quality"] == firm.quality).all()
    assert m.offers[1]["quality"][0] == 0.6


def test_a_crisis_is_softened_by_what_was_learnt() -> None:
    crisis = {"kind": "quality_crisis", "firm": "Firm0", "at": 30, "failure_rate": 0.5}
    m = market([{"voice": {}, "failure_rate": 0.1}, {}], periods=31, events=[crisis])
    for _ in range(30):
        m.step()
    improvement = m.firms["Firm0"].voice.improvement
    m.step()
    assert improvement > 0.02
    assert m.offers[0]["failure_rate"][0] == pytest.approx(0.5 * (1.0 - 0.4 * improvement))


# ---- sets of purchases ----------------------------------------------------------------------------------------------

FLIGHT = PartSpec(name="flight", weight=2.0, quality=0.8, inconsistency=0.1, failure_rate=0.1)
HOTEL = PartSpec(name="hotel", weight=1.0, quality=0.5, inconsistency=0.3, failure_rate=0.2)


def test_the_whole_of_two_parts_by_hand() -> None:
    """Mean 0.7 and worst 0.5; the spread of the mean is sqrt(0.2^2 + 0.3^2) / 3; 1 - 0.9 x 0.8 of wholes fail."""
    mean, half, worst = (whole_of([FLIGHT, HOTEL], w) for w in (0.0, 0.5, 1.0))
    assert mean == pytest.approx((0.7, math.sqrt(0.13) / 3.0, 0.28))
    assert worst == pytest.approx((0.5, 0.3, 0.28))
    assert half == pytest.approx((0.6, (math.sqrt(0.13) / 3.0 + 0.3) / 2.0, 0.28))


def test_one_part_is_the_product() -> None:
    assert whole_of([HOTEL], 0.5) == pytest.approx((0.5, 0.3, 0.2))
    part = {"name": "all of it", "quality": 0.75, "inconsistency": 0.25, "failure_rate": 0.0}
    own = market([{key: value for key, value in part.items() if key != "name"}, {}], periods=20)
    of_parts = market([{"parts": [part]}, {}], periods=20)
    for m in (own, of_parts):
        m.run()
    assert own.digest() == of_parts.digest()


def test_a_set_fails_as_often_as_any_of_its_parts() -> None:
    """Four parts that fail at 2%: 1 - 0.98^4 = 7.8% of purchases, here all of some 4000 (5 standard errors)."""
    parts = [{"name": f"part {k}", "failure_rate": 0.02} for k in range(4)]
    m = market([{"parts": parts}], {"customers.demand.mean_rate": 0.5})
    m.run()
    books = np.sum(m.history.books, axis=0)[0].sum(axis=(0, 1))
    n, p = books[Line.PURCHASES], 1.0 - 0.98**4
    assert n > 2000
    assert abs(books[Line.FAILURES] / n - p) < 5.0 * math.sqrt(p * (1.0 - p) / n)  # fails by chance 6e-7


# ---- new products ---------------------------------------------------------------------------------------------------

CERTAIN = {
    "kind": "launch", "firm": "Firm0", "at": 0, "appeal": 50.0, "by_attachment": 0.0, "by_trust": 0.0,
    "telling_cost": 0.5,
}  # fmt: skip
SOUND: list[dict[str, Any]] = [
    {"failure_rate": 0.0},
    {"failure_rate": 0.0},
]  # nobody walks out
EVEN = {"customers.demand.basket_shape": 1e8, "customers.demand.mean_basket": 30.0}


def sums(m: Market) -> np.ndarray:
    """Return the lines of the first firm, summed over a whole run."""
    total: np.ndarray = np.sum(m.history.books, axis=0)[0].sum(axis=(0, 1))
    return total


def lever_of(m: Market) -> Launches:
    (lever,) = [lever for lever in m.levers if isinstance(lever, Launches)]
    return lever


def test_who_takes_a_product_up_buys_it_from_the_next_purchase_on() -> None:
    """A fifth of a basket of 30 is 6 paid, a tenth is 3 of goods; the first purchase of a membership is for telling."""
    plain, launched = market(SOUND, EVEN), market(SOUND, EVEN, events=[CERTAIN])
    plain.run()
    launched.run()
    before, after = sums(plain), sums(launched)
    for line in (Line.PURCHASES, Line.GAINED, Line.COMPLAINTS, Line.PRAISE):
        assert after[line] == before[line]
    n = after[Line.CROSS_PURCHASES]
    assert n == after[Line.PURCHASES] - after[Line.GAINED] > 300
    assert after[Line.REVENUE] - before[Line.REVENUE] == pytest.approx(6.0 * n, rel=1e-3)
    assert after[Line.GOODS] - before[Line.GOODS] == pytest.approx(3.0 * n, rel=1e-3)
    assert after[Line.INCENTIVES] - before[Line.INCENTIVES] == pytest.approx(0.5 * after[Line.GAINED])
    costs = np.sum(launched.history.firm_costs, axis=0)[:, FirmCost.DEVELOPMENT]
    assert costs.tolist() == [0.5 * 500, 0.0]


def test_a_product_that_nobody_is_told_of_or_wants_changes_nothing_but_its_cost() -> None:
    pyramid = {"scheme": "four_tier", "review_every": 100}  # so that everybody stays in the entry tier
    firms = [{**SOUND[0], "pyramid": pyramid}, SOUND[1]]
    plain = market(firms)
    plain.run()
    for changes in ({"told": ["platinum"]}, {"appeal": -50.0, "telling_cost": 0.0}):
        m = market(firms, events=[CERTAIN | changes])
        m.run()
        assert (m.town.relations == plain.town.relations).all()
        assert np.array_equal(m.history.books, plain.history.books)
    assert sums(plain)[Line.PURCHASES] > 500


def test_a_firm_that_has_not_entered_yet_launches_nothing() -> None:
    entry = {"kind": "entry", "firm": "Firm0", "at": 10}
    for at, spent in ((9, 0.0), (10, 250.0)):
        m = market(SOUND, events=[entry, CERTAIN | {"at": at}], periods=30)
        m.run()
        assert np.sum(m.history.firm_costs, axis=0)[0, FirmCost.DEVELOPMENT] == spent
        assert (sums(m)[Line.CROSS_PURCHASES] > 0.0) == (spent > 0.0)


def test_as_many_take_it_up_as_the_odds_say() -> None:
    """Log odds of -1 at their first purchase: 0.269 of those told, up to what happens by chance once in a million."""
    m = market(SOUND, {"customers.demand.mean_rate": 2.0}, events=[CERTAIN | {"appeal": -1.0}])
    m.step()
    n_told = round(sums(m)[Line.INCENTIVES] / 0.5)
    n_up = int((lever_of(m).states()[0][:, 0] == 1).sum())
    p = 1.0 / (1.0 + math.e)
    assert n_told > 100
    assert binom.isf(0.5e-6, n_told, 1.0 - p) >= n_told - n_up
    assert binom.isf(0.5e-6, n_told, p) >= n_up


def test_the_second_of_two_products_is_taken_up_by_itself() -> None:
    """One is certain and one is never wanted: each has its own bit, and both cost a telling at the first purchase."""
    m = market(SOUND, events=[CERTAIN | {"appeal": -50.0}, CERTAIN | {"name": "other"}])
    m.step()
    books = sums(m)
    assert set(np.unique(lever_of(m).states()[0][:, 0])) == {0, 2}
    assert books[Line.INCENTIVES] == 2 * 0.5 * books[Line.PURCHASES]


def test_the_attached_take_it_up_more_readily() -> None:
    """Who has taken it up is more attached than who has not."""
    launch = CERTAIN | {"appeal": -4.5, "by_attachment": 9.0}
    m = market(SOUND, {"customers.count": 2000}, events=[launch])
    m.run()
    relation, has = m.town.relations[:, 0], lever_of(m).states()[0][:, 0] > 0
    active = relation["is_active"] == 1
    assert not has[~active].any()
    assert 20 < has.sum() < active.sum() - 20
    assert relation["attachment"][active & has].mean() > relation["attachment"][active & ~has].mean() + 0.1


@pytest.mark.parametrize(
    ("launches", "told"),
    [
        ([{"told": ["diamond"]}], 'told names the tier "diamond"'),
        ([{}, {}], 'launches "new product" twice'),
        ([{"name": f"product {k}"} for k in range(33)], "33 launches; allowed: up to 32"),
        ([{"firm": "Firm7"}], 'no firm is called "Firm7"'),
    ],
)
def test_a_bad_launch_is_refused(launches: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(InputError, match=told):
        scenario(2, events=[CERTAIN | launch for launch in launches])


@pytest.mark.parametrize(
    ("firm", "told"),
    [
        ({"voice": {"ideas": 1.5}}, "ideas"),
        ({"voice": {"lag": 0}}, "lag"),
        ({"parts": [{"name": "hotel"}, {"name": "hotel"}]}, 'two parts are called "hotel"'),
        ({"parts": [{"name": "hotel"}], "quality": 0.8}, "quality and parts are both given"),
        ({"parts": [{"name": "hotel", "weight": 0.0}]}, "weight"),
    ],
)
def test_bad_input_is_refused(firm: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        scenario([firm])
