"""Win-back: at each review the best of those who have lapsed are offered money for coming back, until the next.

Equations in ``docs/bonds.md``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sim.accounts import Line
from sim.levers.base import Lever

if TYPE_CHECKING:
    from sim.bond_settings import WinBackSpec
    from sim.firms import Firm
    from sim.market import Market
    from sim.scenario import Scenario


class WinBack(Lever):
    """Remember what customers were worth, and call back the best of those who are no longer.

    Source: Thomas, Blattberg & Fox (2004), "Recapturing lost customers", Journal of Marketing Research 41(1).
    """

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        shape = market.n_customers, market.n_firms
        self.worth = np.zeros(shape, dtype=np.float32)  # margin on record at the last review as a customer, in money
        market.called_back = np.zeros(shape, dtype=np.int8)
        n, n_blocks = market.n_customers, market.n_blocks
        firsts = np.arange(1, n_blocks) * n // n_blocks
        self.block = np.searchsorted(firsts, np.arange(n), side="right")
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
        is_customer = relations["is_active"] == 1
        self.worth[is_customer, f] = relations["margin"][is_customer]
        has_lapsed = ~is_customer & (relations["bought_at"] >= max(0, market.period - spec.within))
        may_return = has_lapsed & (relations["barred_until"] <= market.period) & (self.worth[:, f] > 0.0)
        rows = np.flatnonzero(may_return)
        best_first = np.argsort(-self.worth[rows, f], kind="stable")
        called = rows[best_first[: math.floor(spec.most * market.n_customers)]]
        market.called_back[:, f] = 0
        market.called_back[called, f] = 1
        relations["is_aware"][called] = 1
        people["is_alert"][called] = 1
        cells: Any = (self.block[called], f, relations["tier"][called], people["type"][called], int(Line.ACQUISITION))
        np.add.at(market.books, cells, spec.contact_cost)
        self.made.append((market.period, f, called.size))

    def after_life(self) -> None:
        """Forget those who moved away."""
        has_moved = self.market.town.people["birth"] == self.market.period + 1
        self.worth[has_moved] = 0.0
        self.market.called_back[has_moved] = 0

    def states(self) -> tuple[npt.NDArray[Any], ...]:
        """Return what customers were worth, and who holds an offer."""
        return self.worth, self.market.called_back
