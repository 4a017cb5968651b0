"""Who is loyal, and what they are worth: the firm's CRM at the end of the runs, in tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.report import credit, stock
from experiments.report.evidence import CRM_TABLES, Evidence
from experiments.report.intervals import Interval, interval_of
from experiments.report.tables import Cell, Table
from experiments.report.words import count, in_unit, number, percent, range_of
from sim.crm.loyalty import MEASURES, PATRONAGE, agreement
from sim.loyalty_types import TYPE_NAMES

MEASURE_HEADINGS = (
    "Repeat purchases",
    "Firms looked at",
    "Odds lost at +10% price",
    "Liking of best rival",
    "Failures forgiven",
)
PART_HEADINGS = {
    "historical": "Earned before",
    "current": "Earned of late",
    "basic_future": "To come, as a newcomer",
    "loyalty": "To come, by staying longer",
    "credit": "Cost of credit to come",
    "clv": "Lifetime value",
    "influence": "To come, by word of mouth",
    "elasticity": "Could come, by more service",
}
KAPPA = "Kappa is 0 where chance would do as well, and 1 where all are told rightly."
ONLY_WHERE_ANY = ("credit", "elasticity")  # nothing in most markets, and not saved by earlier versions


@dataclass(frozen=True, slots=True)
class Worth:
    """The section: sentences, and tables of all arms and of the arm looked at closely."""

    sentences: tuple[str, ...]
    arms: Table
    by_type: Table
    kinds: Table
    confusion: Table
    by_tier: Table
    ratings: Table | None
    elasticity: Table | None
    cohorts: Table | None
    matrix: Table | None


def of(evidence: Evidence) -> Worth | None:
    """Return the section, the baseline being looked at closely; None if nothing was saved for it."""
    if not evidence.arms or any(name not in evidence.tables or evidence.tables[name].empty for name in CRM_TABLES):
        return None
    arm = evidence.baseline if evidence.baseline in evidence.arms else evidence.arms[0]
    own = {name: evidence.tables[name][evidence.tables[name]["arm"] == arm] for name in CRM_TABLES}
    if any(table.empty for table in own.values()):
        return None
    label = evidence.label[arm]
    return Worth(
        sentences=(_told_apart(own["diagnosis"]),),
        arms=_arms(evidence),
        by_type=_by_type(own["loyalty"], label),
        kinds=_kinds(own["patronage"], label),
        confusion=_confusion(own["diagnosis"], label),
        by_tier=_by_tier(own["value"], label),
        ratings=credit.ratings(evidence),
        elasticity=elasticity(evidence),
        cohorts=stock.cohorts(evidence, arm, label),
        matrix=stock.matrix(evidence, arm, label),
    )


def _arms(evidence: Evidence) -> Table:
    loyalty, worth = evidence.tables["loyalty"], evidence.tables["value"]
    rows = []
    for arm in evidence.arms:
        everybody = loyalty[(loyalty["arm"] == arm) & (loyalty["group"] == "all")]
        sums = worth[worth["arm"] == arm].groupby("seed")[["customers", "equity"]].sum()
        per_customer = sums["equity"] / sums["customers"].where(sums["customers"] > 0)
        told = ((everybody["index"], "score"), (per_customer, "money"), (sums["equity"], "money"))
        cells = [
            Cell(in_unit(i.mean, unit), range_of(i, unit) if i.n else "")  # type: ignore[arg-type]
            for i, unit in ((interval_of(values), unit) for values, unit in told)
        ]
        rows.append((evidence.label[arm], [*cells, Cell(str(sums.index.size))]))
    return Table(
        "Loyalty and worth of the firm's customers at the end of the run",
        ["Arm", "Loyalty index", "Lifetime value per customer", "Customer equity", "Seeds"],
        rows,
        "Loyalty index: 0 to 1, the five measures below weighed by how much they tell customers apart; within a run it "
        "compares firms and groups. Lifetime value: margin to come, discounted, for as long as the firm's past "
        "joiners stayed. Customer equity: the sum over customers. Smaller print: 95% intervals over seeds.",
    )


def _by_type(loyalty: pd.DataFrame, label: str) -> Table:
    rows = []
    for name in TYPE_NAMES:
        own = loyalty[(loyalty["group"] == "type") & (loyalty["name"] == name) & (loyalty["asked"] > 0)]
        if own.empty:
            continue
        means = [np.average(own[measure], weights=own["asked"]) for measure in MEASURES]
        index = interval_of(own["index"])
        shown = [number(means[0]), number(means[1]), percent(means[2]), percent(means[3]), number(means[4])]
        cells = [*map(Cell, shown), Cell(number(index.mean), _range(index, "score")), Cell(str(own["asked"].sum()))]
        rows.append((name, cells))
    return Table(
        f"How loyal each type of customer is, under “{label}”",
        ["Type", *MEASURE_HEADINGS, "Loyalty index", "Asked"],
        rows,
        "Repeat purchases in an activity window come from the firm's records; the rest is what a sample of its "
        "customers said, with error. Asked: people, all seeds together. Types are those people were born with.",
    )


def _kinds(patronage: pd.DataFrame, label: str) -> Table:
    counts = patronage.pivot_table(index="seed", columns="loyalty", values="asked", aggfunc="sum")
    shares = counts.div(counts.sum(axis=1).where(counts.sum(axis=1) > 0), axis=0)
    cell = {}
    for kind in PATRONAGE:
        share = interval_of(shares[kind], is_share=True)
        n = f"{int(counts[kind].sum())} of {int(counts.to_numpy().sum())} asked"
        told = _range(share, "percent")
        cell[kind] = Cell(f"{kind}: {percent(share.mean)}", f"{n}; {told}" if told else n)
    return Table(
        f"Loyal in the heart and in the till, under “{label}”",
        ["", "Buys here mostly", "Buys here less"],
        [
            ("Likes the firm more than any rival", [cell["true"], cell["latent"]]),
            ("Likes a rival as much", [cell["spurious"], cell["none"]]),
        ],
        "Mostly: at least half of the purchases a customer would like to make are repeat purchases here (Dick & Basu "
        "1994). Smaller print: people asked in all seeds, and the share's 95% interval over seeds.",
    )


def _told_apart(diagnosis: pd.DataFrame) -> str:
    """Return how many the firm tells rightly: by records, and of those asked by their answers (not saved at first)."""
    if "by" not in diagnosis:
        return f"Told from its records alone, the firm would name the type of {_agreement(diagnosis)}. {KAPPA}"
    by_records, by_answers = (diagnosis[diagnosis["by"] == by] for by in ("records", "answers"))
    told = f"Of the customers it has asked, the firm would name the type of {_agreement(by_answers)}."
    if by_records["customers"].any():
        told += f" Of the others, told from its records alone, {_agreement(by_records)}."
    return f"{told} {KAPPA}"


def _agreement(diagnosis: pd.DataFrame) -> str:
    by_seed = [agreement(_square(own)) for _, own in diagnosis.groupby("seed")]
    right, kappa = (interval_of(values) for values in zip(*by_seed, strict=True))
    known = f", 95% interval {range_of(kappa, 'score')}" if kappa.is_known else ""
    beyond = f"agreement beyond chance (kappa) {number(kappa.mean)}{known}"
    return f"{percent(right.mean)} rightly ({beyond}; {count(kappa.n, 'seed')})"


def _confusion(diagnosis: pd.DataFrame, label: str) -> Table:
    n_seeds = diagnosis["seed"].nunique()
    square = _square(diagnosis) / n_seeds
    rows = [
        (name, [Cell(number(n)) for n in row]) for name, row in zip(TYPE_NAMES, square, strict=True) if row.sum() > 0
    ]
    return Table(
        f"Types as they are (rows) and as the firm tells them (columns), under “{label}”",
        ["Type", *TYPE_NAMES],
        rows,
        f"Customers, mean over {count(n_seeds, 'seed')}. No firm sees this table: it would need the true types.",
    )


def _by_tier(worth: pd.DataFrame, label: str) -> Table:
    parts = {
        part: heading
        for part, heading in PART_HEADINGS.items()
        if part not in ONLY_WHERE_ANY or (part in worth and worth[part].fillna(0.0).any())
    }
    rows = []
    for tier, own in worth.groupby("tier", sort=False):
        own = own[own["customers"] > 0]
        if own.empty:
            continue
        cells = [Cell(number(own["customers"].mean()))]
        for part in parts:
            found = interval_of(own[part])
            cells.append(Cell(in_unit(found.mean, "money"), _range(found, "money") if part == "clv" else ""))
        equity = interval_of(own["equity"])
        rows.append((str(tier), [*cells, Cell(in_unit(equity.mean, "money"), _range(equity, "money"))]))
    return Table(
        f"What customers of each tier are worth, under “{label}”",
        ["Tier", "Customers", *parts.values(), "Customer equity"],
        rows,
        "Money per customer, mean over seeds; equity is the sum over the tier. Lifetime value is what is to come as a "
        f"newcomer and by staying longer{', less what credit costs' if 'credit' in parts else ''}. Smaller print: 95% "
        "intervals over seeds.",
    )


def elasticity(evidence: Evidence) -> Table | None:
    """Return the value elasticity of service by arm, firm and tier, where any run could tell it; None if none could."""
    found = evidence.tables.get("elasticity")
    if found is None or found.empty:
        return None
    rows = []
    for arm in evidence.arms:
        of_arm = found[found["arm"] == arm]
        for (firm, tier), own in of_arm.groupby(["firm", "tier"], sort=False):
            told = own[own["elasticity"].notna()]
            if told.empty:
                continue
            slope = interval_of(told["elasticity"])
            is_sure = (told["low"] > 0.0) | (told["high"] < 0.0)
            alone = Interval(slope.mean, float(told["low"].iloc[0]), float(told["high"].iloc[0]), int(slope.n))
            cells = [
                Cell(number(slope.mean), _range(slope if slope.n > 1 else alone, "score")),
                Cell(f"{len(told)} of {count(len(own), 'run')}"),
                Cell(f"{int(is_sure.sum())} of {len(told)}"),
                Cell(number(told["changes"].mean())),
            ]
            rows.append((f"{evidence.label[arm]}: {firm}, {tier}", cells))
    if not rows:
        return None
    return Table(
        "Value elasticity of service: revenue gained per unit spent on serving a tier, by the firms' own books",
        ["Arm, firm, tier", "Elasticity", "Told in", "Surely not 0 in", "Changes of spend"],
        rows,
        "2 means one in, two out. From changes between review cycles: only of firms that vary their service; whoever "
        "moves between tiers takes the money along. Not told where spend varied so little that the interval reaches "
        "further than all revenue per unit spent. Surely not 0: the firm's own 95% interval leaves 0 out. Smaller "
        "print: 95% intervals over seeds, or of one run the firm's own.",
    )


def _square(diagnosis: pd.DataFrame) -> np.ndarray:
    """Return customers by true type (rows) and diagnosed type, in the usual order."""
    found = diagnosis.groupby(["type", "diagnosed"])["customers"].sum().unstack(fill_value=0)
    return found.reindex(index=TYPE_NAMES, columns=TYPE_NAMES, fill_value=0).to_numpy(dtype=float)


def _range(found: Interval, unit: str) -> str:
    return range_of(found, unit) if found.is_known else ""  # type: ignore[arg-type]
