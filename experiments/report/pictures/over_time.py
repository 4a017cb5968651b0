"""Retention over time, and retention against profit: the two pictures of how the arms compare as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from experiments.report.evidence import Evidence
from experiments.report.intervals import Interval, interval_of
from experiments.report.pictures.canvas import (
    LIGHT,
    TEXT,
    Picture,
    Style,
    canvas,
    extent,
    fitted_apart,
    room,
    spread,
    styles,
    ticks,
    to_svg,
)
from experiments.report.words import compact, level, percent


def retention(evidence: Evidence) -> Picture:
    """Draw each arm's retention over time: the mean over seeds, with the band of its 95% interval."""
    title, key = "Retention over time", "retention"
    looks = styles(evidence)
    bands = {arm: _band(evidence, arm) for arm in evidence.arms}
    bands = {arm: band for arm, band in bands.items() if not band.empty}
    if not bands:
        return Picture(key, title, "Retention is not known: the runs are too short, or the firm has no customers.")
    first = int(evidence.tables["periods"]["period"].min())
    last = max(int(band.index[-1]) for band in bands.values())
    window = last - evidence.horizon
    names = fitted_apart([looks[arm].label for arm in bands], 92.0)
    right = extent(names) + 16
    figure, axes = canvas(250, 38, right, 20, 32)
    every = np.concatenate([band[["mean", "low", "high"]].to_numpy() for band in bands.values()])
    axes.set_ylim(room(float(np.nanmin(every)), float(np.nanmax(every))))
    axes.set_xlim(first, last)
    _shade(axes, first, evidence.manifest["warm_up"], window, last)
    for arm, band in bands.items():
        look = looks[arm]
        axes.fill_between(band.index, band["low"], band["high"], color=look.color, alpha=0.18, linewidth=0)
        axes.plot(band.index, band["mean"], color=look.color, linestyle=look.dashes, linewidth=1.7)
        ends = band["mean"].iloc[-1:]
        axes.plot(ends.index, ends, color=look.color, marker=look.marker, markersize=5.5, clip_on=False)
    _end_labels(
        axes, names, [float(band["mean"].iloc[-1]) for band in bands.values()], [looks[arm] for arm in bands], last
    )
    ticks(axes, "y", lambda value: percent(float(value)), 5)
    ticks(axes, "x", lambda value: f"{value:,.0f}", 5)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("period")
    words = []
    for arm, band in bands.items():
        seen = [f"{level(_at(band, t), 'percent')} in period {t}" for t in (window, last) if t in band.index]
        words.append(f"{looks[arm].label}: {', then '.join(seen)}.")
    caption = (
        f"Share of the customers of {evidence.horizon} periods earlier who are customers now and never lapsed in "
        f"between; so it starts only after {evidence.horizon} periods. "
    )
    if any(np.isfinite(band["low"]).any() for band in bands.values()):
        caption += "Lines are means over seeds, bands their 95% intervals period by period."
    else:
        caption += "One run: no bands."
    return Picture(key, title, caption, words, to_svg(figure, key))


def trade_off(evidence: Evidence) -> Picture:
    """Draw the arms by retention and profit, each a point with the cross of its two intervals."""
    title, key = "Retention against profit", "tradeoff"
    looks = styles(evidence)
    points = {arm: (evidence.level("retention", arm), evidence.level("profit", arm)) for arm in evidence.arms}
    points = {arm: pair for arm, pair in points.items() if np.isfinite([pair[0].mean, pair[1].mean]).all()}
    if not points:
        return Picture(key, title, "Retention or profit is not known in every arm.")
    figure, axes = canvas(280, 46, 14, 22, 34)
    for side, place in (("x", 0), ("y", 1)):
        ends = np.array([[pair[place].mean, pair[place].low, pair[place].high] for pair in points.values()])
        getattr(axes, f"set_{side}lim")(room(np.nanmin(ends), np.nanmax(ends), margin=0.12))
    if axes.get_ylim()[0] < 0 < axes.get_ylim()[1]:
        axes.axhline(0, color=LIGHT["ink"], linewidth=0.8)
    for arm, (kept, earned) in points.items():
        color = looks[arm].color
        axes.plot([kept.low, kept.high], [earned.mean] * 2, color=color, linewidth=1.3, marker="|", markersize=5)
        axes.plot([kept.mean] * 2, [earned.low, earned.high], color=color, linewidth=1.3, marker="_", markersize=5)
        axes.plot(kept.mean, earned.mean, color=color, marker=looks[arm].marker, markersize=7, linestyle="")
    ticks(axes, "x", lambda value: percent(float(value)))
    ticks(axes, "y", compact, 5)
    axes.grid(visible=True, axis="both")
    axes.set_xlabel("retention in the long run")
    axes.set_title(
        f"profit, last {evidence.horizon} periods",
        loc="left",
        fontsize=TEXT - 0.5,
        color=LIGHT["muted"],
        x=-0.13,
        pad=7,
    )
    _place_labels(axes, [(kept, earned, looks[arm]) for arm, (kept, earned) in points.items()])
    words = [
        f"{looks[arm].label}: retention {level(kept, 'percent')}, profit {level(earned, 'money')}."
        for arm, (kept, earned) in points.items()
    ]
    caption = "Up is more profit, right is more customers kept. "
    if any(kept.is_known for kept, _ in points.values()):
        caption += (
            "The crosses are each arm's own 95% intervals; two arms whose crosses overlap can still differ, because "
            "arms are compared seed by seed (see the findings)."
        )
    else:
        caption += "One run: no intervals."
    return Picture(key, title, caption, words, to_svg(figure, key))


