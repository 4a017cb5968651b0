"""Demand fitted to a real purchase log: how often customers buy (NBD) and how much they spend (Gamma-Gamma).

`fit` fits a log, as `sim.purchase_log` reads one; `load_demand` reads and fits, and remembers the answer. The market
takes the parameters and draws by itself: a person's rate is a gamma draw of shape r over alpha, the mean basket p gamma
over a gamma draw of shape q, each from the person's own streams (`sim.customers`).

References
----------
.. [1] Ehrenberg (1959), "The pattern of consumer purchases", Applied Statistics 8(1), 26-41.
.. [2] Colombo & Jiang (1999), "A stochastic RFM model", Journal of Interactive Marketing 13(3), 2-12.
.. [3] Fader, Hardie & Lee (2005), "Counting your customers the easy way", Marketing Science 24(2), 275-284.
.. [4] Fader & Hardie (2013), "The Gamma-Gamma model of monetary value", brucehardie.com/notes/025.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special

from sim.errors import InputError
from sim.purchase_log import COLUMNS, end_of_observation, read_log, require_enough, unreadable

__all__ = ["DemandFit", "fit", "load_demand"]

Array = npt.NDArray[np.float64]

#: Fewest customers that bought again for an amount.
MIN_REPEATERS = 10

# The shapes are searched between these. At the upper end a spread has a coefficient of variation of 1%: a larger shape
# would change no draw that matters. Where the log shows no spread at all, the likelihood rises towards an infinite
# shape, ever more slowly, and the search ends somewhere on the way there.
_SHAPE_BOUNDS = (1e-4, 1e4)
_ALIKE_SHAPE = 100.0  # above this, a spread of less than 10%, a note says so
_GRADIENT_TOLERANCE = 1e-5  # of the mean log-likelihood per customer, in log-parameters


@dataclass(frozen=True)
class DemandFit:
    """What a purchase log says about demand.

    A customer's purchases are Poisson with rate ``lambda ~ Gamma(rate_shape, rate_scale)``; a purchase costs
    ``Gamma(p, nu)`` with ``nu ~ Gamma(q, gamma)``, independent of ``lambda``. The second argument of each Gamma is its
    rate: the mean is the first divided by the second.

    Parameters
    ----------
    n_customers : int
        Customers in the log.
    n_purchases : int
        Purchases in the log, first ones included. All that a customer buys on one day is one purchase.
    first_date, last_date : datetime.date
        The first purchase and the end of observation (``until``, or else the last purchase).
    period_days : float
        Length of one simulated period in days.
    rate_shape : float
        NBD r.
    rate_scale : float
        NBD alpha, in periods.
    rate_log_likelihood : float
        Of the NBD, given the days of the repeat purchases, with time in periods.
    p, q : float
        Gamma-Gamma p and q; q is above 1.
    gamma : float
        Gamma-Gamma gamma, in the log's currency.
    basket_log_likelihood : float
        Of the Gamma-Gamma, for the customers' mean repeat purchases.
    share_zero_repeat : float
        Share of customers who did not buy again, 0 to 1.
    top20_share : float
        Share of all spending that came from the fifth of customers (rounded up) who spent most, 0 to 1.
    notes : tuple of str
        What the log does not tell, in sentences; empty when every parameter is identified.
    """

    n_customers: int
    n_purchases: int
    first_date: dt.date
    last_date: dt.date
    period_days: float
    rate_shape: float
    rate_scale: float
    rate_log_likelihood: float
    p: float
    q: float
    gamma: float
    basket_log_likelihood: float
    share_zero_repeat: float
    top20_share: float
    notes: tuple[str, ...] = ()

    @property
    def mean_rate_per_period(self) -> float:
        """Mean purchase rate, r / alpha, in purchases per customer and period."""
        return self.rate_shape / self.rate_scale

    @property
    def mean_basket_money(self) -> float:
        """Mean over customers of the mean basket, p gamma / (q - 1), in the log's currency."""
        return self.p * self.gamma / (self.q - 1.0)


