"""Many runs, each asked for once: by settings and seed, on all cores, with what failed put down."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from experiments.one_run import outcomes_of, warm_up
from experiments.runner import Failure, Progress, Workers
from sim.errors import InputError
from sim.scenario import Scenario

if TYPE_CHECKING:
    from experiments.study.execute import Runner

FloatArray = npt.NDArray[np.float64]
Outcomes = Mapping[str, Mapping[str, float]]

MIX = "customers.mix."


@dataclass
class Bench:
    """Where runs are made: on worker processes that it keeps, with an answer for every run, and none made twice.

    A context manager, which ends the workers.

    Parameters
    ----------
    workers : int, optional
        Worker processes; as many as there are processors unless given. No result depends on it.
    progress : bool
        Whether to say on standard error how far the runs are.
    runner : Runner, optional
        What makes the runs instead, and keeps them in its store: it has workers and progress of its own.
    """

    workers: int | None = None
    progress: bool = True
    runner: Runner | None = None
    failures: list[str] = field(default_factory=list)
    n_runs: int = 0

    def __post_init__(self) -> None:
        """Make room for workers, which start with the first run."""
        self._pool = Workers(max(1, self.workers or os.cpu_count() or 1))
        self._known: dict[tuple[str, int], Outcomes | None] = {}
        self._said = Progress(0, quiet=not self.progress)

    def __enter__(self) -> Bench:
        """Begin to tell how far the runs are."""
        self._said.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """End the workers: at once if something went wrong."""
        try:
            self._pool.__exit__(*error)
        finally:
            self._said.__exit__(*error)

    def run(self, scenarios: Sequence[Scenario], seeds: Sequence[int]) -> list[list[Outcomes | None]]:
        """Return the outcomes of every scenario (rows) on every seed (columns); None where a run failed."""
        keys = [[(scenario.content_hash(), seed) for seed in seeds] for scenario in scenarios]
        jobs = {
            key: (scenario, key[1])
            for scenario, row in zip(scenarios, keys, strict=True)
            for key in row
            if key not in self._known
        }
        if self.runner is not None:
            self._known |= self._kept(self.runner, jobs)
            return [[self._known[key] for key in row] for row in keys]
        if jobs:
            self._said.expect(len(jobs))
            warm_up(scenarios[0], self._said)
        for key, answer in self._pool.run(outcomes_of, jobs):
            if isinstance(answer, Failure):
                scenario, seed = jobs[key]
                self.failures.append(f"{scenario.name}, seed {seed}: {answer.message}")
                self._said.say(self.failures[-1])
            self._known[key] = None if isinstance(answer, Failure) else answer
            self.n_runs += 1
            self._said.advance(failed=isinstance(answer, Failure))
        return [[self._known[key] for key in row] for row in keys]

    def _kept(
        self, runner: Runner, jobs: Mapping[tuple[str, int], tuple[Scenario, int]]
    ) -> dict[tuple[str, int], Outcomes | None]:
        """Let the runner make what its store lacks, and return all that was asked for."""
        from experiments.study.runs import Run

        runs = {key: Run(*job) for key, job in jobs.items()}
        tally = runner.run(runs.values())
        self.failures += [f"{each.scenario}, seed {each.seed}: {each.message}" for each in tally.failed]
        self.n_runs += len(runs)
        found = runner.store.outcomes([run.id for run in runs.values()])
        return {key: found.get(run.id) for key, run in runs.items()}

    def table(self, scenarios: Sequence[Scenario], seeds: Sequence[int], firm: str, metric: str) -> FloatArray:
        """Return one outcome of one firm, shape (n_scenarios, n_seeds); NaN where a run failed."""
        rows = self.run(scenarios, seeds)
        return np.array([[np.nan if gave is None else gave[firm][metric] for gave in row] for row in rows])


def with_settings(scenario: Scenario, points: Sequence[Mapping[str, Any]]) -> list[Scenario]:
    """Return the scenario under each of some settings by dotted path, all checked before anything runs.

    A share of one loyalty type, ``customers.mix.price``, leaves the others in proportion: the mix still sums to 1.

    Raises
    ------
    InputError
        If a path does not exist or a value is not allowed.
    """
    return [scenario.with_overrides(_balanced(scenario, point)) for point in points]


def _balanced(scenario: Scenario, point: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with shares of types made to sum to 1, the types not named in proportion."""
    wanted = {path.removeprefix(MIX): _share(path, value) for path, value in point.items() if path.startswith(MIX)}
    rest = {path: value for path, value in point.items() if not path.startswith(MIX)}
    if not wanted:
        return rest
    others = {name: share for name, share in scenario.customers.mix.items() if name not in wanted}
    left, total = 1.0 - sum(wanted.values()), sum(others.values())
    if left < -1e-9 or (left > 1e-9 and total <= 0.0):
        raise InputError(
            "cannot be a mix", key="customers.mix", value=wanted, allowed="shares that leave the rest a part"
        )
    scaled = {name: share * max(0.0, left) / total for name, share in others.items()} if total > 0.0 else {}
    mix = {**scaled, **wanted}
    excess = sum(mix.values()) - 1.0
    mix[max(mix, key=lambda name: mix[name])] -= excess  # rounding
    return {**rest, "customers.mix": mix}


def _share(path: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise InputError("is no share", key=path, value=value, allowed="0 to 1")
    return float(value)
