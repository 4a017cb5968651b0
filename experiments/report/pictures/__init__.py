"""The pictures of the report, in the order in which a reader meets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.report.evidence import Evidence
from experiments.report.pictures.by_group import leaky_bucket, profit_by_tier, who_buys, who_stays
from experiments.report.pictures.canvas import THEME, Picture, drawing
from experiments.report.pictures.migration import migration
from experiments.report.pictures.network import network
from experiments.report.pictures.over_time import retention, trade_off
from experiments.report.pictures.waterfall import waterfalls

__all__ = ["THEME", "Picture", "draw_all"]


def draw_all(evidence: Evidence) -> Mapping[str, Sequence[Picture]]:
    """Draw every picture, by the section of the report it stands in."""
    if not evidence.arms:
        return {}
    with drawing():
        return {
            "At a glance": [trade_off(evidence), retention(evidence)],
            "Earning profit": [profit_by_tier(evidence), *waterfalls(evidence)],
            "Keeping customers": [leaky_bucket(evidence), who_buys(evidence), who_stays(evidence)],
            "Tiers and talk": [migration(evidence), network(evidence)],
        }
