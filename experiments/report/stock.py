"""The stock of customers by entry cohort, and by current and potential value: tables of the report."""

from __future__ import annotations

import pandas as pd

from experiments.report.evidence import Evidence
from experiments.report.intervals import interval_of
from experiments.report.tables import Cell, Table
from experiments.report.words import Unit, in_unit, range_of
from sim.crm.value import QUADRANTS


def cohorts(evidence: Evidence, arm: str, label: str) -> Table | None:
    """Return who joined when, who of them is left, and what they are worth; None if it was not saved."""
    found = evidence.tables.get("cohorts")
    own = pd.DataFrame() if found is None else found[found["arm"] == arm]
    if own.empty:
        return None
    rows = [
        (
            f"period {first} on",
            [
                _cell(of["gained"], "people"),
                _cell(of["customers"], "people"),
                _cell(of["survival"], "percent"),
                _cell(of["clv"], "money"),
                _cell(of["equity"], "money"),
            ],
        )
        for first, of in own.groupby("joined_from", sort=True)
    ]
    return Table(
        f"Customer equity by when customers joined, under “{label}”",
        ["Joined", "Joined then", "Customers still", "Never left", "Lifetime value per customer", "Customer equity"],
        rows,
        "At the end of the run. Joined: whoever comes back counts anew. Lifetime value and equity are of those still "
        "customers. Smaller print: 95% intervals over seeds.",
    )


def matrix(evidence: Evidence, arm: str, label: str) -> Table | None:
    """Return customers by current and potential value; None if it was not saved."""
    found = evidence.tables.get("matrix")
    own = pd.DataFrame() if found is None else found[found["arm"] == arm]
    if own.empty:
        return None
    everybody = own.groupby("seed")["asked"].sum()
    rows = []
    for quadrant in QUADRANTS:
        of = own[own["quadrant"] == quadrant].set_index("seed")
        share = of["asked"] / everybody.where(everybody > 0)
        rows.append(
            (quadrant, [_cell(share, "percent"), _cell(of["current"], "money"), _cell(of["potential"], "money")])
        )
    return Table(
        f"Current and potential value, under “{label}”",
        ["", "Share of those asked", "Paid here", "Could be won more"],
        rows,
        "Money per customer in an activity window, as records and answers tell. Retain: both above the firm's median; "
        "develop: what could be won; maintain: what is paid; cultivate: neither. Smaller print: 95% intervals over "
        "seeds.",
    )


def _cell(values: pd.Series, unit: Unit) -> Cell:
    over_seeds = interval_of(values)
    if over_seeds.n == 0:
        return Cell("none")
    return Cell(in_unit(over_seeds.mean, unit), range_of(over_seeds, unit) if over_seeds.is_known else "")
