"""The ``loyalty`` command: the answer on standard output, progress and messages on standard error.

Exit codes: 0 done, 1 a run failed, 2 bad input, 130 interrupted. What a command needs is imported when it runs, so that
help and completion stay quick.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.analyses.commands import add_to
from experiments.named import scenario_of
from experiments.study import commands as study_commands

if TYPE_CHECKING:
    from experiments.compare import Comparison, Design
    from sim.scenario import Scenario

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
DEFAULT_SEEDS = 30
DEMO_SEEDS = 3
CLAIMS_SEEDS = 6
FIRM_COLUMNS = ("customers", "gained", "lost", "retention", "repeat_rate", "share", "satisfaction", "revenue", "profit")
TIER_COLUMNS = ("customers", "gained", "lost", "retention", "purchases", "revenue", "contribution")
RUN_TABLES = (
    "periods", "tiers", "types", "losses", "migration", "retention_by", "ledger", "nodes", "ties",
    "loyalty", "loyalty_weights", "diagnosis", "patronage", "value", "cohorts", "matrix", "elasticity",
)  # fmt: skip

TOPOLOGIES = {
    "small_world": "a ring of near neighbours, some ties rewired to anywhere",
    "scale_free": "a few people know very many: newcomers tie to the well-connected",
    "random": "every pair equally likely to be tied",
    "lattice": "a square grid, everyone tied to those next to them",
    "community": "groups with many ties inside and few between",
    "ring": "everyone tied to two neighbours",
    "complete": "everyone tied to everyone",
    "empty": "nobody talks",
    "edge_list": "your own ties, from a CSV file",
    "karate_club": "a university karate club, 34 people (Zachary 1977)",
    "les_miserables": "characters of the novel who appear together, 77 people (Knuth 1993)",
    "florentine_families": "marriages between families of Florence, 15 families (Padgett & Ansell 1993)",
    "davis_southern_women": "women and the events they went to, 32 nodes (Davis, Gardner & Gardner 1941)",
}


class _Loyalty(click.Group):
    """Turns what can go wrong into one message and an exit code; only a fault of the program shows a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            _say(str(stop) or "stopped")
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:  # the reader, such as head, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except OSError as error:
            _say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
            ctx.exit(FAILED)
        except (ValueError, RuntimeError) as error:
            from sim.errors import InputError, StrategyError

            if not isinstance(error, InputError | StrategyError):
                raise
            _say(str(error))
            ctx.exit(BAD_INPUT if isinstance(error, InputError) else FAILED)


