"""Regularities of repeat buying, told from how often each person of a panel bought each brand in a year.

References
----------
Ehrenberg (1988), *Repeat-Buying*, 2nd ed.; Goodhardt, Ehrenberg & Chatfield (1984), "The Dirichlet: a comprehensive
model of buying behaviour", JRSS A 147(5).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from sim.customer_results import TOP_FRAC

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def double_jeopardy(counts: IntArray) -> float:
    """Return the correlation over brands of penetration and purchases per buyer; NaN if all are alike or below 3.

    Parameters
    ----------
    counts : array of int, shape (n_people, n_brands)
        Purchases over the year.
    """
    _, penetration, frequency = _buyers(counts)
    if len(penetration) < 3:
        return float("nan")
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.corrcoef(penetration, frequency)[0, 1])


def duplication(counts: IntArray) -> float:
    """Return D, how many times likelier than any buyer of the category a buyer of one brand is to buy another.

    The mean over pairs of brands of the share of one's buyers who also buy the other, over the mean penetration
    (Ehrenberg 1988); NaN below two brands.
    """
    is_buyer, penetration, _ = _buyers(counts)
    n_brands = len(penetration)
    if n_brands < 2:
        return float("nan")
    both = is_buyer.T.astype(np.float64) @ is_buyer / len(is_buyer)
    duplicated = both / penetration[:, None]
    return float((duplicated.sum() - n_brands) / (n_brands * (n_brands - 1)) / penetration.mean())


def switching(counts: IntArray) -> float:
    """Return the Dirichlet's S by zeros: the value that explains how many buy each brand at all, given its share.

    With a brand's share p, someone who buys the category n times buys the brand beta-binomially, with parameters S p
    and S (1 - p), hence never with chance ``B(S p, S (1 - p) + n) / B(S p, S (1 - p))``. S is found for each brand and
    averaged by share, as Goodhardt, Ehrenberg & Chatfield (1984) do. A brand's is 0 if it has no more buyers than if
    each bought one brand only, infinite if it has as many as if all people were alike; NaN below two brands.
    """
    is_buyer, _, _ = _buyers(counts)
    if is_buyer.shape[1] < 2:
        return float("nan")
    n_bought, n_people = np.unique(counts.sum(axis=1)[counts.any(axis=1)], return_counts=True)
    shares = counts.sum(axis=0)[counts.any(axis=0)] / counts.sum()
    fitted = []
    for share, n_observed in zip(shares, is_buyer.sum(axis=0), strict=True):

        def excess(log_s: float, p: float = share, observed: float = n_observed) -> float:
            a, b = np.exp(log_s) * p, np.exp(log_s) * (1.0 - p)
            never = np.exp(special.betaln(a, b + n_bought) - special.betaln(a, b))
            return float(n_people @ (1.0 - never) - observed)

        low, high = np.log(1e-6), np.log(1e6)
        if excess(low) >= 0.0:
            fitted.append(0.0)
        elif excess(high) <= 0.0:
            fitted.append(np.inf)
        else:
            fitted.append(float(np.exp(optimize.brentq(excess, low, high))))
    return float(shares @ fitted)


def nbd_top_share(mean: float, variance: float) -> float:
    """Return the share of purchases by the top 20% of buyers in the NBD of this mean and variance over all people.

    Demand alone: what comes of people buying at unequal rates. Worked out exactly; where the cut falls among buyers of
    equal number, the top takes the part of them that makes up the 20%. A Poisson law stands in where the variance is no
    larger than the mean.
    """
    law = stats.nbinom(mean**2 / (variance - mean), mean / variance) if variance > mean else stats.poisson(mean)
    n = np.arange(int(law.isf(1e-12)) + 2, 0, -1)
    people = law.pmf(n) / law.sf(0)
    in_top = np.clip(TOP_FRAC - (np.cumsum(people) - people), 0.0, people)
    return float(in_top @ n / (people @ n))


def _buyers(counts: IntArray) -> tuple[npt.NDArray[np.bool_], FloatArray, FloatArray]:
    """Return who of the category's buyers bought which brand, and brands' penetrations and purchases per buyer.

    People who bought nothing and brands that nobody bought are left out.
    """
    bought = counts[counts.any(axis=1)][:, counts.any(axis=0)]
    is_buyer = bought > 0
    return is_buyer, is_buyer.mean(axis=0), bought.sum(axis=0) / is_buyer.sum(axis=0)
