"""Credit: customers who pay later, some of them never, and what the firm learns of how each pays.

A customer has one account with each firm: what is bought on credit is added to it, and it falls due as a whole, a set
number of periods after the first purchase on it. Equations in ``docs/business-markets.md``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import Line
from sim.compiled import inline, parallel_kernel
from sim.draws import Stream, block
from sim.invariants import InvariantError
from sim.journey.context import Clock
from sim.levers.base import Lever
from sim.prefetch import BUYERS_AHEAD, prefetch_if_bought, prefetch_row
from sim.records import NOBODY, identity

if TYPE_CHECKING:
    from sim.market import Market
    from sim.scenario import Scenario

ROUNDING = 1e-9  # relative, of a sum over everybody and over periods


class Terms(NamedTuple):
    """The firms' terms as compiled kernels see them; each array has shape (n_firms,), unless said."""

    slot: npt.NDArray[np.int64]  # of the firm's draws
    periods: npt.NDArray[np.int64]  # until payment; 0 if the firm gives no credit
    group: npt.NDArray[np.bool_]  # shape (n_firms, n_tiers): tiers that pay later
    default_rate: npt.NDArray[np.float64]


class Accounts(NamedTuple):
    """What customers owe and have paid, in money; each array has shape (n_customers, n_firms)."""

    owed: npt.NDArray[np.float32]
    due: npt.NDArray[np.int16]  # period in which what is owed falls due
    paid: npt.NDArray[np.float32]  # so far, of what fell due
    lost: npt.NDArray[np.float32]  # written off so far


class Credit(Lever):
    """Deferred payment: receivables, payment when due, and bad debt.

    Source: Petersen & Rajan (1997), "Trade credit: theories and evidence", Review of Financial Studies 10(3), for why
    sellers lend to buyers; Ng, Smith & Smith (1999), "Evidence on the determinants of credit terms used in interfirm
    trade", Journal of Finance 54(3), for the terms.
    """

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        firms, shape = list(market.firms.values()), (market.n_customers, market.n_firms)
        self.accounts = Accounts(
            np.zeros(shape, dtype=np.float32),
            np.zeros(shape, dtype=np.int16),
            np.zeros(shape, dtype=np.float32),
            np.zeros(shape, dtype=np.float32),
        )
        self.terms = Terms(
            slot=market.origins.firm_slots.astype(np.int64),
            periods=np.array([firm.spec.credit.periods if firm.spec.credit else 0 for firm in firms]),
            group=np.zeros((market.n_firms, market.n_tiers), dtype=np.bool_),
            default_rate=np.array([firm.spec.credit.default_rate if firm.spec.credit else 0.0 for firm in firms]),
        )
        for f, firm in enumerate(firms):
            if firm.spec.credit is not None:
                self.terms.group[f, : len(firm.pyramid.tiers)] = firm.spec.tiers_on_credit

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether any firm gives credit."""
        return any(firm.credit is not None for firm in scenario.firms)

    def after_life(self) -> None:
        """Settle the accounts that are due, enter the period's purchases, and carry receivables forward.

        Raises
        ------
        InvariantError
            If what all customers of a firm owe is not what the ledger says.
        """
        market = self.market
        clock = Clock(market.seed_used, market.period)
        settle_accounts(market.town, market.offers, self.terms, self.accounts, clock, market.books)
        owed = np.ones(market.n_customers) @ self.accounts.owed  # a sum over customers, eight times as fast
        for f, firm in enumerate(market.firms.values()):
            lent, collected, written_off = (
                math.fsum(market.books[:, f, :, :, line].ravel().tolist())
                for line in (Line.ON_CREDIT, Line.COLLECTED, Line.BAD_DEBT)
            )
            carried = firm.receivables + lent - collected - written_off
            if abs(carried - owed[f]) > ROUNDING * (firm.lent + lent):
                raise InvariantError(
                    f"{firm.name}: customers owe {owed[f]:g} after period {market.period}, its books say {carried:g}"
                )
            firm.receivables, firm.lent = carried, firm.lent + lent

    def states(self) -> tuple[npt.NDArray[Any], ...]:
        """Return what is owed, when it is due, and what was paid and lost."""
        return tuple(self.accounts)


@parallel_kernel
def settle_accounts(share, town, offers, terms, accounts, clock, books):  # type: ignore[no-untyped-def]
    """Settle what is due, then enter what was bought on credit.

    Parameters
    ----------
    town : Town
        The people and their relations; bad debt lowers the margin on record.
    offers : array of OFFER, shape (n_firms, n_tiers)
        What firms have posted; read only.
    terms : Terms
        The firms' terms.
    accounts : Accounts
        Changed in place.
    clock : Clock
        Seed and period. Streams used: CREDITWORTHY, PAYS.
    books : array, shape (n_blocks, n_firms, n_tiers, 7 types, n_lines)
        Added to.
    """
    n_blocks, n = books.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        last = (b + 1) * n // n_blocks
        for i in range(b * n // n_blocks, last):
            later = min(i + BUYERS_AHEAD, last - 1)
            prefetch_if_bought(later, town, clock.period)
            prefetch_if_due(later, town, accounts, clock)
            settle_one(i, town, offers, terms, accounts, clock, books[b])


@inline
def prefetch_if_due(i, town, accounts, clock):  # type: ignore[no-untyped-def]
    """Ask memory for person ``i``'s relations where an account falls due."""
    for g in range(accounts.owed.shape[1]):
        if accounts.owed[i, g] > 0.0 and accounts.due[i, g] <= clock.period:
            prefetch_row(town.relations[:, g], i)  # type: ignore[call-arg]


