"""Savings on familiar customers: by hand, and the same in the books as in the records."""

from __future__ import annotations

import numpy as np
import pytest

from sim.accounts import TIER_COST_LINES, Line
from sim.crm.records import records_of
from sim.invariants import InvariantError
from sim.review import familiar_periods
from tests.markets import Market, market

FOREVER = {"customers.turnover": 0.0, "customers.activity_window": 1000, "customers.count": 400}


def test_familiar_periods_by_hand() -> None:
    """Ages 0 to 4, at most 3: 0 + 1 + 2 + 3 + 3 = 9."""
    assert [familiar_periods(length, 3) for length in range(7)] == [0, 0, 1, 3, 6, 9, 12]


def served(saving: float, periods: int = 22) -> Market:
    """Return a market that has run, in which nobody is lost but to failures, and records do not fade."""
    pyramid = {"scheme": "four_tier", "review_every": 5, "memory": 1.0}
    firm = {"familiarity_saving": saving, "familiarity_periods": 8, "pyramid": pyramid, "failure_rate": 0.0}
    m = market([firm | {"programme": {}, "service": 0.8}, {}], FOREVER, periods=periods)
    m.run()
    return m


@pytest.mark.parametrize("saving", [0.0, 0.4, 1.0])
def test_the_records_of_customers_add_up_to_the_books(saving: float) -> None:
    """Two periods after a review: what is charged already, and what is yet to be."""
    m = served(saving)
    firm, books = m.firms["Firm0"], np.sum([books[0] for books in m.history.books], axis=(0, 1, 2))
    assert books[Line.LOST :].sum() == 0
    contribution = books[Line.REVENUE] - books[list(TIER_COST_LINES)].sum()
    assert records_of(m, firm).margin.sum() == pytest.approx(contribution, rel=1e-5)


def test_who_stays_costs_less_and_the_newcomer_costs_in_full() -> None:
    """Of one period's service: the sum over customers of 1 - 0.4 min(age, 8) / 8, times the cost of their tier."""
    m = served(0.4)
    relations, firm = m.town.relations[:, 0], m.firms["Firm0"]
    members = relations[relations["is_active"] == 1]
    age = m.period - 1 - members["since"].astype(np.int64)
    assert age.min() < 8 < age.max()
    expected = (firm.service_costs[members["tier"]] * (1.0 - 0.4 * np.minimum(age, 8) / 8)).sum()
    assert m.history.books[-1][0, ..., Line.SERVICE].sum() == pytest.approx(expected)
    assert expected < m.firms["Firm0"].stock.sum() * firm.service_costs[0]


def test_customers_by_tier_and_type_and_tenure_are_those_of_the_books() -> None:
    """Through reviews, lapses, moves and the exit of a firm; and one counted in the tier above is found out."""
    pyramid = {"scheme": "four_tier", "review_every": 5}
    firm = {"familiarity_saving": 0.4, "familiarity_periods": 8, "pyramid": pyramid}
    events = {"customers.activity_window": 8, "events": [{"kind": "exit", "firm": "Firm1", "at": 12}]}
    m = market([firm, firm], {**FOREVER, "customers.turnover": 0.01, **events}, periods=23)
    m.run()
    relations, people = m.town.relations[:, 0], m.town.people
    counted = np.zeros_like(m.by_tenure()[0])
    here = relations["is_active"] == 1
    np.add.at(counted, (relations["since"][here], relations["tier"][here] * 7 + people["type"][here]), 1)
    assert len(np.unique(relations["tier"][here])) == 4
    assert np.array_equal(m.by_tenure()[0], counted)
    m.since[0, 0, 0, 7:9] += (1, -1)
    with pytest.raises(InvariantError, match="by when they became so"):
        m.audit.recount()
