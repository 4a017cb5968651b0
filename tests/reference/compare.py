"""The compiled market beside the reference, period by period, until they differ."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from sim import Market
from sim.accounts import CAUSE_NAMES, FirmCost, Line
from sim.records import NEVER as FAR
from sim.records import PERSON, RELATION
from sim.rerun import rerun
from tests.reference.arithmetic import NOBODY
from tests.reference.market import ReferenceMarket

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.scenario import Scenario
    from tests.reference.person import Customer

#: How the kernels' columns are called here, where the names differ.
_NAMES = {
    "search": "search_effort", "rate": "full_rate", "talk": "talkativeness", "need_at": "needs_at",
    "leave_at": "leaves_at",
}  # fmt: skip
#: All of a person but when the kernels next look at them, or for a lapse: what happens then is compared.
_PERSON_FIELDS = ("id", "need_at", "leave_at", *PERSON.names)


def compare(scenario: Scenario, seed: int, periods: int) -> None:
    """Step both markets and fail at the first difference.

    Raises
    ------
    AssertionError
        With scenario, seed, period, customer (or firm, tier, type), field and both values, and what runs it again.
    """
    market, reference = Market(scenario, seed, collect=False), ReferenceMarket(scenario, seed)
    try:
        _step_both(market, reference, periods)
    except AssertionError as difference:
        raise AssertionError(f"{difference}; to see it again: {rerun(scenario, seed, periods)}") from None


def _step_both(market: Market, reference: ReferenceMarket, periods: int) -> None:
    for period in range(periods + 1):
        where = f"{market.scenario.name}, seed {market.seed_used}, period {period - 1}"
        compare_customers(market, reference, where)
        compare_levers(market, reference, where)
        if period > 0:
            compare_books(market, reference, where)
        if period < periods:
            market.step()
            reference.step()


def compare_customers(market: Market, reference: ReferenceMarket, where: str) -> None:
    """Fail if a customer is not the same in both."""
    people = reference.customer_list
    _check_states(market, _PERSON_FIELDS, [_of_person(each) for each in people], f"{where}, customer {{}}")
    if market.scenario.customers.life_stages:
        stages = [[each.stage, min(FAR, each.stage_ends_at)] for each in people]
        _check_states(market, ("stage", "stage_ends_at"), stages, f"{where}, customer {{}}")
    relations = [[_of_relation(each) for each in customer.relations] for customer in people]
    _check_states(market, RELATION.names, relations, f"{where}, customer, firm {{}}")


def compare_levers(market: Market, reference: ReferenceMarket, where: str) -> None:
    """Fail if a lever does not remember the same as that of the plain model."""
    states = {type(lever).__name__: lever.states() for lever in market.levers}
    for lever in reference.levers:
        found = states.get(type(lever).__name__, ())
        for number, (state, expected) in enumerate(zip(found, lever.states(), strict=True)):
            what = f"{where}, customer, firm {{}}: state {number} of {type(lever).__name__}"
            _check(state.astype(np.float64), np.array(expected, dtype=np.float64), what)


_of_relation = attrgetter(*RELATION.names)
_named_as_here = attrgetter(*(_NAMES.get(name, name) for name in _PERSON_FIELDS))


def _of_person(customer: Customer) -> list[Any]:
    """Return a person's states in the order of ``_PERSON_FIELDS``; a period that no run reaches is like any other."""
    states = dict(zip(_PERSON_FIELDS, _named_as_here(customer), strict=True))
    states["reach"] = sum(1 << f for f in customer.reach)
    states["usual"] = NOBODY if customer.usual is None else customer.usual.number
    states["need_at"], states["leave_at"] = min(FAR, states["need_at"]), min(FAR, states["leave_at"])
    return list(states.values())


def _check_states(market: Market, fields: tuple[str, ...], expected: list[Any], what: str) -> None:
    """Fail at the first person who differs, and the first field that does: every state is a double without loss."""
    found = np.stack([market.customers.column(name).astype(np.float64) for name in fields], axis=-1)
    reference = np.array(expected, dtype=np.float64)
    assert found.shape == reference.shape, f"{what}: shapes {found.shape}, {reference.shape}"
    if np.array_equal(found, reference):
        return
    *place, field = (int(i) for i in np.argwhere(found != reference)[0])
    values = f"market {float(found[(*place, field)])!r}, reference {float(reference[(*place, field)])!r}"
    raise AssertionError(f"{what.format(tuple(place))}: {fields[field]}: {values}")


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
