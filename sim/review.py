"""The review of a firm's pyramid: close the records, rank the customers, cut the tiers, and let go whom it fires."""

from __future__ import annotations

import numpy as np

from sim.accounts import Cause, Line
from sim.compiled import inline, parallel_kernel, prange
from sim.journey import membership, talk
from sim.prefetch import prefetch_row
from sim.records import NEVER, NOBODY, in_steps, level

ROWS_AHEAD = 16  # for whose records memory is asked in advance

RANKING = ("volume", "revenue", "profit", "total_contribution")


@parallel_kernel
def close_records(town, f, service_costs, last_review, period, rank_by, memory, scores):  # type: ignore[no-untyped-def]
    """Charge each customer's record with the service since the last review, rank by it, and let it fade.

    Parameters
    ----------
    service_costs : array, shape (n_tiers,)
        Cost of serving a customer of each tier for one period, in money.
    rank_by : int
        Index into ``RANKING``.
    memory : float
        Share of the record that is kept.
    scores : array of float32, shape (n_customers,)
        Filled with what customers are ranked by; NaN for those who are not customers of firm ``f``.
    """
    n = town.pulses.size
    for i in prange(n):
        prefetch_row(town.relations[:, f], min(i + ROWS_AHEAD, n - 1))  # type: ignore[call-arg]
        scores[i] = close_record(town.relations[i, f], service_costs, last_review, period, rank_by, memory)


@inline
def close_record(relation, service_costs, last_review, period, rank_by, memory):  # type: ignore[no-untyped-def]
    """Close one record; return what the customer is ranked by, or NaN for who is none."""
    if not relation.is_active:
        return np.nan
    n_periods = period - max(np.int64(relation.since), last_review)
    relation.margin -= service_costs[relation.tier] * n_periods
    if rank_by == 0:
        score = np.float64(relation.volume)
    elif rank_by == 1:
        score = np.float64(relation.revenue)
    elif rank_by == 2:
        score = np.float64(relation.margin)
    else:
        score = np.float64(relation.margin) + relation.credit
    relation.volume *= memory
    relation.revenue *= memory
    relation.margin *= memory
    relation.credit *= memory
    return score


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
def assign_tiers(town, f, scores, cuts, hysteresis, trust_fall, moves, stock):  # type: ignore[no-untyped-def]
    """Move customers to their tiers; who slides down trusts the firm's character less.

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
            ahead = min(i + ROWS_AHEAD, n - 1)
            if not np.isnan(scores[ahead]):
                prefetch_row(town.relations[:, f], ahead)  # type: ignore[call-arg]
                prefetch_row(town.people, ahead)
            if np.isnan(scores[i]):
                continue
            relation = town.relations[i, f]
            old = relation.tier
            new = tier_of(np.float64(scores[i]), old, cuts, hysteresis)
            if new > old:
                character = level(relation.trust_character)
                relation.trust_character = in_steps(character - trust_fall * character)
            relation.tier = new
            moves[b, old, new] += 1
            cell = stock[b, new, town.people[i].type]
            cell[0] += 1.0
            cell[1] += level(relation.satisfaction)
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
            if relation.points > 0:
                books[b, f, relation.tier, town.people[i].type, Line.POINTS_EXPIRED] += relation.points
                relation.points = 0
