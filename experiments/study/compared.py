"""A comparison as a study: the scenario's arms on the same seeds, told as ``loyalty compare`` tells them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from experiments.analyses.page import Found, or_none
from experiments.comparison import Design
from experiments.gathered import Gathered, gather, write_comparison
from experiments.report import findings, tables
from experiments.report.evidence import evidence_of
from experiments.report.page import in_short, page_of
from experiments.report.words import count
from experiments.study.kinds import Kind, Options, options_of
from sim.errors import InputError, nearest

if TYPE_CHECKING:
    from experiments.study.execute import Runner
    from experiments.study.study_file import Study


class _CompareOptions(Options):
    baseline: str | None = Field(
        default=None, description="arm that the others are compared with; by default the first"
    )


class Compare(Kind):
    """Which arm is better, paired by seed."""

    Options = _CompareOptions

    def check(self, study: Study) -> int | None:
        """Refuse options, fewer than two arms, and arms that cannot be compared."""
        self._design(study).check_arms()
        return None if study.until is not None else len(study.arms) * study.seeds

    def run(self, study: Study, runner: Runner) -> Found:
        """Have every arm run on every seed, or on as many as make the differences from the baseline known."""
        started = time.monotonic()
        gathered = gather(self._design(study), runner)
        return tell(study.name, gathered, time.monotonic() - started)

    def _design(self, study: Study) -> Design:
        baseline, arms = options_of(study, self.Options).baseline, study.arms
        if len(arms) < 2:
            raise InputError(
                "nothing to compare", file=study.base.source, key="arms", value=list(arms), allowed="two arms or more"
            )
        if baseline is not None and baseline not in arms:
            raise InputError(
                f"no such arm; {nearest(baseline, arms)}", file=study.source, key="options.baseline", value=baseline
            )
        return Design(
            arms, study.seed_range, baseline or next(iter(arms)), Path(), until=study.widths, question=study.title
        )


@dataclass(frozen=True)
class Compared(Found):
    """What a comparison found; its page and data are those of ``loyalty compare``.

    Parameters
    ----------
    manifest : mapping
        What was compared and how, as it is saved beside the data.
    """

    manifest: Mapping[str, Any] = field(default_factory=dict)

    def save_data(self, folder: Path, command: str) -> None:
        """Write the data below ``folder`` as ``loyalty compare`` does."""
        write_comparison(folder, self.data, {**self.manifest, "command": command})

    def page(self, command: str) -> str:
        """Return the report of the comparison as HTML."""
        evidence = evidence_of(Path(), {**self.manifest, "command": command}, self.data)
        return page_of(evidence) if evidence.arms else super().page(command)


def tell(study: str, gathered: Gathered, seconds: float) -> Compared:
    """Return what a comparison found, once its runs are over; ``seconds`` is what they took."""
    data = gathered.tables()
    manifest = gathered.manifest(seconds)
    evidence = evidence_of(Path(), manifest, data)
    found = gathered.comparison(report=None)
    design, failures = found.design, [f"{each.arm}, seed {each.seed}: {each.message}" for each in found.failed]
    verdicts = findings.against_baseline(evidence)
    sentences = [*in_short(evidence), *map(findings.finding, verdicts), findings.stopping(evidence)]
    told = [tables.comparison(evidence, name) for name in findings.MAIN] if evidence.arms else []
    arms = {label: arm for arm, label in evidence.label.items()}
    answer = found.to_json() | {
        "study": study,
        "focal": design.focal,
        "runs": gathered.n_finished,
        "verdicts": [
            {"arm": arms[each.arm], "outcome": each.metric, "direction": each.direction,
             "p_adjusted": or_none(each.p_adjusted), "comparisons": each.n_comparisons} for each in verdicts
        ],
        "finding": findings.headline(evidence),
    }  # fmt: skip
    return Compared(
        title=design.title,
        kicker=f"{design.focal}: {count(len(design.arms), 'arm')}, {count(len(design.seeds), 'seed')} each",
        sentences=[each for each in dict.fromkeys(sentences) if each],
        tables=[each for each in (*told, tables.tests(evidence)) if each is not None],
        pictures=[],
        data=data,
        answer=answer,
        failures=failures,
        manifest=manifest,
    )
