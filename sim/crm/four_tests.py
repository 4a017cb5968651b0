"""The four tests of a measure for customers: high value, low cost, can be experienced, can be sustained.

Each lever of each tier, and what a firm does for all alike, is judged over the long run: what a unit of money spent on
it is worth to the customers who get it, what it takes of what they bring, how much of what was promised they got, and
whether it can go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.accounts import TIER_COST_LINES, Line
from sim.crm.firm_wide import ALL_TIERS, costs_paid, firm_wide
from sim.crm.more_levers import Folk, Judged, PerPurchase, more_levers, ratio

if TYPE_CHECKING:
    from sim.market import Market
    from sim.programme_settings import ProgrammeSpec

FloatArray = npt.NDArray[np.float64]

WEIGHED = ("price_weight", "quality_weight", "service_weight", "effort_weight", "basket", "rate")
ABOUT_SERVICE = ("service", "training")
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
    more : tuple of Judged or PerPurchase
        The other levers.
    wide : tuple of Judged or PerPurchase
        What is done for all alike, its cost shared out over the tiers.
    firm_costs : array, shape (n_periods,)
        What the firm paid in each that no tier bears, in money.
    """

    firm: str
    tiers: tuple[str, ...]
    books: Sequence[FloatArray]
    delivery: FloatArray
    gift: FloatArray
    gift_worth: float
    programme: ProgrammeSpec | None
    service: Served
    more: tuple[Judged | PerPurchase, ...]
    wide: tuple[Judged | PerPurchase, ...]
    firm_costs: FloatArray


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
                more=more_levers(market, firm, lines),
                wide=firm_wide(market, firm, lines),
                firm_costs=costs_paid(market, firm).sum(axis=1),
            )
        )
    return noted


def four_tests(noted: Sequence[Pulled]) -> pd.DataFrame:
    """Judge every lever that a firm pulls at the end of a run, by tier, and what it does for all tiers alike.

    Returns
    -------
    DataFrame
        One row per firm, tier and lever that cost something in the long run, after them one per firm and measure for
        all, with ``tier`` "all tiers": ``cost`` (money); ``worth_per_cost``, what customers would pay for it over what
        it costs; ``cost_share``, its part of the gross margin of the tier, or of all (revenue before the discount less
        goods); ``experienced``, the share of what was promised that was received; and ``sustained``, the share of the
        long run's periods in which the tier, or the firm with all it pays, did not cost more than it brought, and
        service, if it is that or the training for it, was delivered whole.
    """
    return pd.DataFrame([row for firm in noted for row in _of_firm(firm)], columns=list(COLUMNS))


def _of_firm(firm: Pulled) -> Iterator[tuple[str, str, str, float, float, float, float, float]]:
    by_period = np.array(firm.books).sum(axis=2)
    lines = by_period.sum(axis=0)  # shape (n_tiers, n_lines)
    contribution = by_period[..., Line.REVENUE] - by_period[..., list(TIER_COST_LINES)].sum(axis=-1)
    gross = lines[:, Line.REVENUE] + lines[:, Line.DISCOUNTS] - lines[:, Line.GOODS]
    customers, is_whole = firm.service.folk, firm.delivery[:, None] >= 1.0
    more, wide = (
        [each if isinstance(each, Judged) else each.judged(customers) for each in levers]
        for levers in (firm.more, firm.wide)
    )
    judged = [*_of_tiers(firm, lines, customers), *more]
    profit = contribution.sum(axis=1, keepdims=True) - firm.firm_costs[:, None]
    yield from _rows(firm.firm, firm.tiers, judged, gross, contribution, is_whole)
    yield from _rows(
        firm.firm, (ALL_TIERS,), [each.together for each in wide], gross.sum(keepdims=True), profit, is_whole
    )


def _of_tiers(firm: Pulled, lines: FloatArray, customers: Folk) -> list[Judged]:
    """Return service, discount, gift and points."""
    programme, whole = firm.programme, np.ones(len(lines))
    service, discount, gift, points = costs_of(lines, firm.gift, programme)
    is_paid = programme is not None and programme.reward_cost > 0.0
    worth_of_reward = programme.reward_worth / programme.reward_cost if programme and is_paid else 0.0
    issued, redeemed = lines[:, Line.POINTS_ISSUED].sum(), lines[:, Line.POINTS_REDEEMED].sum()
    paid_out = min(1.0, redeemed / issued) if issued > 0.0 else 1.0
    return [
        Judged("service", service, service * service_worth(customers, firm.service), firm.delivery.mean() * whole),
        Judged("discount", discount, discount, whole),
        Judged("gift", gift, gift * firm.gift_worth, whole),
        Judged("points", points, points * worth_of_reward, paid_out * whole),
    ]


def _rows(
    firm: str,
    tiers: tuple[str, ...],
    judged: Sequence[Judged],
    gross: FloatArray,
    brought: FloatArray,
    is_whole: npt.NDArray[np.bool_],
) -> Iterator[tuple[str, str, str, float, float, float, float, float]]:
    """Yield the rows of what cost something.

    Parameters
    ----------
    firm : str
        The firm.
    tiers : tuple of str
        The tiers, or the one name for all; every array of ``judged`` has one number for each.
    judged : sequence of Judged
        What is judged.
    gross : array, shape (n_tiers,)
        Gross margin of the long run, in money.
    brought : array, shape (n_periods, n_tiers)
        What was left of it in each period, in money.
    is_whole : array of bool, shape (n_periods, 1)
        Whether all the service that was promised was delivered.
    """
    is_borne = brought >= 0.0
    for k, tier in enumerate(tiers):
        for each in judged:
            if each.cost[k] > 0.0:
                is_kept = is_borne & is_whole if each.lever in ABOUT_SERVICE else is_borne
                cost = float(each.cost[k])
                share = cost / float(gross[k]) if gross[k] > 0.0 else float("inf")
                worth, experienced = float(each.worth[k]) / cost, float(each.experienced[k])
                yield firm, tier, each.lever, cost, worth, share, experienced, float(is_kept[:, k].mean())


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
