"""How loyal customers are: five measures in one index, behaviour against attitude, and a type told by behaviour."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.loyalty_types import LoyaltyType

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

MEASURES = ("repeat_purchases", "choice_time", "price_sensitivity", "rival_attitude", "tolerance")
MORE_IS_LOYAL = np.array([True, False, False, False, True])

PATRONAGE = ("true", "latent", "spurious", "none")  # Dick & Basu's four kinds
MOST_OF_WISH = 0.5  # repeat patronage is high if at least this share of the purchases wished for is made here

SENSITIVE = 1.0 / 3.0  # of the odds of buying that a price higher by a tenth costs: a lot
HIGH_ATTITUDE = 0.5  # to a firm, from 0 to 1
MANY_FORGIVEN = 3.0  # failures in a row
FEW_LOOKS = 0.5  # share of the rivals looked at before buying, below which a customer does not shop around
NO_LIKING = 0.1  # of a rival, from 0 to 1: the error of an answer about nobody
HARDLY_ANY = 0.05  # share of the purchases wished for


class Index(NamedTuple):
    """A loyalty index and how its measures were weighed."""

    values: FloatArray  # shape (m,), 0 to 1
    weights: FloatArray  # shape (n_measures,), summing to 1
    is_equal: bool  # every measure was constant: nothing to weigh by, and all weigh alike


def normalised(measures: FloatArray, more_is_loyal: BoolArray) -> FloatArray:
    """Return each column on 0 (least loyal) to 1 (most loyal); a constant column is 1/2 throughout.

    Parameters
    ----------
    measures : array, shape (m, n_measures)
    more_is_loyal : array of bool, shape (n_measures,)
    """
    if not len(measures):
        return measures.astype(np.float64)
    low, high = measures.min(axis=0), measures.max(axis=0)
    width = np.where(high > low, high - low, 1.0)
    scaled = np.where(more_is_loyal, measures - low, high - measures) / width
    levels: FloatArray = np.where(high > low, scaled, 0.5)
    return levels


def entropy_weights(levels: FloatArray) -> tuple[FloatArray, bool]:
    """Weigh measures by how much they tell customers apart: the entropy-weight method [1]_.

    With ``p_ij = x_ij / sum_i x_ij`` and ``H_j = -1/ln(m) sum_i p_ij ln p_ij`` (0 ln 0 = 0), the weights are
    ``(1 - H_j) / sum_k (1 - H_k)``. A constant column has weight 0; if all are, the weights are equal.

    Parameters
    ----------
    levels : array, shape (m, n_measures)
        Measures on 0 to 1.

    Returns
    -------
    array, shape (n_measures,)
        Weights, summing to 1.
    bool
        Whether they are equal because every column is constant (or nobody was measured).

    References
    ----------
    .. [1] Shannon (1948), "A mathematical theory of communication", Bell System Technical Journal 27; as weights:
       Zeleny (1982), *Multiple Criteria Decision Making*, ch. 7.
    """
    m, n_measures = levels.shape
    is_constant = (levels == levels[:1]).all(axis=0)
    if is_constant.all():
        return np.full(n_measures, 1.0 / n_measures), True
    told = levels[:, ~is_constant]
    p = told / told.sum(axis=0)
    entropy = -(p * np.log(np.where(p > 0.0, p, 1.0))).sum(axis=0) / np.log(m)
    weights = np.zeros(n_measures)
    weights[~is_constant] = (1.0 - entropy) / (1.0 - entropy).sum()
    return weights, False


def loyalty_index(measures: FloatArray, more_is_loyal: BoolArray = MORE_IS_LOYAL) -> Index:
    """Combine measures, shape (m, n_measures), into one index per customer by their entropy weights."""
    levels = normalised(measures, more_is_loyal)
    weights, is_equal = entropy_weights(levels)
    return Index(levels @ weights, weights, is_equal)


def patronage_of(attitude: FloatArray, rival_attitude: FloatArray, repeats: FloatArray, wish: FloatArray) -> IntArray:
    """Tell true, latent, spurious and no loyalty apart by relative attitude and repeat patronage [1]_.

    Attitude is high if the firm is thought better of than the best-liked rival; patronage is high if half or more of
    the purchases a person would like to make are repeat purchases here.

    Returns
    -------
    array of int
        Index into ``PATRONAGE``.

    References
    ----------
    .. [1] Dick & Basu (1994), "Customer loyalty: toward an integrated conceptual framework", JAMS 22(2).
    """
    is_liked, is_bought = attitude > rival_attitude, repeats >= MOST_OF_WISH * wish
    return np.where(is_liked, np.where(is_bought, 0, 1), np.where(is_bought, 2, 3))


def diagnose_by_records(
    repeats: FloatArray, tenure: IntArray, credit: FloatArray, had_no_rival: BoolArray, window: int
) -> IntArray:
    """Tell each customer's loyalty type by what the firm's records hold.

    The first rule that fits decides: *monopoly*, joined while no rival could be bought from; *premium*, makes many
    repeat purchases (at least the median of those who have been customers for a window) and has brought others by word
    of mouth, the trace that attachment leaves in records; *price*, has been a customer for a window and makes few:
    divides purchases among firms; else *inertia*: whole purchases here while it lasts, which is seldom long. Records do
    not tell the other types from these.

    Parameters
    ----------
    repeats : array, shape (n,)
        Repeat purchases in a window.
    tenure : array of int, shape (n,)
        Periods since the membership began.
    credit : array, shape (n,)
        Money on record that word of mouth earned.
    had_no_rival : array of bool, shape (n,)
        Whether the membership began before any rival was open.
    window : int
        Periods within which a customer has bought.

    Returns
    -------
    array of int, shape (n,)
        Values of ``LoyaltyType``.

    References
    ----------
    Attachment against repeat purchase: Griffin (1995), *Customer Loyalty*; recency, frequency and money as what records
    tell: Hughes (1994), *Strategic Database Marketing*. The rules themselves are ours.
    """
    is_settled = (tenure >= window) & ~had_no_rival
    is_many = repeats >= (np.median(repeats[is_settled]) if is_settled.any() else 0.0)
    rules = [had_no_rival, is_many & (credit > 0.0), is_settled & ~is_many]
    kinds = [LoyaltyType.MONOPOLY, LoyaltyType.PREMIUM, LoyaltyType.PRICE]
    return np.select(rules, [int(kind) for kind in kinds], default=int(LoyaltyType.INERTIA))


def diagnose_by_answers(
    price_sensitivity: FloatArray,
    looks: FloatArray,
    tolerance: FloatArray,
    attitude: FloatArray,
    rival_attitude: FloatArray,
    share: FloatArray,
    is_new: BoolArray,
    had_no_rival: BoolArray,
) -> IntArray:
    """Tell the loyalty type of customers who were asked, by their answers beside the records.

    The first rule that fits decides: *price*, a price higher by a tenth would cost a third of the odds or more;
    *premium*, the attitude to the firm is in the upper half of the scale; *inertia*, forgives three failures in a row
    or more and looks at less than half of the rivals; *monopoly*, likes no rival at all, knowing none, or joined while
    there was none; *latent*, likes the firm better than any rival and wishes to buy, but has for a window hardly
    bought; *convenience*, looks at less than half of the rivals; else *incentive*, looks around for what is given.

    Parameters
    ----------
    price_sensitivity, tolerance, attitude, rival_attitude : array, shape (n_asked,)
        Answers: see :class:`sim.crm.survey.Answers`.
    looks : array, shape (n_asked,)
        Share of the rivals looked at before buying, 0 to 1.
    share : array, shape (n_asked,)
        Repeat purchases here, of the purchases wished for.
    is_new : array of bool, shape (n_asked,)
        Whether the membership is younger than a window.
    had_no_rival : array of bool, shape (n_asked,)
        Whether it began before any rival was open.

    Returns
    -------
    array of int, shape (n_asked,)
        Values of ``LoyaltyType``.

    References
    ----------
    What keeps each type and what loses it: Griffin (1995), *Customer Loyalty*; Dick & Basu (1994), JAMS 22(2). The
    rules and where they draw the line are ours.
    """
    is_settled_for_it = looks < FEW_LOOKS
    has_no_other = (rival_attitude < NO_LIKING) | had_no_rival
    is_held_back = (share < HARDLY_ANY) & (attitude > rival_attitude) & ~is_new
    rules = {
        LoyaltyType.PRICE: price_sensitivity >= SENSITIVE,
        LoyaltyType.PREMIUM: attitude >= HIGH_ATTITUDE,
        LoyaltyType.INERTIA: (tolerance >= MANY_FORGIVEN) & is_settled_for_it,
        LoyaltyType.MONOPOLY: has_no_other,
        LoyaltyType.LATENT: is_held_back,
        LoyaltyType.CONVENIENCE: is_settled_for_it,
    }
    return np.select(list(rules.values()), [int(kind) for kind in rules], default=int(LoyaltyType.INCENTIVE))


def agreement(confusion: FloatArray) -> tuple[float, float]:
    """Return the share diagnosed rightly, and Cohen's kappa: 0 is what chance would give, 1 is perfect [1]_.

    Parameters
    ----------
    confusion : array, shape (n_types, n_types)
        Customers by true type (rows) and diagnosed type.

    References
    ----------
    .. [1] Cohen (1960), "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20.
    """
    n = confusion.sum()
    if n == 0:
        return float("nan"), float("nan")
    right = float(np.trace(confusion) / n)
    by_chance = float((confusion.sum(axis=0) * confusion.sum(axis=1)).sum() / n**2)
    return right, (right - by_chance) / (1.0 - by_chance) if by_chance < 1.0 else float("nan")