def _band(evidence: Evidence, arm: str) -> pd.DataFrame:
    """Return the mean, the ends of the interval and the number of seeds of an arm's retention, by period."""
    periods = evidence.tables["periods"]
    by_period = periods[periods["arm"] == arm].groupby("period")["retention"]
    found = {period: astuple(interval_of(values, is_share=True)) for period, values in by_period}
    band = pd.DataFrame.from_dict(found, orient="index", columns=["mean", "low", "high", "n"])
    return band[band["n"] > 0]


def _at(band: pd.DataFrame, period: int) -> Interval:
    mean, low, high, n = band[["mean", "low", "high", "n"]].loc[[period]].to_numpy(dtype=float)[0]
    return Interval(float(mean), float(low), float(high), int(n))


def _shade(axes: Axes, first: int, warm_up: int, window: int, last: int) -> None:
    """Shade the warm-up and mark the long-run window, with their names above the plot."""
    over: dict[str, Any] = {"transform": axes.get_xaxis_transform()}
    small: dict[str, Any] = {"fontsize": TEXT - 1, "color": LIGHT["muted"], **over}
    if warm_up > first:
        end = min(warm_up, last)
        axes.axvspan(first, end, facecolor=LIGHT["shade"], edgecolor=LIGHT["grid"], hatch="///", linewidth=0)
        axes.text(first, 1.02, "warm-up", ha="left", **small)
    start = max(window, first)
    axes.axvline(start, color=LIGHT["muted"], linewidth=0.8, linestyle=(0, (2, 2)))
    axes.plot([start, last], [1, 1], color=LIGHT["muted"], linewidth=2.5, clip_on=False, **over)
    axes.text(last, 1.02, "long run", ha="right", **small)


def _end_labels(axes: Axes, names: Sequence[str], ends: Sequence[float], looks: Sequence[Style], last: int) -> None:
    """Name each line at its end, moved apart where the lines end close together."""
    low, high = axes.get_ylim()
    line = (high - low) * (TEXT + 2) / (axes.get_window_extent().height * 72 / axes.figure.dpi)
    for name, value, look, place in zip(names, ends, looks, spread(ends, line, low, high), strict=True):
        axes.annotate(
            name,
            (last, value),
            xytext=(13, (place - value) / line * (TEXT + 2)),
            textcoords="offset points",
            va="center",
            fontsize=TEXT - 0.5,
            color=look.color,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": look.color,
                "linewidth": 0.6,
                "shrinkA": 0,
                "shrinkB": 5,
                "relpos": (0, 0.5),
            },
        )


def _place_labels(axes: Axes, points: list[tuple[Interval, Interval, Style]]) -> None:
    """Name each point where its label covers neither a point nor another label, trying the nearest places first."""
    scale = 72 / axes.figure.dpi
    frame = axes.get_window_extent()
    centres = [axes.transData.transform((kept.mean, earned.mean)) * scale for kept, earned, _ in points]
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in centres]
    inside = Bbox.from_extents(frame.x0 * scale, frame.y0 * scale, frame.x1 * scale + 12, frame.y1 * scale)
    arms = []
    for kept, earned, _ in points:
        spans = [(kept.low, kept.high, earned.mean, earned.mean), (kept.mean, kept.mean, earned.low, earned.high)]
        for x0, x1, y0, y1 in spans if kept.is_known and earned.is_known else ():
            corners = axes.transData.transform([(x0, y0), (x1, y1)]) * scale
            arms.append(Bbox(corners).padded(1))
    names = fitted_apart([look.label for _, _, look in points], 120.0)
    for (x, y), (_, _, look), name in zip(centres, points, names, strict=True):
        size = extent([name])
        tries = [
            Bbox.from_bounds(x + dx if dx > 0 else x + dx - size, y + dy, size, TEXT)
            for reach in (7, 20, 36, 54, 76)
            for dy in (reach - 3, -reach - TEXT + 3)
            for dx in (7, -7)
        ]
        inner = [
            box
            for box in tries
            if inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
        ]
        box = min(inner or tries, key=lambda box: 3 * box.count_overlaps(taken) + box.count_overlaps(arms))
        taken.append(box)
        near_x = box.x0 if box.x0 > x else box.x1
        axes.annotate(
            name,
            (x, y),
            xycoords="figure points",
            xytext=(box.x0, box.y0 + TEXT / 2),
            textcoords="figure points",
            va="center",
            fontsize=TEXT - 0.5,
            color=look.color,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": look.color,
                "linewidth": 0.5,
                "shrinkA": 0,
                "shrinkB": 4,
                "relpos": (0 if near_x == box.x0 else 1, 0.5),
            },
        )
