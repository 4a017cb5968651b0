"""Runs spread over worker processes: none is lost with a worker, and none depends on how many workers there are.

A job is a function and its arguments, named by a key. Workers are processes started afresh (spawn). They compute on one
thread each, leave Ctrl-C to the parent, and end when the parent ends or lets go of them, however that happens.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import multiprocessing.connection
import multiprocessing.resource_tracker
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TextIO, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")
Item = TypeVar("Item")

# A job that was under way when a worker died is tried again beside others so many times, and after that by itself, when
# it is sure that the job and not a neighbour ends its worker; it fails at the last of so many deaths.
N_TRIES_BESIDE_OTHERS = 2
N_DEATHS = 4
SECONDS_BETWEEN_LINES = 2.0


class Interrupted(KeyboardInterrupt):
    """Work stopped by Ctrl-C; its message says what was kept, and where."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that gave no result: why, in one line, and where in the code."""

    message: str
    trace: str = ""


class _Waiting(Generic[Item]):
    """Items from a source that is asked for the next one only when it is wanted; some may be put back in front."""

    def __init__(self, source: Iterable[Item]) -> None:
        self._source = iter(source)
        self._front: deque[Item] = deque()

    def __bool__(self) -> bool:
        if not self._front:
            self._front.extend(islice(self._source, 1))
        return bool(self._front)

    @property
    def next(self) -> Item:
        """The item to be taken next."""
        return self._front[0]

    def take(self) -> Item:
        return self._front.popleft()

    def put_back(self, item: Item) -> None:
        self._front.appendleft(item)


