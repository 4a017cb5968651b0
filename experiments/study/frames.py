"""A comparison's runs in a store: all tables of a run, so that what was finished once is only read again."""

from __future__ import annotations

import hashlib
import inspect
import io
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.feather  # type: ignore[import-untyped]

from experiments.runner import reduced
from experiments.saved import write_whole
from experiments.study.runs import Outcome, Run, failed, fingerprint
from sim.version import version

if TYPE_CHECKING:
    from experiments.compare import Design, Frames
    from experiments.runner import Failure
    from experiments.study.store import Store
    from sim.scenario import Scenario

LONG_RUN = "long_run"  # the outcomes as the store's table of runs has them
SECONDS_BETWEEN_NOTES = 2.0

Place = tuple[int, str, int]  # of a run: number of the comparison, arm, seed


class Kept:
    """Comparisons whose runs a store keeps; a context manager, during which others see that this process is at work.

    Parameters
    ----------
    store : Store
        Where runs are kept, and looked for first.
    designs : sequence of Design
        The comparisons. The store notes each as a study called ``compare-`` and the scenario's name.
    """

    def __init__(self, store: Store, designs: Sequence[Design]) -> None:
        self.store = store
        self._studies = [f"compare-{re.sub(r'[^A-Za-z0-9_.-]+', '-', each.scenario)}"[:100] for each in designs]
        self._contents = [{arm: fingerprint(scenario) for arm, scenario in each.arms.items()} for each in designs]
        self._n_planned = [0] * len(designs)
        self._runs: dict[Place, Run] = {}
        for study, design, contents in zip(self._studies, designs, self._contents, strict=True):
            n_runs = None if design.until else len(design.arms) * len(design.seeds)
            about = {"kind": "compare", "arms": contents, "seeds": list(design.seeds), "version": version()}
            store.begin(study, about, n_runs)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._tell = stack.enter_context(self.store.at_work())
            self._stack = stack.pop_all()
        self._started = self._noted = time.monotonic()
        self._n_over = 0
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def jobs(self, jobs: Mapping[Place, tuple[Scenario, int, bool]]) -> dict[Place, tuple[Run, bool, Path]]:
        """Note what is asked for, and return the arguments of :func:`simulate_or_read`.

        Raises
        ------
        OSError
            If it cannot be noted.
        """
        for place, (scenario, seed, _) in jobs.items():
            i, arm, _ = place
            self._runs[place] = Run(scenario, seed, {"arm": arm}, self._contents[i][arm])
        for i, study in enumerate(self._studies):
            own = [self._runs[place] for place in jobs if place[0] == i]
            if own:
                self.store.plan(study, self._n_planned[i], own)
                self._n_planned[i] += len(own)
        folder = self.store.path / "frames" / _kind_of_tables()
        folder.mkdir(parents=True, exist_ok=True)
        return {place: (self._runs[place], with_network, folder) for place, (_, _, with_network) in jobs.items()}

    def take(self, place: Place, answer: Frames | Failure) -> None:
        """Put what a run gave into the store's tables.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        run = self._runs[place]
        if isinstance(answer, dict):
            outcome = _outcome(run, answer)
            if not self.store.has(run.id):
                self.store.add([outcome])
        else:
            self.store.add_failed([failed(run, answer.message, answer.trace)])
        self._n_over += 1
        now = time.monotonic()
        if now - self._noted > SECONDS_BETWEEN_NOTES:
            self._noted = now
            self._tell(self._studies[place[0]], 1, self._n_over / (now - self._started))


def simulate_or_read(run: Run, with_network: bool, folder: Path) -> Frames:
    """Return the tables of a run: those that were kept, or else new ones, which are then kept.

    Parameters
    ----------
    run : Run
    with_network : bool
        Whether the sample of people and ties is among them.
    folder : Path
        Where they are kept: a file per run, there whole or not at all.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    from experiments.analyses.evaluate import long_run, results_of

    path = folder / f"{run.id}{'-network' if with_network else ''}.feather"
    if path.is_file():
        return read(path)
    started = time.perf_counter()
    results = results_of(run.scenario, run.seed)
    frames = reduced(results, with_network)
    rows = [(firm, name, value) for firm, found in long_run(results).items() for name, value in found.items()]
    frames[LONG_RUN] = pd.DataFrame(rows, columns=["firm", "metric", "value"])
    frames["run"] = frames["run"].assign(seconds=time.perf_counter() - started)
    write_whole(path, lambda temporary: write(frames, temporary))
    return read(path)  # what is told never depends on whether it was kept before


def write(frames: Frames, path: Path) -> None:
    """Write tables into one file."""
    tables = [_packed(frame) for frame in frames.values()]
    packed = pa.table({"name": pa.array(list(frames)), "table": pa.array(tables, pa.binary())})
    pa.feather.write_feather(packed, path, compression="uncompressed")


def read(path: Path) -> Frames:
    """Return the tables of a file that :func:`write` wrote, in their order."""
    packed = pa.feather.read_table(path, memory_map=False)
    return {
        name: pa.ipc.open_file(pa.py_buffer(table)).read_all().to_pandas()
        for name, table in zip(packed["name"].to_pylist(), packed["table"].to_pylist(), strict=True)
    }


def _packed(frame: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    table = pa.Table.from_pandas(frame)
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _kind_of_tables() -> str:
    """Return a name that changes with what is kept of a run: tables of another kind are not taken for these."""
    return hashlib.sha256(inspect.getsource(reduced).encode()).hexdigest()[:12]


def _outcome(run: Run, frames: Frames) -> Outcome:
    told = frames["run"].iloc[0]
    firms: dict[str, dict[str, float]] = {}
    for firm, name, value in frames.pop(LONG_RUN).itertuples(index=False):
        firms.setdefault(firm, {})[name] = value
    frames["run"] = frames["run"].drop(columns="seconds")
    return Outcome(run.id, run.scenario.name, run.seed, told["version"], told["digest"], firms, float(told["seconds"]))
