"""The audit's passes over the books and over everybody: what they count, and the first thing that does not hold."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import CAUSE_NAMES, Line
from sim.compiled import inline, kernel, parallel_kernel
from sim.life_stages import end_of_stage
from sim.loyalty_types import TYPE_NAMES
from sim.records import NEVER, NOBODY, STEPS, level

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


MOST_POINTS = 2**31 - 1  # as they are stored
LARGEST = float(np.finfo(np.float64).max)
N_TYPES, N_CAUSES = len(TYPE_NAMES), len(CAUSE_NAMES)


class Fault(IntEnum):
    """What does not hold; each is put in words in ``sim.invariants``."""

    NONE = 0
    # of a cell of the books
    NOT_FINITE = 1
    NEGATIVE = 2
    NOT_WHOLE = 3
    MORE_THAN = 4
    SPOKE_TOO_OFTEN = 5
    STOCK = 6
    MEAN_OUT_OF_BOUNDS = 7
    # of a firm's books
    FIRM_COST = 8
    POINTS = 9
    BEGAN = 10
    # of a person, or of a person and a firm
    STATE = 11
    OVERSLEPT = 12
    USUAL = 13
    BOUGHT_OUT_OF_REACH = 14
    MEMBERSHIP_DATES = 15
    OVERDUE = 16
    RECORD_WITHOUT_MEMBERSHIP = 17


#: No cell has more of the first line than of the second.
AT_MOST = np.array(
    [
        (Line.GAINED, Line.PURCHASES),
        (Line.PURCHASES, Line.CONSIDERED),
        (Line.REPURCHASES, Line.REPEAT_CHANCES),
        (Line.FAILURES, Line.PURCHASES),
        (Line.COMPLAINTS, Line.FAILURES),
        (Line.RECOVERIES, Line.COMPLAINTS),
        (Line.MEMBER_PURCHASES, Line.PURCHASES),
        (Line.MEMBER_REPURCHASES, Line.REPURCHASES),
        (Line.PRIZES, Line.MEMBER_PURCHASES),
        (Line.REWARDS, Line.INCENTIVES),
        (Line.WON_BACK, Line.GAINED),
    ],
    dtype=np.int64,
)
_ROUNDING = 1e-6  # of a sum of satisfactions, each at most 1


class Limits(NamedTuple):
    """What the bounds of states depend on, besides the model."""

    n_customers: int
    n_firms: int
    period: int  # the last that people have lived through
    window: int  # periods after a purchase for which a membership lasts
    n_tiers: IntArray  # shape (n_firms,)
    entry_tiers: IntArray  # shape (n_firms,)
    n_stages: int  # of life


class Count(NamedTuple):
    """What a recount adds up, block by block."""

    stock: FloatArray  # shape (n_blocks, n_firms, n_tiers, 7 types, 3): customers, satisfaction, attachment
    points: FloatArray  # shape (n_blocks, n_firms)
    buyers: IntArray  # shape (n_blocks, n_firms): people who bought in the last period
    found: IntArray  # shape (n_blocks, 3): the first fault, its row and its firm, or NOBODY


@inline
def is_count(line):  # type: ignore[no-untyped-def]
    """Say whether a line of the books counts whole things: people, purchases, words, points."""
    return line <= Line.GRIEVANCES_HEARD or Line.POINTS_ISSUED <= line <= Line.CROSS_PURCHASES or line >= Line.LOST


@inline
def fault_of_cell(cell):  # type: ignore[no-untyped-def]
    """Return the first fault within one cell of the books, and the line it is in."""
    for line in range(cell.size):
        x = cell[line]
        if not math.isfinite(x):
            return Fault.NOT_FINITE.value, line
        is_change = line == Line.SATISFACTION_CHANGE or line == Line.ATTACHMENT_CHANGE
        if x < 0.0 and not is_change:
            return Fault.NEGATIVE.value, line
        if is_count(line) and x != math.floor(x):
            return Fault.NOT_WHOLE.value, line
    for pair in range(AT_MOST.shape[0]):
        if cell[AT_MOST[pair, 0]] > cell[AT_MOST[pair, 1]]:
            return Fault.MORE_THAN.value, pair
    if cell[Line.PRAISE] + cell[Line.GRIEVANCES] > cell[Line.PURCHASES]:
        return Fault.SPOKE_TOO_OFTEN.value, 0
    return Fault.NONE.value, 0


@kernel
def audit_books(books, costs, stock, told_stock, satisfaction, attachment, points, told_points, began):  # type: ignore[no-untyped-def]
    """Carry the audit's stock and points forward by the ledger of a period, and compare them with the firms'.

    Parameters
    ----------
    books : array, shape (n_firms, n_tiers, 7 types, n_lines)
        The ledger of the period.
    costs : array, shape (n_firms, n_costs)
        Costs that no tier bears.
    stock, points : array, shape (n_firms, n_tiers, 7 types) and (n_firms,)
        The audit's own customers and open points; carried forward in place.
    told_stock, satisfaction, attachment, told_points : array
        The firms' customers, sums over them, and open points, in the same shapes.
    began : array of int64, shape (n_firms,)
        Customers, added up by the period in which they joined.

    Returns
    -------
    tuple of int
        The first fault, the firm, the tier, the type and the line (or the pair of lines) it is in.
    """
    n_firms, n_tiers, n_types = stock.shape
    for f in range(n_firms):
        total = 0.0
        for k in range(n_tiers):
            for y in range(n_types):
                cell = books[f, k, y]
                fault, line = fault_of_cell(cell)
                if fault != Fault.NONE:
                    return fault, f, k, y, line
                lost = 0.0
                for cause in range(Line.LOST, cell.size):
                    lost += cell[cause]
                stock[f, k, y] += cell[Line.GAINED] - lost
                points[f] += cell[Line.POINTS_ISSUED] - cell[Line.POINTS_REDEEMED] - cell[Line.POINTS_EXPIRED]
                total += stock[f, k, y]
                if stock[f, k, y] != told_stock[f, k, y] or stock[f, k, y] < 0.0:
                    return Fault.STOCK.value, f, k, y, 0
                n, slack = stock[f, k, y], _ROUNDING * (1.0 + stock[f, k, y])
                is_within = abs(satisfaction[f, k, y]) <= n + slack and -slack <= attachment[f, k, y] <= n + slack
                if not is_within:
                    return Fault.MEAN_OUT_OF_BOUNDS.value, f, k, y, 0
        for c in range(costs.shape[1]):
            if not (0.0 <= costs[f, c] < np.inf):
                return Fault.FIRM_COST.value, f, 0, 0, c
        if points[f] != told_points[f] or points[f] < 0.0:
            return Fault.POINTS.value, f, 0, 0, 0
        if began[f] != total:
            return Fault.BEGAN.value, f, 0, 0, 0
    return Fault.NONE.value, 0, 0, 0, 0


@inline
def is_finite_from(x, low):  # type: ignore[no-untyped-def]
    """Say whether a number is at least ``low`` and finite; NaN is not."""
    return low <= x < np.inf


@inline
def person_is_within(pulse, person, limits):  # type: ignore[no-untyped-def]
    """Say whether every state of a person is within its bounds, those of ``sim.invariants.bounds``."""
    return (
        0 <= pulse.wake_at <= NEVER
        and 0 <= pulse.need_at <= NEVER
        and 0 <= pulse.lapse_at <= NEVER
        and 0 <= pulse.leave_at <= NEVER
        and is_finite_from(person.rate, 0.0)
        and is_finite_from(person.basket, 0.0)
        and is_finite_from(person.talk, 0.0)
        and is_finite_from(person.price_weight, 0.0)
        and is_finite_from(person.quality_weight, 0.0)
        and is_finite_from(person.service_weight, 0.0)
        and is_finite_from(person.reward_weight, 0.0)
        and is_finite_from(person.effort_weight, 0.0)
        and is_finite_from(person.attachment_weight, 0.0)
        and 0.0 <= person.search <= 1.0
        and 0.0 <= person.attachment_gain <= 1.0
        and is_finite_from(person.tolerance, 0.0)
        and is_finite_from(person.log_reference, -LARGEST)
        and np.int64(person.reach) < 1 << limits.n_firms
        and 0 <= person.birth <= limits.period + 1
        and NOBODY <= person.seen <= limits.period
        and NOBODY <= person.usual < limits.n_firms
        and 0 <= person.type < N_TYPES
        and 0 <= person.is_constrained <= 1
        and 0 <= person.is_alert <= 1
    )


@inline
def relation_is_within(relation, n_tiers, limits):  # type: ignore[no-untyped-def]
    """Say whether every state between a person and a firm is within its bounds."""
    return (
        is_finite_from(relation.taste, -LARGEST)
        and 0 <= relation.distance <= STEPS
        and is_finite_from(relation.expectation, -LARGEST)
        and -STEPS <= relation.satisfaction <= STEPS
        and 0.0 <= relation.attachment <= 1.0
        and 0 <= relation.trust_quality <= STEPS
        and 0 <= relation.trust_character <= STEPS
        and 0 <= relation.trust_ability <= STEPS
        and 0 <= relation.habit <= STEPS
        and -STEPS <= relation.opinion <= STEPS
        and is_finite_from(relation.strikes, 0.0)
        and 0 <= relation.points <= MOST_POINTS
        and is_finite_from(relation.volume, 0.0)
        and is_finite_from(relation.revenue, 0.0)
        and is_finite_from(relation.margin, -LARGEST)
        and is_finite_from(relation.credit, -LARGEST)
        and NOBODY <= relation.told_by < limits.n_customers
        and NOBODY <= relation.told_at <= limits.period
        and NOBODY <= relation.bought_at <= limits.period
        and NOBODY <= relation.since <= limits.period
        and NOBODY <= relation.barred_until <= NEVER
        and 0 <= relation.tier < n_tiers
        and 0 <= relation.cause < N_CAUSES
        and 0 <= relation.is_aware <= 1
        and 0 <= relation.is_active <= 1
    )


@inline
def fault_of_relation(relation, is_reachable, f, limits):  # type: ignore[no-untyped-def]
    """Return what does not hold between a person and firm ``f``."""
    if not relation_is_within(relation, limits.n_tiers[f], limits):
        return Fault.STATE.value
    if relation.bought_at >= 0 and not is_reachable:
        return Fault.BOUGHT_OUT_OF_REACH.value
    if relation.is_active:
        if not 0 <= relation.since <= relation.bought_at:
            return Fault.MEMBERSHIP_DATES.value
        if relation.bought_at + limits.window <= limits.period:
            return Fault.OVERDUE.value
        return Fault.NONE.value
    has_record = relation.volume != 0.0 or relation.revenue != 0.0 or relation.margin != 0.0
    if has_record or relation.points != 0 or relation.habit != 0 or relation.tier != limits.entry_tiers[f]:
        return Fault.RECORD_WITHOUT_MEMBERSHIP.value
    return Fault.NONE.value


@inline
def stage_is_within(stage, limits):  # type: ignore[no-untyped-def]
    """Say whether a person is in a stage of life that there is, until a period that there is."""
    return 0 <= stage.stage < limits.n_stages and 0 <= stage.stage_ends_at <= NEVER


@inline
def fault_of_person(i, town, limits):  # type: ignore[no-untyped-def]
    """Return what does not hold of person ``i``, whatever the firm."""
    pulse, person = town.pulses[i], town.people[i]
    if not person_is_within(pulse, person, limits):
        return Fault.STATE.value
    if town.stages.size > 0 and not stage_is_within(town.stages[i], limits):
        return Fault.STATE.value
    first_due = min(min(pulse.need_at, pulse.lapse_at), min(pulse.leave_at, end_of_stage(town, i)))
    if pulse.wake_at > first_due or first_due <= limits.period:
        return Fault.OVERSLEPT.value
    if person.usual != NOBODY and not town.relations[i, person.usual].is_active:
        return Fault.USUAL.value
    return Fault.NONE.value


@inline
def look_at(i, b, town, limits, count):  # type: ignore[no-untyped-def]
    """Look at person ``i`` of block ``b`` and add them up; return whether all holds.

    A function of its own, not the body of the parallel loop, where Numba loses what is stored into a tuple's arrays.
    """
    found, person = count.found[b], town.people[i]
    found[0], found[1], found[2] = fault_of_person(i, town, limits), i, NOBODY
    if found[0] != Fault.NONE:
        return False
    for f in range(town.relations.shape[1]):
        relation = town.relations[i, f]
        found[0] = fault_of_relation(relation, (person.reach >> f) & 1 == 1, f, limits)
        if found[0] != Fault.NONE:
            found[2] = f
            return False
        count.points[b, f] += relation.points
        count.buyers[b, f] += relation.bought_at == limits.period
        if relation.is_active:
            cell = count.stock[b, f, relation.tier, person.type]
            cell[0] += 1.0
            cell[1] += level(relation.satisfaction)
            cell[2] += relation.attachment
    return True


@parallel_kernel
def recount(share, town, limits, count):  # type: ignore[no-untyped-def]
    """Look at everybody, and add up who is where; a block stops at its first fault.

    Parameters
    ----------
    town : Town
        The people and their relations; read only.
    limits : Limits
        What the bounds depend on.
    count : Count
        Filled in.
    """
    n_blocks, n = count.points.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            if not look_at(i, b, town, limits, count):
                break
