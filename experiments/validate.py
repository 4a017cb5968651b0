"""Is the market credible? Regularities of repeat buying, measured on the model beside their published ranges.

No parameter states any of these facts; they come of what people do. The panel is, as in published panels, the
households that stayed put for the 52 weeks after the warm-up and bought the category at least once in them, whatever
their loyalty type. Facts are measured in each seed, and the interval is over seeds. Double jeopardy says something only
where brands differ in strength, as the shipped baseline's four do, and correlates no more points than there are brands.

References
----------
Those of :mod:`experiments.repeat_buying`; Bijmolt, van Heerde & Pieters (2005), JMR 42(2); East, Hammond & Wright
(2007), IJRM 24(2); Fader & Hardie (2007), "How to project customer retention", JIM 21(1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.one_run import opened, step_to, warm_up
from experiments.repeat_buying import double_jeopardy, duplication, nbd_top_share, switching
from experiments.runner import Failure, Progress, Workers
from experiments.statistics import estimate
from sim.accounts import Line
from sim.customer_results import top_share
from sim.errors import InputError

if TYPE_CHECKING:
    from sim.market import Market
    from sim.scenario import Scenario

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

YEAR = 52  # periods
N_AGES = 3  # years for which a joining cohort is followed
PRICE_STEP = 0.10  # a firm's price is raised and cut by this share
PRICE_PERIODS = 13  # periods over which the response is measured


@dataclass(frozen=True, slots=True)
class Fact:
    """A regularity and the range it is judged by; an open end is None."""

    name: str
    low: float | None
    high: float | None
    basis: str


FACTS: dict[str, Fact] = {
    "double_jeopardy": Fact(
        "double jeopardy: correlation of penetration and purchase frequency over brands", 0.56, None,
        ".56-.88 in four scanner panels; panels are noisier than a model, so above is no failure",
    ),
    "duplication": Fact("duplication of purchase: coefficient D", 0.82, 1.07, "four scanner panels"),
    "switching": Fact("Dirichlet switching parameter S, by zeros", 1.0, 3.5, "four scanner panels"),
    "repeat": Fact("repeat purchase: same brand next time", 0.57, 0.86, "four scanner panels"),
    "elasticity": Fact(
        "own-price elasticity of a firm's volume", -5.1, -1.3,
        "Bijmolt, van Heerde & Pieters 2005 (mean -2.62); range of four scanner panels",
    ),
    "elasticity_cut": Fact(
        "the same of a cut by a tenth alone", None, None, "no range: with a threshold, cuts and rises differ"
    ),
    "elasticity_rise": Fact(
        "the same of a rise by a tenth alone", None, None,
        "no range: as of a cut; Pauwels, Srinivasan & Franses 2007 find thresholds for 76% of brands",
    ),
    "top20": Fact(
        "share of a firm's sales from its top 20% of customers", 0.59, 0.73,
        "published: subscription .59, 339 firms .67, packaged goods .73",
    ),
    "top20_null": Fact(
        "the same from unequal purchase rates alone (NBD)", 0.48, 0.64,
        "NBD of each firm's purchases; a policy earns credit only beyond it",
    ),
    "retention_1": Fact(
        "retention of a joining cohort in its first year", None, None, "no range: depends on what counts as lapsed"
    ),
    "retention_rise_2": Fact(
        "rise of that retention from the first year to the second", 0.0, None,
        "Fader & Hardie 2007: .63 rising to .92, and .87 to .95; selection alone gives it",
    ),
    "retention_rise_3": Fact(
        "rise of that retention from the second year to the third", 0.0, None, "as from the first to the second"
    ),
    "word_of_mouth": Fact(
        "praise per grievance", 2.0, 4.0, "about 3 (East, Hammond & Wright 2007); judged by 2 to 4"
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Panel:
    """What a panel of households reports over a year.

    Parameters
    ----------
    counts : array of int, shape (n_people, n_brands)
        Purchases of everyone who stayed put, those who bought nothing included.
    baskets : array, shape (n_people,)
        Money each spends at a purchase, at price 1.
    n_same, n_next : int
        Purchases of the brand bought the time before, and purchases that had one before within the year.
    """

    counts: IntArray
    baskets: FloatArray
    n_same: int
    n_next: int


def validate(
    scenario: Scenario, seeds: Sequence[int], workers: int = 1, progress: Progress | None = None
) -> pd.DataFrame:
    """Measure a market's regularities and set them beside the published ranges.

    Parameters
    ----------
    scenario : Scenario
        The market, as it is; its events and strategies take their course. It is run for four years after its warm-up.
    seeds : sequence of int
        Each seed once; the interval is over them. Every seed takes a run, and two shorter ones for each firm.
    workers : int
        Processes to spread the seeds over.
    progress : Progress, optional
        Counts the seeds that are done.

    Returns
    -------
    DataFrame
        One row per fact: fact, value (mean over seeds), ci_low, ci_high (95%, Student's t), n (seeds with a value),
        low, high (the published range; missing where open), inside (missing where there is no range), basis.

    Raises
    ------
    InputError
        If there is no seed, or one twice.
    RuntimeError
        If a run fails.
    ValueError
        If ``workers`` is below 1.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError("no seed, or one twice", key="seeds", value=list(seeds), allowed="each seed once")
    progress = progress or Progress(len(seeds), "seeds", quiet=True)
    found: dict[int, dict[str, float]] = {}
    with Workers(workers) as pool:
        warm_up(scenario, progress)
        for seed, answer in pool.run(measure, {seed: (scenario, seed) for seed in seeds}):
            if isinstance(answer, Failure):
                raise RuntimeError(f"{scenario.name}, seed {seed}: {answer.message}")
            found[seed] = answer
            progress.advance()
    return judge(pd.DataFrame([found[seed] for seed in seeds]))


def judge(measured: pd.DataFrame) -> pd.DataFrame:
    """Set measurements, shape (n_seeds, n_facts) with the columns of ``FACTS``, beside their ranges."""
    rows = []
    for key, fact in FACTS.items():
        found = estimate(measured[key].to_numpy(dtype=np.float64))
        inside: bool | None = None
        if found.mean is not None and (fact.low is not None or fact.high is not None):
            inside = (fact.low is None or found.mean >= fact.low) and (fact.high is None or found.mean <= fact.high)
        rows.append(
            (fact.name, found.mean, found.ci_low, found.ci_high, found.n, fact.low, fact.high, inside, fact.basis)
        )
    columns = ["fact", "value", "ci_low", "ci_high", "n", "low", "high", "inside", "basis"]
    numbers = dict.fromkeys(["value", "ci_low", "ci_high", "low", "high"], np.float64)
    return pd.DataFrame(rows, columns=columns).astype({**numbers, "inside": "boolean"})


def measure(scenario: Scenario, seed: int) -> dict[str, float]:
    """Run a market at its own prices and twice more for each firm, and return every fact's value.

    The runs share the seed, hence people, needs and luck: the response is to the price alone.
    """
    first = scenario.warm_up
    with opened(_long_enough(scenario), seed) as market:
        step_to(market, first)
        panel = keep_panel(market, YEAR)
        retention = cohort_retention(market, first)
        told = praise_per_grievance(market, slice(first, first + YEAR))
    counts = panel.counts
    if not counts.any():
        return dict.fromkeys(FACTS, float("nan"))
    elasticity = price_elasticity(scenario, seed)
    shares = counts.sum(axis=0) / counts.sum()
    brands, spent = range(len(shares)), panel.baskets[:, None] * counts
    return {
        "double_jeopardy": double_jeopardy(counts),
        "duplication": duplication(counts),
        "switching": switching(counts),
        "repeat": panel.n_same / panel.n_next if panel.n_next else float("nan"),
        "elasticity": elasticity.both,
        "elasticity_cut": elasticity.cut,
        "elasticity_rise": elasticity.rise,
        "top20": float(sum(shares[f] * top_share(spent[spent[:, f] > 0.0, f]) for f in brands if shares[f])),
        "top20_null": float(
            sum(shares[f] * nbd_top_share(counts[:, f].mean(), counts[:, f].var()) for f in brands if shares[f])
        ),
        "retention_1": retention[0],
        "retention_rise_2": retention[1] - retention[0],
        "retention_rise_3": retention[2] - retention[1],
        "word_of_mouth": told,
    }


class Elasticity(NamedTuple):
    """Arc elasticities of volume to price: from a tenth less to a tenth more, to the usual price, and from it."""

    both: float
    cut: float
    rise: float


def keep_panel(market: Market, n_periods: int) -> Panel:
    """Step a market and record what everyone who does not move away buys; at most one purchase a period each."""
    customers = market.customers
    people: IntArray = customers.column("id").copy()
    counts = np.zeros(customers.column("bought_at").shape, dtype=np.int64)
    last = np.full(len(people), -1)
    is_same, is_next = np.zeros((2, len(people)), dtype=np.int64)
    for _ in range(n_periods):
        market.step()
        bought = customers.column("bought_at") == market.period - 1
        counts += bought
        buyers = np.flatnonzero(bought.any(axis=1))
        brand = bought[buyers].argmax(axis=1)
        is_next[buyers] += last[buyers] >= 0
        is_same[buyers] += last[buyers] == brand
        last[buyers] = brand
    stayed = customers.column("id") == people
    return Panel(
        counts=counts[stayed],
        baskets=customers.column("basket")[stayed].astype(np.float64),
        n_same=int(is_same[stayed].sum()),
        n_next=int(is_next[stayed].sum()),
    )


def cohort_retention(market: Market, first: int) -> list[float]:
    """Step a market on and return the yearly retention of a cohort of customers as it grows older.

    The cohort is everybody who joined a firm in the year from period ``first`` and was its customer at the year's end:
    customers of several firms count at each. Nobody who lapses comes back into it.

    Returns
    -------
    list of float, length 3
        Of the cohort left at the end of a year, the share left a year later; NaN where none were left.
    """
    kept = []
    for age in range(N_AGES + 1):
        step_to(market, first + (age + 1) * YEAR)
        kept.append(market.since[:, :, first : first + YEAR].sum())
    return [float(later / before) if before else float("nan") for before, later in pairwise(kept)]


def praise_per_grievance(market: Market, periods: slice) -> float:
    """Return how many praises were told first-hand per grievance; NaN if nobody complained to anyone."""
    told = np.sum(market.history.books[periods], axis=0)
    grievances = told[..., Line.GRIEVANCES].sum()
    return float(told[..., Line.PRAISE].sum() / grievances) if grievances else float("nan")


def price_elasticity(scenario: Scenario, seed: int) -> Elasticity:
    """Return the arc elasticity of a firm's purchases to its own price, averaged over firms.

    Its price is 10% above its own policy's in one run, 10% below in another and as it is in a third, for the 13 weeks
    after the warm-up; rivals go on as their strategies say.
    """
    names = [firm.name for firm in scenario.firms]
    low, same, high = 1.0 - PRICE_STEP, 1.0, 1.0 + PRICE_STEP
    sold = _sold(scenario, seed)
    found: dict[tuple[float, float], list[float]] = {(low, high): [], (low, same): [], (same, high): []}
    for f, name in enumerate(names):
        volumes = {same: sold[f]}
        for factor in (low, high):
            change = {"kind": "price_change", "firm": name, "factor": factor, "at": scenario.warm_up}
            volumes[factor] = _sold(scenario, seed, change)[f]
        for (before, after), values in found.items():
            if volumes[before] and volumes[after]:
                values.append(float(np.log(volumes[after] / volumes[before]) / np.log(after / before)))
    return Elasticity(*(float(np.mean(values)) if values else float("nan") for values in found.values()))


def _sold(scenario: Scenario, seed: int, *events: dict[str, Any]) -> IntArray:
    """Return each firm's purchases in the weeks after the warm-up in which the response to a price is measured."""
    with opened(_long_enough(scenario, *events), seed) as market:
        step_to(market, scenario.warm_up)
        sold: IntArray = keep_panel(market, PRICE_PERIODS).counts.sum(axis=0)
        return sold


def _long_enough(scenario: Scenario, *events: dict[str, Any]) -> Scenario:
    """Return a scenario with events added and time enough for every fact."""
    n_periods = scenario.warm_up + (N_AGES + 1) * YEAR
    changes = {
        "periods": max(scenario.periods, n_periods),
        "events": [*scenario.raw.get("events", []), *events],
    }
    return scenario.with_overrides(changes)
