"""The market as Mesa's own tool for many runs takes it: every run's long-run outcomes in its last row."""

from __future__ import annotations

from typing import Any

import mesa

from benchmarks.engines import SCENARIO
from experiments.study.runs import kept_of
from sim import Market
from sim.results import Results


class Batched(Market):
    """A market that reports its outcomes once, at its end, as the other ways of making many runs do."""

    def __init__(self, seed: int, customers__count: int) -> None:
        super().__init__(SCENARIO, seed=seed, collect=False, customers__count=customers__count)
        self.datacollector = mesa.DataCollector(model_reporters={"outcomes": type(self).outcomes})
        self.datacollector.collect(self)

    def outcomes(self) -> dict[str, dict[str, Any]] | None:
        """Return every firm's long-run outcomes once the run is over."""
        if self.period != self.last_period:
            return None
        _, outcomes = kept_of(Results.of(self))
        return outcomes
