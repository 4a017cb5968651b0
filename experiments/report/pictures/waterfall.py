"""Why the winner wins: the difference in profit, step by step, by cost line and by tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.report.evidence import Evidence
from experiments.report.findings import best_against_rest
from experiments.report.intervals import Interval, interval_of
from experiments.report.pictures.canvas import LIGHT, TEXT, Picture, canvas, extent, fitted_apart, room, ticks, to_svg
from experiments.report.words import compact, count, difference_in_unit, range_of, signed
from sim.accounts import FIRM_COST_NAMES, TIER_COST_NAMES

REST = "not accounted for"
TOTAL = "difference in profit"
ROW = 22.0


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a difference in profit: positive if it favours the first arm, whether by income or by a saving."""

    name: str
    change: Interval


def by_line(evidence: Evidence, arm: str, other: str) -> list[Step]:
    """Return the steps from revenue and each cost line to the difference in profit; their means add up to it."""
    change = _change(evidence.long_run, arm, other)
    steps = {
        str(line).replace("_", " "): change[line] if line == "revenue" else -change[line]
        for line in change
        if line != "profit"
    }
    return _steps(evidence, arm, other, steps)


def by_tier(evidence: Evidence, arm: str, other: str) -> list[Step]:
    """Return the steps from each tier's contribution and the firm-wide costs to the difference in profit."""
    wide = evidence.tables["tiers"].pivot_table(
        index=["arm", "seed"], columns="tier", values="contribution", aggfunc="sum"
    )
    wide = wide.reindex(evidence.long_run.index).fillna(0.0).reindex(columns=evidence.tiers, fill_value=0.0)
    money = evidence.long_run
    wide["firm-wide costs"] = -money[[line for line in FIRM_COST_NAMES if line in money]].sum(axis=1)
    change = _change(wide, arm, other)
    return _steps(evidence, arm, other, {str(name): change[name] for name in change})


def line_by_tier(evidence: Evidence, arm: str, other: str) -> pd.DataFrame:
    """Return the mean difference in profit by tier (rows) and line (columns), firm-wide costs apart."""
    tiers = evidence.tables["tiers"]
    lines = [line for line in ("revenue", *TIER_COST_NAMES) if line in tiers]
    table = pd.DataFrame(index=pd.Index(evidence.tiers, name="tier"), columns=lines, dtype=float)
    for line in lines:
        wide = tiers.pivot_table(index=["arm", "seed"], columns="tier", values=line, aggfunc="sum").fillna(0.0)
        mean = _change(wide, arm, other).dropna().mean().reindex(evidence.tiers, fill_value=0.0)
        table[line] = mean if line == "revenue" else -mean
    return table


def waterfalls(evidence: Evidence) -> list[Picture]:
    """Draw the difference in profit between the best arm and the baseline, by cost line and by tier."""
    title = "Why the profits differ"
    if evidence.contrast is None:
        return [
            Picture(
                "why-lines", title, "Fewer than two arms have a known profit, so there is no difference to explain."
            )
        ]
    arm, other = evidence.contrast
    if not evidence.difference("profit", arm, other).any():
        return [
            Picture("why-lines", title, "The profits are equal in every seed, so there is no difference to explain.")
        ]
    names = f"“{evidence.label[arm]}” against “{evidence.label[other]}”"
    pictures = []
    for key, what, steps in (
        ("why-lines", "by cost line", by_line(evidence, arm, other)),
        ("why-tiers", "by tier", by_tier(evidence, arm, other)),
    ):
        total = steps[-1].change
        caption = (
            f"{names}, last {evidence.horizon} periods, mean over {count(total.n, 'paired seed')}. Each bar starts "
            "where the one above ends; together they make the total. Solid, to the right: adds to profit, by more "
            f"revenue or a lower cost. Hatched, to the left: takes from it. {_standing(evidence, other, total)}"
        )
        words = [
            f"{step.name}: {difference_in_unit(step.change.mean, 'money')} "
            f"({range_of(step.change, 'money', is_difference=True)})."
            for step in steps
        ]
        pictures.append(Picture(key, f"{title}, {what}", caption, words, _draw(steps, key)))
    return pictures


