"""How a firm finds its price: from its costs, from what rivals offer, or by what its profit does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tests.reference.arithmetic import clip

if TYPE_CHECKING:
    from sim.policy import Policy
    from sim.strategies import MarketView
    from tests.reference.firm import Firm


class PriceMethod:
    """A firm's price method, and what it remembers of the last review.

    Parameters
    ----------
    firm : Firm
        The firm, which has one.
    """

    def __init__(self, firm: Firm) -> None:
        self.firm, self.how = firm, firm.spec.pricing
        self.priced: float | None = None  # at the last review ...
        self.earned: float | None = None  # ... at which this was the profit
        self.goes = 1

    def worth(self, firm: Firm, policy: Policy) -> float:
        """Return what this firm believes a firm's offer to be worth to an average newcomer, but for its price."""
        how, entry = self.how, firm.entry_tier
        served = firm.promise(entry, policy)
        if firm.to_businesses:
            served += firm.to_businesses.support(entry, policy)
        worth = how.quality_weight * firm.quality_under(policy)
        worth += how.service_weight * served
        return worth + how.image_weight * firm.image - firm.felt_risk

    def left_by_trade(self, goods: list[float]) -> float:
        """Return what the firm gets of its own price, on average over goods sold to its tiers, or from newcomers."""
        left = []
        for tier in range(len(self.firm.tiers)):
            raised, lost = self.firm.trade(tier)
            left.append(raised * (1.0 - lost))
        if math.fsum(goods) == 0.0:
            return left[self.firm.entry_tier]
        return math.fsum(sold * share for sold, share in zip(goods, left, strict=True)) / math.fsum(goods)

    def price(self, decided: Policy, view: MarketView, rivals: list[Firm]) -> float:
        """Return the price by the method, within its bounds."""
        how, firm, price = self.how, self.firm, decided.price
        if how.method == "cost_plus":
            price = firm.spec.unit_cost * (1.0 + how.markup) / self.left_by_trade(view.goods_cost.tolist())
        elif how.method == "customer_utility" and rivals:
            asked = [math.log(rival.price * rival.trade(rival.entry_tier)[0]) for rival in rivals]
            elsewhere = math.fsum(self.worth(rival, rival.policy) for rival in rivals) / len(rivals)
            better = self.worth(firm, decided) - elsewhere
            log_price = math.fsum(asked) / len(rivals) + better / how.price_weight
            price = math.exp(min(700.0, log_price)) / firm.trade(firm.entry_tier)[0]
        elif how.method == "profit_led" and self.priced is not None:
            profit = math.fsum(view.contribution)
            if self.earned is not None and profit <= self.earned:
                self.goes = -self.goes
            self.earned = profit
            factor = 1.0 + how.step
            price = self.priced * factor if self.goes > 0 else self.priced / factor
        self.priced = clip(price, how.lowest, how.highest)
        return self.priced
