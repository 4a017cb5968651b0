"""Scenarios drawn over the whole schema, once for all tests that want any, and the files that they may read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as fix_luck
from hypothesis import strategies as st
from pydantic import BaseModel

from sim.topologies import TAKES
from tests.reference.random_scenarios import N_PEOPLE, Raw, raw_scenarios

N_PER_TOPOLOGY = 16
N_DRAWN = N_PER_TOPOLOGY * len(TAKES)  # enough for every setting to be drawn: tests/test_random_scenarios.py counts
LAST_SEED = 2**63 - 1


class Files(NamedTuple):
    """What a scenario may read besides itself."""

    edge_list: Path
    log: Path


def write_files(folder: Path) -> Files:
    """Write an edge list with strengths of ties, and a purchase log of people who buy again."""
    rng = np.random.default_rng(1)
    pairs = sorted({(min(a, b), max(a, b)) for a, b in rng.integers(0, N_PEOPLE[0], (150, 2)).tolist() if a != b})
    edge_list = folder / "ties.csv"
    edge_list.write_text("".join(f"{a},{b},{0.1 * (1 + (a + b) % 9):.1f}\n" for a, b in pairs), encoding="utf-8")
    rows = ["customer,date,amount"]
    for customer in range(60):
        for _ in range(1 + rng.poisson(rng.gamma(1.0, 4.0))):
            month, day, amount = rng.integers(1, 13), rng.integers(1, 29), rng.gamma(2.0, 10.0) + 1.0
            rows.append(f"{customer},2024-{month:02d}-{day:02d},{amount:.2f}")
    log = folder / "log.csv"
    log.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return Files(edge_list, log)


class Drawn(NamedTuple):
    """A scenario, as settings that a file would hold, and a seed."""

    raw: Raw
    seed: int


def draw_scenarios(files: Files) -> list[Drawn]:
    """Draw scenarios over the whole schema: the same ones in every run, until the schema changes."""
    return [each for topology in TAKES for each in _of_topology(topology, files)]


def _of_topology(topology: str, files: Files) -> list[Drawn]:
    """Draw scenarios with networks of one topology."""
    drawn: list[Drawn] = []

    @fix_luck(sorted(TAKES).index(topology))
    @settings(
        max_examples=N_PER_TOPOLOGY,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(raw=raw_scenarios(topology, files.edge_list, files.log), seed=st.integers(0, LAST_SEED))
    def keep(raw: Raw, seed: int) -> None:
        drawn.append(Drawn(raw, seed))

    keep()
    return drawn[:N_PER_TOPOLOGY]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that a type is made of, and those within them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for part in get_args(annotation) if get_origin(annotation) else ():
        yield from models_in(part)
