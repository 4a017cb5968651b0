"""The saved data of one comparison, as the report reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.report.intervals import NOTHING, Interval, interval_of
from experiments.report.words import labels
from sim.accounts import FIRM_COST_NAMES, TIER_COST_NAMES
from sim.errors import InputError
from sim.loyalty_types import TYPE_NAMES

TABLES = {
    "outcomes": ("arm", "seed", "firm", "metric", "value"),
    "periods": ("arm", "seed", "firm", "period", "retention", "revenue", "profit"),
    "tiers": ("arm", "seed", "firm", "tier", "customers", "contribution"),
    "types": ("arm", "seed", "firm", "type", "customers"),
    "losses": ("arm", "seed", "firm", "cause", "customers"),
    "flows": ("arm", "seed", "firm", "gained", "lost"),
    "migration": ("arm", "seed", "firm", "from_tier", "to_tier", "customers"),
    "retention_by": ("arm", "seed", "firm", "group", "name", "retention"),
    "nodes": ("arm", "node", "type", "opinion", "status"),
    "ties": ("arm", "a", "b"),
    "differences": ("arm", "metric", "mean", "ci_low", "ci_high", "n", "p_best", "variance_reduction"),
    "arms": ("arm", "metric", "mean", "ci_low", "ci_high", "n"),
}
CRM_TABLES = {  # comparisons saved before there were any lack them
    "loyalty": ("arm", "seed", "firm", "group", "name", "asked", "index"),
    "diagnosis": ("arm", "seed", "firm", "type", "diagnosed", "customers"),
    "patronage": ("arm", "seed", "firm", "loyalty", "asked"),
    "value": ("arm", "seed", "firm", "tier", "customers", "clv", "equity"),
}
MARKET_TABLES = {  # so do those; of the first and the last, every firm is kept
    "attributes": ("arm", "seed", "period", "group", "name", "attribute", "importance", "performance"),
    "four_tests": ("arm", "seed", "firm", "tier", "lever", "worth_per_cost", "cost_share", "experienced", "sustained"),
    "contagion": (
        "arm",
        "seed",
        "firm",
        "opinion_clustering",
        "churn_clustering",
        "retention_hubs",
        "retention_others",
    ),
    "programmes": (
        "arm", "seed", "firm", "kind", "participation", "member_share", "redemption_rate", "breakage", "cost_share",
        "cost_per_repeat",
    ),
    "occasions": ("arm", "seed", "firm", "name", "invited", "willing", "guests", "needs"),
    "bonds": ("arm", "seed", "firm", "lever", "offers", "taken", "cost"),
    "credit": ("arm", "seed", "firm", "tier", "rating", "customers", "owed", "paid", "written_off"),
    "elasticity": ("arm", "seed", "tier", "elasticity", "low", "high", "changes"),
    "cohorts": ("arm", "seed", "firm", "joined_from", "gained", "customers", "survival", "clv", "equity"),
    "matrix": ("arm", "seed", "firm", "quadrant", "asked", "current", "potential"),
    "network": ("arm", "mean_degree", "max_degree", "isolated_share", "largest_component_share", "clustering"),
    "built": ("arm", "seed", "firm", "measure", "name", "value"),
    "life_stages": ("arm", "seed", "firm", "stage", "people", "customers", "reached", "share", "revenue", "margin"),
}  # fmt: skip
KNOWN_TABLES = TABLES | CRM_TABLES | MARKET_TABLES
USUAL_TIERS = ("platinum", "gold", "iron", "lead")
UNTIERED = "no tier"


@dataclass(frozen=True)
class Evidence:
    """What a comparison saved: its manifest and, for the focal firm, its tables without the runs that failed.

    Parameters
    ----------
    folder : Path
        The folder of the comparison, the one that holds ``data``.
    manifest : Mapping
        The contents of ``manifest.json``.
    tables : Mapping of str to DataFrame
        The saved tables by name.
    """

    folder: Path
    manifest: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame] = field(repr=False)

    @property
    def title(self) -> str:
        """The question that the comparison asks."""
        return str(self.manifest["title"] or self.manifest["scenario"])

    @property
    def focal(self) -> str:
        """The firm whose policies are compared."""
        return str(self.manifest["focal"])

    @property
    def baseline(self) -> str:
        """The arm that the others are compared with."""
        return str(self.manifest["baseline"])

    @property
    def horizon(self) -> int:
        """Length of the long-run window, in periods."""
        return int(self.manifest["horizon"])

    @cached_property
    def arms(self) -> tuple[str, ...]:
        """The arms of which at least one run finished, in the order of the manifest."""
        finished = set(self.tables["outcomes"]["arm"])
        return tuple(arm for arm in self.manifest["arms"] if arm in finished)

    @cached_property
    def label(self) -> Mapping[str, str]:
        """A readable label for every arm, finished or not."""
        return labels(self.manifest["arms"])

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The outcomes measured, retention and profit first."""
        measured = dict.fromkeys(self.tables["outcomes"]["metric"])
        return tuple(dict.fromkeys(["retention", "profit", *measured]))

    def by_seed(self, name: str) -> pd.DataFrame:
        """Return the outcome ``name``, one row per seed and one column per finished arm; NaN where not known."""
        if name not in self._wide:
            return pd.DataFrame(columns=list(self.arms), dtype=float)
        return self._wide[name]

    @cached_property
    def _wide(self) -> Mapping[str, pd.DataFrame]:
        """Every outcome as ``by_seed`` returns it: made once, since every pair of arms asks for it."""
        wide = self.tables["outcomes"].set_index(["metric", "seed", "arm"])["value"].astype(float).unstack("arm")
        return {str(name): values.droplevel("metric")[list(self.arms)] for name, values in wide.groupby(level="metric")}

    def difference(self, name: str, arm: str, other: str) -> pd.Series:
        """Return, for each seed that both arms finished, the outcome of ``arm`` less that of ``other``."""
        values = self.by_seed(name)
        return (values[arm] - values[other]).dropna()

    def pilot(self, difference: pd.Series) -> pd.Series | None:
        """Return the seeds' differences whose spread decided how many seeds there are; None if nothing decided it."""
        until = self.manifest.get("until")
        if until is None:
            return None
        return difference[difference.index.isin(self.manifest["seeds"][: until["n_pilot"]])]

    def level(self, name: str, arm: str) -> Interval:
        """Return the saved mean and interval of an outcome of an arm."""
        return self._levels.get((arm, name), NOTHING)

    def saved_difference(self, name: str, arm: str) -> Interval:
        """Return the saved difference of an arm from the baseline."""
        return self._differences.get((arm, name), NOTHING)

    @cached_property
    def _levels(self) -> Mapping[tuple[str, str], Interval]:
        return _saved(self.tables["arms"])

    @cached_property
    def _differences(self) -> Mapping[tuple[str, str], Interval]:
        return _saved(self.tables["differences"])

    def ranked(self, name: str) -> list[str]:
        """Return the arms whose outcome ``name`` is known, the highest mean first."""
        means = self.by_seed(name).mean().dropna()
        return [str(arm) for arm in means.sort_values(ascending=False, kind="stable").index]

    @cached_property
    def contrast(self) -> tuple[str, str] | None:
        """The arm with the highest mean profit, and what it is held against.

        That is the baseline, or the next best arm when the baseline itself is the best; None with fewer than two
        arms to hold against each other.
        """
        ranked = self.ranked("profit")
        if len(ranked) < 2:
            return None
        return ranked[0], self.baseline if self.baseline in ranked[1:] else ranked[1]

    @cached_property
    def long_run(self) -> pd.DataFrame:
        """Money over the long-run window: one row per (arm, seed), columns revenue, the cost lines and profit."""
        periods = self.tables["periods"]
        last = periods.groupby(["arm", "seed"])["period"].transform("max")
        window = periods[periods["period"] > last - self.horizon]
        lines = [line for line in ("revenue", *TIER_COST_NAMES, *FIRM_COST_NAMES, "profit") if line in window]
        return window.groupby(["arm", "seed"])[lines].sum()

    def intervals(self, table: str, column: str, group: str, fill: float | None = 0.0) -> pd.Series:
        """Return the interval over seeds of ``column``, by (group, arm).

        Parameters
        ----------
        table, column, group : str
            Where to look, what to average, and by what to tell apart (``"tier"``, ``"type"``, ``"cause"``).
        fill : float or None
            What a seed without a row counts as: no customers is zero; None leaves it out.
        """
        wide = self.tables[table].pivot_table(
            index=["arm", "seed"], columns=group, values=column, aggfunc="sum" if fill == 0 else "mean", dropna=False
        )
        runs = self.tables["outcomes"].groupby(["arm", "seed"]).size().index
        wide = wide.reindex(runs)
        if fill is not None:
            wide = wide.fillna(fill)
        return pd.Series(
            {
                (name, arm): interval_of(values[name])
                for arm, values in wide.groupby(level="arm")
                for name in wide.columns
            },
            dtype=object,
        )

    @cached_property
    def tiers(self) -> list[str]:
        """The tiers met in any arm, the best first when the names are the usual ones, else as they came."""
        return _ordered([*self.tables["tiers"]["tier"], *self.tables["migration"]["from_tier"]], USUAL_TIERS)

    @cached_property
    def types(self) -> list[str]:
        """The loyalty types met in any arm."""
        return _ordered(self.tables["types"]["type"], TYPE_NAMES)


