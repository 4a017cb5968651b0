"""Files that drawn scenarios may read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.reference.random_scenarios import N_PEOPLE


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
