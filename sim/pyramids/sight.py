"""What a firm sees of its customers at a review: its records of them, and what they answer when asked.

Answers are inner states with an error, drawn by the streams ``TELL_...`` at the period, the person and the firm's slot:
no firm sees an inner state itself, and nobody is changed by being asked.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sim.crm import value
from sim.crm.records import Records, cohorts_of, records_of
from sim.crm.survey import TRUSTS, attitudes, draw_for, to_normal, with_error
from sim.draws import Stream
from sim.records import STEPS

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]


class Sight:
    """What one firm sees at a review: an attribute for each name in ``OBSERVED``, shape (n_customers_of_the_firm,).

    Each is worked out when it is first looked at; nothing else is asked of the customers.

    Parameters
    ----------
    market : Market
        The market, before the tiers of the review are assigned.
    firm : Firm
        The firm that looks.
    """

    def __init__(self, market: Market, firm: Firm) -> None:
        self.market, self.firm = market, firm
        self.window = market.scenario.customers.activity_window
        self.error = market.scenario.survey.error

    def all_of(self, names: tuple[str, ...]) -> dict[str, FloatArray]:
        """Return some of what is seen, by name."""
        return {name: getattr(self, name) for name in names}

    # ---- by record --------------------------------------------------------------------------------------------------

    @cached_property
    def records(self) -> Records:
        """The records, the cost of service charged to them up to now."""
        return records_of(self.market, self.firm)

    @cached_property
    def volume(self) -> FloatArray:
        """Purchases on record."""
        return self.records.volume

    @cached_property
    def revenue(self) -> FloatArray:
        """Money paid, on record."""
        return self.records.revenue

    @cached_property
    def profit(self) -> FloatArray:
        """Own margin on record after the cost of serving, as it is kept."""
        return self.records.margin.astype(np.float32).astype(np.float64)

    @cached_property
    def total_contribution(self) -> FloatArray:
        """Own margin, and the margin credited for word of mouth."""
        return self.profit + self.records.credit

    @cached_property
    def lifetime_value(self) -> FloatArray:
        """Own margin to come, discounted: as in ``sim/crm/value.py``, on what is known now."""
        own, survival = self.records, value.survival_curve(*cohorts_of(self.market, self.firm))
        worth = value.annuity(survival, self.market.scenario.discount_rate)
        return value.customer_value(self.profit, own.credit, own.length, own.tenure, worth, self.window).clv

    @cached_property
    def repeats(self) -> FloatArray:
        """Repeat purchases in an activity window."""
        return self.records.repeats

    @cached_property
    def tenure(self) -> FloatArray:
        """Activity windows since the membership began."""
        return self.records.tenure / self.window

    @cached_property
    def recency(self) -> FloatArray:
        """1 for who bought in the last period, falling to 0 for who has not in a whole activity window."""
        return 1.0 - (self.market.period - 1 - self.records.bought_at) / self.window

    @cached_property
    def referral(self) -> FloatArray:
        """Share of the total contribution that word of mouth brought, 0 to 1; a loss of one's own counts as nothing."""
        credit = np.maximum(0.0, self.records.credit)
        whole = credit + np.maximum(0.0, self.profit)
        part: FloatArray = np.divide(credit, whole, out=np.zeros_like(credit), where=whole > 0.0)
        return part

    # ---- by answer --------------------------------------------------------------------------------------------------

    @cached_property
    def satisfaction(self) -> FloatArray:
        """How well expectations are met, 0 to 1: one half is just as expected."""
        return self._answer((1.0 + self._relations["satisfaction"] / STEPS) / 2.0, self._first[0])

    @cached_property
    def closeness(self) -> FloatArray:
        """Attachment to the firm, 0 to 1."""
        return self._answer(self._relations["attachment"].astype(np.float64), self._first[1])

    @cached_property
    def trust(self) -> FloatArray:
        """Trust in the firm's quality, character and ability, 0 to 1: their mean."""
        levels = np.sum([self._relations[name].astype(np.float64) for name in TRUSTS], axis=0)
        return self._answer(levels / (len(TRUSTS) * STEPS), self._first[2])

    @cached_property
    def attitude(self) -> FloatArray:
        """Attitude to the firm, 0 to 1: as in the survey at the end of a run."""
        return self._answer(attitudes(self._relations), self._first[3])

    @cached_property
    def repute(self) -> FloatArray:
        """What friends say of the firm, 0 (bad) to 1 (good)."""
        return self._answer((1.0 + self._relations["opinion"] / STEPS) / 2.0, self._second[0])

    @cached_property
    def fit(self) -> FloatArray:
        """Whether the firm is one for people like oneself, 0 to 1: the logistic of the taste for it."""
        return self._answer(1.0 / (1.0 + np.exp(-self._relations["taste"].astype(np.float64))), self._second[1])

    @cached_property
    def wish(self) -> FloatArray:
        """Purchases of this kind that one would like to make in an activity window, at any firm."""
        rate = self.market.town.people["rate"][self.records.row].astype(np.float64)
        wish: FloatArray = rate * self.window * np.exp(self.error * self._second[2])
        return wish

    @cached_property
    def share(self) -> FloatArray:
        """Share of the wish that is bought here, 0 to 1: repeat purchases on record over the answer."""
        return np.minimum(1.0, self.repeats / self.wish)

    @cached_property
    def potential(self) -> FloatArray:
        """What could be won more in an activity window: the part of the wish that is not bought here, in money."""
        volume = self.volume
        basket = np.divide(self.revenue, volume, out=np.zeros_like(volume), where=volume > 0.0)
        return np.maximum(0.0, self.wish - self.repeats) * basket

    @cached_property
    def _relations(self) -> npt.NDArray[np.void]:
        relations: npt.NDArray[np.void] = self.market.town.relations[self.records.row, self.firm.index]
        return relations

    @cached_property
    def _first(self) -> FloatArray:
        return self._noise(int(Stream.TELL_SATISFACTION))

    @cached_property
    def _second(self) -> FloatArray:
        return self._noise(int(Stream.TELL_REPUTE))

    def _noise(self, stream: int) -> FloatArray:
        """Return standard normal draws of a group of streams, shape (4, n_customers_of_the_firm)."""
        market, row = self.market, self.records.row
        people = (market.town.people["birth"][row].astype(np.int64) << 32) | row
        noise: FloatArray = np.empty((4, row.size))
        slot = int(market.origins.firm_slots[self.firm.index])
        draw_for(market.seed_used, stream, market.period, people, slot, noise)
        to_normal(noise)
        return noise

    def _answer(self, truth: FloatArray, noise: FloatArray) -> FloatArray:
        return with_error(truth, noise, self.error, 0.0, 1.0)
