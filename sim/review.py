"""The review of a firm's pyramid: close the records, rank the customers, cut the tiers, and let go whom it fires."""

from __future__ import annotations

import numpy as np

from sim.accounts import Cause, Line
from sim.compiled import inline, parallel_kernel, prange
from sim.customers import NEVER, NOBODY
from sim.journey import membership, talk

RANKING = ("volume", "revenue", "profit", "total_contribution")


@parallel_kernel
def close_records(town, f, service_costs, last_review, period, rank_by, scores):  # type: ignore[no-untyped-def]
    """Charge each customer's record with the service since the last review, and write what customers are ranked by.

    Parameters
    ----------
    service_costs : array, shape (n_tiers,)
        Cost of serving a customer of each tier for one period, in money.
    rank_by : int
        Index into ``RANKING``.
    scores : array, shape (n_customers,)
        Filled with each customer's score; NaN for those who are not customers of firm ``f``.
    """
    for i in prange(town.pulses.size):
        relation = town.relations[i, f]
        if not relation.is_active:
            scores[i] = np.nan
            continue
        n_periods = period - max(np.int64(relation.since), last_review)
        relation.margin -= service_costs[relation.tier] * n_periods
        if rank_by == 0:
            scores[i] = relation.volume
        elif rank_by == 1:
            scores[i] = relation.revenue
        elif rank_by == 2:
            scores[i] = relation.margin
        else:
            scores[i] = np.float64(relation.margin) + relation.credit


@inline
def tier_of(score, tier, cuts, hysteresis):  # type: ignore[no-untyped-def]
    """Return the tier a customer belongs to: the present one, unless the score is clearly past one of its cuts.

    A cut must be passed by ``hysteresis`` times its size, in either direction, so that customers do not flicker.
    """
    new = tier
    while new > 0 and score >= cuts[new - 1] + hysteresis * abs(cuts[new - 1]):
        new -= 1
    while new < cuts.size and score < cuts[new] - hysteresis * abs(cuts[new]):
        new += 1
    return new


@parallel_kernel
def assign_tiers(town, f, scores, cuts, hysteresis, memory, trust_fall, moves, stock):  # type: ignore[no-untyped-def]
    """Move customers to their tiers and fade the record; who slides down trusts the firm's character less.

    Parameters
    ----------
    moves : array of int64, shape (n_blocks, n_tiers, n_tiers)
        Customers by tier before and after; added to.
    stock : array, shape (n_blocks, n_tiers, 7 types, 3)
        Customers, and the sums of their satisfaction and attachment, by tier after; added to.
    """
    n_blocks, n = moves.shape[0], town.pulses.size
    for b in prange(n_blocks):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            relation = town.relations[i, f]
            if not relation.is_active:
                continue
            old = relation.tier
            new = tier_of(scores[i], old, cuts, hysteresis)
            if new > old:
                relation.trust_character -= trust_fall * relation.trust_character
            relation.tier = new
            relation.volume *= memory
            relation.revenue *= memory
            relation.margin *= memory
            relation.credit *= memory
            moves[b, old, new] += 1
            cell = stock[b, new, town.people[i].type]
            cell[0] += 1.0
            cell[1] += relation.satisfaction
            cell[2] += relation.attachment


@parallel_kernel
def fire(town, f, tiers_to_fire, entry_tier, said, books, since):  # type: ignore[no-untyped-def]
    """Let go, for good, the customers of some tiers who cost the firm more than they bring; they tell their friends."""
    n_blocks, n = books.shape[0], town.pulses.size
    for b in prange(n_blocks):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            relation, person = town.relations[i, f], town.people[i]
            if relation.is_active and tiers_to_fire[relation.tier] and relation.margin < 0.0:
                membership.leave(person, relation, f, Cause.FIRED, entry_tier, books[b], since[b])
                relation.barred_until = NEVER
                relation.attachment = 0.0
                talk.put_down(i, f, -1.0, 0, said)
                if person.usual == f:
                    person.usual = NOBODY


@parallel_kernel
def close_firm(town, f, entry_tier, books, since):  # type: ignore[no-untyped-def]
    """End every membership of a firm that leaves the market."""
    n_blocks, n = books.shape[0], town.pulses.size
    for b in prange(n_blocks):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            relation, person = town.relations[i, f], town.people[i]
            if relation.is_active:
                membership.leave(person, relation, f, Cause.CLOSED, entry_tier, books[b], since[b])
            if person.usual == f:
                person.usual = NOBODY


@parallel_kernel
def expire_points(town, f, books):  # type: ignore[no-untyped-def]
    """Let all open points of a firm expire: its programme has ended."""
    n_blocks, n = books.shape[0], town.pulses.size
    for b in prange(n_blocks):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            relation = town.relations[i, f]
            if relation.points > 0.0:
                books[b, f, relation.tier, town.people[i].type, Line.POINTS_EXPIRED] += relation.points
                relation.points = 0.0
