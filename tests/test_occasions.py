"""Events that firms hold: who comes, what it costs, and what it leaves behind; all on paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.accounts import FirmCost, Line
from sim.errors import InputError
from sim.records import NEVER, STEPS
from tests.markets import STILL, STILL_FIRM, Market, market, scenario
from tests.test_programmes import ALL_BUY, EVERY_FOUR, step, stop_buying

SURE = {"name": "party", "at": 1, "appeal": 50.0, "guest_cost": 4.0, "warmth": 0.5, "trust": 0.5}


def hosted(n: int = 1, changes: dict[str, Any] | None = None, **occasion: Any) -> Market:
    """Return a market of ``n`` people after its first period, in which all bought; none needs anything after it."""
    firm = {**STILL_FIRM, "occasions": [{**SURE, **occasion}], "pyramid": EVERY_FOUR}
    m = market([firm], {**ALL_BUY, "customers.count": n, **(changes or {})})
    m.step()
    stop_buying(m)
    return m


def test_a_guest_grows_closer_and_costs() -> None:
    """Half of the way, at this person's gain; half of the mistrust gone; 4 for the guest and 0.05 for the rest."""
    m = hosted()
    before, gain = m.town.relations[0, 0].copy(), np.float64(m.town.people["attachment_gain"][0]) * 0.5
    books = step(m)[0]
    after = m.town.relations[0, 0]
    assert after["attachment"] == np.float32(before["attachment"] + gain * (1.0 - np.float64(before["attachment"])))
    assert after["trust_character"] == np.floor(0.5 * (before["trust_character"] + STEPS) + 0.5)
    assert after["margin"] == before["margin"] - 4.0
    assert (books[Line.GUESTS], books[Line.INCENTIVES], books[Line.ACQUISITION]) == (1.0, 4.0, 0.0)
    assert m.history.firm_costs[-1][0, FirmCost.EVENTS] == 0.05
    assert m.profit(m.firms["Firm0"]) == pytest.approx(-4.0 - 0.05 - 0.4**2 - 0.2)


def test_a_need_is_woken_or_not() -> None:
    for need, bought in ((1.0, 1.0), (0.0, 0.0)):
        m = hosted(need=need)
        assert step(m)[0, Line.PURCHASES] == bought
        (held,) = m.levers[0].diary.held
        assert (held.invited, held.willing, held.guests, held.needs) == (1, 1, 1, bought)


def test_it_is_held_again() -> None:
    m = hosted(every=3)
    assert [step(m)[0, Line.GUESTS] for _ in range(7)] == [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]


def test_a_lot_decides_when_more_would_come() -> None:
    """Exactly 50 of 500, and not the first ones."""
    m = hosted(500, places=0.1)
    before = m.town.relations["attachment"][:, 0].copy()
    assert step(m)[0, Line.GUESTS] == 50.0
    guests = np.flatnonzero(m.town.relations["attachment"][:, 0] > before)
    assert guests.size == 50
    assert guests.max() > 250


def test_the_lapsed_are_won_back_at_a_cost_of_acquisition() -> None:
    """A customer of period 0 lapses in period 2 and is invited in 3; the customer of a longer window is not."""
    for window, guests in ((2, 1.0), (20, 0.0)):
        m = hosted(changes={"customers.activity_window": window}, at=3, guests="lapsed")
        books = step(m, 3)[0]
        assert (books[Line.GUESTS], books[Line.ACQUISITION], books[Line.INCENTIVES]) == (guests, 4.0 * guests, 0.0)


def test_newcomers_are_those_of_the_last_review_cycle() -> None:
    for at, guests in ((3, 1.0), (4, 0.0)):
        m = hosted(at=at, guests="newcomers")
        assert step(m, at)[0, Line.GUESTS] == guests


def test_only_the_group_is_invited_and_nobody_who_is_barred() -> None:
    assert step(hosted(group=["platinum"]))[0, Line.GUESTS] == 0.0
    assert step(hosted(group=["iron"]))[0, Line.GUESTS] == 1.0
    m = hosted()
    m.town.relations["barred_until"] = NEVER
    assert step(m)[0, Line.GUESTS] == 0.0


def test_fewer_come_from_far_and_more_when_something_is_given() -> None:
    """The same 500 people and luck."""
    near, far, given = (
        step(hosted(500, appeal=-1.0, **how))[0, Line.GUESTS]
        for how in (
            {"effort": 0.1, "guest_cost": 0.0},
            {"effort": 1.0, "guest_cost": 0.0},
            {"effort": 0.1, "guest_cost": 30.0},
        )
    )
    assert far < near - 10
    assert given > near + 10


def test_events_keep_customers() -> None:
    """The same 500 people and luck: a party each month that all would come to keeps more of them than none."""
    rivals = [STILL_FIRM, {**STILL_FIRM, "occasions": [{**SURE, "every": 4, "guest_cost": 0.0}]}]
    without, with_events = (
        market([STILL_FIRM, rival], STILL).run(60).outcomes()["Firm1"] for rival in rivals
    )  # fmt: skip
    assert with_events["attachment"] > without["attachment"] + 0.1
    assert with_events["share"] > without["share"] + 0.02


@pytest.mark.parametrize(
    ("occasions", "told"),
    [
        ([SURE, SURE], 'two events are called "party"; allowed: each name once'),
        ([{**SURE, "group": ["silver"]}], 'occasions.0.group names the tier "silver"'),
        ([{**SURE, "at": 60}], "occasions.0.at = 60; allowed: below periods = 60"),
        ([{**SURE, "guests": "premium"}], "guests"),
        ([{**SURE, "places": 0.0}], "greater than 0"),
    ],
)
def test_an_event_that_cannot_be_is_refused(occasions: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(InputError) as caught:
        scenario([{"occasions": occasions}])
    assert told in str(caught.value)
