"""Credit: customers who pay later, some of them never, and what the firm learns of how each pays.

A customer has one account with each firm: what is bought on credit is added to it, and it falls due as a whole, a set
number of periods after the first purchase on it. Equations in ``docs/business-markets.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import Line
from sim.compiled import inline, parallel_kernel
from sim.draws import Stream, block
from sim.invariants import InvariantError
from sim.journey.context import Clock
from sim.levers.base import Lever
from sim.prefetch import prefetch_buyers, prefetch_row
from sim.records import NEVER, gather, identity

if TYPE_CHECKING:
    from sim.market import Market
    from sim.scenario import Scenario

DEBTORS_AHEAD = 8  # whose relations are asked for
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


ACCOUNT = np.dtype([("owed", "f4"), ("due", "i2"), ("paid", "f4"), ("lost", "f4")], align=True)


def open_accounts(n_customers: int, n_firms: int) -> Accounts:
    """Return accounts of which nothing is owed; a customer's lie side by side in memory."""
    accounts = np.zeros((n_customers, n_firms), dtype=ACCOUNT)
    return Accounts(*(accounts[name] for name in Accounts._fields))


class Credit(Lever):
    """Deferred payment: receivables, payment when due, and bad debt.

    Source: Petersen & Rajan (1997), "Trade credit: theories and evidence", Review of Financial Studies 10(3), for why
    sellers lend to buyers; Ng, Smith & Smith (1999), "Evidence on the determinants of credit terms used in interfirm
    trade", Journal of Finance 54(3), for the terms.
    """

    reads_roll = True

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        firms = list(market.firms.values())
        self.accounts = open_accounts(market.n_customers, market.n_firms)
        self.next_due = np.full(market.n_customers, NEVER, dtype=np.int16)  # period in which somebody's first is due
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
        """Settle the accounts that are due, and enter the period's purchases."""
        market = self.market
        self.next_due[gather(market.roll.mover, market.roll.n_movers)] = 0
        clock = Clock(market.seed_used, market.period)
        settle_accounts(market.town, self.terms, self.accounts, self.next_due, clock, market.books)
        enter_purchases(
            market.town, market.offers, self.terms, self.accounts, self.next_due, clock, market.roll, market.books
        )

    def recount(self) -> None:
        """Compare what customers owe with what the ledger says they do.

        Raises
        ------
        InvariantError
            If what all customers of a firm owe is not what the ledger says.
        """
        owed = self.accounts.owed.sum(axis=0, dtype=np.float64)
        for f, firm in enumerate(self.market.firms.values()):
            if abs(firm.receivables - owed[f]) > ROUNDING * firm.lent:
                raise InvariantError(
                    f"{firm.name}: customers owe {owed[f]:g} after period {self.market.period}, its books say "
                    f"{firm.receivables:g}"
                )

    def states(self) -> tuple[npt.NDArray[Any], ...]:
        """Return what is owed, when it is due, and what was paid and lost."""
        return tuple(self.accounts)


@parallel_kernel
def settle_accounts(share, town, terms, accounts, next_due, clock, books):  # type: ignore[no-untyped-def]
    """Settle the accounts that are due.

    Parameters
    ----------
    town : Town
        The people and their relations; bad debt lowers the margin on record.
    terms : Terms
        The firms' terms.
    accounts : Accounts
        Changed in place.
    next_due : array of int16, shape (n_customers,)
        Period in which the first of a person's accounts is due, or NEVER; 0 of who has just moved in. Changed.
    clock : Clock
        Seed and period. Streams used: CREDITWORTHY, PAYS.
    books : array, shape (n_blocks, n_firms, n_tiers, 7 types, n_lines)
        Added to.
    """
    n_blocks, n = books.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        first, last = b * n // n_blocks, (b + 1) * n // n_blocks
        debtor = np.empty(last - first + 1, np.int64)
        n_debtors = 0
        for i in range(first, last):
            debtor[n_debtors] = i
            n_debtors += next_due[i] <= clock.period
        for k in range(n_debtors):
            prefetch_debtors(k, n_debtors, debtor, town, accounts)
            settle_all(debtor[k], town, terms, accounts, next_due, clock, books[b])


