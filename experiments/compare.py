"""Comparisons of arms, paired by seed: run, save, then analyse.

Every arm runs on the same seeds. Whatever the runs gave is on disk before anything is drawn, and the report is made
from the saved files alone.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.runner import Failure, Progress, Workers, require_readable, simulate, warm_up
from experiments.saved import require_writable, write_table, write_whole
from experiments.settings_text import differing_settings, to_toml
from experiments.statistics import Difference, Estimate, compare_to_baseline, level_of
from experiments.stopping import N_PILOT, Stop, Until, is_narrow, seeds_needed
from experiments.study.frames import Kept, simulate_or_read
from experiments.study.store import Store
from sim.errors import InputError, nearest

if TYPE_CHECKING:
    from sim.scenario import Scenario

Frames = dict[str, pd.DataFrame]

# Every table is written even when no run has a row for it, so that none is left over from an earlier comparison.
_COLUMNS = {
    "outcomes": ["firm", "metric", "value"],
    "periods": ["firm", "period"],
    "tiers": ["firm", "tier", "customers"],
    "types": ["firm", "type", "customers"],
    "losses": ["firm", "cause", "customers"],
    "flows": ["firm", "gained", "lost"],
    "migration": ["firm", "from_tier", "to_tier", "customers"],
    "retention_by": ["firm", "group", "name", "retention"],
    "loyalty": ["firm", "group", "name", "asked", "index"],
    "diagnosis": ["firm", "type", "diagnosed", "customers"],
    "patronage": ["firm", "loyalty", "asked"],
    "value": ["firm", "tier", "customers", "clv", "equity"],
    "attributes": ["period", "group", "name", "attribute", "firm", "importance", "performance"],
    "four_tests": ["firm", "tier", "lever", "cost", "worth_per_cost", "cost_share", "experienced", "sustained"],
    "contagion": ["firm", "opinion_clustering", "churn_clustering", "retention_hubs", "retention_others"],
    "programmes": ["firm", "kind", "participation", "cost", "cost_share", "cost_per_repeat"],
    "occasions": ["period", "firm", "name", "invited", "willing", "guests", "needs"],
    "credit": ["firm", "tier", "rating", "customers", "owed", "paid", "written_off", "paid_share"],
    "bonds": ["firm", "lever", "offers", "taken", "cost"],
    "elasticity": ["firm", "tier", "elasticity", "low", "high", "changes", "verdict"],
    "nodes": ["node", "firm", "type", "opinion", "status"],
    "ties": ["a", "b"],
}


class Interrupted(KeyboardInterrupt):
    """A comparison stopped by Ctrl-C; its message says what was kept, and where."""


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that gave no result: its place, why, and a command that runs it again."""

    arm: str
    seed: int
    message: str
    command: str