def fit(
    log: pd.DataFrame,
    *,
    period_days: float = 7.0,
    until: str | dt.date | None = None,
    source: str | Path | None = None,
) -> DemandFit:
    """Fit purchase rates and baskets to a log by maximum likelihood.

    The NBD is fitted to each customer's repeat purchases between the first purchase and the end of observation, the
    Gamma-Gamma to the mean amount of the repeat purchases of those who made some. A purchase of amount 0 (a gift, a
    voucher) counts as a purchase but tells nothing of the basket, so it is left out of the means.

    Parameters
    ----------
    log : DataFrame
        Columns ``customer``, ``date`` and ``amount``, as from `sim.purchase_log.read_log`.
    period_days : float
        Length of one simulated period, in days.
    until : str or date, optional
        The last day used; the end of observation. Without it, the day of the last purchase.
    source : str or Path, optional
        The file to name in errors.

    Raises
    ------
    InputError
        If an argument is not usable, or if the log, up to ``until``, does not identify the distributions.
    """
    if not (math.isfinite(period_days) and period_days > 0.0):
        raise InputError("not a length of time", file=source, key="period_days", value=period_days, allowed="above 0")
    missing = [role for role in COLUMNS if role not in log.columns]
    if missing:
        raise InputError("the log has no such column", file=source, key=missing[0], allowed=", ".join(COLUMNS))
    require_enough(log, source)
    end = end_of_observation(log, until, source)
    log = log[log["date"] <= end]
    require_enough(log, source)

    purchases = log.groupby(["customer", "date"])["amount"].sum().reset_index()
    by_customer = purchases.groupby("customer")["date"].agg(["min", "size"])
    n_repeats = by_customer["size"].to_numpy(dtype=np.float64) - 1.0
    exposure = (end - by_customer["min"]).dt.days.to_numpy(dtype=np.float64) / period_days
    if not n_repeats.any():
        problem = "no customer bought on a second day, so purchase rates are not identified"
        raise InputError(problem, file=source, key="customer", allowed="a log in which customers buy again")
    rate_shape, rate_scale, rate_ll = _fit_nbd(n_repeats, exposure, source)

    is_repeat = purchases["customer"].duplicated() & (purchases["amount"] > 0.0)
    repeats = purchases[is_repeat].groupby("customer")["amount"].agg(["mean", "size"])
    if len(repeats) < MIN_REPEATERS:
        problem = f"{len(repeats)} customers bought again for an amount above 0, too few to fit baskets"
        raise InputError(problem, file=source, key="amount", allowed=f"at least {MIN_REPEATERS} such customers")
    mean_money, n_paid = (repeats[column].to_numpy(dtype=np.float64) for column in ("mean", "size"))
    p, q, gamma, basket_ll = _fit_gamma_gamma(mean_money, n_paid, source)

    spent = np.sort(purchases.groupby("customer")["amount"].sum().to_numpy(dtype=np.float64))[::-1]
    n_top = math.ceil(len(spent) / 5)
    return DemandFit(
        n_customers=len(by_customer),
        n_purchases=len(purchases),
        first_date=purchases["date"].min().date(),
        last_date=end.date(),
        period_days=float(period_days),
        rate_shape=rate_shape,
        rate_scale=rate_scale,
        rate_log_likelihood=rate_ll,
        p=p,
        q=q,
        gamma=gamma,
        basket_log_likelihood=basket_ll,
        share_zero_repeat=float(np.mean(n_repeats == 0.0)),
        top20_share=float(spent[:n_top].sum() / spent.sum()),
        notes=_notes(rate_shape, p, q),
    )


def load_demand(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    period_days: float = 7.0,
    until: str | dt.date | None = None,
) -> DemandFit:
    """Read a purchase log and fit it; a file that has not changed is fitted once per process.

    The arguments are those of `read_log` and `fit`. A file counts as unchanged while its place, size and time of
    change are.

    Raises
    ------
    InputError
        As `read_log` and `fit`.
    """
    path = Path(path)
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    version = (status.st_ino, status.st_mtime_ns, status.st_size)
    return _load(path, version, tuple(sorted((columns or {}).items())), period_days, until)


@lru_cache(maxsize=32)
def _load(
    path: Path,
    version: tuple[int, int, int],  # part of the cache's key only
    columns: tuple[tuple[str, str], ...],
    period_days: float,
    until: str | dt.date | None,
) -> DemandFit:
    return fit(read_log(path, columns=dict(columns)), period_days=period_days, until=until, source=path)


def _fit_nbd(n_repeats: Array, exposure: Array, source: str | Path | None) -> tuple[float, float, float]:
    """Return r, alpha and the log-likelihood of repeat purchases at known times.

    The form is that of Fader, Hardie & Lee: it leaves out T^x / x!, which holds no parameter. The search is over the
    logarithms of the mean rate and of r, which are nearly orthogonal.
    """

    def negative(parameters: Array) -> tuple[float, Array]:
        mean, r = np.exp(parameters)
        alpha = r / mean
        ll = (
            special.gammaln(r + n_repeats)
            - special.gammaln(r)
            - r * np.log1p(exposure / alpha)
            - n_repeats * np.log(alpha + exposure)
        )
        by_r = special.digamma(r + n_repeats) - special.digamma(r) - np.log1p(exposure / alpha)
        by_alpha = r / alpha - (r + n_repeats) / (alpha + exposure)
        gradient = np.array([-alpha * by_alpha.mean(), r * by_r.mean() + alpha * by_alpha.mean()])
        return -float(ll.mean()), -gradient

    mean = n_repeats.sum() / exposure.sum()
    starts = [np.log([mean, r]) for r in (0.3, 3.0)]
    best, value = _minimise(negative, starts, "purchase rates", source)
    return float(best[1]), float(best[1] / best[0]), -value * len(n_repeats)


