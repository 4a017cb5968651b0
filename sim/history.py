"""What a market remembers of itself: the books of every period, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from sim.crm.attributes import Study
    from sim.crm.later import Later

FloatArray = npt.NDArray[np.float64]


@dataclass(slots=True)
class History:
    """The books, stocks and costs of every period; each list has one entry per period.

    Parameters
    ----------
    books : list of array, shape (n_firms, n_tiers, 7 types, n_lines)
        What happened.
    stock, satisfaction, attachment : list of array, shape (n_firms, n_tiers, 7 types)
        Customers at the end of the period, and sums over them.
    firm_costs : list of array, shape (n_firms, n_costs)
        Costs that no tier bears, in the order of ``FirmCost``.
    points_open : list of array, shape (n_firms,)
        Points issued and neither redeemed nor expired.
    delivery : list of array, shape (n_firms,)
        Share of the promised service that was delivered.
    kept : list of array of int64, shape (n_firms,)
        Customers of ``horizon`` periods ago who still are, never having lapsed; -1 where the run is younger.
    studies : list of studies
        What the market said when it was asked; made when somebody wants to know.
    migration : list of (period, firm, array of int64 of shape (n_tiers, n_tiers))
        Customers by tier before and after each review.
    """

    books: list[FloatArray] = field(default_factory=list)
    stock: list[FloatArray] = field(default_factory=list)
    satisfaction: list[FloatArray] = field(default_factory=list)
    attachment: list[FloatArray] = field(default_factory=list)
    firm_costs: list[FloatArray] = field(default_factory=list)
    points_open: list[FloatArray] = field(default_factory=list)
    delivery: list[FloatArray] = field(default_factory=list)
    kept: list[npt.NDArray[np.int64]] = field(default_factory=list)
    studies: list[Later[Study]] = field(default_factory=list)
    migration: list[tuple[int, int, npt.NDArray[np.int64]]] = field(default_factory=list)
    _pages: FloatArray | None = None
    _added_up: dict[int, FloatArray] = field(default_factory=dict)  # of the last so many periods, as of now

    def room(self, shape: tuple[int, ...], n_periods: int) -> FloatArray:
        """Return where to write the books of one more period: in one array for the periods that the run is to have."""
        n_kept = len(self.books)
        self._added_up.clear()
        if n_kept == 0:
            self._pages = np.empty((n_periods, *shape))
        if self._pages is None or n_kept >= len(self._pages):  # the run goes on beyond what was said
            self._pages = None
            return np.empty(shape)
        page: FloatArray = self._pages[n_kept]
        return page

    def of_last(self, n_periods: int) -> FloatArray:
        """Return the books of the last periods added up by tier, of shape (n_firms, n_tiers, n_lines).

        There must have been a period.
        """
        if n_periods not in self._added_up:
            first, *others = self.books[-n_periods:]
            self._added_up[n_periods] = sum(others, start=first.copy()).sum(axis=2)
        return self._added_up[n_periods]

    def whole(self, name: str) -> FloatArray:
        """Return one of the lists as an array of all periods; the list's own arrays become views of it.

        So what reads the list later needs no memory of its own.
        """
        kept = getattr(self, name)
        if name == "books" and self._pages is not None:
            return self._pages[: len(kept)]
        whole = np.array(kept)
        setattr(self, name, list(whole))
        return whole
