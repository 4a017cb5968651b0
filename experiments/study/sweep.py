"""A sweep: what an outcome becomes as settings vary, factor by factor and, for two factors, in every combination.

Of a design with few values of each factor, the mean at a value is over all points that have it, seed by seed, and its
interval is over seeds: what another set of customers would change. Of a design that fills a space, values fall into
bins, the mean is over the points in one, and its interval over points: it holds what all else that varies changes too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.analyses.page import Found, or_none, plain, say
from experiments.report.findings import stopped
from experiments.report.intervals import Interval, interval_of
from experiments.report.tables import Cell, Table
from experiments.report.words import count, difference_in_unit, in_unit, listed, metric, range_of
from experiments.statistics import SHARES, paired_difference
from experiments.stopping import METRICS, N_PILOT, Stop, decide, is_narrow
from experiments.study.design import FILLING, runs_of
from experiments.study.kinds import Kind, Options, options_of
from experiments.study.pictures import curve, heat_map
from sim.errors import InputError

if TYPE_CHECKING:
    from experiments.report.pictures.canvas import Picture
    from experiments.study.execute import Runner
    from experiments.study.study_file import Study

N_BINS = 8
MOST_LEVELS = 40
MOST_MAPS = 3
AS_IT_IS = "as it is"
FIRST_POINT = "0"


@dataclass(frozen=True)
class Level:
    """An outcome at a value of a factor, or at a bin of them: where it is drawn, its name, the mean, and by seed."""

    at: float
    label: str
    found: Interval
    values: pd.Series


class Sweep(Kind):
    """What an outcome becomes as settings vary."""

    def check(self, study: Study) -> int | None:
        """Refuse a point of the design that is not allowed, and an interval that cannot be asked for."""
        options_of(study, Options)
        study.check_points()
        _ = study.focal_firm
        if study.until is not None and len(study.points()) < 2:
            raise InputError(
                "one point has no difference to be known", file=study.source, key="until", allowed="two points or more"
            )
        return None if study.until is not None else len(study.points()) * study.seeds

    def run(self, study: Study, runner: Runner) -> Found:
        """Run every point on every seed, or on as many of them as make the differences from the first point known."""
        points, kind, seeds, until = study.points(), study.design.kind, study.seed_range, study.widths
        first = seeds if until is None else seeds[:N_PILOT]
        runner.run(runs_of(study.base, kind, points, first))
        stop = None
        if until is not None:
            values = _by_point(study, _frame(study, runner), METRICS, first)
            stop = decide(values, FIRST_POINT, until, len(first), len(seeds))
            runner.progress.say(stop.told)
            runner.run(runs_of(study.base, kind, points, seeds[len(first) : stop.n_needed]))
        return tell(study, _frame(study, runner), [str(each) for each in _failures(study, runner)], stop)


def tell(study: Study, frame: pd.DataFrame, failures: Sequence[str], stop: Stop | None = None) -> Found:
    """Return what a sweep found.

    Parameters
    ----------
    study : Study
    frame : DataFrame
        A row per finished run: ``point``, ``seed``, a column per factor and per outcome, of the firm asked about.
    failures : sequence of str
        What went wrong, a line a run.
    stop : Stop, optional
        What the pilot decided: then intervals over seeds keep its spread, and the differences from the first point are
        told.
    """
    pilot = None if stop is None else study.seed_range[: stop.n_pilot]
    paths = _paths(study, frame)
    n_runs, horizon = len(frame), study.base.horizon
    told = f"{study.focal_firm}, {count(len(study.points()), 'point')}, {count(n_runs, 'run')}"
    if frame.empty:
        return Found(study.title, told, ["Every run failed."], [], [], {"runs": frame}, {"runs": 0}, failures)
    by_seed, is_single = study.design.kind not in FILLING, study.design.kind == "one_at_a_time"
    effects: list[dict[str, Any]] = []
    pictures: list[Picture] = []
    sentences: list[str] = []
    for name in study.outcomes:
        for path in paths:
            own = frame[frame[path].notna() | frame[paths].isna().all(axis=1)] if is_single else frame
            levels = levels_of(own, path, name, by_seed=by_seed, pilot=pilot)
            if sum(math.isfinite(level.found.mean) for level in levels) < 2:
                continue
            effects += [
                {"outcome": name, "factor": path,
                 "value": level.at if math.isfinite(level.at) else level.label, "mean": level.found.mean,
                 "ci_low": level.found.low, "ci_high": level.found.high, "n": level.found.n} for level in levels
            ]  # fmt: skip
            sentences.append(_sentence(name, path, levels, horizon, by_seed=by_seed, pilot=pilot))
            over = f"over {count(frame['seed'].nunique(), 'seed')}" if by_seed else "over points"
            others = "; nothing else is changed" if is_single else "; all else that varies is averaged over"
            others = others if len(paths) > 1 else ""
            caption = (
                f"{metric(name, horizon).label} of {study.focal_firm}: mean and 95% interval {over}{others}. "
                f"{count(n_runs, 'run')}."
            )
            pictures.append(curve(_key(name, path), f"{metric(name, horizon).label} by {path}", caption, path, levels,
                                  metric(name, horizon).unit))  # fmt: skip
        for one, two in list(itertools.combinations(paths, 2))[:MOST_MAPS]:
            cells = cells_of(frame, one, two, name)
            if cells.size:
                label = metric(name, horizon).label
                caption = (
                    f"Mean {label.lower()} of {study.focal_firm} at each {one} (down) and {two} (across): the "
                    f"darker, the more. {count(n_runs, 'run')}, {count(frame['seed'].nunique(), 'seed')}."
                )
                pictures.append(heat_map(_key(name, one, two), f"{label} by {one} and {two}", caption, cells,
                                         metric(name, horizon).unit))  # fmt: skip
    points = points_of(frame, paths, study.outcomes, pilot)
    data = {"runs": frame, "points": points, "effects": pd.DataFrame(effects)}
    answer = {
        "study": study.name, "focal": study.focal_firm, "runs": n_runs, "failed": len(failures),
        "effects": [{key: or_none(value) if isinstance(value, float) else value for key, value in row.items()}
                    for row in effects],
        "points": plain(data["points"]),
    }  # fmt: skip
    if stop is not None:
        data["differences"], stop = _differences(study, frame, stop)
        answer |= {"until": stop.to_json(), "differences": plain(data["differences"])}
        sentences.append(stopped(stop.to_json(), min(stop.n_needed, stop.n_most), "the first point"))
    tables = [_table(data["points"], paths, name, horizon) for name in study.outcomes]
    return Found(study.title, told, sentences, tables, pictures, data, answer, failures)


def levels_of(
    frame: pd.DataFrame, path: str, outcome: str, *, by_seed: bool, pilot: Sequence[int] | None = None
) -> list[Level]:
    """Return an outcome at every value of a factor, or at every bin if there are many.

    Parameters
    ----------
    frame : DataFrame
        See :func:`tell`. Where the factor has no value, the scenario is as it is.
    path : str
        The factor's column.
    outcome : str
        The outcome's column.
    by_seed : bool
        Whether the mean is made seed by seed, and the interval is over seeds; over points otherwise.
    pilot : sequence of int, optional
        Seeds whose spread an interval over seeds keeps; that of all unless given.
    """
    column, is_share = frame[path], outcome in SHARES
    known = column.dropna()
    is_number = pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known)
    is_binned = is_number and known.nunique() > (N_BINS if not by_seed else MOST_LEVELS)
    group = _bins(column) if is_binned else column.astype(object).where(column.notna(), AS_IT_IS)
    levels = []
    for rank, value in enumerate(_in_order(group)):
        own = frame[group == value]
        values = own.groupby("seed" if by_seed else "point")[outcome].mean().astype(float)
        at = float(own[path].mean()) if is_number and value != AS_IT_IS else float(rank)
        label = say(at) if is_binned else say(value)
        levels.append(
            Level(
                at if is_number and value != AS_IT_IS else math.nan,
                label,
                _interval(values, is_share=is_share, pilot=pilot if by_seed else None),
                values,
            )
        )
    return levels


def cells_of(frame: pd.DataFrame, one: str, two: str, outcome: str) -> pd.DataFrame:
    """Return the mean of an outcome at every pair of values of two factors; of no rows if they do not meet."""
    both = frame[frame[one].notna() & frame[two].notna()]
    if both.empty:
        return pd.DataFrame()
    groups = []
    for path in (one, two):
        column = both[path]
        is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        groups.append(_bins(column) if is_number and column.nunique() > N_BINS else column)
    means = both.groupby(groups)[outcome].mean().unstack()
    means.index = [say(each) for each in means.index]
    means.columns = pd.Index([say(each) for each in means.columns])
    return means


def points_of(
    frame: pd.DataFrame, paths: Sequence[str], outcomes: Sequence[str], pilot: Sequence[int] | None = None
) -> pd.DataFrame:
    """Return a row per point: its settings, and the mean and 95% interval over seeds of every outcome."""
    rows = []
    for point, own in frame.groupby("point"):
        row: dict[str, Any] = {"point": int(str(point)), **{path: own[path].iloc[0] for path in paths}}
        for name in outcomes:
            found = _interval(own.set_index("seed")[name].astype(float), is_share=name in SHARES, pilot=pilot)
            row |= {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
        rows.append({**row, "seeds": len(own)})
    return pd.DataFrame(rows)


def _interval(values: pd.Series, *, is_share: bool = False, pilot: Sequence[int] | None = None) -> Interval:
    """Return the interval of values by seed, or, without a pilot, by whatever else."""
    first = None if pilot is None else values[values.index.isin(pilot)]
    return interval_of(values, pilot=first, is_share=is_share)


def _by_point(
    study: Study, frame: pd.DataFrame, outcomes: Iterable[str], seeds: Sequence[int]
) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
    """Return outcomes by name and point, a number per seed; NaN where there is none."""
    points = range(len(study.points()))
    found = {}
    for name in outcomes:
        wide = frame.pivot(index="seed", columns="point", values=name).reindex(index=list(seeds), columns=list(points))
        found[name] = {str(point): wide[point].to_numpy(dtype=np.float64) for point in points}
    return found


def _differences(study: Study, frame: pd.DataFrame, stop: Stop) -> tuple[pd.DataFrame, Stop]:
    """Return every point's difference from the first, in what is asked about, and whether all are known so well."""
    asked = [name for name in METRICS if getattr(stop.asked, name) is not None]
    values = _by_point(study, frame, dict.fromkeys([*study.outcomes, *asked]), study.seed_range[: stop.n_needed])
    gaps = {
        point: {name: paired_difference(own[point], own[FIRST_POINT], stop.n_pilot) for name, own in values.items()}
        for point in values[study.outcomes[0]]
        if point != FIRST_POINT
    }
    rows = [
        {"point": int(point), "outcome": name, **gap.to_json()} for point, own in gaps.items()
        for name, gap in own.items()
    ]  # fmt: skip
    columns = {"mean": float, "ci_low": float, "ci_high": float}
    return pd.DataFrame(rows).astype(columns), replace(stop, is_reached=is_narrow(gaps, stop.asked, stop.half_widths))


