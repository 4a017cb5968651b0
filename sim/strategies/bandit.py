"""A menu of policies, tried and chosen by what they earned."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from sim.policy import Policy
from sim.settings import NonNegative, Positive, Settings
from sim.strategies.base import Decider, Discount, Level, Luck, MarketView, Money, Multiple, Strategy


class Option(Settings):
    """A policy on the menu: the base policy with these changes."""

    price: Positive = Field(default=1.0, description="price relative to the firm's base price")
    service: dict[str, Level] = Field(default={}, description="service level by tier")
    discount: dict[str, Discount] = Field(default={}, description="share off the price by tier")
    points: dict[str, Multiple] = Field(default={}, description="points by tier, relative to the programme's base rate")
    gift: dict[str, Money] = Field(default={}, description="cost of the gift at each purchase by tier, in money")

    def policy(self, base: Policy) -> Policy:
        """Return the base policy with the option's changes."""
        changed = base.with_tiers(service=self.service, discount=self.discount, points=self.points, gift=self.gift)
        return changed.replace(price=base.price * self.price)


class Bandit(Strategy):
    """Try every policy of a menu once, then post the one whose record, or the doubt about it, promises most.

    What counts is the firm's contribution over a review cycle. The rule is UCB1: the mean of what a policy earned,
    scaled to 0 to 1 by all that was earned so far, plus ``exploration * sqrt(2 ln n / n_i)`` after ``n`` cycles of
    which policy ``i`` had ``n_i``. It supposes that a policy earns at once what it earns in the long run; where loyalty
    is slow to grow, that is its weakness.

    Source: Auer, Cesa-Bianchi & Fischer (2002), "Finite-time analysis of the multiarmed bandit problem", Machine
    Learning 47(2-3).
    """

    name: Literal["bandit"] = "bandit"
    menu: Annotated[dict[str, Option], Field(min_length=2)] = Field(
        default={"as_set": Option(), "cheaper": Option(price=0.95), "dearer": Option(price=1.05)},
        description="policies to choose from, by name: changes of the base policy",
    )
    exploration: NonNegative = Field(default=1.0, description="weight of doubt against record; 0 never looks back")

    def begin(self, luck: Luck) -> Decider:
        """Return a player who has tried nothing yet."""
        return _Player(self)

    def tiers_named(self) -> dict[str, tuple[str, ...]]:
        """Return the tiers that each option names."""
        return {
            f"menu.{name}.{lever}": tuple(getattr(option, lever))
            for name, option in self.menu.items()
            for lever in ("service", "discount", "points", "gift")
        }


class _Player:
    """One firm's play: what each option has earned so far, cycle by cycle."""

    def __init__(self, how: Bandit) -> None:
        self.how = how
        self.earned: dict[str, list[float]] = {name: [] for name in how.menu}
        self.playing: str | None = None

    def decide(self, view: MarketView) -> Policy:
        """Note what the option in force earned, and post the most promising one."""
        if self.playing is not None:
            self.earned[self.playing].append(float(view.contribution.sum()))
        untried = [name for name, earned in self.earned.items() if not earned]
        self.playing = untried[0] if untried else max(self.earned, key=self._promise)  # the first of equals
        return self.how.menu[self.playing].policy(view.base)

    def _promise(self, name: str) -> float:
        """Return the upper confidence bound of an option."""
        everything = [value for earned in self.earned.values() for value in earned]
        least, most = min(everything), max(everything)
        own = self.earned[name]
        mean = (math.fsum(own) / len(own) - least) / (most - least) if most > least else 0.0
        return mean + self.how.exploration * math.sqrt(2.0 * math.log(len(everything)) / len(own))
