"""Pictures of the analyses: bars with intervals, a matrix, shares over generations, a front, and a box of worlds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.patches import Rectangle

from experiments.analyses.labels import apart
from experiments.analyses.robustness import Box
from experiments.analyses.sensitivity import Factor
from experiments.report.intervals import Interval
from experiments.report.pictures.canvas import (
    DASHES,
    HATCHES,
    LIGHT,
    MARKERS,
    TEXT,
    WIDTH,
    Picture,
    Style,
    canvas,
    drawing,
    extent,
    fitted,
    fitted_apart,
    room,
    spread,
    ticks,
    to_svg,
)
from experiments.report.pictures.rows import Group, rows, told
from experiments.report.words import MINUS, Unit, compact, difference_in_unit, number, percent, signed

FloatArray = npt.NDArray[np.float64]

COLOURS = 7
FEW = 6  # strategies, up to which a matrix has room for three digits
SIZES = ((1e6, "millions"), (1e3, "thousands"))


def style(rank: int, label: str) -> Style:
    """Return the looks of the ``rank``-th thing shown."""
    return Style(
        label,
        LIGHT[f"arm{rank % COLOURS + 1}"],
        HATCHES[rank % len(HATCHES)],
        MARKERS[rank % len(MARKERS)],
        DASHES[rank % len(DASHES)],
    )


def bars(
    key: str,
    title: str,
    caption: str,
    named: Sequence[tuple[str, Interval]],
    unit: Unit,
    axis: str,
    *,
    is_bar: bool = True,
) -> Picture:
    """Draw a bar, or a point, with its interval for each name."""
    groups = [Group(name, [interval]) for name, interval in named]
    looks = [style(0, "")]
    write = percent if unit == "percent" else compact
    scale, named_axis = (100.0, f"{axis}, percentage points") if unit == "points" else (1.0, axis)
    with drawing():
        figure = rows(groups, looks, lambda value: write(scale * float(value)), named_axis, is_bar=is_bar)
        words = [line.replace(":  ", ": ") for line in told(groups, looks, unit)]
        return Picture(key, title, caption, words, to_svg(figure, key))


def matrix(key: str, title: str, caption: str, names: Sequence[str], values: FloatArray) -> Picture:
    """Draw a matrix, own strategy in rows: the darker the more, with the number in each cell.

    Where there are many, headings are steeper and numbers are written in thousands or millions, which the caption says.
    """
    is_large = len(names) > FEW
    short = fitted_apart(names, 78.0 if is_large else 92.0)
    left, cell, turn = extent(short) + 10, 26.0, 65 if is_large else 35
    depth, top = cell * len(names), 84 if is_large else 60
    most = float(np.nanmax(np.abs(values), initial=0.0))
    size, word = next(((size, word) for size, word in SIZES if most >= size), (1.0, "")) if is_large else (1.0, "")
    caption += f" In {word}." if word else ""

    def write(value: float) -> str:
        return f"{value / size:.1f}".replace("-", MINUS) if word and np.isfinite(value) else compact(value)

    with drawing():
        slant = (0.35 if is_large else 0.85) * extent(short[-1:])  # how far the last heading leans out to the right
        figure, axes = canvas(depth + top + 6, left, slant, top, 6)
        room_for_text = (WIDTH - left - slant) / len(names) / (0.62 * max(len(write(float(v))) for v in values.flat))
        axes.set_xlim(0, len(names))
        axes.set_ylim(len(names), 0)
        axes.axis("off")
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        for i in range(len(names)):
            axes.annotate(
                short[i], (0, i + 0.5), (-5, 0), textcoords="offset points", ha="right", va="center", fontsize=TEXT - 1
            )
            axes.annotate(
                short[i],
                (i + 0.5, 0),
                (0, 4),
                textcoords="offset points",
                ha="left",
                va="bottom",
                rotation=turn,
                rotation_mode="anchor",
                fontsize=TEXT - 1,
            )
            for j in range(len(names)):
                share = (values[i, j] - low) / (high - low) if high > low and np.isfinite(values[i, j]) else 0.0
                axes.add_patch(
                    Rectangle((j, i), 1, 1, facecolor=LIGHT["accent"], alpha=0.08 + 0.72 * share, linewidth=0)
                )
                axes.text(
                    j + 0.5, i + 0.5, write(float(values[i, j])), ha="center", va="center",
                    fontsize=min(TEXT - 1.5, room_for_text), color=LIGHT["paper"] if share > 0.6 else LIGHT["ink"],
                )  # fmt: skip
        words = [
            f"{a} against {b}: {number(float(values[i, j]))}." for i, a in enumerate(names) for j, b in enumerate(names)
        ]
        return Picture(key, title, caption, words, to_svg(figure, key))


def shares_over_time(key: str, title: str, caption: str, names: Sequence[str], path: FloatArray) -> Picture:
    """Draw the share of each strategy over generations; those that end at nothing are in grey."""
    order = np.argsort(-path[-1], kind="stable")
    shown = [int(k) for k in order if path[-1][k] > 0.01]
    labels = fitted_apart([names[k] for k in shown], 96.0)
    with drawing():
        figure, axes = canvas(230, 38, extent(labels) + 12 if labels else 10, 8, 32)
        axes.set_xlim(0, len(path) - 1)
        axes.set_ylim(0, 1)
        for k in range(len(names)):
            if k not in shown:
                axes.plot(path[:, k], color=LIGHT["grid"], linewidth=1.1)
        ends = spread([float(path[-1][k]) for k in shown], 0.06, 0.0, 1.0)
        for rank, (k, at) in enumerate(zip(shown, ends, strict=True)):
            look = style(rank, names[k])
            axes.plot(path[:, k], color=look.color, linestyle=look.dashes, linewidth=1.7)
            axes.annotate(
                labels[rank], (1, at), (5, 0), xycoords="axes fraction", textcoords="offset points", va="center",
                fontsize=TEXT - 0.5, color=look.color, annotation_clip=False,
            )  # fmt: skip
        ticks(axes, "y", percent)
        ticks(axes, "x", number)
        axes.set_xlabel("generation")
        words = [f"{names[k]}: {percent(float(path[-1][k]))} at the end." for k in order]
        return Picture(key, title, caption, words, to_svg(figure, key))


def front(
    key: str,
    title: str,
    caption: str,
    tried: FloatArray,
    kept: Sequence[tuple[str, Interval, Interval]],
    rivals: Sequence[tuple[str, Interval, Interval]],
) -> Picture:
    """Draw what policies change in retention and profit: all tried, the front judged anew, and those given.

    Parameters
    ----------
    tried : array, shape (n, 2)
        Mean differences in retention and profit of all policies tried, on the seeds of the search.
    kept, rivals : sequence of (name, retention, profit)
        With the intervals of their differences on fresh seeds.
    """
    with drawing():
        figure, axes = canvas(280, 46, 14, 20, 32)
        marked = [*kept, *rivals]
        xs = [*tried[:, 0], *(r.mean for _, r, _ in marked)]
        ys = [*tried[:, 1], *(p.mean for _, _, p in marked)]
        ends = [end for _, _, p in marked for end in (p.low, p.high) if p.is_known]
        axes.set_xlim(*room(min(xs), max(xs)))
        axes.set_ylim(*room(min([*ys, *ends]), max([*ys, *ends]), margin=0.08))
        axes.plot(tried[:, 0], tried[:, 1], ".", color=LIGHT["middling"], markersize=4)
        for group, color, marker in ((kept, LIGHT["arm1"], "o"), (rivals, LIGHT["arm2"], "s")):
            for _, retention, profit in group:
                if profit.is_known:
                    axes.vlines(retention.mean, profit.low, profit.high, color=color, linewidth=1.2)
                if retention.is_known:
                    axes.hlines(profit.mean, retention.low, retention.high, color=color, linewidth=1.2)
                axes.plot(retention.mean, profit.mean, marker=marker, color=color, markersize=6, linestyle="")
        axes.axhline(0, color=LIGHT["ink"], linewidth=0.8)
        axes.axvline(0, color=LIGHT["ink"], linewidth=0.8)
        across = axes.bbox.width * 72 / figure.dpi
        scale = 72 / figure.dpi
        at = axes.transData.transform([(r.mean, p.mean) for _, r, p in marked]) - (axes.bbox.x0, axes.bbox.y0)
        texts = [fitted(name, 110.0) for name, _, _ in marked]
        boxes = apart([(scale * x, scale * y) for x, y in at], texts, TEXT - 1.5, across)
        for rank, (text, (left, bottom, _, _)) in enumerate(zip(texts, boxes, strict=True)):
            axes.annotate(
                text, (0, 0), (left, bottom), xycoords="axes fraction", textcoords="offset points", va="bottom",
                fontsize=TEXT - 1.5, color=LIGHT["arm1" if rank < len(kept) else "arm2"], annotation_clip=False,
            )  # fmt: skip
        ticks(axes, "x", lambda value: signed(number(100 * value)))
        ticks(axes, "y", lambda value: signed(compact(value)))
        axes.set_xlabel("change of retention, points")
        axes.annotate(
            "change of profit", (0, 1), (-42, 8), xycoords="axes fraction", textcoords="offset points",
            fontsize=TEXT - 0.5, color=LIGHT["muted"],
        )  # fmt: skip
        words = [
            f"{name}: retention {difference_in_unit(r.mean, 'percent')} points, profit "
            f"{difference_in_unit(p.mean, 'money')}."
            for name, r, p in marked
        ]
        return Picture(key, title, caption, words, to_svg(figure, key))


def box_of_worlds(
    key: str,
    title: str,
    caption: str,
    factors: Sequence[Factor],
    places: FloatArray,
    happens: npt.NDArray[np.bool_],
    box: Box,
    mark: Callable[[bool], str],
) -> Picture:
    """Draw the worlds by the two factors that bound a box most, and the box."""
    bounded = sorted(box.limits, key=lambda limit: limit.high - limit.low)
    axes_of = [factors.index(limit.factor) for limit in bounded[:2]]
    axes_of += [k for k in range(len(factors)) if k not in axes_of][: 2 - len(axes_of)]
    x, y = axes_of[0], axes_of[1] if len(axes_of) > 1 else axes_of[0]
    with drawing():
        figure, axes = canvas(320, 52, 12, 22, 66)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        for is_so, color, marker in ((False, LIGHT["middling"], "o"), (True, LIGHT["bad2"], "^")):
            chosen = happens == is_so
            axes.plot(places[chosen, x], places[chosen, y], marker, color=color, markersize=4.5, label=mark(is_so))
        sides = dict.fromkeys((x, y), (0.0, 1.0))
        sides |= {factors.index(limit.factor): (limit.low, limit.high) for limit in box.limits}
        corner = (sides[x][0], sides[y][0])
        if box.limits:
            axes.add_patch(
                Rectangle(
                    corner,
                    sides[x][1] - corner[0],
                    sides[y][1] - corner[1],
                    fill=False,
                    edgecolor=LIGHT["ink"],
                    linewidth=1.6,
                )
            )
        for axis, k in ((axes.xaxis, x), (axes.yaxis, y)):
            places_of = (0.0, 0.5, 1.0)
            axis.set_ticks(places_of, [_short(factors[k].value(place)) for place in places_of])
        axes.set_xlabel(fitted(factors[x].path, WIDTH - 70))
        axes.annotate(
            fitted(factors[y].path, WIDTH - 60), (0, 1), (-46, 8), xycoords="axes fraction", textcoords="offset points",
            fontsize=TEXT - 0.5, color=LIGHT["muted"],
        )  # fmt: skip
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False, fontsize=TEXT - 1.5)
        words = [f"Box: {limit}." for limit in box.limits] or ["No box stands out."]
        return Picture(key, title, caption, words, to_svg(figure, key))


def _short(value: object) -> str:
    return compact(float(value)) if isinstance(value, int | float) else str(value)
