"""What is compared, and what was found: plain records of a comparison paired by seed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.one_run import require_readable
from experiments.saved import require_writable
from experiments.statistics import Difference, Estimate
from experiments.stopping import Stop, Until
from sim.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario import Scenario


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that gave no result: its place, why, and a command that runs it again."""

    arm: str
    seed: int
    message: str
    command: str


@dataclass(frozen=True)
class Design:
    """What is compared: every arm on every seed, or on as many of them as it takes.

    Parameters
    ----------
    arms : mapping of str to Scenario
        The policies compared, by name, in the order they are reported.
    seeds : sequence of int
        Each seed once.
    baseline : str
        The arm that the others are compared with.
    out : Path
        The folder to write: ``data`` and ``report.html``.
    command : str
        What asked for the comparison, to be saved with it.
    reruns : mapping of str to str
        A command per arm that runs it with a seed put at its end; by default from the arm's own file.
    until : Until, optional
        How narrow the differences' intervals are to be; as many of the seeds as it takes are then run, from the first.
    question : str, optional
        The question asked; by default the scenario's title.
    """

    arms: Mapping[str, Scenario]
    seeds: Sequence[int]
    baseline: str
    out: Path
    command: str = "experiments.compare.compare, called from Python"
    reruns: Mapping[str, str] = field(default_factory=dict)
    until: Until | None = None
    question: str = ""

    def check(self) -> tuple[str, ...]:
        """Refuse what cannot be compared, or not be written, before anything runs: see :meth:`check_arms`.

        Raises
        ------
        InputError
            If it cannot be compared, or the folder cannot be written.
        """
        notes = self.check_arms()
        require_writable(self.out / "data")
        return notes

    def check_arms(self) -> tuple[str, ...]:
        """Refuse what cannot be compared.

        Returns
        -------
        tuple of str
            What the purchase logs that the arms name do not tell, each sentence once.

        Raises
        ------
        InputError
            If there is no seed or one comes twice, the baseline is not among the arms, the arms do not cover the same
            periods, a file that one names cannot be used, or there is no difference whose interval could be narrow.
        """
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise InputError("no seed, or one twice", key="seeds", value=list(self.seeds), allowed="each seed once")
        if self.baseline not in self.arms:
            raise InputError(f'no arm is called "{self.baseline}"; {nearest(self.baseline, self.arms)}', key="baseline")
        if self.until is not None and len(self.arms) < 2:
            raise InputError("one arm has no difference to be known", key="until", allowed="two arms or more")
        reference = self.arms[self.baseline]
        notes: dict[str, None] = {}
        for arm, scenario in self.arms.items():
            for key in ("periods", "warm_up", "horizon"):
                ours, theirs = getattr(scenario, key), getattr(reference, key)
                if ours != theirs:
                    problem = f'"{arm}" and "{self.baseline}" cannot be compared over different periods'
                    raise InputError(problem, file=scenario.source, key=key, value=ours, allowed=str(theirs))
            notes |= dict.fromkeys(require_readable(scenario))
        return tuple(notes)

    @property
    def horizon(self) -> int:
        """Length of the long run, in periods."""
        return self.arms[self.baseline].horizon

    @property
    def focal(self) -> str:
        """The firm compared; where the arms have different ones, all their names."""
        return " / ".join(dict.fromkeys(scenario.focal_firm for scenario in self.arms.values()))

    @property
    def scenario(self) -> str:
        """Name of the scenario; where the arms come from several, all their names."""
        return " / ".join(dict.fromkeys(scenario.name.partition(":")[0] for scenario in self.arms.values()))

    @property
    def title(self) -> str:
        """The question asked; where none is given and the arms come from several scenarios, which of them."""
        if self.question:
            return self.question
        titles = list(dict.fromkeys(scenario.title for scenario in self.arms.values()))
        return titles[0] if len(titles) == 1 else " or ".join(self.arms) + "?"

    def rerun(self, arm: str, seed: int) -> str:
        """Return a command that runs one arm with one seed."""
        scenario = self.arms[arm]
        _, colon, name = scenario.name.partition(":")
        place = shlex.quote(f"{scenario.source or scenario.name}{colon}{name}")
        command = self.reruns.get(arm, f"loyalty run {place}")
        return f"{command} --seed {seed}"


@dataclass(frozen=True)
class Comparison:
    """What a comparison found about the focal firm.

    Parameters
    ----------
    design : Design
        What was compared; its seeds are those that were run.
    arms : mapping
        By arm and metric, the level.
    differences : mapping
        By arm and metric, the difference from the baseline; the baseline's own is zero.
    failed : tuple of FailedRun
        The runs that gave no result.
    report : Path or None
        The report; None if there was nothing to draw, or drawing failed.
    problem : str
        Why there is no report.
    stop : Stop or None
        Why there are so many seeds, if the design left that open.
    """

    design: Design
    arms: Mapping[str, Mapping[str, Estimate]]
    differences: Mapping[str, Mapping[str, Difference]]
    failed: tuple[FailedRun, ...]
    report: Path | None
    problem: str = ""
    stop: Stop | None = None

    @property
    def succeeded(self) -> bool:
        """Whether every run gave a result and the report was drawn."""
        return not self.failed and self.report is not None

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain data; what is not known is None, never NaN."""
        return {
            "seeds": list(self.design.seeds),
            "baseline": self.design.baseline,
            "arms": _plain(self.arms),
            "differences": _plain({arm: each for arm, each in self.differences.items() if arm != self.design.baseline}),
            "until": self.stop.to_json() if self.stop else None,
            "failed": [asdict(run) for run in self.failed],
            "report": str(self.report) if self.report else None,
        }


def tables_of(comparison: Comparison | str | Path) -> dict[str, pd.DataFrame]:
    """Return the data frames of a comparison, by name.

    Parameters
    ----------
    comparison : Comparison, str or Path
        A comparison, or the folder that one was written to.

    Returns
    -------
    dict of str to DataFrame
        ``differences`` (arm, metric, mean, ci_low, ci_high, n, p_best, variance_reduction) and ``arms`` (the levels,
        likewise) tell what was found; ``outcomes`` (arm, seed, firm, metric, value) what each run gave; and there are
        ``periods``, ``tiers``, ``types``, ``losses``, ``migration`` and more, by arm and seed.

    Raises
    ------
    InputError
        If there is no comparison in the folder.
    """
    import pandas as pd

    folder = (comparison.design.out if isinstance(comparison, Comparison) else Path(comparison)) / "data"
    if not (folder / "differences.parquet").is_file():
        raise InputError("holds no comparison", file=folder, allowed="a folder that a comparison was written to")
    return {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("[!.]*.parquet"))}


def _plain(table: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Any]:
    return {arm: {metric: each.to_json() for metric, each in metrics.items()} for arm, metrics in table.items()}
