"""The market as a Mesa model: the step is the description's section 3."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import mesa
import numpy as np

from sim import network
from sim.accounts import N_LINES, FirmCost
from sim.loyalty_types import LoyaltyType
from tests.reference import events
from tests.reference.birth import Origins
from tests.reference.firm import Firm
from tests.reference.levers import levers_of
from tests.reference.person import Customer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.scenario import Scenario


class ReferenceMarket(mesa.Model):
    """A market of customers and firms, all of them agents.

    Parameters
    ----------
    scenario : Scenario
        The market and its firms.
    seed : int
        The run's seed.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        super().__init__(seed=seed)
        self.set_the_scene(scenario, seed)
        self.firms = Firm.create_agents(
            self, len(scenario.firms), number=list(range(len(scenario.firms))), spec=scenario.firms
        )
        self.firm_list = list(self.firms)
        self.customers = Customer.create_agents(self, self.n_customers, row=list(range(self.n_customers)))
        self.customer_list = list(self.customers)
        self.make_acquainted()
        self.levers = levers_of(self)

    def set_the_scene(self, scenario: Scenario, seed: int) -> None:
        """Take in the settings, and open the books."""
        self.scenario, self.seed_used = scenario, seed
        self.settings, self.behaviour = scenario.customers, scenario.customers.behaviour
        self.n_customers = scenario.customers.count
        self.n_blocks = min(64, math.ceil(self.n_customers / 1024))
        self.n_tiers = max(len(spec.pyramid.tiers) for spec in scenario.firms)
        self.period = 0
        self.norm = 0.0
        self.books: list[NDArray[np.float64]] = []
        self.firm_costs: list[NDArray[np.float64]] = []
        self.migration: list[tuple[int, int, NDArray[np.int64]]] = []

        self.origins = Origins(scenario, seed)

    def make_acquainted(self) -> None:
        """Tie the customers into the network."""
        ties = network.build(self.scenario.network, self.n_customers, self.seed_used, self.scenario.folder)
        strength = network.influence(ties).tolist()
        for customer in self.customer_list:
            places = range(ties.first[customer.row], ties.first[customer.row + 1])
            customer.neighbours = [(self.customer_list[ties.neighbours[k]], strength[k]) for k in places]

    def block_of(self, row: int) -> int:
        """Return the block of rows in which a customer's money is added up."""
        n, n_blocks = self.n_customers, self.n_blocks
        return next(b for b in range(n_blocks) if row < (b + 1) * n // n_blocks)

    def run(self, periods: int) -> None:
        """Run for a number of periods."""
        for _ in range(periods):
            self.step()

    def step(self) -> None:
        """One period: firms post, customers live through it, word spreads, books close."""
        self.books.append(np.zeros((len(self.firm_list), self.n_tiers, len(LoyaltyType), N_LINES)))
        self.firm_costs.append(np.zeros((len(self.firm_list), len(FirmCost))))
        events.happen(self)
        due = self.firms.select(lambda firm: firm.is_due)
        due.do("review")
        if self.period > 0:
            for lever in self.levers:
                lever.after_review(list(due))
        due.do("decide")
        due.do("post")
        self.firms.do("write_offers")
        for lever in self.levers:
            lever.before_life()
        self.norm = self.usual_experience()
        self.customers.do("pass_time")
        self.customers.do("meet_need")
        for lever in self.levers:
            lever.after_life()
        self.customers.do("settle_credit")
        self.customers.do("listen")
        self.firms.do("close_books")
        self.period += 1

    def usual_experience(self) -> float:
        """Return what a stranger could expect elsewhere: the mean experience at the open firms' entry tiers."""
        weight = self.behaviour.service_in_experience
        experiences = [
            firm.quality + weight * (firm.delivered(firm.entry_tier) + firm.support(firm.entry_tier))
            for firm in self.firm_list
            if firm.is_open
        ]
        return math.fsum(experiences) / len(experiences) if experiences else 0.0
