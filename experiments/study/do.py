"""Does a study: checks it, has the runs made that its store lacks, and returns what all of them tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.runner import Progress
from experiments.study.execute import Runner, Tally
from experiments.study.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from experiments.analyses.page import Found
    from experiments.study.store import Store
    from experiments.study.study_file import Study


def do_study(
    study: Study,
    store: Callable[[], Store],
    *,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = True,
) -> tuple[Found, Tally]:
    """Do a study.

    Parameters
    ----------
    study : Study
    store : callable
        Opens the store; called once the study is found to be in order.
    workers : int, optional
        Processes on this machine; one per processor unless given. No result depends on it.
    cluster : str, optional
        Address of a dask scheduler to use instead.
    progress : bool
        Whether to say on standard error how far the runs are.

    Returns
    -------
    Found
        What the runs tell.
    Tally
        How many were made, how many the store had, and which failed.

    Raises
    ------
    InputError
        If the study cannot be done, before anything runs.
    Interrupted
        At Ctrl-C, once the finished runs are kept.
    """
    kind = kind_of(study.kind)
    total = kind.check(study)
    said = Progress(0, quiet=not progress)
    with Runner(
        store(), study.name, study.identity(), total=total, workers=workers, cluster=cluster, progress=said
    ) as runner:
        return kind.run(study, runner), runner.tally