@dataclass(frozen=True)
class Design:
    """What is compared: every arm on every seed, or on as many of them as it takes.

    Parameters
    ----------
    arms : mapping of str to Scenario
        The policies compared, by name, in the order they are reported.
    seeds : sequence of int
        Each seed once.
    baseline : str
        The arm that the others are compared with.
    out : Path
        The folder to write: ``data`` and ``report.html``.
    command : str
        What asked for the comparison, to be saved with it.
    reruns : mapping of str to str
        A command per arm that runs it with a seed put at its end; by default from the arm's own file.
    until : Until, optional
        How narrow the differences' intervals are to be; as many of the seeds as it takes are then run, from the first.
    """

    arms: Mapping[str, Scenario]
    seeds: Sequence[int]
    baseline: str
    out: Path
    command: str = "experiments.compare.compare, called from Python"
    reruns: Mapping[str, str] = field(default_factory=dict)
    until: Until | None = None

    def check(self) -> tuple[str, ...]:
        """Refuse what cannot be compared, or not be written, before anything runs.

        Returns
        -------
        tuple of str
            What the purchase logs that the arms name do not tell, each sentence once.

        Raises
        ------
        InputError
            If there is no seed or one comes twice, the baseline is not among the arms, the arms do not cover the same
            periods, a file that one names cannot be used, the folder cannot be written, or there is no difference whose
            interval could be narrow.
        """
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise InputError("no seed, or one twice", key="seeds", value=list(self.seeds), allowed="each seed once")
        if self.baseline not in self.arms:
            raise InputError(f'no arm is called "{self.baseline}"; {nearest(self.baseline, self.arms)}', key="baseline")
        if self.until is not None and len(self.arms) < 2:
            raise InputError("one arm has no difference to be known", key="until", allowed="two arms or more")
        reference = self.arms[self.baseline]
        notes: dict[str, None] = {}
        for arm, scenario in self.arms.items():
            for key in ("periods", "warm_up", "horizon"):
                ours, theirs = getattr(scenario, key), getattr(reference, key)
                if ours != theirs:
                    problem = f'"{arm}" and "{self.baseline}" cannot be compared over different periods'
                    raise InputError(problem, file=scenario.source, key=key, value=ours, allowed=str(theirs))
            notes |= dict.fromkeys(require_readable(scenario))
        require_writable(self.out / "data")
        return tuple(notes)

    @property
    def horizon(self) -> int:
        """Length of the long run, in periods."""
        return self.arms[self.baseline].horizon

    @property
    def focal(self) -> str:
        """The firm compared; where the arms have different ones, all their names."""
        return " / ".join(dict.fromkeys(scenario.focal_firm for scenario in self.arms.values()))

    @property
    def scenario(self) -> str:
        """Name of the scenario; where the arms come from several, all their names."""
        return " / ".join(dict.fromkeys(scenario.name.partition(":")[0] for scenario in self.arms.values()))

    @property
    def title(self) -> str:
        """The question asked; where the arms come from several scenarios, which of them."""
        titles = list(dict.fromkeys(scenario.title for scenario in self.arms.values()))
        return titles[0] if len(titles) == 1 else " or ".join(self.arms) + "?"

    def rerun(self, arm: str, seed: int) -> str:
        """Return a command that runs one arm with one seed."""
        scenario = self.arms[arm]
        _, colon, name = scenario.name.partition(":")
        place = shlex.quote(f"{scenario.source or scenario.name}{colon}{name}")
        command = self.reruns.get(arm, f"loyalty run {place}")
        return f"{command} --seed {seed}"


