"""``loyalty compare`` and ``demo``."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.command_line import (
    FAILED,
    FOLDER,
    SEED_RANGE,
    json_option,
    option_words,
    overrides_of,
    print_json,
    say,
    set_option,
    strategy_option,
    workers_option,
)  # fmt: skip
from experiments.named import scenario_of

if TYPE_CHECKING:
    from experiments.compare import Comparison, Design
    from sim.scenario import Scenario

DEFAULT_SEEDS = 30
DEMO_SEEDS = 3


@click.command()
@click.argument("scenarios", metavar="SCENARIO[:ARM]...", nargs=-1, required=True)
@click.option(
    "--seeds",
    type=click.IntRange(1, 100_000),
    help="Number of seeds each arm runs on; with --until, the most.  [default: 30; with --until 1000]",
)
@click.option("--seed-from", type=SEED_RANGE, default=1, help="The first seed.")
@click.option(
    "--until",
    "widths",
    multiple=True,
    metavar="NAME=WIDTH%",
    help="Run as many seeds as it takes (at least 30) to know every difference to within WIDTH either way. NAME is "
    "retention (in points), profit (in per cent of the baseline's) or ci (both).",
)
@click.option("--baseline", metavar="ARM", help="The arm the others are compared with.  [default: the first]")
@set_option
@strategy_option
@workers_option
@click.option("--out", type=FOLDER, help="Folder for the report and its data.  [default: reports/NAME]")
@click.option("--store", type=FOLDER, help="Keep every run here as it is finished; what is here is not run again.")
@json_option
def compare(
    scenarios: tuple[str, ...],
    seeds: int | None,
    seed_from: int,
    widths: tuple[str, ...],
    baseline: str | None,
    settings: tuple[str, ...],
    strategies: tuple[str, ...],
    workers: int | None,
    out: Path | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Compare arms, paired by seed, and write a report.

    A single SCENARIO stands for all of its arms; among several, each stands for itself.
    """
    from experiments.compare import Design, compare_all
    from experiments.stopping import MOST_SEEDS, Until

    until = Until.parse(widths) if widths else None
    seeds = seeds or (MOST_SEEDS if until else DEFAULT_SEEDS)
    typed = _arms(scenarios, overrides_of(settings, strategies))
    again = option_words("--set", settings) + option_words("--strategy", strategies)
    names = {arm: scenario for arm, (_, scenario) in typed.items()}
    for spec, scenario in typed.values():
        if scenario.arms:
            example = f"{spec}:{next(iter(scenario.arms))}"
            say(f"{spec} is compared as it stands, without its arms ({', '.join(scenario.arms)}); one is {example}")
    from sim.errors import InputError

    if seed_from + seeds > 2**63:
        raise InputError("seeds go too far", key="--seed-from", value=seed_from, allowed="seeds below 2**63")
    command = ["loyalty", "compare", *scenarios, "--seeds", str(seeds), "--seed-from", str(seed_from)]
    command += [word for width in widths for word in ("--until", width)]
    command += ["--baseline", baseline] if baseline else []
    design = Design(
        arms=names,
        seeds=range(seed_from, seed_from + seeds),
        baseline=_baseline(baseline, typed) if baseline else next(iter(typed)),
        out=out or Path("reports") / _folder_name(scenarios),
        command=shlex.join(command + again),
        reruns={arm: shlex.join(["loyalty", "run", spec, *again]) for arm, (spec, _) in typed.items()},
        until=until,
    )
    [comparison] = compare_all([design], workers, store=store)
    if as_json:
        print_json(comparison.to_json())
    else:
        _print_comparison(comparison)
    _exit_with([comparison])


@click.command()
@click.option("--out", type=FOLDER, default=Path("reports/demo"), help="Folder for the reports.")
@click.option("--seeds", type=click.IntRange(1, 100_000), default=DEMO_SEEDS, help="Number of seeds each arm runs on.")
@workers_option
def demo(out: Path, seeds: int, workers: int | None) -> None:
    """Compare the arms of every shipped scenario, and write a report on each and a page that lists them."""
    from experiments.compare import compare_all
    from experiments.report.page import write_index
    from experiments.saved import require_writable

    require_writable(out)
    designs = _demo_designs(out, range(1, seeds + 1))
    say(f"{len(designs)} comparisons, {seeds} seeds each")
    comparisons = compare_all(designs, workers)
    for comparison in comparisons:
        _print_comparison(comparison)
        click.echo()
    drawn = [comparison.design.out for comparison in comparisons if comparison.report]
    if drawn:
        click.echo(f"all reports: {write_index(drawn, out / 'index.html')}")
    _exit_with(comparisons)


