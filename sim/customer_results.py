"""What is seen of the customers at the end of a run: who stayed, whose money it is, and some of who knows whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.book_results import ratio
from sim.crm.later import Later
from sim.crm.records import records_of
from sim.loyalty_types import TYPE_NAMES
from sim.network import sample, ties_among
from sim.records import STEPS

if TYPE_CHECKING:
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]

SAMPLE_SIZE = 400  # people in the sample of the network
TOP_FRAC = 0.2  # of customers


def retention_by(market: Market) -> pd.DataFrame:
    """Return retention over the long run: of all customers at its start, by tier and by loyalty type then held."""
    standing, types = market.standing, market.standing_types
    rows: list[tuple[str, str, str, int, int]] = []
    if standing is None or types is None:
        return pd.DataFrame(rows, columns=["firm", "group", "name", "at_start", "kept"]).assign(retention=[])
    start = market.last_period - market.horizon
    relations = market.town.relations
    is_kept = (relations["is_active"] == 1) & (relations["since"] < start)
    for f, (name, firm) in enumerate(market.firms.items()):
        was_there = standing[:, f] >= 0
        stayed = was_there & is_kept[:, f]
        rows.append((name, "all", "all", int(was_there.sum()), int(stayed.sum())))
        for group, of, names in (
            ("tier", standing[:, f].astype(np.int64), firm.pyramid.tiers),
            ("type", types.astype(np.int64), TYPE_NAMES),
        ):
            at_start = np.bincount(of[was_there], minlength=len(names))
            kept = np.bincount(of[stayed], minlength=len(names))
            rows += [(name, group, names[k], int(at_start[k]), int(kept[k])) for k in range(len(names))]
    frame = pd.DataFrame(rows, columns=["firm", "group", "name", "at_start", "kept"])
    frame["retention"] = frame["kept"] / frame["at_start"].where(frame["at_start"] > 0)
    return frame


def life_stages(market: Market) -> pd.DataFrame:
    """Return who buys where by stage of life, at the end of the run; no rows if no stages are told apart.

    Returns
    -------
    DataFrame
        One row per firm and ``stage``: ``people`` who are in it, the firm's ``customers`` among them, ``reached`` (that
        is as a share of the people), ``share`` of the firm's customers, and what one pays (``revenue``) and earns the
        firm (``margin``) in a period, on average and by its records, in money.
    """
    names = market.customers.stages
    columns = ["firm", "stage", "people", "customers", "reached", "share", "revenue", "margin"]
    if not names:
        return pd.DataFrame(columns=columns)
    stage = market.town.stages["stage"].astype(np.int64)
    people, rows = np.bincount(stage, minlength=len(names)), []
    for firm in market.firms.values():
        records = records_of(market, firm)
        own = stage[records.row]
        customers, length, revenue, margin = (
            np.bincount(own, weights, len(names)) for weights in (None, records.length, records.revenue, records.margin)
        )
        for k, name in enumerate(names):
            money = (ratio(float(of[k]), float(length[k])) for of in (revenue, margin))
            n = float(customers[k])
            rows.append((firm.name, name, int(people[k]), int(n), ratio(n, people[k]), ratio(n, own.size), *money))
    return pd.DataFrame(rows, columns=columns)


def top_share(amounts: FloatArray) -> float:
    """Return the share of a total that the largest fifth of the amounts makes up; above 1 if others are negative.

    It is NaN where the total is not above 0.

    Examples
    --------
    >>> top_share(np.array([6.0, 2.0, 1.0, 2.0, -1.0]))
    0.6
    """
    ranked = np.sort(amounts)[::-1]
    return ratio(float(ranked[: round(TOP_FRAC * ranked.size)].sum()), float(ranked.sum()))


def top_shares(market: Market) -> FloatArray:
    """Return the share of each firm's recorded revenue that comes from the top fifth of its customers."""
    relations = market.town.relations
    revenue, is_active = relations["revenue"], relations["is_active"] == 1
    return np.array([top_share(revenue[is_active[:, f], f].astype(np.float64)) for f in range(market.n_firms)])


def network_sample(market: Market) -> Later[tuple[pd.DataFrame, pd.DataFrame]]:
    """Return a sample of the network: each person's usual firm, opinion of the focal firm, and what became of them.

    The people, and how they are, are noted now; the tables of people and of ties are made when they are asked for.
    """
    focal, network = market.firms[market.scenario.focal_firm].index, market.network
    chosen = sample(network, SAMPLE_SIZE, market.seed_used)
    people, relations = market.town.people[chosen], market.town.relations[chosen, focal]
    names = np.array([*market.firms, ""], dtype=object)
    was_there = market.standing[chosen, focal] >= 0 if market.standing is not None else np.zeros(len(chosen), bool)

    def tabulate() -> tuple[pd.DataFrame, pd.DataFrame]:
        status = np.where(relations["is_active"] == 1, "customer", np.where(was_there, "lost", "other"))
        nodes = pd.DataFrame(
            {
                "node": chosen,
                "firm": names[people["usual"]],
                "type": np.array(TYPE_NAMES, dtype=object)[people["type"]],
                "opinion": relations["opinion"] / STEPS,
                "status": status.astype(object),
            }
        )
        return nodes, pd.DataFrame(ties_among(network, chosen), columns=["a", "b"], dtype=np.int64)

    return Later(tabulate)
