"""Referral rewards: who brings a new customer is thanked in the firm's own product, and praises the more readily.

Whom praise has brought is noted for the credit of word of mouth already (``sim/journey/buy.py``): a reward goes to
whoever is credited with the first purchase of a membership. Equations in ``docs/bonds.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.accounts import Line
from sim.compiled import inline, kernel
from sim.journey.talk import teller_of
from sim.levers.base import Lever
from sim.records import NOBODY, block_of

if TYPE_CHECKING:
    from sim.market import Market
    from sim.scenario import Scenario


class Referral(Lever):
    """Reward the customers whose praise brought others in this period.

    Source: Ryu & Feick (2007), "A penny for your thoughts: referral reward programs and referral likelihood", Journal
    of Marketing 71(1), for readiness; Schmitt, Skiera & Van den Bulte (2011), "Referral programs and customer value",
    Journal of Marketing 75(1), for what those who are brought are worth.
    """

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        specs = [firm.referral for firm in market.scenario.firms]
        self.rewards = np.array([-1.0 if spec is None else spec.reward for spec in specs])
        self.for_returning = np.array([spec is not None and spec.for_returning for spec in specs])

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether any firm rewards referrals."""
        return any(firm.referral is not None for firm in scenario.firms)

    def after_life(self) -> None:
        """Reward, in the order of those who were brought."""
        market = self.market
        reward(market.town, market.network, market.said, self.rewards, self.for_returning, market.period, market.books)


@kernel
def reward(town, network, said, rewards, for_returning, period, books):  # type: ignore[no-untyped-def]
    """Reward those who are credited with a purchase that began a membership.

    Parameters
    ----------
    rewards : array, shape (n_firms,)
        Money in own product for each; below 0 where a firm rewards nobody.
    for_returning : array of bool, shape (n_firms,)
        Whether who comes back counts as new.
    """
    n_blocks, n = said.n_credits.size, said.firm.size
    for b in range(n_blocks):
        first = b * n // n_blocks
        for place in range(first, first + said.n_credits[b]):
            f = said.credit_firm[place]
            if rewards[f] >= 0.0 and (said.credit_is_first[place] or for_returning[f]):
                reward_one(place, town, network, said, rewards, period, books)


@inline
def reward_one(place, town, network, said, rewards, period, books):  # type: ignore[no-untyped-def]
    """Reward one customer who is here still, if the buyer has come anew."""
    f, buyer = np.int64(said.credit_firm[place]), said.credit_buyer[place]
    teller = np.int64(teller_of(buyer, f, town, network))
    if teller == NOBODY:
        return
    person, relation = town.people[teller], town.relations[teller, f]
    if town.relations[buyer, f].since == period and relation.is_active:
        n_blocks, n = books.shape[0], town.pulses.size
        cell = books[block_of(teller, n_blocks, n), f, relation.tier, person.type]
        cell[Line.REFERRALS] += 1.0
        cell[Line.INCENTIVES] += rewards[f]
        relation.margin -= rewards[f]
