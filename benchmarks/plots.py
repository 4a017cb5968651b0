"""Pictures of time and memory against size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Picture

from benchmarks import figures
from benchmarks.engines import ENGINES

LINES: tuple[tuple[str, int | None, str, str], ...] = (
    ("ours", 1, "loyalty, one thread", "o-"),
    ("ours", 2, "loyalty, two threads", "s-"),
    ("mesa", None, ENGINES["mesa"].title, "^--"),
    ("agentpy", None, ENGINES["agentpy"].title, "v--"),
    ("frames", None, ENGINES["frames"].title, "D:"),
)
COLOURS = ("#1b6ca8", "#0b3c5d", "#b3541e", "#8a8a1f", "#5b8c5a")


def draw(data: dict[str, Any], folder: Path) -> None:
    """Draw time and memory per customer against customers: ``performance-time.svg``, ``performance-memory.svg``."""
    _draw(data, folder / "performance-time.svg", "nanoseconds per customer and period", _nanoseconds)
    _draw(data, folder / "performance-memory.svg", "bytes per customer, peak over a small market", _bytes)


def _nanoseconds(data: dict[str, Any], engine: str, n: int, threads: int | None) -> figures.Figure | None:
    return figures.Figure.of(1e9 / figures.speed(run) for run in figures.runs_of(data, engine, n, threads))


def _bytes(data: dict[str, Any], engine: str, n: int, threads: int | None) -> figures.Figure | None:
    if threads == 2 or n < 10_000:  # memory does not depend on threads; a small market's is lost in the process's own
        return None
    return figures.bytes_per_customer(data, engine, n, "peak_bytes")


def _draw(data: dict[str, Any], path: Path, label: str, quantity: Any) -> None:
    with mpl.rc_context(
        {"svg.hashsalt": "loyalty", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
    ):
        picture = Picture(figsize=(7.2, 4.0), layout="constrained")
        axes = picture.subplots()
        for (engine, threads, title, style), colour in zip(LINES, COLOURS, strict=True):
            found = [(n, quantity(data, engine, n, threads)) for n in figures.sizes_of(data, engine)]
            points = [(n, figure) for n, figure in found if figure is not None]
            if not points:
                continue
            sizes, values = [n for n, _ in points], [figure.median for _, figure in points]
            spread = [[f.median - f.low for _, f in points], [f.high - f.median for _, f in points]]
            name = title.split(",")[0] if quantity is _bytes else title
            axes.errorbar(sizes, values, yerr=spread, fmt=style, color=colour, label=name, capsize=2, markersize=5)
        axes.set(xscale="log", yscale="log", xlabel="customers", ylabel=label)
        axes.grid(which="major", alpha=0.25)
        axes.legend(frameon=False)
        picture.savefig(path, metadata={"Date": None})
