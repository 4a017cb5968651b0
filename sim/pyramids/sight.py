"""What a firm sees of its customers at a review: its records of them, and what they answer when asked.

Answers are inner states with an error, drawn by the streams ``TELL_...`` at the period, the person and the firm's slot:
no firm sees an inner state itself, and nobody is changed by being asked. Only those are asked whose answer matters.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.compiled import inline, parallel_kernel
from sim.crm import value
from sim.crm.records import cohorts_of, fading, repeats_of
from sim.draws import Stream, block, normal_of
from sim.prefetch import prefetch_row
from sim.pyramids.ladder import EVERYBODY, Places
from sim.pyramids.observed import OBSERVED
from sim.records import STEPS, gather, identity, level
from sim.review import Billing, billing_of, margin_after

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

(
    VOLUME, REVENUE, PROFIT, TOTAL_CONTRIBUTION, LIFETIME_VALUE, POTENTIAL, REPEATS, TENURE, RECENCY, REFERRAL,
    LIFE_STAGE, STAGES_AHEAD, SATISFACTION, CLOSENESS, TRUST, ATTITUDE, REPUTE, FIT, SHARE,
) = range(len(OBSERVED))  # fmt: skip

AHEAD = 16  # customers whose records are asked for before they are looked at

#: The stream of the answer that each takes; the others are on record.
TOLD = {
    "satisfaction": Stream.TELL_SATISFACTION,
    "closeness": Stream.TELL_CLOSENESS,
    "trust": Stream.TELL_TRUST,
    "attitude": Stream.TELL_ATTITUDE,
    "repute": Stream.TELL_REPUTE,
    "fit": Stream.TELL_FIT,
    "share": Stream.TELL_WISH,
    "potential": Stream.TELL_WISH,
}


class Members(NamedTuple):
    """A firm's customers, in the order of rows; each array of shape (n_customers_of_the_firm,)."""

    row: IntArray  # where they live
    since: npt.NDArray[np.int16]  # period in which the membership began
    tier: npt.NDArray[np.int8]  # index of the tier that they have held so far
    profit: FloatArray  # own margin on record after the cost of service up to now, as it is kept


class Known(NamedTuple):
    """What a firm knows of all its customers, and who it is to those whom it asks, as compiled kernels see it."""

    firm: int
    slot: int
    seed: int
    period: int
    window: int  # periods
    first_weight: FloatArray  # shape (n_periods,): what is left on record of a purchase made in each
    to_window: float  # purchases in a window, per purchase on a record that has never been empty
    billing: Billing
    error: float  # of the survey
    n_stages: int  # of life


class Sight:
    """What one firm sees at a review: whatever ``OBSERVED`` names, of all its customers or of some.

    Parameters
    ----------
    market : Market
        The market, before the tiers of the review are assigned.
    firm : Firm
        The firm that looks.

    Attributes
    ----------
    members : Members
        The customers.
    length : array, shape (n_periods + 1,)
        Periods that the record is worth of who joined in each.
    """

    def __init__(self, market: Market, firm: Firm) -> None:
        self.market, self.firm = market, firm
        self.window = market.scenario.customers.activity_window
        billing, left = billing_of(market, [firm]), fading(market, firm)
        self.members, self.length = members_of(market, firm, billing), left.length
        self._seen_of_all = {"profit": self.members.profit}
        self._known = Known(
            firm=firm.index,
            slot=int(market.origins.firm_slots[firm.index]),
            seed=market.seed_used,
            period=market.period,
            window=self.window,
            first_weight=left.weights,
            to_window=left.to_window,
            billing=billing,
            error=market.scenario.survey.error,
            n_stages=len(market.scenario.customers.life_stages),
        )

    def look(self, name: str, places: Places = EVERYBODY) -> FloatArray:
        """Return what is seen of the customers in some places, of the name in ``OBSERVED``: see :func:`seen_of`."""
        if name in self._seen_of_all:
            return self._seen_of_all[name][places]
        if name == "lifetime_value":
            self._seen_of_all[name] = self._lifetime_value()
            return self._seen_of_all[name][places]
        row = self.members.row[places]
        seen: FloatArray = np.empty(row.size)
        what, stream, n_blocks = OBSERVED.index(name), int(TOLD.get(name, 0)), self.market.n_blocks
        look_at(self.market.town, self._known, what, stream, row, n_blocks, seen)
        if places is EVERYBODY:
            self._seen_of_all[name] = seen
        return seen

    def _lifetime_value(self) -> FloatArray:
        """Return the own margin to come, discounted: as in ``sim/crm/value.py``, on what is known now."""
        market = self.market
        survival = value.survival_curve(*cohorts_of(market, self.firm))
        worth = value.annuity(survival, market.scenario.discount_rate)
        own = self.members
        length, tenure = self.length[own.since], market.period - own.since.astype(np.int64)
        basic, loyalty = value.own_value(own.profit, length, tenure, worth, self.window)
        lifetime_value: FloatArray = basic + loyalty
        return lifetime_value


