"""The runs of a comparison as they come in, and the tables, intervals and manifest that are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.comparison import Comparison, Design, FailedRun
from experiments.saved import write_json, write_table
from experiments.settings_text import differing_settings, to_toml
from experiments.statistics import Difference, Estimate, compare_to_baseline, level_of
from experiments.stopping import N_PILOT, Stop, decide, is_narrow
from experiments.study.runs import Run, fingerprint

if TYPE_CHECKING:
    from experiments.one_run import Frames
    from experiments.runner import Progress
    from experiments.study.execute import Runner

# Every table is written even when no run has a row for it, so that none is left over from an earlier comparison.
COLUMNS = {
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
    "cohorts": ["firm", "joined_from", "gained", "customers", "survival", "clv", "equity"],
    "matrix": ["firm", "quadrant", "asked", "current", "potential"],
    "attributes": ["period", "group", "name", "attribute", "firm", "importance", "performance"],
    "four_tests": ["firm", "tier", "lever", "cost", "worth_per_cost", "cost_share", "experienced", "sustained"],
    "contagion": ["firm", "opinion_clustering", "churn_clustering", "retention_hubs", "retention_others"],
    "programmes": ["firm", "kind", "participation", "cost", "cost_share", "cost_per_repeat"],
    "occasions": ["period", "firm", "name", "invited", "willing", "guests", "needs"],
    "credit": ["firm", "tier", "rating", "customers", "owed", "paid", "written_off", "paid_share"],
    "bonds": ["firm", "lever", "offers", "taken", "cost"],
    "elasticity": ["firm", "tier", "elasticity", "low", "high", "changes", "verdict"],
    "built": ["firm", "measure", "name", "value"],
    "life_stages": ["firm", "stage", "people", "customers", "reached", "share", "revenue", "margin"],
    "nodes": ["node", "firm", "type", "opinion", "status"],
    "ties": ["a", "b"],
    "network": ["mean_degree", "max_degree", "isolated_share", "largest_component_share", "clustering"],
}


class Gathered:
    """The runs of one design as they come in, in whatever order."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.seeds = tuple(design.seeds if design.until is None else design.seeds[:N_PILOT])
        self.stop: Stop | None = None
        self.n_started = 0
        self.n_finished = 0
        self.is_saved = False
        self.failures: dict[tuple[str, int], FailedRun] = {}
        self.levels: dict[str, dict[str, Estimate]] = {arm: {} for arm in design.arms}
        self.differences: dict[str, dict[str, Difference]] = {arm: {} for arm in design.arms}
        self._frames: dict[tuple[str, int], Frames] = {}

    @property
    def keys(self) -> list[tuple[str, int]]:
        """The runs wanted so far, in the order of the tables."""
        return [(arm, seed) for arm in self.design.arms for seed in self.seeds]

    @property
    def is_complete(self) -> bool:
        """Whether every run wanted so far is over."""
        return self.n_finished + len(self.failures) == len(self.keys)

    def due(self) -> list[tuple[str, int, bool]]:
        """Return the runs wanted and not yet asked for, seed by seed: arm, seed, and whether its network is wanted."""
        due = [(arm, seed, seed == self.seeds[0]) for seed in self.seeds[self.n_started :] for arm in self.design.arms]
        self.n_started = len(self.seeds)
        return due

    def add(self, arm: str, seed: int, frames: Frames) -> None:
        """Take in a finished run; where the arms' focal firms differ, all go by the one joint name."""
        firm, joint = self.design.arms[arm].focal_firm, self.design.focal
        if firm != joint:
            for name, frame in frames.items():
                if "firm" in frame:
                    frames[name] = frame.assign(firm=frame["firm"].astype(object).replace(firm, joint))
        self._frames[arm, seed] = frames
        self.n_finished += 1

    def fail(self, arm: str, seed: int, message: str, command: str = "") -> FailedRun:
        """Take in a run that gave nothing, and return its record."""
        failed = FailedRun(arm, seed, message, command or self.design.rerun(arm, seed))
        self.failures[arm, seed] = failed
        return failed

    def goes_on(self, said: Progress) -> bool:
        """Decide, once the pilot is over, how many seeds are wanted in all; say whether that is more."""
        design, n_pilot = self.design, len(self.seeds)
        if design.until is None or self.stop is not None:
            return False
        values = self._values(self._stacked("outcomes"))
        self.stop = decide(values, design.baseline, design.until, n_pilot, len(design.seeds))
        self.seeds = tuple(design.seeds[: self.stop.n_needed])
        said.say(self.stop.told)
        return len(self.seeds) > n_pilot

    def save(self, seconds: float) -> None:
        """Write every table and the manifest, then let go of the runs."""
        tables = self.tables()
        write_comparison(self.design.out, tables, self.manifest(seconds))
        self.is_saved = True
        self._frames.clear()

    def comparison(self, report: Path | None, problem: str = "") -> Comparison:
        """Return what was found, once the tables are made."""
        design = replace(self.design, seeds=self.seeds)
        return Comparison(design, self.levels, self.differences, self.failed(), report, problem, self.stop)

    def failed(self) -> tuple[FailedRun, ...]:
        """Return the failed runs, in the order of the tables."""
        return tuple(self.failures[key] for key in self.keys if key in self.failures)

    def tables(self) -> Frames:
        """Compare the arms in every outcome, and return every table by name."""
        tables = self._stacks()
        self._analyse(tables["outcomes"])
        if self.stop is not None:
            is_reached = is_narrow(self.differences, self.stop.asked, self.stop.half_widths)
            self.stop = replace(self.stop, is_reached=is_reached and self.is_complete)
        return tables | {"arms": _rows(self.levels, Estimate), "differences": _rows(self.differences, Difference)}

    def _stacks(self) -> Frames:
        runs = {key: self._frames[key] for key in self.keys if key in self._frames}
        tables = {name: self._stacked(name) for name in COLUMNS}
        for name in ("nodes", "ties"):
            tables[name] = tables[name].drop(columns="seed")  # of one seed, for a picture
        digests = {key: frames["run"]["digest"].iloc[0] for key, frames in runs.items()}
        messages = {key: failed.message for key, failed in self.failures.items()}
        rows = [(*key, digests.get(key), messages.get(key)) for key in self.keys if key in {**digests, **messages}]
        tables["runs"] = pd.DataFrame(rows, columns=["arm", "seed", "digest", "failure"])
        return tables

    def _stacked(self, name: str) -> pd.DataFrame:
        """Return a table of all finished runs, with the run's arm and seed in front; of no rows, the bare columns."""
        runs = {key: self._frames[key] for key in self.keys if key in self._frames}
        filled = {key: frames[name] for key, frames in runs.items() if name in frames and len(frames[name])}
        if not filled:
            return pd.DataFrame(columns=["arm", "seed", *COLUMNS[name]])
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
                self.levels[arm][metric] = level_of(metric, by_seed, n_pilot)
            for arm, difference in compare_to_baseline(values, self.design.baseline, n_pilot).items():
                self.differences[arm][metric] = difference

    def manifest(self, seconds: float) -> dict[str, Any]:
        """Return what was compared and how, as plain data; before the runs are let go of."""
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


