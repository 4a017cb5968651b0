"""The drawing surface shared by all pictures: one drawing that follows the reader's light or dark theme.

A picture is drawn once, as SVG whose colours are then turned into CSS variables, so that the page can repaint it. It
is as wide as a phone in points, so that its text stays readable there; its text remains text.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.report.evidence import Evidence
from experiments.report.words import shortened, shortened_apart, width, without_zeros

WIDTH = 340.0  # points; about the width of a phone's page, so that text is shown at about its nominal size
TEXT = 10.0

# Each colour in the light and in the dark theme; pictures are drawn in the light one.
THEME = {
    "paper": ("#ffffff", "#14181d"),
    "ink": ("#1d2125", "#e8ebee"),
    "muted": ("#57606a", "#a4adb8"),
    "grid": ("#d8dee4", "#343b44"),
    "shade": ("#eef1f4", "#1f252c"),
    "accent": ("#1460a8", "#5fa8ee"),
    "arm0": ("#5a626c", "#b3bbc5"),
    "arm1": ("#0067b1", "#5cb0f5"),
    "arm2": ("#c04c08", "#ff9a5c"),
    "arm3": ("#00775a", "#3fcf9f"),
    "arm4": ("#983d84", "#e79bd5"),
    "arm5": ("#866200", "#e8c140"),
    "arm6": ("#237a99", "#7fd6ee"),
    "arm7": ("#26292e", "#f4f6f8"),
    "bad2": ("#b0450b", "#ff8a45"),
    "bad1": ("#e6a06d", "#b0683c"),
    "middling": ("#cfd5db", "#68717b"),
    "good1": ("#6eafdc", "#4089bb"),
    "good2": ("#0a599b", "#82c8ff"),
}
LIGHT = {name: light for name, (light, _) in THEME.items()}
HATCHES = ("", "///", "..", "\\\\\\", "xx", "---", "++", "||")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (9, 2)))


@dataclass(frozen=True, slots=True)
class Style:
    """How an arm looks in every picture: its label, and its colour never without another mark."""

    label: str
    color: str
    hatch: str
    marker: str
    dashes: Any


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture ready for the page.

    Parameters
    ----------
    key, title : str
        Its anchor and its heading.
    caption : str
        What it shows and how to read it.
    words : sequence of str
        The same in words, number by number: the text alternative.
    svg : str or None
        The drawing; None when there is nothing to draw, which the caption then explains.
    """

    key: str
    title: str
    caption: str
    words: Sequence[str] = ()
    svg: str | None = None


def styles(evidence: Evidence) -> dict[str, Style]:
    """Give every finished arm its looks: grey and solid for the baseline, one of seven colours for each other."""
    others = [arm for arm in evidence.arms if arm != evidence.baseline]
    place = {arm: rank + 1 for rank, arm in enumerate(others)} | {evidence.baseline: 0}
    return {
        arm: Style(
            evidence.label[arm],
            LIGHT["arm0" if place[arm] == 0 else f"arm{(place[arm] - 1) % 7 + 1}"],
            HATCHES[place[arm] % len(HATCHES)],
            MARKERS[place[arm] % len(MARKERS)],
            DASHES[place[arm] % len(DASHES)],
        )
        for arm in evidence.arms
    }


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in the report's style: plain text (a dollar sign is no formula), quiet axes, no process-wide state left."""
    settings: Any = {
        "axes.edgecolor": LIGHT["muted"],
        "axes.labelcolor": LIGHT["muted"],
        "axes.labelsize": TEXT - 0.5,
        "axes.linewidth": 0.7,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlecolor": LIGHT["ink"],
        "font.family": "DejaVu Sans",
        "font.size": TEXT,
        "grid.color": LIGHT["grid"],
        "grid.linewidth": 0.6,
        "hatch.linewidth": 0.7,
        "svg.fonttype": "none",
        "svg.hashsalt": "report",
        "text.color": LIGHT["ink"],
        "text.parse_math": False,
        "xtick.color": LIGHT["muted"],
        "ytick.color": LIGHT["muted"],
        "xtick.labelsize": TEXT - 0.5,
        "ytick.labelsize": TEXT - 0.5,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # The browser sets the text in the reader's own fonts, so a letter that matplotlib's font lacks is no loss.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support .* natively")
        yield


def canvas(height: float, left: float, right: float, top: float, bottom: float) -> tuple[Figure, Axes]:
    """Return a figure of the standard width and its axes; all lengths in points."""
    figure = Figure(figsize=(WIDTH / 72, height / 72))
    axes = figure.add_axes(
        (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, (height - bottom - top) / height)
    )
    axes.set_axisbelow(True)
    return figure, axes


def ticks(axes: Axes, side: str, write: Callable[[float], str], most: int = 4) -> None:
    """Write the numbers of one axis (``"x"`` or ``"y"``) with ``write``, at ``most`` about that many places."""
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(most))
    axis.set_major_formatter(FuncFormatter(lambda value, _: without_zeros(write(round(value, 12)))))
    axes.grid(axis="x" if side == "x" else "y")


