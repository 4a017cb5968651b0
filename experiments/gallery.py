"""``docs/scenarios.md``: every shipped scenario's question, its answer and its picture, from runs made for the page.

``make gallery`` writes it. Each scenario's arms are compared on the same seeds as ``loyalty compare`` would.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from experiments.compare import Comparison, Design, compare_all
from experiments.report import findings
from experiments.report.evidence import Evidence, load
from experiments.report.pictures.canvas import LIGHT, WIDTH, drawing
from experiments.report.pictures.over_time import trade_off
from experiments.report.words import count, in_unit, metric, range_of
from sim.errors import InputError
from sim.scenario import load_scenario, shipped

DOCS = Path(__file__).resolve().parent.parent / "docs"
SEEDS = range(1, 11)
OPENING = """# The shipped scenarios, and what they answer

Each is a question to the market, with arms that answer it: `loyalty compare NAME` runs it and writes a full report.
What follows is what {seeds} say; simulated customers, not measured ones. Retention and profit are those of the firm
judged over its last periods, as many as are named; an interval is 95% over seeds, and a difference is named only if it
stands after allowing for all comparisons of arms. `make gallery` writes this page anew.
"""


def write_gallery(docs: Path, seeds: Sequence[int] = SEEDS, workers: int | None = None) -> Path:
    """Run every shipped scenario and write ``scenarios.md`` and its pictures.

    Parameters
    ----------
    docs : Path
        The folder to write in; pictures go to its folder ``scenarios``.
    seeds : sequence of int
        Seeds of each arm.
    workers : int, optional
        Worker processes; as many as there are processors unless given.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If nothing can be run, or the page cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        designs, left_out = _designs(Path(folder), seeds)
        comparisons = compare_all(designs, workers)
        pictures = docs / "scenarios"
        parts = [OPENING.format(seeds=count(len(seeds), "seed"))]
        try:
            pictures.mkdir(parents=True, exist_ok=True)
            for old in pictures.glob("*.svg"):
                old.unlink()
            parts += [_section(comparison, pictures) for comparison in comparisons]
            parts += [f"## {name}\n\nNot run here: {why}.\n" for name, why in left_out.items()]
            page = docs / "scenarios.md"
            page.write_text("\n".join(parts), encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot be written ({error.strerror})", file=error.filename) from error
    return page


def _designs(folder: Path, seeds: Sequence[int]) -> tuple[list[Design], dict[str, str]]:
    """Return a comparison of every scenario that can be run, and why the others cannot."""
    designs, left_out = [], {}
    for name in shipped():
        scenario = load_scenario(name)
        arms = {arm: scenario.arm(arm) for arm in scenario.arms}
        design = Design(arms, tuple(seeds), next(iter(arms)), folder / name)
        try:
            design.check()
        except InputError as error:
            left_out[name] = str(error).replace(f"{scenario.folder}/", "")
        else:
            designs.append(design)
    return designs, left_out


def _section(comparison: Comparison, pictures: Path) -> str:
    evidence = load(comparison.design.out)
    name = comparison.design.scenario
    with drawing():
        picture = trade_off(evidence)
    lines = [f"## {name}", "", f"**{evidence.title}**", ""]
    told = (findings.headline(evidence), findings.best(evidence, "retention"))
    lines += [sentence for sentence in told if sentence]
    lines += ["", *_table(evidence), ""]
    if picture.svg is not None:
        (pictures / f"{name}.svg").write_text(alone(picture.svg), encoding="utf-8")
        lines.append(f"![{picture.title}: {name}](scenarios/{name}.svg)")
    return "\n".join(lines) + "\n"


def _table(evidence: Evidence) -> list[str]:
    retention, profit = (metric(name, evidence.horizon) for name in ("retention", "profit"))
    lines = ["| arm | retention | 95% interval | profit | 95% interval |", "|---|---|---|---|---|"]
    for arm in evidence.arms:
        cells = [evidence.label[arm]]
        for told in (retention, profit):
            level = evidence.level(told.name, arm)
            cells += [in_unit(level.mean, told.unit), range_of(level, told.unit)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def alone(svg: str) -> str:
    """Return a drawing of the report as a file of its own: with the light colours, on paper."""
    svg = re.sub(r"var\(--(\w+)\)", lambda match: LIGHT[match[1]], svg)
    root = f'<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" width="{1.6 * WIDTH:.0f}"'
    svg = svg.replace("<svg", root, 1).replace(' aria-hidden="true"', "", 1)
    return svg.replace(">", f'><rect width="100%" height="100%" fill="{LIGHT["paper"]}"/>', 1) + "\n"


if __name__ == "__main__":
    try:
        print(write_gallery(DOCS))
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
