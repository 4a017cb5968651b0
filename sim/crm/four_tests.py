"""The four tests of a measure for customers: high value, low cost, can be experienced, can be sustained.

Each lever of each tier is judged over the long run: what a unit of money spent on it is worth to the customers who get
it, what it takes of what they bring, how much of what was promised they got, and whether it can go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.accounts import TIER_COST_LINES, Line
from sim.crm.more_levers import Folk, Judged, PerPurchase, contact_cost, more_levers, ratio

if TYPE_CHECKING:
    from sim.market import Market
    from sim.programme_settings import ProgrammeSpec

FloatArray = npt.NDArray[np.float64]

WEIGHED = ("price_weight", "quality_weight", "service_weight", "effort_weight", "basket", "rate")
COLUMNS = ("firm", "tier", "lever", "cost", "worth_per_cost", "cost_share", "experienced", "sustained")


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a firm did for its customers in the long run, and who they are at its end.

    Parameters
    ----------
    firm : str
        The firm.
    tiers : tuple of str
        Names of its tiers.
    books : sequence of array, shape (n_tiers, 7 types, n_lines)
        Its books of each period of the long run.
    delivery : array, shape (n_periods,)
        Share of the promised service that was delivered in each.
    gift : array, shape (n_tiers,)
        Cost of the gift at each purchase now, in money.
    gift_worth : float
        What a unit of money spent on gifts is worth to who gets them.
    programme : ProgrammeSpec or None
        The points programme.
    service : Served
        Who is served now, and how.
    contact_cost : array, shape (n_tiers,)
        What representatives cost, in money: booked as service, and judged by itself.
    more : tuple of Judged or PerPurchase
        The other levers.
    """

    firm: str
    tiers: tuple[str, ...]
    books: Sequence[FloatArray]
    delivery: FloatArray
    gift: FloatArray
    gift_worth: float
    programme: ProgrammeSpec | None
    service: Served
    contact_cost: FloatArray
    more: tuple[Judged | PerPurchase, ...]


@dataclass(frozen=True, slots=True)
class Served:
    """The customers that a firm serves, and what each tier gets.

    Parameters
    ----------
    is_customer : array of bool, shape (n_people,)
        Which of the people are customers of the firm.
    tier : array of int, shape (n_people,)
        Index of the tier that each holds, or would enter.
    people : dict of array, shape (n_people,)
        Everybody's ``WEIGHED``.
    delivered, price, cost : array, shape (n_tiers,)
        Service that arrives, price after the discount, and cost of service per customer and period.
    """

    is_customer: npt.NDArray[np.bool_]
    tier: npt.NDArray[np.int8]
    people: dict[str, npt.NDArray[np.float32]]
    delivered: FloatArray
    price: FloatArray
    cost: FloatArray

    @property
    def folk(self) -> Folk:
        """The customers alone."""
        row = np.flatnonzero(self.is_customer)
        return Folk(
            {name: values[row] for name, values in self.people.items()}, self.tier[row].astype(np.int64), self.price
        )


def note_levers(market: Market) -> list[Pulled]:
    """Note of a market what ``four_tests`` needs; it does not change when the market goes on."""
    history, horizon, relations = market.history, market.horizon, market.town.relations
    people = {name: market.town.people[name].copy() for name in WEIGHED}
    is_customer, tier = relations["is_active"] == 1, relations["tier"].copy()
    noted = []
    for f, firm in enumerate(market.firms.values()):
        n_tiers, offers = len(firm.pyramid.tiers), market.offers[f]
        books = [books[f, :n_tiers] for books in history.books[-horizon:]]
        lines = sum(books[1:], start=books[0].copy()).sum(axis=1)
        noted.append(
            Pulled(
                firm=firm.name,
                tiers=firm.pyramid.tiers,
                books=books,
                delivery=np.array([each[f] for each in history.delivery[-horizon:]]),
                gift=np.array(firm.policy.gift),
                gift_worth=firm.spec.gift_worth,
                programme=firm.spec.programme,
                service=Served(
                    is_customer=is_customer[:, f],
                    tier=tier[:, f],
                    people=people,
                    delivered=offers["delivered"].copy(),
                    price=offers["price"][:n_tiers].copy(),
                    cost=np.array(firm.service_costs),
                ),
                contact_cost=contact_cost(market, firm),
                more=more_levers(market, firm, lines),
            )
        )
    return noted


