"""The price of whoever sells most."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.policy import Policy
from sim.strategies.base import Level, MarketView, Strategy


class ImitateTheLeader(Strategy):
    """Move the price towards that of the rival with the largest share, as long as that is larger than one's own.

    Of a rival only the posted price and the share of the market can be seen: not its profit, nor what it does for its
    tiers. A leader keeps its price.

    Source: Alchian (1950), "Uncertainty, evolution, and economic theory", Journal of Political Economy 58(3); Schlag
    (1998), "Why imitate, and if so, how?", Journal of Economic Theory 78(1), on moving only part of the way.
    """

    name: Literal["imitate_the_leader"] = "imitate_the_leader"
    speed: Level = Field(default=0.5, description="share of the way to the leader's price moved at each review")
    floor: Annotated[float, Field(gt=0)] = Field(
        default=0.7, description="price below which it follows no leader, in units of the usual price"
    )

    def decide(self, view: MarketView) -> Policy:
        """Post the base policy at a price nearer the leader's."""
        price = view.current.price
        leader = max(view.rival_shares, key=lambda name: (view.rival_shares[name], name), default=None)
        if leader is not None and view.rival_shares[leader] > view.share:
            target = price + self.speed * (view.rival_prices[leader] - price)
            price = max(min(self.floor, price), target)
        return view.base.replace(price=price)
