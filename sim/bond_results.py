"""What a run says of rewards for bringing others, and of offers to come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.accounts import Line
from sim.levers.win_back import WinBack

if TYPE_CHECKING:
    from sim.market import Market
    from sim.results import Results

COLUMNS = ("firm", "lever", "offers", "taken", "cost")


def called_back(market: Market) -> npt.NDArray[np.int64]:
    """Return how many offers to come back each firm made in the long run, shape (n_firms,)."""
    called = np.zeros(market.n_firms, dtype=np.int64)
    start = market.last_period - market.horizon
    for lever in market.levers:
        if isinstance(lever, WinBack):
            for period, f, n in lever.made:
                called[f] += n if period >= start else 0
    return called


def bonds(results: Results) -> pd.DataFrame:
    """Return what rewards for bringing others and offers to come back came to in the long run.

    Returns
    -------
    DataFrame
        One row per firm and ``lever`` (``referral`` or ``win_back``) that a firm has: ``offers`` made (missing of
        referral: it stands for every customer), ``taken`` (rewards paid, or customers who came back by an offer;
        missing where no money is offered), and ``cost`` in money: of rewards, or of making the offers and of what was
        given to those who took them. Whoever would have come anyway is among them: compare arms.
    """
    rows: list[tuple[str, str, float, float, float]] = []
    for f, firm in enumerate(results.scenario.firms):
        books = results.books[results.long_run, f].sum(axis=(0, 1, 2))
        if firm.referral is not None:
            brought = float(books[Line.REFERRALS])
            rows.append((firm.name, "referral", float("nan"), brought, brought * firm.referral.reward))
        if firm.win_back is not None:
            offers, offer = float(results.called_back[f]), firm.win_back.offer
            taken = float(books[Line.WON_BACK])
            cost = offers * firm.win_back.contact_cost + taken * offer
            taken = taken if offer > 0.0 else float("nan")  # the books count who takes money
            rows.append((firm.name, "win_back", offers, taken, cost))
    return pd.DataFrame(rows, columns=list(COLUMNS))
