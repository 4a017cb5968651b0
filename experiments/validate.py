"""Is the market credible? Regularities of repeat buying, measured on the model beside their published ranges.

No parameter states any of these facts; they come of what people do. The panel is, as in published panels, the
households that stayed put for the 52 weeks after the warm-up and bought the category at least once in them, whatever
their loyalty type. Facts are measured in each seed, and the interval is over seeds. Double jeopardy says something only
where brands differ in strength, as the shipped baseline's four do, and correlates no more points than there are brands.

References
----------
Ehrenberg (1988), *Repeat-Buying*, 2nd ed.; Goodhardt, Ehrenberg & Chatfield (1984), "The Dirichlet: a comprehensive
model of buying behaviour", JRSS A 147(5); Bijmolt, van Heerde & Pieters (2005), JMR 42(2); East, Hammond & Wright
(2007), IJRM 24(2); Fader & Hardie (2007), "How to project customer retention", JIM 21(1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special, stats

from experiments.one_run import warm_up
from experiments.runner import Failure, Progress, Workers
from experiments.statistics import estimate
from sim.accounts import Line
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
TOP_FRAC = 0.2


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
    with _market(scenario, seed) as market:
        _step_to(market, first)
        panel = keep_panel(market, YEAR)
        retention = cohort_retention(market, first)
        told = praise_per_grievance(market, slice(first, first + YEAR))
    counts = panel.counts
    if not counts.any():
        return dict.fromkeys(FACTS, float("nan"))
    elasticity = price_elasticity(scenario, seed)
    shares = counts.sum(axis=0) / counts.sum()
    brands = range(len(shares))
    return {
        "double_jeopardy": double_jeopardy(counts),
        "duplication": duplication(counts),
        "switching": switching(counts),
        "repeat": panel.n_same / panel.n_next if panel.n_next else float("nan"),
        "elasticity": elasticity.both,
        "elasticity_cut": elasticity.cut,
        "elasticity_rise": elasticity.rise,
        "top20": float(sum(shares[f] * top_share(panel.baskets * counts[:, f]) for f in brands if shares[f])),
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


def double_jeopardy(counts: IntArray) -> float:
    """Return the correlation over brands of penetration and purchases per buyer; NaN if all are alike or below 3.

    Parameters
    ----------
    counts : array of int, shape (n_people, n_brands)
        Purchases over the year.
    """
    _, penetration, frequency = _buyers(counts)
    if len(penetration) < 3:
        return float("nan")
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.corrcoef(penetration, frequency)[0, 1])


def duplication(counts: IntArray) -> float:
    """Return D, how many times likelier than any buyer of the category a buyer of one brand is to buy another.

    The mean over pairs of brands of the share of one's buyers who also buy the other, over the mean penetration
    (Ehrenberg 1988); NaN below two brands.
    """
    is_buyer, penetration, _ = _buyers(counts)
    n_brands = len(penetration)
    if n_brands < 2:
        return float("nan")
    both = is_buyer.T.astype(np.float64) @ is_buyer / len(is_buyer)
    duplicated = both / penetration[:, None]
    return float((duplicated.sum() - n_brands) / (n_brands * (n_brands - 1)) / penetration.mean())


def switching(counts: IntArray) -> float:
    """Return the Dirichlet's S by zeros: the value that explains how many buy each brand at all, given its share.

    With a brand's share p, someone who buys the category n times buys the brand beta-binomially, with parameters S p
    and S (1 - p), hence never with chance ``B(S p, S (1 - p) + n) / B(S p, S (1 - p))``. S is found for each brand and
    averaged by share, as Goodhardt, Ehrenberg & Chatfield (1984) do. A brand's is 0 if it has no more buyers than if
    each bought one brand only, infinite if it has as many as if all people were alike; NaN below two brands.
    """
    is_buyer, _, _ = _buyers(counts)
    if is_buyer.shape[1] < 2:
        return float("nan")
    n_bought, n_people = np.unique(counts.sum(axis=1)[counts.any(axis=1)], return_counts=True)
    shares = counts.sum(axis=0)[counts.any(axis=0)] / counts.sum()
    fitted = []
    for share, n_observed in zip(shares, is_buyer.sum(axis=0), strict=True):

        def excess(log_s: float, p: float = share, observed: float = n_observed) -> float:
            a, b = np.exp(log_s) * p, np.exp(log_s) * (1.0 - p)
            never = np.exp(special.betaln(a, b + n_bought) - special.betaln(a, b))
            return float(n_people @ (1.0 - never) - observed)

        low, high = np.log(1e-6), np.log(1e6)
        if excess(low) >= 0.0:
            fitted.append(0.0)
        elif excess(high) <= 0.0:
            fitted.append(np.inf)
        else:
            fitted.append(float(np.exp(optimize.brentq(excess, low, high))))
    return float(shares @ fitted)


def top_share(spent: FloatArray) -> float:
    """Return the share of sales that comes from the top 20% of those who bought anything; NaN if nobody did."""
    buyers = np.sort(spent[spent > 0.0])[::-1]
    return float(buyers[: round(TOP_FRAC * buyers.size)].sum() / buyers.sum()) if buyers.size else float("nan")


def nbd_top_share(mean: float, variance: float) -> float:
    """Return the share of purchases by the top 20% of buyers in the NBD of this mean and variance over all people.

    Demand alone: what comes of people buying at unequal rates. Worked out exactly; where the cut falls among buyers of
    equal number, the top takes the part of them that makes up the 20%. A Poisson law stands in where the variance is no
    larger than the mean.
    """
    law = stats.nbinom(mean**2 / (variance - mean), mean / variance) if variance > mean else stats.poisson(mean)
    n = np.arange(int(law.isf(1e-12)) + 2, 0, -1)
    people = law.pmf(n) / law.sf(0)
    in_top = np.clip(TOP_FRAC - (np.cumsum(people) - people), 0.0, people)
    return float(in_top @ n / (people @ n))


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
        _step_to(market, first + (age + 1) * YEAR)
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
    with _market(scenario, seed, *events) as market:
        _step_to(market, scenario.warm_up)
        sold: IntArray = keep_panel(market, PRICE_PERIODS).counts.sum(axis=0)
        return sold


@contextmanager
def _market(scenario: Scenario, seed: int, *events: dict[str, Any]) -> Iterator[Market]:
    """Build a market for as long as it is measured, with events added and time enough for every fact."""
    from sim.framework import mesa
    from sim.market import Market

    n_periods = scenario.warm_up + (N_AGES + 1) * YEAR
    changes = {
        "periods": max(scenario.periods, n_periods),
        "events": [*scenario.raw.get("events", []), *events],
    }
    market = Market(scenario.with_overrides(changes), seed=seed, collect=False)
    try:
        yield market
    finally:
        # Mesa counts agents per model in a table on the class, which would keep every market in memory.
        mesa.Agent._ids.pop(market, None)


def _step_to(market: Market, period: int) -> None:
    while market.period < period:
        market.step()


def _buyers(counts: IntArray) -> tuple[npt.NDArray[np.bool_], FloatArray, FloatArray]:
    """Return who of the category's buyers bought which brand, and brands' penetrations and purchases per buyer.

    People who bought nothing and brands that nobody bought are left out.
    """
    bought = counts[counts.any(axis=1)][:, counts.any(axis=0)]
    is_buyer = bought > 0
    return is_buyer, is_buyer.mean(axis=0), bought.sum(axis=0) / is_buyer.sum(axis=0)
