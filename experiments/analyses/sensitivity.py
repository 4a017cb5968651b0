"""Which assumption an answer hangs on: Morris screening, Sobol' indices, and the regions that lead to an outcome.

The indices are SALib's (Iwanaga, Usher & Herman 2022, *Socio-Environmental Systems Modelling* 4): elementary effects
(Morris 1991, *Technometrics* 33(2); mu*, Campolongo, Cariboni & Saltelli 2007, *Environmental Modelling & Software*
22(10)) and variance-based indices (Sobol' 2001, *Mathematics and Computers in Simulation* 55; Saltelli et al. 2010,
*Computer Physics Communications* 181(2)). Regional: Hornberger & Spear (1981), *Journal of Environmental Management*
12.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.report.words import number, percent
from sim.errors import InputError

FloatArray = npt.NDArray[np.float64]

LEVELS = 4  # of each factor in Morris's design
N_RESAMPLES = 500  # for the intervals of indices
BEST_SHARE = 0.25  # of points whose outcome is called high


@dataclass(frozen=True)
class Factor:
    """A setting that is not known for sure.

    Parameters
    ----------
    path : str
        Its dotted path in the scenario.
    low, high : float
        The range it may lie in.
    is_whole : bool
        Whether it is a whole number.
    choices : tuple
        Values to choose from instead of a range; then ``low`` and ``high`` are left alone.
    """

    path: str
    low: float = 0.0
    high: float = 1.0
    is_whole: bool = False
    choices: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a range that is none.

        Raises
        ------
        InputError
            If the range is empty, or there are fewer than two choices.
        """
        if self.choices and len(self.choices) < 2:
            raise InputError("has one choice", key=self.path, value=list(self.choices), allowed="two or more")
        if not self.choices and not self.low < self.high:
            raise InputError("is no range", key=self.path, value=f"{self.low} to {self.high}", allowed="low below high")

    def value(self, u: float) -> Any:
        """Return the value at a place ``u`` of the range, 0 to 1: of choices and whole numbers each has an equal part.

        Examples
        --------
        >>> Factor("customers.count", 10, 12, is_whole=True).value(0.5)
        11
        >>> Factor("network.topology", choices=("ring", "random")).value(1.0)
        'random'
        """
        if self.choices:
            return self.choices[min(int(u * len(self.choices)), len(self.choices) - 1)]
        if self.is_whole:
            n = int(self.high) - int(self.low) + 1
            return int(self.low) + min(int(u * n), n - 1)
        return self.low + u * (self.high - self.low)


def problem(factors: Sequence[Factor]) -> dict[str, Any]:
    """Return the factors as SALib wants them: places in a unit cube."""
    return {"num_vars": len(factors), "names": [each.path for each in factors], "bounds": [[0.0, 1.0]] * len(factors)}


def settings(factors: Sequence[Factor], places: FloatArray) -> list[dict[str, Any]]:
    """Return the settings at each place of the unit cube, places of shape (n_points, n_factors)."""
    return [{each.path: each.value(float(u)) for each, u in zip(factors, row, strict=True)} for row in places]


def morris_places(factors: Sequence[Factor], n_trajectories: int, seed: int = 1) -> FloatArray:
    """Return the places of Morris's design, shape (n_trajectories * (n_factors + 1), n_factors)."""
    from SALib.sample import morris  # type: ignore[import-untyped]

    places: FloatArray = morris.sample(problem(factors), n_trajectories, num_levels=LEVELS, seed=seed)
    return places


def sobol_places(factors: Sequence[Factor], n_base: int, seed: int = 1) -> FloatArray:
    """Return the places of Saltelli's design, shape (n_base * (n_factors + 2), n_factors).

    Raises
    ------
    InputError
        If ``n_base`` is no power of 2: Sobol' sequences keep their balance only then.
    """
    from SALib.sample import sobol

    if n_base < 2 or n_base & (n_base - 1):
        raise InputError("is no size of a Sobol' sequence", key="n", value=n_base, allowed="2, 4, 8, 16, ...")
    places: FloatArray = sobol.sample(problem(factors), n_base, calc_second_order=False, seed=seed)
    return places


def morris_effects(factors: Sequence[Factor], places: FloatArray, outcome: FloatArray, seed: int = 1) -> pd.DataFrame:
    """Return each factor's elementary effects, over its whole range, the strongest first.

    Returns
    -------
    DataFrame
        Columns ``factor``; ``mu_star``, the mean absolute change of the outcome, with ``ci_low`` and ``ci_high`` (95%);
        ``mu``, the mean change with its sign; and ``sigma``, its spread: interaction or curvature.
    """
    from SALib.analyze import morris  # type: ignore[import-untyped]

    with np.errstate(invalid="ignore", divide="ignore"):
        found = morris.analyze(
            problem(factors), places, outcome, num_levels=LEVELS, num_resamples=N_RESAMPLES, seed=seed
        )
    table = pd.DataFrame(
        {
            "factor": [each.path for each in factors],
            "mu_star": np.asarray(found["mu_star"], dtype=float),
            "ci_low": np.maximum(0.0, np.asarray(found["mu_star"], dtype=float) - found["mu_star_conf"]),
            "ci_high": np.asarray(found["mu_star"], dtype=float) + found["mu_star_conf"],
            "mu": np.asarray(found["mu"], dtype=float),
            "sigma": np.asarray(found["sigma"], dtype=float),
        }
    )
    return table.sort_values("mu_star", ascending=False, ignore_index=True, kind="stable")


