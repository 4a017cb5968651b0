"""The plain model of ``tests/reference`` with the agents, lists and calls of AgentPy: all of the market.

What a person or a firm does is shared with the Mesa model; who calls it, and how agents are made and kept, is
AgentPy's. Neighbours are kept at each person, which is faster than asking ``agentpy.Network``. The two models agree to
the last purchase.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import agentpy as ap
import numpy as np

from sim.accounts import N_LINES, FirmCost
from sim.loyalty_types import LoyaltyType
from tests.reference import events, firm, market, person

if TYPE_CHECKING:
    from sim.firm_settings import FirmSpec


class Customer(ap.Agent, person.Customer):
    """A household of the town."""

    def setup(self, row: int) -> None:
        self.move_in(row)


class Firm(ap.Agent, firm.Firm):
    """A firm of the market."""

    def setup(self, number: int, spec: FirmSpec) -> None:
        self.found(number, spec)


class AgentPyMarket(ap.Model, market.ReferenceMarket):
    """A market of customers and firms; its parameters are the scenario and the seed."""

    def setup(self) -> None:
        self.set_the_scene(self.p.scenario, self.p.seed)
        specs = list(self.scenario.firms)
        self.firms = ap.AgentList(
            self, len(specs), Firm, number=ap.AttrIter(range(len(specs))), spec=ap.AttrIter(specs)
        )
        self.firm_list = self.firms
        rows = ap.AttrIter(range(self.n_customers))
        self.customers = ap.AgentList(self, self.n_customers, Customer, row=rows)
        self.customer_list = self.customers
        self.make_acquainted()

    def step(self) -> None:
        """One period: firms post, customers live through it, word spreads, books close."""
        self.books.append(np.zeros((len(self.firms), self.n_tiers, len(LoyaltyType), N_LINES)))
        self.firm_costs.append(np.zeros((len(self.firms), len(FirmCost))))
        events.happen(self)
        due = self.firms.select(self.firms.is_due)
        due.review()
        due.decide()
        due.post()
        self.firms.write_offers()
        self.norm = self.usual_experience()
        self.customers.pass_time()
        self.customers.meet_need()
        self.customers.listen()
        self.customers.settle_credit()
        self.firms.close_books()
        self.period += 1
