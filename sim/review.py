"""The review of a firm's pyramid: close the records, rank the customers, cut the tiers, and let go whom it fires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import Cause, Line
from sim.compiled import formula, inline, parallel_kernel
from sim.journey import membership, talk
from sim.pyramids import SteppedPyramid
from sim.records import NEVER, NOBODY, in_steps, level, own_pages

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market
    from sim.pyramids import AnyPyramid

RANKING = ("volume", "revenue", "profit", "total_contribution")
ELSEWHERE = len(RANKING)  # of firms whose customers' scores are worked out before the pass: see `scores_seen`


class Billing(NamedTuple):
    """How firms charge the cost of service to their records of customers."""

    service_costs: npt.NDArray[np.float64]  # shape (n_due, n_tiers): of serving a customer for a period, in money
    last_review: npt.NDArray[np.int64]  # shape (n_due,), like the rest
    familiarity_saving: npt.NDArray[np.float64]
    familiarity_periods: npt.NDArray[np.int64]


class Due(NamedTuple):
    """The firms that review their pyramid in a period, and how; all go through the customers together."""

    firm: npt.NDArray[np.int64]  # shape (n_due,), like the rest
    billing: Billing
    rank_by: npt.NDArray[np.int64]  # index into RANKING, or ELSEWHERE
    given: npt.NDArray[np.float32]  # shape (n_due, n_customers), empty if none is: scores worked out elsewhere
    memory: npt.NDArray[np.float64]  # share of the record that is kept
    hysteresis: npt.NDArray[np.float64]
    n_cuts: npt.NDArray[np.int64]
    cuts: npt.NDArray[np.float64]  # shape (n_due, n_tiers - 1)


def review_pyramids(market: Market, firms: list[Firm]) -> None:
    """Rank the customers of all firms whose review is due, cut the tiers, and note who moved between them.

    Raises
    ------
    InvariantError
        If a firm's customers are not those of its books: the model is at fault.
    """
    if not firms:
        return
    n_due, n_tiers, n_blocks = len(firms), market.n_tiers, market.n_blocks
    rank_by, given = scores_seen(market, firms)
    due = Due(
        firm=np.array([firm.index for firm in firms]),
        billing=billing_of(market, firms),
        rank_by=rank_by,
        given=given,
        memory=np.array([firm.pyramid.memory for firm in firms]),
        hysteresis=np.array([_margin(firm.pyramid) for firm in firms]),
        n_cuts=np.array([len(firm.pyramid.tiers) - 1 for firm in firms]),
        cuts=np.zeros((n_due, n_tiers)),
    )
    ends = market.since.sum(axis=(2, 3), dtype=np.int64).T[due.firm].cumsum().reshape(n_due, n_blocks)
    scores = own_pages(ends[-1, -1], np.float32)
    rank(market.town, due, market.period, ends, scores)
    for d, (firm, own_scores) in enumerate(zip(firms, np.split(scores, ends[:-1, -1]), strict=True)):
        due.cuts[d, : due.n_cuts[d]] = _cuts(firm.pyramid, own_scores)
    moves = np.zeros((n_blocks, n_due, n_tiers, n_tiers), dtype=np.int64)
    stock = np.zeros((n_blocks, n_due, n_tiers, 7, 3))
    assign_tiers(market.town, due, market.period, market.behaviour.trust_fall, moves, stock, market.since)
    for firm, own_moves, own_stock in zip(firms, moves.sum(axis=0), stock.sum(axis=0), strict=True):
        own_tiers = slice(len(firm.pyramid.tiers))
        market.audit.review(firm, own_moves[own_tiers, own_tiers], own_stock[own_tiers, :, 0])
        firm.stock[...], firm.satisfaction_sum[...], firm.attachment_sum[...] = np.moveaxis(own_stock[own_tiers], 2, 0)
        market.history.migration.append((market.period, firm.index, own_moves[own_tiers, own_tiers]))


def billing_of(market: Market, firms: list[Firm]) -> Billing:
    """Return how some firms charge the cost of service."""
    return Billing(
        service_costs=market.serving.costs[[firm.index for firm in firms]],
        last_review=np.array([firm.last_review for firm in firms]),
        familiarity_saving=np.array([firm.spec.familiarity_saving for firm in firms]),
        familiarity_periods=np.array([firm.spec.familiarity_periods for firm in firms]),
    )


def scores_seen(market: Market, firms: list[Firm]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return by what each firm ranks, and the scores of those that rank by more than a sum on record.

    A lifetime value is a score like any other. On a pyramid of levels the score is the number of levels below one's
    own, so that the pass that follows moves customers and closes their records in the same way.

    Returns
    -------
    rank_by : array of int64, shape (n_due,)
        Index into ``RANKING``, or ``ELSEWHERE``.
    given : array of float32, shape (n_due, n_customers); empty if no firm ranks elsewhere
        Scores of the firms' customers, each in the customer's row.
    """
    from sim.pyramids.sight import Sight  # it reads records through sim/crm, which reads this module

    names = [getattr(firm.pyramid, "rank_by", None) for firm in firms]
    rank_by = np.array([RANKING.index(name) if name in RANKING else ELSEWHERE for name in names])
    is_given = bool((rank_by == ELSEWHERE).any())
    given = np.zeros((len(firms), market.n_customers if is_given else 0), dtype=np.float32)
    for own, firm, where in zip(given, firms, rank_by, strict=True):
        if where == ELSEWHERE:
            sight, pyramid = Sight(market, firm), firm.pyramid
            if isinstance(pyramid, SteppedPyramid):
                own[sight.members.row] = pyramid.entry_tier - pyramid.levels_of(sight.look, sight.members.tier)
            else:
                own[sight.members.row] = sight.look("lifetime_value")
    return rank_by, given


