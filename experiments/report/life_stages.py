"""Who buys of the focal firm by stage of life, and what each is worth to it: a table of the report."""

from __future__ import annotations

from experiments.report.evidence import Evidence
from experiments.report.intervals import interval_of
from experiments.report.tables import Cell, Table
from experiments.report.words import Unit, in_unit, range_of

COLUMNS: dict[str, Unit] = {
    "people": "people",
    "reached": "percent",
    "share": "percent",
    "revenue": "money",
    "margin": "money",
}


def of(evidence: Evidence) -> Table | None:
    """Return the firm's customers by stage of life and arm; None if no arm tells any stages apart."""
    found = evidence.tables.get("life_stages")
    if found is None or found.empty or not evidence.arms:
        return None
    rows = []
    for arm in evidence.arms:
        own = found[found["arm"] == arm]
        for stage, values in own.groupby("stage", sort=False, observed=True):
            cells = []
            for name, unit in COLUMNS.items():
                over_seeds = interval_of(values[name])
                spread = range_of(over_seeds, unit) if over_seeds.is_known else ""
                cells.append(Cell(in_unit(over_seeds.mean, unit), spread) if over_seeds.n else Cell("none"))
            rows.append((f"{evidence.label[arm]}: {stage}", cells))
    return Table(
        "Customers by stage of life",
        ["Arm, stage", "People in it", "Of those, customers", "Share of customers", "Paid a period", "Earned a period"],
        rows,
        "At the end of the run. Paid and earned (after the cost of serving): money per customer and period, by the "
        "firm's records. Smaller print: 95% intervals over seeds.",
    )
