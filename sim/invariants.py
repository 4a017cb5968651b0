"""What must hold in every run: the books balance, everybody is where the books say, every state is within its bounds.

An audit keeps books of its own beside the firms': customers by tier and type, and points. Each period it carries them
forward by the ledger and compares; at each review it compares the firm's count of its customers; and every
``PERIODS_BETWEEN_RECOUNTS`` periods, and at the end of a run, it looks at everybody. What does not hold is a fault of
the model, never of the input: it stops the run and says how to see it again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import numpy.typing as npt

from sim.accounts import CAUSE_NAMES, TIER_COST_LINES, FirmCost, Line
from sim.loyalty_types import TYPE_NAMES
from sim.records import IN_STEPS, NEVER, NOBODY, STEPS
from sim.recount import AT_MOST, LARGEST, MOST_POINTS, Count, Fault, Limits, audit_books, recount
from sim.rerun import rerun

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]

#: Looking at everybody takes about as long as a period's life: once a year it cannot be felt. Tests look every period.
PERIODS_BETWEEN_RECOUNTS = int(os.environ.get("LOYALTY_RECOUNT_EVERY", "52"))
ROUNDING = 1e-9  # relative, of a sum over everybody

_ALIKE: dict[tuple[float, float], tuple[str, ...]] = {
    (0.0, 1.0): (
        "search", "attachment_gain", "distance", "attachment", "trust_quality", "trust_character", "trust_ability",
        "habit", "is_constrained", "is_alert", "is_aware", "is_active",
    ),
    (-1.0, 1.0): ("satisfaction", "opinion"),
    (0.0, LARGEST): (
        "rate", "basket", "talk", "price_weight", "quality_weight", "service_weight", "reward_weight", "effort_weight",
        "attachment_weight", "tolerance", "strikes", "volume", "revenue",
    ),
    (-LARGEST, LARGEST): ("taste", "expectation", "margin", "credit", "log_reference"),
    (0, MOST_POINTS): ("points",),
    (0, NEVER): ("wake_at", "need_at", "lapse_at", "leave_at"),
    (NOBODY, NEVER): ("barred_until",),
    (0, len(TYPE_NAMES) - 1): ("type",),
    (0, len(CAUSE_NAMES) - 1): ("cause",),
}  # fmt: skip


def bounds(limits: Limits) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest value of each state: what the kernel checks, to be put in words."""
    return {
        **{name: within for within, names in _ALIKE.items() for name in names},
        **dict.fromkeys(("seen", "bought_at", "since", "told_at"), (NOBODY, limits.period)),
        "tier": (0, int(limits.n_tiers.max()) - 1),
        "birth": (0, limits.period + 1),
        "told_by": (NOBODY, limits.n_customers - 1),
        "usual": (NOBODY, limits.n_firms - 1),
        "reach": (0, 2**limits.n_firms - 1),
        "stage": (0, limits.n_stages - 1),
        "stage_ends_at": (0, NEVER),
    }


class InvariantError(RuntimeError):
    """Something that must hold does not: a fault of the model, told with what reproduces it."""