def members_of(market: Market, firm: Firm, billing: Billing) -> Members:
    """Return a firm's customers, given how it charges the cost of service."""
    n, n_blocks = market.n_customers, market.n_blocks
    columns, n_members = Members(*(np.empty(n, dtype) for dtype in "qhbd")), np.zeros(n_blocks, dtype=np.int64)
    call_the_roll(market.town.relations[:, firm.index], billing, market.period, columns, n_members)
    return Members(*(gather(column, n_members) for column in columns))


@parallel_kernel
def call_the_roll(share, relations, billing, period, members, n_members):  # type: ignore[no-untyped-def]
    """List a firm's customers.

    Parameters
    ----------
    relations : record array, shape (n_customers,)
        Of everybody with the firm; read only.
    billing : Billing
        Of the firm alone.
    members : Members
        Of arrays of shape (n_customers,); each block of rows has its part, filled from the start with the customers
        in it.
    n_members : array of int64, shape (n_blocks,)
        How many each block has.
    """
    n_blocks, n = n_members.size, relations.size
    for b in range(share.first, n_blocks, share.step):
        first, last = b * n // n_blocks, (b + 1) * n // n_blocks
        n_found = 0
        for i in range(first, last):
            prefetch_row(relations, min(i + AHEAD, last - 1))  # type: ignore[call-arg]
            if relations[i].is_active:
                enrol(i, relations[i], margin_after(relations[i], billing, 0, period), first + n_found, members)
                n_found += 1
        n_members[b] = n_found


@inline
def enrol(i, relation, profit, k, members):  # type: ignore[no-untyped-def]
    """Write the customer in row ``i`` into place ``k`` of a list."""
    members.row[k] = i
    members.since[k] = relation.since
    members.tier[k] = relation.tier
    members.profit[k] = profit


@parallel_kernel
def look_at(share, town, known, what, stream, row, n_blocks, seen):  # type: ignore[no-untyped-def]
    """Look at one thing in some customers.

    Parameters
    ----------
    town : Town
        The people and their relations; read only.
    known : Known
        What the firm knows.
    what : int
        Index into ``OBSERVED``.
    stream : int
        Of the answer, if it takes one: see ``TOLD``.
    row : array of int64, shape (n_looked_at,)
        Where they live.
    n_blocks : int
        Parts that threads share.
    seen : array, shape (n_looked_at,)
        Filled with what is seen.
    """
    n = row.size
    for b in range(share.first, n_blocks, share.step):
        first, last = b * n // n_blocks, (b + 1) * n // n_blocks
        for k in range(first, last):
            prefetch_member(row[min(k + AHEAD, last - 1)], what, town, known.firm)
            i = row[k]
            if LIFE_STAGE <= what <= STAGES_AHEAD:
                seen[k] = fact_of(what, i, town, known)
            else:
                seen[k] = seen_of(what, stream, i, town.people[i], town.relations[i, known.firm], known)


@inline
def fact_of(what, i, town, known):  # type: ignore[no-untyped-def]
    """Return the number of stages of life that a person has left behind, or has ahead; 0 if none are told apart."""
    if town.stages.size == 0:
        return 0.0
    behind = np.float64(town.stages[i].stage)
    return behind if what == LIFE_STAGE else known.n_stages - 1.0 - behind