def load(folder: Path) -> Evidence:
    """Read what a comparison saved under ``folder/data``.

    Raises
    ------
    InputError
        If the manifest or a table is missing or unreadable, or lacks a column that the report needs.
    """
    data = folder / "data"
    try:
        manifest = json.loads((data / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the saved comparison ({error})", file=data / "manifest.json") from error
    files = {name: data / f"{name}.parquet" for name in KNOWN_TABLES}
    tables = {name: _read(file) for name, file in files.items() if name in TABLES or file.exists()}
    return evidence_of(folder, manifest, tables)


def evidence_of(folder: Path, manifest: Mapping[str, Any], saved: Mapping[str, pd.DataFrame]) -> Evidence:
    """Return what the tables and the manifest of a comparison tell, which are in a folder or will be.

    Raises
    ------
    InputError
        If a table lacks a column that the report needs.
    """
    failed = {(row["arm"], row["seed"]) for row in manifest["failed"]}
    needed = {name: columns for name, columns in KNOWN_TABLES.items() if name in saved}
    tables = {
        name: _usable(saved[name], columns, folder / "data" / f"{name}.parquet") for name, columns in needed.items()
    }
    for name, table in tables.items():
        keep = pd.Series(True, index=table.index)
        if "firm" in needed[name]:
            keep &= table["firm"] == manifest["focal"]
        if "seed" in needed[name] and failed:
            keep &= pd.Series([run not in failed for run in zip(table["arm"], table["seed"], strict=True)], table.index)
        tables[name] = table[keep]
    for name in ("arms", "differences"):
        numbers = [column for column in TABLES[name] if column not in ("arm", "metric")]
        tables[name] = tables[name].assign(**{column: pd.to_numeric(tables[name][column]) for column in numbers})
    for name, columns in {"tiers": ["tier"], "migration": ["from_tier", "to_tier"]}.items():
        named = {column: tables[name][column].astype(object).fillna("").replace("", UNTIERED) for column in columns}
        tables[name] = tables[name].assign(**named)
    return Evidence(folder, manifest, tables)


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the saved table ({error})", file=path) from error


def _usable(table: pd.DataFrame, columns: Sequence[str], path: Path) -> pd.DataFrame:
    missing = [column for column in columns if column not in table]
    if missing and len(table):
        raise InputError(f"lacks the column {missing[0]}", file=path, allowed=", ".join(columns))
    table = table.astype(dict.fromkeys(table.select_dtypes("category"), object))
    return table if len(table) else table.reindex(columns=list(dict.fromkeys([*table.columns, *columns])))


def _saved(table: pd.DataFrame) -> dict[tuple[str, str], Interval]:
    """Return the known intervals of a saved table, by arm and metric."""
    rows = table.loc[table["mean"].notna(), ["arm", "metric", "mean", "ci_low", "ci_high", "n"]]
    return {
        (arm, name): Interval(float(mean), float(low), float(high), int(n))
        for arm, name, mean, low, high, n in rows.itertuples(index=False)
    }


def _ordered(names: Sequence[str] | pd.Series, usual: Sequence[str]) -> list[str]:
    met = [str(name) for name in dict.fromkeys(names)]
    if set(met) <= {*usual, UNTIERED}:
        return [name for name in (*usual, UNTIERED) if name in met]
    return met
