"""The compiled market beside the reference, period by period, until they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim import Market
from sim.accounts import CAUSE_NAMES, FirmCost, Line
from sim.records import NEVER as FAR
from sim.records import PERSON, PULSE, RELATION
from tests.reference.arithmetic import NOBODY
from tests.reference.market import ReferenceMarket

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.scenario import Scenario
    from tests.reference.person import Customer

#: How the kernels' columns are called here, where the names differ.
_PERSON_NAMES = {"search": "search_effort", "rate": "full_rate", "talk": "talkativeness"}
#: When the kernels next look at a person is theirs; what happens is compared.
_NOT_STATE = ("wake_at", "lapse_at")
#: A period that no run reaches is as good as any other.
_TIMES = {"need_at": "needs_at", "leave_at": "leaves_at"}


def compare(scenario: Scenario, seed: int, periods: int) -> None:
    """Step both markets and fail at the first difference.

    Raises
    ------
    AssertionError
        With scenario, seed, period, customer (or firm, tier, type), field and both values.
    """
    market, reference = Market(scenario, seed), ReferenceMarket(scenario, seed)
    for period in range(periods + 1):
        where = f"{scenario.name}, seed {seed}, period {period - 1}"
        compare_customers(market, reference, where)
        if period > 0:
            compare_books(market, reference, where)
        if period < periods:
            market.step()
            reference.step()


def compare_customers(market: Market, reference: ReferenceMarket, where: str) -> None:
    """Fail if a customer is not the same in both."""
    people = reference.customer_list
    for field in ("id", *(name for name in PULSE.names if name not in _NOT_STATE), *PERSON.names):
        expected = np.array([_of_person(customer, field) for customer in people])
        _check(market.customers.column(field), expected, f"{where}, customer {{}}: {field}")
    for field in RELATION.names:
        expected = np.array([[getattr(relation, field) for relation in customer.relations] for customer in people])
        _check(market.customers.column(field), expected, f"{where}, customer, firm {{}}: {field}")


def _of_person(customer: Customer, field: str) -> Any:
    if field == "reach":
        return sum(1 << f for f in customer.reach)
    if field == "usual":
        return NOBODY if customer.usual is None else customer.usual.number
    if field in _TIMES:
        return min(FAR, getattr(customer, _TIMES[field]))
    return getattr(customer, _PERSON_NAMES.get(field, field))


def compare_books(market: Market, reference: ReferenceMarket, where: str) -> None:
    """Fail if a line of the last period's books, a firm's cost or a migration between tiers is not the same."""
    lines = [line.name for line in Line if line != Line.LOST] + [f"LOST {name}" for name in CAUSE_NAMES]
    for number, line in enumerate(lines):
        _check(
            market.history.books[-1][..., number],
            reference.books[-1][..., number],
            f"{where}, firm, tier, type {{}}: books {line}",
        )
    for cost in FirmCost:
        _check(
            market.history.firm_costs[-1][:, cost],
            reference.firm_costs[-1][:, cost],
            f"{where}, firm {{}}: {cost.name}",
        )
    moved, expected = market.history.migration, reference.migration
    assert [entry[:2] for entry in moved] == [entry[:2] for entry in expected], f"{where}: reviews differ"
    for (t, firm, market_moves), (_, _, moves) in zip(moved, expected, strict=True):
        _check(market_moves, moves, f"{where}, review of firm {firm} at {t}, tiers {{}}: migration")


def _check(market: NDArray[Any], reference: NDArray[Any], what: str) -> None:
    """Fail at the first place where two arrays differ."""
    assert market.shape == reference.shape, f"{what}: shapes {market.shape}, {reference.shape}"
    differ = market != reference
    if differ.any():
        place = tuple(int(i) for i in np.argwhere(differ)[0])
        values = f"market {market[place]!r}, reference {reference[place]!r}"
        raise AssertionError(f"{what.format(place)}: {values} ({int(differ.sum())} differ)")
