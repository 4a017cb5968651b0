"""The policies that no other beats in retention, profit and risk at once, found by search and then judged anew.

The search is Optuna's tree-structured Parzen estimator for several goals (Akiba et al. 2019, KDD; Ozaki et al. 2022,
*Journal of Artificial Intelligence Research* 73). All trials run on the same seeds, so that they differ by policy
alone. What looks best of many is partly lucky (the winner's curse; Capen, Clapp & Campbell 1971), so the front is
judged anew on seeds that the search never saw.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from experiments.analyses.sensitivity import Factor
from experiments.report.intervals import Interval, interval_of

FloatArray = npt.NDArray[np.float64]

GOALS: dict[str, int] = {"retention": 1, "profit": 1, "risk": -1}  # 1: the more the better
WORST_SHARE = 0.25  # of seeds, whose shortfall of profit below the mean is the risk

Settings = dict[str, Any]
Evaluate = Callable[[Sequence[Settings], Sequence[int]], Sequence[Mapping[str, FloatArray] | None]]


@dataclass(frozen=True)
class Candidate:
    """A policy, and what it gave on some seeds.

    Parameters
    ----------
    settings : dict
        By dotted path.
    retention, profit, spend : array, shape (n_seeds,)
        The focal firm's, seed by seed.
    """

    settings: Settings
    retention: FloatArray
    profit: FloatArray
    spend: FloatArray

    @property
    def goals(self) -> FloatArray:
        """What it reaches, in the order of ``GOALS``: means, and the risk."""
        return np.array([self.retention.mean(), self.profit.mean(), shortfall(self.profit)])


def shortfall(profit: FloatArray) -> float:
    """Return how far the mean of the worst quarter of seeds lies below the mean of all, in money.

    Examples
    --------
    >>> shortfall(np.array([0.0, 10.0, 10.0, 20.0]))
    10.0
    """
    n_worst = max(1, round(WORST_SHARE * profit.size))
    return float(profit.mean() - np.sort(profit)[:n_worst].mean())


def is_front(goals: FloatArray, signs: Sequence[int] = tuple(GOALS.values())) -> npt.NDArray[np.bool_]:
    """Return which rows no other row beats: as good in every goal and better in one.

    Parameters
    ----------
    goals : array, shape (n, n_goals)
        What each reaches.
    signs : sequence of int
        1 where more is better, -1 where less is.

    Examples
    --------
    >>> is_front(np.array([[1.0, 5.0], [2.0, 4.0], [1.0, 4.0]]), (1, 1)).tolist()
    [True, True, False]
    """
    better = goals * np.asarray(signs)
    as_good = (better[:, None, :] >= better[None, :, :]).all(axis=2)
    beats = as_good & (better[:, None, :] > better[None, :, :]).any(axis=2)
    front: npt.NDArray[np.bool_] = ~beats.any(axis=0)
    return front


def search(
    levers: Sequence[Factor],
    evaluate: Evaluate,
    seeds: Sequence[int],
    n_trials: int,
    budget: float | None = None,
    per_round: int = 16,
    luck: int = 1,
    starts: Sequence[Sequence[float]] = (),
) -> list[Candidate]:
    """Search the levers' ranges for policies that no other beats.

    Parameters
    ----------
    levers : sequence of Factor
        What may be set.
    evaluate : callable
        Gives for each of some settings the focal firm's ``retention``, ``profit`` and ``spend``, each an array of a
        number per seed, or None where a run failed.
    seeds : sequence of int
        The same for all trials.
    n_trials : int
        Policies to try.
    budget : float, optional
        The most that may be spent on customers over the long run, in money, in the mean over seeds; none by default.
    per_round : int
        Policies tried at once; the first round is drawn at random.
    luck : int
        Seed of the search.
    starts : sequence of (sequence of float)
        Policies to try first: the place of each lever in its range, 0 to 1.

    Returns
    -------
    list of Candidate
        All that were tried and keep to the budget, in the order tried.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=per_round, multivariate=True, constant_liar=True, seed=luck
        )
    directions: list[Literal["minimize", "maximize"]] = [
        "maximize" if sign > 0 else "minimize" for sign in GOALS.values()
    ]
    study = optuna.create_study(directions=directions, sampler=sampler)
    for start in starts:
        study.enqueue_trial({each.path: place for each, place in zip(levers, start, strict=True)})
    found: list[Candidate] = []
    n_tried = 0
    while n_tried < n_trials:
        trials = [study.ask() for _ in range(min(per_round, n_trials - n_tried))]
        tried = [
            {each.path: each.value(trial.suggest_float(each.path, 0.0, 1.0)) for each in levers} for trial in trials
        ]
        for trial, chosen, gave in zip(trials, tried, evaluate(tried, seeds), strict=True):
            if gave is None:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                continue
            candidate = Candidate(chosen, gave["retention"], gave["profit"], gave["spend"])
            over = float(candidate.spend.mean()) - budget if budget is not None else 0.0
            trial.set_constraint("over budget", over)
            study.tell(trial, candidate.goals.tolist())
            if over <= 0.0:
                found.append(candidate)
        n_tried += len(trials)
    return found


def front_of(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates that no other beats, most profit first."""
    if not candidates:
        return []
    kept = [
        each for each, is_in in zip(candidates, is_front(np.array([c.goals for c in candidates])), strict=True) if is_in
    ]
    return sorted(kept, key=lambda each: -float(each.profit.mean()))


def advantage(best: Candidate, rival: Candidate) -> dict[str, Interval]:
    """Return by how much a policy is better than another on the same seeds, with 95% intervals paired by seed."""
    return {
        "retention": interval_of(best.retention - rival.retention),
        "profit": interval_of(best.profit - rival.profit),
    }


def less(each: Candidate, rival: Candidate) -> Candidate:
    """Return what a policy gives beyond another on the same seeds, seed by seed."""
    return Candidate(
        each.settings, each.retention - rival.retention, each.profit - rival.profit, each.spend - rival.spend
    )


def winners_curse(searched: Sequence[Candidate], judged: Sequence[Candidate]) -> float:
    """Return by how much the front's gain in profit fell when it was judged on fresh seeds, in the mean, in money.

    Parameters
    ----------
    searched, judged : sequence of Candidate
        What each policy of the front gives beyond the same other one, on the seeds of the search and on fresh ones.
    """
    falls = [float(before.profit.mean() - after.profit.mean()) for before, after in zip(searched, judged, strict=True)]
    return float(np.mean(falls)) if falls else 0.0
