"""A study as a file: what is asked, of which scenario, by which design, on which seeds; checked before it runs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from experiments.analyses.assumptions import as_taken
from experiments.analyses.sensitivity import Factor
from experiments.named import scenario_of
from experiments.study.design import FILLING, DesignKind, Point, filled, from_csv, grid, one_at_a_time, scenarios_of
from sim.errors import InputError, nearest
from sim.explain import explain
from sim.scenario import Scenario

DEFAULT_SEEDS = 10
OUTCOMES = (
    "retention", "profit", "customers", "share", "repeat_rate", "satisfaction", "attachment", "revenue", "top20_share",
    "loyalty_index", "clv", "equity", "spend",
)  # fmt: skip
KindName = Literal["sweep", "sensitivity", "tournament", "optimise", "robustness"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Range(_Part):
    """A setting that may lie anywhere between two numbers; two whole ends of a whole setting make a whole number."""

    low: int | float = Field(description="a number")
    high: int | float = Field(description="a number above low")

    @model_validator(mode="after")
    def _is_range(self) -> Range:
        if not self.low < self.high:
            raise ValueError(f"low = {self.low} and high = {self.high}; allowed: low below high")
        return self


class DesignSpec(_Part):
    """How a sweep goes through the settings that vary."""

    kind: DesignKind = Field(
        default="grid",
        description="grid (every combination), latin_hypercube, sobol, one_at_a_time, csv (a file), or arms",
    )
    points: Annotated[int, Field(ge=2, le=1_000_000)] | None = Field(
        default=None, description="points of a latin_hypercube or sobol design, 2 to a million"
    )
    file: str | None = Field(default=None, description="a CSV file: a column per dotted path, a row per point (csv)")

    @model_validator(mode="after")
    def _fits(self) -> DesignSpec:
        if (self.points is not None) != (self.kind in FILLING):
            raise ValueError("points belong to the designs latin_hypercube and sobol, which need them")
        if (self.file is not None) != (self.kind == "csv"):
            raise ValueError("a file belongs to the design csv, which needs one")
        return self


class Study(_Part):
    """A study."""

    title: Annotated[str, Field(min_length=1, description="the question, in one line")]
    kind: KindName = Field(default="sweep", description="sweep, sensitivity, tournament, optimise or robustness")
    scenario: Annotated[
        str, Field(min_length=1, description="a scenario file, sought beside this one, or a shipped name")
    ]
    set: dict[str, Any] = Field(default={}, description="settings changed in every run, by dotted path")
    vary: dict[str, Range | tuple[Any, ...]] = Field(
        default={}, description="what varies, by dotted path: a list of values, or { low = 0.8, high = 1.2 }"
    )
    design: DesignSpec = DesignSpec()
    seeds: Annotated[int, Field(ge=1, le=100_000)] = Field(default=DEFAULT_SEEDS, description="seeds of every point")
    seed_from: Annotated[int, Field(ge=0, le=2**62)] = Field(default=1, description="the first seed")
    until: str | tuple[str, ...] | None = Field(
        default=None, description="ci=0.5% and the like: as many of the seeds as it takes (sweep)"
    )
    store: str | None = Field(default=None, description="folder of the store, sought beside this file")
    outcomes: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        default=("profit", "retention"), description="what is asked about"
    )
    focal: str | None = Field(default=None, description="the firm asked about; by default the scenario's")
    options: dict[str, Any] = Field(default={}, description="settings of the kind of study")

    _source: Path | None = PrivateAttr(default=None)
    _base: Scenario | None = PrivateAttr(default=None)
    _points: list[Point] | None = PrivateAttr(default=None)

    @field_validator("outcomes")
    @classmethod
    def _are_outcomes(cls, outcomes: tuple[str, ...]) -> tuple[str, ...]:
        for name in outcomes:
            if name not in OUTCOMES:
                raise ValueError(f'no outcome is called "{name}"; {nearest(name, OUTCOMES)}')
        return outcomes

    @property
    def source(self) -> Path | None:
        """The file it was read from, if any."""
        return self._source

    @property
    def folder(self) -> Path:
        """Where relative paths start from."""
        return self._source.parent if self._source else Path.cwd()

    @property
    def name(self) -> str:
        """The name under which a store keeps its plan."""
        stem = self._source.stem if self._source else self.kind
        return "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in stem).lstrip(".-") or "study"

    @property
    def seed_range(self) -> range:
        """Its seeds."""
        return range(self.seed_from, self.seed_from + self.seeds)

    @property
    def factors(self) -> list[Factor]:
        """What varies.

        Raises
        ------
        InputError
            If there are fewer than two values of one, or the scenario cannot be read.
        """
        try:
            given = [
                Factor(
                    path, float(each.low), float(each.high), isinstance(each.low, int) and isinstance(each.high, int)
                )
                if isinstance(each, Range)
                else Factor(path, choices=tuple(each))
                for path, each in self.vary.items()
            ]
        except InputError as error:
            raise InputError(error.problem, file=self._source, key=f"vary.{error.key}", allowed=error.allowed) from None
        return as_taken(given, self.base)

    @property
    def base(self) -> Scenario:
        """The scenario, with what is set in every run.

        Raises
        ------
        InputError
            If it cannot be read, or a setting is not allowed.
        """
        if self._base is None:
            self._base = scenario_of(self.scenario, self.set, self.folder)
        return self._base

    @property
    def focal_firm(self) -> str:
        """The firm asked about.

        Raises
        ------
        InputError
            If there is none of the name.
        """
        names = [firm.name for firm in self.base.firms]
        if self.focal is not None and self.focal not in names:
            raise InputError(
                f"no such firm; {nearest(self.focal, names)}", file=self._source, key="focal", value=self.focal
            )
        return self.focal or self.base.focal_firm

    def points(self) -> list[Point]:
        """Return the points of its design.

        Raises
        ------
        InputError
            If the design has none, or cannot be made of what varies.
        """
        if self._points is None:
            self._points = self._made()
        return self._points

    def check_points(self) -> None:
        """Build the scenario of every point once.

        Raises
        ------
        InputError
            If a path or value of one is not allowed: which point, and what it has.
        """
        for i, point in enumerate(self.points()):
            try:
                scenarios_of(self.base, self.design.kind, [point])
            except InputError as error:
                place = f"point {i + 1} of {len(self.points())} {dict(point)}"
                raise InputError(f"{place}: {error}", file=self._source) from None

    def _made(self) -> list[Point]:
        kind, factors = self.design.kind, self.factors
        if kind == "arms":
            if not self.base.arms:
                raise InputError("has no arms", file=self.base.source, key="arms", allowed="two arms or more")
            return [{"arm": arm} for arm in self.base.arms]
        if kind == "csv":
            return from_csv(self.folder / str(self.design.file))
        if not factors:
            raise InputError("nothing varies", file=self._source, key="vary", allowed='"path.of.a.setting" = [1, 2]')
        if kind == "grid":
            return grid(factors)
        if kind == "one_at_a_time":
            return one_at_a_time(factors)
        return filled(kind, factors, self.design.points or 0)


def load_study(path: str | Path) -> Study:
    """Read and check a study file.

    Raises
    ------
    InputError
        If it cannot be read, or a key or value is not allowed.
    """
    source = Path(path)
    try:
        raw = tomllib.loads(source.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not valid TOML: {error}", file=source) from None
    except UnicodeDecodeError:
        raise InputError("not a text file in UTF-8", file=source) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=source, allowed="a study file") from None
    return study_of(raw, source)


def study_of(raw: dict[str, Any], source: Path | None = None) -> Study:
    """Make a study of settings as a file would hold them.

    Raises
    ------
    InputError
        If a key or value is not allowed.
    """
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        raise explain(error, Study, source) from None
    study._source = source
    return study
