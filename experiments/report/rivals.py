"""The focal firm beside each rival, attribute by attribute, and by segment: tables of the customer value analysis."""

from __future__ import annotations

import pandas as pd

from experiments.report.intervals import interval_of
from experiments.report.tables import Cell, Table
from experiments.report.words import number, range_of, signed
from sim.crm.attributes import ATTRIBUTES
from sim.loyalty_types import TYPE_NAMES

UNKNOWN = Cell("not known")


def beside_each(answers: pd.DataFrame, focal: str, label: str) -> Table | None:
    """Return the lead over each rival in each attribute; None if there is no rival that is known.

    Parameters
    ----------
    answers : DataFrame
        Columns seed, attribute, firm, performance: one study of everybody, of several seeds.
    focal : str
        The firm whose lead is told.
    label : str
        The arm, in words.
    """
    rated = answers.pivot_table(index=["attribute", "seed"], columns="firm", values="performance", dropna=False)
    rivals = [str(name) for name in rated if name != focal and rated[name].notna().any()]
    if focal not in rated or not rivals:
        return None
    rows = []
    for attribute in (name for name in ATTRIBUTES if name in rated.index.get_level_values("attribute")):
        own = rated.loc[attribute]
        rows.append((attribute, [_lead(own[focal] - own[rival]) for rival in rivals]))
    return Table(
        f"Lead of {focal} over each rival at the end, under “{label}”",
        ["Attribute", *rivals],
        rows,
        "Points out of 100, as all who know both rate them. Smaller print: 95% intervals over seeds.",
    )


def by_segment(answers: pd.DataFrame, focal: str, label: str) -> Table | None:
    """Return the lead over the best rival of each segment: who that is may differ by segment and attribute.

    Parameters
    ----------
    answers : DataFrame
        Columns seed, group, name, attribute, firm, performance: one study of segments, of several seeds.
    focal, label : str
        The firm whose lead is told, and the arm in words.
    """
    rated = answers.pivot_table(
        index=["group", "name", "attribute", "seed"], columns="firm", values="performance", dropna=False, observed=True
    )
    rivals = [str(name) for name in rated if name != focal and rated[name].notna().any()]
    if focal not in rated or not rivals:
        return None
    segments = list(dict.fromkeys(zip(answers["group"], answers["name"], strict=True)))
    segments.sort(key=lambda of: (of[0] != "tier", TYPE_NAMES.index(of[1]) if of[1] in TYPE_NAMES else 0))
    rows = [
        (str(name), [_over_the_best(_of(rated, group, name, each), focal, rivals) for each in ATTRIBUTES])
        for group, name in segments
    ]
    return Table(
        f"Lead of {focal} over its best rival with each segment at the end, under “{label}”",
        ["Segment", *ATTRIBUTES],
        rows,
        "Points out of 100, and the rival that the segment rates best. Differences of a few points can be chance where "
        "a segment is small.",
    )


def _of(rated: pd.DataFrame, group: str, name: str, attribute: str) -> pd.DataFrame:
    """Return what one segment said of one attribute: a row per seed, a column per firm."""
    names = ("group", group), ("name", name), ("attribute", attribute)
    is_it = [rated.index.get_level_values(level) == value for level, value in names]
    return rated[is_it[0] & is_it[1] & is_it[2]]


def _over_the_best(own: pd.DataFrame, focal: str, rivals: list[str]) -> Cell:
    means = own[rivals].mean().dropna()
    if means.empty or own[focal].isna().all():
        return UNKNOWN
    best = str(means.idxmax())
    lead = interval_of(own[focal] - own[best])
    return UNKNOWN if lead.n == 0 else Cell(signed(number(100 * lead.mean)), best)


def _lead(differences: pd.Series) -> Cell:
    lead = interval_of(differences)
    if lead.n == 0:
        return UNKNOWN
    points = interval_of(100 * differences)
    return Cell(signed(number(points.mean)), range_of(points, "score", is_difference=True) if points.is_known else "")
