"""What an analysis found, ready to be printed, saved and read: the same for every kind."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pandas as pd

from experiments.report.page import _environment, _write
from experiments.report.pictures.canvas import Picture
from experiments.report.tables import Table
from experiments.report.words import number
from experiments.saved import require_writable
from experiments.terminal import print_tables, table_of


@dataclass(frozen=True)
class Found:
    """What an analysis found.

    Parameters
    ----------
    title : str
        The question.
    kicker : str
        What was run, in a line: firm, runs, seeds.
    sentences : sequence of str
        The findings.
    tables : sequence of Table
        The numbers.
    pictures : sequence of Picture
    data : mapping of str to DataFrame
        What is saved, by name of the file.
    answer : mapping
        What ``--json`` prints; plain data, None for what is not known.
    failures : sequence of str
        Runs that gave nothing.
    """

    title: str
    kicker: str
    sentences: Sequence[str]
    tables: Sequence[Table]
    pictures: Sequence[Picture]
    data: Mapping[str, pd.DataFrame]
    answer: Mapping[str, Any]
    failures: Sequence[str] = field(default=())

    def save(self, out: Path, command: str) -> Path:
        """Write ``out/report.html`` and the data beside it; return the page.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        require_writable(out / "data")
        for name, frame in self.data.items():
            frame.to_csv(out / "data" / f"{name}.csv", index=False)
        page = _environment().get_template("analysis.html.jinja")
        text = page.render(
            title=self.title,
            kicker=self.kicker,
            sentences=self.sentences,
            tables=self.tables,
            pictures=self.pictures,
            failures=self.failures,
            command=command,
        )
        return _write(out / "report.html", text)

    def tell(self, as_json: bool, **places: str) -> None:
        """Print what was found: in words and tables, or as JSON; and where it and its runs are kept, by name."""
        if as_json:
            answer = {**self.answer, **places}
            click.echo(json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False, default=str))
            return
        click.echo(self.title)
        print_tables(*map(table_of, self.tables))
        for sentence in self.sentences:
            click.echo(sentence)
        for name, place in places.items():
            click.echo(f"{name}: {place}")


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as plain data: a dictionary a row, None for what is not known."""
    records = frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
    return [{str(key): _plain(value) for key, value in record.items()} for record in records]


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and value in (float("inf"), float("-inf")) else value


def say(value: object) -> str:
    """Write a setting's value as a reader would."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return number(float(value)) if is_number else str(value)  # type: ignore[arg-type]


def or_none(value: float) -> float | None:
    """Return a number, or None where it is not known."""
    return value if math.isfinite(value) else None