def _cuts(pyramid: AnyPyramid, scores: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the least score of each tier but the lowest; of levels, one is the next."""
    if isinstance(pyramid, SteppedPyramid):
        return np.arange(pyramid.entry_tier, 0.0, -1.0)
    return pyramid.cuts(scores)


def _margin(pyramid: AnyPyramid) -> float:
    """Return by how much a cut is to be passed: nothing by levels, in which the margin is part of the conditions."""
    return 0.0 if isinstance(pyramid, SteppedPyramid) else pyramid.hysteresis


@parallel_kernel
def rank(share, town, due, period, ends, scores):  # type: ignore[no-untyped-def]
    """Write what customers are ranked by.

    Parameters
    ----------
    ends : array of int64, shape (n_due, n_blocks)
        Where the scores of a firm's customers in a block of rows end, by the count of its customers.
    scores : array of float32, shape (n_customers_of_these_firms,)
        Filled in, firm by firm, in the order of rows.
    """
    n_blocks, n = ends.shape[1], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        place = np.empty(due.firm.size, np.int64)
        for d in range(due.firm.size):
            place[d] = ends[d, b - 1] if b > 0 else ends[d - 1, n_blocks - 1] if d > 0 else 0
        rank_block(b * n // n_blocks, (b + 1) * n // n_blocks, town, due, period, place, ends[:, b], scores)


@inline
def rank_block(first, last, town, due, period, place, end, scores):  # type: ignore[no-untyped-def]
    """Write the scores of a block of rows: of no more customers than are counted, which the audit would find out."""
    for i in range(first, last):
        for d in range(due.firm.size):
            relation = town.relations[i, due.firm[d]]
            if relation.is_active and place[d] < end[d]:
                scores[place[d]] = score_of(relation, margin_after(relation, due.billing, d, period), due, d, i)
                place[d] += 1


@inline
def margin_after(relation, billing, d, period):  # type: ignore[no-untyped-def]
    """Return the margin on record after the cost of service since the last review, as it is kept."""
    since = np.int64(relation.since)
    first = max(since, billing.last_review[d])
    n_served = np.float64(period - first)
    if billing.familiarity_saving[d] > 0.0:
        longest = billing.familiarity_periods[d]
        n_familiar = familiar_periods(period - since, longest) - familiar_periods(first - since, longest)
        n_served -= billing.familiarity_saving[d] * n_familiar / longest
    return np.float32(relation.margin - billing.service_costs[d, relation.tier] * n_served)


@formula
def familiar_periods(length, longest):  # type: ignore[no-untyped-def]
    """Return the sum of ``min(age, longest)`` over the ages 0 to ``length - 1`` of a membership."""
    short = np.minimum(length, longest)
    return short * (short - 1) // 2 + longest * (length - short)


@inline
def score_of(relation, margin, due, d, i):  # type: ignore[no-untyped-def]
    """Return what the customer in row ``i`` is ranked by, as it is kept."""
    if due.rank_by[d] == 0:
        return relation.volume
    if due.rank_by[d] == 1:
        return relation.revenue
    if due.rank_by[d] == 2:
        return margin
    if due.rank_by[d] == 3:
        return np.float32(np.float64(margin) + relation.credit)
    return due.given[d, i]


@formula
def tier_of(score, tier, cuts, n_cuts, hysteresis):  # type: ignore[no-untyped-def]
    """Return the tier a customer belongs to: the present one, unless the score is clearly past one of its cuts.

    A cut must be passed by ``hysteresis`` times its size, in either direction, so that customers do not flicker.
    """
    new = tier
    while new > 0 and score >= cuts[new - 1] + hysteresis * abs(cuts[new - 1]):
        new -= 1
    while new < n_cuts and score < cuts[new] - hysteresis * abs(cuts[new]):
        new += 1
    return new


@parallel_kernel
def assign_tiers(share, town, due, period, trust_fall, moves, stock, since):  # type: ignore[no-untyped-def]
    """Close the records, move customers to their tiers, and let the records fade.

    Parameters
    ----------
    moves : array of int64, shape (n_blocks, n_due, n_tiers, n_tiers)
        Customers by tier before and after; added to.
    stock : array, shape (n_blocks, n_due, n_tiers, 7 types, 3)
        Customers, and the sums of their satisfaction and attachment, by tier after; added to.
    since : array of int32, shape (n_blocks, n_firms, n_periods, 1 or n_tiers * 7)
        Customers by the period in which their membership began; kept up to date.
    """
    n_blocks, n = moves.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            for d in range(due.firm.size):
                f = due.firm[d]
                assign_tier(
                    i,
                    town.relations[i, f],
                    town.people[i],
                    d,
                    due,
                    period,
                    trust_fall,
                    moves[b],
                    stock[b],
                    since[b, f],
                )


@inline
def assign_tier(i, relation, person, d, due, period, trust_fall, moves, stock, since):  # type: ignore[no-untyped-def]
    """Move one customer to the tier of their score; who slides down trusts the firm's character less."""
    if not relation.is_active:
        return
    margin = margin_after(relation, due.billing, d, period)
    old = relation.tier
    score = np.float64(score_of(relation, margin, due, d, i))
    new = tier_of(score, old, due.cuts[d], due.n_cuts[d], due.hysteresis[d])
    if new > old:
        character = level(relation.trust_character)
        relation.trust_character = in_steps(character - trust_fall * character)
    memory = due.memory[d]
    membership.change_tier(person, relation, new, since)
    relation.volume *= memory
    relation.revenue *= memory
    relation.margin = np.float64(margin) * memory
    relation.credit *= memory
    moves[d, old, new] += 1
    cell = stock[d, new, person.type]
    cell[0] += 1.0
    cell[1] += level(relation.satisfaction)
    cell[2] += relation.attachment


@parallel_kernel
def fire(share, town, f, tiers_to_fire, entry_tier, said, books, since):  # type: ignore[no-untyped-def]
    """Let go, for good, the customers of some tiers who cost the firm more than they bring; they tell their friends."""
    n_blocks, n = books.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
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
def close_firm(share, town, f, entry_tier, books, since):  # type: ignore[no-untyped-def]
    """End every membership of a firm that leaves the market."""
    n_blocks, n = books.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            relation, person = town.relations[i, f], town.people[i]
            if relation.is_active:
                membership.leave(person, relation, f, Cause.CLOSED, entry_tier, books[b], since[b])
            if person.usual == f:
                person.usual = NOBODY


@parallel_kernel
def expire_points(share, town, f, books):  # type: ignore[no-untyped-def]
    """Let all open points of a firm expire: its programme has ended."""
    n_blocks, n = books.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            relation = town.relations[i, f]
            if relation.points > 0:
                books[b, f, relation.tier, town.people[i].type, Line.POINTS_EXPIRED] += relation.points
                relation.points = 0
