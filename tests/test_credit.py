"""Credit: by hand, what must balance, and what it does to the market."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from sim.accounts import FirmCost, Line
from sim.credit_results import RATINGS, rate
from sim.errors import InputError
from sim.invariants import InvariantError
from sim.levers.credit import Credit
from tests.markets import STILL, STILL_FIRM, Market, market, scenario


def totals(m: Market, line: Line, f: int = 0) -> np.ndarray:
    """Return a line of a firm's books, shape (n_periods,)."""
    return np.array([books[f, ..., line].sum() for books in m.history.books])


def credit_of(m: Market) -> Credit:
    (lever,) = [lever for lever in m.levers if isinstance(lever, Credit)]
    return lever


def test_ratings_by_hand() -> None:
    """All of 50; 90 of 100; 89 of 100; nothing fell due; nothing of 5."""
    paid, lost = np.array([50.0, 90.0, 89.0, 0.0, 0.0]), np.array([0.0, 10.0, 11.0, 0.0, 5.0])
    assert [RATINGS[k] for k in rate(paid, lost)] == ["A", "B", "C", "none", "C"]


def test_an_account_by_hand() -> None:
    """Who buys for 10 every period and pays after 3 owes 10, 20, 30; then 30 is paid and 10 is owed anew."""
    m = market(
        [{**STILL_FIRM, "credit": {"periods": 3, "default_rate": 0.0, "interest": 0.01}}],
        {
            **STILL,
            "customers.count": 200,
            "customers.mix": {"convenience": 1.0},
            "customers.behaviour.outside_utility": -50.0,
            "customers.demand.mean_rate": 50.0,
            "customers.demand.rate_shape": 500.0,
        },
    )
    lever = credit_of(m)
    m.town.people["basket"] = 10.0
    expected = [10.0, 20.0, 30.0, 10.0, 20.0, 30.0, 10.0]
    buys_always = np.ones(200, dtype=bool)
    for period, owed in enumerate(expected):
        m.step()
        buys_always &= m.town.relations["bought_at"][:, 0] == period
        assert lever.accounts.owed[buys_always, 0] == pytest.approx(owed)
        outstanding = float(lever.accounts.owed.sum())
        assert m.firms["Firm0"].receivables == pytest.approx(outstanding)
        assert m.history.firm_costs[-1][0, FirmCost.INTEREST] == pytest.approx(0.01 * outstanding)
    assert buys_always.sum() > 20
    assert (lever.accounts.paid[buys_always, 0] == 60.0).all()
    assert totals(m, Line.BAD_DEBT).sum() == 0.0


def test_receivables_balance_and_the_audit_sees_when_they_do_not() -> None:
    terms = {"credit": {"periods": 4, "group": ["gold", "iron"], "default_rate": 0.3}, "pyramid": {"review_every": 5}}
    m = market([terms, {}], {"customers.turnover": 0.02}, periods=40)
    for _ in range(40):
        m.step()
        owed = credit_of(m).accounts.owed.astype(np.float64).sum(axis=0)
        flows = [totals(m, line).sum() for line in (Line.ON_CREDIT, Line.COLLECTED, Line.BAD_DEBT)]
        assert owed[0] == pytest.approx(flows[0] - flows[1] - flows[2])
        assert owed[1] == 0.0
    assert min(flows) > 0.0
    by_tier = sum(books[0, ..., Line.ON_CREDIT].sum(axis=1) for books in m.history.books)
    assert by_tier[0] == by_tier[3] == 0.0
    credit_of(m).accounts.owed[3, 0] += 1.0
    with pytest.raises(InvariantError, match="customers owe"):
        m.audit.recount()