def gather(design: Design, runner: Runner) -> Gathered:
    """Have the runs of a comparison made that the runner's store lacks, and return them all, with all their tables.

    Raises
    ------
    Interrupted
        At Ctrl-C, once the finished runs are kept.
    OSError
        If the store cannot be written or read.
    """
    gathered = Gathered(design)
    contents = {arm: fingerprint(scenario) for arm, scenario in design.arms.items()}
    while due := gathered.due():
        runs = {
            (arm, seed): Run(
                design.arms[arm], seed, {"arm": arm}, contents[arm], tables="network" if with_network else "all"
            )
            for arm, seed, with_network in due
        }
        runner.run(runs.values())
        failed = runner.store.failed(runner.study).set_index("id")[["message", "command"]].to_dict("index")
        for (arm, seed), run in runs.items():
            if runner.store.has(run.id) and runner.store.has_tables(run):
                gathered.add(arm, seed, runner.store.tables(run))
            else:
                told = failed.get(run.id, {"message": "its tables could not be made", "command": ""})
                gathered.fail(arm, seed, str(told["message"]), "" if arm in design.reruns else str(told["command"]))
        gathered.goes_on(runner.progress)
    return gathered


def write_comparison(out: Path, tables: Mapping[str, pd.DataFrame], manifest: Mapping[str, Any]) -> None:
    """Write what a comparison gave into ``out/data``; a report that was drawn from older data is removed."""
    data = out / "data"
    data.mkdir(parents=True, exist_ok=True)
    (out / "report.html").unlink(missing_ok=True)
    for name, table in tables.items():
        write_table(table, data / name)
    write_json(data / "manifest.json", manifest)


def _rows(table: Mapping[str, Mapping[str, Estimate]], kind: type[Estimate]) -> pd.DataFrame:
    rows = [(arm, metric, *astuple(each)) for arm, metrics in table.items() for metric, each in metrics.items()]
    return pd.DataFrame(rows, columns=["arm", "metric", *(each.name for each in fields(kind))])
