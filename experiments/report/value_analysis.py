"""Customer value analysis, the four tests of every lever, and contagion among friends: sections of the report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.report import rivals
from experiments.report.evidence import Evidence
from experiments.report.intervals import Interval, interval_of
from experiments.report.pictures.attributes import importance_and_lead
from experiments.report.pictures.canvas import Picture
from experiments.report.tables import Cell, Table
from experiments.report.words import count, listed, number, percent, range_of, signed
from sim.crm.attributes import ATTRIBUTES
from sim.loyalty_types import TYPE_NAMES

FAIR_SHARE = 1.0 / len(ATTRIBUTES)  # of importance: what matters more than it matters
LARGE_SHARE = 0.25  # of a tier's gross margin: a lever that takes more is not cheap
NEARLY_ALL = 0.9  # of what was promised, or of the periods


@dataclass(frozen=True, slots=True)
class ValueAnalysis:
    """What customers value and who gives it: a picture, sentences, and tables."""

    sentences: tuple[str, ...]
    picture: Picture
    now: Table
    by_arm: Table | None
    beside_each: Table | None
    by_segment: Table
    segments: Table | None
    over_time: Table | None


@dataclass(frozen=True, slots=True)
class Lead:
    """How one attribute stands: its importance, the firm's rating, the best rival's, and the lead over it."""

    attribute: str
    importance: Interval
    own: Interval
    rival: str
    theirs: Interval
    lead: Interval

    @property
    def matters(self) -> bool:
        """Whether it counts for more than an equal share."""
        return self.importance.mean > FAIR_SHARE

    @property
    def advice(self) -> str:
        """What importance and lead together suggest."""
        if not self.lead.is_known:
            return "not known: one run" if self.lead.n == 1 else "not known"
        is_ahead = self.lead.excludes_zero and self.lead.mean > 0.0
        is_behind = self.lead.excludes_zero and self.lead.mean < 0.0
        if self.matters:
            return (
                "ahead: keep it, charge for it"
                if is_ahead
                else "behind: invest here"
                if is_behind
                else "level: win here"
            )
        return "ahead: could save here" if is_ahead else "behind: little to gain" if is_behind else "level: leave it"


def leads(answers: pd.DataFrame, focal: str) -> list[Lead]:
    """Return how the attributes stand in one study of a segment, most important first.

    Parameters
    ----------
    answers : DataFrame
        Columns seed, attribute, firm, importance, performance: one study and segment, of several seeds.
    focal : str
        The firm whose lead is told.
    """
    found = []
    for attribute, own in answers.groupby("attribute", sort=False):
        rated = own.pivot_table(index="seed", columns="firm", values="performance", dropna=False)
        rivals = [name for name in rated if name != focal and rated[name].notna().any()]
        if focal not in rated or not rivals:
            continue
        best = str(rated[rivals].mean().idxmax())
        found.append(
            Lead(
                attribute=str(attribute),
                importance=interval_of(own.groupby("seed")["importance"].first()),
                own=interval_of(rated[focal]),
                rival=best,
                theirs=interval_of(rated[best]),
                lead=interval_of(rated[focal] - rated[best]),
            )
        )
    return sorted(found, key=lambda each: -each.importance.mean)


def of(evidence: Evidence) -> ValueAnalysis | None:
    """Return the section, the baseline being looked at closely; None if no study of the market was saved."""
    answers = evidence.tables.get("attributes")
    if answers is None or answers.empty or not evidence.arms:
        return None
    arm = evidence.baseline if evidence.baseline in evidence.arms else evidence.arms[0]
    own = answers[answers["arm"] == arm]
    everybody = own[own["group"] == "all"]
    last = everybody["period"].max()
    now = leads(everybody[everybody["period"] == last], evidence.focal)
    if not now:
        return None
    label, focal = evidence.label[arm], evidence.focal
    segments = own[(own["period"] == last) & (own["group"] != "all")]
    return ValueAnalysis(
        sentences=_in_words(now, focal),
        picture=importance_and_lead(now, focal, label, FAIR_SHARE),
        now=_now(now, focal, label, int(last)),
        by_arm=_by_arm(evidence, answers, now) if len(evidence.arms) > 1 else None,
        beside_each=rivals.beside_each(everybody[everybody["period"] == last], focal, label),
        by_segment=_by_segment(segments, label),
        segments=rivals.by_segment(segments, focal, label),
        over_time=_over_time(everybody, focal, label),
    )


def _in_words(now: list[Lead], focal: str) -> tuple[str, ...]:
    invest = [each.attribute for each in now if each.advice == "behind: invest here"]
    charge = [each.attribute for each in now if each.advice == "ahead: keep it, charge for it"]
    told = [f"What counts most when people choose: {listed(each.attribute for each in now[:3])}."]
    if invest:
        told.append(f"{focal} is behind its best rival, where it matters, in {listed(invest)}.")
    if charge:
        told.append(f"{focal} is ahead, where it matters, in {listed(charge)}.")
    return tuple(told)


def _now(now: list[Lead], focal: str, label: str, period: int) -> Table:
    rows = []
    for each in now:
        cells = [
            Cell(percent(each.importance.mean), _range(each.importance, "percent")),
            Cell(_points(each.own.mean)),
            Cell(_points(each.theirs.mean), each.rival),
            Cell(signed(_points(each.lead.mean)), _ends(each.lead)),
            Cell(each.advice),
        ]
        rows.append((each.attribute, cells))
    n = now[0].lead.n
    return Table(
        f"What counts and how {focal} does, under “{label}”, after {period} periods",
        ["Attribute", "Importance", focal, "Best rival", "Lead", "So"],
        rows,
        "A sample of the market, customers or not, divides 100% among what counts in choosing a firm and rates every "
        "firm it knows from 0 to 100, with error. Best rival: in each attribute the one rated best. What counts for "
        f"more than {percent(FAIR_SHARE)} matters. Ahead and behind: by an interval that excludes zero. Smaller print: "
        f"95% intervals over {count(n, 'seed')}.",
    )


def _by_arm(evidence: Evidence, answers: pd.DataFrame, now: list[Lead]) -> Table:
    rows = []
    by_arm = {}
    for arm in evidence.arms:
        own = answers[(answers["arm"] == arm) & (answers["group"] == "all")]
        by_arm[arm] = {
            each.attribute: each for each in leads(own[own["period"] == own["period"].max()], evidence.focal)
        }
    for each in now:
        cells = []
        for arm in evidence.arms:
            found = by_arm[arm].get(each.attribute)
            cells.append(Cell(signed(_points(found.lead.mean)), _ends(found.lead)) if found else Cell("not known"))
        rows.append((each.attribute, cells))
    return Table(
        f"Lead of {evidence.focal} over its best rival at the end, by arm",
        ["Attribute", *(evidence.label[arm] for arm in evidence.arms)],
        rows,
        "Points out of 100; each arm against its own best rival. Smaller print: 95% intervals over seeds.",
    )


def _by_segment(answers: pd.DataFrame, label: str) -> Table:
    weights = answers.drop_duplicates(["seed", "group", "name", "attribute"])
    means = weights.groupby(["group", "name", "attribute"], sort=False)["importance"].mean().unstack("attribute")
    order = sorted(means.index, key=lambda of: (of[0] != "tier", TYPE_NAMES.index(of[1]) if of[1] in TYPE_NAMES else 0))
    rows = [(str(of[1]), [Cell(percent(means.loc[of, name])) for name in ATTRIBUTES]) for of in order]
    return Table(
        f"What counts for whom at the end, under “{label}”",
        ["Segment", *ATTRIBUTES],
        rows,
        "Mean over seeds of the share of importance. Tiers as the firm holds them; loyalty types are those people were "
        "born with, which no firm sees.",
    )


def _over_time(everybody: pd.DataFrame, focal: str, label: str) -> Table | None:
    periods = sorted(everybody["period"].unique())
    if len(periods) < 2:
        return None
    studies = [{each.attribute: each for each in leads(everybody[everybody["period"] == at], focal)} for at in periods]
    rows = []
    for name in studies[-1]:
        cells = [
            Cell(signed(_points(study[name].lead.mean)), _ends(study[name].lead))
            if name in study
            else Cell("not known")
            for study in studies
        ]
        rows.append((name, cells))
    return Table(
        f"Lead of {focal} over its best rival, study by study, under “{label}”",
        ["Attribute", *(f"after {int(at)}" for at in periods)],
        rows,
        "Points out of 100, after so many periods. Smaller print: 95% intervals over seeds.",
    )


def four_tests(evidence: Evidence) -> Table | None:
    """Return every lever the firm pulls, by arm and tier, and which of the four tests it passes; None if none is."""
    judged = evidence.tables.get("four_tests")
    if judged is None or judged.empty or not evidence.arms:
        return None
    rows = []
    for arm in evidence.arms:
        own = judged[judged["arm"] == arm]
        for (tier, lever), found in own.groupby(["tier", "lever"], sort=False):
            worth, experienced, sustained = (
                interval_of(found[name]) for name in ("worth_per_cost", "experienced", "sustained")
            )
            share = interval_of(found["cost_share"].where(np.isfinite(found["cost_share"])))
            cells = [
                Cell(f"{_mark(worth.mean >= 1.0)} {number(worth.mean)}", _range(worth, "score")),
                Cell(f"{_mark(share.mean <= LARGE_SHARE)} {percent(share.mean)}", _range(share, "percent")),
                Cell(f"{_mark(experienced.mean >= NEARLY_ALL)} {percent(experienced.mean)}"),
                Cell(f"{_mark(sustained.mean >= NEARLY_ALL)} {percent(sustained.mean)}"),
            ]
            rows.append((f"{evidence.label[arm]}: {tier}, {lever}", cells))
    return Table(
        "Four tests of every lever: of high value, of low cost, experienced, sustained",
        ["Arm, tier, lever", "Worth per unit spent", "Cost", "Experienced", "Sustained"],
        rows,
        "Over the long run. Worth: what the customers who get it would pay for it, over what it costs (passes from "
        f"1). Cost: its part of the tier's gross margin (passes up to {percent(LARGE_SHARE)}). Experienced: share "
        "of what was promised that was received: redeemed of points, made good of complaints, taken of offers to "
        "come back, let in of those who would come to an event, closeness over the contact promised; of what is done "
        "for all tiers alike: who knows the brand, the calls that were no second one on the same customer, the trained "
        "among the staff, worked on of suggestions. Sustained: share of periods in which the tier (for all: the firm, "
        "with all it pays) did not cost more than it brought and, of service and of training for it, all that was "
        f"promised was delivered (both pass from {percent(NEARLY_ALL)}). Passing says nothing of what the lever "
        "does to retention or profit: the comparison above does. Smaller print: 95% intervals over seeds.",
    )


def contagion(evidence: Evidence) -> tuple[tuple[str, ...], Table] | None:
    """Return whether friends think and leave alike: sentences, and a table of the arms; None if it was not saved."""
    found = evidence.tables.get("contagion")
    if found is None or found.empty or not evidence.arms:
        return None
    rows, told = [], []
    for arm in evidence.arms:
        own = found[found["arm"] == arm]
        opinion, churn = interval_of(own["opinion_clustering"]), interval_of(own["churn_clustering"])
        gap = interval_of(own["retention_hubs"] - own["retention_others"])
        cells = [
            Cell(number(opinion.mean), _range(opinion, "score")),
            Cell(number(churn.mean), _range(churn, "score")),
            Cell(signed(number(100 * gap.mean)), _ends(gap)),
        ]
        rows.append((evidence.label[arm], cells))
        if arm == evidence.baseline:
            told.append(_spreads(churn, evidence.label[arm]))
    return (*told, *_shape(evidence)), Table(
        "How opinion and churn cluster among friends",
        [
            "Arm",
            "Opinions alike (Moran's I)",
            "Ties that left together, over chance",
            "Retention of hubs less others, points",
        ],
        rows,
        "Opinions alike: 0 if people were shuffled over the network, 1 if all friends agreed. Ties that left together: "
        "of the ties between customers at the start of the long run, those whose ends had both left at its end, over "
        "their number if those who left were shuffled among the customers of their loyalty type; 1 is no contagion. "
        "Hubs: the tenth of people with most ties. Smaller print: 95% intervals over seeds.",
    )


def _shape(evidence: Evidence) -> tuple[str, ...]:
    """Return a sentence on the network of the baseline's first seed, if it was saved."""
    found = evidence.tables.get("network")
    own = pd.DataFrame() if found is None else found[found["arm"] == evidence.baseline]
    if own.empty:
        return ()
    net = own.iloc[0]
    ties, most = number(net["mean_degree"]), int(net["max_degree"])
    alone, closed, joined = (percent(net[name]) for name in ("isolated_share", "clustering", "largest_component_share"))
    return (
        f"The network of the first seed: {ties} ties a person on average and {most} at most, {alone} without any; "
        f"{closed} of the pairs of a person's friends are friends themselves; {joined} of people are connected with "
        "each other.",
    )


def _spreads(churn: Interval, label: str) -> str:
    if not churn.is_known:
        return "One run does not tell whether churn spreads among friends."
    how = f"{number(churn.mean)} times chance, 95% interval {range_of(churn, 'score')}; {count(churn.n, 'seed')}"
    if churn.low > 1.0:
        return f"Friends leave together more often than chance under “{label}”: {how}."
    if churn.high < 1.0:
        return f"Friends leave together less often than chance under “{label}”: {how}."
    return f"No contagion of churn is shown under “{label}”: friends left together {how}."


def _mark(is_passed: bool) -> str:
    return "\N{CHECK MARK}" if is_passed else "\N{MULTIPLICATION SIGN}"


def _points(share: float) -> str:
    return number(100 * share)


def _ends(found: Interval) -> str:
    return f"{signed(_points(found.low))} to {signed(_points(found.high))}" if found.is_known else ""


def _range(found: Interval, unit: str) -> str:
    return range_of(found, unit) if found.is_known else ""  # type: ignore[arg-type]