class Audit:
    """The audit of one market.

    Parameters
    ----------
    market : Market
        The market whose books and people are looked at, and never changed.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.period = -1  # the last period that was closed
        self.recounted = -1  # the last one at which everybody was looked at
        self.stock = np.zeros((market.n_firms, market.n_tiers, len(TYPE_NAMES)))
        self.points = np.zeros(market.n_firms)

    def review(self, firm: Firm, moves: npt.NDArray[np.int64], counted: FloatArray) -> None:
        """Check a firm's count of its customers at a review, and take over the tiers they now are in.

        Parameters
        ----------
        moves : array, shape (n_tiers, n_tiers)
            Customers by tier before and after.
        counted : array, shape (n_tiers, 7 types)
            Customers by tier, after, and type.

        Raises
        ------
        InvariantError
            If they are not as many as the books say, by tier before or by type.
        """
        own = self.stock[firm.index, : len(moves)]
        for told, found, names in (
            (own.sum(axis=1), moves.sum(axis=1), firm.pyramid.tiers),
            (counted.sum(axis=1), moves.sum(axis=0), firm.pyramid.tiers),
            (own.sum(axis=0), counted.sum(axis=0), TYPE_NAMES),
        ):
            if not np.array_equal(told, found):
                place = int(np.argmax(told != found))
                self._fail(
                    f"{firm.name} counts {found[place]:g} {names[place]} customers at its review, the books say "
                    f"{told[place]:g}",
                    self.market.period,
                )
        own[...] = counted

    def close(self, began: npt.NDArray[np.int64]) -> None:
        """Check the books of the period that has just been closed; when it is time, look at everybody.

        Parameters
        ----------
        began : array, shape (n_firms, n_periods)
            Customers by the period in which they joined.

        Raises
        ------
        InvariantError
            If a line of the books cannot be, or the firms' stocks do not follow from the ledger.
        """
        history, self.period = self.market.history, self.market.period
        fault, f, k, y, line = audit_books(
            history.books[-1],
            history.firm_costs[-1],
            self.stock,
            history.stock[-1],
            history.satisfaction[-1],
            history.attachment[-1],
            self.points,
            history.points_open[-1],
            began.sum(axis=1),
        )
        if fault != Fault.NONE:
            self._fail(self._in_the_books(fault, f, k, y, line), self.period)
        if (self.period + 1) % PERIODS_BETWEEN_RECOUNTS == 0:
            self.recount()

    def finish(self) -> None:
        """Look at everybody at the end of a run, unless that has just been done.

        Raises
        ------
        InvariantError
            As `recount`.
        """
        if self.recounted < self.period:
            self.recount()

    def recount(self) -> None:
        """Look at everybody: states within bounds, memberships in order, and as many as the books say.

        Raises
        ------
        InvariantError
            If anybody is not as they should be, or the counts are not those of the books.
        """
        market = self.market
        shape = (market.n_blocks, market.n_firms)
        count = Count(
            stock=np.zeros((*shape, market.n_tiers, len(TYPE_NAMES), 3)),
            points=np.zeros(shape),
            buyers=np.zeros(shape, dtype=np.int64),
            found=np.zeros((market.n_blocks, 3), dtype=np.int64),
        )
        recount(market.town, self.limits, count)
        for fault, row, f in count.found.tolist():
            if fault != Fault.NONE:
                self._fail(self._in_the_town(fault, row, f), self.period)
        self._compare(count)
        for lever in market.levers:
            lever.recount()
        self.recounted = self.period

    @property
    def limits(self) -> Limits:
        """What the bounds of states depend on in this market and period."""
        market = self.market
        return Limits(
            n_customers=market.n_customers,
            n_firms=market.n_firms,
            period=self.period,
            window=market.scenario.customers.activity_window,
            n_tiers=np.array([len(firm.pyramid.tiers) for firm in market.firms.values()]),
            entry_tiers=market.origins.entry_tiers,
            n_stages=len(market.scenario.customers.life_stages),
        )

    def _compare(self, count: Count) -> None:
        """Compare who is where, what they hold and who bought with the books, and profit with its lines."""
        market = self.market
        stock, points, buyers = count.stock.sum(axis=0), count.points.sum(axis=0), count.buyers.sum(axis=0)
        books, firm_costs = market.history.books[-1].sum(axis=(1, 2)), market.history.firm_costs[-1]
        for f, firm in enumerate(market.firms.values()):
            n_tiers = len(firm.pyramid.tiers)
            costs = books[f, list(TIER_COST_LINES)].sum() + firm_costs[f].sum()
            slack = ROUNDING * (1.0 + market.n_customers)
            for what, counted, told, tolerance in (
                ("customers by tier and type", stock[f, :n_tiers, :, 0], firm.stock, 0.0),
                ("points held", points[f], firm.points_open, 0.0),
                ("people who bought in the period", buyers[f], books[f, Line.PURCHASES], 0.0),
                ("sum of satisfaction", stock[f, :n_tiers, :, 1], firm.satisfaction_sum, slack),
                ("sum of attachment", stock[f, :n_tiers, :, 2], firm.attachment_sum, slack),
                (
                    "revenue less costs",
                    books[f, Line.REVENUE] - costs,
                    market.profit(firm),
                    ROUNDING * (1.0 + books[f, Line.REVENUE] + costs),
                ),
            ):
                difference = np.abs(np.asarray(counted - told))
                if (difference > tolerance).any():
                    self._fail(
                        f"{firm.name}: {what}: {np.sum(counted):g} by recount, {np.sum(told):g} by the books "
                        f"(largest difference {difference.max():g})",
                        self.period,
                    )

    def _in_the_books(self, fault: int, f: int, k: int, y: int, line: int) -> str:
        """Say what does not hold in the books."""
        market, firm = self.market, list(self.market.firms.values())[f]
        cell = market.history.books[-1][f, k, y]
        tiers = firm.pyramid.tiers
        where = f"{firm.name}, {tiers[k] if k < len(tiers) else f'tier {k}'}, {TYPE_NAMES[y]}"
        match Fault(fault):
            case Fault.MORE_THAN:
                part, whole = AT_MOST[line]
                return (
                    f"{where}: {cell[part]:g} {_line_name(part)}, which is more than {cell[whole]:g} "
                    f"{_line_name(whole)}"
                )
            case Fault.SPOKE_TOO_OFTEN:
                spoken = cell[Line.PRAISE] + cell[Line.GRIEVANCES]
                return f"{where}: {spoken:g} words of praise and grievance after {cell[Line.PURCHASES]:g} purchases"
            case Fault.STOCK:
                told = market.history.stock[-1][f, k, y]
                return f"{where}: {told:g} customers, {self.stock[f, k, y]:g} by gains and losses"
            case Fault.MEAN_OUT_OF_BOUNDS:
                sums = market.history.satisfaction[-1][f, k, y], market.history.attachment[-1][f, k, y]
                return (
                    f"{where}: satisfaction sums to {sums[0]:g} and attachment to {sums[1]:g} over "
                    f"{self.stock[f, k, y]:g} customers"
                )
            case Fault.FIRM_COST:
                cost = market.history.firm_costs[-1][f, line]
                return f"{firm.name}: {FirmCost(line).name.lower()} cost {cost:g}; allowed: 0 or more"
            case Fault.POINTS:
                told = market.history.points_open[-1][f]
                return f"{firm.name}: {told:g} points open, {self.points[f]:g} by those issued, redeemed and expired"
            case Fault.BEGAN:
                return f"{firm.name}: {self.stock[f].sum():g} customers, but not by when they joined"
            case _:
                rule = {Fault.NOT_FINITE: "a finite number", Fault.NEGATIVE: "0 or more"}.get(Fault(fault), "whole")
                return f"{where}: {_line_name(line)} = {cell[line]:g}; allowed: {rule}"

    def _in_the_town(self, fault: int, row: int, f: int) -> str:
        """Say what does not hold of a person, or of a person and firm ``f``."""
        town, names = self.market.town, list(self.market.firms)
        where = f"customer {row}" + (f", {names[f]}" if f != NOBODY else "")
        if fault == Fault.STATE:
            own = [records[row] for records in (town.pulses, town.people, town.stages) if records.size]
            records = own if f == NOBODY else [town.relations[row, f]]
            allowed = bounds(self.limits)
            if f != NOBODY:
                allowed["tier"] = (0, len(self.market.firms[names[f]].pyramid.tiers) - 1)
            for record in records:
                for name in set(record.dtype.names or ()) & allowed.keys():
                    (low, high), value = allowed[name], record[name].item() / (STEPS if name in IN_STEPS else 1)
                    if not low <= value <= high:
                        rule = f"{low:g} to {high:g}" if high < LARGEST else f"{low:g} or more"
                        return f"{where}: {name} = {value:g}; allowed: {rule}"
        told = {
            Fault.OVERSLEPT: "sleeps past something that is due, or was",
            Fault.USUAL: f"no customer of the usual firm, {names[town.people[row]['usual']]}",
            Fault.BOUGHT_OUT_OF_REACH: "has bought out of reach",
            Fault.MEMBERSHIP_DATES: "a customer who joined after the last purchase, or never",
            Fault.OVERDUE: "a customer whose last purchase is too long ago",
            Fault.RECORD_WITHOUT_MEMBERSHIP: "no customer, but has points, habit, a record or a tier",
        }
        return f"{where}: {told[Fault(fault)]}"

    def _fail(self, what: str, period: int) -> NoReturn:
        scenario, seed = self.market.scenario, self.market.seed_used
        raise InvariantError(
            f"{scenario.name}, seed {seed}, period {period}: {what}; to see it again: "
            f"{rerun(scenario, seed, period + 1)}"
        )


def _line_name(line: int) -> str:
    return Line(line).name.lower() if line < Line.LOST else f"lost_{CAUSE_NAMES[line - Line.LOST]}"
