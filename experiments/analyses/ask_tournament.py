"""Every strategy against every other: the markets, and what they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from experiments.analyses import pictures, tournament
from experiments.analyses.evaluate import Bench
from experiments.analyses.page import Found, or_none, plain
from experiments.report.intervals import Interval
from experiments.report.tables import Cell, Table
from experiments.report.words import count, in_unit, listed, metric, percent, range_of
from sim.errors import InputError, nearest
from sim.scenario import Scenario, from_settings
from sim.strategies import STRATEGIES, Strategy

METRICS = ("profit", "retention", "equity")
LEFT_OUT = ("arms", "events", "focal", "firms")


def players_of(scenario: Scenario, names: Sequence[str] = ()) -> dict[str, Mapping[str, Any]]:
    """Return who plays, by name: a strategy as a scenario sets it.

    Parameters
    ----------
    scenario : Scenario
        Its arms play by the strategy that each gives the focal firm.
    names : sequence of str
        Arms, listed strategies or ``module:Class``; without any, all arms whose strategies differ, and all strategies
        that need no settings, but for the best response, which takes twenty times as long.

    Raises
    ------
    InputError
        If there is no such arm or strategy.
    """
    arms: dict[str, Mapping[str, Any]] = {}
    for arm in scenario.arms:
        focal = next(firm for firm in scenario.arm(arm).firms if firm.name == scenario.focal_firm)
        settings = focal.strategy.model_dump(mode="json", exclude_none=True)
        if settings not in arms.values():
            arms[arm] = settings
    ready = {name: {"name": name} for name, kind in STRATEGIES.items() if _needs_nothing(kind)}
    if not names:
        played = {settings["name"] for settings in arms.values()}
        return arms | {name: each for name, each in ready.items() if name not in (*played, *arms, "best_response")}
    players = {}
    for name in names:
        if name not in arms and name not in STRATEGIES and ":" not in name:
            hint = nearest(name, [*arms, *STRATEGIES])
            raise InputError(f'no arm or strategy is called "{name}"; {hint}', key="--strategy", value=name)
        players[name] = arms.get(name, {"name": name})
    return players


def _needs_nothing(kind: type[Strategy]) -> bool:
    return not any(field.is_required() for field in kind.model_fields.values())


def markets(
    scenario: Scenario, strategies: Mapping[str, Mapping[str, Any]], n_firms: int
) -> list[tuple[tuple[str, ...], Scenario]]:
    """Return every market of the tournament: who sits where, and its scenario.

    All firms are as the focal one but for their strategy; events are left out, since they name firms. A strategy that
    needs another ranking of customers gets it.

    Raises
    ------
    InputError
        If a strategy does not fit the firm.
    """
    raw = {key: value for key, value in scenario.raw.items() if key not in LEFT_OUT}
    raw.get("customers", {}).pop("captive_to", None)
    alike = next(firm for firm in scenario.raw["firms"] if firm["name"] == scenario.focal_firm)
    built = []
    for seating in tournament.seatings(list(strategies), n_firms):
        firms = []
        for seat, name in enumerate(seating.strategies):
            firm = {**alike, "name": f"Seat {seat + 1}", "strategy": dict(strategies[name])}
            ranks_by = getattr(STRATEGIES.get(str(firm["strategy"]["name"])), "ranks_by", None)
            if ranks_by is not None:
                pyramid = firm.get("pyramid", {})
                firm["pyramid"] = {
                    **({"scheme": pyramid} if isinstance(pyramid, str) else pyramid),
                    "rank_by": ranks_by,
                }
            firms.append(firm)
        try:
            built.append((seating.strategies, from_settings({**raw, "firms": firms}, scenario.name)))
        except InputError as error:
            raise InputError(
                str(error), file=scenario.source, key=f"tournament of {listed(seating.strategies)}"
            ) from None
    return built


def ask_tournament(
    bench: Bench, scenario: Scenario, strategies: Mapping[str, Mapping[str, Any]], n_firms: int, seeds: Sequence[int]
) -> Found:
    """Play every strategy against every other and itself, and tell who earns most, and who keeps the others out.

    Parameters
    ----------
    bench : Bench
        Where the runs are made.
    scenario : Scenario
        The market, and the firm that all are like.
    strategies : mapping of str to mapping
        By name in the tables, a strategy as a scenario sets it.
    n_firms : int
        Firms in each market, 2 to 6.
    seeds : sequence of int
        Every market runs on all of them.

    Raises
    ------
    InputError
        If there are fewer than two strategies, not 2 to 6 firms, or every run failed.
    """
    names = list(strategies)
    if len(names) < 2:
        raise InputError("nobody to play against", key="strategies", value=names, allowed="two or more")
    if not 2 <= n_firms <= 6:
        raise InputError("is no size of a market", key="firms", value=n_firms, allowed="2 to 6")
    built = markets(scenario, strategies, n_firms)
    gave = bench.run([market for _, market in built], seeds)
    rows = [
        {
            "market": k,
            "seed": seed,
            "seat": seat,
            "strategy": name,
            **{m: outcomes[f"Seat {seat + 1}"][m] for m in METRICS},
        }
        for k, ((seating, _), by_seed) in enumerate(zip(built, gave, strict=True))
        for seed, outcomes in zip(seeds, by_seed, strict=True)
        if outcomes is not None
        for seat, name in enumerate(seating)
    ]
    if not rows:
        raise InputError("no answer: every run failed", key="tournament", value=bench.failures[0])
    results = pd.DataFrame(rows)
    table = tournament.ranking(results, METRICS)
    earned = tournament.pay_offs(results, names, "profit")
    missing = [name for name in names if not tournament.has_met_all(earned, name, names)]
    names = [name for name in names if name not in missing]
    if not names:
        raise InputError("no answer: no strategy met every other", key="tournament", value=bench.failures[0])
    pay_off = tournament.matrix(earned, names)
    path = tournament.replicate(pay_off)
    kept_out = tournament.stability(earned, names)
    firm, about = (
        scenario.focal_firm,
        f"markets of {n_firms} firms, {count(len(seeds), 'seed')}, {count(bench.n_runs, 'run')}",
    )
    winner, left = str(table["strategy"].iloc[0]), tournament.survivors(path, names)
    firm_ones = [each.strategy for each in kept_out if each.cannot_be_invaded]
    sentences = [
        f"“{winner}” earns most over all markets and seats: {_level(table.iloc[0], 'profit')}; it earned most in "
        f"{percent(float(table['p_best'].iloc[0]))} of seeds.",
        f"Where strategies that earn more spread, {listed(f'“{name}”' for name in left)} "
        f"{'is' if len(left) == 1 else 'are'} left after {len(path) - 1} generations.",
        (
            f"Held by all, {listed(f'“{name}”' for name in firm_ones)} {'keeps' if len(firm_ones) == 1 else 'keep'} "
            "every "
            "other out: each is shown to earn less against it than it does against itself."
            if firm_ones
            else "No strategy is shown to keep every other out once all hold it."
        ),
    ]
    if missing:
        sentences.append(f"Not judged against all others, since runs failed: {listed(missing)}.")
    ranks = Table(
        f"Ranking over {about}",
        ["Strategy", "Profit", "Retention", "Customer equity", "Earned most in"],
        [
            (
                str(row["strategy"]),
                [*(Cell(*_cell(row, name)) for name in METRICS), Cell(percent(float(row["p_best"])))],
            )
            for _, row in table.iterrows()
        ],
        f"Every strategy meets a field of every other and of itself, in every seat; all firms are like {firm} but for "
        "it. "
        "Means over markets and seats; smaller print: 95% intervals over seeds.",
    )
    invaded = Table(
        "Who can get into a market in which all hold a strategy",
        ["Held by all", "Get in", "Not told by the interval"],
        [
            (
                each.strategy,
                [
                    Cell(listed(each.invaders) if each.invaders else "none"),
                    Cell(listed(each.doubtful) if each.doubtful else "none"),
                ],
            )
            for each in kept_out
        ],
        "Gets in: is shown, by the interval of the difference paired by seed, to earn more against it than it earns "
        "against "
        "itself.",
    )
    drawn = [
        pictures.bars(
            "ranking", "Who earns most",
            f"Mean profit over all markets and seats: {about}. Whiskers are 95% intervals.",
            [(str(row["strategy"]), _interval(row, "profit", len(seeds))) for _, row in table.iterrows()],
            "money", "profit",
        ),
        pictures.matrix(
            "pay_offs", "Who earns what against whom",
            f"Mean profit of the strategy of the row in markets with that of the column: {about}. Darker is more.",
            names, pay_off,
        ),
        pictures.shares_over_time(
            "evolution", "If strategies that earn more spread",
            "Shares of strategies over generations, from equal shares, by the replicator on the mean pay-offs: "
            f"{about}.",
            names, path,
        ),
    ]  # fmt: skip
    matrix = pd.DataFrame(pay_off, columns=names)
    matrix.insert(0, "strategy", names)
    shares = pd.DataFrame(path, columns=names).rename_axis("generation").reset_index()
    return Found(
        title=f"Which strategy earns most against all others, for a firm like {firm}?",
        kicker=f"{count(len(names), 'strategy', 'strategies')}, {count(len(built), 'market')}: {about}",
        sentences=sentences,
        tables=[ranks, invaded],
        pictures=drawn,
        data={"results": results, "ranking": table, "pay_offs": matrix, "shares": shares},
        answer={
            "strategies": names,
            "firms": n_firms,
            "seeds": list(seeds),
            "runs": bench.n_runs,
            "ranking": plain(table),
            "pay_offs": {
                a: {b: or_none(float(pay_off[i, j])) for j, b in enumerate(names)} for i, a in enumerate(names)
            },
            "survivors": {name: float(path[-1][names.index(name)]) for name in left},
            "cannot_be_invaded": firm_ones,
            "finding": sentences[0],
            "failed": bench.failures,
        },
        failures=bench.failures,
    )


def _interval(row: pd.Series, name: str, n: int) -> Interval:
    return Interval(float(row[name]), float(row[f"{name}_low"]), float(row[f"{name}_high"]), n)


def _cell(row: pd.Series, name: str) -> tuple[str, str]:
    unit, found = metric(name, 0).unit, _interval(row, name, 2)
    return in_unit(found.mean, unit), range_of(found, unit) if found.is_known else ""


def _level(row: pd.Series, name: str) -> str:
    text, ends = _cell(row, name)
    return f"{text} (95% interval {ends})" if ends else text
