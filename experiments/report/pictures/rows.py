"""Pictures made of rows: a heading for each group and under it one bar or point with its interval per arm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.intervals import Interval
from experiments.report.pictures.canvas import (
    LIGHT,
    TEXT,
    WIDTH,
    Style,
    canvas,
    extent,
    fitted,
    fitted_apart,
    room,
    ticks,
)
from experiments.report.words import Unit, in_unit, range_of

ROW = 13.5
HEADING = 15.0
GAP = 6.0
SMALL = TEXT - 1.0


@dataclass(frozen=True, slots=True)
class Group:
    """A heading and the interval of each arm under it, in the order of the arms."""

    name: str
    intervals: Sequence[Interval]


def rows(
    groups: Sequence[Group],
    arms: Sequence[Style],
    write: Callable[[float], str],
    axis_label: str,
    *,
    is_bar: bool = True,
) -> Figure:
    """Draw the groups below each other, with the mean of each row written at its right end.

    Parameters
    ----------
    groups : sequence of Group
        What to draw, from the top.
    arms : sequence of Style
        The arms, in the order of each group's intervals. With a single arm the groups need no rows of their own.
    write : callable
        Writes a value, on the axis and beside the row.
    axis_label : str
        What the numbers are.
    is_bar : bool
        Bars from zero for amounts; points, on an axis that need not start at zero, for rates.
    """
    has_headings = len(arms) > 1
    names = [style.label for style in arms] if has_headings else [group.name for group in groups]
    names = fitted_apart(names, 100.0, SMALL)
    left = extent(names, SMALL) + 14
    numbers = [write(interval.mean) for group in groups for interval in group.intervals]
    right = extent(numbers, SMALL) + 8
    block = HEADING * has_headings + ROW * len(arms) + GAP * has_headings
    depth = block * len(groups) + GAP
    figure, axes = canvas(depth + 34, left, right, 2, 32)
    axes.set_ylim(depth, 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    ends = np.array(
        [
            [i.low if i.is_known else i.mean, i.high if i.is_known else i.mean, i.mean]
            for group in groups
            for i in group.intervals
        ]
    )
    known = ends[np.isfinite(ends)]
    axes.set_xlim(room(*((known.min(), known.max()) if known.size else (0.0, 0.0)), at_zero=is_bar))
    ticks(axes, "x", write)
    axes.set_xlabel(axis_label)
    if is_bar:
        axes.axvline(0, color=LIGHT["ink"], linewidth=0.8)
    heading = HEADING * has_headings
    tops = GAP / 2 + block * np.arange(len(groups))
    for group, top in zip(groups, tops, strict=True) if has_headings else ():
        axes.annotate(
            fitted(group.name, WIDTH - 20),
            (-left + 2, top + heading / 2),
            xycoords=("axes points", "data"),
            va="center",
            fontweight="bold",
            fontsize=TEXT,
            annotation_clip=False,
            bbox={"facecolor": LIGHT["paper"], "edgecolor": "none", "pad": 1.0},
        )
    for place, style in enumerate(arms):
        at = tops + heading + ROW * (place + 0.5)
        intervals = [group.intervals[place] for group in groups]
        _draw_arm(axes, at, intervals, style, is_bar=is_bar)
        for rank, (y, interval) in enumerate(zip(at, intervals, strict=True)):
            _beside(axes, names[place if has_headings else rank], y, "left", left)
            _beside(axes, write(interval.mean), y, "right", right)
    return figure


def told(groups: Sequence[Group], arms: Sequence[Style], unit: Unit) -> list[str]:
    """Tell the rows in words: a line per group, with every mean and interval."""
    lines = []
    for group in groups:
        parts = [
            f"{style.label} {in_unit(i.mean, unit)}" + (f" ({range_of(i, unit)})" if i.is_known else "")
            for style, i in zip(arms, group.intervals, strict=True)
        ]
        lines.append(f"{group.name}: {'; '.join(parts)}.")
    return lines


def _draw_arm(axes: Axes, at: np.ndarray, intervals: Sequence[Interval], style: Style, *, is_bar: bool) -> None:
    """Draw the bars or points of one arm and their intervals, at heights ``at``; what is not known is left out."""
    means, lows, highs = np.array([(i.mean, i.low, i.high) for i in intervals]).T
    if is_bar:
        look: dict[str, Any] = {"color": style.color, "hatch": style.hatch, "edgecolor": LIGHT["paper"], "linewidth": 0}
        has_mean = np.isfinite(means)
        axes.barh(at[has_mean], means[has_mean], height=ROW - 3.5, **look)
    known = np.isfinite(lows) & np.isfinite(highs)
    color = LIGHT["ink"] if is_bar else style.color
    for line, shade in ((2.6, LIGHT["paper"]), (1.3, color)):
        axes.hlines(at[known], lows[known], highs[known], color=shade, linewidth=line)
    for ends in (lows, highs):
        axes.plot(ends[known], at[known], color=color, marker="|", markersize=5, markeredgewidth=1.3, linestyle="")
    if not is_bar:
        axes.plot(means, at, color=style.color, marker=style.marker, markersize=6, linestyle="")


def _beside(axes: Axes, text: str, y: float, side: str, margin: float) -> None:
    is_left = side == "left"
    axes.annotate(
        text,
        (0 if is_left else 1, y),
        xycoords=("axes fraction", "data"),
        xytext=(-5 if is_left else margin - 2, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=SMALL,
        color=LIGHT["ink"],
        annotation_clip=False,
    )
