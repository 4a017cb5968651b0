"""What customers are worth: how long they stay, by the firm's own cohorts, and what they earn while they do."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.crm.deferred import Deferred, loss_shares

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

QUADRANTS = ("retain", "develop", "maintain", "cultivate")


class Value(NamedTuple):
    """A customer's value and its parts, in money of today; each of shape (n_customers_of_the_firm,)."""

    historical: FloatArray  # earned before the present window
    current: FloatArray  # earned in the present window
    basic: FloatArray  # own margin to come, if the customer stayed no longer than a newcomer
    influence: FloatArray  # margin to come by what the customer says to others
    credit: FloatArray  # interest to come on what the customer owes, and what of it will not be paid: 0 or less
    loyalty: FloatArray  # own margin to come because the customer has proved to stay
    elasticity: FloatArray  # margin that could come if the firm spent a little more on serving the customer: 0 or more

    @property
    def clv(self) -> FloatArray:
        """Customer lifetime value: the discounted own margin to come, less what credit costs."""
        return self.basic + self.credit + self.loyalty

    @property
    def total(self) -> FloatArray:
        """Historical, current and future value: the sum of all parts, in their order."""
        total: FloatArray = sum(self[1:], start=self[0])
        return total


def survival_curve(gained: FloatArray, still: FloatArray) -> FloatArray:
    """Return the share of joiners who are still customers at each age, by the firm's own cohorts.

    Each cohort is seen once, now: how many joined, and how many are left. The likeliest curve that never rises is the
    isotonic regression of the shares left on age, weighted by the size of the cohort [1]_.

    Parameters
    ----------
    gained, still : array, shape (n_periods,)
        Customers who joined in each period, and those of them who have never left.

    Returns
    -------
    array, shape (n_periods + 1,)
        Share left at ages 0 to ``n_periods``; between ages that no cohort has, by straight lines.

    References
    ----------
    .. [1] Groeneboom & Wellner (1992), *Information Bounds and Nonparametric Maximum Likelihood Estimation* (current
       status data); Ayer et al. (1955), Annals of Mathematical Statistics 26.
    """
    from scipy.optimize import isotonic_regression

    n_periods = gained.size
    ages = np.arange(n_periods + 1)
    seen = np.flatnonzero(gained > 0)[::-1]  # youngest first
    if seen.size == 0:
        return np.ones(n_periods + 1)
    fitted = isotonic_regression(still[seen] / gained[seen], weights=gained[seen], increasing=False).x
    curve: FloatArray = np.interp(ages, np.append(0, n_periods - seen), np.append(1.0, fitted))
    return curve


def annuity(survival: FloatArray, discount_rate: float) -> FloatArray:
    """Return what one unit of margin per period is worth from a customer of each age, as long as the customer stays.

    ``A(a) = sum_{k>=1} (1 + r)^-k S(a + k) / S(a)`` [1]_; beyond the last age seen, customers are taken to leave at the
    average rate so far.

    Parameters
    ----------
    survival : array, shape (n_ages,)
        Share left at ages 0 and up, beginning with 1.
    discount_rate : float
        By how much money loses per period; above 0.

    Returns
    -------
    array, shape (n_ages,)
        In units of margin per period; 0 at ages that nobody reaches.

    References
    ----------
    .. [1] Gupta, Lehmann & Stuart (2004), "Valuing customers", JMR 41(1).
    """
    oldest = survival.size - 1
    kept = 1.0 / (1.0 + discount_rate)
    stays = survival[oldest] ** (1.0 / oldest) if oldest else 1.0
    to_come = np.empty(survival.size)  # A(a) S(a), from the oldest age down
    to_come[oldest] = survival[oldest] * stays * kept / (1.0 - stays * kept)
    for age in range(oldest - 1, -1, -1):
        to_come[age] = kept * (survival[age + 1] + to_come[age + 1])
    worth: FloatArray = np.divide(to_come, survival, out=np.zeros_like(to_come), where=survival > 0.0)
    return worth