@dataclass(frozen=True)
class Comparison:
    """What a comparison found about the focal firm.

    Parameters
    ----------
    design : Design
        What was compared; its seeds are those that were run.
    arms : mapping
        By arm and metric, the level.
    differences : mapping
        By arm and metric, the difference from the baseline; the baseline's own is zero.
    failed : tuple of FailedRun
        The runs that gave no result.
    report : Path or None
        The report; None if there was nothing to draw, or drawing failed.
    problem : str
        Why there is no report.
    stop : Stop or None
        Why there are so many seeds, if the design left that open.
    """

    design: Design
    arms: Mapping[str, Mapping[str, Estimate]]
    differences: Mapping[str, Mapping[str, Difference]]
    failed: tuple[FailedRun, ...]
    report: Path | None
    problem: str = ""
    stop: Stop | None = None

    @property
    def succeeded(self) -> bool:
        """Whether every run gave a result and the report was drawn."""
        return not self.failed and self.report is not None

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain data; what is not known is None, never NaN."""
        return {
            "seeds": list(self.design.seeds),
            "baseline": self.design.baseline,
            "arms": _plain(self.arms),
            "differences": _plain({arm: each for arm, each in self.differences.items() if arm != self.design.baseline}),
            "until": self.stop.to_json() if self.stop else None,
            "failed": [asdict(run) for run in self.failed],
            "report": str(self.report) if self.report else None,
        }


def compare(
    arms: Mapping[str, Scenario],
    seeds: Sequence[int],
    baseline: str | None = None,
    out: str | Path = "reports/comparison",
    workers: int | None = None,
    progress: bool = True,
    until: Until | None = None,
    store: str | Path | None = None,
) -> Comparison:
    """Run every arm on every seed, save the results, and write the report.

    Parameters
    ----------
    arms : mapping of str to Scenario
        The policies compared, by name.
    seeds : sequence of int
        Each seed once.
    baseline : str, optional
        The arm the others are compared with; the first unless given.
    out : str or Path
        The folder to write.
    workers : int, optional
        Worker processes; as many as there are processors unless given. The result does not depend on it.
    progress : bool
        Whether to say on standard error how far the runs are.
    until : Until, optional
        Run only as many of the seeds, from the first, as make every difference's interval so narrow.
    store : str or Path, optional
        Folder of a store: see :class:`experiments.study.store.Store`. Runs that it has are not run again, and those
        that are finished now stay there, whatever happens to this process.

    Raises
    ------
    InputError
        If the arms cannot be compared, the folder cannot be written, or the store is none.
    OSError
        If the store can no longer be written, as when the disk is full.
    Interrupted
        At Ctrl-C, once the finished runs are saved.
    """
    if not arms:
        raise InputError("nothing to compare", key="arms", allowed="at least one scenario")
    design = Design(arms, tuple(seeds), baseline or next(iter(arms)), Path(out), until=until)
    return compare_all([design], workers, progress, store)[0]


def compare_all(
    designs: Sequence[Design], workers: int | None = None, progress: bool = True, store: str | Path | None = None
) -> list[Comparison]:
    """Run several comparisons on one pool of workers, then draw their reports on it: see :func:`compare`."""
    notes = dict.fromkeys(note for design in designs for note in design.check())
    gathered = [_Gathered(design) for design in designs]
    jobs = _due(gathered)
    said = Progress(len(jobs), quiet=not progress)
    since = time.monotonic()
    kept = Kept(Store(store), designs) if store is not None else None
    try:
        with kept or nullcontext(), said, Workers(max(1, min(workers or os.cpu_count() or 1, len(jobs)))) as pool:
            for note in notes:
                said.say(note)
            if jobs:
                warm_up(designs[0].arms[designs[0].baseline], said)
            while jobs:
                answers = pool.run(simulate_or_read, kept.jobs(jobs)) if kept else pool.run(simulate, jobs)
                for (i, arm, seed), answer in answers:
                    if kept:
                        kept.take((i, arm, seed), answer)
                    if isinstance(answer, Failure):
                        gathered[i].failures[arm, seed] = answer.message
                        again = designs[i].rerun(arm, seed)
                        said.say(f"{arm}, seed {seed}: {answer.message}; to see it again: {again}")
                    else:
                        gathered[i].add(arm, seed, answer)
                    said.advance(failed=isinstance(answer, Failure))
                    if gathered[i].is_complete and not gathered[i].goes_on(said):
                        gathered[i].save(time.monotonic() - since)
                        since = time.monotonic()
                jobs = _due(gathered)
                said.expect(len(jobs))
            drawn = _draw({i: each.design.out for i, each in enumerate(gathered) if each.n_finished}, pool, said)
    except KeyboardInterrupt:
        raise Interrupted(_keep(gathered, time.monotonic() - since, store)) from None
    comparisons = []
    for i, each in enumerate(gathered):
        report = drawn.get(i, Failure("every run failed"))
        path, problem = (None, report.message) if isinstance(report, Failure) else (report, "")
        design = replace(each.design, seeds=each.seeds)
        comparisons.append(Comparison(design, each.levels, each.differences, each.failed(), path, problem, each.stop))
    return comparisons


class _Gathered:
    """The runs of one design as they come in, in whatever order."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.seeds = tuple(design.seeds if design.until is None else design.seeds[:N_PILOT])
        self.stop: Stop | None = None
        self.n_started = 0
        self.n_finished = 0
        self.is_saved = False
        self.failures: dict[tuple[str, int], str] = {}
        self.levels: dict[str, dict[str, Estimate]] = {arm: {} for arm in design.arms}
        self.differences: dict[str, dict[str, Difference]] = {arm: {} for arm in design.arms}
        self._frames: dict[tuple[str, int], Frames] = {}

    @property
    def keys(self) -> list[tuple[str, int]]:
        """The runs wanted so far, in the order of the tables."""
        return [(arm, seed) for arm in self.design.arms for seed in self.seeds]

    @property
    def is_complete(self) -> bool:
        return self.n_finished + len(self.failures) == len(self.keys)

    def add(self, arm: str, seed: int, frames: Frames) -> None:
        """Take in a finished run; where the arms' focal firms differ, all go by the one joint name."""
        firm, joint = self.design.arms[arm].focal_firm, self.design.focal
        if firm != joint:
            for name, frame in frames.items():
                if "firm" in frame:
                    frames[name] = frame.assign(firm=frame["firm"].astype(object).replace(firm, joint))
        self._frames[arm, seed] = frames
        self.n_finished += 1

    def goes_on(self, said: Progress) -> bool:
        """Decide, once the pilot is over, how many seeds are wanted in all; say whether that is more."""
        design, n_pilot = self.design, len(self.seeds)
        if design.until is None or self.stop is not None:
            return False
        values = self._values(self._stacked("outcomes"))
        profit = values.get("profit", {}).get(design.baseline, np.array([]))
        known = profit[np.isfinite(profit)]
        half_widths = design.until.half_widths(float(known.mean()) if known.size else math.nan)
        n_needed = max(n_pilot, seeds_needed(values, design.baseline, half_widths))
        self.stop = Stop(design.until, half_widths, n_pilot, n_needed, len(design.seeds), is_reached=False)
        self.seeds = tuple(design.seeds[:n_needed])
        limit = f", of which {len(design.seeds):,} are allowed" if n_needed > len(design.seeds) else ""
        enough = f"the first {n_pilot} seeds are enough"
        said.say(enough if n_needed == n_pilot else f"by the first {n_pilot}, {n_needed:,} seeds are needed{limit}")
        return len(self.seeds) > n_pilot

    def save(self, seconds: float) -> None:
        """Write every table and the manifest, then let go of the runs; a report drawn from older data is removed."""
        data = self.design.out / "data"
        data.mkdir(parents=True, exist_ok=True)
        (self.design.out / "report.html").unlink(missing_ok=True)
        tables = self._tables()
        self._analyse(tables["outcomes"])
        if self.stop is not None:
            is_reached = is_narrow(self.differences, self.stop.asked, self.stop.half_widths)
            self.stop = replace(self.stop, is_reached=is_reached and self.is_complete)
        tables["arms"] = _rows(self.levels, Estimate)
        tables["differences"] = _rows(self.differences, Difference)
        for name, table in tables.items():
            write_table(table, data / name)
        text = json.dumps(self._manifest(seconds), indent=1, ensure_ascii=False)
        write_whole(data / "manifest.json", lambda path: path.write_text(text, encoding="utf-8"))
        self.is_saved = True
        self._frames.clear()

    def failed(self) -> tuple[FailedRun, ...]:
        """Return the failed runs, in the order of the tables."""
        return tuple(
            FailedRun(arm, seed, self.failures[arm, seed], self.design.rerun(arm, seed))
            for arm, seed in self.keys
            if (arm, seed) in self.failures
        )

    def _tables(self) -> Frames:
        runs = {key: self._frames[key] for key in self.keys if key in self._frames}
        tables = {name: self._stacked(name) for name in _COLUMNS}
        for name in ("nodes", "ties"):
            tables[name] = tables[name].drop(columns="seed")  # of one seed, for a picture
        digests = {key: frames["run"]["digest"].iloc[0] for key, frames in runs.items()}
        rows = [
            (*key, digests.get(key), self.failures.get(key)) for key in self.keys if key in {**digests, **self.failures}
        ]
        tables["runs"] = pd.DataFrame(rows, columns=["arm", "seed", "digest", "failure"])
        return tables

    def _stacked(self, name: str) -> pd.DataFrame:
        """Return a table of all finished runs, with the run's arm and seed in front; of no rows, the bare columns."""
        runs = {key: self._frames[key] for key in self.keys if key in self._frames}
        filled = {key: frames[name] for key, frames in runs.items() if name in frames and len(frames[name])}
        if not filled:
            return pd.DataFrame(columns=["arm", "seed", *_COLUMNS[name]])
        return pd.concat(filled, names=["arm", "seed"]).droplevel(-1).reset_index()

    def _values(self, outcomes: pd.DataFrame) -> dict[str, dict[str, NDArray[np.float64]]]:
        """Return every outcome of the focal firm by arm, a number per seed; NaN where there is none."""
        ours = outcomes[outcomes["firm"] == self.design.focal]
        found = {
            (metric, arm, seed): value
            for metric, arm, seed, value in ours[["metric", "arm", "seed", "value"]].itertuples(index=False)
        }
        return {
            metric: {
                arm: np.array([found.get((metric, arm, seed), np.nan) for seed in self.seeds])
                for arm in self.design.arms
            }
            for metric in dict.fromkeys(ours["metric"])
        }

    def _analyse(self, outcomes: pd.DataFrame) -> None:
        """Compare the arms in every outcome of the focal firm."""
        n_pilot = self.stop.n_pilot if self.stop else None
        for metric, values in self._values(outcomes).items():
            for arm, by_seed in values.items():
                self.levels[arm][metric] = level_of(metric, by_seed)
            for arm, difference in compare_to_baseline(values, self.design.baseline, n_pilot).items():
                self.differences[arm][metric] = difference

    def _manifest(self, seconds: float) -> dict[str, Any]:
        design = self.design
        reference = design.arms[design.baseline]
        return {
            "title": design.title,
            "scenario": design.scenario,
            "focal": design.focal,
            "baseline": design.baseline,
            "arms": list(design.arms),
            "seeds": list(self.seeds),
            "until": self.stop.to_json() if self.stop else None,
            "periods": reference.periods,
            "warm_up": reference.warm_up,
            "horizon": reference.horizon,
            "customers": reference.customers.count,
            "version": next((frames["run"]["version"].iloc[0] for frames in self._frames.values()), ""),
            "settings": differing_settings(design.arms),
            "toml": {arm: to_toml(scenario) for arm, scenario in design.arms.items()},
            "command": design.command,
            "seconds": round(seconds, 1),
            "unfinished": len(self.keys) - self.n_finished - len(self.failures),
            "failed": [asdict(run) for run in self.failed()],
        }


