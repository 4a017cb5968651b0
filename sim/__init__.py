"""The market: customers with loyalty types in a word-of-mouth network, and firms that court them tier by tier.

What is named here is imported when it is first asked for: a market takes Mesa and a compiler with it, an error message
or a scenario does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.errors import InputError
    from sim.market import Market
    from sim.results import Results
    from sim.scenario import Scenario, load_scenario

__all__ = ["InputError", "Market", "Results", "Scenario", "load_scenario"]

_HOMES = {
    "InputError": "sim.errors",
    "Market": "sim.market",
    "Results": "sim.results",
    "Scenario": "sim.scenario",
    "load_scenario": "sim.scenario",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
