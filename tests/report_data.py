"""A plausible folder of data, as a comparison leaves it, for tests of the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd

from experiments.report.intervals import interval_of
from sim.accounts import FIRM_COST_NAMES, TIER_COST_NAMES

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
RUN_TABLES = ("outcomes", "periods", "tiers", "types", "losses", "flows", "migration", "retention_by")
# Parts of the revenue; the fixed cost is what is left over the profit wanted.
COSTS = dict(
    zip(
        (*TIER_COST_NAMES, *FIRM_COST_NAMES[:3]),
        (0.42, 0.10, 0.01, 0.01, 0.03, 0.04, 0.02, 0.004, 0.003, 0.03, 0.02, 0.005),
        strict=True,
    )
)
LOST_FRAC = np.array([8, 3, 12, 20, 9, 30, 2, 16]) / 100
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
    n_people: int = 20,
    failed: Sequence[dict[str, Any]] = (),
) -> Path:
    """Save a comparison as the runner does, with effects of known size."""
    rng = np.random.default_rng(7)
    arms, seeds = list(effects), list(range(1, n_seeds + 1))
    lost_runs = {(run["arm"], run["seed"]) for run in failed}
    luck = {seed: noise * rng.normal(size=3) for seed in seeds}
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in RUN_TABLES}
    for arm, seed in product(arms, seeds):
        run = {"arm": arm, "seed": seed, "firm": focal}
        own = noise * rng.normal(size=2)
        retention = 0.58 + effects[arm][0] + 0.02 * luck[seed][0] + 0.004 * own[0]
        earned = profit + effects[arm][1] + 6_000 * luck[seed][1] + 1_500 * own[1]
        at = np.arange(1, n_periods + 1)
        customers = 1_700 + 4_000 * np.nan_to_num(effects[arm][0]) + 200 * luck[seed][2] + 30 * np.sin(at / 20)
        money = {"revenue": customers * (3.8 if arm == "cut_price" else 4.1)}
        money |= {line: money["revenue"] * part for line, part in COSTS.items()}
        money["service"] = money["service"] * (1.2 if arm == "tiered_service" else 1.0)
        money["fixed"] = money["revenue"] - sum(money[line] for line in COSTS) - earned / 52
        money["profit"] = money["revenue"] - sum(money[line] for line in (*COSTS, "fixed"))
        curve = retention + 0.06 * np.exp(-(at - 52) / 60) + 0.006 * noise * rng.normal(size=n_periods)
        curve = np.where(at > 52, curve, np.nan)
        curve[-1] = retention
        gained, lost = rng.poisson(14, n_periods), rng.poisson(13, n_periods)
        window = {line: values[-52:].sum() for line, values in money.items()}
        score = np.nan_to_num(effects[arm][0])
        outcomes = (
            retention,
            window["profit"],
            customers[-1],
            0.31,
            0.66,
            0.5 + score,
            0.4 + score,
            window["revenue"],
            0.61,
        )
        flows = {"period": at, "customers": customers, "gained": gained, "lost": lost, "retention": curve}
        moves = [(i, j, 1_000 * 0.12 ** min(abs(i - j), 2)) for i, j in product(range(len(tiers)), repeat=2)]
        found = {
            "outcomes": {"metric": METRICS, "value": outcomes},
            "periods": flows | money,
            "losses": {"cause": CAUSES, "customers": rng.multinomial(lost[-52:].sum(), LOST_FRAC)},
            "flows": {"gained": [gained[-52:].sum()], "lost": [lost[-52:].sum()]},
            "migration": {
                "from_tier": [tiers[i] for i, _, _ in moves],
                "to_tier": [tiers[j] for _, j, _ in moves],
                "customers": [n * rng.uniform(0.8, 1.2) for *_, n in moves],
            },
        }
        for table, key, groups in (("tiers", "tier", tiers), ("types", "type", TYPES)):
            weight = np.linspace(2.0, 0.4, len(groups)) ** 2 * np.exp(0.05 * noise * rng.normal(size=len(groups)))
            weight = weight / weight.sum()
            lines = {line: window[line] * weight for line in ("revenue", *TIER_COST_NAMES)}
            people = customers.mean() * weight[::-1]
            contribution = lines["revenue"] - sum(lines[line] for line in TIER_COST_NAMES)
            found[table] = {key: groups, "customers": people, **lines, "contribution": contribution}
            share = np.clip(
                retention + np.linspace(0.15, -0.15, len(groups)) + 0.01 * noise * rng.normal(size=len(groups)), 0, 1
            )
            kept = {"group": key, "name": groups, "at_start": people, "kept": people * share, "retention": share}
            tables["retention_by"].append(pd.DataFrame(kept | run))
        if (arm, seed) in lost_runs:
            tables["retention_by"] = tables["retention_by"][:-2]
            continue
        for table, columns in found.items():
            tables[table].append(pd.DataFrame({**columns, **run}))
        rival = {**flows, **money, "revenue": 9e9, "profit": 9e9, **run, "firm": "Borealis"}
        tables["periods"].append(pd.DataFrame(rival))
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
