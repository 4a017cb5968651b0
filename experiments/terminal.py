"""Tables for a terminal, or for whatever standard output is piped to."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import pandas as pd
from rich.console import Console
from rich.table import Table

from experiments.report.words import count, difference_in_unit, in_unit, metric, number, percent, range_of

if TYPE_CHECKING:
    from experiments.compare import Comparison
    from experiments.report.evidence import Evidence
    from experiments.report.tables import Table as ReportTable

PIPE_WIDTH = 120
MAIN_METRICS = ("retention", "profit")
FRACTIONS = {"retention", "repeat_rate", "share"}


def print_tables(*tables: Table) -> None:
    """Print tables whole: a reader who leaves early gets no traceback."""
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    with console.capture() as capture:
        for table in tables:
            console.print(table)
    click.echo(capture.get(), nl=False)


def comparison_table(comparison: Comparison, evidence: Evidence) -> Table:
    """Return a row per arm: levels of the main metrics, and differences from the baseline, with their intervals."""
    design = comparison.design
    title = f"{design.focal}, {count(len(design.seeds), 'seed')}; below each mean its 95% interval"
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("arm", overflow="fold")
    told = [metric(name, design.horizon) for name in MAIN_METRICS]
    for each in told:
        points = ", points" if each.unit == "percent" else ""
        table.add_column(each.label.lower(), justify="right")
        table.add_column(f"against {design.baseline}{points}", justify="right")
    table.add_column("best in profit", justify="right")
    for arm in design.arms:
        cells = [arm]
        for each in told:
            level, gap = evidence.level(each.name, arm), evidence.saved_difference(each.name, arm)
            cells.append(f"{in_unit(level.mean, each.unit)}\n{range_of(level, each.unit)}")
            shown = f"{difference_in_unit(gap.mean, each.unit)}\n{range_of(gap, each.unit, is_difference=True)}"
            cells.append("baseline" if arm == design.baseline else shown)
        profit = comparison.differences[arm].get("profit")
        cells.append("" if profit is None or profit.p_best is None else percent(round(profit.p_best, 2)))
        table.add_row(*cells)
    return table


def summary_table(heading: str, rows: Mapping[str, Mapping[str, Any]], columns: Sequence[str]) -> Table:
    """Return a table of the columns that there are, a row per member."""
    table = Table()
    table.add_column(heading, overflow="fold")
    present = [column for column in columns if any(column in row for row in rows.values())]
    for column in present:
        table.add_column(column.replace("_", " "), justify="right")
    for name, row in rows.items():
        values = [row.get(column) for column in present]
        values = [sum(value.values()) if isinstance(value, dict) else value for value in values]
        cells = [
            "" if value is None else (percent if column in FRACTIONS else number)(value)
            for column, value in zip(present, values, strict=True)
        ]
        table.add_row(name, *cells)
    return table


def table_of(told: ReportTable) -> Table:
    """Return a table of a report's page for the terminal: what qualifies a cell stands below it."""
    table = Table(title=told.caption, title_justify="left", show_lines=True)
    for rank, column in enumerate(told.columns):
        table.add_column(column, overflow="fold", justify="right" if rank else "left")
    for heading, cells in told.rows:
        table.add_row(heading, *(f"{cell.text}\n{cell.note}" if cell.note else cell.text for cell in cells))
    return table


def facts_table(facts: pd.DataFrame) -> Table:
    """Return a row per fact: what was measured with its interval, the published range, and whether it is inside."""
    table = Table()
    for column in ("fact", "measured", "95% interval", "published", "inside"):
        table.add_column(column, justify="left" if column == "fact" else "right")
    for row in facts.to_dict("records"):
        known = {
            key: number(row[key]) for key in ("value", "ci_low", "ci_high", "low", "high") if not pd.isna(row[key])
        }
        low, high = known.get("low"), known.get("high")
        published = f"{low} to {high}" if low and high else f"at least {low}" if low else ""
        interval = f"{known['ci_low']} to {known['ci_high']}" if "ci_low" in known else ""
        inside = "" if pd.isna(row["inside"]) else "yes" if row["inside"] else "no"
        table.add_row(str(row["fact"]), known.get("value", ""), interval, published, inside)
    return table