def credible_rate(amount: FloatArray, length: FloatArray, prior_length: float) -> FloatArray:
    """Return each customer's amount per period, drawn towards all customers' the more, the shorter the record [1]_.

    Parameters
    ----------
    amount, length : array, shape (n,)
        What is on record, and the periods that the record is worth.
    prior_length : float
        Length of record at which a customer's own counts as much as all customers'; above 0.

    References
    ----------
    .. [1] Buehlmann (1967), "Experience rating and credibility", ASTIN Bulletin 4(3).
    """
    if not amount.size:
        return amount
    common = amount.sum() / length.sum()
    rate: FloatArray = (amount + prior_length * common) / (length + prior_length)
    return rate


def own_value(
    margin: FloatArray, length: FloatArray, tenure: IntArray, worth: FloatArray, window: int
) -> tuple[FloatArray, FloatArray]:
    """Return each customer's own margin to come: what it would be of a newcomer, and what having stayed adds.

    Parameters as in :func:`customer_value`.
    """
    own = credible_rate(margin, length, window)
    return own * worth[0], own * (worth - worth[0])[tenure]


def customer_value(
    margin: FloatArray,
    credit: FloatArray,
    length: FloatArray,
    tenure: IntArray,
    worth: FloatArray,
    window: int,
    cost_of_credit: FloatArray | float = 0.0,
    gain: FloatArray | float = 0.0,
) -> Value:
    """Return what each customer has been, is and will be worth.

    Parameters
    ----------
    margin, credit : array, shape (n,)
        Money on record: own margin, and margin earned by word of mouth.
    length : array, shape (n,)
        Periods that the record is worth.
    tenure : array of int, shape (n,)
        Age as a customer, in periods; an index into ``worth``.
    worth : array, shape (n_ages,)
        Of one unit per period from a customer of each age: see ``annuity``.
    window : int
        Periods that are the present.
    cost_of_credit : array, shape (n,), optional
        Money of today that deferred payment will cost: see ``cost_of_credit``.
    gain : array, shape (n,), optional
        Money per period that more service would bring beyond its cost: see ``sim.crm.elasticity.gain``.
    """
    past = margin / length
    basic, loyalty = own_value(margin, length, tenure, worth, window)
    return Value(
        historical=past * np.maximum(0, tenure - window),
        current=past * np.minimum(tenure, window),
        basic=basic,
        influence=credible_rate(credit, length, window) * worth[tenure],
        credit=np.zeros_like(past) - cost_of_credit,
        loyalty=loyalty,
        elasticity=worth[tenure] * gain,
    )


def cost_of_credit(
    own: Deferred, revenue: FloatArray, length: FloatArray, worth_now: FloatArray, window: int
) -> FloatArray:
    """Return what deferred payment will cost of each customer, in money of today.

    That is what is owed times the share expected to be lost, and interest: what a unit sold on credit costs to carry,
    times what the customer buys for in a period, for as long as the customer stays. What will be lost of sales to come
    is not in it: bad debts are off the margin on record, and so off the margin to come.

    Parameters
    ----------
    own : Deferred
        Accounts and books.
    revenue : array, shape (n,)
        Money paid, on record.
    length : array, shape (n,)
        Periods that the record is worth.
    worth_now : array, shape (n,)
        Of one unit per period from each customer.
    window : int
        Length of record at which a customer's own counts as much as all customers'.
    """
    bought = np.zeros_like(revenue)
    bought[own.pays_later] = credible_rate(revenue[own.pays_later], length[own.pays_later], window)
    cost: FloatArray = own.owed * loss_shares(own) + own.carrying_cost * bought * worth_now
    return cost


def quadrant_of(current: FloatArray, potential: FloatArray) -> IntArray:
    """Place customers by current against potential value, each high if above the median: index into ``QUADRANTS``.

    Both high: *retain*; potential alone: *develop*; current alone: *maintain*; neither: *cultivate*.
    """
    if not current.size:
        return np.zeros(0, dtype=np.int64)
    is_high, has_potential = current > np.median(current), potential > np.median(potential)
    return np.where(has_potential, np.where(is_high, 0, 1), np.where(is_high, 2, 3))
