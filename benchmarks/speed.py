"""Speed of the market beside its plain Mesa twin, in one run: ``make bench``.

Both simulate the same scenario: four firms, four tiers, mean degree 8, weekly, every mechanism on. The twin
(``tests/reference``) has an object per customer and is measured on a smaller town; both are linear in customers. The
first periods, in which nobody is a customer yet and kernels are compiled, are left out.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from typing import Any

import click

WARM_PERIODS, SCENARIO = 14, "baseline"


def customer_periods_per_second(market: Any, n_customers: int, n_periods: int) -> float:
    """Return the speed of stepping a market that already runs, in customer-periods per second."""
    for _ in range(WARM_PERIODS):
        market.step()
    start = time.perf_counter()
    for _ in range(n_periods):
        market.step()
    return n_customers * n_periods / (time.perf_counter() - start)


def measure_in_process(engine: str, n_customers: int, n_periods: int) -> float:
    """Build a market and measure it here."""
    from sim import Market, load_scenario

    scenario = load_scenario(SCENARIO, {"customers.count": n_customers})
    if engine == "ours":
        return customer_periods_per_second(Market(scenario, seed=1, collect=False), n_customers, n_periods)
    from tests.reference.market import ReferenceMarket

    return customer_periods_per_second(ReferenceMarket(scenario, seed=1), n_customers, n_periods)


def measure(engine: str, n_customers: int, n_periods: int, threads: int) -> float:
    """Measure in a process of its own, since the number of threads is fixed when a process starts."""
    command = [sys.executable, "-m", "benchmarks.speed", "--measure", engine, str(n_customers), str(n_periods)]
    environment = {**os.environ, "NUMBA_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def machine() -> str:
    """Return what this machine is, in a line."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


@click.command()
@click.option("--customers", default=1_000_000, show_default=True, help="People in our market.")
@click.option("--periods", default=26, show_default=True, help="Periods measured.")
@click.option("--twin-customers", default=2_000, show_default=True, help="People in the twin's market.")
@click.option("--measure", "one", nargs=3, type=(str, int, int), hidden=True)
def main(customers: int, periods: int, twin_customers: int, one: tuple[str, int, int] | None) -> None:
    """Print speeds and their ratios, measured one after the other on this machine."""
    if one:
        click.echo(measure_in_process(*one))
        return
    click.echo(machine())
    measure("ours", 2_000, 1, 1)  # compiles, if need be
    rows = [
        ("ours, 1 thread", customers, measure("ours", customers, periods, 1)),
        ("ours, 2 threads", customers, measure("ours", customers, periods, 2)),
        ("ours, 1 thread", twin_customers, measure("ours", twin_customers, 520, 1)),
        ("plain Mesa twin", twin_customers, measure("twin", twin_customers, periods, 1)),
    ]
    click.echo(f"{'engine':<18}{'customers':>12}{'customer-periods/s':>22}")
    for name, n, speed in rows:
        click.echo(f"{name:<18}{n:>12,}{speed:>22,.0f}")
    click.echo(f"second thread: {rows[1][2] / rows[0][2]:.2f} times as fast")
    click.echo(
        f"against the twin: {rows[1][2] / rows[3][2]:,.0f} times as fast ({rows[2][2] / rows[3][2]:,.0f} at its size)"
    )


if __name__ == "__main__":
    main()
