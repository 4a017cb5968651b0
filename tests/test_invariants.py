"""What must hold in every run holds, and whatever does not is seen: each kind of state and book is broken once."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim import invariants, load_scenario
from sim.accounts import FirmCost, Line
from sim.firms import Firm
from sim.invariants import PERIODS_BETWEEN_RECOUNTS, Audit, InvariantError, bounds
from sim.records import IN_STEPS, NEVER, PERSON, PULSE, RELATION, STAGE, STEPS
from sim.recount import LARGEST
from sim.rerun import rerun
from sim.scenario import Scenario, from_settings
from tests.markets import Market, market

N_PERIODS = 12  # the second review of the first firm comes next
FIRMS: list[dict[str, Any]] = [
    {"programme": {"redeem_at": 50}, "pyramid": {"scheme": "four_tier", "review_every": 6}, "failure_rate": 0.2},
    {"pyramid": "two_tier", "reach": 0.7},
]
STAGES = [{"name": "young", "share": 0.5, "lasts": 20.0}, {"name": "old", "share": 0.5}]
STATES = [(place, name) for place, dtype in enumerate((PULSE, PERSON, RELATION, STAGE)) for name in dtype.names or ()]


def broken_in_the_past() -> Market:
    """Return a market that has run, to be broken."""
    m = market(FIRMS, {"customers.count": 150, "customers.life_stages": STAGES})
    for _ in range(N_PERIODS):
        m.step()
    return m


@pytest.fixture(scope="module")
def shared() -> Market:
    """Return a market whose states are broken one at a time, and mended again."""
    return broken_in_the_past()


def test_every_market_of_every_test_is_looked_at_every_period():
    assert PERIODS_BETWEEN_RECOUNTS == 1
    m = market(2, {"customers.count": 20})
    m.step()
    assert m.audit.recounted == 0


def test_in_production_everybody_is_looked_at_once_a_year_and_at_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(invariants, "PERIODS_BETWEEN_RECOUNTS", 52)
    looked: list[int] = []
    recount = Audit.recount
    monkeypatch.setattr(Audit, "recount", lambda audit: (looked.append(audit.period), recount(audit))[1])
    m = market(2, {"customers.count": 20})
    m.run(104)
    m.run(20)
    assert looked == [51, 103, 123]


def test_every_state_has_bounds(shared: Market):
    """A field that is added to a record has to be given bounds, here and in the kernel."""
    assert {name for _, name in STATES} == set(bounds(shared.audit.limits))


def out_of_bounds(m: Market, place: int, name: str) -> list[float]:
    """Return values that a state may not have: below and above its bounds, and none at all."""
    dtype = m.town[place].dtype[name]
    low, high = bounds(m.audit.limits)[name]
    if dtype.kind == "f":
        outside = [np.nan, np.inf, -np.inf]
        outside += [float(np.nextafter(dtype.type(low), dtype.type(-np.inf)))] if low > -LARGEST else []
        return outside + ([float(np.nextafter(dtype.type(high), dtype.type(np.inf)))] if high < LARGEST else [])
    kept_per_unit = STEPS if name in IN_STEPS else 1
    outside = [low * kept_per_unit - 1, high * kept_per_unit + 1]
    return [value for value in outside if np.iinfo(dtype).min <= value <= np.iinfo(dtype).max]


@pytest.mark.parametrize(("place", "name"), STATES)
def test_a_state_out_of_bounds_is_seen(shared: Market, place: int, name: str):
    records, row = shared.town[place], 17
    target = records[row] if place != 2 else records[row, 0]
    kept, values = target[name].item(), out_of_bounds(shared, place, name)
    assert len(values) >= 1
    for value in values:
        where = "customer 17" if place != 2 else "customer 17, Firm0"
        target[name] = value
        try:
            with pytest.raises(InvariantError, match=rf"scenario, seed 1, period {N_PERIODS - 1}: {where}: {name} = "):
                shared.audit.recount()
        finally:
            target[name] = kept
    shared.audit.recount()


def member(m: Market, is_active: bool) -> int:
    """Return a row of a person who is, or is not, a customer of the first firm, and could be."""
    can_reach = m.customers.column("reach") & 1 == 1
    return int(np.flatnonzero((m.customers.column("is_active")[:, 0] == is_active) & can_reach)[3])


def leave_unnoticed(m: Market) -> None:
    m.town.relations["is_active"][member(m, True), 0] = False


def join_unnoticed(m: Market) -> None:
    relation = m.town.relations[member(m, False), 0]
    relation["is_active"], relation["since"], relation["bought_at"] = True, 3, 4


def stay_for_ever(m: Market) -> None:
    m.scenario.customers.__dict__["activity_window"] = 1


def oversleep_a_need(m: Market) -> None:
    m.town.pulses["need_at"][5] = m.town.pulses["wake_at"][5] - 1


def miss_a_need(m: Market) -> None:
    m.town.pulses["need_at"][5] = m.town.pulses["wake_at"][5] = N_PERIODS - 1


def never_move_away(m: Market) -> None:
    m.town.pulses["leave_at"][5] = N_PERIODS - 2


def prefer_a_stranger(m: Market) -> None:
    m.town.people["usual"][member(m, False)] = 0


def find_a_point(m: Market) -> None:
    m.town.relations["points"][member(m, True), 0] += 1


def keep_points_after_leaving(m: Market) -> None:
    m.town.relations["points"][member(m, False), 0] = 7


def keep_the_habit_after_leaving(m: Market) -> None:
    m.town.relations["habit"][member(m, False), 0] = STEPS // 4


def keep_the_tier_after_leaving(m: Market) -> None:
    m.town.relations["tier"][member(m, False), 0] = 0


def keep_the_record_after_leaving(m: Market) -> None:
    m.town.relations["margin"][member(m, False), 0] = -2.0


def lose_reach(m: Market) -> None:
    m.town.people["reach"][member(m, True)] = 0b10


def join_after_buying(m: Market) -> None:
    relation = m.town.relations[member(m, True), 0]
    relation["since"] = relation["bought_at"] + 1


def move_up_unnoticed(m: Market) -> None:
    relation = m.town.relations[member(m, True), 0]
    relation["tier"] = (relation["tier"] + 1) % 4


def become_someone_else(m: Market) -> None:
    person = m.town.people[member(m, True)]
    person["type"] = (person["type"] + 1) % 7


def buy_unnoticed(m: Market) -> None:
    bought_at = m.town.relations["bought_at"][:, 0]
    bought_at[np.flatnonzero((bought_at >= 0) & (bought_at < N_PERIODS - 1))[0]] = N_PERIODS - 1


def be_glad_unnoticed(m: Market) -> None:
    m.town.relations["satisfaction"][member(m, True), 0] += 1


def warm_unnoticed(m: Market) -> None:
    m.town.relations["attachment"][member(m, True), 0] += 1e-4


@pytest.mark.parametrize(
    ("alter", "told"),
    [
        (leave_unnoticed, r"customer \d+(, Firm0)?: no customer(, but has points| of the usual firm)"),
        (join_unnoticed, "Firm0: customers by tier and type: [0-9.]+ by recount"),
        (stay_for_ever, r"customer \d+, Firm\d: a customer whose last purchase is too long ago"),
        (oversleep_a_need, "customer 5: sleeps past something that is due, or was"),
        (miss_a_need, "customer 5: sleeps past something that is due, or was"),
        (never_move_away, "customer 5: sleeps past something that is due, or was"),
        (prefer_a_stranger, r"customer \d+: no customer of the usual firm, Firm0"),
        (find_a_point, r"Firm0: points held: .* \(largest difference 1\)"),
        (keep_points_after_leaving, "no customer, but has points, habit"),
        (keep_the_habit_after_leaving, "no customer, but has points, habit"),
        (keep_the_tier_after_leaving, "no customer, but has points, habit"),
        (keep_the_record_after_leaving, "no customer, but has points, habit"),
        (lose_reach, r"customer \d+, Firm0: has bought out of reach"),
        (join_after_buying, r"customer \d+, Firm0: (a customer who joined after|since = )"),
        (move_up_unnoticed, "Firm0: customers by tier and type"),
        (become_someone_else, r"Firm\d: customers by tier and type"),
        (buy_unnoticed, r"Firm0: people who bought in the period: .* \(largest difference 1\)"),
        (be_glad_unnoticed, "Firm0: sum of satisfaction"),
        (warm_unnoticed, "Firm0: sum of attachment"),
    ],
)
def test_people_who_are_not_as_they_should_be_are_seen(alter: Callable[[Market], None], told: str):
    m = broken_in_the_past()
    alter(m)
    with pytest.raises(InvariantError, match=told):
        m.audit.recount()


@pytest.mark.parametrize(
    ("line", "value", "told"),
    [
        (Line.REVENUE, np.nan, "revenue = nan; allowed: a finite number"),
        (Line.GOODS, np.inf, "goods = inf; allowed: a finite number"),
        (Line.SATISFACTION_CHANGE, np.nan, "satisfaction_change = nan"),
        (Line.CHANNEL, -1.0, "channel = -1; allowed: 0 or more"),
        (Line.PURCHASES, 2.5, "purchases = 2.5; allowed: whole"),
        (Line.POINTS_ISSUED, 2.5, "points_issued = 2.5; allowed: whole"),
        (Line.LOST + 4, 0.5, "lost_price = 0.5; allowed: whole"),
        (Line.GAINED, 1e6, r"1e\+06 gained, which is more than \d+ purchases"),
        (Line.PURCHASES, 1e6, r"1e\+06 purchases, which is more than \d+ considered"),
        (Line.REPURCHASES, 1e6, r"1e\+06 repurchases, which is more than \d+ repeat_chances"),
        (Line.COMPLAINTS, 1e6, r"1e\+06 complaints, which is more than \d+ failures"),
        (Line.RECOVERIES, 1e6, r"1e\+06 recoveries, which is more than \d+ complaints"),
        (Line.FAILURES, 1e6, r"1e\+06 failures, which is more than \d+ purchases"),
        (Line.PRAISE, 1e6, r"1e\+06 words of praise and grievance after \d+ purchases"),
        (Line.LOST, 1e6, r"service = -\d+; allowed: 0 or more"),
        (Line.POINTS_EXPIRED, 1e6, r"\d+ points open, -\d+ by those issued, redeemed and expired"),
        (Line.SATISFACTION_CHANGE, 1e6, "satisfaction sums to"),
        (Line.ATTACHMENT_CHANGE, -1e6, "attachment to -"),
    ],
)
def test_a_line_of_the_books_that_cannot_be_is_seen(
    monkeypatch: pytest.MonkeyPatch, line: int, value: float, told: str
):
    m = broken_in_the_past()

    def close_wrong_books() -> None:
        m.books[:, 0, 2, 6, line] = 0.0
        m.books[0, 0, 2, 6, line] = value
        Market._close_period(m)

    monkeypatch.setattr(m, "_close_period", close_wrong_books)
    with pytest.raises(InvariantError, match=rf"period {N_PERIODS}: Firm0.*{told}"):
        m.step()


def forget_a_customer(m: Market) -> None:
    m.firms["Firm0"].stock[2, 6] -= 1


def lose_points(m: Market) -> None:
    m.points_open[0] -= 1


def give_back_fixed_costs(m: Market) -> None:
    m.period_firm_costs[0, FirmCost.FIXED] = -1.0


def forget_when_they_joined(m: Market) -> None:
    m.since[0, 0, 0, 0] += 1


@pytest.mark.parametrize(
    ("alter", "told"),
    [
        (forget_a_customer, r"Firm0, iron, premium: \d+ customers, \d+ by gains and losses"),
        (lose_points, r"Firm0: \d+ points open, \d+ by those issued"),
        (give_back_fixed_costs, "Firm0: fixed cost -1; allowed: 0 or more"),
        (forget_when_they_joined, r"Firm0: \d+ customers, but not by when they joined"),
    ],
)
def test_a_firm_that_does_not_follow_from_the_ledger_is_seen(
    monkeypatch: pytest.MonkeyPatch, alter: Callable[[Market], None], told: str
):
    m, close_books = broken_in_the_past(), Firm.close_books
    monkeypatch.setattr(Firm, "close_books", lambda firm: (close_books(firm), firm.index or alter(m)))
    if alter is forget_when_they_joined:
        monkeypatch.undo()
        alter(m)
    with pytest.raises(InvariantError, match=told):
        m.step()


def test_profit_that_is_not_what_the_ledger_says_is_seen(monkeypatch: pytest.MonkeyPatch):
    m, profit = broken_in_the_past(), Market.profit
    monkeypatch.setattr(Market, "profit", lambda market, firm: profit(market, firm) + 0.01)
    with pytest.raises(InvariantError, match=r"Firm0: revenue less costs: .* \(largest difference 0.01\)"):
        m.audit.recount()


@pytest.mark.parametrize("by", ["tier", "type"])
def test_a_review_that_finds_others_than_the_books_say_is_seen(by: str):
    m = broken_in_the_past()
    someone = member(m, True)
    if by == "tier":
        relation = m.town.relations[someone, 0]
        relation["tier"] = (relation["tier"] + 1) % 4
    else:
        m.town.people["type"][someone] = (m.town.people["type"][someone] + 1) % 7
    with pytest.raises(InvariantError, match=rf"period {N_PERIODS}: Firm0 counts \d+ \w+ customers at its review"):
        m.step()


def test_walking_out_for_long_does_not_end_before_it_began():
    """A period is stored in sixteen bits: barred for 30,000 periods from the first is still within them."""
    m = market([{"failure_rate": 1.0}, {}], {"customers.behaviour.quit_periods": 30_000, "customers.count": 100})
    m.run(30)
    assert 30_000 < m.customers.column("barred_until").max() < NEVER


def test_walking_out_for_long_late_in_a_long_run_is_for_good():
    """From period 2,000 on, 30,000 periods more are past what a run can last, and past what sixteen bits can tell."""
    changes = {"customers.behaviour.quit_periods": 30_000, "customers.count": 10, "customers.turnover": 0.02}
    m = market([{"failure_rate": 1.0}, {}], changes)
    m.run(2100)
    barred_until = m.customers.column("barred_until")
    assert (barred_until == NEVER).any()
    assert barred_until.max() == NEVER


def reproduced(scenario: Scenario, folder: Path) -> str:
    """Return the digest of a run that was started by the command or the Python that an error would tell."""
    told = rerun(scenario, 3, 5)
    if told.startswith("Market("):
        return str(eval(told, {"Market": Market, "from_settings": from_settings}).digest)
    words = shlex.split(told)
    assert words[:2] == ["loyalty", "run"]
    done = subprocess.run(
        [sys.executable, "-m", "experiments.cli", *words[1:], "--json"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return str(re.findall(r'"digest": "(\w+)"', done.stdout)[0])


def written(folder: Path) -> Path:
    file = folder / "my market.toml"
    file.write_text(
        'extends = "base.toml"\n[[firms]]\nname = "Aurora"\nprice = 0.9\n[arms.dear]\n"firms.Aurora.price" = 1.2\n',
        encoding="utf-8",
    )
    (folder / "base.toml").write_text(
        'title = "A market?"\n[customers]\ncount = 90\n[[firms]]\nname = "Aurora"\n[[firms]]\nname = "Borealis"\n',
        encoding="utf-8",
    )
    return file


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("shipped", r"loyalty run baseline --set customers.count=80 --seed 3 --periods 5"),
        ("file", r"loyalty run '.*my market.toml' --seed 3 --periods 5"),
        ("arm", r"loyalty run '.*my market.toml:dear' --seed 3 --periods 5"),
        ("changed", r"loyalty run '.*my market.toml:dear' --set 'firms.1.pyramid.scheme=\"two_tier\"' --set .*rank_by"),
        ("events", r"Market\(from_settings\(\{.*'quality_crisis'.*\}\), seed=3\).run\(5\)"),
        ("made in Python", r"Market\(from_settings\(\{.*\}\), seed=3\).run\(5\)"),
    ],
)
def test_what_an_error_tells_reproduces_the_run(tmp_path: Path, kind: str, told: str):
    scenario = {
        "shipped": lambda: load_scenario("baseline", {"customers.count": 80}),
        "file": lambda: load_scenario(written(tmp_path)),
        "arm": lambda: load_scenario(written(tmp_path)).arm("dear"),
        "changed": lambda: load_scenario(written(tmp_path)).arm("dear").with_overrides(
            {"firms.Borealis.pyramid": {"scheme": "two_tier", "rank_by": "volume"}}
        ),
        "events": lambda: load_scenario(
            written(tmp_path), {"events": [{"kind": "quality_crisis", "firm": "Aurora", "failure_rate": 0.9, "at": 1}]}
        ),
        "made in Python": lambda: market(FIRMS, {"customers.count": 60}).scenario,
    }[kind]()  # fmt: skip
    assert re.match(told, rerun(scenario, 3, 5))
    assert reproduced(scenario, tmp_path) == Market(scenario, seed=3).run(5).digest


def test_an_error_tells_how_to_see_it_again():
    m = Market(load_scenario("baseline", {"customers.count": 80}), seed=3)
    m.step()
    m.town.relations["attachment"][4, 1] = 1.5
    told = r"baseline, seed 3, period 0: customer 4, Borealis: attachment = 1.5; allowed: 0 to 1; to see it again: "
    with pytest.raises(InvariantError, match=told + "loyalty run baseline --set customers.count=80 --seed 3 --peri"):
        m.audit.recount()
