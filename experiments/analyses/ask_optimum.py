"""Which policies no other beats, and by how much they beat those given: the runs, and what they tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.analyses import optimise as opt
from experiments.analyses import pictures
from experiments.analyses.evaluate import Bench, with_settings
from experiments.analyses.page import Found, or_none, plain, say
from experiments.analyses.sensitivity import Factor
from experiments.report.intervals import Interval, interval_of
from experiments.report.tables import Cell, Table
from experiments.report.words import count, difference_in_unit, in_unit, number, range_of
from sim.errors import InputError
from sim.scenario import Scenario

if TYPE_CHECKING:
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]


def ask_optimum(
    bench: Bench,
    arms: Mapping[str, Scenario],
    levers: Sequence[Factor],
    seeds: Sequence[int],
    fresh: Sequence[int],
    n_trials: int,
    budget: float | None,
    luck: int = 1,
    per_round: int = 16,
) -> Found:
    """Search for policies of the focal firm that none beats in retention, profit and risk; judge them on fresh seeds.

    Parameters
    ----------
    arms : mapping of str to Scenario
        The first is the market searched; all are policies that the front is held against.
    levers : sequence of Factor
        What may be set.
    seeds, fresh : sequence of int
        Of the search, and of the judgement: none in common.
    budget : float, optional
        The most that may be spent on customers over the long run, in money.

    Raises
    ------
    InputError
        If seeds are in common, or no policy keeps to the budget.
    """
    if set(seeds) & set(fresh):
        raise InputError(
            "are not fresh", key="fresh seeds", value=sorted(set(seeds) & set(fresh)), allowed="other seeds"
        )
    base = next(iter(arms.values()))
    focal = base.focal_firm

    def evaluate(tried: Sequence[opt.Settings], on: Sequence[int]) -> list[Mapping[str, FloatArray] | None]:
        return _of_firm(bench, with_settings(base, tried), on, focal)

    with_settings(base, [{each.path: each.value(u) for each in levers} for u in (0.0, 1.0)])
    starts = [_places_of(scenario, levers) for scenario in arms.values()]
    found = opt.search(levers, evaluate, seeds, n_trials, budget, per_round, luck, starts)
    if not found:
        raise InputError(
            "no policy tried keeps to it" if not bench.failures else f"no policy ran: {bench.failures[0]}",
            key="budget", value=budget, allowed="more, or levers that cost less",
        )  # fmt: skip
    searched = opt.front_of(found)
    anew = evaluate([each.settings for each in searched], fresh)
    judged = [
        (before, opt.Candidate(before.settings, gave["retention"], gave["profit"], gave["spend"]))
        for before, gave in zip(searched, anew, strict=True)
        if gave is not None
    ]
    shipped = {
        name: opt.Candidate({}, gave["retention"], gave["profit"], gave["spend"])
        for name, gave in zip(arms, _of_firm(bench, list(arms.values()), fresh, focal), strict=True)
        if gave is not None
    }
    if not judged or not shipped:
        raise InputError("no answer: the runs on fresh seeds failed", key="optimise", value=bench.failures[0])
    front = opt.front_of([after for _, after in judged])
    (before,) = evaluate([{}], seeds)
    given = next(iter(shipped))
    if before is None or given != next(iter(arms)):
        raise InputError("no answer: the policy as it is failed", key="optimise", value=bench.failures[0])
    at_search, at_judgement = opt.Candidate({}, **before), shipped[given]
    curse = opt.winners_curse(
        [opt.less(each, at_search) for each, _ in judged], [opt.less(each, at_judgement) for _, each in judged]
    )
    rival = max(shipped, key=lambda name: float(shipped[name].profit.mean()))
    best = front[0]
    gap = opt.advantage(best, shipped[rival])
    n_seeds = f"{count(len(fresh), 'fresh seed')}"
    sentences = [
        f"The most profitable policy found earns {number(abs(gap['profit'].mean))} "
        f"{'more' if gap['profit'].mean > 0.0 else 'less'} than “{rival}”, the "
        f"best of the policies given (95% interval {range_of(gap['profit'], 'money', is_difference=True)}; "
        f"{n_seeds}), and "
        f"keeps {difference_in_unit(gap['retention'].mean, 'percent')} points of customers "
        f"({range_of(gap['retention'], 'percent', is_difference=True)}).",
        f"{count(len(front), 'policy is', 'policies are')} beaten by no other in retention, profit and risk on fresh "
        f"seeds; {count(len(found), 'was', 'were')} tried. Judged anew, the front gained {number(abs(curse))} "
        f"{'less' if curse >= 0.0 else 'more'} over the policy as it is than the search saw: the winner's curse.",
    ]
    if not (gap["profit"].is_known and gap["profit"].low > 0.0):
        sentences.insert(1, f"That it earns more than “{rival}” is not shown.")
    named = [(f"{chr(65 + k)}" if k < 26 else str(k + 1), each) for k, each in enumerate(front)]
    rows = [(name, _told(each, levers)) for name, each in named]
    rows += [(f"“{name}”", _told(each, levers)) for name, each in shipped.items()]
    table = Table(
        f"The front, and the policies given, on {n_seeds}",
        ["Policy", "Retention", "Profit", "Risk", "Spent", *(each.path for each in levers)],
        rows,
        "Risk: how far the mean profit of the worst quarter of seeds lies below the mean. Spent: on service, "
        "discounts, "
        "incentives, recovery and winning customers over the long run. Smaller print: 95% intervals over seeds.",
    )
    differences = [
        [(name, *_beyond(each, at_judgement)) for name, each in policies]
        for policies in (named, [(name, each) for name, each in shipped.items() if name != given])
    ]
    caption = (
        f"What policies change, against “{given}” on the same seeds. Dots: all {len(found)} tried, on "
        f"{count(len(seeds), 'seed')} of the search. Circles: those no other beats, squares: those given, both on "
        f"{n_seeds} with 95% intervals. {count(bench.n_runs, 'run')}."
    )
    gains = [opt.less(each, at_search) for each in found]
    tried = np.array([[each.retention.mean(), each.profit.mean()] for each in gains])
    picture = pictures.front("front", "What can be had: retention and profit", caption, tried, *differences)
    data = pd.DataFrame(
        [
            {**each.settings, **dict(zip(opt.GOALS, each.goals, strict=True)), "spend": each.spend.mean()}
            for each in found
        ]
    )
    judged_data = pd.DataFrame(
        [
            {
                "policy": name,
                **each.settings,
                **dict(zip(opt.GOALS, each.goals, strict=True)),
                "spend": each.spend.mean(),
            }
            for name, each in [*named, *shipped.items()]
        ]
    )
    return Found(
        title=f"Which policy of {focal} is beaten by none?",
        kicker=f"{focal}: {count(len(found), 'policy', 'policies')} tried, {count(bench.n_runs, 'run')}",
        sentences=sentences,
        tables=[table],
        pictures=[picture],
        data={"tried": data, "judged": judged_data},
        answer={
            "focal": focal,
            "levers": [each.path for each in levers],
            "seeds": list(seeds),
            "fresh_seeds": list(fresh),
            "runs": bench.n_runs,
            "front": plain(judged_data[judged_data["policy"].isin([name for name, _ in named])]),
            "given": plain(judged_data[judged_data["policy"].isin(list(shipped))]),
            "best_given": rival,
            "advantage": {
                name: {"mean": or_none(i.mean), "ci_low": or_none(i.low), "ci_high": or_none(i.high), "n": i.n}
                for name, i in gap.items()
            },
            "winners_curse": curse,
            "finding": sentences[0],
            "failed": bench.failures,
        },
        failures=bench.failures,
    )


def _places_of(scenario: Scenario, levers: Sequence[Factor]) -> list[float]:
    """Return where a scenario's policy lies in the range of each lever, 0 to 1: as first posted, or as set."""
    from sim.market import Market

    @cache
    def begun() -> Market:
        market = Market(scenario.with_overrides({"customers.count": 50}), collect=False)
        market.step()
        return market

    return [_place_of(scenario, begun, each) for each in levers]