@inline
def prefetch_member(i, what, town, f):  # type: ignore[no-untyped-def]
    """Ask for what will be looked at in the customer of firm ``f`` in row ``i``."""
    prefetch_row(town.relations[:, f], i)  # type: ignore[call-arg]
    if takes_an_answer(what):
        prefetch_row(town.people, i)


@inline
def takes_an_answer(what):  # type: ignore[no-untyped-def]
    """Say whether customers have to be asked: see ``TOLD``."""
    return what >= SATISFACTION or what == POTENTIAL


@inline
def seen_of(what, stream, i, person, relation, known):  # type: ignore[no-untyped-def]
    """Return one thing that is seen of a customer."""
    if not takes_an_answer(what):
        return on_record(what, relation, known)
    error = 0.0
    if known.error > 0.0:
        luck = block(known.seed, stream // 4, known.period, identity(person, i), known.slot)
        error = known.error * normal_of(luck[stream % 4])
    if what != SHARE and what != POTENTIAL:
        return min(max(state_of(what, relation) + error, 0.0), 1.0)
    wish = np.float64(person.rate) * known.window * math.exp(error)  # purchases in a window, at any firm
    repeats = repeats_on_record(relation, known)
    if what == SHARE:
        return share_of(repeats, wish)
    return max(wish - repeats, 0.0) * basket_of(relation)


@inline
def on_record(what, relation, known):  # type: ignore[no-untyped-def]
    """Return what the firm's record of a customer says, the cost of service charged to it up to now."""
    if what == VOLUME:  # purchases
        return np.float64(relation.volume)
    if what == REVENUE:  # money paid
        return np.float64(relation.revenue)
    if what == REPEATS:
        return repeats_on_record(relation, known)
    if what == TENURE:  # windows since the membership began
        return (known.period - relation.since) / known.window
    if what == RECENCY:  # 1 for who bought in the last period, 0 for who has not in a whole window
        return 1.0 - (known.period - 1 - relation.bought_at) / known.window
    profit = np.float64(margin_after(relation, known.billing, 0, known.period))
    credit = np.float64(relation.credit)
    if what == PROFIT:
        return profit
    if what == TOTAL_CONTRIBUTION:
        return profit + credit
    return referral_of(max(profit, 0.0), max(credit, 0.0))


@inline
def repeats_on_record(relation, known):  # type: ignore[no-untyped-def]
    """Return purchases but the first, in a window."""
    return repeats_of(np.float64(relation.volume), known.first_weight[relation.since], known.to_window)


@inline
def state_of(what, relation):  # type: ignore[no-untyped-def]
    """Return the inner state that an answer is about, on a scale from 0 to 1."""
    repute = (1.0 + level(relation.opinion)) / 2.0  # what friends say of the firm: bad or good
    trust = (relation.trust_quality + relation.trust_character + relation.trust_ability) / (3.0 * STEPS)
    if what == SATISFACTION:  # how well expectations are met: one half is just as expected
        return (1.0 + level(relation.satisfaction)) / 2.0
    if what == CLOSENESS:
        return np.float64(relation.attachment)
    if what == TRUST:
        return trust
    if what == ATTITUDE:
        return (np.float64(relation.attachment) + trust + repute) / 3.0
    if what == REPUTE:
        return repute
    return 1.0 / (1.0 + math.exp(-np.float64(relation.taste)))  # whether the firm is one for people like oneself


@inline
def share_of(repeats, wish):  # type: ignore[no-untyped-def]
    """Return the share of a wish that is bought here, 0 to 1."""
    share = repeats / wish
    return 1.0 if share > 1.0 else share


@inline
def basket_of(relation):  # type: ignore[no-untyped-def]
    """Return what a purchase is worth, by record, in money."""
    return np.float64(relation.revenue) / np.float64(relation.volume) if relation.volume > 0.0 else 0.0


@inline
def referral_of(profit, credit):  # type: ignore[no-untyped-def]
    """Return the share of what a customer brought that came by word of mouth, 0 to 1; of a loss, nothing counts."""
    return credit / (credit + profit) if credit + profit > 0.0 else 0.0
