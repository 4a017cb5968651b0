"""What is measured, and in which order: one process at a time, in rounds, so that a slow minute falls on all alike."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import mechanisms
from benchmarks.engines import ENGINES, ROOT, Engine
from benchmarks.machine import record
from benchmarks.many_runs import WAYS

MOST_SECONDS = 60.0  # a process of another engine may take
OMISSIONS_MAY_SHIFT = 0.01  # a firm's share of purchases, in an engine that leaves some of the market out
COMPLETE = ("ours", "mesa", "agentpy")  # engines of the whole market with the same draws: equal to the last purchase
READY = "from benchmarks.engines import build; build('ours', 5000, 1).step()"

Data = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Parameters
    ----------
    sizes : dict of int to int
        Rounds by customers, for the compiled market, each on one thread and on two.
    other_sizes : dict of int to int
        Rounds by customers, for the other engines.
    ratio_at : int
        Customers at which engines are compared.
    phases_at : tuple of int
        Customers for which a period is broken down.
    starts : int
        Rounds of each start.
    compiles : int
        Rounds of the first compilation.
    many_at : int
        Customers of a run where many are made.
    many : tuple of int
        Few runs and many: what the others cost is told by the difference.
    many_rounds : int
        Rounds of making them in every way.
    mechanisms_at : int
        Customers for whom each mechanism's cost is measured.
    mechanism_rounds : int
        Rounds of that.
    everything_at : int
        Customers of a market with all mechanisms, on two threads.
    """

    sizes: dict[int, int]
    other_sizes: dict[int, int]
    ratio_at: int
    phases_at: tuple[int, ...]
    starts: int
    compiles: int
    many_at: int
    many: tuple[int, int]
    many_rounds: int
    mechanisms_at: int
    mechanism_rounds: int
    everything_at: int


FULL = Plan(
    sizes={1_000: 5, 10_000: 5, 100_000: 5, 1_000_000: 4, 10_000_000: 2},
    other_sizes={1_000: 3, 10_000: 3, 30_000: 1, 100_000: 2, 1_000_000: 1},
    ratio_at=10_000,
    phases_at=(10_000, 1_000_000),
    starts=5,
    compiles=3,
    many_at=2_000,
    many=(20, 180),
    many_rounds=5,
    mechanisms_at=50_000,
    mechanism_rounds=3,
    everything_at=1_000_000,
)
QUICK = Plan(
    sizes={1_000: 2, 10_000: 1, 100_000: 1},
    other_sizes={1_000: 2},
    ratio_at=1_000,
    phases_at=(100_000,),
    starts=2,
    compiles=1,
    many_at=500,
    many=(4, 24),
    many_rounds=1,
    mechanisms_at=5_000,
    mechanism_rounds=1,
    everything_at=50_000,
)


class DisagreementError(RuntimeError):
    """Engines did not simulate the same market: their speeds must not be compared."""


def run(command: list[Any], threads: int = 1, **environment: str) -> str:
    """Run a process to its end and return what it printed; it may use a number of threads."""
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    numbers = {"NUMBA_NUM_THREADS": str(threads), "POLARS_MAX_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**usual, **numbers, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stderr}")
    return done.stdout


def probe(
    kind: str, engine: Engine, n_customers: int, threads: int = 1, given: Path | None = None, extra: Sequence[Any] = ()
) -> Data:
    """Measure one thing in a process of its own."""
    command = [engine.python, "-m", "benchmarks.probe", kind, "--engine", engine.name, "--customers", n_customers]
    command += ["--given", given] if given else []
    measured: Data = json.loads(run([*command, *extra], threads).splitlines()[-1])
    return measured


def measure_all(plan: Plan, say: Say) -> Data:
    """Measure everything in a plan.

    Raises
    ------
    DisagreementError
        If two engines did not simulate the same market.
    """
    data: Data = {"machine": record(), "is_quick": plan == QUICK, "ratio_at": plan.ratio_at}
    start = time.perf_counter()
    data["starts"] = measure_starts(plan, say)
    ours = ENGINES["ours"]
    data["classroom"] = _rounds("a class's run", plan.starts, lambda: probe("classroom", ours, 5000), say)
    data["many"] = measure_many(plan, say)
    data["aggregation"] = _rounds("10,000 kept runs asked", plan.starts, lambda: probe("aggregation", ours, 0), say)
    with tempfile.TemporaryDirectory() as folder:
        data["runs"] = measure_speeds(plan, Path(folder), say)
    check_agreement(data["runs"])
    data["mechanisms"] = measure_mechanisms(plan, say)
    data["phases"] = []
    for n in plan.phases_at:
        for threads in (1, 2):
            say(f"phases of a period, {n:,} customers, {threads} threads")
            data["phases"].append({"threads": threads, **probe("phases", ours, n, threads)})
    data["took_seconds"] = time.perf_counter() - start
    return data


def measure_starts(plan: Plan, say: Say) -> dict[str, list[float]]:
    """Time what a user waits for before anything runs, in seconds, by name."""
    python = sys.executable

    def seconds(command: list[Any], **environment: str) -> float:
        start = time.perf_counter()
        run(command, 1, **environment)
        return time.perf_counter() - start

    def compile_afresh() -> float:
        with tempfile.TemporaryDirectory() as empty:
            return seconds([python, "-c", READY], LOYALTY_CACHE_DIR=empty)

    def first_after_boot(name: str, rounds: int, command: list[Any]) -> list[float]:
        run(command)  # reads the files once, and compiles what is not compiled yet
        return _rounds(name, rounds, lambda: seconds(command), say)

    return {
        "python": first_after_boot("start of Python", plan.starts, [python, "-c", ""]),
        "import": first_after_boot("import sim", plan.starts, [python, "-c", "import sim"]),
        "help": first_after_boot("loyalty --help", plan.starts, [python, "-m", "experiments.cli", "--help"]),
        "later": first_after_boot("a later start", plan.starts, [python, "-c", READY]),
        "compile": _rounds("first compilation", plan.compiles, compile_afresh, say),
    }


