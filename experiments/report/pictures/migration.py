"""Tier migration: from which tier to which customers move at a review."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from experiments.report.evidence import Evidence
from experiments.report.pictures.canvas import LIGHT, TEXT, WIDTH, Picture, extent, fitted, fitted_apart, to_svg
from experiments.report.words import listed, number, percent

ALL_ARMS = 3
"""Up to this many arms every one gets its own matrix; with more, the baseline and the best do."""


def row_shares(evidence: Evidence, arm: str) -> pd.DataFrame:
    """Return the share of each tier's customers (row) in each tier (column) after a review; NaN if none were."""
    moves = evidence.tables["migration"]
    counts = moves[moves["arm"] == arm].pivot_table(
        index="from_tier", columns="to_tier", values="customers", aggfunc="sum"
    )
    met = [tier for tier in evidence.tiers if tier in counts.index or tier in counts.columns]
    met += [tier for tier in counts.columns if tier not in met]
    counts = counts.reindex(index=met, columns=met).fillna(0.0).astype(float)
    return counts.div(counts.sum(axis=1).replace(0.0, np.nan), axis=0)


def migration(evidence: Evidence) -> Picture:
    """Draw a heat map of row shares per arm, with the numbers in the cells."""
    key, title = "migration", "Moving between tiers"
    chosen = evidence.arms
    if len(chosen) > ALL_ARMS:
        wanted = {evidence.baseline, *(evidence.contrast or ()), *evidence.ranked("retention")[:1]}
        chosen = tuple(arm for arm in evidence.arms if arm in wanted)
    shares = {arm: row_shares(evidence, arm) for arm in chosen}
    shares = {arm: table for arm, table in shares.items() if table.notna().any(axis=None)}
    if not shares:
        return Picture(key, title, "No tier review fell within the long-run window, so nobody moved.")
    words = []
    for arm, table in shares.items():
        for tier in table.index[table.notna().any(axis=1)]:
            to = listed(f"{percent(share)} {other}" for other, share in table.loc[tier].items() if share > 0)
            words.append(f"{evidence.label[arm]}, from {tier}: {to}.")
    caption = (
        "Of the customers in a tier before a review (row), the share in each tier after it (column), over all reviews "
        f"of the last {evidence.horizon} periods and all seeds; outlined cells stayed. Rows add up to 100%."
    )
    if len(shares) < len(evidence.arms):
        shown = listed(f"“{evidence.label[arm]}”" for arm in shares)
        caption += f" Shown: {shown}; the other arms are in the data."
    return Picture(
        key, title, caption, words, _draw({evidence.label[arm]: table for arm, table in shares.items()}, key)
    )


def _draw(shares: dict[str, pd.DataFrame], key: str) -> str:
    title, header, cell_height, gap = 18.0, 16.0, 23.0, 12.0
    depth = sum(title + header + cell_height * len(table) + gap for table in shares.values())
    figure = Figure(figsize=(WIDTH / 72, depth / 72))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(depth, 0)
    top = 0.0
    for name, table in shares.items():
        names = fitted_apart([str(tier) for tier in table], 85.0)
        left = extent(names) + 12
        cell = min((WIDTH - left - 2) / len(table), 68.0)
        axes.text(2, top + title / 2, fitted(name, WIDTH - 10), va="center", fontweight="bold", fontsize=TEXT)
        top += title
        for column, text in enumerate(fitted_apart([str(tier) for tier in table], cell - 2, TEXT - 1.5)):
            axes.text(
                left + cell * (column + 0.5), top + header / 2, text, ha="center", va="center", fontsize=TEXT - 1.5
            )
        top += header
        for row, tier in enumerate(table.index):
            y = top + cell_height * (row + 0.5)
            axes.text(left - 6, y, names[row], ha="right", va="center", fontsize=TEXT - 0.5)
            for column, share in enumerate(table.loc[tier]):
                x = left + cell * column
                strength = 0.0 if np.isnan(share) else 0.06 + 0.44 * share
                place = ((x + 1, y - cell_height / 2 + 1), cell - 2, cell_height - 2)
                axes.add_patch(Rectangle(*place, facecolor=LIGHT["accent"], alpha=strength, linewidth=0))
                if row == column:
                    axes.add_patch(Rectangle(*place, fill=False, edgecolor=LIGHT["ink"], linewidth=1.0))
                axes.text(
                    x + cell / 2, y, _cell(share), ha="center", va="center", fontsize=TEXT - (0.5 if cell > 32 else 1.5)
                )
        top += cell_height * len(table) + gap
    return to_svg(figure, key)


def _cell(share: float) -> str:
    if np.isnan(share):
        return "\N{EN DASH}"
    if 0 < share < 0.005:
        return "<1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{number(round(100 * share))}%"
