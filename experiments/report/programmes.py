"""What the loyalty programme and the events of the focal firm came to: a section of the report."""

from __future__ import annotations

from experiments.report.evidence import Evidence
from experiments.report.intervals import Interval, interval_of
from experiments.report.tables import Cell, Table
from experiments.report.words import Unit, in_unit, range_of


def of(evidence: Evidence) -> tuple[Table, ...]:
    """Return a table of programmes and one of events, each only if an arm has any."""
    return tuple(table for table in (programmes(evidence), occasions(evidence)) if table is not None)


def programmes(evidence: Evidence) -> Table | None:
    """Return what the firm's programme came to, by arm; None if no arm has one."""
    found = evidence.tables.get("programmes")
    if found is None or found.empty or not evidence.arms:
        return None
    rows = []
    for arm in evidence.arms:
        own = found[found["arm"] == arm]
        if own.empty:
            continue
        shares = [
            interval_of(own[name])
            for name in ("participation", "member_share", "redemption_rate", "breakage", "cost_share")
        ]
        each = interval_of(own["cost_per_repeat"])
        cells = [*(_cell(share, "percent") for share in shares), _cell(each, "money")]
        rows.append((f"{evidence.label[arm]}: {own['kind'].iloc[0].replace('_', ' ')}", cells))
    return Table(
        "What the programme came to",
        ["Arm", "Members", "Their purchases", "Redeemed", "Expired", "Cost of revenue", "Cost per repeat purchase"],
        rows,
        "Over the long run; members are of the customers at its end, redeemed and expired of the points issued. "
        "The cost is of rewards, invitations and running costs. A repeat purchase by a member would in part have "
        "been made anyway: what the programme added is the difference between arms, not in this table. Smaller print: "
        "95% intervals over seeds.",
    )


def occasions(evidence: Evidence) -> Table | None:
    """Return what the firm's events came to, by arm and event; None if no arm holds any."""
    found = evidence.tables.get("occasions")
    if found is None or found.empty or not evidence.arms:
        return None
    rows = []
    for arm in evidence.arms:
        own = found[found["arm"] == arm]
        for name, event in own.groupby("name", sort=False, observed=True):
            by_seed = event.groupby("seed")[["invited", "willing", "guests", "needs"]].mean()
            cells = [_cell(interval_of(by_seed[column]), "people") for column in by_seed]
            rows.append((f"{evidence.label[arm]}: {name}", cells))
    return Table(
        "What the firm's events came to",
        ["Arm, event", "Invited", "Would come", "Guests", "Needs woken"],
        rows,
        "People, on average each time it was held in the whole run. Smaller print: 95% intervals over seeds.",
    )


def _cell(of_seeds: Interval, unit: Unit) -> Cell:
    """Return a mean and its interval."""
    if of_seeds.n == 0:
        return Cell("none")
    return Cell(in_unit(of_seeds.mean, unit), range_of(of_seeds, unit) if of_seeds.is_known else "")