def four_tests(noted: Sequence[Pulled]) -> pd.DataFrame:
    """Judge every lever that a firm pulls at the end of a run, by tier.

    Returns
    -------
    DataFrame
        One row per firm, tier and lever that cost something in the long run: ``cost`` (money); ``worth_per_cost``,
        what customers would pay for it over what it costs; ``cost_share``, its part of the tier's gross margin (revenue
        before the discount less goods); ``experienced``, the share of what was promised that was received; and
        ``sustained``, the share of the long run's periods in which the tier did not cost more than it brought, and
        service, if it is that, was delivered whole.
    """
    return pd.DataFrame([row for firm in noted for row in _of_firm(firm)], columns=list(COLUMNS))


def _of_firm(firm: Pulled) -> list[tuple[str, str, str, float, float, float, float, float]]:
    n_tiers = len(firm.tiers)
    by_period = np.array(firm.books).sum(axis=2)
    lines = by_period.sum(axis=0)  # shape (n_tiers, n_lines)
    contribution = by_period[..., Line.REVENUE] - by_period[..., list(TIER_COST_LINES)].sum(axis=-1)
    is_borne = contribution >= 0.0
    is_kept = is_borne & (firm.delivery[:, None] >= 1.0)
    gross = lines[:, Line.REVENUE] + lines[:, Line.DISCOUNTS] - lines[:, Line.GOODS]
    programme = firm.programme
    service, discount, gift, points = costs_of(lines, firm.gift, programme)
    service = np.maximum(0.0, service - firm.contact_cost)
    is_paid = programme is not None and programme.reward_cost > 0.0
    worth_of_reward = programme.reward_worth / programme.reward_cost if programme and is_paid else 0.0
    issued, redeemed = lines[:, Line.POINTS_ISSUED].sum(), lines[:, Line.POINTS_REDEEMED].sum()
    paid_out = min(1.0, redeemed / issued) if issued > 0.0 else 1.0
    whole, customers = np.ones(n_tiers), firm.service.folk
    judged = (
        Judged("service", service, service * service_worth(customers, firm.service), firm.delivery.mean() * whole),
        Judged("discount", discount, discount, whole),
        Judged("gift", gift, gift * firm.gift_worth, whole),
        Judged("points", points, points * worth_of_reward, paid_out * whole),
        *(each if isinstance(each, Judged) else each.judged(customers) for each in firm.more),
    )
    return [
        (
            firm.firm,
            tier,
            each.lever,
            float(each.cost[k]),
            float(each.worth[k] / each.cost[k]),
            float(each.cost[k] / gross[k]) if gross[k] > 0.0 else float("inf"),
            float(each.experienced[k]),
            float((is_kept if each.lever == "service" else is_borne)[:, k].mean()),
        )
        for k, tier in enumerate(firm.tiers)
        for each in judged
        if each.cost[k] > 0.0
    ]


def costs_of(lines: FloatArray, gift: FloatArray, programme: ProgrammeSpec | None) -> tuple[FloatArray, ...]:
    """Return what each lever cost, of service, discounts, gifts and points, each of shape (n_tiers,).

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


def service_worth(customers: Folk, served: Served) -> FloatArray:
    """Return what a unit of money spent on service is worth to the customers of each tier, in money.

    A level ``s`` is worth ``1 - exp(-beta_s s / beta_p)`` of what a customer pays: the cut in price with the same
    utility. Per period it is that share of basket, price and rate; it costs ``service_cost * s**2``.
    """
    worth = customers.money(customers.weight("service_weight") * served.delivered[customers.tier]) * customers.often
    return ratio(customers.by_tier(worth), customers.by_tier(served.cost[customers.tier]))
