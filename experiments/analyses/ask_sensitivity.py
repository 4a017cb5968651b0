"""Which assumption an answer hangs on: the runs, and what they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from experiments.analyses import pictures, sensitivity
from experiments.analyses.evaluate import Bench, with_settings
from experiments.analyses.labels import short
from experiments.analyses.page import Found, plain, say
from experiments.analyses.sensitivity import Factor
from experiments.report.intervals import Interval, interval_of
from experiments.report.tables import Cell, Table
from experiments.report.words import count, in_unit, level, metric, number, unit_of_difference
from sim.errors import InputError
from sim.scenario import Scenario


def ask_sensitivity(
    bench: Bench,
    arms: Mapping[str, Scenario],
    factors: Sequence[Factor],
    outcome: str,
    seeds: Sequence[int],
    method: str,
    n: int,
) -> Found:
    """Tell which assumption an outcome hangs on, or, of two arms, the difference that the second makes.

    Parameters
    ----------
    bench : Bench
        Where the runs are made.
    arms : mapping of str to Scenario
        One, or two to be compared.
    factors : sequence of Factor
        The assumptions.
    outcome : str
        One of :data:`~experiments.study.study_file.OUTCOMES`.
    seeds : sequence of int
        Every point of the design runs on all of them.
    method : {"sobol", "morris"}
        Indices of variance, or a screening.
    n : int
        Base size of the design: ``n * (factors + 2)`` points, or ``n * (factors + 1)`` for a screening.

    Raises
    ------
    InputError
        If a point of the design is not allowed, or too many runs failed to tell anything.
    """
    make = sensitivity.sobol_places if method == "sobol" else sensitivity.morris_places
    places = make(factors, n)
    points = sensitivity.settings(factors, places)
    focal = next(iter(arms.values())).focal_firm
    built = {name: with_settings(scenario, points) for name, scenario in arms.items()}  # all checked before any runs
    tables = [bench.table(scenarios, seeds, focal, outcome) for scenarios in built.values()]
    values = tables[-1] - tables[0] if len(tables) == 2 else tables[0]
    mean = np.nanmean(values, axis=1) if np.isfinite(values).any(axis=1).all() else None
    if mean is None:
        raise InputError("no answer: every seed of a point failed", key="sensitivity", value=bench.failures[0])
    names, unit = list(arms), metric(outcome, 0).unit
    change = unit_of_difference(unit)
    unit = change if len(names) == 2 else unit
    told = metric(outcome, next(iter(arms.values())).horizon).label.lower()
    what = f"the difference in {told} of “{names[1]}” from “{names[0]}”" if len(names) == 2 else f"{told} of {focal}"
    n_runs = values.size * len(tables)
    about = f"{count(len(points), 'setting')} on {count(len(seeds), 'seed')}, {count(n_runs, 'run')}"
    frame = pd.DataFrame(points).assign(outcome=mean)
    if method == "sobol":
        indices = sensitivity.sobol_indices(factors, mean)
        share = sensitivity.seed_variance_share(values)
        sentences = [_capital(sensitivity.in_a_sentence(what, indices, share))]
        shown = [
            (name, Interval(row["total"], row["total_low"], row["total_high"], n))
            for name, (_, row) in zip(short(indices["factor"].tolist()), indices.iterrows(), strict=True)
        ]
        caption = (
            f"Share of the variance of {what} that each assumption makes, with its interactions (total Sobol' index), "
            "and "
            f"95% interval: {about}. An index may come out a little below 0 or above 1 by chance."
        )
        picture = pictures.bars("indices", "What the answer hangs on", caption, shown, "percent", "share of variance")
    else:
        indices = sensitivity.morris_effects(factors, places, mean)
        sentences = [f"{_capital(what)}: {sensitivity.screened(indices)}"]
        shown = [
            (name, Interval(row["mu_star"], row["ci_low"], row["ci_high"], n))
            for name, (_, row) in zip(short(indices["factor"].tolist()), indices.iterrows(), strict=True)
        ]
        caption = (
            f"Mean absolute change of {what} when an assumption moves over its whole range (Morris's mu*), and 95% "
            f"interval: {about}."
        )
        picture = pictures.bars("indices", "What the answer hangs on", caption, shown, change, f"change in {told}")
    region = sensitivity.regional(factors, places, mean)
    ends = Table(
        f"Assumptions, and where {what} is high",
        ["Assumption", "From", "To", "In the best quarter, middle half", "Distance", "p"],
        [
            (
                str(row["factor"]),
                [
                    *(Cell(say(each.value(u))) for u in (0.0, 1.0)),
                    Cell(f"{say(row['from'])} to {say(row['to'])}"),
                    Cell(number(row["distance"])),
                    Cell("<0.001" if row["p"] < 0.001 else number(row["p"])),
                ],
            )
            for _, row in region.iterrows()
            for each in factors
            if each.path == row["factor"]
        ],
        "Distance: Kolmogorov-Smirnov, between the values in the best quarter of the settings and in the rest; p after "
        "Holm's correction.",
    )
    spread = interval_of(mean)
    sentences.append(
        f"Over the ranges, {what} goes from {in_unit(float(mean.min()), unit)} to {in_unit(float(mean.max()), unit)}, "
        "mean "
        f"{level(spread, unit)}."
    )
    return Found(
        title=f"What does {what} hang on?",
        kicker=f"{focal}: {about}",
        sentences=sentences,
        tables=[ends],
        pictures=[picture],
        data={"points": frame, "indices": indices, "regional": region},
        answer={
            "outcome": outcome,
            "arms": names,
            "focal": focal,
            "seeds": list(seeds),
            "runs": n_runs,
            "method": method,
            "indices": plain(indices),
            "regional": plain(region),
            "finding": sentences[0],
            "failed": bench.failures,
        },
        failures=bench.failures,
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