def _print_version(ctx: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if is_asked:
        from sim.version import version

        click.echo(f"loyalty {version()}")
        ctx.exit()


@click.group(cls=_Loyalty, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show it.")
def main() -> None:
    """Simulate customer loyalty: which policy, for which tier, keeps customers and earns profit in the long run.

    A SCENARIO is a TOML file or the name of a shipped one ("loyalty list scenarios"); SCENARIO:ARM is one of its arms.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a terminal that lacks a sign shows a question mark


_set = click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help="Change a setting (a TOML value).")
_strategy = click.option(
    "--strategy",
    "strategies",
    multiple=True,
    metavar="FIRM=STRATEGY",
    help="Let a firm decide by one of the listed strategies, or by your own: MODULE:CLASS.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
_workers = click.option("--workers", type=click.IntRange(1), help="Processes.  [default: one per processor]")
_folder = click.Path(path_type=Path)
_seed_range = click.IntRange(0, 2**63 - 1)


@main.command()
@click.argument("scenario", metavar="SCENARIO[:ARM]")
@click.option("--seed", type=_seed_range, default=1, help="The run's luck.")
@_set
@_strategy
@click.option("--periods", type=click.IntRange(1, 30_000), help="Run so many periods.  [default: as the scenario says]")
@click.option("--out", type=_folder, help="Folder for the run's tables, as Parquet and CSV, and its summary.")
@_json
def run(
    scenario: str,
    seed: int,
    settings: tuple[str, ...],
    strategies: tuple[str, ...],
    periods: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run one market once and print how its firms fared."""
    from experiments.one_run import require_readable, warm_up
    from experiments.runner import Progress

    chosen = scenario_of(scenario, _overrides(settings, strategies))
    for note in require_readable(chosen):
        _say(note)
    if out is not None:
        from experiments.saved import require_writable, write_table, write_whole

        require_writable(out)
    from sim.market import Market

    n_periods = periods or chosen.periods
    with Progress(n_periods, "periods") as said:
        warm_up(chosen, said)
        market = Market(chosen, seed=seed, collect=False)
        results = market.run(n_periods, on_period=lambda _: said.advance())
    summary = results.summary()
    if out is not None:
        for name in RUN_TABLES:
            write_table(getattr(results, name), out / name)
        text = json.dumps(summary, indent=1, ensure_ascii=False)
        write_whole(out / "summary.json", lambda path: path.write_text(text, encoding="utf-8"))
        _say(f"tables are in {out}")
    if as_json:
        _print_json(summary)
        return
    from experiments.terminal import print_tables, summary_table

    click.echo(f"{chosen.title}\n{summary['scenario']}, seed {seed}, {summary['periods']} periods")
    print_tables(
        summary_table("firm", summary["firms"], FIRM_COLUMNS),
        *(summary_table(f"{name}: tier", firm["tiers"], TIER_COLUMNS) for name, firm in summary["firms"].items()),
    )


@main.command()
@click.argument("scenarios", metavar="SCENARIO[:ARM]...", nargs=-1, required=True)
@click.option(
    "--seeds",
    type=click.IntRange(1, 100_000),
    help="Number of seeds each arm runs on; with --until, the most.  [default: 30; with --until 1000]",
)
@click.option("--seed-from", type=_seed_range, default=1, help="The first seed.")
@click.option(
    "--until",
    "widths",
    multiple=True,
    metavar="NAME=WIDTH%",
    help="Run as many seeds as it takes (at least 30) to know every difference to within WIDTH either way. NAME is "
    "retention (in points), profit (in per cent of the baseline's) or ci (both).",
)
@click.option("--baseline", metavar="ARM", help="The arm the others are compared with.  [default: the first]")
@_set
@_strategy
@_workers
@click.option("--out", type=_folder, help="Folder for the report and its data.  [default: reports/NAME]")
@click.option("--store", type=_folder, help="Keep every run here as it is finished; what is here is not run again.")
@_json
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
    typed = _arms(scenarios, _overrides(settings, strategies))
    again = _again("--set", settings) + _again("--strategy", strategies)
    names = {arm: scenario for arm, (_, scenario) in typed.items()}
    for spec, scenario in typed.values():
        if scenario.arms:
            example = f"{spec}:{next(iter(scenario.arms))}"
            _say(f"{spec} is compared as it stands, without its arms ({', '.join(scenario.arms)}); one is {example}")
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
        _print_json(comparison.to_json())
    else:
        _print_comparison(comparison)
    _exit_with([comparison])


@main.command()
@click.argument("scenarios", metavar="SCENARIO...", nargs=-1, required=True)
def check(scenarios: tuple[str, ...]) -> None:
    """Check scenario files, and say all that is wrong with them."""
    from experiments.one_run import require_readable
    from sim.errors import InputError

    is_wrong = False
    for spec in scenarios:
        try:
            scenario = scenario_of(spec, {})
            every = (scenario, *map(scenario.arm, scenario.arms))
            for note in dict.fromkeys(note for each in every for note in require_readable(each)):
                _say(note)
            arms = f", arms: {', '.join(scenario.arms)}" if scenario.arms else ""
            click.echo(f"{spec}: ok: {scenario.title} ({scenario.customers.count:,} customers{arms})")
        except InputError as error:
            is_wrong = True
            _say(str(error))
    if is_wrong:
        click.get_current_context().exit(BAD_INPUT)


@main.command()
@click.argument("scenario", metavar="[SCENARIO]", default="baseline")
@click.option("--seeds", type=click.IntRange(2, 100_000), default=5, help="Number of seeds.")
@_set
@_workers
@_json
def validate(scenario: str, seeds: int, settings: tuple[str, ...], workers: int | None, as_json: bool) -> None:
    """Measure a market's regularities beside the published ranges of consumer markets."""
    from experiments.one_run import require_readable
    from experiments.runner import Progress
    from experiments.terminal import facts_table, print_tables
    from experiments.validate import validate as measured

    chosen = scenario_of(scenario, _overrides(settings))
    for note in require_readable(chosen):
        _say(note)
    with Progress(seeds, "seeds") as said:
        facts = measured(chosen, range(1, seeds + 1), workers or os.cpu_count() or 1, said)
    if as_json:
        _print_json(json.loads(facts.to_json(orient="records")))
        return
    click.echo(f"{chosen.title}\n{chosen.name}, {seeds} seeds; 95% intervals over seeds")
    print_tables(facts_table(facts))


@main.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--seeds", type=click.IntRange(1, 100_000), default=CLAIMS_SEEDS, help="Number of seeds.")
@_set
@_workers
@click.option("--out", type=_folder, default=Path("reports/claims"), help="Folder for the page and its data.")
@click.option("--markdown", is_flag=True, help="Print the findings as a Markdown table.")
@_json
def claims(
    names: tuple[str, ...],
    seeds: int,
    settings: tuple[str, ...],
    workers: int | None,
    out: Path,
    markdown: bool,
    as_json: bool,
) -> None:
    """Try textbook claims by experiment, each in two or three markets, and judge them by their intervals.

    A NAME is one of "loyalty list claims"; without any, all are tried.
    """
    from experiments.claims import chosen
    from experiments.claims.laboratory import run_claims
    from experiments.report import claims as page
    from experiments.runner import Progress
    from experiments.terminal import print_tables

    tried = chosen(names)
    n_jobs = seeds * sum(len(claim.places) for claim in tried)
    command = shlex.join(["loyalty", "claims", *names, "--seeds", str(seeds), *_again("--set", settings)])
    failures = run_claims(
        tried,
        range(1, seeds + 1),
        out,
        _overrides(settings),
        workers or os.cpu_count() or 1,
        Progress(n_jobs, "experiments"),
        command,
    )
    written = page.write_claims(out)
    if as_json:
        _print_json(page.to_json(out))
    elif markdown:
        click.echo(page.markdown(out), nl=False)
    else:
        print_tables(page.terminal_table(out))
        click.echo(f"page: {written}")
    if failures:
        _say(f"{len(failures)} of {n_jobs} experiments failed; they are listed in {out / 'data' / 'manifest.json'}")
        click.get_current_context().exit(FAILED)


@main.command()
def schema() -> None:
    """Print the JSON Schema of a scenario, with which an editor completes and checks one."""
    from sim.scenario import Scenario

    _print_json(Scenario.model_json_schema())


@main.command(name="list")
@click.argument("kind", type=click.Choice(["types", "strategies", "pyramids", "topologies", "scenarios", "claims"]))
@_json
def list_(kind: str, as_json: bool) -> None:
    """List what a scenario can name, a line each."""
    described = _described(kind)
    if as_json:
        _print_json([{"name": name, "description": description} for name, description in described.items()])
        return
    width = max(map(len, described), default=0)
    for name, description in described.items():
        click.echo(f"{name:<{width}}  {description}".rstrip())


@main.group()
def data() -> None:
    """Write public data that a scenario can use."""


@data.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The CSV file to write.")
def cdnow(out: Path) -> None:
    """Write the CDNOW purchase log: 2,357 customers, their purchases from January 1997 to June 1998."""
    from experiments.data import write_cdnow

    click.echo(write_cdnow(out))


@main.command()
@click.option("--out", type=_folder, default=Path("reports/demo"), help="Folder for the reports.")
@click.option("--seeds", type=click.IntRange(1, 100_000), default=DEMO_SEEDS, help="Number of seeds each arm runs on.")
@_workers
def demo(out: Path, seeds: int, workers: int | None) -> None:
    """Compare the arms of every shipped scenario, and write a report on each and a page that lists them."""
    from experiments.compare import compare_all
    from experiments.report.page import write_index
    from experiments.saved import require_writable

    require_writable(out)
    designs = _demo_designs(out, range(1, seeds + 1))
    _say(f"{len(designs)} comparisons, {seeds} seeds each")
    comparisons = compare_all(designs, workers)
    for comparison in comparisons:
        _print_comparison(comparison)
        click.echo()
    drawn = [comparison.design.out for comparison in comparisons if comparison.report]
    if drawn:
        click.echo(f"all reports: {write_index(drawn, out / 'index.html')}")
    _exit_with(comparisons)


def _overrides(settings: Iterable[str], strategies: Iterable[str] = ()) -> dict[str, object]:
    """Return what ``--set`` and ``--strategy`` ask for, by dotted path.

    Raises
    ------
    InputError
        If a setting is not a path, an equals sign and a TOML value, or a strategy not a firm, a sign and a name.
    """
    from sim.errors import InputError

    overrides: dict[str, object] = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        path = path.strip()
        if not equals or not path:
            raise InputError(
                "not a setting", key="--set", value=setting, allowed="PATH=VALUE, as in customers.count=5000"
            )
        try:
            parsed = tomllib.loads(f"value = {text}")
        except tomllib.TOMLDecodeError:
            parsed = {}
        if set(parsed) != {"value"}:
            quoted = f"{path}={json.dumps(text, ensure_ascii=False)}"
            raise InputError(
                "not a TOML value", key=f"--set {path}", value=text, allowed=f"a TOML value; text in quotes: '{quoted}'"
            )
        overrides[path] = parsed["value"]
    for chosen in strategies:
        firm, _, name = (part.strip() for part in chosen.rpartition("="))
        if not firm or not name:
            allowed = "FIRM=STRATEGY, as in Aurora=cut_price or Aurora=my_module:Mine"
            raise InputError("not a strategy of a firm", key="--strategy", value=chosen, allowed=allowed)
        overrides[f"firms.{firm}.strategy"] = {"name": name}
    return overrides


def _again(option: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


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
                _say(f"{name} is left out: {error}")
                continue
        arms = _arms([name], {})
        scenarios = {arm: scenario for arm, (_, scenario) in arms.items()}
        reruns = {arm: f"loyalty run {spec}" for arm, (spec, _) in arms.items()}
        command = f"loyalty compare {name} --seeds {len(seeds)}"
        designs.append(Design(scenarios, seeds, next(iter(arms)), out / name, command, reruns))
    return designs


def _described(kind: str) -> dict[str, str]:
    """Return what there is of a kind, by name, with a line on each."""
    if kind == "types":
        from sim.loyalty_types import TYPE_DESCRIPTIONS

        return TYPE_DESCRIPTIONS
    if kind == "strategies":
        from sim.strategies import STRATEGIES

        return {name: _first_line(each) for name, each in STRATEGIES.items()}
    if kind == "pyramids":
        from sim.pyramids import PYRAMIDS, SHAPES

        told = {name: shape.told for name, shape in SHAPES.items()}
        return {name: told.get(name) or _first_line(each) for name, each in PYRAMIDS.items()}
    if kind == "topologies":
        return TOPOLOGIES
    if kind == "claims":
        from experiments.claims import CLAIMS

        return {name: claim.text for name, claim in CLAIMS.items()}
    from sim.scenario import shipped

    return {name: tomllib.loads(path.read_text(encoding="utf-8")).get("title", "") for name, path in shipped().items()}


def _first_line(documented: type) -> str:
    return " ".join((documented.__doc__ or "").partition("\n\n")[0].split()).rstrip(".")


def _say(message: str) -> None:
    click.echo(message, err=True)


def _print_json(answer: object) -> None:
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False))


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
            _say(f"{len(comparison.failed)} of {n_runs} runs failed; they are listed in {data / 'manifest.json'}")
        if comparison.problem:
            _say(f"no report: {comparison.problem}; the data are in {data}")
    if not all(comparison.succeeded for comparison in comparisons):
        click.get_current_context().exit(FAILED)


add_to(main, _overrides)
study_commands.add_to(main, _overrides)

if __name__ == "__main__":
    main(prog_name="loyalty")
