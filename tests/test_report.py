"""The report says what the saved data say, to everyone, and from one file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from time import process_time
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments.report import finding, headline, write_index, write_report
from experiments.report.evidence import FIRM_LINES, TIER_LINES, load
from experiments.report.findings import against_baseline, best, best_against_rest
from experiments.report.intervals import holm, interval_of, paired_p
from experiments.report.pictures.canvas import spread
from experiments.report.pictures.migration import row_shares
from experiments.report.pictures.waterfall import REST, TOTAL, by_line, by_tier, line_by_tier
from experiments.report.words import compact, labels, number, percent, shortened, shortened_apart, signed, width
from sim.errors import InputError

TYPES = ("monopoly", "inertia", "latent", "convenience", "price", "incentive", "premium")
CAUSES = ("moved", "constraint", "failure", "price", "service", "better_rival", "reward_ended", "lapsed")
METRICS = (
    "retention",
    "profit",
    "customers",
    "share",
    "repeat_rate",
    "satisfaction",
    "attachment",
    "revenue",
    "top20_share",
)
# How far each arm is from the first: (retention, profit), and the spread of that difference over seeds.
EFFECTS = {"equal_treatment": (0.0, 0.0), "tiered_service": (0.034, 9_000.0), "cut_price": (0.012, -14_000.0)}


def save_comparison(
    folder: Path,
    *,
    effects: dict[str, tuple[float, float]] = EFFECTS,
    n_seeds: int = 8,
    n_periods: int = 260,
    tiers: Sequence[str] = ("platinum", "gold", "iron", "lead"),
    noise: float = 1.0,
    profit: float = 62_000.0,
    title: str = "Does a four-tier pyramid beat equal treatment?",
    focal: str = "Aurora",
    n_people: int = 400,
    failed: Sequence[dict[str, Any]] = (),
) -> Path:
    """Save a comparison as the runner does, with effects of known size."""
    rng = np.random.default_rng(7)
    arms, seeds = list(effects), list(range(1, n_seeds + 1))
    runs = [(a, s) for a, s in product(arms, seeds) if (a, s) not in {(f["arm"], f["seed"]) for f in failed}]
    luck = {s: rng.normal(size=3) for s in seeds}
    tables: dict[str, list[pd.DataFrame]] = {
        name: [] for name in ("outcomes", "periods", "tiers", "types", "losses", "flows", "migration", "retention_by")
    }
    for arm, seed in runs:
        kept, earned = effects[arm]
        own = noise * rng.normal(size=3)
        retention = 0.58 + kept + noise * 0.02 * luck[seed][0] + 0.004 * own[0]
        at = np.arange(1, n_periods + 1)
        weeks = n_periods
        target = profit + earned + noise * 6_000 * luck[seed][1] + 1_500 * own[1]
        customers = 1_700 + 4_000 * kept + 200 * luck[seed][2] * noise + 30 * np.sin(at / 20)
        money = pd.DataFrame({"revenue": customers * 4.1 * (1 - 0.08 * (arm == "cut_price"))})
        for line, part in zip(
            (*TIER_LINES, *FIRM_LINES), (0.42, 0.11, 0.01, 0.03, 0.04, 0.02, 0.03, 0.02, 0.005, 0.0), strict=True
        ):
            money[line] = money["revenue"] * part * (1 + 0.2 * (line == "service") * (arm == "tiered_service"))
        left = money["revenue"] - money[[*TIER_LINES, *FIRM_LINES]].sum(axis=1)
        money["fixed"] = left - target / 52
        noisy = 0.006 * rng.normal(size=weeks) * noise
        curve = np.where(at > 52, retention + 0.06 * np.exp(-(at - 52) / 60) + noisy, np.nan)
        curve[-1:] = retention
        money["costs"] = money[[*TIER_LINES, *FIRM_LINES]].sum(axis=1)
        money["profit"] = money["revenue"] - money["costs"]
        gained, lost = rng.poisson(14, weeks), rng.poisson(13, weeks)
        frame = pd.DataFrame(
            {
                "arm": arm,
                "seed": seed,
                "period": at,
                "firm": focal,
                "customers": customers,
                "gained": gained,
                "lost": lost,
                "retention": curve,
            }
        )
        tables["periods"] += [pd.concat([frame, money], axis=1), frame.assign(firm="Borealis", revenue=9e9, profit=9e9)]
        window = money.iloc[-52:].sum()
        values = dict(
            zip(
                METRICS,
                (
                    retention,
                    window["profit"],
                    customers[-1],
                    0.31,
                    0.66,
                    0.52 + kept,
                    0.4 + kept,
                    window["revenue"],
                    0.61,
                ),
                strict=True,
            )
        )
        tables["outcomes"].append(
            pd.DataFrame({"arm": arm, "seed": seed, "firm": focal, "metric": values.keys(), "value": values.values()})
        )
        for name, key, groups in (("tiers", "tier", tiers), ("types", "type", TYPES)):
            weight = np.linspace(2.0, 0.4, len(groups)) ** 2
            weight = weight / weight.sum() * np.exp(0.05 * noise * rng.normal(size=len(groups)))
            weight /= weight.sum()
            people = customers.mean() * weight[::-1]
            rows = pd.DataFrame({"arm": arm, "seed": seed, "firm": focal, key: list(groups), "customers": people})
            for line in ("revenue", *TIER_LINES):
                rows[line] = window[line] * weight
            rows["contribution"] = rows["revenue"] - rows[list(TIER_LINES)].sum(axis=1)
            tables[name].append(rows)
            share = np.clip(
                retention + np.linspace(0.15, -0.15, len(groups)) + 0.01 * noise * rng.normal(size=len(groups)), 0, 1
            )
            tables["retention_by"].append(
                pd.DataFrame(
                    {
                        "arm": arm,
                        "seed": seed,
                        "firm": focal,
                        "group": key,
                        "name": list(groups),
                        "at_start": people,
                        "kept": people * share,
                        "retention": share,
                    }
                )
            )
        lost_by = rng.multinomial(lost[-52:].sum(), np.array([8, 3, 12, 20, 9, 30, 2, 16]) / 100)
        tables["losses"].append(
            pd.DataFrame({"arm": arm, "seed": seed, "firm": focal, "cause": CAUSES, "customers": lost_by})
        )
        tables["flows"].append(
            pd.DataFrame(
                {"arm": [arm], "seed": seed, "firm": focal, "gained": gained[-52:].sum(), "lost": lost[-52:].sum()}
            )
        )
        moves = [
            (a, b, 1000 * 0.12 ** min(abs(i - j), 2) * rng.uniform(0.8, 1.2))
            for (i, a), (j, b) in product(enumerate(tiers), enumerate(tiers))
        ]
        tables["migration"].append(
            pd.DataFrame(moves, columns=["from_tier", "to_tier", "customers"]).assign(arm=arm, seed=seed, firm=focal)
        )
    frames = {name: pd.concat(parts, ignore_index=True) if parts else pd.DataFrame() for name, parts in tables.items()}
    frames |= _summaries(frames["outcomes"], arms)
    frames |= _people(arms, focal, n_people, rng)
    data = folder / "data"
    data.mkdir(parents=True)
    for name, frame in frames.items():
        frame.to_parquet(data / f"{name}.parquet")
    manifest = {
        "title": title,
        "scenario": "coffee",
        "focal": focal,
        "baseline": arms[0],
        "arms": arms,
        "seeds": seeds,
        "periods": n_periods,
        "warm_up": 52,
        "horizon": 52,
        "customers": 5000,
        "version": "0.1.0",
        "settings": {arm: {f"firms.{focal}.strategy": {"name": arm, "service": {"platinum": 0.9}}} for arm in arms},
        "toml": dict.fromkeys(arms, f'title = "{title}"\n[customers]\ncount = 5000\n'),
        "command": "loyalty compare coffee --seeds 8",
        "seconds": 12.3,
        "failed": list(failed),
    }
    (data / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def _summaries(outcomes: pd.DataFrame, arms: list[str]) -> dict[str, pd.DataFrame]:
    levels, gaps = [], []
    for name in METRICS if len(outcomes) else ():
        wide = outcomes[outcomes["metric"] == name].pivot(index="seed", columns="arm", values="value")
        for arm in wide:
            i = interval_of(wide[arm])
            levels.append((arm, name, i.mean, i.low, i.high, i.n))
            if arms[0] in wide:
                d = interval_of(wide[arm] - wide[arms[0]])
                gaps.append((arm, name, d.mean, d.low, d.high, d.n, 1 / len(arms), 14.2))
    columns = ["arm", "metric", "mean", "ci_low", "ci_high", "n"]
    return {
        "arms": pd.DataFrame(levels, columns=columns),
        "differences": pd.DataFrame(gaps, columns=[*columns, "p_best", "variance_reduction"]),
    }


def _people(arms: list[str], focal: str, n: int, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    if n == 0:
        return {
            "nodes": pd.DataFrame(columns=["arm", "node", "firm", "type", "opinion", "status"]),
            "ties": pd.DataFrame(columns=["arm", "a", "b"]),
        }
    graph = nx.connected_watts_strogatz_graph(n, 6, 0.08, seed=1)
    nodes, ties = [], []
    for arm in arms:
        opinion = np.clip(0.2 + 0.7 * np.sin(np.arange(n) / 35) + rng.normal(scale=0.25, size=n), -1, 1)
        status = np.where(opinion < -0.2, "lost", np.where(rng.random(n) < 0.5, "customer", "other"))
        nodes.append(
            pd.DataFrame(
                {"arm": arm, "node": np.arange(n), "firm": focal, "type": "price", "opinion": opinion, "status": status}
            )
        )
        ties.append(pd.DataFrame(list(graph.edges), columns=["a", "b"]).assign(arm=arm))
    return {"nodes": pd.concat(nodes), "ties": pd.concat(ties)}