def sobol_indices(factors: Sequence[Factor], outcome: FloatArray, seed: int = 1) -> pd.DataFrame:
    """Return each factor's share of the outcome's variance, the largest total first.

    Parameters
    ----------
    factors : sequence of Factor
        As in :func:`sobol_places`.
    outcome : array, shape (n_base * (n_factors + 2),)
        In the order of the design.

    Returns
    -------
    DataFrame
        Columns ``factor``; ``first``, the share by the factor alone, and ``total``, with all its interactions, each
        with the ends of its 95% interval (``first_low`` and so on). If the outcome never varies all shares are 0.
    """
    from SALib.analyze import sobol

    names = [each.path for each in factors]
    if np.ptp(outcome) == 0.0:
        zeros = np.zeros(len(names))
        ends = ("first", "first_low", "first_high", "total", "total_low", "total_high")
        return pd.DataFrame({"factor": names, **dict.fromkeys(ends, zeros)})
    found = sobol.analyze(problem(factors), outcome, calc_second_order=False, num_resamples=N_RESAMPLES, seed=seed)
    columns: dict[str, Any] = {"factor": names}
    for name, key in (("first", "S1"), ("total", "ST")):
        index, half = np.asarray(found[key], dtype=float), np.asarray(found[f"{key}_conf"], dtype=float)
        columns |= {name: index, f"{name}_low": index - half, f"{name}_high": index + half}
    return pd.DataFrame(columns).sort_values("total", ascending=False, ignore_index=True, kind="stable")


def regional(factors: Sequence[Factor], places: FloatArray, outcome: FloatArray) -> pd.DataFrame:
    """Return how much each factor tells the points of high outcome from the rest.

    Returns
    -------
    DataFrame
        Columns ``factor``; ``distance``, the Kolmogorov-Smirnov distance between its values where the outcome is in the
        best quarter and elsewhere; ``p``, its p-value after Holm's correction; and the middle half of its values where
        the outcome is high, ``from`` and ``to`` (as given by :meth:`Factor.value`).
    """
    from scipy import stats

    from experiments.report.intervals import holm

    is_high = outcome >= np.quantile(outcome, 1.0 - BEST_SHARE)
    if is_high.all() or not is_high.any():
        is_high = np.arange(outcome.size) < 0  # nothing stands out
    rows, p_values = [], {}
    for k, each in enumerate(factors):
        high, rest = places[is_high, k], places[~is_high, k]
        if not high.size:
            rows.append((each.path, 0.0, each.value(0.0), each.value(1.0)))
            p_values[each.path] = 1.0
            continue
        test = stats.ks_2samp(high, rest)
        low, top = np.quantile(high, (0.25, 0.75))
        rows.append((each.path, float(test.statistic), each.value(float(low)), each.value(float(top))))
        p_values[each.path] = float(test.pvalue)
    table = pd.DataFrame(rows, columns=["factor", "distance", "from", "to"])
    adjusted = holm(p_values)
    table.insert(2, "p", [adjusted[path] for path in table["factor"]])
    return table.sort_values("distance", ascending=False, ignore_index=True, kind="stable")


def in_a_sentence(outcome: str, indices: pd.DataFrame, seed_share: float) -> str:
    """Say which assumption an outcome hangs on.

    Parameters
    ----------
    outcome : str
        What was computed, as a reader would say it.
    indices : DataFrame
        Of :func:`sobol_indices`.
    seed_share : float
        Share of the variance over single runs that is chance: between seeds at the same settings. NaN of one seed.
    """
    first = indices.iloc[0]
    told = f"chance between seeds is {percent(seed_share)} of the variance between single runs"
    if not math.isfinite(seed_share):
        told = "how much of that is chance, one seed does not tell"
    if not first["total_low"] > 0.0:
        return f"No assumption is shown to matter for {outcome}; {told}."
    lead = f"{first['factor']} ({percent(first['total'])} of the variance over the ranges tried, with interactions)"
    others = indices.iloc[1:]
    rivals = [str(row["factor"]) for _, row in others.iterrows() if row["total_high"] >= first["total_low"]]
    if rivals:
        return f"{outcome} hangs most on {lead}, not told apart from {', '.join(rivals)}; {told}."
    return f"{outcome} hangs on {lead}; {told}."


def seed_variance_share(values: FloatArray) -> float:
    """Return the share of the variance between single runs that lies between seeds at the same settings.

    Parameters
    ----------
    values : array, shape (n_points, n_seeds)
        The outcome.

    Examples
    --------
    Two settings, two seeds: settings differ by 2, seeds by 2 each.

    >>> seed_variance_share(np.array([[0.0, 2.0], [2.0, 4.0]]))
    0.5
    """
    if values.shape[1] < 2:
        return float("nan")
    total = float(values.var())
    return float(values.var(axis=1).mean()) / total if total > 0.0 else 0.0


def screened(effects: pd.DataFrame) -> str:
    """Say which factors a screening leaves, and which could be fixed."""
    strongest = float(effects["mu_star"].max())
    if strongest == 0.0:
        return "Nothing that was varied changes the outcome."
    matters = effects[effects["ci_high"] >= 0.1 * strongest]["factor"].tolist()
    rest = len(effects) - len(matters)
    told = f"Strongest: {effects['factor'].iloc[0]}, a mean change of {number(strongest)} over its range."
    return told + (f" {rest} of {len(effects)} factors change it by less than a tenth of that." if rest else "")
