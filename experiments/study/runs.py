"""A run as a study asks for it, the id that stands for all that decides it, and what it gave."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sim.errors import InputError
from sim.version import version

if TYPE_CHECKING:
    from sim.results import Results
    from sim.scenario import Scenario

Label = str | int | float | bool

_alone = threading.Lock()

ID_DIGITS = 24  # 96 bits: two of a million million runs share an id by chance with probability 1e-5


@dataclass(frozen=True)
class Run:
    """A scenario to be run with a seed.

    Parameters
    ----------
    scenario : Scenario
        What to simulate.
    seed : int
        The run's luck.
    labels : mapping of str to str or number
        What the study calls the run: its factors' values, its strategy, its world. They are kept with the study's plan
        and decide nothing.
    content : str, optional
        :func:`fingerprint` of the scenario, where it is known already: it takes longer than all else here.
    tables : {"none", "all", "network"}
        Which of its tables are wanted beside its outcomes; with ``"network"`` the sample of people and ties too.
    """

    scenario: Scenario
    seed: int
    labels: Mapping[str, Label] = field(default_factory=dict)
    content: str = ""
    tables: Literal["none", "all", "network"] = "none"

    @cached_property
    def id(self) -> str:
        """A hash of the scenario's content, the seed and the version of the model."""
        content = self.content or fingerprint(self.scenario)
        return _hash(f"{content} {self.seed} {version()}")[:ID_DIGITS]


@dataclass(frozen=True)
class Outcome:
    """What a finished run gave.

    Parameters
    ----------
    id : str
        Of the run.
    scenario : str
        Its name.
    seed : int
    version : str
        Version of the model.
    digest : str
        Hash of everybody's state and all books at the end.
    firms : mapping of str to mapping
        By firm, its long-run outcomes: see :func:`experiments.one_run.long_run`. A number that there is not is NaN.
    seconds : float
        What the run took.
    tables : bytes
        Its tables: see :func:`experiments.study.frames.packed`. None of them unless the run asks for some.
    """

    id: str
    scenario: str
    seed: int
    version: str
    digest: str
    firms: Mapping[str, Mapping[str, float]]
    seconds: float
    tables: bytes = b""


@dataclass(frozen=True)
class Failed:
    """A run that gave nothing: why, in one line, where in the code, and a command that runs it again."""

    id: str
    scenario: str
    seed: int
    message: str
    trace: str
    command: str


def fingerprint(scenario: Scenario) -> str:
    """Return a hash of everything that decides a run but the seed and the model's version.

    Beyond the scenario's settings in full that is what they only name: the code of a user's own strategies (every
    module of theirs that these import), the purchase log and the list of ties.

    Raises
    ------
    InputError
        If a file that the scenario names cannot be read.
    """
    parts = [scenario.content_hash()]
    for path in _files(scenario):
        try:
            parts.append(hashlib.sha256(path.read_bytes()).hexdigest())
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", file=path) from None
    return _hash(" ".join(parts))


def simulate(run: Run) -> Outcome:
    """Run one market to its end.

    Raises
    ------
    StrategyError
        If a user's own strategy fails.
    """
    from experiments.one_run import reduced, results_of

    started = time.perf_counter()
    results = results_of(run.scenario, run.seed)
    (digest, firms), tables = kept_of(results), b""
    if run.tables != "none":
        from experiments.study.frames import packed

        tables = packed(reduced(results, run.tables == "network"))
    seconds = time.perf_counter() - started
    return Outcome(run.id, run.scenario.name, run.seed, results.version, digest, firms, seconds, tables)


def kept_of(results: Results) -> tuple[str, dict[str, dict[str, float]]]:
    """Return what is kept of every run, whatever it is asked for: its digest, and each firm's long-run outcomes."""
    from experiments.one_run import long_run

    return results.digest, long_run(results)


def attempt(run: Run) -> Outcome | Failed:
    """Run one market; what goes wrong is an answer too."""
    try:
        return simulate(run)
    except Exception as error:
        return failed(run, f"{type(error).__name__}: {error}", traceback.format_exc())


def simulate_all(runs: tuple[Run, ...]) -> list[Outcome | Failed]:
    """Run several markets, one after the other; only one at a time in a process, whatever its threads."""
    logger = logging.getLogger("sim")
    with _alone:
        before = logger.level
        logger.setLevel(logging.ERROR)  # here that kernels are compiled is the client's to say
        try:
            return [attempt(run) for run in runs]
        finally:
            logger.setLevel(before)


def failed(run: Run, message: str, trace: str = "") -> Failed:
    """Return the record of a run that gave nothing."""
    from sim.rerun import rerun

    one_line = " ".join(message.split())
    command = rerun(run.scenario, run.seed, run.scenario.periods)
    return Failed(run.id, run.scenario.name, run.seed, one_line, trace, command)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _files(scenario: Scenario) -> Iterator[Path]:
    """Yield the files outside ``sim`` that decide a run, always in the same order."""
    if scenario.customers.demand.transactions is not None:
        yield scenario.folder / scenario.customers.demand.transactions
    if scenario.network.topology == "edge_list" and scenario.network.path is not None:
        yield scenario.folder / scenario.network.path
    names = [str(getattr(firm.strategy, "name", "")) for firm in scenario.firms]
    modules = {name.partition(":")[0] for name in names if ":" in name}
    seen: dict[Path, None] = {}
    for name in sorted(modules):
        _add_sources(importlib.import_module(name), seen)
    yield from sorted(seen)


def _add_sources(module: Any, seen: dict[Path, None]) -> None:
    """Add a module's source file and those of the modules beside or below it that it uses, each once."""
    file = getattr(module, "__file__", None)
    if file is None or not str(file).endswith(".py") or Path(file) in seen:
        return
    seen[Path(file)] = None
    folder = Path(file).parent
    for value in vars(module).values():
        name = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
        used = sys.modules.get(str(name))
        place = getattr(used, "__file__", None)
        if place is not None and folder in Path(place).parents:
            _add_sources(used, seen)