def _fit_gamma_gamma(
    mean_money: Array, n_repeats: Array, source: str | Path | None
) -> tuple[float, float, float, float]:
    """Return p, q, gamma and the log-likelihood of the customers' mean baskets.

    The search is over the logarithms of p gamma / q (the harmonic mean of the customers' mean baskets), p and q.
    """
    unit = float(np.exp(np.log(mean_money).mean()))  # fitted in typical baskets, so that no currency is too large
    z, x = mean_money / unit, n_repeats

    def negative(parameters: Array) -> tuple[float, Array]:
        centre, p, q = np.exp(parameters)
        gamma = centre * q / p
        px, xz = p * x, x * z
        below, above = np.log1p(xz / gamma), np.log1p(gamma / xz)
        ll = -special.betaln(px, q) - q * below - px * above - np.log(z)
        together = special.digamma(px + q)
        by_p = np.mean(x * (together - special.digamma(px) - above))
        by_q = np.mean(together - special.digamma(q) - below)
        by_log_gamma = np.mean(q - (px + q) * gamma / (gamma + xz))
        gradient = np.array([by_log_gamma, p * by_p - by_log_gamma, q * by_q + by_log_gamma])
        return -float(ll.mean()), -gradient

    starts = [np.log([1.0, p, q]) for p in (1.0, 10.0) for q in (2.0, 20.0)]
    best, value = _minimise(negative, starts, "baskets", source)
    centre, p, q = (float(parameter) for parameter in best)
    if q <= 1.0:
        problem = f"baskets are so unequal that their mean is not finite (Gamma-Gamma q = {q:.3g})"
        raise InputError(problem, file=source, key="amount", allowed="a fit with q above 1; look for huge amounts")
    return p, q, centre * q / p * unit, -len(z) * (value + math.log(unit))


def _minimise(
    negative: Callable[[Array], tuple[float, Array]], starts: list[Array], what: str, source: str | Path | None
) -> tuple[Array, float]:
    """Return the parameters (not their logarithms) at the least of a function, and its value.

    The first parameter is a level, looked for within a factor of 1,000 of its start; the others are shapes. Converged
    means that the gradient has gone, but for a shape held at its upper bound.
    """
    low, high = np.log(_SHAPE_BOUNDS)
    level = starts[0][0]
    bounds = [(level - math.log(1e3), level + math.log(1e3))] + [(low, high)] * (len(starts[0]) - 1)
    ends = []
    for start in starts:
        end = optimize.minimize(
            negative,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"ftol": 1e-15, "gtol": _GRADIENT_TOLERANCE / 10.0, "maxiter": 1_000},
        )
        found, slope = np.asarray(end.x, dtype=np.float64), np.asarray(end.jac, dtype=np.float64)
        is_held = (found >= high) & (slope < 0.0)
        is_held[0] = False
        ends.append((float(end.fun), float(np.abs(slope[~is_held]).max()), found))
    # The optimiser's own verdict is not used: with large shapes rounding stops its line search at the very top.
    least = min(value for value, _, _ in ends)
    value, steepest, best = min((end for end in ends if end[0] < least + 1e-8), key=lambda end: end[1])
    if not steepest < _GRADIENT_TOLERANCE:
        problem = f"the fit of {what} does not converge, so the log does not identify them"
        raise InputError(problem, file=source, allowed="a log with more customers who buy again")
    return np.exp(best), value


def _notes(rate_shape: float, p: float, q: float) -> tuple[str, ...]:
    """Return a sentence for each spread that the log hardly shows; 1 / sqrt(shape) is its coefficient of variation."""
    found = {
        "Purchase rates differ little between customers, if at all: all buy about equally often": rate_shape,
        "Mean amounts differ little between customers, if at all: all spend about the same": q,
        "Amounts vary little within a customer, if at all: purchases cost about the customer's mean": p,
    }
    return tuple(f"{text} (spread {shape**-0.5:.0%})." for text, shape in found.items() if shape > _ALIKE_SHAPE)