def _due(gathered: Sequence[_Gathered]) -> dict[tuple[int, str, int], tuple[Scenario, int, bool]]:
    """Return the runs wanted and not yet asked for, seed by seed; the first seed's with the network, for a picture."""
    jobs = {}
    for i, each in enumerate(gathered):
        for seed in each.seeds[each.n_started :]:
            for arm, scenario in each.design.arms.items():
                jobs[i, arm, seed] = (scenario, seed, seed == each.seeds[0])
        each.n_started = len(each.seeds)
    return jobs


def _rows(table: Mapping[str, Mapping[str, Estimate]], kind: type[Estimate]) -> pd.DataFrame:
    rows = [(arm, metric, *astuple(each)) for arm, metrics in table.items() for metric, each in metrics.items()]
    return pd.DataFrame(rows, columns=["arm", "metric", *(each.name for each in fields(kind))])


def _plain(table: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Any]:
    return {arm: {metric: each.to_json() for metric, each in metrics.items()} for arm, metrics in table.items()}


def _draw(folders: Mapping[int, Path], pool: Workers, said: Progress) -> dict[int, Path | Failure]:
    """Draw the reports, which are independent of one another, on the pool."""
    from experiments.report.page import write_report

    if folders:
        said.say("drawing the report ..." if len(folders) == 1 else f"drawing {len(folders)} reports ...")
    return dict(pool.run(write_report, {i: (folder,) for i, folder in folders.items()}))


def _keep(gathered: Iterable[_Gathered], seconds: float, store: str | Path | None) -> str:
    """Save what was finished when Ctrl-C came, and say how much and where."""
    hint = f"every finished run is in {store}, and the same command goes on from there" if store is not None else ""
    kept = []
    for each in gathered:
        if each.n_finished:
            if not each.is_saved:
                each.save(seconds)
            kept.append(f"{each.n_finished} of {len(each.keys)} runs are kept in {each.design.out / 'data'}")
    return "stopped; " + ("; ".join(kept) or "no run was finished") + (f"; {hint}" if hint else "")
