"""A cluster in place of worker processes: dask.distributed behind the interface of the local workers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from experiments.runner import Failure
from sim.errors import InputError
from sim.version import version

if TYPE_CHECKING:
    from collections.abc import Hashable

Key = TypeVar("Key", bound="Hashable")
Result = TypeVar("Result")

SECONDS_TO_ANSWER = 10
JOBS_A_WORKER = 2  # one at work and one at hand
EXAMPLE = "tcp://127.0.0.1:8786"


class Cluster:
    """The workers of a dask scheduler; a context manager, which takes leave of it on the way out.

    The scheduler runs again what was under way on a worker that dies. Workers need this package, in this version, and
    the same files at the same places if a scenario names any.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://127.0.0.1:8786``.

    Raises
    ------
    InputError
        If nobody answers there in time, there is no worker, or one has another version of the model.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ModuleNotFoundError:
            raise InputError(
                "dask.distributed is not installed", key="--cluster", allowed="pip install 'loyalty[cluster]'"
            ) from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            self._client: Any = Client(  # type: ignore[no-untyped-call]
                address, timeout=SECONDS_TO_ANSWER, set_as_default=False
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(
                f"no scheduler answers: {error}", key="--cluster", value=address, allowed=f"such as {EXAMPLE}"
            ) from None
        self.address = address
        try:
            self._check()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError, TimeoutError):
            self._client.close(timeout=SECONDS_TO_ANSWER)

    @property
    def count(self) -> int:
        """Jobs that the cluster can have at work at once, now."""
        return sum(int(n) for n in self._client.nthreads().values())

    def stream(
        self, function: Callable[..., Result], jobs: Iterable[tuple[Key, tuple[Any, ...]]]
    ) -> Iterator[tuple[Key, Result | Failure]]:
        """Call ``function(*arguments)`` for every job: see :meth:`experiments.runner.Workers.stream`.

        Raises
        ------
        RuntimeError
            If the scheduler is lost.
        """
        from distributed import as_completed

        source = iter(jobs)
        keys: dict[Any, Key] = {}
        finished: Any = as_completed(loop=self._client.loop)  # type: ignore[no-untyped-call]

        def fill() -> None:
            room = max(1, self.count) * JOBS_A_WORKER - len(keys)
            for _ in range(room):
                job = next(source, None)
                if job is None:
                    return
                future = self._client.submit(function, *job[1], pure=False)
                keys[future] = job[0]
                finished.add(future)

        try:
            fill()
            while keys:
                future = next(finished)
                key = keys.pop(future)
                answer = self._answer(future)
                fill()
                yield key, answer
        finally:
            if keys:
                with suppress(Exception):  # whatever the reason to leave is, it is that which must be told
                    self._client.cancel(list(keys), force=True)

    def _answer(self, future: Any) -> Any:
        if future.status == "cancelled" or future.status == "lost":
            raise RuntimeError(f"the scheduler at {self.address} was lost; the same command goes on from here")
        error = future.exception()
        return future.result() if error is None else Failure(f"{type(error).__name__}: {error}")

    def _check(self) -> None:
        if not self._client.nthreads():
            raise InputError(
                "the scheduler has no worker", key="--cluster", value=self.address, allowed="dask worker ADDRESS first"
            )
        try:
            found = self._client.run(version)
        except Exception as error:
            raise InputError(
                f"its workers lack this package: {error}", key="--cluster", value=self.address, allowed="it installed"
            ) from None
        for worker, theirs in found.items():
            if theirs != version():
                raise InputError(
                    f"the worker {worker} has version {theirs} of the model", key="--cluster", value=self.address,
                    allowed=version(),
                )  # fmt: skip
