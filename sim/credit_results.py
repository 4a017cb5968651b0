"""What a run says of the customers who pay later: their rating, by how they have paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.levers.credit import Credit

if TYPE_CHECKING:
    from sim.market import Market

COLUMNS = ("firm", "tier", "rating", "customers", "owed", "paid", "written_off", "paid_share")
RATINGS = ("A", "B", "C", "none")
LEAST_PAID = (1.0, 0.9)  # share paid, of what fell due, that makes an A and a B


def rate(paid: npt.NDArray[np.float64], lost: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return each customer's rating as an index into ``RATINGS``.

    Parameters
    ----------
    paid, lost : array, shape (n,)
        Paid, and written off, of what has fallen due, in money; nothing of either makes no rating.

    Returns
    -------
    array of int, shape (n,)
        A: all was paid; B: nine tenths or more; C: less.
    """
    fell_due = paid + lost
    share = np.divide(paid, fell_due, out=np.zeros_like(paid), where=fell_due > 0.0)
    by_share = np.where(share >= LEAST_PAID[0], 0, np.where(share >= LEAST_PAID[1], 1, 2))
    return np.where(fell_due > 0.0, by_share, RATINGS.index("none"))


def credit_ratings(market: Market) -> pd.DataFrame:
    """Return how customers have paid so far.

    Returns
    -------
    DataFrame
        One row per firm that gives credit, tier and rating: ``customers``, what they have ``owed``, ``paid`` and
        ``written_off`` (money, since they moved in), and ``paid_share`` of what fell due (missing if nothing did).
    """
    rows = []
    for lever in market.levers:
        if not isinstance(lever, Credit):
            continue
        for f, firm in enumerate(market.firms.values()):
            if firm.spec.credit is None:
                continue
            relations = market.town.relations[:, f]
            owed, _, paid, lost = (state[:, f].astype(np.float64) for state in lever.accounts)
            ratings = rate(paid, lost)
            for k, tier in enumerate(firm.pyramid.tiers):
                for r, rating in enumerate(RATINGS):
                    here = (relations["is_active"] == 1) & (relations["tier"] == k) & (ratings == r)
                    sums = owed[here].sum(), paid[here].sum(), lost[here].sum()
                    fell_due = sums[1] + sums[2]
                    share = sums[1] / fell_due if fell_due > 0.0 else float("nan")
                    rows.append((firm.name, tier, rating, int(here.sum()), *sums, share))
    return pd.DataFrame(rows, columns=list(COLUMNS))