@inline
def prefetch_debtors(k, n_debtors, debtor, town, accounts):  # type: ignore[no-untyped-def]
    """Ask memory for who comes up later, and for the relations where something is owed of who comes up sooner."""
    sooner, later = debtor[min(k + DEBTORS_AHEAD, n_debtors - 1)], debtor[min(k + 2 * DEBTORS_AHEAD, n_debtors - 1)]
    prefetch_row(accounts.owed, later)  # type: ignore[call-arg]
    prefetch_row(town.people, later)
    for g in range(accounts.owed.shape[1]):
        if accounts.owed[sooner, g] > 0.0:
            prefetch_row(town.relations[:, g], sooner)


@inline
def settle_all(i, town, terms, accounts, next_due, clock, books):  # type: ignore[no-untyped-def]
    """Settle what person ``i`` owes and is due; who moved away left all of theirs unpaid."""
    person = town.people[i]
    is_new = person.birth == clock.period + 1
    next_due[i] = NEVER
    for g in range(terms.periods.size):
        if accounts.owed[i, g] > 0.0:
            if is_new or accounts.due[i, g] <= clock.period:
                settle(i, g, is_new, person, town.relations[i, g], terms, accounts, clock, books)
            else:
                next_due[i] = min(next_due[i], accounts.due[i, g])
        if is_new:
            accounts.paid[i, g], accounts.lost[i, g] = 0.0, 0.0


@parallel_kernel
def enter_purchases(share, town, offers, terms, accounts, next_due, clock, roll, books):  # type: ignore[no-untyped-def]
    """Enter what was bought on credit; parameters as in ``settle_accounts``, with the offers and the roll of buyers."""
    n_blocks, n = books.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        first = b * n // n_blocks
        last = first + roll.n_buyers[b]
        for place in range(first, last):
            prefetch_row(accounts.owed, prefetch_buyers(place, last, town, roll))  # type: ignore[call-arg]
            enter_purchase(np.int64(roll.buyer[place]), town, offers, terms, accounts, next_due, clock, books[b])


@inline
def enter_purchase(i, town, offers, terms, accounts, next_due, clock, books):  # type: ignore[no-untyped-def]
    """Add what person ``i`` bought in the period to the account with the firm, if it sells to them on credit."""
    person = town.people[i]
    f = person.usual
    relation = town.relations[i, f]
    if terms.periods[f] == 0 or not terms.group[f, relation.tier]:
        return
    before = np.float64(accounts.owed[i, f])
    if before == 0.0:
        accounts.due[i, f] = clock.period + terms.periods[f]
        next_due[i] = min(next_due[i], accounts.due[i, f])
    accounts.owed[i, f] = before + person.basket * offers[f, relation.tier].price
    books[f, relation.tier, person.type, Line.ON_CREDIT] += np.float64(accounts.owed[i, f]) - before


@inline
def unworthiness(who, seed):  # type: ignore[no-untyped-def]
    """Return how often a person fails to pay, relative to the mean, 0 to 2: the same in every period."""
    unworthy, _, _, _ = block(seed, Stream.CREDITWORTHY // 4, 0, who, 0)
    return 2.0 * unworthy


@inline
def settle(i, g, is_new, person, relation, terms, accounts, clock, books):  # type: ignore[no-untyped-def]
    """Let person ``i`` pay firm ``g``, or write off what is owed."""
    owed = np.float64(accounts.owed[i, g])
    accounts.owed[i, g] = 0.0
    cell = books[g, relation.tier, person.type]
    if not is_new:
        who = identity(person, i)
        u_pays, _, _, _ = block(clock.seed, Stream.PAYS // 4, clock.period, who, terms.slot[g])
        if u_pays >= terms.default_rate[g] * 2.0 or u_pays >= terms.default_rate[g] * unworthiness(who, clock.seed):
            cell[Line.COLLECTED] += owed
            accounts.paid[i, g] = np.float64(accounts.paid[i, g]) + owed
            return
        accounts.lost[i, g] = np.float64(accounts.lost[i, g]) + owed
    cell[Line.BAD_DEBT] += owed
    if relation.is_active:
        relation.margin -= owed