def room(low: float, high: float, *, at_zero: bool = False, margin: float = 0.06) -> tuple[float, float]:
    """Return the limits of an axis that shows ``low`` to ``high``, wide enough to draw even if they coincide."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return 0.0, 1.0
    if at_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        reach = abs(high) * 0.1 or 1.0
        low, high = low - (0 if at_zero and low == 0 else reach), high + reach
    reach = (high - low) * margin
    return low - (0 if at_zero and low == 0 else reach), high + (0 if at_zero and high == 0 else reach)


def fitted(text: str, points: float, size: float = TEXT - 0.5) -> str:
    """Shorten ``text`` to fit in a width given in points."""
    return shortened(text, points / (0.6 * size))


def fitted_apart(texts: Sequence[str], points: float, size: float = TEXT - 0.5) -> list[str]:
    """Shorten texts to fit in a width given in points and still tell them apart."""
    return shortened_apart(texts, points / (0.6 * size))


def extent(texts: Sequence[str], size: float = TEXT - 0.5) -> float:
    """Return about how wide the widest of some texts is, in points."""
    return max(width(text) for text in texts) * 0.6 * size


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move places apart until neighbours are ``gap`` away from each other, within ``low`` to ``high`` if they fit."""
    order = np.argsort(places, kind="stable")
    moved = np.clip(np.asarray(places, dtype=float)[order], low, high)
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + gap)
    ceiling = high
    for i in range(len(moved) - 1, -1, -1):
        moved[i] = min(moved[i], ceiling)
        ceiling = moved[i] - gap
    result = np.empty(len(moved))
    result[order] = moved
    return [float(place) for place in result]


def to_svg(figure: Figure, key: str) -> str:
    """Return the drawing as an SVG element to stand inside an HTML page.

    Colours become CSS variables, names of parts are made unique to the page by ``key``, and what a browser does not
    need is left out.
    """
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<defs>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<svg[^>]*?(viewBox=\"[^\"]*\")[^>]*>", r'<svg \1 aria-hidden="true">', svg, count=1)
    svg = svg.replace("xlink:href", "href")
    used = set(re.findall(r"#([\w.]+)[\")]", svg))
    svg = re.sub(r' id="([\w.]+)"', lambda m: f' id="{key}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r'(url\(|href=")#', rf"\1#{key}-", svg)
    variables = {light: f"var(--{name})" for name, light in LIGHT.items()}
    svg = re.sub(r'((?:fill|stroke)(?:: |="))(#[0-9a-f]{6})', lambda m: m[1] + variables.get(m[2], m[2]), svg)
    svg = re.sub(r"font-family: [^;\"]*; ?|stroke-linecap: square; ?", "", svg)
    svg = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", svg)
    svg = re.sub(r'(?<=[ "\-(])(-?\d+\.\d{2})\d+', r"\1", svg)
    return re.sub(r">\s+<", "><", re.sub(r"[ \n]+", " ", svg)).strip()
