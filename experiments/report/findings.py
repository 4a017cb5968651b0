"""What a comparison shows, in one sentence each.

An effect is *shown* when its 95% interval, paired by seed, excludes zero and it also survives Holm's allowance for
all the comparisons made. Everything else is "no difference shown", with the numbers that go with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from experiments.report.evidence import Evidence
from experiments.report.intervals import NOTHING, Interval, holm, interval_of, paired_p
from experiments.report.words import (
    count,
    difference_in_unit,
    in_unit,
    level,
    listed,
    metric,
    number,
    range_of,
    without_zeros,
)

MAIN = ("retention", "profit")
MOST_P = 0.05
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the seeds say about one arm against another in one outcome.

    Parameters
    ----------
    metric, arm, other : str
        The outcome, and the labels of the arm judged and of the one it is held against.
    difference, arm_level, other_level : Interval
        The paired difference (arm less other) and the two levels.
    p_adjusted : float
        Holm's adjusted p-value; NaN when there is nothing to test.
    n_comparisons : int
        How many comparisons that allows for.
    horizon : int
        Length of the long-run window, in periods.
    """

    metric: str
    arm: str
    other: str
    difference: Interval
    arm_level: Interval
    other_level: Interval
    p_adjusted: float
    n_comparisons: int
    horizon: int

    @property
    def direction(self) -> int:
        """1 if the arm is shown to be higher, -1 if lower, 0 if no difference is shown."""
        if not (self.difference.excludes_zero and self.p_adjusted <= MOST_P):
            return 0
        return 1 if self.difference.mean > 0 else -1


def against_baseline(evidence: Evidence) -> list[Verdict]:
    """Judge every arm against the baseline, in retention and in profit, allowing for all these comparisons."""
    if evidence.baseline not in evidence.arms:
        return []
    others = [arm for arm in evidence.arms if arm != evidence.baseline]
    pairs = [(name, arm) for arm in others for name in MAIN]
    adjusted = holm({(name, arm): _p(evidence, name, arm, evidence.baseline) for name, arm in pairs})
    n_tested = sum(not math.isnan(p) for p in adjusted.values())
    return [
        Verdict(
            name,
            evidence.label[arm],
            evidence.label[evidence.baseline],
            evidence.saved_difference(name, arm),
            evidence.level(name, arm),
            evidence.level(name, evidence.baseline),
            adjusted[name, arm],
            n_tested,
            evidence.horizon,
        )
        for name, arm in pairs
    ]


def best_against_rest(evidence: Evidence, name: str) -> list[Verdict]:
    """Judge the arm with the highest mean against each other arm, the next best first.

    The best arm is picked by looking at the results, so the allowance is for every pair of arms in both outcomes.
    """
    ranked = evidence.ranked(name)
    adjusted = holm(
        {
            (outcome, frozenset(pair)): _p(evidence, outcome, *pair)
            for outcome in MAIN
            for pair in combinations(evidence.arms, 2)
        }
    )
    n_tested = sum(not math.isnan(p) for p in adjusted.values())
    return [
        Verdict(
            name,
            evidence.label[ranked[0]],
            evidence.label[arm],
            interval_of(gap := evidence.difference(name, ranked[0], arm), pilot=evidence.pilot(gap)),
            evidence.level(name, ranked[0]),
            evidence.level(name, arm),
            adjusted[name, frozenset((ranked[0], arm))],
            n_tested,
            evidence.horizon,
        )
        for arm in ranked[1:]
    ]


def _p(evidence: Evidence, name: str, arm: str, other: str) -> float:
    difference = evidence.difference(name, arm, other)
    return paired_p(difference, evidence.pilot(difference))


def finding(verdict: Verdict) -> str:
    """Tell one verdict in one sentence, with its size, its interval and the number of seeds."""
    told = metric(verdict.metric, verdict.horizon)
    arm, other, gap = f"“{verdict.arm}”", f"“{verdict.other}”", verdict.difference
    if gap.n == 0:
        return f"{told.label}: not known for both {arm} and {other}, so nothing is compared."
    size = _amount(verdict)
    if not gap.is_known:
        side = "above" if gap.mean > 0 else "below"
        came_out = f"{arm} came out {size} {side} {other}" if gap.mean else f"{arm} and {other} came out equal"
        return f"{told.label}, one run: no interval, so no difference shown; in that run {came_out}."
    if gap.mean == gap.low == gap.high == 0:
        return f"{told.label}: no difference shown between {arm} and {other}; they are equal in all {gap.n} seeds."
    evidence = f"(95% interval {range_of(gap, told.unit, is_difference=True)}; {count(gap.n, 'seed')})"
    if verdict.direction:
        return (
            f"{arm} {_verb(verdict)} {other}: {_what(verdict)} {size} {_way(gap.mean)} {evidence}{_of_other(verdict)}."
        )
    estimate = f"the estimate is {difference_in_unit(gap.mean, told.unit)}{_points(told.unit, gap.mean)} {evidence}"
    if gap.excludes_zero:
        allowance = f"once all {verdict.n_comparisons} comparisons made are allowed for"
        return f"{told.label}: no difference shown between {arm} and {other} {allowance}; {estimate}."
    return f"{told.label}: no difference shown between {arm} and {other}; {estimate}."


