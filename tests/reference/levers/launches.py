"""New products, and customers who buy them beside the old one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim import draws
from sim.accounts import FirmCost, Line
from sim.draws import Stream, firm_slot
from sim.event_settings import Launch
from tests.reference.arithmetic import single
from tests.reference.levers.base import Lever

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from tests.reference.firm import Firm
    from tests.reference.market import ReferenceMarket
    from tests.reference.person import Customer


class Launches(Lever):
    """What is on sale, and who has taken up what."""

    def __init__(self, model: ReferenceMarket) -> None:
        super().__init__(model)
        self.launches = [event for event in model.scenario.events if isinstance(event, Launch)]
        self.on_sale: set[int] = set()
        self.owners: dict[tuple[int, int], set[int]] = {}  # by row and firm: numbers of launches

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether a product is launched."""
        return any(isinstance(event, Launch) for event in scenario.events)

    def states(self) -> list[list[list[float]]]:
        """Return who has taken up what, as a sum of powers of two."""
        firms, people = self.model.firm_list, self.model.customer_list
        return [
            [
                [float(sum(2**k for k in self.owners.get((row, firm.number), ()))) for firm in firms]
                for row in range(len(people))
            ]
        ]

    def before_life(self) -> None:
        """Launch what is due."""
        for k, launch in enumerate(self.launches):
            firm = next(firm for firm in self.model.firm_list if firm.spec.name == launch.firm)
            if launch.at == self.model.period and firm.is_open:
                self.on_sale.add(k)
                money = launch.development_cost * self.model.n_customers
                self.model.firm_costs[-1][firm.number, FirmCost.DEVELOPMENT] += money

    def after_life(self) -> None:
        """Let buyers buy, and take up."""
        t = self.model.period
        for row, customer in enumerate(self.model.customer_list):
            for firm in self.model.firm_list:
                relation = customer.relations[firm.number]
                if not relation.is_active or relation.since == t:
                    self.owners.pop((row, firm.number), None)
                if customer.usual is firm and relation.is_active and relation.bought_at == t:
                    owned = self.owners.setdefault((row, firm.number), set())
                    for k in sorted(self.on_sale):
                        if self.launches[k].firm == firm.spec.name:
                            self.meet(customer, firm, k, owned)

    def meet(self, customer: Customer, firm: Firm, k: int, owned: set[int]) -> None:
        """Buy a product that was taken up before, or decide on it."""
        launch, relation = self.launches[k], customer.relations[firm.number]
        if k in owned:
            paid, goods = customer.basket * launch.price, customer.basket * launch.unit_cost
            firm.enter(Line.CROSS_PURCHASES, customer)
            firm.enter(Line.REVENUE, customer, paid)
            firm.enter(Line.GOODS, customer, goods)
            relation.revenue = single(relation.revenue + paid)
            relation.margin = single(relation.margin + (paid - goods))
        elif launch.told is None or firm.tiers[relation.tier] in launch.told:
            firm.enter(Line.INCENTIVES, customer, launch.telling_cost)
            relation.margin = single(relation.margin - launch.telling_cost)
            utility = (
                launch.appeal
                + launch.by_attachment * relation.attachment
                + launch.by_trust * relation.trust_quality
                + launch.by_satisfaction * relation.satisfaction
            )
            slot = firm_slot(f"{launch.firm}: {launch.name}")
            luck = draws.uniform(self.model.seed_used, int(Stream.TAKE_UP), self.model.period, customer.id, slot)
            if luck < 1.0 / (1.0 + math.exp(-max(-700.0, utility))):
                owned.add(k)