def _change(table: pd.DataFrame, arm: str, other: str) -> pd.DataFrame:
    """Return the rows of one arm less those of the other, by seed; NaN for a seed that only one of them finished."""
    return pd.DataFrame(table.loc[arm]) - pd.DataFrame(table.loc[other])


def _standing(evidence: Evidence, other: str, total: Interval) -> str:
    """Say how far the total, and with it the steps, can be trusted."""
    if not total.is_known:
        return "One run: no intervals."
    against = next(v for v in best_against_rest(evidence, "profit") if v.other == evidence.label[other])
    if against.direction:
        return "Whiskers are 95% intervals."
    return "Whiskers are 95% intervals; no difference in the total is shown, so the steps may explain mere chance."


def _steps(evidence: Evidence, arm: str, other: str, parts: dict[str, pd.Series]) -> list[Step]:
    """Add the total as measured, and whatever of it the parts leave out, so that the steps always add up."""
    total = evidence.difference("profit", arm, other)
    parts = {name: values.reindex(total.index).fillna(0.0) for name, values in parts.items()}
    rest = total - sum(parts.values())
    scale = sum(values.abs().max() for values in parts.values()) + total.abs().max()
    if rest.abs().max() > 1e-6 * scale:
        parts[REST] = rest
    steps = [
        Step(name, interval_of(values, pilot=evidence.pilot(values))) for name, values in parts.items() if values.any()
    ]
    return [*steps, Step(TOTAL, interval_of(total, pilot=evidence.pilot(total)))]


def _draw(steps: Sequence[Step], key: str) -> str:
    starts = np.concatenate([[0.0], np.cumsum([step.change.mean for step in steps[:-1]])])
    starts[-1] = 0.0
    names = [step.name for step in steps]
    numbers = [signed(compact(step.change.mean)) for step in steps]
    names = fitted_apart(names, 115.0)
    left, right = extent(names) + 8, extent(numbers) + 8
    figure, axes = canvas(ROW * len(steps) + 40, left, right, 4, 34)
    axes.set_ylim(len(steps) - 0.5, -0.5)
    ends = [
        start + value
        for start, step in zip(starts, steps, strict=True)
        for value in (step.change.mean, step.change.low, step.change.high)
        if np.isfinite(value)
    ]
    axes.set_xlim(room(min(ends), max(ends), at_zero=True))
    ticks(axes, "x", lambda value: signed(compact(value)))
    axes.axvline(0, color=LIGHT["ink"], linewidth=0.8)
    axes.set_yticks(range(len(steps)), names, color=LIGHT["ink"])
    axes.tick_params(axis="y", length=0, pad=5)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("money: change in profit")
    for row, (step, start, text) in enumerate(zip(steps, starts, numbers, strict=True)):
        change, is_total = step.change, row == len(steps) - 1
        color = LIGHT["muted"] if is_total else LIGHT["arm1" if change.mean >= 0 else "arm2"]
        hatch = "" if is_total or change.mean >= 0 else "////"
        axes.barh(
            row, change.mean, left=start, height=0.62, color=color, hatch=hatch, edgecolor=LIGHT["paper"], linewidth=0
        )
        end = start + change.mean
        if not is_total:
            axes.plot([end, end], [row, row + 0.69], color=LIGHT["muted"], linewidth=0.7)
        if change.is_known:
            reach = [start + change.low, start + change.high]
            axes.plot(reach, [row, row], color=LIGHT["paper"], linewidth=2.6)
            axes.plot(reach, [row, row], color=LIGHT["ink"], linewidth=1.3, marker="|", markersize=6)
        axes.annotate(
            text,
            (1, row),
            xycoords=("axes fraction", "data"),
            xytext=(right - 2, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=TEXT - 0.5,
            fontweight="bold" if is_total else "normal",
        )
    return to_svg(figure, key)
