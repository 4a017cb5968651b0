"""The markets that are timed against each other: where each runs, and how it is built, stepped and read."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".venv-bench"
SCENARIO, SEED = "baseline", 1


@dataclass(frozen=True)
class Engine:
    """One implementation of the market.

    Parameters
    ----------
    name : str
        Its name on the command line and in the data.
    title : str
        Its name in tables.
    environment : str or None
        The folder of its own environment in ``.venv-bench``, or None if it runs in this one.
    module : str
        The distribution whose version is recorded.
    """

    name: str
    title: str
    environment: str | None
    module: str

    @property
    def python(self) -> Path:
        """The interpreter it runs in."""
        return ENVIRONMENTS / self.environment / "bin" / "python" if self.environment else Path(sys.executable)

    @property
    def is_available(self) -> bool:
        """Whether its environment has been made."""
        return self.python.exists()


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("ours", "loyalty", None, "loyalty"),
        Engine("mesa", "Mesa", None, "mesa"),
        Engine("agentpy", "AgentPy", "agentpy", "agentpy"),
        Engine("frames", "mesa-frames", "mesa-frames", "mesa-frames"),
    )
}


@dataclass
class Running:
    """A market that can be stepped and read.

    Parameters
    ----------
    step : callable
        Lives through a period.
    purchases : callable
        Returns the purchases made at each firm so far, a list per period.
    array_bytes : callable
        Returns the bytes of the arrays it keeps, or 0 if it keeps objects.
    """

    step: Callable[[], Any]
    purchases: Callable[[], list[list[float]]]
    array_bytes: Callable[[], int] = lambda: 0


def scenario_of(n_customers: int) -> Any:
    """Return the scenario that all engines simulate: four firms, four tiers, mean degree 8, weekly."""
    from sim import load_scenario

    return load_scenario(SCENARIO, {"customers.count": n_customers})


def build(name: str, n_customers: int, n_periods: int, given: Path | None = None) -> Running:
    """Build a market.

    Parameters
    ----------
    name : str
        One of ``ENGINES``.
    n_customers : int
        People in the market.
    n_periods : int
        Periods it will be stepped, at least; long runs keep more.
    given : Path, optional
        The file of ``handover.hand_over``, which mesa-frames starts from.
    """
    return {"ours": _ours, "mesa": _mesa, "agentpy": _agentpy, "frames": _frames}[name](n_customers, n_periods, given)


def _ours(n_customers: int, n_periods: int, _: Path | None) -> Running:
    from sim import Market

    market = Market(scenario_of(n_customers), seed=SEED, collect=False)
    market.last_period = n_periods
    return Running(market.step, lambda: _by_firm(market.history.books), lambda: bytes_of_arrays(vars(market)))


def _mesa(n_customers: int, _: int, __: Path | None) -> Running:
    from tests.reference.market import ReferenceMarket

    market = ReferenceMarket(scenario_of(n_customers), SEED)
    return Running(market.step, lambda: _by_firm(market.books))


def _agentpy(n_customers: int, _: int, __: Path | None) -> Running:
    # AgentPy installs its own tests as a package of that name, which would hide ours
    ours = types.ModuleType("tests")
    ours.__path__ = [str(ROOT / "tests")]
    sys.modules["tests"] = ours
    from benchmarks.agentpy_market import AgentPyMarket

    market = AgentPyMarket({"scenario": scenario_of(n_customers), "seed": SEED})
    market.sim_setup()
    return Running(market.sim_step, lambda: _by_firm(market.books))


def _frames(_: int, __: int, given: Path | None) -> Running:
    from benchmarks.frames_market import FramesMarket

    market = FramesMarket(Path(str(given)), SEED)
    frames = (market.customers, market.ties)
    return Running(
        market.step,
        lambda: [book["purchases"] for book in market.books],
        lambda: sum(frame.estimated_size() for frame in (frames[0].agents, frames[1])),
    )


def _by_firm(books: list[Any]) -> list[list[float]]:
    from sim.accounts import Line

    return [book[..., Line.PURCHASES].sum(axis=(1, 2)).tolist() for book in books]


def bytes_of_arrays(values: Any) -> int:
    """Return the bytes of all arrays in the values of a mapping, those in tuples included, each counted once."""
    import numpy as np

    found: dict[int, int] = {}

    def look_at(value: Any) -> None:
        if isinstance(value, np.ndarray):
            owner = value
            while isinstance(owner.base, np.ndarray):
                owner = owner.base
            found[id(owner)] = owner.nbytes
        elif isinstance(value, tuple):
            for part in value:
                look_at(part)

    for value in values.values():
        look_at(value)
    return sum(found.values())
