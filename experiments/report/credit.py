"""How the customers of the focal firm pay who pay later: a table of the report."""

from __future__ import annotations

import pandas as pd

from experiments.report.evidence import Evidence
from experiments.report.intervals import interval_of
from experiments.report.tables import Cell, Table
from experiments.report.words import in_unit, percent, range_of
from sim.credit_results import LEAST_PAID, RATINGS

NUMBERS = ["customers", "owed", "paid", "written_off"]


def ratings(evidence: Evidence) -> Table | None:
    """Return customers, what they owe and what they never paid, by arm and rating; None if no arm gives credit."""
    found = evidence.tables.get("credit")
    if found is None or found.empty or not evidence.arms:
        return None
    rows = []
    for arm in evidence.arms:
        own = found[found["arm"] == arm]
        for rating in (*RATINGS, "all"):
            rated = own if rating == "all" else own[own["rating"] == rating]
            if rated["customers"].any():
                rows.append((f"{evidence.label[arm]}: {rating}", _cells(rated, own)))
    if not rows:
        return None
    return Table(
        "How those pay who pay later, by credit rating",
        ["Arm, rating", "Customers", "Share of customers", "They owe", "Fell due so far", "Never paid"],
        rows,
        f"At the end of the run. A: {percent(LEAST_PAID[0])} of what fell due was paid; B: {percent(LEAST_PAID[1])} or "
        "more; C: less; none: nothing fell due. Never paid: the share written off of what fell due since the customers "
        "moved in. It is how they have paid, and so lowest in A by what A means; what those who left did not pay is "
        "not in it. Money and people: means over seeds. Smaller print: 95% intervals over seeds.",
    )


def _cells(rated: pd.DataFrame, own: pd.DataFrame) -> list[Cell]:
    """Return the cells of one rating: of each seed the sum over tiers, then the mean over seeds."""
    everybody = own.groupby("seed")["customers"].sum()
    sums = rated.groupby("seed")[NUMBERS].sum().reindex(everybody.index, fill_value=0)
    fell_due = sums["paid"] + sums["written_off"]
    share = interval_of(sums["customers"] / everybody.where(everybody > 0))
    never = interval_of(sums["written_off"] / fell_due.where(fell_due > 0), is_share=True)
    return [
        Cell(in_unit(sums["customers"].mean(), "people")),
        Cell(percent(share.mean)),
        Cell(in_unit(sums["owed"].mean(), "money")),
        Cell(in_unit(fell_due.mean(), "money")),
        Cell("nothing fell due")
        if never.n == 0
        else Cell(percent(never.mean), range_of(never, "percent") if never.is_known else ""),
    ]
