"""What a run says of loyalty programmes and of the events that firms held."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.accounts import FirmCost, Line
from sim.book_results import ratio
from sim.levers.occasions import Held, Occasions

if TYPE_CHECKING:
    from sim.market import Market
    from sim.results import Results

COLUMNS = (
    "firm", "kind", "participation", "member_share", "redemption_rate", "breakage", "honoured", "cost",
    "cost_share", "cost_per_repeat",
)  # fmt: skip


def members_at_end(market: Market) -> npt.NDArray[np.int64]:
    """Return how many customers take part in each firm's programme at the end, shape (n_firms,)."""
    members = np.zeros(market.n_firms, dtype=np.int64)
    for f, firm in enumerate(market.firms.values()):
        relations = market.town.relations[:, f]
        takes_part = market.offers[f]["programme"][relations["tier"]]
        has_card = market.cards[:, f] > 0 if firm.spec.programme and firm.spec.programme.uses_cards else True
        members[f] = ((relations["is_active"] == 1) & (takes_part > 0.0) & has_card).sum()
    return members


def occasions_held(market: Market) -> pd.DataFrame:
    """Return one row per event held: period, firm, name, people invited and willing, guests, needs it woke."""
    held = [each for lever in market.levers if isinstance(lever, Occasions) for each in lever.diary.held]
    columns = [field.name for field in dataclasses.fields(Held)]
    return pd.DataFrame([dataclasses.astuple(each) for each in held], columns=columns)


def programmes(results: Results) -> pd.DataFrame:
    """Return what each firm's programme came to in the long run.

    Returns
    -------
    DataFrame
        One row per firm with a programme: ``participation`` (members per customer, at the end), ``member_share`` (of
        the firm's purchases, those by members), ``redemption_rate`` and ``breakage`` (points redeemed and expired, per
        point issued), ``honoured`` (partners' points that paid for rewards here), ``cost`` (rewards, invitations and
        running costs, in money), ``cost_share`` (of revenue) and ``cost_per_repeat`` (money per repeat purchase by a
        member). What a repeat purchase *more* costs no firm can see without customers who were left out: compare arms.
    """
    rows = []
    for f, firm in enumerate(results.scenario.firms):
        if firm.programme is None:
            continue
        books = results.books[results.long_run, f].sum(axis=(0, 1, 2))
        cost = books[Line.REWARDS] + results.firm_costs[results.long_run, f, FirmCost.PROGRAMME].sum()
        rows.append(
            (
                firm.name,
                firm.programme.kind,
                ratio(results.members[f], results.stock[-1, f].sum()),
                ratio(books[Line.MEMBER_PURCHASES], books[Line.PURCHASES]),
                ratio(books[Line.POINTS_REDEEMED], books[Line.POINTS_ISSUED]),
                ratio(books[Line.POINTS_EXPIRED], books[Line.POINTS_ISSUED]),
                float(books[Line.POINTS_HONOURED]),
                float(cost),
                ratio(cost, books[Line.REVENUE]),
                ratio(cost, books[Line.MEMBER_REPURCHASES]),
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))
