"""A study as a file: what is asked, of which scenario, by which design, on which seeds; checked before it runs."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)  # fmt: skip

from experiments.analyses.assumptions import as_taken
from experiments.analyses.sensitivity import Factor
from experiments.named import scenario_of
from experiments.stopping import ALLOWED, MOST_SEEDS, Until
from experiments.study.design import Point, filled, from_csv, grid, one_at_a_time, scenarios_of
from experiments.study.settings import DesignSpec, Part, Range, Whole, varied
from sim.errors import InputError, nearest
from sim.explain import explain
from sim.scenario import Scenario

DEFAULT_SEEDS = 10
OUTCOMES = (
    "retention", "profit", "customers", "share", "repeat_rate", "satisfaction", "attachment", "revenue", "top20_share",
    "loyalty_index", "clv", "equity", "spend",
)  # fmt: skip
KindName = Literal["sweep", "compare", "sensitivity", "tournament", "optimise", "robustness"]
# Keys that some kinds have no use for: a study that gives one there asks for something that it would not get.
ONLY_FOR = {
    "design": ("sweep",),
    "until": ("sweep", "compare"),
    "vary": ("sweep", "sensitivity", "optimise", "robustness"),
    "outcomes": ("sweep", "sensitivity", "robustness"),
    "options": ("sensitivity", "tournament", "optimise", "robustness", "compare"),
}
SEVERAL_OUTCOMES = ("sweep",)
NAMES_TAKEN = ("runs", "failed", "labels", "timing")  # tables of a store
MOST_LETTERS = 80


class Study(Part):
    """A study."""

    title: Annotated[str, Field(min_length=1, description="the question, in one line")]
    kind: KindName = Field(
        default="sweep", description="sweep, compare, sensitivity, tournament, optimise or robustness"
    )
    scenario: Annotated[
        str, Field(min_length=1, description="a scenario file, sought beside this one, or a shipped name")
    ]
    set: dict[str, Any] = Field(default={}, description="settings changed in every run, by dotted path")
    vary: dict[str, Annotated[Range | tuple[Any, ...], BeforeValidator(varied)]] = Field(
        default={}, description="what varies, by dotted path: a list of values, or { low = 0.8, high = 1.2 }"
    )
    design: DesignSpec = DesignSpec()
    seeds: Annotated[Whole, Field(ge=1, le=100_000)] = Field(
        default=DEFAULT_SEEDS,
        description="seeds of every point, 1 to 100,000; with until, the most (then 1000 by default)",
    )
    seed_from: Annotated[Whole, Field(ge=0, le=2**62)] = Field(default=1, description="the first seed, from 0")
    until: str | tuple[str, ...] | None = Field(
        default=None, description="ci=0.5% and the like: as many of the seeds as it takes (sweep, compare)"
    )
    store: str | None = Field(default=None, description="folder of the store, sought beside this file")
    outcomes: tuple[str, ...] = Field(default=("profit", "retention"), description="what is asked about, as a list")
    focal: str | None = Field(default=None, description="the firm asked about; by default the scenario's")
    options: dict[str, Any] = Field(default={}, description="settings of the kind of study")

    _source: Path | None = PrivateAttr(default=None)
    _base: Scenario | None = PrivateAttr(default=None)
    _arms: dict[str, Scenario] | None = PrivateAttr(default=None)
    _points: list[Point] | None = PrivateAttr(default=None)

    @field_validator("outcomes")
    @classmethod
    def _are_outcomes(cls, outcomes: tuple[str, ...]) -> tuple[str, ...]:
        for place, name in enumerate(outcomes):
            if name not in OUTCOMES:
                raise ValueError(f'no outcome is called "{name}"; {nearest(name, OUTCOMES)}')
            if name in outcomes[:place]:
                raise ValueError(f'"{name}" is there twice; allowed: each outcome once')
        return outcomes

    @field_validator("outcomes", mode="before")
    @classmethod
    def _one_outcome_is_a_list_too(cls, given: Any) -> Any:
        if not given:
            raise ValueError(f"nothing is asked about; allowed: {', '.join(OUTCOMES)}")
        return (given,) if isinstance(given, str) else given

    @field_validator("until", mode="before")
    @classmethod
    def _are_widths(cls, given: Any) -> Any:
        widths = (given,) if isinstance(given, str) else given
        try:
            if widths is not None:
                Until.parse([str(width) for width in widths])
        except (InputError, TypeError):
            raise ValueError(f"not a width; allowed: {ALLOWED}") from None
        return given

    @model_validator(mode="after")
    def _asks_for_nothing_in_vain(self) -> Study:
        for key, kinds in ONLY_FOR.items():
            if key in self.model_fields_set and getattr(self, key) and self.kind not in kinds:
                raise ValueError(f'{key}: of no use to kind = "{self.kind}"; allowed: in a {" or ".join(kinds)}')
        if self.kind not in SEVERAL_OUTCOMES and "outcomes" in self.model_fields_set and len(self.outcomes) > 1:
            raise ValueError(f'outcomes = {list(self.outcomes)}; allowed: one, for kind = "{self.kind}"')
        if self.vary and self.design.kind in ("csv", "arms"):
            raise ValueError(f'vary: of no use to the design "{self.design.kind}"; allowed: in one of the others')
        for path in self.vary:
            if path in self.set:
                raise ValueError(f'"{path}" is both set and varied; allowed: one of the two')
        return self

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
        """The name under which a store keeps its plan: the file's, of letters, digits and . _ - alone."""
        stem = self._source.stem if self._source else self.kind
        name = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in stem).lstrip(".-") or "study"
        return f"{name}-study" if name.lower() in NAMES_TAKEN or name.startswith("_") else name[:MOST_LETTERS]

    @property
    def seed_range(self) -> range:
        """Its seeds; with ``until``, the most of them."""
        n = MOST_SEEDS if self.until is not None and "seeds" not in self.model_fields_set else self.seeds
        return range(self.seed_from, self.seed_from + n)

    @property
    def widths(self) -> Until | None:
        """How narrow the intervals of its differences are to be, if that is asked."""
        if self.until is None:
            return None
        return Until.parse((self.until,) if isinstance(self.until, str) else self.until)

    @property
    def factors(self) -> list[Factor]:
        """What varies.

        Raises
        ------
        InputError
            If the scenario cannot be read.
        """
        given = [
            Factor(path, float(each.low), float(each.high), isinstance(each.low, int) and isinstance(each.high, int))
            if isinstance(each, Range)
            else Factor(path, choices=tuple(each))
            for path, each in self.vary.items()
        ]
        return as_taken(given, self.base)

    @property
    def base(self) -> Scenario:
        """The scenario, with what is set in every run: under its arms too, whatever these change.

        Raises
        ------
        InputError
            If it cannot be read, or a setting is not allowed.
        """
        if self._base is None:
            self._base = self._found()
        return self._base

    @property
    def _changes(self) -> dict[str, Any]:
        """What is set in every run; those of a sweep are the same whoever is asked about, so its firm is not."""
        return self.set if self.focal is None or self.kind == "sweep" else {**self.set, "focal": self.focal}

    def _found(self) -> Scenario:
        changes = self._changes
        try:
            as_given = scenario_of(self.scenario, {}, self.folder)
        except InputError as error:
            if error.file is not None and Path(error.file).is_file() and error.key != "arms":
                raise  # the scenario's own file is wrong, and told by its name
            problem = {"file": self._source, "key": "scenario", "value": self.scenario, "allowed": error.allowed}
            raise InputError(error.problem, **problem) from None  # type: ignore[arg-type]
        self._require_focal(as_given)
        if not changes:
            return as_given
        try:
            base = scenario_of(self.scenario, changes, self.folder)
            return base.with_overrides({"arms": dict.fromkeys(base.arms, changes)}) if base.arms else base
        except InputError as error:
            raise self.blame(error, "set", as_given.source) from None

    def blame(self, error: InputError, place: str, scenario: Path | None = None) -> InputError:
        """Return an error of the scenario as one of a place in this study: a line for each thing that is wrong."""
        source = scenario or (self._base.source if self._base else None)
        lines = str(error).replace(f"{source}: ", "").splitlines()
        return InputError("\n".join(str(InputError(line, file=self._source, key=place)) for line in lines))

    @property
    def given_arms(self) -> dict[str, Scenario] | None:
        """The scenarios that :func:`study_of` was given to compare, if any."""
        return self._arms

    @property
    def arms(self) -> dict[str, Scenario]:
        """The scenarios to choose between: those given, or else the arms of its scenario.

        Raises
        ------
        InputError
            If a setting is not allowed in one.
        """
        return {arm: self.base.arm(arm) for arm in self.base.arms} if self._arms is None else self._arms

    def sibling(self, arm: str) -> Scenario:
        """Return another arm of the scenario that this study names, or names an arm of; with what is set.

        Raises
        ------
        InputError
            If there is no such arm, or a setting is not allowed in it.
        """
        if self.base.arms:
            return self.base.arm(arm)
        path = self.scenario.rpartition(":")[0] or self.scenario
        return scenario_of(f"{path}:{arm}", self._changes, self.folder)

    def identity(self) -> dict[str, Any]:
        """Return what decides which runs it asks for, as plain data: two studies that differ in it have other plans."""
        points = json.dumps(self.points(), default=str) if self.design.kind == "csv" else ""
        return self.model_dump(mode="json") | {
            "settings": self.base.content_hash(),
            "arms": {name: arm.content_hash() for name, arm in self.arms.items()},
            "points": hashlib.sha256(points.encode()).hexdigest()[:16],
        }

    @property
    def focal_firm(self) -> str:
        """The firm asked about.

        Raises
        ------
        InputError
            If there is none of the name.
        """
        return self.focal or self.base.focal_firm

    def _require_focal(self, scenario: Scenario) -> None:
        names = [firm.name for firm in scenario.firms]
        if self.focal is not None and self.focal not in names:
            raise InputError(
                f"no such firm; {nearest(self.focal, names)}", file=self._source, key="focal", value=self.focal
            )

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
                raise self.blame(error, f"point {i + 1} of {len(self.points())} {dict(point)}") from None

    def _made(self) -> list[Point]:
        kind, factors = self.design.kind, self.factors
        if kind == "arms":
            if not self.base.arms:
                raise InputError("has no arms", file=self.base.source, key="arms", allowed="two arms or more")
            return [{"arm": arm} for arm in self.base.arms]
        if kind == "csv":
            points = from_csv(self.folder / str(self.design.file))
            for path in self.set:
                if any(path in point for point in points):
                    raise InputError("is both set and in the CSV file", file=self._source, key=f"set.{path}")
            return points
        if not factors:
            raise InputError("nothing varies", file=self._source, key="vary", allowed='"path.of.a.setting" = [1, 2]')
        if kind == "grid":
            try:
                return grid(factors)
            except InputError as error:
                raise InputError(str(error), file=self._source) from None
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
        raw = tomllib.loads(source.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not valid TOML: {error}", file=source) from None
    except UnicodeDecodeError:
        raise InputError("not a text file in UTF-8", file=source) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=source, allowed="a study file") from None
    return study_of(raw, source)


def study_of(
    raw: dict[str, Any],
    source: Path | None = None,
    *,
    base: Scenario | None = None,
    arms: dict[str, Scenario] | None = None,
) -> Study:
    """Make a study of settings as a file would hold them.

    Parameters
    ----------
    raw : dict
        The settings.
    source : Path, optional
        The file they were read from.
    base : Scenario, optional
        The scenario, instead of the one that the settings name.
    arms : dict of str to Scenario, optional
        What is to be compared, instead of the scenario's arms.

    Raises
    ------
    InputError
        If a key or value is not allowed.
    """
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        raise explain(error, Study, source, raw) from None
    study._source, study._base, study._arms = source, base, arms
    if base is not None:
        study._require_focal(base)
    return study