def _place_of(scenario: Scenario, begun: Callable[[], Market], lever: Factor) -> float:
    """Return the place of one lever: of a tier's as the firm has posted it once begun, of any other as it is set."""
    value: Any = None
    match lever.path.split("."):
        case ["firms", firm, "tiers", tier, name]:
            firms = begun().firms
            policy = firms[firm].policy if firm in firms else None
            if policy is not None and tier in policy.tiers and hasattr(policy, name):
                value = getattr(policy, name)[policy.tiers.index(tier)]
        case keys:
            value = scenario
            for key in keys:
                if isinstance(value, tuple):
                    value = next((each for each in value if each.name == key), None)
                else:
                    value = value.get(key) if isinstance(value, dict) else getattr(value, key, None)
    if not isinstance(value, int | float | np.floating) or lever.choices:
        return 0.5
    return min(1.0, max(0.0, (float(value) - lever.low) / (lever.high - lever.low)))


def _of_firm(
    bench: Bench, scenarios: Sequence[Scenario], seeds: Sequence[int], focal: str
) -> list[Mapping[str, FloatArray] | None]:
    """Return the retention, profit and spend of a firm by seed; None where a run failed."""
    return [
        None
        if any(gave is None for gave in row)
        else {name: np.array([gave[focal][name] for gave in row if gave]) for name in ("retention", "profit", "spend")}
        for row in bench.run(scenarios, seeds)
    ]


def _beyond(each: opt.Candidate, other: opt.Candidate) -> tuple[Interval, Interval]:
    gap = opt.advantage(each, other)
    return gap["retention"], gap["profit"]


def _told(each: opt.Candidate, levers: Sequence[Factor]) -> list[Cell]:
    retention, profit = interval_of(each.retention, is_share=True), interval_of(each.profit)
    return [
        Cell(in_unit(retention.mean, "percent"), range_of(retention, "percent")),
        Cell(in_unit(profit.mean, "money"), range_of(profit, "money")),
        Cell(number(opt.shortfall(each.profit))),
        Cell(number(float(each.spend.mean()))),
        *(Cell(say(each.settings[lever.path]) if each.settings else "as given") for lever in levers),
    ]
