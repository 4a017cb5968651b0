"""``loyalty study``, ``sweep``, ``status`` and ``query``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.command_line import FAILED, FOLDER, json_option, overrides_of, print_json, set_option, workers_option

if TYPE_CHECKING:
    import pandas as pd

    from experiments.study.study_file import Study


_store = click.option("--store", type=FOLDER, help="Folder of the store.  [default: as the study says, or stores/NAME]")
_cluster = click.option("--cluster", metavar="ADDRESS", help="A dask scheduler to use instead: tcp://127.0.0.1:8786")
_out = click.option("--out", type=FOLDER, help="Folder for the page and its data.  [default: reports/NAME]")


def add_to(group: click.Group) -> None:
    """Add the commands to the ``loyalty`` command."""

    @group.command()
    @click.argument("study", metavar="STUDY.toml", type=FOLDER)
    @_store
    @workers_option
    @_cluster
    @_out
    @json_option
    def study(
        study: Path, store: Path | None, workers: int | None, cluster: str | None, out: Path | None, as_json: bool
    ) -> None:
        """Do a study: make the runs that its store lacks, and write what all of them tell.

        Whatever stops it, the same command goes on from there.
        """
        from experiments.study.study_file import load_study

        _do(load_study(study), store, workers, cluster, out, as_json)

    @group.command()
    @click.argument("scenario")
    @click.option("--vary", "varied", multiple=True, required=True, metavar="PATH=A,B,C", help="Values of a setting.")
    @click.option(
        "--points",
        type=click.IntRange(2, 1_000_000),
        help="Fill ranges PATH=LOW:HIGH by so many points (Sobol') instead of combining values.",
    )
    @click.option(
        "--seeds",
        type=click.IntRange(1, 100_000),
        help="Seeds of every point; with --until, the most.  [default: 10; with --until 1000]",
    )
    @click.option("--until", metavar="NAME=WIDTH%", help="As many of the seeds as it takes: see loyalty compare.")
    @click.option("--outcome", "outcomes", multiple=True, help="What is asked about.  [default: profit, retention]")
    @set_option
    @_store
    @workers_option
    @_cluster
    @_out
    @json_option
    def sweep(
        scenario: str,
        varied: tuple[str, ...],
        points: int | None,
        seeds: int | None,
        until: str | None,
        outcomes: tuple[str, ...],
        settings: tuple[str, ...],
        store: Path | None,
        workers: int | None,
        cluster: str | None,
        out: Path | None,
        as_json: bool,
    ) -> None:
        """Try every combination of some values of settings, and draw what each changes.

        SCENARIO is a file, a shipped name, or either with :ARM.
        """
        from experiments.analyses.assumptions import parse
        from experiments.named import scenario_of
        from experiments.study.study_file import study_of
        from sim.errors import InputError

        vary: dict[str, Any] = {}
        for factor in map(parse, varied):
            if factor.path in vary:
                raise InputError("is varied twice", key="--vary", value=factor.path, allowed="each path once")
            whole = int if factor.is_whole else float
            ends = {"low": whole(factor.low), "high": whole(factor.high)}
            vary[factor.path] = list(factor.choices) if factor.choices else ends
        changes = overrides_of(settings)
        asked: dict[str, Any] = {
            "title": scenario_of(scenario, changes).title,
            "scenario": scenario,
            "set": changes,
            "vary": vary,
            "design": {"kind": "sobol", "points": points} if points else {"kind": "grid"},
        }
        asked |= {"seeds": seeds} if seeds else {}
        asked |= {"until": until} if until else {}
        asked |= {"outcomes": outcomes} if outcomes else {}
        _do(study_of(asked), store, workers, cluster, out, as_json)

    @group.command()
    @click.argument("store", type=FOLDER)
    @json_option
    def status(store: Path, as_json: bool) -> None:
        """Show how far the studies of a store are: runs done, failed, under way and left, and the time left."""
        from experiments.study.store import Store

        kept = Store(store, create=False)
        found = [kept.status(name) for name in kept.studies()]
        if as_json:
            print_json({"runs": len(kept), "studies": [each.to_json() for each in found]})
            return
        click.echo(f"{len(kept):,} finished runs in {store}")
        for each in found:
            left = each.to_json()["left"]
            seconds = each.seconds_left
            parts = [f"{each.done:,} done", f"{each.failed:,} failed", f"{each.running:,} running"]
            parts += [] if left is None else [f"{left:,} left"]
            parts += [] if seconds is None else [f"about {_time(seconds)}"]
            click.echo(f"{each.study}: {', '.join(parts)}")

    @group.command()
    @click.argument("store", type=FOLDER)
    @click.argument("sql", metavar="SQL")
    @click.option("--csv", "as_csv", is_flag=True, help="Print the answer as CSV.")
    @json_option
    def query(store: Path, sql: str, as_csv: bool, as_json: bool) -> None:
        """Ask a store in SQL. Tables: runs, failed, labels, timing, and each study under its name.

        A study's table has its settings as columns: select "firms.Aurora.price", avg(profit) from "my-study" group by 1
        """
        from experiments.study.store import Store

        answer = Store(store, create=False).sql(sql)
        if as_json:
            from experiments.analyses.page import plain

            print_json(plain(answer))
        elif as_csv or not sys.stdout.isatty():
            click.echo(answer.to_csv(index=False), nl=False)
        else:
            _print_frame(answer)


def _do(
    study: Study, store: Path | None, workers: int | None, cluster: str | None, out: Path | None, as_json: bool
) -> None:
    """Check a study, have its runs made, and say and write what they tell; exit 1 if one failed."""
    from experiments.saved import require_writable
    from experiments.study.do import do_study
    from experiments.study.store import Store

    place = store or (study.folder / study.store if study.store else Path("stores") / study.name)
    page = out or Path("reports") / study.name

    def opened() -> Store:
        kept = Store(place)
        for folder in (place, page / "data"):
            require_writable(folder)
        return kept

    found, tally = do_study(study, opened, workers=workers, cluster=cluster)
    if tally.known:
        click.echo(f"{tally.made:,} runs made; {tally.known:,} were in {place}", err=True)
    written = found.save(page, shlex.join(["loyalty", *sys.argv[1:]]))
    found.tell(as_json, store=str(place), report=str(written))
    if tally.n_failed:
        click.echo(f"{tally.n_failed} runs failed; they are listed in the report and in the store", err=True)
        click.get_current_context().exit(FAILED)


def _print_frame(frame: pd.DataFrame) -> None:
    from rich.table import Table

    from experiments.analyses.page import say
    from experiments.terminal import print_tables

    table = Table()
    for column in frame.columns:
        table.add_column(str(column), overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(say(value) for value in row))
    print_tables(table)


def _time(seconds: float) -> str:
    for size, word in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{seconds:.0f} seconds"
