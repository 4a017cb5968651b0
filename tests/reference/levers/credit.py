"""Credit: one account per customer and firm, due as a whole, paid or written off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim import draws
from sim.accounts import Line
from sim.draws import Stream
from tests.reference.arithmetic import single
from tests.reference.levers.base import Lever

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from tests.reference.firm import Firm
    from tests.reference.market import ReferenceMarket
    from tests.reference.person import Customer


@dataclass
class Account:
    """What a customer owes a firm, and has paid."""

    owed: float = 0.0
    due: int = 0
    paid: float = 0.0
    lost: float = 0.0


class Credit(Lever):
    """Customers who pay later."""

    def __init__(self, model: ReferenceMarket) -> None:
        super().__init__(model)
        self.holders = [customer.id for customer in model.customer_list]
        self.accounts = [[Account() for _ in model.firm_list] for _ in model.customer_list]

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether somebody lends."""
        return any(spec.credit is not None for spec in scenario.firms)

    def states(self) -> list[list[list[float]]]:
        """Return owed, due, paid and lost."""
        names = ("owed", "due", "paid", "lost")
        return [[[getattr(account, name) for account in row] for row in self.accounts] for name in names]

    def after_life(self) -> None:
        """Close the accounts of who is gone, settle what is due, and enter what was bought."""
        for customer in self.model.customer_list:
            mine = self.accounts[customer.row]
            for firm in self.model.firm_list:
                account = mine[firm.number]
                if self.holders[customer.row] != customer.id:
                    self.write_off(customer, firm, account)
                    account.paid = account.lost = 0.0
                elif account.owed > 0.0 and account.due <= self.model.period:
                    self.settle(customer, firm, account)
            self.holders[customer.row] = customer.id
            firm = customer.usual
            if firm is None or firm.spec.credit is None:
                continue
            relation = customer.relations[firm.number]
            group = firm.spec.credit.group
            if relation.bought_at == self.model.period and (group is None or firm.tiers[relation.tier] in group):
                self.lend(customer, firm, mine[firm.number])

    def lend(self, customer: Customer, firm: Firm, account: Account) -> None:
        """Put a purchase on the account."""
        before = account.owed
        if before == 0.0:
            account.due = self.model.period + firm.spec.credit.periods
        account.owed = single(before + customer.basket * customer.offer_of(firm).price)
        firm.enter(Line.ON_CREDIT, customer, account.owed - before)

    def settle(self, customer: Customer, firm: Firm, account: Account) -> None:
        """Take the money, unless the customer defaults: the worse a payer, the likelier."""
        unworthy = draws.uniform(self.model.seed_used, int(Stream.CREDITWORTHY), 0, customer.id, 0)
        if customer.luck(Stream.PAYS, firm.slot) < firm.spec.credit.default_rate * (2.0 * unworthy):
            account.lost = single(account.lost + account.owed)
            self.write_off(customer, firm, account)
        else:
            firm.enter(Line.COLLECTED, customer, account.owed)
            account.paid = single(account.paid + account.owed)
            account.owed = 0.0

    @staticmethod
    def write_off(customer: Customer, firm: Firm, account: Account) -> None:
        """Give up what is owed: it lowers what a customer has brought."""
        firm.enter(Line.BAD_DEBT, customer, account.owed)
        relation = customer.relations[firm.number]
        if relation.is_active:
            relation.margin = single(relation.margin - account.owed)
        account.owed = 0.0
