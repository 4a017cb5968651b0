"""A lower price for all."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.policy import Policy
from sim.strategies.base import MarketView, Strategy


class CutPrice(Strategy):
    """Undercut the cheapest rival by a margin, but never below a floor; the one lever is price.

    Seen from the rivals' side this is a price war: they do not answer unless their own strategy does.
    """

    name: Literal["cut_price"] = "cut_price"
    undercut: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.05, description="share below the cheapest rival")
    floor: Annotated[float, Field(gt=0)] = Field(default=0.7, description="least price, in units of the usual price")

    def decide(self, view: MarketView) -> Policy:
        """Post the base policy at the undercutting price; with no rival, at the base price."""
        cheapest = min(view.rival_prices.values(), default=view.base.price)
        target = cheapest * (1.0 - self.undercut)
        return view.base.replace(price=min(view.base.price, max(self.floor, target)))
