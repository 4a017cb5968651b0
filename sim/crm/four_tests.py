"""The four tests of a measure for customers: high value, low cost, can be experienced, can be sustained.

Each lever of each tier is judged over the long run: what a unit of money spent on it is worth to the customers who get
it, what it takes of what they bring, how much of what was promised they got, and whether it can go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.accounts import TIER_COST_LINES, Line

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market
    from sim.programme_settings import ProgrammeSpec

FloatArray = npt.NDArray[np.float64]

LEAST_WEIGHT = 1e-9  # of price: who does not mind the price at all would pay any
LEVERS = ("service", "discount", "gift", "points")
COLUMNS = ("firm", "tier", "lever", "cost", "worth_per_cost", "cost_share", "experienced", "sustained")


def four_tests(market: Market) -> pd.DataFrame:
    """Judge every lever that a firm pulls at the end of a run, by tier.

    Returns
    -------
    DataFrame
        One row per firm, tier and lever that cost something in the long run: ``cost`` (money); ``worth_per_cost``,
        what customers would pay for it over what it costs; ``cost_share``, its part of the tier's gross margin (revenue
        before the discount less goods); ``experienced``, the share of what was promised that was received; and
        ``sustained``, the share of the long run's periods in which the promise was kept whole and the tier did not
        cost more than it brought.
    """
    rows = [row for firm in market.firms.values() for row in _of_firm(market, firm)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _of_firm(market: Market, firm: Firm) -> list[tuple[str, str, str, float, float, float, float, float]]:
    horizon, f, n_tiers = market.horizon, firm.index, len(firm.pyramid.tiers)
    by_period = np.array([books[f, :n_tiers] for books in market.history.books[-horizon:]]).sum(axis=2)
    lines = by_period.sum(axis=0)  # shape (n_tiers, n_lines)
    delivery = np.array([each[f] for each in market.history.delivery[-horizon:]])
    contribution = by_period[..., Line.REVENUE] - by_period[..., list(TIER_COST_LINES)].sum(axis=-1)
    is_kept = (contribution >= 0.0) & (delivery[:, None] >= 1.0)
    gross = lines[:, Line.REVENUE] + lines[:, Line.DISCOUNTS] - lines[:, Line.GOODS]
    programme = firm.spec.programme
    cost = dict(zip(LEVERS, costs_of(lines, firm.policy.gift, programme), strict=True))
    is_paid = programme is not None and programme.reward_cost > 0.0
    worth_of_reward = programme.reward_worth / programme.reward_cost if programme and is_paid else 0.0
    worth = {
        "service": service_worth(market, firm),
        "discount": np.ones(n_tiers),
        "gift": np.full(n_tiers, firm.spec.gift_worth),
        "points": np.full(n_tiers, worth_of_reward),
    }
    issued, redeemed = lines[:, Line.POINTS_ISSUED].sum(), lines[:, Line.POINTS_REDEEMED].sum()
    experienced = {
        "service": float(delivery.mean()),
        "discount": 1.0,
        "gift": 1.0,
        "points": min(1.0, redeemed / issued) if issued > 0.0 else 1.0,
    }
    return [
        (
            firm.name,
            tier,
            lever,
            float(cost[lever][k]),
            float(worth[lever][k]),
            float(cost[lever][k] / gross[k]) if gross[k] > 0.0 else float("inf"),
            experienced[lever],
            float(is_kept[:, k].mean()),
        )
        for k, tier in enumerate(firm.pyramid.tiers)
        for lever in LEVERS
        if cost[lever][k] > 0.0
    ]


def costs_of(lines: FloatArray, gift: FloatArray, programme: ProgrammeSpec | None) -> tuple[FloatArray, ...]:
    """Return what each lever cost, in the order of ``LEVERS``, each of shape (n_tiers,).

    Parameters
    ----------
    lines : array, shape (n_tiers, n_lines)
        The books of the long run.
    gift : array, shape (n_tiers,)
        Cost of the gift at each purchase now.
    programme : ProgrammeSpec or None
        The points programme.
    """
    points = np.zeros(len(lines))
    if programme is not None:
        points = lines[:, Line.POINTS_REDEEMED] / programme.redeem_at * programme.reward_cost
    gifts = np.minimum(gift * lines[:, Line.PURCHASES], np.maximum(0.0, lines[:, Line.INCENTIVES] - points))
    return lines[:, Line.SERVICE], lines[:, Line.DISCOUNTS], gifts, points


def service_worth(market: Market, firm: Firm) -> FloatArray:
    """Return what a unit of money spent on service is worth to the customers of each tier, in money.

    A level ``s`` is worth ``1 - exp(-beta_s s / beta_p)`` of what a customer pays: the cut in price with the same
    utility. Per period it is that share of basket, price and rate; it costs ``service_cost * s**2``.
    """
    n_tiers = len(firm.pyramid.tiers)
    relations, people = market.town.relations[:, firm.index], market.town.people
    row = np.flatnonzero(relations["is_active"])
    tier = relations["tier"][row].astype(np.int64)
    price_weight, service_weight, basket, rate = (
        people[name][row].astype(np.float64) for name in ("price_weight", "service_weight", "basket", "rate")
    )
    delivered, price = (market.offers[firm.index][name][tier] for name in ("delivered", "price"))
    share = 1.0 - np.exp(-service_weight * delivered / np.maximum(price_weight, LEAST_WEIGHT))
    sums = np.bincount(tier, share * basket * price * np.minimum(1.0, rate), n_tiers)
    costs = np.bincount(tier, firm.service_costs[tier], n_tiers)
    return np.divide(sums, costs, out=np.zeros(n_tiers), where=costs > 0.0)
