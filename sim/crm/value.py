"""What customers are worth: how long they stay, by the firm's own cohorts, and what they earn while they do."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

QUADRANTS = ("retain", "develop", "maintain", "cultivate")


class Value(NamedTuple):
    """A customer's value and its parts, in money of today; each of shape (n_customers_of_the_firm,)."""

    historical: FloatArray  # earned before the present window
    current: FloatArray  # earned in the present window
    basic: FloatArray  # own margin to come, if the customer stayed no longer than a newcomer
    influence: FloatArray  # margin to come by what the customer says to others
    loyalty: FloatArray  # own margin to come because the customer has proved to stay

    @property
    def clv(self) -> FloatArray:
        """Customer lifetime value: the discounted own margin to come."""
        return self.basic + self.loyalty

    @property
    def total(self) -> FloatArray:
        """Historical, current and future value."""
        return self.historical + self.current + self.basic + self.influence + self.loyalty


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


def customer_value(
    margin: FloatArray, credit: FloatArray, length: FloatArray, tenure: IntArray, worth: FloatArray, window: int
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
    """
    past = margin / length
    own, spoken = credible_rate(margin, length, window), credible_rate(credit, length, window)
    return Value(
        historical=past * np.maximum(0, tenure - window),
        current=past * np.minimum(tenure, window),
        basic=own * worth[0],
        influence=spoken * worth[tenure],
        loyalty=own * (worth[tenure] - worth[0]),
    )


def quadrant_of(current: FloatArray, potential: FloatArray) -> IntArray:
    """Place customers by current against potential value, each high if above the median: index into ``QUADRANTS``.

    Both high: *retain*; potential alone: *develop*; current alone: *maintain*; neither: *cultivate*.
    """
    if not current.size:
        return np.zeros(0, dtype=np.int64)
    is_high, has_potential = current > np.median(current), potential > np.median(potential)
    return np.where(has_potential, np.where(is_high, 0, 1), np.where(is_high, 2, 3))
