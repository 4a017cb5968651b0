"""What the focal firm has built over time: product, name, staff and new products' buyers: a table of the report."""

from __future__ import annotations

from experiments.report.evidence import Evidence
from experiments.report.intervals import interval_of
from experiments.report.tables import Cell, Table
from experiments.report.words import percent, range_of

NAMES = {
    "quality": "quality of the product",
    "failure_rate": "purchases that fail",
    "image": "brand image",
    "morale": "morale of the staff",
    "trained": "staff who are trained",
    "delivered": "promised service delivered",
    "take_up": "customers who have taken up",
}


def of(evidence: Evidence) -> Table | None:
    """Return what came of work on the product, the name, the staff and the range, by arm; None if no arm does any."""
    found = evidence.tables.get("built")
    if found is None or found.empty or not evidence.arms:
        return None
    rows = []
    for arm in evidence.arms:
        own = found[found["arm"] == arm]
        for (measure, name), values in own.groupby(["measure", "name"], sort=False, observed=True):
            over_seeds = interval_of(values["value"])
            what = " ".join((NAMES[str(measure)], str(name))).strip()
            spread = range_of(over_seeds, "percent") if over_seeds.is_known else ""
            rows.append((f"{evidence.label[arm]}: {what}", [Cell(percent(over_seeds.mean), spread)]))
    return Table(
        "What takes time to build",
        ["Arm, and what", "At the end"],
        rows,
        "At the end of the run; service delivered: over the long run. Quality, image and morale: of the best there can "
        "be; at a morale of 50% all that is promised is delivered. Smaller print: 95% intervals over seeds.",
    )