def _arms(specs: Sequence[str], overrides: dict[str, object]) -> dict[str, tuple[str, Scenario]]:
    """Return, by name of the arm, what was typed for it and its scenario; a lone scenario stands for all its arms.

    An arm goes by the shortest of its own name, ``scenario:arm``, and what was typed that no other arm goes by.
    """
    chosen = [(spec, scenario_of(spec, overrides)) for spec in specs]
    if len(chosen) == 1 and chosen[0][1].arms:
        [(spec, scenario)] = chosen
        chosen = [(f"{spec}:{arm}", scenario_of(f"{spec}:{arm}", overrides)) for arm in scenario.arms]
    ways = [
        [(scenario.name.rpartition(":")[2], scenario.name, spec)[way] for spec, scenario in chosen] for way in range(3)
    ]
    arms: dict[str, tuple[str, Scenario]] = {}
    for i, each in enumerate(chosen):
        name = next((names[i] for names in ways if Counter(names)[names[i]] == 1 and names[i] not in arms), None)
        n_before = ways[2][:i].count(each[0])
        arms[name or f"{each[0]} ({n_before + 1})"] = each
    return arms


def _baseline(given: str, arms: dict[str, tuple[str, Scenario]]) -> str:
    """Return the arm meant by its name, by ``scenario:arm`` or by what was typed for it."""
    matches = [arm for arm, (spec, scenario) in arms.items() if given in (arm, spec, scenario.name)]
    return matches[0] if matches else given


def _folder_name(specs: Sequence[str]) -> str:
    """Return a folder name for a comparison: names of the scenarios and arms typed, joined and made safe."""
    names = [Path(path).stem + colon + arm for path, colon, arm in (spec.partition(":") for spec in specs)]
    return re.sub(r"[^\w.-]+", "-", "-vs-".join(names))[:80].strip(".-") or "comparison"


def _demo_designs(out: Path, seeds: Sequence[int]) -> list[Design]:
    """Return a comparison for every shipped scenario that has arms; a purchase log that one needs is written first."""
    from experiments.compare import Design
    from experiments.data import write_cdnow
    from sim.errors import InputError
    from sim.scenario import load_scenario, shipped

    designs = []
    for name in shipped():
        scenario = load_scenario(name)
        if not scenario.arms:
            continue
        log = scenario.customers.demand.transactions
        if log is not None and not (scenario.folder / log).exists():
            try:
                write_cdnow(scenario.folder / log)
            except InputError as error:
                say(f"{name} is left out: {error}")
                continue
        arms = _arms([name], {})
        scenarios = {arm: scenario for arm, (_, scenario) in arms.items()}
        reruns = {arm: f"loyalty run {spec}" for arm, (spec, _) in arms.items()}
        command = f"loyalty compare {name} --seeds {len(seeds)}"
        designs.append(Design(scenarios, seeds, next(iter(arms)), out / name, command, reruns))
    return designs


def _print_comparison(comparison: Comparison) -> None:
    """Print the levels and differences of the main metrics, the finding, and where the report is."""
    from experiments.report.evidence import load
    from experiments.report.findings import headline, stopping
    from experiments.terminal import comparison_table, print_tables

    evidence = load(comparison.design.out)
    click.echo(evidence.title)
    print_tables(comparison_table(comparison, evidence))
    if stopped := stopping(evidence):
        click.echo(stopped)
    if comparison.report is not None:
        click.echo(f"{headline(evidence)}\nreport: {comparison.report}")


def _exit_with(comparisons: Sequence[Comparison]) -> None:
    """Say what failed, and end with the exit code that says so."""
    for comparison in comparisons:
        data = comparison.design.out / "data"
        if comparison.failed:
            n_runs = len(comparison.design.arms) * len(comparison.design.seeds)
            say(f"{len(comparison.failed)} of {n_runs} runs failed; they are listed in {data / 'manifest.json'}")
        if comparison.problem:
            say(f"no report: {comparison.problem}; the data are in {data}")
    if not all(comparison.succeeded for comparison in comparisons):
        click.get_current_context().exit(FAILED)
