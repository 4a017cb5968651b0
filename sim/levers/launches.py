"""Launches: new products offered to customers beside what they buy, and cross-buying.

A customer who is told of a new product may take it up at a purchase, the likelier the closer they are, and from then on
buys it with each purchase, as long as they are a customer. Equations in ``docs/beyond-purchases.md``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import FirmCost, Line
from sim.compiled import inline, parallel_kernel
from sim.draws import Stream, block, firm_slot
from sim.event_settings import Launch
from sim.journey.context import Clock
from sim.levers.base import Lever
from sim.prefetch import prefetch_buyers, prefetch_row
from sim.records import identity, level

if TYPE_CHECKING:
    from sim.market import Market
    from sim.scenario import Scenario

_LEAST = -700.0  # utility below which exp would overflow


class Products(NamedTuple):
    """The products launched so far, or to be launched; each array has shape (n_launches,), unless said."""

    firm: npt.NDArray[np.int64]
    slot: npt.NDArray[np.int64]
    is_on_sale: npt.NDArray[np.bool_]
    told: npt.NDArray[np.bool_]  # shape (n_launches, n_tiers)
    price: npt.NDArray[np.float64]  # per unit of the customer's basket
    unit_cost: npt.NDArray[np.float64]
    telling_cost: npt.NDArray[np.float64]  # money
    appeal: npt.NDArray[np.float64]
    by_attachment: npt.NDArray[np.float64]
    by_trust: npt.NDArray[np.float64]
    by_satisfaction: npt.NDArray[np.float64]


class Launches(Lever):
    """Products launched, and who has taken them up.

    Source: Verhoef, Franses & Hoekstra (2001), "The impact of satisfaction and payment equity on cross-buying",
    Journal of Retailing 77(3), who find little of an effect of satisfaction; Verhoef (2003), "Understanding the effect
    of customer relationship management efforts on customer retention and customer share development", Journal of
    Marketing 67(4), for commitment.
    """

    reads_roll = True

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        self.launches = [event for event in market.scenario.events if isinstance(event, Launch)]
        firms = [market.firms[launch.firm] for launch in self.launches]
        told = np.zeros((len(firms), market.n_tiers), dtype=np.bool_)
        for k, (firm, launch) in enumerate(zip(firms, self.launches, strict=True)):
            tiers = firm.pyramid.tiers
            told[k, : len(tiers)] = [launch.told is None or tier in launch.told for tier in tiers]
        self.products = Products(
            firm=np.array([firm.index for firm in firms]),
            slot=np.array([firm_slot(f"{launch.firm}: {launch.name}") for launch in self.launches], dtype=np.int64),
            is_on_sale=np.zeros(len(firms), dtype=np.bool_),
            told=told,
            **{
                name: np.array([getattr(launch, name) for launch in self.launches])
                for name in (
                    "price",
                    "unit_cost",
                    "telling_cost",
                    "appeal",
                    "by_attachment",
                    "by_trust",
                    "by_satisfaction",
                )
            },
        )
        self.taken_up = np.zeros((market.n_customers, market.n_firms), dtype=np.uint32)  # one bit per launch

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether any product is launched."""
        return any(isinstance(event, Launch) for event in scenario.events)

    def before_life(self) -> None:
        """Launch what is due, at the firms that are open: its development is paid."""
        market = self.market
        for k, launch in enumerate(self.launches):
            firm = market.firms[launch.firm]
            if launch.at == market.period and firm.is_open:
                self.products.is_on_sale[k] = True
                cost = launch.development_cost * market.n_customers
                market.period_firm_costs[firm.index, FirmCost.DEVELOPMENT] += cost

    def after_life(self) -> None:
        """Let this period's buyers buy what they have taken up before, and decide on the rest."""
        market = self.market
        if self.products.is_on_sale.any():
            clock = Clock(market.seed_used, market.period)
            cross_buy(market.town, self.products, self.taken_up, clock, market.roll, market.books)

    def states(self) -> tuple[npt.NDArray[Any], ...]:
        """Return which customers have taken up what."""
        return (np.where(self.market.town.relations["is_active"] == 1, self.taken_up, np.uint32(0)),)


@parallel_kernel
def cross_buy(share, town, products, taken_up, clock, roll, books):  # type: ignore[no-untyped-def]
    """Let the period's buyers buy new products, and take them up.

    Parameters
    ----------
    town : Town
        The people and their relations; the record of revenue and margin rises.
    products : Products
        What is on sale; read only.
    taken_up : array of uint32, shape (n_customers, n_firms)
        Changed in place: bit k is launch k. It belongs to a membership, and is nothing once that has ended.
    clock : Clock
        Seed and period. Stream used: TAKE_UP.
    roll : Roll
        Who bought.
    books : array, shape (n_blocks, n_firms, n_tiers, 7 types, n_lines)
        Added to.
    """
    n_blocks, n = books.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        first = b * n // n_blocks
        last = first + roll.n_buyers[b]
        for place in range(first, last):
            prefetch_row(taken_up, prefetch_buyers(place, last, town, roll))  # type: ignore[call-arg]
            cross_buy_one(np.int64(roll.buyer[place]), town, products, taken_up, clock, books[b])


@inline
def cross_buy_one(i, town, products, taken_up, clock, books):  # type: ignore[no-untyped-def]
    """Let person ``i`` buy beside what they have bought; who comes anew, as after any absence, has taken up nothing."""
    person = town.people[i]
    f = person.usual
    relation = town.relations[i, f]
    if relation.since == clock.period:
        taken_up[i, f] = 0
    cell = books[f, relation.tier, person.type]
    for k in range(products.firm.size):
        if products.firm[k] != f or not products.is_on_sale[k]:
            continue
        bit = np.uint32(1) << np.uint32(k)
        if taken_up[i, f] & bit:
            paid, goods = person.basket * products.price[k], person.basket * products.unit_cost[k]
            cell[Line.CROSS_PURCHASES] += 1.0
            cell[Line.REVENUE] += paid
            cell[Line.GOODS] += goods
            relation.revenue += paid
            relation.margin += paid - goods
        elif products.told[k, relation.tier]:
            cell[Line.INCENTIVES] += products.telling_cost[k]
            relation.margin -= products.telling_cost[k]
            utility = (
                products.appeal[k]
                + products.by_attachment[k] * relation.attachment
                + products.by_trust[k] * level(relation.trust_quality)
                + products.by_satisfaction[k] * level(relation.satisfaction)
            )
            luck, _, _, _ = block(clock.seed, Stream.TAKE_UP // 4, clock.period, identity(person, i), products.slot[k])
            if luck < 1.0 / (1.0 + math.exp(-max(_LEAST, utility))):
                taken_up[i, f] |= bit
