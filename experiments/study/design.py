"""Which settings a study tries: grids, designs that fill a space, one factor at a time, tables, and arms."""

from __future__ import annotations

import csv
import itertools
import json
import tomllib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.stats import qmc

from experiments.analyses.evaluate import with_settings
from experiments.analyses.sensitivity import Factor, settings
from experiments.study.runs import Label, Run, fingerprint
from sim.errors import InputError

if TYPE_CHECKING:
    from sim.scenario import Scenario

DesignKind = Literal["grid", "latin_hypercube", "sobol", "one_at_a_time", "csv", "arms"]
Point = Mapping[str, Any]

FILLING = ("latin_hypercube", "sobol")
POINTS_AT_ONCE = 500  # scenarios of so many points are kept at a time
DESIGN_SEED = 1


def grid(factors: Sequence[Factor]) -> list[Point]:
    """Return every combination of the factors' values.

    Raises
    ------
    InputError
        If a factor is a range, which has no values to combine.
    """
    for factor in factors:
        if not factor.choices:
            raise InputError(
                "is a range", key=f"vary.{factor.path}", allowed="a list of values; or a design that fills a space"
            )
    combined = itertools.product(*(factor.choices for factor in factors))
    return [dict(zip((factor.path for factor in factors), values, strict=True)) for values in combined]


def filled(kind: str, factors: Sequence[Factor], n_points: int) -> list[Point]:
    """Return points that fill the factors' ranges: a Latin hypercube or a scrambled Sobol' sequence.

    The order in which the factors are given does not matter.

    References
    ----------
    McKay, M. D., Beckman, R. J. & Conover, W. J. (1979). Technometrics 21(2), 239-245. Owen, A. B. (1998). Scrambling
    Sobol' and Niederreiter-Xing points. Journal of Complexity 14(4), 466-489.
    """
    sampler = qmc.LatinHypercube if kind == "latin_hypercube" else qmc.Sobol
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The balance properties of Sobol")
        places = sampler(len(factors), rng=np.random.default_rng(DESIGN_SEED)).random(n_points)
    by_path = np.argsort(np.argsort([factor.path for factor in factors]))
    return list(settings(factors, places[:, by_path]))


def one_at_a_time(factors: Sequence[Factor]) -> list[Point]:
    """Return the scenario as it is, and then each value of each factor, of a range its ends, with no other changed."""
    points: list[Point] = [{}]
    for factor in factors:
        values = factor.choices or (factor.value(0.0), factor.value(1.0))
        points += [{factor.path: value} for value in values]
    return points


def from_csv(path: Path) -> list[Point]:
    """Return the points of a CSV file: a column per dotted path, a row per point; an empty cell leaves it as it is.

    Raises
    ------
    InputError
        If it cannot be read, a column has no name or one that another has, a row has more or fewer cells than the
        header, two rows are the same, or there is no row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            rows = [(lines.line_num, [cell.strip() for cell in cells]) for cells in lines if cells]
    except (OSError, ValueError, csv.Error) as error:
        told = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"cannot be read: {told}", file=path, allowed="a CSV file in UTF-8") from None
    (first, header), *below = rows or [(1, [])]
    _require_paths(header, path, first)
    if not below:
        raise InputError("has no rows", file=path, allowed="a row per point below a header of dotted paths")
    points: dict[str, tuple[int, Point]] = {}
    for line, cells in below:
        if len(cells) != len(header):
            allowed = f"{len(header)} cells, as in the header; an empty one leaves the scenario as it is"
            raise InputError(f"has {len(cells)}", file=path, key=f"line {line}", allowed=allowed)
        point = {key: _value(text) for key, text in zip(header, cells, strict=True) if text}
        before, _ = points.setdefault(json.dumps(point, sort_keys=True, default=str), (line, point))
        if before != line:
            raise InputError(f"the same as line {before}", file=path, key=f"line {line}", allowed="each point once")
    return [point for _, point in points.values()]


def _require_paths(header: Sequence[str], path: Path, line: int) -> None:
    """Refuse a header that does not name every column, each by a name of its own."""
    if len(header) == 1 and ";" in header[0]:
        raise InputError("columns are separated by semicolons", file=path, key=f"line {line}", allowed="commas")
    for place, name in enumerate(header, 1):
        if not name or name in header[: place - 1]:
            problem = f'"{name}" is there twice' if name else f"column {place} has no name"
            raise InputError(problem, file=path, key=f"line {line}", allowed="a dotted path per column, each once")


def scenarios_of(base: Scenario, kind: str, points: Sequence[Point]) -> list[Scenario]:
    """Return the scenario at each point.

    Raises
    ------
    InputError
        If a path or a value is not allowed.
    """
    if kind == "arms":
        return [base.arm(point["arm"]) for point in points]
    return with_settings(base, points)


def runs_of(base: Scenario, kind: str, points: Sequence[Point], seeds: Sequence[int], first: int = 0) -> Iterator[Run]:
    """Yield every point on every seed, seed by seed, so that what is there after a while covers the whole design.

    Of large designs a part is finished before the next begins; only its scenarios are kept in memory.
    """
    for start in range(0, len(points), POINTS_AT_ONCE):
        part = points[start : start + POINTS_AT_ONCE]
        scenarios = scenarios_of(base, kind, part)
        contents = [fingerprint(scenario) for scenario in scenarios]
        labels = [{"point": start + i + first, **_labels(point)} for i, point in enumerate(part)]
        for seed in seeds:
            for scenario, content, label in zip(scenarios, contents, labels, strict=True):
                yield Run(scenario, seed, label, content)


def _labels(point: Point) -> dict[str, Label]:
    return {
        path: value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False, default=str)
        for path, value in point.items()
    }


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
