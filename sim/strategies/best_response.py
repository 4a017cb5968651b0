"""The best answer to the rivals, by trying policies out in a market of one's own making."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from sim.policy import Policy
from sim.strategies.base import Decider, Level, Luck, MarketView, Money, Strategy
from sim.strategies.moves import moved, moves_from

SEEDS = 2**31


class BestResponse(Strategy):
    """Before each review, try the present policy and some changes of it in a small market, and post what earned most.

    The market is the firm's belief, made of what it can see: its own settings, channels and policy, the rivals' posted
    prices, and customers who buy as often and as much as its own do and, if they are businesses, weigh what they say
    they do, in all else those of a default market; rivals are taken to be as the firm is but for their price, and to
    stay as they are. All policies of one review are tried on the same people with the same luck. The belief is wrong
    in many ways, and so may be the answer.

    Source: best-response dynamics, Cournot (1838); with a limited budget of trials, as in Lave & March (1975), "An
    introduction to models in the social sciences".
    """

    name: Literal["best_response"] = "best_response"
    tries: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="changes tried at a review, besides leaving the policy as it is: the budget"
    )
    people: Annotated[int, Field(ge=20, le=100_000)] = Field(default=500, description="people of the market in mind")
    horizon: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=52, description="periods over which profit is compared in the market in mind"
    )
    settling: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=26, description="periods before, in which the people of the market in mind find their firms"
    )
    price_step: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.03, description="relative change of the price tried; 0 leaves it alone"
    )
    service_step: Level = Field(default=0.15, description="change of a tier's service level tried; 0 leaves it alone")
    discount_step: Level = Field(default=0.03, description="change of a tier's discount tried; 0 leaves it alone")
    gift_step: Money = Field(default=0.0, description="change of a tier's gift tried, in money; 0 leaves it alone")

    def begin(self, luck: Luck) -> Decider:
        """Return one who thinks before each review."""
        return _Thinker(self, luck)


class _Thinker:
    """One firm's thinking: the policy posted last, and the changes to be tried."""

    def __init__(self, how: BestResponse, luck: Luck) -> None:
        self.how, self.luck = how, luck
        self.steps = {lever: getattr(how, f"{lever}_step") for lever in ("price", "service", "discount", "gift")}

    def decide(self, view: MarketView) -> Policy:
        """Post whichever policy earns most in the market in mind: the present one, if no change does better."""
        if view.customers.sum() == 0 or view.purchases.sum() == 0:
            return view.current
        policies = [view.current, *self._changes(view)]
        seed = int(self.luck.draw(view.period) * SEEDS)
        earned = [profit_in_mind(view, policy, self.how, seed) for policy in policies]
        return policies[int(np.argmax(earned))]  # the first of equals

    def _changes(self, view: MarketView) -> list[Policy]:
        """Return as many different changes of the present policy as the budget allows, drawn at random."""
        steps = self.steps if view.settings.pricing is None else self.steps | {"price": 0.0}  # a price method sets it
        moves = moves_from(view.current, steps)
        chosen = []
        for k in range(min(self.how.tries, len(moves))):
            chosen.append(moves.pop(int(self.luck.draw(view.period, 1 + k) * len(moves))))
        return [moved(view.current, move) for move in chosen]


class _Posted(Strategy):
    """The strategy of a firm in the market in mind: the policy that is tried."""

    policy: object

    def decide(self, view: MarketView) -> Policy:
        """Post it."""
        assert isinstance(self.policy, Policy)
        return self.policy


def profit_in_mind(view: MarketView, policy: Policy, how: BestResponse, seed: int) -> float:
    """Return what a firm earns with a policy in the market it has in mind, in money over the horizon.

    Parameters
    ----------
    view : MarketView
        What the firm sees, with purchases since the last review to judge demand by.
    policy : Policy
        What it would post.
    how : BestResponse
        How large the market in mind is, and how long it is run.
    seed : int
        Luck of the market in mind.
    """
    from sim.framework import mesa
    from sim.market import Market  # a market has firms, and firms have strategies
    from sim.scenario import Scenario
    from sim.settings import CustomersSpec, DemandSpec

    rate = float(view.purchases.sum()) / (float(view.customers.sum()) * view.settings.pyramid.review_every)
    demand = DemandSpec(mean_rate=rate, mean_basket=basket_of(view))
    own = view.settings.model_copy(update={"strategy": _Posted(policy=policy), "pricing": None})
    rivals = [
        own.model_copy(
            update={"name": name, "price": price, "strategy": _Posted(policy=view.base.replace(price=price))}
        )
        for name, price in view.rival_prices.items()
    ]
    scenario = Scenario.model_construct(
        title="the market in mind",
        periods=how.settling + how.horizon,
        warm_up=how.settling,
        horizon=how.horizon,
        customers=CustomersSpec(count=how.people, demand=demand, business=view.buyers),
        channels=dict(view.channels),
        firms=(own, *rivals),
    )
    market = Market(scenario, seed=seed, collect=False)
    earned = 0.0
    while market.period < scenario.periods:
        market.step()
        if market.period > how.settling:
            earned += market.profit(market.firms[own.name])
    mesa.Agent._ids.pop(market, None)  # Mesa would keep every market for ever
    return earned


def basket_of(view: MarketView) -> float:
    """Return what a purchase comes to at a price of 1, in money.

    It is told from what the goods cost. Where they cost nothing, it is told from what was paid, without discount,
    surcharge and what the trade has added; price cuts of a promotion mix then look like smaller baskets.
    """
    n_purchases = float(view.purchases.sum())
    if view.settings.unit_cost > 0.0:
        return float(view.goods_cost.sum()) / (view.settings.unit_cost * n_purchases)
    own = view.current
    paid_of_list = (1.0 + own.surcharge) * (1.0 - own.discount)
    added = np.array([way.price_factor for way in view.settings.ways_by_tier(dict(view.channels))])
    return float((view.revenue / (added * paid_of_list)).sum()) / (own.price * n_purchases)
