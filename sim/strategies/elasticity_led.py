"""Service where a unit of money spent on it has brought the most revenue."""

from __future__ import annotations

from collections import deque
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sim.policy import Policy
from sim.strategies.base import Decider, Level, Luck, MarketView, Strategy

FloatArray = npt.NDArray[np.float64]
LEAST_VARIATION = 0.05  # of spend, relative to its mean: what less of it does is lost in what moves revenue anyway


class ElasticityLed(Strategy):
    """Estimate each tier's value elasticity, revenue gained per unit spent on service, and spend where it is highest.

    The firm begins with an experiment: it serves everyone at the base level, then each tier in turn a step better. From
    then on it moves a share of its service spend, at every review, from the tier of the lowest elasticity to that of
    the highest. An elasticity is the slope of revenue on service spend, both per customer, over the reviews remembered:
    2 means that one in brings two out. What else moved revenue meanwhile is in the slope too, as in any firm's books.
    Where the spend remembered varies by less than 5% of its mean (coefficient of variation) the elasticity cannot be
    told: such a tier neither gives nor gets, and while fewer than two can be told, service stays as it is.

    Source: Dorfman & Steiner (1954), "Optimal advertising and optimal quality", American Economic Review 44(5); Rust,
    Lemon & Zeithaml (2004), "Return on marketing", Journal of Marketing 68(1).
    """

    name: Literal["elasticity_led"] = "elasticity_led"
    step: Level = Field(default=0.2, description="service level added to one tier at a time in the experiment")
    shift: Level = Field(default=0.1, description="share of the service spend moved at a review")
    memory: Annotated[int, Field(ge=3, le=1000)] = Field(default=12, description="reviews from which it estimates")

    def begin(self, luck: Luck) -> Decider:
        """Return an allocator with empty books."""
        return _Allocator(self)


class _Allocator:
    """One firm's allocation: what each tier paid and cost per customer, review by review."""

    def __init__(self, how: ElasticityLed) -> None:
        self.how = how
        self.reviews: deque[tuple[FloatArray, FloatArray]] = deque(maxlen=how.memory)
        self.n_reviews = 0
        self.served: FloatArray | None = None

    def decide(self, view: MarketView) -> Policy:
        """Take in the last cycle's books; go on with the experiment, or move spend between two tiers."""
        if self.served is not None:
            per_customer = 1.0 / np.where(self.served > 0, self.served, np.nan)
            self.reviews.append((view.service_cost * per_customer, view.revenue * per_customer))
        self.served = view.customers.astype(np.float64)
        n, self.n_reviews = self.n_reviews, self.n_reviews + 1
        if n <= len(view.base.tiers):
            is_tried = np.arange(len(view.base.tiers)) == n - 1
            return view.base.replace(service=np.minimum(1.0, view.base.service + self.how.step * is_tried))
        if n == len(view.base.tiers) + 1:
            return view.base.replace(service=self._moved(view.base.service, view))
        return view.base.replace(service=self._moved(view.current.service, view))

    def elasticities(self) -> FloatArray:
        """Return revenue gained per unit spent by tier, shape (n_tiers,); NaN where spend has hardly varied."""
        spent, paid = (np.array(column) for column in zip(*self.reviews, strict=True))
        slopes = np.full(spent.shape[1], np.nan)
        for tier in range(slopes.size):
            is_known = np.isfinite(spent[:, tier])
            x, y = spent[is_known, tier], paid[is_known, tier]
            if x.size > 1 and x.std() > LEAST_VARIATION * x.mean():
                x = x - x.mean()
                slopes[tier] = (x * y).sum() / (x * x).sum()
        return slopes

    def _moved(self, service: FloatArray, view: MarketView) -> FloatArray:
        """Return the levels after a share of the spend has moved from the least to the most elastic tier."""
        slopes = self.elasticities()
        spend = view.customers * service**2  # a level costs its square; the firm's own price of it cancels out
        tiers = np.flatnonzero(np.isfinite(slopes) & (spend > 0))
        if tiers.size < 2:
            return service
        least, most = tiers[np.argmin(slopes[tiers])], tiers[np.argmax(slopes[tiers])]
        room = view.customers[most] - spend[most]  # a level cannot pass 1
        amount = min(self.how.shift * spend.sum(), spend[least] / 2.0, room)
        moved = service.copy()
        moved[least] = np.sqrt((spend[least] - amount) / view.customers[least])
        moved[most] = min(1.0, np.sqrt((spend[most] + amount) / view.customers[most]))
        return moved if least != most else service