@pytest.mark.statistical
def test_default_is_as_likely_as_said_and_the_worse_payers_default_more() -> None:
    """One account each, all due in period 1, of which a fifth is not paid. Fails by chance 1e-6."""
    m = market(
        [{**STILL_FIRM, "credit": {"periods": 1, "default_rate": 0.2}}],
        {
            **STILL,
            "customers.count": 8000,
            "customers.mix": {"convenience": 1.0},
            "customers.behaviour.outside_utility": -50.0,
            "customers.demand.mean_rate": 50.0,
            "customers.demand.rate_shape": 500.0,
        },
    )
    for _ in range(2):
        m.step()
    accounts = credit_of(m).accounts
    fell_due, n_lost = int((accounts.paid + accounts.lost > 0).sum()), int((accounts.lost > 0).sum())
    assert fell_due > 6000
    assert binom.ppf(0.5e-6, fell_due, 0.2) <= n_lost <= binom.isf(0.5e-6, fell_due, 0.2)
    has_defaulted = accounts.lost[:, 0] > 0
    before = accounts.paid[:, 0].copy(), accounts.lost[:, 0].copy()
    for _ in range(8):
        m.step()
    paid, lost = accounts.paid[:, 0] - before[0], accounts.lost[:, 0] - before[1]
    again, first = (lost[who].sum() / (paid + lost)[who].sum() for who in (has_defaulted, ~has_defaulted))
    # with chance 0.4 u, u uniform: 0.4 x 2/3 after a default, and (0.2 - 0.2 x 0.267) / 0.8 after a payment
    assert again == pytest.approx(0.267, abs=0.05)
    assert first == pytest.approx(0.183, abs=0.03)


def test_bad_debt_is_off_the_profit_and_off_the_record() -> None:
    m = market([{"credit": {"periods": 2, "default_rate": 0.5}}, {}], periods=20)
    results = m.run()
    row = results.periods[results.periods["firm"] == "Firm0"]
    assert row["bad_debt"].sum() > 0.0
    assert row["interest"].sum() > 0.0
    lines = ["goods", "service", "recovery", "incentives", "channel", "acquisition", "bad_debt"]
    costs = row[lines].sum(axis=1)
    contribution = results.tiers[results.tiers["firm"] == "Firm0"].groupby("period")["contribution"].sum()
    assert (row["revenue"] - costs).to_numpy() == pytest.approx(contribution.to_numpy())
    rated = results.credit
    assert set(rated["firm"]) == {"Firm0"}
    assert rated["customers"].sum() == m.firms["Firm0"].n_customers
    assert rated.loc[rated["rating"] == "A", "written_off"].sum() == 0.0
    assert (rated.loc[rated["rating"] == "C", "paid_share"].dropna() < 0.9).all()


def share_of_first(credit: dict[str, Any] | None) -> float:
    """Return the first of two like firms' share of revenue."""
    m = market([{"credit": credit} if credit else {}, {}], periods=30)
    m.run()
    mine, theirs = totals(m, Line.REVENUE).sum(), totals(m, Line.REVENUE, 1).sum()
    return float(mine / (mine + theirs))


def test_credit_draws_customers_by_what_it_is_worth_to_them() -> None:
    without = share_of_first(None)
    free = share_of_first({"worth": 0.0})
    assert free == without
    assert share_of_first({"worth": 0.3}) > without + 0.01


def test_credit_that_is_never_given_changes_nobody() -> None:
    """Terms for a tier that nobody is ever in: the same lives, to the bit."""
    never = {"pyramid": {"review_every": 400}}
    plain, none = (market([{**never, **firm}, {}], periods=20) for firm in ({}, {"credit": {"group": ["platinum"]}}))
    plain.run()
    none.run()
    for one, other in zip(plain.town, none.town, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    ("credit", "told"),
    [
        ({"periods": 0}, "periods"),
        ({"default_rate": 0.6}, "default_rate"),
        ({"group": ["tin"]}, 'credit.group names the tier "tin"'),
        ({"worth": -0.1}, "worth"),
    ],
)
def test_bad_input_is_refused(credit: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        scenario([{"credit": credit}])
