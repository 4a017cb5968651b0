"""One measurement in a process of its own: ``python -m benchmarks.probe KIND ...`` prints one line of JSON.

The number of threads is fixed when a process starts, and memory that one market has taken would hide what the next one
takes, so nothing is measured twice in a process.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.engines import SEED, build, scenario_of

KINDS = ("speed", "classroom", "hand-over", "phases", "many", "mechanism", "aggregation", "ready")
WARM_PERIODS = 26  # two review cycles: memberships and word of mouth have got going
MEASURED_PERIODS = 26  # two more, so that reviews are paid for in full


def memory() -> dict[str, int]:
    """Return this process's memory now and at its largest, in bytes.

    Linux keeps the largest that the *parent* had in ``ru_maxrss``; the process's own is in ``/proc``.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return {key: 1024 * int(fields[name].split()[0]) for key, name in (("now", "VmRSS"), ("peak", "VmHWM"))}
    except (OSError, KeyError):
        peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"now": peak, "peak": peak}


def timed(call: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def speed(
    engine: str, n_customers: int, warm: int = WARM_PERIODS, measured: int = MEASURED_PERIODS, given: Path | None = None
) -> dict[str, Any]:
    """Build a market, let it run warm, and time each period after that.

    Returns
    -------
    dict
        ``build``, ``seconds`` (a period each) and ``cpu`` (of the process over those) in seconds; ``purchases`` by
        firm, summed over the periods timed; memory in bytes: ``peak_bytes`` and ``held_bytes`` of the process,
        ``array_bytes`` of the market's own arrays.
    """
    start = time.perf_counter()
    market = build(engine, n_customers, warm + measured, given)
    built = time.perf_counter() - start
    for _ in range(warm):
        market.step()
    cpu = time.process_time()
    seconds = [timed(market.step) for _ in range(measured)]
    cpu = time.process_time() - cpu
    used = memory()
    return {
        "build": built,
        "seconds": seconds,
        "cpu": cpu,
        "purchases": [sum(by_firm) for by_firm in zip(*market.purchases()[warm:], strict=True)],
        "peak_bytes": used["peak"],
        "held_bytes": used["now"],
        "array_bytes": market.array_bytes(),
    }


def classroom(n_customers: int = 5000) -> dict[str, float]:
    """Time one run as a class would do it, after another has loaded everything: built, run to its end, summed up."""
    from sim import Market

    scenario = scenario_of(n_customers)
    Market(scenario, seed=SEED + 1).run().summary()
    start = time.perf_counter()
    market = Market(scenario, seed=SEED)
    built = time.perf_counter()
    results = market.run()
    ran = time.perf_counter()
    results.summary()
    end = time.perf_counter()
    return {"build": built - start, "run": ran - built, "summary": end - ran, "total": end - start}


def hand_over_to(n_customers: int, path: Path) -> dict[str, Any]:
    """Write the market that mesa-frames starts from."""
    from benchmarks.handover import hand_over

    hand_over(scenario_of(n_customers), SEED, path)
    return {}


def main(arguments: list[str] | None = None) -> None:
    """Measure what the command line asks for, and print it."""
    parser = argparse.ArgumentParser(prog="benchmarks.probe")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--engine", default="ours")
    parser.add_argument("--customers", type=int, default=5000)
    parser.add_argument("--given", type=Path)
    parser.add_argument("--way", default="bare", help="Of making many runs.")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--mechanism", default="points")
    chosen = parser.parse_args(arguments)
    match chosen.kind:
        case "speed":
            measured = speed(chosen.engine, chosen.customers, given=chosen.given)
        case "classroom":
            measured = classroom(chosen.customers)
        case "hand-over":
            measured = hand_over_to(chosen.customers, chosen.given)
        case "phases":
            from benchmarks.phases import breakdown

            measured = breakdown(chosen.customers, WARM_PERIODS, MEASURED_PERIODS)
        case "many":
            from benchmarks.many_runs import many_runs

            measured = many_runs(chosen.way, chosen.runs, chosen.customers)
        case "mechanism":
            from benchmarks.mechanisms import cost

            measured = cost(chosen.mechanism, chosen.customers, WARM_PERIODS, MEASURED_PERIODS)
        case "aggregation":
            from benchmarks.many_runs import aggregation

            measured = aggregation()
        case _:
            build("ours", chosen.customers, 1).step()
            measured = {}
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
