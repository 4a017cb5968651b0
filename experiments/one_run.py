"""One run: a market lived to its end, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from experiments.runner import Progress
    from sim.market import Market
    from sim.results import Results
    from sim.scenario import Scenario

Frames = dict[str, "pd.DataFrame"]

WARM_UP_PERIODS = 30  # enough for every kernel, those of a review included


@contextmanager
def opened(scenario: Scenario, seed: int) -> Iterator[Market]:
    """Hold a market while it is stepped and looked at, and no longer."""
    from sim.framework import mesa
    from sim.market import Market

    market = Market(scenario, seed=seed, collect=False)
    try:
        yield market
    finally:
        # Mesa counts agents per model in a table on the class, which would keep every market in memory.
        mesa.Agent._ids.pop(market, None)


def step_to(market: Market, period: int) -> None:
    """Let a market live until so many periods are over."""
    while market.period < period:
        market.step()


def results_of(scenario: Scenario, seed: int) -> Results:
    """Run one market to its end."""
    with opened(scenario, seed) as market:
        return market.run()


def long_run(results: Results) -> dict[str, dict[str, float]]:
    """Return each firm's long-run outcomes, loyalty index, lifetime value and equity, and its spending on customers."""
    from sim.accounts import Line

    spent = [Line.SERVICE, Line.CONTACT, Line.DISCOUNTS, Line.INCENTIVES, Line.ACQUISITION, Line.RECOVERY]
    worth = results.crm.summary()
    books = results.books[results.long_run].sum(axis=(0, 2, 3))
    return {
        firm: {**outcomes, **worth[firm], "spend": float(books[f, spent].sum())}
        for f, (firm, outcomes) in enumerate(results.outcomes().items())
    }


def outcomes_of(scenario: Scenario, seed: int) -> dict[str, dict[str, float]]:
    """Run one market and return each firm's long-run outcomes: see :func:`long_run`."""
    return long_run(results_of(scenario, seed))


def simulate(scenario: Scenario, seed: int, with_network: bool) -> Frames:
    """Run one market to its end and return what a comparison needs of it: see :func:`reduced`."""
    return reduced(results_of(scenario, seed), with_network)


def reduced(results: Results, with_network: bool) -> dict[str, pd.DataFrame]:
    """Return the frames of one run, added up over the long run: its last ``horizon`` periods.

    Parameters
    ----------
    results : Results
        A finished run.
    with_network : bool
        Whether to keep the sample of people and ties, which is for a picture and needed once per arm.

    Returns
    -------
    dict of DataFrame
        ``run`` (version and digest), ``outcomes`` (firm, metric, value), ``periods``, ``tiers`` and ``types``
        (customers averaged, everything else summed), ``losses``, ``flows``, ``migration``, ``retention_by``; of the
        focal firm at the end ``loyalty``, ``diagnosis``, ``patronage``, ``value``,
        ``cohorts`` and ``matrix``; ``elasticity``; ``attributes``
        (of segments only at the end), ``four_tests``, ``contagion``, ``programmes``, ``occasions``, ``bonds``,
        ``credit``, ``built`` and ``life_stages``; and ``nodes``, ``ties`` and ``network``
        (its size and shape) with the network.
    """
    import pandas as pd

    from sim.accounts import CAUSE_NAMES, Line

    horizon = results.horizon

    def added_up(frame: pd.DataFrame, by: list[str], numbers: list[str]) -> pd.DataFrame:
        long_run = frame[frame["period"] > last_period - horizon]
        return pd.DataFrame(long_run.groupby(by, sort=False, as_index=False)[numbers].sum())

    def by_group(frame: pd.DataFrame, group: str) -> pd.DataFrame:
        numbers = [name for name in frame.columns if name not in {"period", "firm", group}]
        table = pd.DataFrame(frame.groupby(["firm", group], sort=False, as_index=False)[numbers].sum())
        return table.assign(customers=table["customers"] / horizon)

    last_period = results.periods["period"].max()
    # tables of the long run alone: those of the whole run take a third as long as the run itself
    recent = replace(results, books=results.books[results.long_run], stock=results.stock[results.long_run])
    outcomes = [
        (firm, metric, value) for firm, metrics in results.outcomes().items() for metric, value in metrics.items()
    ]
    # Straight from the books: results.losses would spell out the whole ledger first, half as long as the run itself.
    lost = results.books[results.long_run, ..., Line.LOST :].sum(axis=(0, 2, 3))
    losses = [
        (firm, cause, n)
        for firm, by_cause in zip(results.firms, lost, strict=True)
        for cause, n in zip(CAUSE_NAMES, by_cause, strict=True)
        if n
    ]
    frames = {
        "run": pd.DataFrame({"version": [results.version], "digest": [results.digest]}),
        "outcomes": pd.DataFrame(outcomes, columns=["firm", "metric", "value"]),
        "periods": results.periods,
        "tiers": by_group(recent.tiers, "tier"),
        "types": by_group(recent.types, "type"),
        "losses": pd.DataFrame(losses, columns=["firm", "cause", "customers"]),
        "flows": added_up(results.periods, ["firm"], ["gained", "lost"]),
        "migration": added_up(results.migration, ["firm", "from_tier", "to_tier"], ["customers"]),
        "retention_by": results.retention_by,
    }
    known = results.crm.only(results.scenario.focal_firm)
    frames |= {
        name: getattr(known, name) for name in ("loyalty", "diagnosis", "patronage", "value", "cohorts", "matrix")
    }
    answers = results.attributes
    frames["attributes"] = answers[(answers["group"] == "all") | (answers["period"] == answers["period"].max())]
    frames |= {"four_tests": results.four_tests, "contagion": results.contagion}
    frames |= {"programmes": results.programmes, "occasions": results.occasions, "credit": results.credit}
    frames |= {"bonds": results.bonds, "elasticity": results.elasticity, "built": results.built}
    frames |= {"life_stages": results.life_stages}
    if with_network:
        frames |= {"nodes": results.nodes, "ties": results.ties, "network": pd.DataFrame([results.shape.made])}
    return frames


def require_readable(scenario: Scenario) -> tuple[str, ...]:
    """Read the files that a scenario names, so that what is wrong with them is told once, before anything runs.

    Returns
    -------
    tuple of str
        What the purchase log does not tell, in sentences that begin with its name; usually nothing.

    Raises
    ------
    InputError
        If a purchase log or a list of ties cannot be used.
    """
    from sim import customers, network

    fitted = customers.fitted_demand(scenario)
    if scenario.network.topology == "edge_list":
        network.build(scenario.network, scenario.customers.count, seed=0, folder=scenario.folder)
    return tuple(f"{scenario.customers.demand.transactions}: {note}" for note in fitted.notes) if fitted else ()


def warm_up(scenario: Scenario, progress: Progress) -> None:
    """Compile the kernels in this process if need be, by a short run, before anything is counted.

    Without it every worker would compile the same kernels at the same time, and a single run would tell a pace that it
    does not have.
    """
    from sim import kernel_cache

    if not kernel_cache.is_warm():
        from sim.market import Market

        Market(scenario, seed=0, collect=False).run(min(scenario.periods, WARM_UP_PERIODS))
        kernel_cache.mark_warm()
    progress.restart_clock()
