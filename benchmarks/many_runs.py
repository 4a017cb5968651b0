"""Many short runs on two processes: in a bare loop, by the study's runner with its store, and by ``mesa.batch_run``.

All three make the same runs, with starting and ending their processes in the time. What starting costs falls out of the
difference between few runs and many.
"""

from __future__ import annotations

import logging
import multiprocessing
import tempfile
import time
from typing import Any

from benchmarks.engines import SCENARIO, scenario_of

WAYS = {
    "bare": "bare loop: the same outcomes worked out, nothing kept",
    "study": "`loyalty study`: every run kept in the store",
    "batch_run": "`mesa.batch_run`: results kept in memory",
}
N_PROCESSES = 2
N_KEPT = 10_000  # runs whose aggregation is timed


def many_runs(way: str, n_runs: int, n_customers: int) -> dict[str, Any]:
    """Make runs of the benchmark's scenario with seeds 1 to ``n_runs`` in one of :data:`WAYS`.

    Returns
    -------
    dict
        ``seconds`` from the call to its end, and ``customers``: how many the first firm has at the end, by seed.
    """
    make = {"bare": _bare, "study": _study, "batch_run": _batch_run}[way]
    start = time.perf_counter()
    by_seed = make(n_runs, n_customers)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "customers": [by_seed[seed] for seed in range(1, n_runs + 1)]}


def aggregation(n_runs: int = N_KEPT) -> dict[str, float]:
    """Time what is asked of a store of many runs: reading the ids, means by setting, and the whole table.

    The numbers in it are those of one run, over and over: they take as long as others.
    """
    from experiments.one_run import outcomes_of
    from experiments.study.runs import Outcome, Run
    from experiments.study.store import Store
    from sim import load_scenario
    from sim.version import version

    scenario = load_scenario(SCENARIO, {"customers.count": 200, "periods": 80, "warm_up": 20, "horizon": 52})
    firms, content = outcomes_of(scenario, 1), scenario.content_hash()
    runs = [Run(scenario, seed, {"price": float(seed % 20)}, content) for seed in range(n_runs)]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        store.begin("many", {}, n_runs)
        for first in range(0, n_runs, 1_000):
            some = runs[first : first + 1_000]
            store.plan("many", first, some)
            store.add([Outcome(run.id, scenario.name, run.seed, version(), "", firms, 0.1) for run in some])
        parts = {}
        start = time.perf_counter()
        opened = Store(folder)
        parts["open"] = time.perf_counter() - start
        start = time.perf_counter()
        opened.sql("select price, firm, avg(profit), stddev(profit), count(*) from many group by price, firm")
        parts["means"] = time.perf_counter() - start
        start = time.perf_counter()
        opened.runs("many")
        parts["table"] = time.perf_counter() - start
    return parts


def _bare(n_runs: int, n_customers: int) -> dict[int, float]:
    context = multiprocessing.get_context("spawn")
    shares = [list(range(1 + first, n_runs + 1, N_PROCESSES)) for first in range(N_PROCESSES)]
    with context.Pool(N_PROCESSES) as pool:
        parts = pool.starmap(_loop, [(share, n_customers) for share in shares], chunksize=1)
    return {seed: n for part in parts for seed, n in part.items()}


def _loop(seeds: list[int], n_customers: int) -> dict[int, float]:
    from experiments.study.runs import Run, fingerprint, simulate

    scenario = scenario_of(n_customers)
    content = fingerprint(scenario)
    return {seed: _customers(simulate(Run(scenario, seed, content=content)).firms) for seed in seeds}


def _study(n_runs: int, n_customers: int) -> dict[int, float]:
    from experiments.study.execute import execute
    from experiments.study.runs import Run, fingerprint
    from experiments.study.store import Store

    scenario = scenario_of(n_customers)
    content = fingerprint(scenario)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        runs = [Run(scenario, seed, content=content) for seed in range(1, n_runs + 1)]
        execute(runs, store, workers=N_PROCESSES)
        found = store.outcomes([run.id for run in runs])
    return {run.seed: _customers(found[run.id]) for run in runs}


def _batch_run(n_runs: int, n_customers: int) -> dict[int, float]:
    import mesa.batchrunner

    from benchmarks.batched import Batched

    logging.getLogger("sim").setLevel(logging.ERROR)
    parameters = {"customers__count": n_customers, "seed": list(range(1, n_runs + 1))}
    rows = mesa.batchrunner.batch_run(
        Batched, parameters, number_processes=N_PROCESSES, max_steps=scenario_of(n_customers).periods,
        display_progress=False,
    )  # fmt: skip
    return {int(row["seed"]): _customers(row["outcomes"]) for row in rows}


def _customers(outcomes: Any) -> float:
    return float(next(iter(outcomes.values()))["customers"])