def _bins(column: pd.Series) -> pd.Series:
    """Return the middle of the part of its range that each value lies in."""
    edges = np.linspace(float(column.min()), float(column.max()), N_BINS + 1)
    place = np.clip(np.searchsorted(edges, column.to_numpy(dtype=float), side="right") - 1, 0, N_BINS - 1)
    middle = pd.Series((edges[place] + edges[place + 1]) / 2, index=column.index, dtype=object)
    return middle.where(column.notna(), AS_IT_IS)


def _in_order(group: pd.Series) -> list[Any]:
    """Return the values of a factor: numbers by size, the rest in the order of the design."""
    values = list(dict.fromkeys(group))
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return [value for value in values if value not in numbers] + sorted(numbers)


def _sentence(
    name: str, path: str, levels: Sequence[Level], horizon: int, *, by_seed: bool, pilot: Sequence[int] | None = None
) -> str:
    told = metric(name, horizon)
    best = max((level for level in levels if math.isfinite(level.found.mean)), key=lambda level: level.found.mean)
    worst = min((level for level in levels if math.isfinite(level.found.mean)), key=lambda level: level.found.mean)
    if best.found.mean == worst.found.mean:
        return f"{told.label} is the same at every {path}."
    ends = [f"{in_unit(each.found.mean, told.unit)} at {each.label}" for each in (best, worst)]
    lead = f"{told.label} by {path}: highest {ends[0]}, lowest {ends[1]}"
    gap = _interval(
        (best.values - worst.values).dropna(), pilot=pilot if by_seed else None
    )  # paired: both have the same customers in a seed
    if not by_seed or not gap.is_known:
        return f"{lead}."
    more = f"{difference_in_unit(gap.mean, told.unit)} ({range_of(gap, told.unit, is_difference=True)})"
    points = " points" if told.unit == "percent" else ""
    return f"{lead}: {more}{points} over the same seeds{'' if gap.excludes_zero else ', which may be luck'}."


