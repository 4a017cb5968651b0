"""The ``loyalty`` command: the answer on standard output, progress and messages on standard error.

Exit codes: 0 done, 1 a run failed, 2 bad input, 130 interrupted. What a command needs is imported when it runs, so that
help and completion stay quick.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from experiments.analyses import commands as analysis_commands
from experiments.command_line import (
    BAD_INPUT,
    FAILED,
    FOLDER,
    INTERRUPTED,
    SEED_RANGE,
    json_option,
    option_words,
    overrides_of,
    print_json,
    say,
    set_option,
    strategy_option,
    workers_option,
)
from experiments.comparing import compare, demo
from experiments.listed import descriptions_of
from experiments.named import scenario_of
from experiments.study import commands as study_commands

CLAIMS_SEEDS = 6
FIRM_COLUMNS = ("customers", "gained", "lost", "retention", "repeat_rate", "share", "satisfaction", "revenue", "profit")
TIER_COLUMNS = ("customers", "gained", "lost", "retention", "purchases", "revenue", "contribution")
RUN_TABLES = (
    "periods", "tiers", "types", "losses", "migration", "retention_by", "ledger", "nodes", "ties",
    "loyalty", "loyalty_weights", "diagnosis", "patronage", "value", "cohorts", "matrix", "elasticity",
    "attributes", "four_tests", "contagion", "programmes", "occasions", "bonds", "credit", "built",
    "life_stages",
)  # fmt: skip


class _Loyalty(click.Group):
    """Turns what can go wrong into one message and an exit code; only a fault of the program shows a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            say(str(stop) or "stopped")
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:  # the reader, such as head, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except OSError as error:
            say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
            ctx.exit(FAILED)
        except (ValueError, RuntimeError) as error:
            from sim.errors import InputError, StrategyError

            if not isinstance(error, InputError | StrategyError):
                raise
            say(str(error))
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


@main.command()
@click.argument("scenario", metavar="SCENARIO[:ARM]")
@click.option("--seed", type=SEED_RANGE, default=1, help="The run's luck.")
@set_option
@strategy_option
@click.option("--periods", type=click.IntRange(1, 30_000), help="Run so many periods.  [default: as the scenario says]")
@click.option("--out", type=FOLDER, help="Folder for the run's tables, as Parquet and CSV, and its summary.")
@json_option
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

    chosen = scenario_of(scenario, overrides_of(settings, strategies))
    for note in require_readable(chosen):
        say(note)
    if out is not None:
        from experiments.saved import require_writable, write_json, write_table

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
        write_json(out / "summary.json", summary)
        say(f"tables are in {out}")
    if as_json:
        print_json(summary)
        return
    from experiments.terminal import print_tables, summary_table

    click.echo(f"{chosen.title}\n{summary['scenario']}, seed {seed}, {summary['periods']} periods")
    print_tables(
        summary_table("firm", summary["firms"], FIRM_COLUMNS),
        *(summary_table(f"{name}: tier", firm["tiers"], TIER_COLUMNS) for name, firm in summary["firms"].items()),
    )


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
                say(note)
            arms = f", arms: {', '.join(scenario.arms)}" if scenario.arms else ""
            click.echo(f"{spec}: ok: {scenario.title} ({scenario.customers.count:,} customers{arms})")
        except InputError as error:
            is_wrong = True
            say(str(error))
    if is_wrong:
        click.get_current_context().exit(BAD_INPUT)


@main.command()
@click.argument("scenario", metavar="[SCENARIO]", default="baseline")
@click.option("--seeds", type=click.IntRange(2, 100_000), default=5, help="Number of seeds.")
@set_option
@workers_option
@json_option
def validate(scenario: str, seeds: int, settings: tuple[str, ...], workers: int | None, as_json: bool) -> None:
    """Measure a market's regularities beside the published ranges of consumer markets."""
    from experiments.one_run import require_readable
    from experiments.runner import Progress
    from experiments.terminal import facts_table, print_tables
    from experiments.validate import validate as measured

    chosen = scenario_of(scenario, overrides_of(settings))
    for note in require_readable(chosen):
        say(note)
    with Progress(seeds, "seeds") as said:
        facts = measured(chosen, range(1, seeds + 1), workers or os.cpu_count() or 1, said)
    if as_json:
        print_json(json.loads(facts.to_json(orient="records")))
        return
    click.echo(f"{chosen.title}\n{chosen.name}, {seeds} seeds; 95% intervals over seeds")
    print_tables(facts_table(facts))


@main.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--seeds", type=click.IntRange(1, 100_000), default=CLAIMS_SEEDS, help="Number of seeds.")
@set_option
@workers_option
@click.option("--out", type=FOLDER, default=Path("reports/claims"), help="Folder for the page and its data.")
@click.option("--markdown", is_flag=True, help="Print the findings as a Markdown table.")
@json_option
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
    command = shlex.join(["loyalty", "claims", *names, "--seeds", str(seeds), *option_words("--set", settings)])
    failures = run_claims(
        tried,
        range(1, seeds + 1),
        out,
        overrides_of(settings),
        workers or os.cpu_count() or 1,
        Progress(n_jobs, "experiments"),
        command,
    )
    written = page.write_claims(out)
    if as_json:
        print_json(page.to_json(out))
    elif markdown:
        click.echo(page.markdown(out), nl=False)
    else:
        print_tables(page.terminal_table(out))
        click.echo(f"page: {written}")
    if failures:
        say(f"{len(failures)} of {n_jobs} experiments failed; they are listed in {out / 'data' / 'manifest.json'}")
        click.get_current_context().exit(FAILED)


@main.command()
def schema() -> None:
    """Print the JSON Schema of a scenario, with which an editor completes and checks one."""
    from sim.scenario import Scenario

    print_json(Scenario.model_json_schema())


@main.command(name="list")
@click.argument("kind", type=click.Choice(["types", "strategies", "pyramids", "topologies", "scenarios", "claims"]))
@json_option
def list_(kind: str, as_json: bool) -> None:
    """List what a scenario can name, a line each."""
    described = descriptions_of(kind)
    if as_json:
        print_json([{"name": name, "description": description} for name, description in described.items()])
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


analysis_commands.add_to(main)
study_commands.add_to(main)
main.add_command(compare)
main.add_command(demo)

if __name__ == "__main__":
    main(prog_name="loyalty")
