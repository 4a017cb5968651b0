"""Comparisons of arms, paired by seed: run, save, then analyse.

Every arm runs on the same seeds. Whatever the runs gave is on disk before anything is drawn, and the report is made
from the saved files alone.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.comparison import Comparison, Design, FailedRun
from experiments.gathered import Gathered, gather
from experiments.one_run import simulate, warm_up
from experiments.runner import Failure, Interrupted, Progress, Workers
from experiments.stopping import Until
from experiments.study.runs import fingerprint
from experiments.study.store import Store
from sim.errors import InputError

if TYPE_CHECKING:
    from sim.scenario import Scenario

__all__ = ["Comparison", "Design", "FailedRun", "Interrupted", "compare", "compare_all"]


def compare(
    arms: Mapping[str, Scenario],
    seeds: Sequence[int],
    baseline: str | None = None,
    out: str | Path = "reports/comparison",
    workers: int | None = None,
    progress: bool = True,
    until: Until | None = None,
    store: str | Path | None = None,
) -> Comparison:
    """Run every arm on every seed, save the results, and write the report.

    Parameters
    ----------
    arms : mapping of str to Scenario
        The policies compared, by name.
    seeds : sequence of int
        Each seed once.
    baseline : str, optional
        The arm the others are compared with; the first unless given.
    out : str or Path
        The folder to write.
    workers : int, optional
        Worker processes; as many as there are processors unless given. The result does not depend on it.
    progress : bool
        Whether to say on standard error how far the runs are.
    until : Until, optional
        Run only as many of the seeds, from the first, as make every difference's interval so narrow.
    store : str or Path, optional
        Folder of a store: see :class:`experiments.study.store.Store`. Runs that it has are not run again, and those
        that are finished now stay there, whatever happens to this process.

    Raises
    ------
    InputError
        If the arms cannot be compared, the folder cannot be written, or the store is none.
    OSError
        If the store can no longer be written, as when the disk is full.
    Interrupted
        At Ctrl-C, once the finished runs are saved.
    """
    if not arms:
        raise InputError("nothing to compare", key="arms", allowed="at least one scenario")
    design = Design(arms, tuple(seeds), baseline or next(iter(arms)), Path(out), until=until)
    return compare_all([design], workers, progress, store)[0]


def compare_all(
    designs: Sequence[Design], workers: int | None = None, progress: bool = True, store: str | Path | None = None
) -> list[Comparison]:
    """Run several comparisons on one pool of workers, then draw their reports on it: see :func:`compare`.

    With a store they run one after the other, and the store notes each as a study called ``compare-`` and the
    scenario's name.
    """
    notes = dict.fromkeys(note for design in designs for note in design.check())
    if store is not None:
        kept = Store(store)
        return [_compare_in(kept, design, workers, progress) for design in designs]
    gathered = [Gathered(design) for design in designs]
    jobs = _due(gathered)
    said = Progress(len(jobs), quiet=not progress)
    since = time.monotonic()
    try:
        with said, Workers(max(1, min(workers or os.cpu_count() or 1, len(jobs)))) as pool:
            for note in notes:
                said.say(note)
            if jobs:
                warm_up(designs[0].arms[designs[0].baseline], said)
            while jobs:
                for (i, arm, seed), answer in pool.run(simulate, jobs):
                    if isinstance(answer, Failure):
                        failed = gathered[i].fail(arm, seed, answer.message)
                        said.say(f"{arm}, seed {seed}: {failed.message}; to see it again: {failed.command}")
                    else:
                        gathered[i].add(arm, seed, answer)
                    said.advance(failed=isinstance(answer, Failure))
                    if gathered[i].is_complete and not gathered[i].goes_on(said):
                        gathered[i].save(time.monotonic() - since)
                        since = time.monotonic()
                jobs = _due(gathered)
                said.expect(len(jobs))
            return _drawn(gathered, pool, said)
    except KeyboardInterrupt:
        raise Interrupted(_keep(gathered, time.monotonic() - since)) from None


def _compare_in(store: Store, design: Design, workers: int | None, progress: bool) -> Comparison:
    """Run a comparison whose runs a store keeps, then draw its report."""
    from experiments.study.execute import Runner

    since = time.monotonic()
    study = f"compare-{re.sub(r'[^A-Za-z0-9_.-]+', '-', design.scenario)}"[:100]
    contents = {arm: fingerprint(scenario) for arm, scenario in design.arms.items()}
    about = {"kind": "compare", "arms": contents, "seeds": list(design.seeds)}
    total = None if design.until else len(design.arms) * len(design.seeds)
    said = Progress(0, quiet=not progress)
    with Runner(store, study, about, total=total, workers=workers, progress=said) as runner:
        gathered = gather(design, runner)
    gathered.save(time.monotonic() - since)
    [comparison] = _drawn([gathered], Workers(1), said)
    return comparison


def _due(gathered: Sequence[Gathered]) -> dict[tuple[int, str, int], tuple[Scenario, int, bool]]:
    """Return the runs wanted and not yet asked for; the first seed's with the network, for a picture."""
    return {
        (i, arm, seed): (each.design.arms[arm], seed, with_network)
        for i, each in enumerate(gathered)
        for arm, seed, with_network in each.due()
    }


def _drawn(gathered: Sequence[Gathered], pool: Workers, said: Progress) -> list[Comparison]:
    """Draw the reports, and return what was found."""
    drawn = _draw({i: each.design.out for i, each in enumerate(gathered) if each.n_finished}, pool, said)
    comparisons = []
    for i, each in enumerate(gathered):
        report = drawn.get(i, Failure("every run failed"))
        path, problem = (None, report.message) if isinstance(report, Failure) else (report, "")
        comparisons.append(each.comparison(path, problem))
    return comparisons


def _draw(folders: Mapping[int, Path], pool: Workers, said: Progress) -> dict[int, Path | Failure]:
    """Draw the reports, which are independent of one another, on the pool."""
    from experiments.report.page import write_report

    if folders:
        said.say("drawing the report ..." if len(folders) == 1 else f"drawing {len(folders)} reports ...")
    return dict(pool.run(write_report, {i: (folder,) for i, folder in folders.items()}))


def _keep(gathered: Iterable[Gathered], seconds: float) -> str:
    """Save what was finished when Ctrl-C came, and say how much and where."""
    kept = []
    for each in gathered:
        if each.n_finished:
            if not each.is_saved:
                each.save(seconds)
            kept.append(f"{each.n_finished} of {len(each.keys)} runs are kept in {each.design.out / 'data'}")
    return "stopped; " + ("; ".join(kept) or "no run was finished")
