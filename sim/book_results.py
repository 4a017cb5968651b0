"""What the books of a run say, in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.accounts import CAUSE_NAMES, COST_NAMES, FIRM_COST_NAMES, TIER_COST_LINES, TIER_COST_NAMES, Line
from sim.loyalty_types import TYPE_NAMES

if TYPE_CHECKING:
    from sim.results import Results

FloatArray = npt.NDArray[np.float64]

COUNT_LINES = ("failures", "complaints", "recoveries", "praise", "grievances", "praise_heard", "grievances_heard")
POINT_LINES = ("points_issued", "points_redeemed", "points_expired", "points_honoured")
PROGRAMME_LINES = (
    "member_purchases", "member_repurchases", "prizes", "guests", "rewards", "referrals", "won_back", "cross_purchases",
)  # fmt: skip


def flows_of(books: FloatArray, stock: FloatArray) -> dict[str, FloatArray]:
    """Return the columns that tiers, types and firms share, from books and stock of equal leading shape."""
    columns = {
        "customers": stock,
        "gained": books[..., Line.GAINED],
        "lost": books[..., Line.LOST :].sum(axis=-1),
        "purchases": books[..., Line.PURCHASES],
        "revenue": books[..., Line.REVENUE],
    }
    for line, name in zip(TIER_COST_LINES, TIER_COST_NAMES, strict=True):
        columns[name] = books[..., line]
    columns["contribution"] = columns["revenue"] - sum(columns[name] for name in TIER_COST_NAMES)
    return columns


def by_firm(results: Results) -> dict[str, FloatArray]:
    """Return the columns of ``periods``, each of shape (n_periods, n_firms)."""
    books, stock = results.books.sum(axis=(2, 3)), results.stock.sum(axis=(2, 3))
    shared = flows_of(books, stock)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = shared["revenue"] / shared["revenue"].sum(axis=1, keepdims=True)
        repeat = books[..., Line.REPURCHASES] / books[..., Line.REPEAT_CHANCES]
        choice = books[..., Line.CONSIDERED] / books[..., Line.PURCHASES]
        before = np.full_like(stock, np.nan)
        before[results.horizon :] = stock[: -results.horizon]
        retention = np.where(before > 0, results.kept / before, np.nan)
        satisfaction = results.satisfaction_sum.sum(axis=(2, 3)) / stock
        attachment = results.attachment_sum.sum(axis=(2, 3)) / stock
    columns: dict[str, FloatArray] = {
        **{name: shared[name] for name in ("customers", "gained", "lost", "purchases")},
        "share": share,
        "repeat_rate": repeat,
        "choice_time": choice,
        "retention": retention,
        "satisfaction": satisfaction,
        "attachment": attachment,
        **{name: books[..., Line[name.upper()]] for name in (*COUNT_LINES, *POINT_LINES, *PROGRAMME_LINES)},
        "points_open": results.points_open,
        "revenue": shared["revenue"],
        "discounts": books[..., Line.DISCOUNTS],
        **{name: shared[name] for name in TIER_COST_NAMES},
        **{name: results.firm_costs[..., cost] for cost, name in enumerate(FIRM_COST_NAMES)},
    }
    columns["costs"] = sum((columns[name] for name in COST_NAMES), start=np.zeros_like(stock))
    columns["profit"] = columns["revenue"] - columns["costs"]
    return columns


def ledger(results: Results) -> pd.DataFrame:
    """Return the books in full, one row per amount that is not zero: period, firm, tier, type, line, amount."""
    places = np.nonzero(results.books)
    lines = [line.name.lower() for line in Line if line is not Line.LOST] + [f"lost_{name}" for name in CAUSE_NAMES]
    n_tiers, tiers = results.books.shape[2], map(results.tiers_of, range(len(results.firms)))
    tier_names = np.array([[*names, *[""] * (n_tiers - len(names))] for names in tiers])
    own = pd.DataFrame(
        {
            "period": places[0],
            "firm": np.array(results.firms)[places[1]],
            "tier": tier_names[places[1], places[2]],
            "type": np.array(TYPE_NAMES)[places[3]],
            "line": np.array(lines)[places[4]],
            "amount": results.books[places],
        }
    )
    whole = np.nonzero(results.firm_costs)
    firm_wide = pd.DataFrame(
        {
            "period": whole[0],
            "firm": np.array(results.firms)[whole[1]],
            "tier": "",
            "type": "",
            "line": np.array(FIRM_COST_NAMES)[whole[2]],
            "amount": results.firm_costs[whole],
        }
    )
    return pd.concat([own, firm_wide], ignore_index=True)


def ratio(part: float, whole: float) -> float:
    """Return a part of a whole as a share; NaN where there is no whole."""
    return float(part / whole) if whole > 0 else float("nan")
