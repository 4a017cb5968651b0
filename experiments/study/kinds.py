"""The kinds of study: what each does with a study file, and what it tells of the answer.

A kind is a class of its own, found here by the name that stands in a study file as ``kind``; it is imported when it is
asked for. Its own settings stand in the table of the file that is called like it.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from experiments.report.pictures.canvas import Picture
    from experiments.study.execute import Runner
    from experiments.study.study_file import Study

KINDS = {
    "sweep": "experiments.study.sweep:Sweep",
}


class Options(BaseModel):
    """Settings of a kind; none unless the kind has its own class."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Parameters
    ----------
    title : str
        Its heading.
    sentences : sequence of str
        What was found, a paragraph each.
    pictures : sequence of Picture
        Drawn within :func:`experiments.report.pictures.canvas.drawing`.
    tables : sequence of experiments.report.tables.Table
        Tables of text cells.
    """

    title: str
    sentences: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Any] = ()


class Result(ABC):
    """What a study found; made from the store alone, so that it is the same however the runs came there."""

    @abstractmethod
    def headline(self) -> Sequence[str]:
        """Return the answer in a sentence or a few."""

    @abstractmethod
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Return the numbers, to be saved beside the page, by name."""

    @abstractmethod
    def to_json(self) -> Mapping[str, Any]:
        """Return the answer as plain data: what ``--json`` prints."""

    @abstractmethod
    def terminal(self) -> Sequence[Table]:
        """Return the answer as tables for a terminal."""

    @abstractmethod
    def page(self) -> Sequence[Section]:
        """Return the sections of the page."""


class Kind(ABC):
    """A kind of study."""

    Options: ClassVar[type[BaseModel]] = Options
    uses_design: ClassVar[bool] = True

    @abstractmethod
    def check(self, study: Study) -> int | None:
        """Refuse, before anything runs, a study that cannot be done.

        Returns
        -------
        int or None
            Runs it takes in all; None if that depends on what they give.

        Raises
        ------
        InputError
            If a setting or a point of its design is not allowed.
        """

    @abstractmethod
    def run(self, study: Study, runner: Runner) -> Result:
        """Make the runs and return what they tell.

        Parameters
        ----------
        study : Study
            Its ``options`` are of this kind's own class.
        runner : Runner
            Makes runs, as often as it is asked: ``runner.run(runs)``. What they gave is in
            ``runner.store.runs(runner.study)``.
        """


def kind_of(name: str) -> Kind:
    """Return the kind of a name, which must be one of :data:`KINDS`."""
    module, _, cls = KINDS[name].partition(":")
    found = getattr(importlib.import_module(module), cls)()
    assert isinstance(found, Kind)
    return found