class Workers:
    """Worker processes that outlive the loss of any of them; a context manager, which ends them on the way out.

    The processes start with the first job and are kept for the next call of :meth:`run`. A single worker is this
    process itself: nothing to start and nothing to send.

    Parameters
    ----------
    count : int
        Number of workers, at least 1.

    Raises
    ------
    ValueError
        If ``count`` is below 1.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"{count} workers; there must be at least 1")
        self.count = count
        self._pool: ProcessPoolExecutor | None = None
        self._lifeline: Connection | None = None
        self._has_started: ctypes.c_bool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end(at_once=kind is not None)

    def run(
        self, function: Callable[..., Result], jobs: Mapping[Key, tuple[Any, ...]]
    ) -> Iterator[tuple[Key, Result | Failure]]:
        """Call ``function(*arguments)`` for every job and yield each answer as it comes: see :meth:`stream`."""
        return self.stream(function, jobs.items())

    def stream(
        self, function: Callable[..., Result], jobs: Iterable[tuple[Key, tuple[Any, ...]]]
    ) -> Iterator[tuple[Key, Result | Failure]]:
        """Call ``function(*arguments)`` for every job and yield each answer as it comes, in no promised order.

        Jobs are asked for as they can be started, so there may be any number of them. An exception in a job is a
        :class:`Failure` in its place. When a worker dies, its pool is built again and what was lost is run again, so
        ``function`` must be a pure function of its arguments, and importable by its name.

        Raises
        ------
        RuntimeError
            If no worker process gets as far as its first job.
        """
        if self.count == 1:
            for key, arguments in jobs:
                yield key, _attempt(function, arguments)
            return
        waiting = _Waiting(jobs)
        deaths: Counter[Key] = Counter()
        under_way: dict[Future[Result | Failure], tuple[Key, tuple[Any, ...]]] = {}
        # `concurrent.futures.wait` holds locks that a Ctrl-C in it would leave held, and nothing would ever end
        over: SimpleQueue[Future[Result | Failure]] = SimpleQueue()
        while waiting or under_way:
            while waiting and self._has_room(waiting.next[0], [key for key, _ in under_way.values()], deaths):
                try:
                    future = self._submit(function, waiting.next[1])
                except BrokenProcessPool:
                    break
                under_way[future] = waiting.take()
                future.add_done_callback(over.put)
            was_alone = len(under_way) == 1
            finished = [over.get()] if under_way else []
            is_broken = not finished or _is_lost(finished[0])
            if is_broken:
                finished += [over.get() for _ in range(len(under_way) - len(finished))]  # a broken pool ends them all
                self._end(at_once=True)
                self._require_that_workers_start()
            for future in finished:
                key, arguments = under_way.pop(future)
                if not _is_lost(future):
                    yield key, _answer(future)
                    continue
                deaths[key] += 1
                if was_alone and deaths[key] >= N_DEATHS:
                    yield key, Failure(f"its worker process died {deaths[key]} times, the last time with no other job")
                else:
                    waiting.put_back((key, arguments))

    def _has_room(self, key: Key, under_way: Sequence[Key], deaths: Mapping[Key, int]) -> bool:
        """Say whether a job may start now: one more than there are workers, and a suspect only by itself."""
        if any(deaths[each] >= N_TRIES_BESIDE_OTHERS for each in (key, *under_way)):
            return not under_way
        return len(under_way) <= self.count

    def _submit(self, function: Callable[..., Result], arguments: tuple[Any, ...]) -> Future[Result | Failure]:
        with _as_workers_need_it():
            if self._pool is None:
                context = multiprocessing.get_context("spawn")
                held_by_workers, self._lifeline = context.Pipe(duplex=False)
                self._has_started = context.RawValue(ctypes.c_bool, False)
                self._pool = ProcessPoolExecutor(
                    self.count, context, _start_worker, initargs=(held_by_workers, self._has_started)
                )
            return self._pool.submit(_attempt, function, arguments)

    def _require_that_workers_start(self) -> None:
        """Refuse to build pools in vain: a script without a guard would start itself anew in every worker."""
        if self._has_started is not None and not self._has_started.value:
            raise RuntimeError(
                "no worker process could start; a script that starts workers needs its first call below "
                'if __name__ == "__main__":'
            )

    def _end(self, *, at_once: bool) -> None:
        if self._pool is None or self._lifeline is None:
            return
        if at_once:
            self._lifeline.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._lifeline.close()
        self._pool = self._lifeline = None


@contextmanager
def _as_workers_need_it() -> Iterator[None]:
    """Hold for a moment the settings that a process started now takes over: one thread, and no Ctrl-C.

    Both must stand before the process starts. Numba reads the number of threads when it is imported, and a Ctrl-C that
    reached a worker among its imports would print a traceback; here it waits, and reaches the parent afterwards. The
    tracker of resources must be there already: to start it lets Ctrl-C through again.
    """
    multiprocessing.resource_tracker.ensure_running()
    threads = os.environ.get("NUMBA_NUM_THREADS")
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ["NUMBA_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if threads is None:
            del os.environ["NUMBA_NUM_THREADS"]
        else:
            os.environ["NUMBA_NUM_THREADS"] = threads
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _start_worker(lifeline: Connection, has_started: ctypes.c_bool) -> None:
    """End this worker as soon as the parent's end of the lifeline closes: it does so even if the parent is killed.

    That kernels are compiled is the parent's to say, not every worker's.
    """
    has_started.value = True
    logging.getLogger("sim").setLevel(logging.ERROR)

    def watch() -> None:
        multiprocessing.connection.wait([lifeline])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _is_lost(future: Future[Any]) -> bool:
    return isinstance(future.exception(), BrokenProcessPool)


def _answer(future: Future[Result | Failure]) -> Result | Failure:
    """Return what the job gave back; a result that could not be sent is a failure too."""
    error = future.exception()
    return future.result() if error is None else Failure(f"{type(error).__name__}: {error}")


def _attempt(function: Callable[..., Result], arguments: tuple[Any, ...]) -> Result | Failure:
    """Call the function; an exception comes back as text, since not every exception survives being sent."""
    try:
        return function(*arguments)
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


class Progress:
    """How far the work is, how fast it goes and how long is left: a bar on a terminal, a line now and then elsewhere.

    Parameters
    ----------
    total : int
        Runs, or other units, to be done.
    unit : str
        What is counted, in the plural.
    stream : text file, optional
        Where to say it; standard error unless given. None of it goes anywhere if ``quiet``.
    """

    def __init__(self, total: int, unit: str = "runs", *, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.total, self.unit, self.done, self.failed = total, unit, 0, 0
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._started = self._last_line = time.monotonic()
        self._bar: RichProgress | None = None

    def __enter__(self) -> Self:
        if not self._quiet and self._stream.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as RichProgress

            columns = (TextColumn(self.unit), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._bar = RichProgress(*columns, console=Console(file=self._stream), transient=True)
            self._task = self._bar.add_task("", total=self.total)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def expect(self, n: int) -> None:
        """Count on so many more."""
        self.total += n
        if self._bar is not None:
            self._bar.update(self._task, total=self.total)

    def restart_clock(self) -> None:
        """Count from now, so that what came before the work does not slow its pace."""
        self._started = self._last_line = time.monotonic()

    def say(self, message: str) -> None:
        """Say something beside the count, above the bar if there is one."""
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.console.print(message, markup=False, highlight=False, soft_wrap=True)
        else:
            print(message, file=self._stream, flush=True)

    def advance(self, *, failed: bool = False) -> None:
        """Count one more as over."""
        self.done += 1
        self.failed += failed
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, description=self._pace())
        elif self.done == self.total or time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self.say(f"{self.done}/{self.total} {self.unit}, {self._pace()}")

    def _pace(self) -> str:
        seconds = max(time.monotonic() - self._started, 1e-9)
        left = (self.total - self.done) * seconds / self.done
        ending = f"{seconds:.0f} s in all" if self.done == self.total else f"about {left:.0f} s left"
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done / seconds:.1f} a second, {ending}{failed}"
