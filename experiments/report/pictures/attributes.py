"""Importance against lead: where a firm wins and loses what counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.report.pictures.canvas import (
    LIGHT,
    TEXT,
    Picture,
    canvas,
    drawing,
    extent,
    room,
    spread,
    ticks,
    to_svg,
)
from experiments.report.words import number, percent, signed

if TYPE_CHECKING:
    from experiments.report.value_analysis import Lead

HEIGHT, LEFT, BOTTOM, TOP = 300.0, 44.0, 36.0, 22.0


def importance_and_lead(attributes: Sequence[Lead], focal: str, label: str, fair_share: float) -> Picture:
    """Draw each attribute by what it counts for and how far the firm leads its best rival in it.

    Parameters
    ----------
    attributes : sequence of Lead
        How each stands.
    focal, label : str
        The firm, and the arm looked at.
    fair_share : float
        Importance from which an attribute matters.
    """
    key, title = "attributes", "What counts, and who is ahead"
    n = attributes[0].lead.n
    caption = (
        f"Up: what counts more when people choose. Right: where {focal} is rated better than its best rival, in points "
        f"out of 100, under “{label}”. Above the line and left of zero is where to invest. Whiskers are 95% intervals "
        f"over {n} seeds."
    )
    if n == 1:
        caption = caption.replace("Whiskers are 95% intervals over 1 seeds.", "One run: no intervals.")
    words = [
        f"{each.attribute}: importance {percent(each.importance.mean)}, lead over {each.rival} "
        f"{signed(number(100 * each.lead.mean))} points."
        for each in attributes
    ]
    with drawing():
        return Picture(key, title, caption, words, _draw(attributes, focal, fair_share, key))


def _draw(attributes: Sequence[Lead], focal: str, fair_share: float, key: str) -> str:
    names = [each.attribute for each in attributes]
    right = extent(names) + 10
    figure, axes = canvas(HEIGHT, LEFT, right, TOP, BOTTOM)
    leads = [100 * each.lead.mean for each in attributes]
    ends = [100 * end for each in attributes for end in ((each.lead.low, each.lead.high) if each.lead.is_known else ())]
    weights = [100 * each.importance.mean for each in attributes]
    low, high = room(min([*leads, *ends, 0.0]), max([*leads, *ends, 0.0]))
    axes.set_xlim(low, high)
    axes.set_ylim(*room(min([*weights, 100 * fair_share]), max([*weights, 100 * fair_share]), margin=0.1))
    axes.axvline(0.0, color=LIGHT["ink"], linewidth=0.8)
    axes.axhline(100 * fair_share, color=LIGHT["muted"], linewidth=0.8, linestyle=(0, (4, 2)))
    beside = spread(weights, 0.045 * (axes.get_ylim()[1] - axes.get_ylim()[0]), *axes.get_ylim())
    for each, lead, weight, at in zip(attributes, leads, weights, beside, strict=True):
        color = LIGHT["good2"] if each.lead.excludes_zero and lead > 0 else LIGHT["muted"]
        color = LIGHT["bad2"] if each.lead.excludes_zero and lead < 0 else color
        marker = "^" if color == LIGHT["good2"] else "v" if color == LIGHT["bad2"] else "o"
        if each.lead.is_known:
            axes.hlines(weight, 100 * each.lead.low, 100 * each.lead.high, color=color, linewidth=1.4)
        axes.plot(lead, weight, color=color, marker=marker, markersize=6.5, linestyle="")
        axes.annotate(
            each.attribute,
            (1.0, at),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=TEXT - 0.5,
            color=LIGHT["ink"],
            annotation_clip=False,
        )
        axes.plot([lead, high], [weight, at], color=LIGHT["grid"], linewidth=0.6, zorder=0)
    ticks(axes, "x", number)
    ticks(axes, "y", lambda value: f"{number(value)}%")
    axes.set_xlabel(f"lead of {focal} over its best rival, points")
    axes.annotate(
        "importance",
        (0.0, 1.0),
        xycoords="axes fraction",
        xytext=(-LEFT + 4, 8),
        textcoords="offset points",
        fontsize=TEXT - 0.5,
        color=LIGHT["muted"],
    )
    return to_svg(figure, key)
