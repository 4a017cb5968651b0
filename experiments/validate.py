"""Is the market credible? Regularities of repeat buying, measured on the model beside their published ranges.

No parameter states any of these facts; they come of what people do. The panel is, as in published panels, the
households that stayed put for the 52 weeks after the warm-up and bought the category at least once in them. Facts are
measured in each seed, and the interval is over seeds. Correlations over brands and duplication need brands that differ
in strength; ``with_panel_brands`` puts a scenario's people before six such brands.

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
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special, stats

from experiments.runner import Failure, Workers
from experiments.statistics import estimate

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

# Six brands of unequal strength, as a category on a panel has: known, liked, advertised and priced differently.
PANEL_BRANDS: tuple[dict[str, Any], ...] = (
    {"name": "Aurora", "image": 0.8, "quality": 0.70, "awareness": 0.95, "advertising": 0.10, "price": 1.04},
    {"name": "Borealis", "image": 0.7, "quality": 0.65, "awareness": 0.90, "advertising": 0.08, "price": 1.00},
    {"name": "Corona", "image": 0.6, "quality": 0.65, "awareness": 0.80, "advertising": 0.06, "price": 1.02},
    {"name": "Dawn", "image": 0.5, "quality": 0.60, "awareness": 0.70, "advertising": 0.05, "price": 1.00},
    {"name": "Eventide", "image": 0.4, "quality": 0.55, "awareness": 0.60, "advertising": 0.04, "price": 0.96},
    {"name": "Firefly", "image": 0.3, "quality": 0.55, "awareness": 0.45, "advertising": 0.03, "price": 0.98},
)


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
    "top20": Fact(
        "share of a firm's sales from its top 20% of customers", 0.59, 0.73,
        "subscription .59, 339 firms .67, packaged goods .73",
    ),
    "top20_null": Fact(
        "the same from unequal purchase rates alone (NBD)", 0.48, 0.64, "null: a policy earns credit only beyond it"
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


def validate(scenario: Scenario, seeds: Sequence[int], workers: int = 1) -> pd.DataFrame:
    """Measure a market's regularities and set them beside the published ranges.

    Parameters
    ----------
    scenario : Scenario
        The market, as it is; its events and strategies take their course.
    seeds : sequence of int
        Runs; the interval is over them.
    workers : int
        Processes to spread the runs over.

    Returns
    -------
    DataFrame
        One row per fact: fact, value (mean over seeds), ci_low, ci_high (95%, Student's t), n (seeds with a value),
        low, high (the published range; missing where open), inside (missing where there is no range), basis.

    Raises
    ------
    RuntimeError
        If a run fails.
    ValueError
        If there are no seeds, or ``workers`` is below 1.
    """
    if not seeds:
        raise ValueError("no seeds; there must be at least 1")
    jobs = {seed: (scenario, seed) for seed in seeds}
    found: dict[int, dict[str, float]] = {}
    with Workers(workers) as pool:
        for seed, answer in pool.run(measure, jobs):
            if isinstance(answer, Failure):
                raise RuntimeError(f"{scenario.name}, seed {seed}: {answer.message}")
            found[seed] = answer
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


def with_panel_brands(scenario: Scenario) -> Scenario:
    """Return the scenario's people before six brands of unequal strength, without its firms, events and arms."""
    people = {"customers.captive_to": None, "focal": "", "events": [], "arms": {}}
    return scenario.with_overrides({**people, "firms": [dict(brand) for brand in PANEL_BRANDS]})


def measure(scenario: Scenario, seed: int) -> dict[str, float]:
    """Run a market once at its own prices and twice more for each firm, and return every fact's value.

    The runs share the seed, hence people, needs and luck: the response is to the price alone.
    """
    first = scenario.warm_up
    with _market(scenario, seed) as market:
        _step_to(market, first)
        panel = keep_panel(market, YEAR)
        retention = cohort_retention(market, first)
        told = praise_per_grievance(market, slice(first, first + YEAR))
    counts = panel.counts
    shares = counts.sum(axis=0) / counts.sum()
    return {
        "double_jeopardy": double_jeopardy(counts),
        "duplication": duplication(counts),
        "switching": switching(counts),
        "repeat": panel.n_same / panel.n_next,
        "elasticity": price_elasticity(scenario, seed),
        "top20": sum(share * top_share(panel.baskets * bought) for share, bought in zip(shares, counts.T, strict=True)),
        "top20_null": sum(share * nbd_top_share(bought) for share, bought in zip(shares, counts.T, strict=True)),
        "retention_1": retention[0],
        "retention_rise_2": retention[1] - retention[0],
        "retention_rise_3": retention[2] - retention[1],
        "word_of_mouth": told,
    }


def keep_panel(market: Market, n_periods: int) -> Panel:
    """Step a market and record what everyone who does not move away buys; at most one purchase a period each."""
    customers = market.customers
    people = customers.column("id").copy()
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
    """Return the correlation over brands of penetration and of purchases per buyer; NaN below three brands.

    Parameters
    ----------
    counts : array of int, shape (n_people, n_brands)
        Purchases over the year.
    """
    _, penetration, frequency = _buyers(counts)
    if len(penetration) < 3:
        return float("nan")
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
    averaged by share, as Goodhardt, Ehrenberg & Chatfield (1984) do. It is 0 if nobody buys two brands; infinite if a
    brand has more buyers than if all bought every brand alike.
    """
    is_buyer, _, _ = _buyers(counts)
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


def nbd_top_share(counts: IntArray) -> float:
    """Return the share of purchases by the top 20% of buyers in the NBD with these counts' mean and variance.

    Demand alone: what comes of rates being unequal, whatever makes them so. Worked out exactly; where the cut falls
    among buyers of equal number, the top takes the part of them that makes up the 20%. A Poisson law stands in where
    the variance is no larger than the mean; NaN if nobody bought.

    Parameters
    ----------
    counts : array of int, shape (n_people,)
        Purchases of one brand, those of people who bought none included.
    """
    mean, variance = float(counts.mean()), float(counts.var())
    if mean == 0.0:
        return float("nan")
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
    from sim.accounts import Line

    told = np.sum(market.history.books[periods], axis=0)
    grievances = told[..., Line.GRIEVANCES].sum()
    return float(told[..., Line.PRAISE].sum() / grievances) if grievances else float("nan")


def price_elasticity(scenario: Scenario, seed: int) -> float:
    """Return the arc elasticity of a firm's purchases to its own price, averaged over firms.

    Its price is 10% above its own policy's in one run and 10% below in another, for the 13 weeks after the warm-up;
    rivals go on as their strategies say.
    """
    logs = []
    for f, firm in enumerate(scenario.firms):
        volumes = []
        for factor in (1.0 - PRICE_STEP, 1.0 + PRICE_STEP):
            change = {"kind": "price_change", "firm": firm.name, "factor": factor, "at": scenario.warm_up}
            with _market(scenario, seed, change) as market:
                _step_to(market, scenario.warm_up)
                volumes.append(int(keep_panel(market, PRICE_PERIODS).counts[:, f].sum()))
        if all(volumes):
            logs.append(np.log(volumes[1] / volumes[0]) / np.log((1.0 + PRICE_STEP) / (1.0 - PRICE_STEP)))
    return float(np.mean(logs)) if logs else float("nan")


@contextmanager
def _market(scenario: Scenario, seed: int, *events: dict[str, Any]) -> Iterator[Market]:
    """Build a market for as long as it is measured, with events added and time enough for every fact."""
    from mesa import Agent

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
        Agent._ids.pop(market, None)


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
