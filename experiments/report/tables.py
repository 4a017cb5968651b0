"""The tables of the report: the arms compared, the settings they differ in, and the failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.report.evidence import Evidence
from experiments.report.findings import against_baseline
from experiments.report.pictures.waterfall import line_by_tier
from experiments.report.words import (
    UNKNOWN,
    difference_in_unit,
    in_unit,
    metric,
    number,
    percent,
    range_of,
)

DASH = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: what it says, and in smaller print what qualifies it."""

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table ready for the page: a caption, the column headings, and rows whose first cell is their heading."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    note: str = ""


def comparison(evidence: Evidence, name: str) -> Table:
    """Return the arms in one outcome: level, difference from the baseline, and the chance to be best."""
    told = metric(name, evidence.horizon)
    has_others = len(evidence.arms) > 1
    rows = []
    for arm in evidence.arms:
        level, gap = evidence.level(name, arm), evidence.saved_difference(name, arm)
        cells = [Cell(in_unit(level.mean, told.unit), "" if level.n == 0 else range_of(level, told.unit))]
        if has_others and arm == evidence.baseline:
            cells.append(Cell("baseline"))
        elif has_others:
            points = " points" if told.unit == "percent" and gap.n else ""
            note = "" if gap.n == 0 else range_of(gap, told.unit, is_difference=True)
            cells.append(Cell(difference_in_unit(gap.mean, told.unit) + points, note))
        if has_others:
            cells.append(Cell(_chance(_extra(evidence, name, arm, "p_best"))))
        rows.append((evidence.label[arm], cells))
    columns = ["Arm", "Mean", *(["Difference from baseline", "Chance best"] if has_others else [])]
    return Table(told.label, columns, rows, f"{told.label}: {told.meaning}." if told.meaning else "")


def tests(evidence: Evidence) -> Table | None:
    """Return how each difference from the baseline was tested; None when there is none to test."""
    arms = {evidence.label[arm]: arm for arm in evidence.arms}
    rows = []
    for verdict in against_baseline(evidence):
        gain = _extra(evidence, verdict.metric, arms[verdict.arm], "variance_reduction")
        shown = {1: "higher", -1: "lower", 0: "no difference shown"}[verdict.direction]
        cells = [
            metric(verdict.metric, evidence.horizon).label,
            shown,
            _p(verdict.p_adjusted),
            str(verdict.difference.n),
            _times(gain),
        ]
        rows.append((verdict.arm, [Cell(text) for text in cells]))
    if not rows:
        return None
    return Table(
        "How the differences from the baseline were tested",
        ["Arm", "Measure", "Verdict", "Holm p", "Seeds", "Gain from pairing"],
        rows,
        "Holm p: p-value of the paired t-test after Holm's correction. Gain from pairing: how many times the variance "
        "of the difference shrinks because arms share their seeds.",
    )


def step_matrix(evidence: Evidence) -> Table | None:
    """Return the difference in profit between the best arm and what it is held against, by tier and line."""
    if evidence.contrast is None or evidence.tables["tiers"].empty:
        return None
    arm, other = evidence.contrast
    if not evidence.difference("profit", arm, other).any():
        return None
    change = line_by_tier(evidence, arm, other)
    if change.empty:
        return None
    rows = [
        (str(tier), [Cell(_money(value)) for value in [*change.loc[tier], change.loc[tier].sum()]])
        for tier in change.index
    ]
    rows.append(("all tiers", [Cell(_money(value)) for value in [*change.sum(), change.sum().sum()]]))
    return Table(
        f"Profit of “{evidence.label[arm]}” less that of “{evidence.label[other]}”, by tier and line (mean over seeds)",
        ["Tier", *change.columns, "contribution"],
        rows,
        "Positive adds to profit: more revenue, or a lower cost. Firm-wide costs are not in this table.",
    )


def settings(evidence: Evidence) -> Table | None:
    """Return the settings in which the arms differ, one row per setting; None if there are none."""
    chosen = evidence.manifest["settings"]
    arms = evidence.manifest["arms"]
    paths = dict.fromkeys(path for arm in arms for path in chosen.get(arm, {}))
    rows = []
    for path in paths:
        values = [chosen.get(arm, {}).get(path) for arm in arms]
        if any(value != values[0] for value in values):
            rows.append((str(path), [Cell(DASH if value is None else _setting(value)) for value in values]))
    if not rows:
        return None
    note = f"{DASH} means not set." if any(cell.text == DASH for _, cells in rows for cell in cells) else ""
    return Table("Settings in which the arms differ", ["Setting", *arms], rows, note)


def failures(evidence: Evidence) -> Table | None:
    """Return the runs that failed; None if none did."""
    failed = evidence.manifest["failed"]
    if not failed:
        return None
    rows = [(str(row["arm"]), [Cell(str(row["seed"])), Cell(str(row["message"]))]) for row in failed]
    return Table(
        "Runs that failed; none of them is counted anywhere in this report", ["Arm", "Seed", "What happened"], rows
    )


def _extra(evidence: Evidence, name: str, arm: str, column: str) -> float:
    saved = evidence.tables["differences"]
    row = saved.loc[(saved["arm"] == arm) & (saved["metric"] == name), column]
    return float(row.iloc[0]) if len(row) else np.nan


def _setting(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_setting(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_setting(part) for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _money(value: float) -> str:
    return difference_in_unit(value, "money") if not pd.isna(value) else UNKNOWN


def _chance(value: float) -> str:
    if np.isnan(value):
        return DASH
    if 0 < value < 0.01:
        return "<1%"
    return ">99%" if 0.99 < value < 1 else percent(round(value, 2))


def _p(value: float) -> str:
    if np.isnan(value):
        return DASH
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _times(value: float) -> str:
    return f"{number(value)}\N{MULTIPLICATION SIGN}" if np.isfinite(value) else DASH
