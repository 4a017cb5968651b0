"""Pictures of a sweep: an outcome along a factor with its band, and a map of it over two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from experiments.analyses.pictures import bars
from experiments.report.pictures.canvas import (
    LIGHT,
    TEXT,
    WIDTH,
    Picture,
    canvas,
    drawing,
    extent,
    fitted_apart,
    room,
    ticks,
    to_svg,
)  # fmt: skip
from experiments.report.words import Unit, compact, in_unit, level, number, percent

if TYPE_CHECKING:
    from experiments.study.sweep import Level


SIDES = 64.0  # of a curve, left and right of its axes, in points


def curve(key: str, title: str, caption: str, path: str, levels: Sequence[Level], unit: Unit) -> Picture:
    """Draw an outcome along a factor: a line with its band along numbers, a point with its interval for each name."""
    along = [each for each in levels if math.isfinite(each.at) and math.isfinite(each.found.mean)]
    if len(along) < 2 or len(along) < len(levels):
        return bars(key, title, caption, [(each.label, each.found) for each in levels], unit, path, is_bar=False)
    write = percent if unit == "percent" else compact
    x = [each.at for each in along]
    ends = [end for each in along for end in (each.found.mean, each.found.low, each.found.high) if math.isfinite(end)]
    with drawing():
        figure, axes = canvas(190.0, SIDES - 12.0, 12.0, 8.0, 36.0)
        axes.set_xlim(*room(min(x), max(x)))
        axes.set_ylim(*room(min(ends), max(ends)))
        low = [each.found.low if each.found.is_known else each.found.mean for each in along]
        high = [each.found.high if each.found.is_known else each.found.mean for each in along]
        axes.fill_between(x, low, high, color=LIGHT["accent"], alpha=0.2, linewidth=0)
        axes.plot(
            x, [each.found.mean for each in along], color=LIGHT["accent"], marker="o", markersize=4, linewidth=1.4
        )
        at_levels = [number(value) for value in x]
        steps = np.diff(x) / np.ptp(axes.get_xlim()) * (WIDTH - SIDES)
        if steps.min() > extent(at_levels) + 4:
            axes.set_xticks(x, at_levels)
        else:
            ticks(axes, "x", lambda value: number(float(value)), 5)
        ticks(axes, "y", lambda value: write(float(value)), 5)
        axes.grid(axis="both")
        axes.set_xlabel(path)
        words = [f"{path} {each.label}: {level(each.found, unit)}." for each in levels]
        return Picture(key, title, caption, words, to_svg(figure, key))


def heat_map(key: str, title: str, caption: str, cells: pd.DataFrame, unit: Unit) -> Picture:
    """Draw a mean at each pair of values, rows of ``cells`` downwards: the darker the more, the number in each cell."""
    write = percent if unit == "percent" else compact
    values = cells.to_numpy(dtype=float)
    words = [
        f"{row} and {column}: {in_unit(float(cells.loc[row, column]), unit)}."
        for row in cells.index for column in cells.columns if math.isfinite(float(cells.loc[row, column]))
    ]  # fmt: skip
    if not np.isfinite(values).any():
        return Picture(key, title, "There is nothing to show: not known at any point.")
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    names = fitted_apart([str(name) for name in cells.index], 85.0)
    left = extent(names) + 10
    cell, height = (WIDTH - left - 4) / len(cells.columns), 24.0
    with drawing():
        figure, axes = canvas(height * len(names) + 22, left, 4.0, 20.0, 2.0)
        axes.set_axis_off()
        axes.set_xlim(0, len(cells.columns))
        axes.set_ylim(len(names), 0)
        for j, text in enumerate(fitted_apart([str(name) for name in cells.columns], cell - 3, TEXT - 1.5)):
            axes.text(j + 0.5, -0.4, text, ha="center", va="center", fontsize=TEXT - 1.5)
        for i, name in enumerate(names):
            axes.text(-6 / cell, i + 0.5, name, ha="right", va="center", fontsize=TEXT - 0.5)
            for j in range(len(cells.columns)):
                value = values[i, j]
                if math.isfinite(value):
                    strength = 0.06 + 0.5 * ((value - low) / (high - low) if high > low else 0.0)
                    place = Rectangle((j + 0.02, i + 0.03), 0.96, 0.94, facecolor=LIGHT["accent"], alpha=strength,
                                      linewidth=0)  # fmt: skip
                    axes.add_patch(place)
                    axes.text(j + 0.5, i + 0.5, write(float(value)), ha="center", va="center",
                              fontsize=TEXT - (0.5 if cell > 38 else 2.0))  # fmt: skip
        return Picture(key, title, caption, words, to_svg(figure, key))
