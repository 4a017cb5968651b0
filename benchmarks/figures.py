"""Figures computed from measured data: medians with what they lie between, ratios by round, growth, and the targets."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

Data = dict[str, Any]
MILLION = 1_000_000


@dataclass(frozen=True)
class Figure:
    """A measured quantity: its median over rounds, and the least and the largest."""

    median: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Figure | None:
        """Return the figure of some values, or None without any."""
        listed = sorted(values)
        return cls(statistics.median(listed), listed[0], listed[-1], len(listed)) if listed else None

    def show(self, form: Callable[[float], str]) -> str:
        """Return it as text: the median, and from where to where."""
        span = f" ({form(self.low)} to {form(self.high)})" if self.n > 1 else ""
        return f"{form(self.median)}{span}"


def runs_of(data: Data, engine: str, n_customers: int, threads: int | None = None) -> list[Data]:
    """Return the runs of an engine at a size, in the order of rounds."""
    return [
        run
        for run in data["runs"]
        if (run["engine"], run["customers"]) == (engine, n_customers) and threads in (None, run["threads"])
    ]


def sizes_of(data: Data, engine: str) -> list[int]:
    """Return the sizes at which an engine was measured, ascending."""
    return sorted({run["customers"] for run in data["runs"] if run["engine"] == engine})


def speed(run: Data) -> float:
    """Return a run's speed in customer-periods per second."""
    return float(run["customers"] * len(run["seconds"]) / math.fsum(run["seconds"]))


def speed_of(data: Data, engine: str, n_customers: int, threads: int | None = None) -> Figure | None:
    """Return an engine's speed at a size."""
    return Figure.of(speed(run) for run in runs_of(data, engine, n_customers, threads))


def times_as_fast(ours: list[Data], other: list[Data]) -> Figure | None:
    """Return how many times as fast the first are as the second, round by round."""
    by_round = {run["round"]: speed(run) for run in other}
    return Figure.of(speed(run) / by_round[run["round"]] for run in ours if run["round"] in by_round)


def bytes_per_customer(data: Data, engine: str, n_customers: int, key: str) -> Figure | None:
    """Return the memory of a process per customer, over that of the smallest market of the same engine.

    Parameters
    ----------
    key : str
        ``peak_bytes``, the most it ever took, or ``held_bytes``, what it holds in the end.
    """
    smallest = min(sizes_of(data, engine), default=n_customers)
    if n_customers == smallest:
        return None
    base = statistics.median(run[key] for run in runs_of(data, engine, smallest))
    return Figure.of((run[key] - base) / (n_customers - smallest) for run in runs_of(data, engine, n_customers))


def array_bytes_per_customer(data: Data, engine: str, n_customers: int) -> Figure | None:
    """Return the bytes of a market's arrays per customer, or None for a market of objects."""
    return Figure.of(r["array_bytes"] / n_customers for r in runs_of(data, engine, n_customers) if r["array_bytes"])


