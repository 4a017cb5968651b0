"""Makes the runs that a store does not have, on this machine's processors or on a cluster, and keeps each at once."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from types import TracebackType
from typing import Any, Self

from experiments.one_run import require_readable, warm_up
from experiments.runner import Failure, Interrupted, Progress, Workers
from experiments.study.cluster import Cluster
from experiments.study.runs import Failed, Outcome, Run, failed, simulate_all
from experiments.study.status import at_work
from experiments.study.store import Store
from sim.version import version

SECONDS_A_JOB = 0.4  # short runs go to a worker together
MOST_RUNS_A_JOB = 64
SECONDS_UNWRITTEN = 0.25
SECONDS_BETWEEN_NOTES = 2.0
PLAN_ROWS = 1000


@dataclass(frozen=True)
class Tally:
    """What became of the runs asked for.

    Parameters
    ----------
    made : int
        Runs finished now.
    known : int
        Runs that the store had, or that were asked for twice.
    failed : tuple of Failed
        Runs that gave nothing; at most the first thousand.
    n_failed : int
        How many those are in all.
    """

    made: int
    known: int
    failed: tuple[Failed, ...]
    n_failed: int

    def __add__(self, other: Tally) -> Tally:
        failures = (*self.failed, *other.failed)[:PLAN_ROWS]
        return Tally(self.made + other.made, self.known + other.known, failures, self.n_failed + other.n_failed)


NOTHING = Tally(0, 0, (), 0)


class Runner:
    """Makes runs and keeps them in a store; a context manager, whose workers stay from one call to the next.

    Parameters
    ----------
    store : Store
        Where runs are kept, and looked for first.
    study : str
        The name under which the store notes what is asked for.
    about : mapping, optional
        What the study is, as plain data: see :meth:`Store.begin`.
    total : int, optional
        Runs that will be asked for in all, if that is known.
    workers : int, optional
        Processes on this machine; one per processor unless given. No result depends on it.
    cluster : str, optional
        Address of a dask scheduler to use instead.
    progress : Progress, optional
        Counts the runs; nothing is said unless given. Its total is ``total``, or grows with what is asked for.

    Raises
    ------
    InputError
        If the study's name is not allowed or the cluster cannot be used.
    """

    def __init__(
        self,
        store: Store,
        study: str,
        about: Mapping[str, Any] | None = None,
        *,
        total: int | None = None,
        workers: int | None = None,
        cluster: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.store, self.study, self.total = store, study, total
        self.progress = progress or Progress(0, quiet=True)
        self.workers, self.cluster = workers or os.cpu_count() or 1, cluster
        self.tally = NOTHING
        self._about = {**(about or {}), "version": version()}
        self._n_planned = 0
        self._is_warm = False
        self._seconds_a_run: float | None = None

    def __enter__(self) -> Self:
        self.store.begin(self.study, self._about, self.total)
        with ExitStack() as stack:
            pool: Cluster | Workers = Cluster(self.cluster) if self.cluster else Workers(self.workers)
            stack.enter_context(pool)
            self._pool = pool
            stack.enter_context(self.progress)
            self._tell = stack.enter_context(at_work(self.store.files))
            self._stack = stack.pop_all()
        if self.total is not None:
            self.progress.expect(self.total)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, at)

    def run(self, runs: Iterable[Run]) -> Tally:
        """Make those of the runs that the store lacks, in about their order, and return when all are over.

        ``runs`` is read as workers become free, so it may be endless in number; what a run gave is in the store at most
        a quarter of a second after it came, and nowhere else; so are the tables that it asks for. Failures are kept and
        said, and the others go on.

        Raises
        ------
        Interrupted
            At Ctrl-C, once the finished runs are kept.
        OSError
            If the store cannot be written, as when the disk is full; what was kept before is whole.
        """
        batch = _Batch(self)
        try:
            for key, answer in self._pool.stream(simulate_all, batch.jobs(runs)):
                batch.take(key, answer)
            while batch.again:  # whose worker died of one of them: each by itself
                singles = [(run,) for run in batch.again]
                batch.again.clear()
                for key, answer in self._pool.stream(simulate_all, batch.numbered(singles)):
                    batch.take(key, answer)
            batch.write()
        except KeyboardInterrupt:
            batch.write()
            raise Interrupted(
                f"stopped; {self.tally.made + batch.made:,} runs were finished and are kept in {self.store.path}; "
                "the same command goes on from there"
            ) from None
        finally:
            self.tally += batch.tally()
        return batch.tally()

    def prepare(self, run: Run) -> None:
        """Compile the kernels here before any worker does."""
        if not self._is_warm:
            self._is_warm = True
            for note in require_readable(run.scenario):
                self.progress.say(note)
            if self.cluster is None:
                warm_up(run.scenario, self.progress)
            else:
                self.progress.restart_clock()

    @property
    def runs_a_job(self) -> int:
        """How many runs go to a worker together: about :data:`SECONDS_A_JOB` of them."""
        if self._seconds_a_run is None:
            return 1
        return max(1, min(MOST_RUNS_A_JOB, int(SECONDS_A_JOB / max(self._seconds_a_run, 1e-6))))

    def learn(self, seconds: float) -> None:
        """Take in how long a run took."""
        old = self._seconds_a_run
        self._seconds_a_run = seconds if old is None else 0.9 * old + 0.1 * seconds

    def plan(self, runs: list[Run]) -> None:
        """Note in the store what the study asks for."""
        self.store.plan(self.study, self._n_planned, runs)
        self._n_planned += len(runs)
        if self.total is None:
            self.progress.expect(len(runs))
        self.store.refresh()

    def tell(self, running: int, per_second: float) -> None:
        """Let others see how far this is."""
        self._tell(self.study, running, per_second)


def execute(
    runs: Iterable[Run],
    store: Store,
    *,
    study: str = "study",
    about: Mapping[str, Any] | None = None,
    total: int | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> Tally:
    """Make those of the runs that a store lacks: see :class:`Runner`, whose arguments these are, and its ``run``."""
    with Runner(store, study, about, total=total, workers=workers, cluster=cluster, progress=progress) as runner:
        return runner.run(runs)


class _Batch:
    """The bookkeeping of one call of :meth:`Runner.run`: which runs are at work, and what is not yet written."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.made = self.known = self.n_failed = 0
        self.failures: list[Failed] = []
        self.again: deque[Run] = deque()
        self._asked: set[tuple[str, str]] = set()
        self._under_way: dict[int, tuple[Run, ...]] = {}
        self._n_jobs = 0
        self._outcomes: list[Outcome] = []
        self._failed: list[Failed] = []
        self._written = self._noted = self._started = time.monotonic()

    def jobs(self, runs: Iterable[Run]) -> Iterator[tuple[int, tuple[tuple[Run, ...]]]]:
        """Yield jobs of the runs that are to be made, by number."""
        wanted = self._wanted(runs)
        while job := tuple(islice(wanted, self.runner.runs_a_job)):
            yield self._number(job)

    def numbered(self, jobs: Iterable[tuple[Run, ...]]) -> Iterator[tuple[int, tuple[tuple[Run, ...]]]]:
        """Yield jobs by number."""
        yield from map(self._number, jobs)

    def take(self, number: int, answer: list[Outcome | Failed] | Failure) -> None:
        """Take in what a job gave."""
        runs = self._under_way.pop(number)
        if isinstance(answer, Failure):
            if len(runs) > 1:
                self.again.extend(runs)
                return
            answer = [failed(runs[0], answer.message, answer.trace)]
        for run, each in zip(runs, answer, strict=True):
            if isinstance(each, Failed):
                self._failed.append(each)
                self.n_failed += 1
                self.runner.progress.say(f"seed {each.seed}: {each.message}; to see it again: {each.command}")
                if len(self.failures) < PLAN_ROWS:
                    self.failures.append(each)
            else:
                if each.tables:
                    self.runner.store.add_tables(run, each.tables)
                if not self.runner.store.has(each.id):  # it may lack no more than its tables
                    self._outcomes.append(replace(each, tables=b""))
                self.made += 1
                self.runner.learn(each.seconds)
            self.runner.progress.advance(failed=isinstance(each, Failed))
        now = time.monotonic()
        if now - self._written > SECONDS_UNWRITTEN:
            self.write()
        if now - self._noted > SECONDS_BETWEEN_NOTES:
            self._noted = now
            n_running = sum(map(len, self._under_way.values()))
            self.runner.tell(n_running, (self.made + self.n_failed) / (now - self._started))

    def write(self) -> None:
        """Put into the store what came since the last time."""
        self.runner.store.add(self._outcomes)
        self._outcomes = []  # not before: a Ctrl-C while they were written would lose them
        self.runner.store.add_failed(self._failed)
        self._failed = []
        self._written = time.monotonic()

    def tally(self) -> Tally:
        """Return the account."""
        return Tally(self.made, self.known, tuple(self.failures), self.n_failed)

    def _number(self, job: tuple[Run, ...]) -> tuple[int, tuple[tuple[Run, ...]]]:
        self._n_jobs += 1
        self._under_way[self._n_jobs] = job
        return self._n_jobs, (job,)

    def _wanted(self, runs: Iterable[Run]) -> Iterator[Run]:
        """Note what is asked for, a thousand at a time, and yield what the store lacks."""
        source = iter(runs)
        while part := list(islice(source, PLAN_ROWS)):
            self.runner.plan(part)
            for run in part:
                store, key = self.runner.store, (run.id, run.tables)
                if key in self._asked or (store.has(run.id) and store.has_tables(run)):
                    self.known += 1
                    self.runner.progress.advance()
                    continue
                self._asked.add(key)
                self.runner.prepare(run)
                yield run
