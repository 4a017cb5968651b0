"""The questions of the ``loyalty`` command as functions: scenarios in, data frames out.

Scenarios come from :func:`sim.load_scenario`, and :func:`arms_of` gives the arms of one. What varies is given by dotted
path: a list of values, or a pair ``(low, high)`` of the ends of a range. Every answer is a
:class:`~experiments.analyses.page.Found`: ``sentences``, a dictionary ``data`` of data frames, and ``save(folder)`` for
the page with its pictures; in a notebook it shows that page. A comparison is a
:class:`~experiments.compare.Comparison`, whose data frames :func:`tables_of` gives.

Runs are spread over processes, so a script calls these functions below ``if __name__ == "__main__":``; a notebook need
not. With ``store`` the runs are kept in a folder, and none is made twice; ask it in SQL with :class:`Store`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.compare import compare
from experiments.comparison import Comparison, tables_of
from experiments.named import arms_of, as_scenario
from experiments.stopping import MOST_SEEDS, Until
from experiments.study.do import do_study
from experiments.study.store import Store
from experiments.study.study_file import Study, load_study, study_of
from sim.errors import InputError
from sim.scenario import Scenario

if TYPE_CHECKING:
    from experiments.analyses.page import Found

__all__ = [
    "Store", "arms_of", "compare_arms", "load_study", "optimise", "robustness", "run_study", "sensitivity", "sweep",
    "tables_of", "tournament",
]  # fmt: skip

Vary = Mapping[str, Sequence[Any]]
Arms = Scenario | str | Mapping[str, Scenario]


def compare_arms(
    arms: Arms,
    seeds: int | Sequence[int] | None = None,
    *,
    baseline: str | None = None,
    until: str | Sequence[str] = (),
    out: str | Path = "reports/comparison",
    store: str | Path | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Comparison:
    """Compare policies on the same seeds and write the report: ``loyalty compare``.

    Parameters
    ----------
    arms : mapping of str to Scenario, or a scenario
        The policies, by name; of one scenario, all its arms.
    seeds : int or sequence of int, optional
        How many seeds, from 1, or which; 30 unless given, with ``until`` at most 1000.
    baseline : str, optional
        The arm that the others are compared with; the first unless given.
    until : str or sequence of str
        As many of the seeds as it takes to know every difference so well: ``"ci=2%"``, ``"profit=2%"``.
    out : str or Path
        The folder to write.
    store : str or Path, optional
        Folder that keeps the runs: what is there is not run again.
    workers : int, optional
        Processes; one per processor unless given. The result does not depend on it.
    progress : bool
        Whether to say on standard error how far the runs are.

    Returns
    -------
    Comparison
        Its ``differences[arm][metric]`` have ``mean``, ``ci_low``, ``ci_high``; see :func:`tables_of` for data frames.

    Raises
    ------
    InputError
        If they cannot be compared.
    """
    asked = [until] if isinstance(until, str) else list(until)
    most = seeds if seeds is not None else MOST_SEEDS if asked else 30
    return compare(
        arms if isinstance(arms, Mapping) else arms_of(arms),
        range(1, most + 1) if isinstance(most, int) else most,
        baseline,
        out,
        workers,
        progress,
        Until.parse(asked) if asked else None,
        store,
    )


def sweep(
    scenario: Scenario | str,
    vary: Vary,
    *,
    design: str = "grid",
    points: int | None = None,
    seeds: int | None = None,
    until: str | None = None,
    outcomes: Sequence[str] = ("profit", "retention"),
    focal: str | None = None,
    store: str | Path | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Found:
    """Tell what settings do: ``loyalty sweep``.

    Parameters
    ----------
    scenario : Scenario or str
    vary : mapping of str to sequence
        By dotted path, a list of values or a pair ``(low, high)``.
    design : {"grid", "latin_hypercube", "sobol", "one_at_a_time"}
        Every combination of values, points that fill the ranges, or one setting changed at a time.
    points : int, optional
        Points of a design that fills ranges.
    seeds : int, optional
        Seeds of every point, from 1: 10 unless given, with ``until`` at most 1000.
    until : str, optional
        As many of the seeds as it takes to know every difference from the first point so well: ``"ci=2%"``.
    outcomes : sequence of str
        What is asked about, of the firm ``focal``: the scenario's own unless given.
    store : str or Path, optional
        Folder that keeps the runs.
    workers, progress
        As in :func:`compare_arms`.

    Returns
    -------
    Found
        ``data["runs"]`` (point, seed, a column per setting and per outcome), ``data["points"]`` (a row per point: its
        settings and each outcome's mean with ``_low`` and ``_high``, the ends of its 95% interval over seeds) and
        ``data["effects"]`` (outcome, factor, value, mean, ci_low, ci_high, n); with ``until`` also
        ``data["differences"]`` from the first point (point, outcome, mean, ci_low, ci_high, n).

    Raises
    ------
    InputError
        If a path or value is not allowed, or the design cannot be made of what varies.
    """
    spec: dict[str, Any] = {"kind": design} | ({"points": points} if points is not None else {})
    study = _study("sweep", scenario, vary, seeds, design=spec, until=until, outcomes=tuple(outcomes), focal=focal)
    return run_study(study, store, workers=workers, progress=progress)


def sensitivity(
    arms: Arms,
    vary: Vary | None = None,
    *,
    outcome: str = "profit",
    method: str = "sobol",
    size: int = 16,
    seeds: int = 2,
    store: str | Path | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Found:
    """Tell which assumption an answer hangs on: ``loyalty sensitivity``.

    Parameters
    ----------
    arms : scenario, or mapping of str to Scenario
        One, or two by name: then the answer is the difference that the second makes.
    vary : mapping of str to sequence, optional
        The assumptions: see :func:`sweep`. Without it, some that few are sure of, from half to twice what they are.
    outcome : str
        What is asked about.
    method : {"sobol", "morris"}
        Indices of variance, or a screening.
    size : int
        Base size of the design; of ``sobol`` a power of 2.
    seeds : int
        Seeds of every point, from 1.
    store, workers, progress
        As in :func:`sweep`.

    Returns
    -------
    Found
        ``data["indices"]`` (of ``sobol``: factor, first, total and the ends of their 95% intervals; of ``morris``:
        factor, mu_star, ci_low, ci_high, mu, sigma), ``data["regional"]`` (factor, distance, p, from, to) and
        ``data["points"]`` (a column per assumption, and the outcome).

    Raises
    ------
    InputError
        If a path or value is not allowed, or there are more than two arms.
    """
    options = {"method": method, "size": size}
    study = _study("sensitivity", arms, vary or {}, seeds, outcomes=(outcome,), options=options)
    return run_study(study, store, workers=workers, progress=progress)


def robustness(
    arms: Arms,
    vary: Vary | None = None,
    *,
    outcome: str = "profit",
    worlds: int = 60,
    seeds: int = 1,
    store: str | Path | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Found:
    """Tell which policy holds up when the world is not as assumed: ``loyalty robustness``.

    Parameters
    ----------
    arms : mapping of str to Scenario, or a scenario
        The policies, by name; of one scenario, all its arms. The others are held against the first.
    vary : mapping of str to sequence, optional
        What the worlds differ in: see :func:`sensitivity`.
    outcome : str
        What is asked about.
    worlds, seeds : int
        How many worlds, and seeds of each.
    store, workers, progress
        As in :func:`sweep`.

    Returns
    -------
    Found
        ``data["worlds"]`` (a column per assumption, and one per policy) and ``data["regret"]`` (policy, max_regret,
        mean_regret with its 95% interval, best_in: the share of worlds in which it is the best).

    Raises
    ------
    InputError
        If there are fewer than two policies, or a path or value is not allowed.
    """
    study = _study("robustness", arms, vary or {}, seeds, outcomes=(outcome,), options={"worlds": worlds})
    return run_study(study, store, workers=workers, progress=progress)


def optimise(
    arms: Arms,
    vary: Vary,
    *,
    budget: float | None = None,
    trials: int = 64,
    seeds: int = 4,
    fresh: int = 12,
    store: str | Path | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Found:
    """Search for policies that none beats in retention, profit and risk at once: ``loyalty optimise``.

    Parameters
    ----------
    arms : scenario, or mapping of str to Scenario
        The market, and the policies that what is found is held against: of a scenario, it as it is and its arms; of a
        mapping, the first is searched from and all are held against.
    vary : mapping of str to sequence
        What the firm may choose: see :func:`sweep`.
    budget : float, optional
        The most that may be spent on customers over the long run, in money.
    trials : int
        Policies to try.
    seeds, fresh : int
        Seeds of the search, from 1, and those after them on which the best are judged anew.
    store, workers, progress
        As in :func:`sweep`.

    Returns
    -------
    Found
        ``data["tried"]`` and ``data["judged"]``: a column per lever, then retention, profit, risk and spend.

    Raises
    ------
    InputError
        If nothing varies, a path or value is not allowed, or no policy keeps to the budget.
    """
    options = {"trials": trials, "fresh": fresh, "budget": budget}
    return run_study(_study("optimise", arms, vary, seeds, options=options), store, workers=workers, progress=progress)


def tournament(
    scenario: Scenario | str,
    strategies: Sequence[str] = (),
    *,
    firms: int = 2,
    seeds: int = 3,
    store: str | Path | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Found:
    """Play every strategy against every other and itself, in every seat: ``loyalty tournament``.

    Parameters
    ----------
    scenario : Scenario or str
        The market; all firms are as its focal one but for their strategy.
    strategies : sequence of str
        Arms, listed strategies or ``module:Class``; by default all arms and what has defaults.
    firms : int
        Firms in each market, 2 to 6.
    seeds : int
        Seeds of every market, from 1.
    store, workers, progress
        As in :func:`sweep`.

    Returns
    -------
    Found
        ``data["ranking"]`` (strategy, and profit, retention and equity with the ends of their 95% intervals, p_best),
        ``data["pay_offs"]``, ``data["shares"]`` (by generation) and ``data["results"]`` (market, seed, seat, strategy).

    Raises
    ------
    InputError
        If there is no such strategy, or there are fewer than two.
    """
    options = {"strategies": tuple(strategies), "firms": firms}
    study = _study("tournament", scenario, {}, seeds, options=options)
    return run_study(study, store, workers=workers, progress=progress)


def run_study(
    study: Study | str | Path,
    store: str | Path | None = None,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = True,
) -> Found:
    """Do a study, as ``loyalty study`` does, and return what it found.

    Parameters
    ----------
    study : Study, str or Path
        A study file, or what :func:`load_study` made of it.
    store : str or Path, optional
        Folder that keeps the runs; as the study says unless given, and none if it says nothing.
    workers, progress
        As in :func:`compare_arms`.
    cluster : str, optional
        Address of a dask scheduler to use instead of processes.

    Raises
    ------
    InputError
        If the study cannot be done.
    Interrupted
        At Ctrl-C, once the finished runs are kept.
    """
    asked = study if isinstance(study, Study) else load_study(study)
    place = store if store is not None else asked.folder / asked.store if asked.store else None
    with tempfile.TemporaryDirectory(prefix="loyalty-") as passing:
        found, _ = do_study(
            asked, lambda: Store(place or Path(passing) / "store"), workers=workers, cluster=cluster, progress=progress
        )
    return found


def _study(kind: str, arms: Arms, vary: Vary, seeds: int | None, **more: Any) -> Study:
    """Return the study that asks for this, as a file would."""
    given = dict(arms) if isinstance(arms, Mapping) else None
    if given is not None and not given:
        raise InputError("nothing to ask about", key="arms", allowed="at least one scenario")
    base = next(iter(given.values())) if given else as_scenario(arms)  # type: ignore[arg-type]
    ends = ("low", "high")
    raw = {
        "title": base.title,
        "kind": kind,
        "scenario": base.name,
        "vary": {
            path: dict(zip(ends, each, strict=True)) if isinstance(each, tuple) and len(each) == 2 else each
            for path, each in vary.items()
        },
        **({} if seeds is None else {"seeds": seeds}),
        **{key: value for key, value in more.items() if value is not None},
    }
    return study_of(raw, base=base, arms=given)