def _table(points: pd.DataFrame, paths: Sequence[str], name: str, horizon: int) -> Table:
    told = metric(name, horizon)
    best = points.sort_values(name, ascending=False).head(MOST_LEVELS)
    rows = []
    for row in best.to_dict("records"):
        found = Interval(row[name], row[f"{name}_low"], row[f"{name}_high"], row["seeds"])
        heading = listed([f"{path} {AS_IT_IS if pd.isna(row[path]) else say(row[path])}" for path in paths] or ["all"])
        rows.append((heading, [Cell(in_unit(found.mean, told.unit), range_of(found, told.unit)), Cell(str(found.n))]))
    note = f"The first {MOST_LEVELS} of {len(points):,}; all are in the data." if len(points) > MOST_LEVELS else ""
    return Table(
        f"{told.label} at each point, the highest first", ["settings", told.label.lower(), "seeds"], rows, note
    )


def _key(*names: str) -> str:
    return "-".join("".join(c if c.isalnum() else "-" for c in name) for name in names)


def _paths(study: Study, frame: pd.DataFrame) -> list[str]:
    named = dict.fromkeys(path for point in study.points() for path in point)
    return [path for path in named if path in frame.columns]


def _frame(study: Study, runner: Runner) -> pd.DataFrame:
    """Return the finished runs of the firm asked about, in the order of the plan: labels and outcomes."""
    frame = runner.store.runs(study.name, study.focal_firm)
    named = dict.fromkeys(path for point in study.points() for path in point)
    frame = frame.rename(columns={f"{path}_label": path for path in named if path not in frame})
    frame = frame.astype({"point": int})
    kept = ["point", "seed", *(path for path in named if path in frame), *study.outcomes]
    asked = dict.fromkeys([*kept, "retention", "profit"])
    return frame[list(asked)].reset_index(drop=True)


def _failures(study: Study, runner: Runner) -> list[str]:
    failed = runner.store.failed(study.name)
    return [f"seed {row['seed']}: {row['message']}; {row['command']}" for row in failed.to_dict("records")]