@inline
def settle_one(i, town, offers, terms, accounts, clock, books):  # type: ignore[no-untyped-def]
    """Go through the accounts of person ``i``; who moved away left theirs unpaid."""
    person = town.people[i]
    is_new = person.birth == clock.period + 1
    for g in range(terms.periods.size):
        if accounts.owed[i, g] > 0.0 and (is_new or accounts.due[i, g] <= clock.period):
            settle(i, g, is_new, person, town.relations[i, g], terms, accounts, clock, books)
        if is_new:
            accounts.paid[i, g], accounts.lost[i, g] = 0.0, 0.0
    f = person.usual
    if is_new or person.seen != clock.period or f == NOBODY:
        return
    relation = town.relations[i, f]
    if relation.bought_at != clock.period or terms.periods[f] == 0 or not terms.group[f, relation.tier]:
        return
    before = np.float64(accounts.owed[i, f])
    if before == 0.0:
        accounts.due[i, f] = clock.period + terms.periods[f]
    accounts.owed[i, f] = before + person.basket * offers[f, relation.tier].price
    books[f, relation.tier, person.type, Line.ON_CREDIT] += np.float64(accounts.owed[i, f]) - before


@inline
def settle(i, g, is_new, person, relation, terms, accounts, clock, books):  # type: ignore[no-untyped-def]
    """Let person ``i`` pay firm ``g``, or write off what is owed."""
    owed = np.float64(accounts.owed[i, g])
    accounts.owed[i, g] = 0.0
    cell = books[g, relation.tier, person.type]
    if not is_new:
        who = identity(person, i)
        unworthy, _, _, _ = block(clock.seed, Stream.CREDITWORTHY // 4, 0, who, 0)
        u_pays, _, _, _ = block(clock.seed, Stream.PAYS // 4, clock.period, who, terms.slot[g])
        if u_pays >= terms.default_rate[g] * (2.0 * unworthy):
            cell[Line.COLLECTED] += owed
            accounts.paid[i, g] = np.float64(accounts.paid[i, g]) + owed
            return
        accounts.lost[i, g] = np.float64(accounts.lost[i, g]) + owed
    cell[Line.BAD_DEBT] += owed
    if relation.is_active:
        relation.margin -= owed
