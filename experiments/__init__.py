"""Experiments on the market: runs, comparisons paired by seed, their statistics, the report and the command line.

What is named here asks the questions of the ``loyalty`` command from Python: see :mod:`experiments.api`. It is imported
when it is first asked for, so that the command's help stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.api import (
        Store,
        arms_of,
        compare_arms,
        load_study,
        optimise,
        robustness,
        run_study,
        sensitivity,
        sweep,
        tables_of,
        tournament,
    )  # fmt: skip

__all__ = [
    "Store", "arms_of", "compare_arms", "load_study", "optimise", "robustness", "run_study", "sensitivity", "sweep",
    "tables_of", "tournament",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from experiments import api

    value = globals()[name] = getattr(api, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