def exponent(sizes: list[int], amounts: list[float]) -> float:
    """Return the power of the size with which an amount grows: the slope of its logarithm, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(amounts), 1)[0])


def growth_of_time(data: Data, threads: int = 1) -> Figure | None:
    """Return the power of the number of customers with which the time of a period grows, from the smallest town on."""
    sizes = sizes_of(data, "ours")
    seconds = [[n / speed(run) for run in runs_of(data, "ours", n, threads)] for n in sizes]
    if len(sizes) < 2 or not all(seconds):
        return None
    n_rounds = min(map(len, seconds))
    return Figure.of(exponent(sizes, [of_size[r] for of_size in seconds]) for r in range(n_rounds))


def growth_of_memory(data: Data) -> Figure | None:
    """Return the power of the number of customers with which the bytes of the arrays grow, from 10,000 on.

    Below, what does not depend on customers (the books) is most of it.
    """
    sizes = [n for n in sizes_of(data, "ours") if n >= 10_000]
    if len(sizes) < 2:
        return None
    return Figure.of([exponent(sizes, [runs_of(data, "ours", n)[0]["array_bytes"] for n in sizes])])


def seconds_a_run(data: Data, way: str) -> Figure | None:
    """Return the seconds that one more run takes, of many on two processes, in one way of making them."""
    few, many = data["many"]["runs"]
    return Figure.of((each[way][1] - each[way][0]) / (many - few) for each in data["many"]["rounds"])


def overhead(data: Data, way: str) -> Figure | None:
    """Return how much longer a run takes than in a bare loop, as a share, round by round."""
    return Figure.of(
        (each[way][1] - each[way][0]) / (each["bare"][1] - each["bare"][0]) - 1.0 for each in data["many"]["rounds"]
    )


def mechanism(data: Data, name: str) -> Figure | None:
    """Return what a period with a mechanism takes, relative to one without, in the market of the least size."""
    least = min(each["customers"] for each in data["mechanisms"])
    return Figure.of(
        each["times"] for each in data["mechanisms"] if each["name"] == name and each["customers"] == least
    )


def with_everything(data: Data) -> tuple[int, Figure | None]:
    """Return the largest market with all mechanisms that was measured, and its speed, in customer-periods a second."""
    most = max(each["customers"] for each in data["mechanisms"])
    of_size = [each for each in data["mechanisms"] if each["customers"] == most]
    return most, Figure.of(most * len(each["with"]) / math.fsum(each["with"]) for each in of_size)


def aggregation(data: Data) -> Figure | None:
    """Return the seconds that a store of 10,000 runs takes to be opened and asked for the means by setting."""
    return Figure.of(each["open"] + each["means"] for each in data["aggregation"])


@dataclass(frozen=True)
class Target:
    """What must be reached, and what was measured.

    Parameters
    ----------
    what : str
        The quantity.
    limit : float
        Where it must lie above, or below.
    is_least : bool
        Whether the limit is the least allowed (else the most).
    form : callable
        Writes a value with its unit.
    measured : Figure or None
        What was measured; None if this plan does not measure it.
    """

    what: str
    limit: float
    is_least: bool
    form: Callable[[float], str]
    measured: Figure | None

    @property
    def verdict(self) -> str:
        """Whether the median meets it."""
        if self.measured is None:
            return "not measured"
        meets = self.measured.median >= self.limit if self.is_least else self.measured.median <= self.limit
        return "yes" if meets else "**no**"


def targets(data: Data) -> list[Target]:
    """Return every target with what was measured for it."""
    n, starts = data["ratio_at"], data["starts"]
    on_one, on_two = (runs_of(data, "ours", MILLION, threads) for threads in (1, 2))
    ratio = times_as_fast(runs_of(data, "ours", n, 1), runs_of(data, "mesa", n))
    arrays = array_bytes_per_customer(data, "ours", MILLION)
    peak = bytes_per_customer(data, "ours", MILLION, "peak_bytes")
    sizes = sizes_of(data, "ours")
    span = f"{sizes[0]:,} to {sizes[-1]:,} customers"
    everything_at, everything = with_everything(data)
    rows: list[tuple[str, float, bool, Callable[[float], str], Figure | None]] = [
        ("1,000,000 customers on two threads", 20e6, True, per_second, speed_of(data, "ours", MILLION, 2)),
        (f"the same with all mechanisms, {everything_at:,} customers", 20e6, True, per_second, everything),
        (f"times as fast as the same model in plain Mesa, {n:,} customers, one thread", 100, True, times, ratio),
        ("second core, 1,000,000 customers", 1.7, True, times, times_as_fast(on_two, on_one)),
        (f"time grows as customers to the power, {span}", 1.1, False, number, growth_of_time(data)),
        (
            f"memory grows as customers to the power, 10,000 to {sizes[-1]:,}",
            1.02,
            False,
            number,
            growth_of_memory(data),
        ),
        ("arrays, 1,000,000 customers, network included", 400, False, per_customer, arrays),
        ("peak of the process over a small one's, 1,000,000 customers", 400, False, per_customer, peak),
        ("a class's run: 5,000 customers, 260 weeks", 0.25, False, seconds, _of(data["classroom"], "total")),
        (
            f"overhead of a run in a study, {data['many']['customers']:,} customers, two processes",
            0.1,
            False,
            share,
            overhead(data, "study"),
        ),
        ("10,000 kept runs: opened, and means by setting", 5.0, False, seconds, aggregation(data)),
        ("`import sim`", 1.0, False, seconds, Figure.of(starts["import"])),
        ("`loyalty --help`", 0.7, False, seconds, Figure.of(starts["help"])),
        ("first start, kernels compiled", 30.0, False, seconds, Figure.of(starts["compile"])),
        ("later start, up to the first period lived", 2.0, False, seconds, Figure.of(starts["later"])),
    ]
    return [Target(*row) for row in rows]


def _of(parts: list[dict[str, float]], name: str) -> Figure | None:
    return Figure.of(part[name] for part in parts)


def per_second(value: float) -> str:
    """Write a speed."""
    if value >= 1e6:
        return f"{value / 1e6:.1f} M/s"
    return f"{value / 1e3:.0f} k/s" if value >= 1e4 else f"{value / 1e3:.1f} k/s"


def times(value: float) -> str:
    """Write a ratio."""
    return f"{value:,.0f}x" if value >= 10 else f"{value:.2f}x"


def share(value: float) -> str:
    """Write a share as a percentage."""
    return f"{value:.1%}"


def number(value: float) -> str:
    """Write a bare number."""
    return f"{value:.2f}"


def per_customer(value: float) -> str:
    """Write bytes per customer."""
    return f"{value:,.0f} B"


def seconds(value: float) -> str:
    """Write a time."""
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
