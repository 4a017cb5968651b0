"""Runs of drawn scenarios laid side by side: every state and every line of the ledger, to be compared bit for bit."""

from __future__ import annotations

import copy

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from sim import Market
from sim.accounts import Line
from sim.scenario import from_settings
from tests.drawn import LAST_SEED, Drawn
from tests.reference.random_scenarios import Raw

MONEY_LINES = list(range(Line.REVENUE, Line.LOST))
EXAMPLES = settings(
    max_examples=50, derandomize=True, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)  # fmt: skip
seeds = st.integers(0, LAST_SEED)
given_more = st.data()


def draw(data: st.DataObject, drawn: list[Drawn], without: tuple[str, ...] = ()) -> Raw:
    """Draw settings; a firm whose strategy is in ``without`` treats everybody equally instead."""
    raw = copy.deepcopy(data.draw(st.sampled_from(drawn)).raw)
    for firm in raw["firms"]:
        if firm["strategy"]["name"] in without:
            firm["strategy"] = {"name": "equal_treatment"}
    return raw


def tell_everyone(raw: Raw) -> None:
    """Have everybody told of what is launched, whatever the tiers are called."""
    for event in raw["events"]:
        event.pop("told", None)


def run(raw: Raw, seed: int) -> Market:
    """Return a market that has run to its end."""
    m = Market(from_settings(raw), seed, collect=False)
    m.run()
    return m


def states(m: Market) -> dict[str, np.ndarray]:
    """Return every state by name, shape (n_customers,) or (n_customers, n_firms)."""
    return {
        f"{kind}.{name}": records[name].copy()
        for kind, records in m.town._asdict().items()
        for name in records.dtype.names
    }


def ledger(m: Market) -> np.ndarray:
    """Return the books, shape (n_periods, n_firms, n_tiers, 7 types, n_lines)."""
    return np.array(m.history.books)


def assert_states_equal(
    one: dict[str, np.ndarray], other: dict[str, np.ndarray], leaving: tuple[str, ...] = ()
) -> None:
    """Fail if a state that is not left out differs in anybody."""
    assert one.keys() == other.keys()
    for name in one.keys() - set(leaving):
        differ = one[name] != other[name]
        assert not differ.any(), f"{name} of {np.argwhere(differ)[0]}: {one[name][differ][0]}, {other[name][differ][0]}"
