"""Membership: becoming a firm's customer, and ceasing to be one, always with a cause and always in the books.

A customer of a firm has bought from it within the activity window. ``since`` counts the firm's customers by the period
in which their membership began: from it, retention over any horizon and survival by cohort are sums. Where somebody
asks, it counts them by tier and type besides.
"""

from __future__ import annotations

import numpy as np

from sim.accounts import Cause, Line
from sim.compiled import inline, seldom
from sim.records import NEVER, NOBODY, level


@inline
def column_of(tier, kind, n_columns):  # type: ignore[no-untyped-def]
    """Return where ``since`` counts customers of a tier and type: all together if it has one column."""
    return min(np.int64(tier) * 7 + kind, n_columns - 1)


@inline
def join(person, relation, f, period, books, since):  # type: ignore[no-untyped-def]
    """Make the person a customer of firm ``f``."""
    relation.is_active = True
    relation.since = period
    cell = books[f, relation.tier, person.type]
    cell[Line.GAINED] += 1.0
    cell[Line.SATISFACTION_CHANGE] += level(relation.satisfaction)
    cell[Line.ATTACHMENT_CHANGE] += relation.attachment
    since[f, period, column_of(relation.tier, person.type, since.shape[2])] += 1


@inline
def change_tier(person, relation, tier, since):  # type: ignore[no-untyped-def]
    """Put a customer into a tier; ``since`` is of the firm alone."""
    n_columns = since.shape[1]
    if n_columns > 1 and tier != relation.tier:
        since[relation.since, column_of(relation.tier, person.type, n_columns)] -= 1
        since[relation.since, column_of(tier, person.type, n_columns)] += 1
    relation.tier = tier


@seldom
def leave(person, relation, f, cause, entry_tier, books, since):  # type: ignore[no-untyped-def]
    """End the person's membership of firm ``f``: open points expire, the record closes, the habit is gone."""
    cell = books[f, relation.tier, person.type]
    cell[Line.LOST + cause] += 1.0
    cell[Line.SATISFACTION_CHANGE] -= level(relation.satisfaction)
    cell[Line.ATTACHMENT_CHANGE] -= relation.attachment
    cell[Line.POINTS_EXPIRED] += relation.points
    since[f, relation.since, column_of(relation.tier, person.type, since.shape[2])] -= 1
    relation.is_active = False
    relation.points = 0
    relation.habit = 0
    relation.volume = 0.0
    relation.revenue = 0.0
    relation.margin = 0.0
    relation.credit = 0.0
    relation.tier = entry_tier
    relation.cause = Cause.LAPSED


@seldom
def let_lapse(i, period, town, market, behaviour, books, since):  # type: ignore[no-untyped-def]
    """End the memberships of person ``i`` that have been quiet for the whole window, and set the next look."""
    pulse, person = town.pulses[i], town.people[i]
    next_look = NEVER
    for f in range(town.relations.shape[1]):
        relation = town.relations[i, f]
        if relation.is_active:
            due = np.int64(relation.bought_at) + behaviour.activity_window
            if due <= period:
                cause = Cause.CONSTRAINT.value if person.is_constrained else int(relation.cause)
                leave(person, relation, f, cause, market.offers[f, 0].entry_tier, books, since)
                if person.usual == f:
                    person.usual = NOBODY
            else:
                next_look = min(next_look, due)
    pulse.lapse_at = next_look


@seldom
def move_away(i, town, market, books, since):  # type: ignore[no-untyped-def]
    """End all memberships of person ``i``, who leaves the category for good."""
    for f in range(town.relations.shape[1]):
        relation = town.relations[i, f]
        if relation.is_active:
            leave(town.people[i], relation, f, Cause.MOVED, market.offers[f, 0].entry_tier, books, since)
