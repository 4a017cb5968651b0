"""What an analysis found, ready to be printed, saved and read: the same for every kind."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pandas as pd

from experiments.report.page import environment, write_page
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

    def save(self, out: str | Path, command: str = "asked from Python") -> Path:
        """Write ``out/report.html`` and the data beside it; return the page.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        folder = Path(out)
        require_writable(folder / "data")
        self.save_data(folder, command)
        return write_page(folder / "report.html", self.page(command))

    def save_data(self, folder: Path, command: str) -> None:
        """Write the data below ``folder``, which is there."""
        for name, frame in self.data.items():
            frame.to_csv(folder / "data" / f"{name}.csv", index=False)

    def page(self, command: str) -> str:
        """Return the page as HTML: what was found, pictures, tables, and the command that shows it again."""
        return (
            environment()
            .get_template("analysis.html.jinja")
            .render(
                title=self.title,
                kicker=self.kicker,
                sentences=self.sentences,
                tables=self.tables,
                pictures=self.pictures,
                failures=self.failures,
                command=command,
            )
        )

    def _repr_html_(self) -> str:
        """Show the page in a notebook, in a frame of its own: it brings its own styles."""
        page = html.escape(self.page("asked from Python"), quote=True)
        title = html.escape(self.title)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 40em; border: 0" title="{title}"></iframe>'

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
