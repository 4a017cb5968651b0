"""Win-back: at each review the best of those who have lapsed are offered money for coming back, until the next.

Equations in ``docs/bonds.md``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sim.accounts import Line
from sim.compiled import parallel_kernel
from sim.levers.base import Lever
from sim.records import block_of, gather

if TYPE_CHECKING:
    from sim.bond_settings import WinBackSpec
    from sim.firms import Firm
    from sim.market import Market
    from sim.scenario import Scenario


class WinBack(Lever):
    """Remember what customers were worth, and call back the best of those who are no longer.

    Source: Thomas, Blattberg & Fox (2004), "Recapturing lost customers", Journal of Marketing Research 41(1).
    """

    reads_roll = True

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        shape = market.n_customers, market.n_firms
        self.worth = np.zeros(shape, dtype=np.float32)  # margin on record at the last review as a customer, in money
        market.called_back = np.zeros(shape, dtype=np.int8)
        self.may_return = np.zeros(market.n_customers, dtype=np.bool_)
        self.called: dict[int, npt.NDArray[np.int64]] = {}  # rows of those called at a firm's last review
        self.made: list[tuple[int, int, int]] = []  # offers: period, firm, how many

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether any firm wins back."""
        return any(firm.win_back is not None for firm in scenario.firms)

    def after_review(self, firms: list[Firm]) -> None:
        """Withdraw the offers of the firms whose review is due, and make new ones."""
        for firm in firms:
            if firm.spec.win_back is not None:
                self.call_back(firm, firm.spec.win_back)

    def call_back(self, firm: Firm, spec: WinBackSpec) -> None:
        """Call back the best of those who lapsed, who know the firm then and look around at the next need."""
        market, f = self.market, firm.index
        relations, people = market.town.relations[:, f], market.town.people
        no_longer_since = max(0, market.period - spec.within)
        look_through(market.town, f, market.period, no_longer_since, market.n_blocks, self.worth, self.may_return)
        rows = np.flatnonzero(self.may_return)
        best_first = np.argsort(-self.worth[rows, f], kind="stable")
        called = rows[best_first[: math.floor(spec.most * market.n_customers)]]
        market.called_back[self.called.get(f, called), f] = 0
        market.called_back[called, f] = 1
        self.called[f] = called
        relations["is_aware"][called] = 1
        people["is_alert"][called] = 1
        block = block_of.py_func(called, market.n_blocks, market.n_customers)
        cells: Any = (block, f, relations["tier"][called], people["type"][called], int(Line.ACQUISITION))
        np.add.at(market.books, cells, spec.contact_cost)
        self.made.append((market.period, f, called.size))

    def after_life(self) -> None:
        """Forget those who moved away."""
        movers = gather(self.market.roll.mover, self.market.roll.n_movers)
        self.worth[movers] = 0.0
        self.market.called_back[movers] = 0

    def states(self) -> tuple[npt.NDArray[Any], ...]:
        """Return what customers were worth, and who holds an offer."""
        return self.worth, self.market.called_back


@parallel_kernel
def look_through(share, town, f, period, no_longer_since, n_blocks, worth, may_return):  # type: ignore[no-untyped-def]
    """Note what the customers of a firm are worth, and who is none any longer and may be called back.

    Parameters
    ----------
    town : Town
        The people and their relations; read only.
    f, period : int
        The firm, and now.
    no_longer_since : int
        Who has not bought since this period is not called.
    n_blocks : int
        Of rows, that threads share.
    worth : array of float32, shape (n_customers, n_firms)
        Margin on record at the last review as a customer; brought up to date.
    may_return : array of bool, shape (n_customers,)
        Filled in.
    """
    n = town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            relation = town.relations[i, f]
            if relation.is_active:
                worth[i, f] = relation.margin
            has_lapsed = not relation.is_active and relation.bought_at >= no_longer_since
            may_return[i] = has_lapsed and relation.barred_until <= period and worth[i, f] > 0.0