def best(evidence: Evidence, name: str) -> str:
    """Say which arm is best in one outcome and by how much, or that no single best is shown."""
    told = metric(name, evidence.horizon)
    verdicts = best_against_rest(evidence, name)
    if len(evidence.arms) < 2:
        return ""
    if not verdicts:
        return f"{told.label}: known for fewer than two arms, so nothing is compared."
    if len(evidence.arms) == 2:
        if evidence.contrast is None or evidence.baseline not in evidence.arms:
            return finding(verdicts[0])
        return next(finding(verdict) for verdict in against_baseline(evidence) if verdict.metric == name)
    leader, nearest = verdicts[0].arm, verdicts[0]
    gap = nearest.difference
    lead = f"{_amount(nearest)} over “{nearest.other}”"
    if not gap.is_known:
        if gap.n == 0:
            return f"{told.label}: no single best arm shown; the arms have no seed in common."
        highest = f"“{leader}” came out highest, by {lead}" if gap.mean else "the highest arms came out equal"
        return f"{told.label}, one run: no interval, so no single best arm shown; in that run {highest}."
    evidence_of_lead = f"(95% interval {range_of(gap, told.unit, is_difference=True)}; {count(gap.n, 'seed')})"
    if all(verdict.direction > 0 for verdict in verdicts):
        does = "keeps the most customers"
        if name == "profit":
            does = "earns the most" if nearest.arm_level.mean >= 0 else "loses the least"
            does += f" over the last {evidence.horizon} periods"
        rest = count(len(verdicts), "other arm")
        return f"“{leader}” {does}: ahead of each of the {rest}, and by {lead}, the next best {evidence_of_lead}."
    if all(not evidence.difference(name, *pair).any() for pair in combinations(evidence.ranked(name), 2)):
        return f"{told.label}: no difference shown between any of the arms; they are equal in every seed."
    not_beaten = [verdict for verdict in verdicts if verdict.direction <= 0]
    level_with = listed(f"“{verdict.other}”" for verdict in not_beaten)
    is_close = any(verdict.difference.excludes_zero for verdict in not_beaten)
    allowed_for = f" once all {nearest.n_comparisons} comparisons of arms are allowed for" if is_close else ""
    return (
        f"{told.label}: no single best arm shown; “{leader}” has the highest mean, by {lead} {evidence_of_lead}, "
        f"but no difference is shown between it and {level_with}{allowed_for}."
    )


def alone(evidence: Evidence) -> str:
    """Tell the levels when there is only one arm, and so nothing to compare."""
    if not evidence.arms:
        return "No run finished, so nothing can be said."
    arm = evidence.arms[0]
    kept, earned = (evidence.level(name, arm) for name in MAIN)
    n_seeds = count(max(kept.n, earned.n), "seed")
    return (
        f"Only “{evidence.label[arm]}” was run, so there is nothing to compare: retention is "
        f"{level(kept, 'percent')} and profit over the last {evidence.horizon} periods {level(earned, 'money')}, "
        f"over {n_seeds}."
    )


def headline(evidence: Evidence) -> str:
    """Tell the finding of the whole comparison in one sentence: which arm earns most in the long run."""
    return best(evidence, "profit") or alone(evidence)


def allowance(evidence: Evidence) -> str:
    """Say how the many comparisons are allowed for."""
    n_arms = len(evidence.arms)
    if n_arms < 2:
        return ""
    if len(evidence.manifest["seeds"]) < 2:
        return "One seed shows what can happen, not what to expect: with more seeds, a difference gets an interval."
    planned = against_baseline(evidence)
    if not planned:
        return f"No run of the baseline “{evidence.label[evidence.baseline]}” finished, so nothing is compared with it."
    n_planned = planned[0].n_comparisons
    text = (
        f"Arms are compared seed by seed: {_shared(evidence)}. "
        f"{count(n_planned, 'comparison')} with the baseline {'is' if n_planned == 1 else 'are'} made (each other "
        "arm, in retention and in profit). A difference is called shown only if its 95% interval excludes zero and its "
        f"paired t-test stays below 5% after Holm's correction for {'it' if n_planned == 1 else f'those {n_planned}'}. "
    )
    leads = [verdict for name in MAIN for verdict in best_against_rest(evidence, name)]
    if n_arms > 2 and leads:
        n_pairs = leads[0].n_comparisons
        text += (
            "The best arm is picked after seeing the results, so its lead is corrected for all pairs of arms: "
            f"{count(n_pairs, 'comparison')}. "
        )
    text += "The intervals themselves are not widened."
    return " ".join(filter(None, [text, _gain(evidence), stopping(evidence)]))


