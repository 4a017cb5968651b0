"""Which policy holds up over many worlds, and where another loses to it: the runs, and what they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from experiments.analyses import pictures, robustness, sensitivity
from experiments.analyses.evaluate import Bench, with_settings
from experiments.analyses.page import Found, plain
from experiments.analyses.sensitivity import Factor
from experiments.report.intervals import Interval, interval_of
from experiments.report.tables import Cell, Table
from experiments.report.words import (
    count,
    difference_in_unit,
    in_unit,
    listed,
    metric,
    number,
    percent,
    range_of,
    unit_of_difference,
)
from sim.errors import InputError
from sim.scenario import Scenario


def ask_robustness(
    bench: Bench,
    arms: Mapping[str, Scenario],
    factors: Sequence[Factor],
    outcome: str,
    seeds: Sequence[int],
    n_worlds: int,
    luck: int = 1,
) -> Found:
    """Tell which arm holds up over many worlds, and where the others lose to it.

    Raises
    ------
    InputError
        If there are fewer than two arms, or a world is not allowed.
    """
    if len(arms) < 2:
        raise InputError("nothing to choose between", key="arms", value=list(arms), allowed="two policies or more")
    places = robustness.worlds_places(factors, n_worlds, luck)
    worlds = sensitivity.settings(factors, places)
    focal = next(iter(arms.values())).focal_firm
    built = {name: with_settings(scenario, worlds) for name, scenario in arms.items()}
    means = {}
    for name, scenarios in built.items():
        values = bench.table(scenarios, seeds, focal, outcome)
        means[name] = np.where(np.isfinite(values).any(axis=1), np.nansum(values, axis=1), np.nan) / np.maximum(
            1, np.isfinite(values).sum(axis=1)
        )
    is_known = np.isfinite(np.column_stack(list(means.values()))).all(axis=1)
    if not is_known.any():
        raise InputError("no answer: in every world a run failed", key="robustness", value=bench.failures[0])
    places, known = places[is_known], {name: values[is_known] for name, values in means.items()}
    table = robustness.regret(known)
    told, unit = metric(outcome, next(iter(arms.values())).horizon), metric(outcome, 0).unit
    lost = unit_of_difference(unit)  # in which regret is told
    names = list(arms)
    baseline = names[0]
    least = float(np.median(known[baseline]))
    satisfied = robustness.satisficing(known, least)
    rivals = sorted(names[1:], key=lambda name: -float(known[name].mean()))
    first = rivals[0]
    loses = known[first] < known[baseline]
    box = robustness.prim(factors, places, loses)
    safest, n_runs = str(table["policy"].iloc[0]), is_known.size * len(seeds) * len(arms)
    about = f"{count(int(is_known.sum()), 'world')}, {count(len(seeds), 'seed')} each, {count(n_runs, 'run')}"
    gap = interval_of(known[first] - known[baseline])
    sentences = [
        f"“{safest}” is the least to be regretted in {told.label.lower()}: at worst it gives "
        f"{in_unit(float(table['max_regret'].iloc[0]), lost)} less than the best policy of that world.",
        robustness.in_a_sentence(f"“{first}” does worse than “{baseline}”", box),
        f"Over all worlds “{first}” differs from “{baseline}” by {difference_in_unit(gap.mean, unit)} "
        f"({range_of(gap, unit, is_difference=True)}){' points' if unit == 'percent' else ''}.",
    ]
    rows = [
        (
            str(row["policy"]),
            [
                Cell(in_unit(row["max_regret"], lost)),
                Cell(in_unit(row["mean_regret"], lost), range_of(_between(row), lost)),
                Cell(percent(row["best_in"])),
                Cell(percent(satisfied[str(row["policy"])])),
            ],
        )
        for _, row in table.iterrows()
    ]
    regrets = Table(
        f"Regret in {told.label.lower()} over {about}",
        ["Policy", "Greatest", "Mean", "Best in", "Good enough in"],
        rows,
        "Regret: what a policy gives less than the best one in the same world, on the same seeds. Good enough: at "
        "least "
        f"{in_unit(least, unit)}, the median of “{baseline}”. Smaller print: 95% interval over worlds.",
    )
    limits = Table(
        f"The box of worlds in which “{first}” does worse than “{baseline}”",
        ["Limit", "Chance of it by luck"],
        [(str(limit), [Cell("<0.001" if limit.p < 0.001 else number(limit.p))]) for limit in box.limits],
        f"Found by peeling (PRIM). Inside, it does worse in {percent(box.density)} of worlds; outside and inside "
        "together in "
        f"{percent(box.base)}. The box holds {percent(box.mass)} of all worlds and {percent(box.coverage)} of those "
        "in which "
        "it does worse.",
    )
    drawn = [
        pictures.bars(
            "regret",
            "What each policy may cost",
            f"Mean regret in {told.label.lower()} over {about}. Whiskers are 95% intervals over worlds.",
            [(str(row["policy"]), _between(row)) for _, row in table.iterrows()],
            lost,
            "mean regret",
        ),
    ]
    shown_by = (
        "the two assumptions that bound the box most; the frame is the box"
        if box.limits
        else "the first two assumptions; no box of them stands out"
    )
    if len(factors) > 1:
        drawn.append(
            pictures.box_of_worlds(
                "box",
                f"Where “{first}” loses",
                f"Each mark is a world, by {shown_by}: {about}.",
                factors,
                places,
                loses,
                box,
                lambda is_so: f"{'worse' if is_so else 'no worse'} than {baseline}",
            )
        )
    data = pd.DataFrame([world for world, is_in in zip(worlds, is_known, strict=True) if is_in]).assign(
        **{f"{outcome} {name}": values for name, values in known.items()}
    )
    return Found(
        title=f"Which policy holds up when the world is not as assumed: {listed(names)}?",
        kicker=f"{focal}: {about}",
        sentences=sentences,
        tables=[regrets, *([limits] if box.limits else [])],
        pictures=drawn,
        data={"worlds": data, "regret": table},
        answer={
            "outcome": outcome,
            "focal": focal,
            "worlds": int(is_known.sum()),
            "seeds": list(seeds),
            "runs": n_runs,
            "regret": plain(table),
            "satisficing": {"least": least, "share": satisfied},
            "box": {
                "policy": first,
                "against": baseline,
                "limits": [str(limit) for limit in box.limits],
                "density": box.density,
                "coverage": box.coverage,
                "mass": box.mass,
                "base": box.base,
            },
            "finding": sentences[1],
            "failed": bench.failures,
        },
        failures=bench.failures,
    )


def _between(row: pd.Series) -> Interval:
    return Interval(float(row["mean_regret"]), float(row["ci_low"]), float(row["ci_high"]), 2)