def _rounds(name: str, n: int, measure: Callable[[], Any], say: Say) -> list[Any]:
    say(f"{name}, {n} times")
    return [measure() for _ in range(n)]


def measure_many(plan: Plan, say: Say) -> Data:
    """Time few runs and many in every way of making them, round by round.

    Raises
    ------
    DisagreementError
        If two ways did not make the same runs.
    """
    ours, rounds = ENGINES["ours"], []
    for round_ in range(plan.many_rounds):
        taken: Data = {}
        seen: Data = {}
        for way in WAYS:
            say(f"many runs of {plan.many_at:,} customers, {way}, round {round_ + 1}")
            both = [probe("many", ours, plan.many_at, extra=("--way", way, "--runs", n)) for n in plan.many]
            taken[way] = [each["seconds"] for each in both]
            seen[way] = both[-1]["customers"]
        if any(each != seen["bare"] for each in seen.values()):
            raise DisagreementError(f"many runs did not give the same: {seen}")
        rounds.append(taken)
    return {"customers": plan.many_at, "runs": list(plan.many), "rounds": rounds}


def measure_mechanisms(plan: Plan, say: Say) -> list[Data]:
    """Time a market with each mechanism beside one without, on one thread, and with all of them, on two as well."""
    ours, found = ENGINES["ours"], []
    for round_ in range(plan.mechanism_rounds):
        for name in mechanisms.names():
            say(f"{name}, {plan.mechanisms_at:,} customers, round {round_ + 1}")
            found.append(probe("mechanism", ours, plan.mechanisms_at, extra=("--mechanism", name)))
        say(f"all mechanisms, {plan.everything_at:,} customers, round {round_ + 1}")
        found.append(probe("mechanism", ours, plan.everything_at, 2, extra=("--mechanism", mechanisms.EVERYTHING)))
    return found


def measure_speeds(plan: Plan, folder: Path, say: Say) -> list[Data]:
    """Time every engine at every size, round by round; an engine too slow for a size, or absent, is left out."""
    runs: list[Data] = []
    for n in sorted({*plan.sizes, *plan.other_sizes}):
        given = folder / f"{n}.npz"
        for round_ in range(max(plan.sizes.get(n, 0), plan.other_sizes.get(n, 0))):
            for engine, threads in _turns(plan, n, round_):
                if not engine.is_available or (n > plan.ratio_at and _expected_seconds(engine, n, runs) > MOST_SECONDS):
                    continue
                if engine.name == "frames" and not given.exists():
                    probe("hand-over", ENGINES["ours"], n, given=given)
                say(f"{engine.title}, {n:,} customers, {threads} threads, round {round_ + 1}")
                start = time.perf_counter()
                measured = probe("speed", engine, n, threads, given if engine.name == "frames" else None)
                took = time.perf_counter() - start
                what = {"engine": engine.name, "customers": n, "threads": threads, "round": round_}
                runs.append({**what, "took": took, **measured})
        given.unlink(missing_ok=True)
    return runs


def _expected_seconds(engine: Engine, n: int, runs: list[Data]) -> float:
    """Return how long a process of another engine may take at a size, from the size before; ours may take long."""
    before = [run_ for run_ in runs if run_["engine"] == engine.name and run_["customers"] < n]
    if engine.name == "ours" or not before:
        return 0.0
    largest = max(before, key=lambda run_: run_["customers"])
    return float(largest["took"] * n / largest["customers"])


def _turns(plan: Plan, n: int, round_: int) -> list[tuple[Engine, int]]:
    """Return whose turn it is in a round, with how many threads."""
    turns = [(ENGINES["ours"], threads) for threads in (1, 2) if round_ < plan.sizes.get(n, 0)]
    if round_ < plan.other_sizes.get(n, 0):
        turns += [(ENGINES["mesa"], 1), (ENGINES["agentpy"], 1), (ENGINES["frames"], 2)]
    return turns


def check_agreement(runs: list[Data]) -> None:
    """Check that the engines simulated the same market.

    Raises
    ------
    DisagreementError
        If purchases at a firm differ at all between engines of the complete market, or if the shares of purchases
        differ for another engine by more than it may leave out, and chance: two of the largest standard errors that a
        share of so many customers can have. All purchases together may differ by twice that, relatively.
    """
    for n in {run_["customers"] for run_ in runs}:
        of_size = [run_ for run_ in runs if run_["customers"] == n]
        expected = next((run_["purchases"] for run_ in of_size if run_["engine"] == "ours"), of_size[0]["purchases"])
        for run_ in of_size:
            bought, wanted = np.array(run_["purchases"]), np.array(expected)
            who = f"{run_['engine']} at {n:,} customers sold {bought.tolist()}, not {wanted.tolist()}"
            if run_["engine"] in COMPLETE:
                if not np.array_equal(bought, wanted):
                    raise DisagreementError(who)
                continue
            shares = np.abs(bought / bought.sum() - wanted / wanted.sum())
            allowed = OMISSIONS_MAY_SHIFT + 2 * 0.5 / math.sqrt(n)
            if shares.max() > allowed or abs(bought.sum() / wanted.sum() - 1.0) > 2 * allowed:
                raise DisagreementError(f"{who}: shares apart by up to {shares.max():.3f}")