def _gain(evidence: Evidence) -> str:
    """Say how much the seeds in common gain, over the differences from the baseline in the main outcomes."""
    saved = evidence.tables["differences"]
    is_main = saved["metric"].isin(MAIN) & (saved["arm"] != evidence.baseline)
    gains = saved.loc[is_main, "variance_reduction"].dropna()
    if gains.empty:
        return ""
    least, most = number(gains.min()), number(gains.max())
    times = least if least == most else f"{least} to {most}"
    return f"Sharing its seeds makes the variance of a difference {times} times smaller than seeds of its own would."


def stopping(evidence: Evidence) -> str:
    """Say by what rule there are as many seeds as there are, and whether it was met; nothing if they were given."""
    until = evidence.manifest.get("until")
    return "" if until is None else stopped(until, len(evidence.manifest["seeds"]))


def stopped(until: Mapping[str, Any], n_seeds: int, baseline: str = "the baseline") -> str:
    """Say by what rule there are ``n_seeds`` seeds, and whether it was met.

    Parameters
    ----------
    until : mapping
        A :class:`~experiments.stopping.Stop` as plain data.
    n_seeds : int
        Seeds that were run.
    baseline : str
        What every difference is from.
    """
    asked, widths = until["asked"], until["half_widths"]
    told = []
    if "retention" in widths:
        points = 100 * widths["retention"]
        told.append(f"{without_zeros(number(points))}{_points('percent', points)} of retention")
    if "profit" in widths:
        share = without_zeros(number(100 * asked["profit"]))
        told.append(f"{number(widths['profit'])} of profit ({share}% of {baseline}'s)")
    text = (
        f"The number of seeds was decided by Stein's two-stage rule, so that every difference from {baseline} is "
        f"known to within {' and '.join(told) or 'what is not known'} either way. By the spread in the first "
        f"{count(until['n_pilot'], 'seed')}, {count(until['n_needed'], 'seed')} were needed; {n_seeds:,} were run"
    )
    if until["n_needed"] > n_seeds:
        text += f", as no more than {until['n_most']:,} were allowed"
    text += ": every difference is known that well. " if until["is_reached"] else ": not every difference is. "
    return (
        text + "The intervals of the differences keep the spread of the pilot, so that stopping does not narrow them."
    )


def _shared(evidence: Evidence) -> str:
    """Say what arms have in common in one seed: people and luck, or luck alone where the people differ by setting."""
    settings = evidence.manifest["settings"]
    paths = dict.fromkeys(path for each in settings.values() for path in each)
    of_people = [path for path in paths if path.partition(".")[0] in ("customers", "network")]
    if not of_people:
        return "the same seed gives every arm the same people and the same luck"
    more = f" and {len(of_people) - MOST_NAMED} more" if len(of_people) > MOST_NAMED else ""
    return (
        "the same seed gives every arm the same luck, but not the same people, for the arms differ in "
        f"{', '.join(of_people[:MOST_NAMED])}{more}; a difference is between markets, not between policies alone"
    )


def _amount(verdict: Verdict) -> str:
    unit = metric(verdict.metric, verdict.horizon).unit
    size = abs(verdict.difference.mean)
    return f"{number(100 * size)}{_points(unit, 100 * size)}" if unit == "percent" else in_unit(size, unit)


def _points(unit: str, size: float) -> str:
    if unit != "percent":
        return ""
    return " percentage point" if number(abs(size)) == "1" else " percentage points"


def _way(mean: float) -> str:
    return "higher" if mean > 0 else "lower"


def _what(verdict: Verdict) -> str:
    return "retention is" if verdict.metric == "retention" else f"profit over the last {verdict.horizon} periods is"


def _verb(verdict: Verdict) -> str:
    is_higher = verdict.difference.mean > 0
    if verdict.metric == "retention":
        return "keeps more customers than" if is_higher else "keeps fewer customers than"
    if is_higher:
        return "earns more than" if verdict.arm_level.mean >= 0 else "loses less than"
    return "loses more than" if verdict.other_level.mean < 0 else "earns less than"


def _of_other(verdict: Verdict) -> str:
    """Tell a difference in profit as a share of the other arm's, when that is clearly not zero."""
    base = verdict.other_level
    if verdict.metric != "profit" or not base.excludes_zero or base == NOTHING:
        return ""
    share = number(100 * abs(verdict.difference.mean / base.mean))
    return f", which is {share}% of the {'profit' if base.mean > 0 else 'loss'} of “{verdict.other}”"
