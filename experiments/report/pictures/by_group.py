"""Pictures with a row per arm under each tier, cause or loyalty type."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from experiments.report.evidence import Evidence
from experiments.report.intervals import NOTHING, Interval, interval_of
from experiments.report.pictures.canvas import Picture, styles, to_svg
from experiments.report.pictures.rows import Group, rows, told
from experiments.report.words import Unit, compact, listed, percent
from sim.accounts import FIRM_COST_NAMES, TIER_COST_NAMES


def profit_by_tier(evidence: Evidence) -> Picture:
    """Draw what each tier contributes, what the firm as a whole spends besides, and the profit that is left."""
    by_tier = evidence.intervals("tiers", "contribution", "tier")
    money = evidence.long_run
    firm_lines = [line for line in FIRM_COST_NAMES if line in money and money[line].any()]
    overhead = -money[firm_lines].sum(axis=1)
    groups = [Group(tier, _of(evidence, by_tier, tier)) for tier in evidence.tiers]
    groups.append(Group("firm-wide costs", [_over_seeds(overhead, arm) for arm in evidence.arms]))
    groups.append(Group("profit", [evidence.level("profit", arm) for arm in evidence.arms]))
    tier_lines = [name.replace("_", " ") for name in TIER_COST_NAMES]
    caption = (
        f"What each tier brings over the last {evidence.horizon} periods: revenue less {listed(tier_lines)}. "
        f"{listed(firm_lines).capitalize()} costs belong to the firm as a whole. Whiskers are 95% intervals over seeds."
    )
    return _drawn(
        evidence, "tiers", "Profit per tier", caption, groups, "money", f"money, last {evidence.horizon} periods"
    )


def leaky_bucket(evidence: Evidence) -> Picture:
    """Draw the customers gained, and lost by cause, over the long-run window."""
    by_cause = evidence.intervals("losses", "customers", "cause")
    flows = evidence.tables["flows"].set_index(["arm", "seed"])
    means = {
        cause: max(i.mean for i in _of(evidence, by_cause, cause))
        for cause in dict.fromkeys(by_cause.index.get_level_values(0))
    }
    causes = sorted((cause for cause, mean in means.items() if mean > 0), key=lambda cause: -means[cause])
    groups = [
        Group("gained", [_over_seeds(flows["gained"], arm) for arm in evidence.arms]),
        Group("lost, all causes", [_over_seeds(-flows["lost"], arm) for arm in evidence.arms]),
    ]
    groups += [
        Group(f"lost: {cause.replace('_', ' ')}", [_negative(i) for i in _of(evidence, by_cause, cause)])
        for cause in causes
    ]
    caption = (
        f"Customers gained (right of zero) and lost (left of zero) over the last {evidence.horizon} periods, by the "
        "cause recorded when they left. A customer who leaves and returns counts in both. "
        "Whiskers are 95% intervals over seeds."
    )
    return _drawn(
        evidence, "bucket", "The leaky bucket: customers gained and lost", caption, groups, "people", "customers"
    )


def who_buys(evidence: Evidence) -> Picture:
    """Draw how many customers of each loyalty type the firm has."""
    by_type = evidence.intervals("types", "customers", "type")
    groups = [Group(kind, _of(evidence, by_type, kind)) for kind in evidence.types]
    caption = (
        f"Mean number of the firm's customers of each loyalty type over the last {evidence.horizon} periods. "
        "Whiskers are 95% intervals over seeds."
    )
    return _drawn(evidence, "buyers", "Who buys, by loyalty type", caption, groups, "people", "customers")


def who_stays(evidence: Evidence) -> Picture:
    """Draw what share of the customers of each loyalty type stayed through the long-run window."""
    kept = evidence.tables["retention_by"]
    kept = kept[kept["group"] == "type"]
    groups = [
        Group(kind, [interval_of(_kept(kept, arm, kind), is_share=True) for arm in evidence.arms])
        for kind in evidence.types
    ]
    caption = (
        f"Of the firm's customers of each type {evidence.horizon} periods before the end, the share who stayed to the "
        "end and never lapsed. The axis need not start at zero. Whiskers are 95% intervals over seeds."
    )
    return _drawn(evidence, "stayers", "Who stays, by loyalty type", caption, groups, "percent", "retention")


def _drawn(
    evidence: Evidence, key: str, title: str, caption: str, groups: list[Group], unit: Unit, axis: str
) -> Picture:
    if not any(math.isfinite(i.mean) for group in groups for i in group.intervals):
        return Picture(key, title, "There is nothing to show: no customers, or not known in any run.")
    looks = list(styles(evidence).values())
    write = percent if unit == "percent" else compact
    figure = rows(groups, looks, lambda value: write(float(value)), axis, is_bar=unit != "percent")
    if all(i.n == 1 for group in groups for i in group.intervals if i.n):
        caption = caption.replace("Whiskers are 95% intervals over seeds.", "One run: no intervals.")
    return Picture(key, title, caption, told(groups, looks, unit), to_svg(figure, key))


def _of(evidence: Evidence, intervals: pd.Series, name: str) -> list[Interval]:
    return [intervals.get((name, arm), NOTHING) for arm in evidence.arms]


def _over_seeds(values: pd.Series, arm: str) -> Interval:
    arms = values.index.get_level_values("arm")
    return interval_of(np.asarray(values[arms == arm], dtype=float))


def _kept(kept: pd.DataFrame, arm: str, kind: str) -> pd.Series:
    return kept.loc[(kept["arm"] == arm) & (kept["name"] == kind), "retention"]


def _negative(interval: Interval) -> Interval:
    return Interval(-interval.mean, -interval.high, -interval.low, interval.n)
