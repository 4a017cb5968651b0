"""``loyalty sensitivity``, ``tournament``, ``optimise`` and ``robustness``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.command_line import FAILED, FOLDER, json_option, overrides_of, set_option, workers_option
from experiments.named import scenario_of
from sim.errors import InputError

if TYPE_CHECKING:
    from experiments.analyses.page import Found
    from sim.scenario import Scenario

METRICS = (
    "profit",
    "retention",
    "share",
    "customers",
    "repeat_rate",
    "satisfaction",
    "attachment",
    "revenue",
    "equity",
)

_out = click.option("--out", type=FOLDER, help="Folder for the page and its data.  [default: reports/COMMAND]")
_vary = click.option(
    "--vary",
    "varied",
    multiple=True,
    metavar="PATH=LOW:HIGH",
    help="A setting that is not known for sure: a range, or choices PATH=A,B,C. A share of one type "
    "(customers.mix.price) leaves the others in proportion.",
)
_metric = click.option("--metric", type=click.Choice(METRICS), default="profit", help="What is asked about.")


def _seeds(default: int) -> Callable[[Any], Any]:
    return click.option("--seeds", type=click.IntRange(1, 100_000), default=default, help="Seeds of every setting.")


def add_to(group: click.Group) -> None:
    """Add the commands to the ``loyalty`` command."""

    @group.command()
    @click.argument("scenario")
    @click.option("--against", metavar="ARM", help="Ask about the difference that this arm makes to SCENARIO.")
    @click.option("--method", type=click.Choice(["sobol", "morris"]), default="sobol", help="Indices, or a screening.")
    @click.option(
        "-n", "size", type=click.IntRange(2), default=16, help="Base size of the design; of sobol a power of 2."
    )
    @_vary
    @_metric
    @_seeds(2)
    @set_option
    @workers_option
    @_out
    @json_option
    def sensitivity(
        scenario: str,
        against: str | None,
        method: str,
        size: int,
        varied: tuple[str, ...],
        metric: str,
        seeds: int,
        settings: tuple[str, ...],
        workers: int | None,
        out: Path | None,
        as_json: bool,
    ) -> None:
        """Tell which assumption the answer hangs on: a level, or the difference between an arm and another.

        SCENARIO is a file, a shipped name, or either with :ARM. Without --vary some assumptions that few are sure of
        are varied, from half to twice what they are.
        """
        from experiments.analyses.ask_sensitivity import ask_sensitivity
        from experiments.analyses.assumptions import factors_of
        from experiments.analyses.evaluate import Bench

        arms = _arms(scenario, against, overrides_of(settings))
        factors = factors_of(varied, next(iter(arms.values())))
        page = _page(out, "sensitivity")
        with Bench(workers) as bench:
            found = ask_sensitivity(bench, arms, factors, metric, range(1, seeds + 1), method, size)
        _tell(found, page, as_json)

    @group.command()
    @click.argument("scenario")
    @click.option("--worlds", type=click.IntRange(10, 1_000_000), default=60, help="Worlds to try.")
    @_vary
    @_metric
    @_seeds(1)
    @set_option
    @workers_option
    @_out
    @json_option
    def robustness(
        scenario: str,
        worlds: int,
        varied: tuple[str, ...],
        metric: str,
        seeds: int,
        settings: tuple[str, ...],
        workers: int | None,
        out: Path | None,
        as_json: bool,
    ) -> None:
        """Tell which arm of SCENARIO holds up when the world is not as assumed, and where another loses to it."""
        from experiments.analyses.ask_robustness import ask_robustness
        from experiments.analyses.assumptions import factors_of
        from experiments.analyses.evaluate import Bench

        arms = _all_arms(scenario, overrides_of(settings))
        factors = factors_of(varied, next(iter(arms.values())))
        page = _page(out, "robustness")
        with Bench(workers) as bench:
            found = ask_robustness(bench, arms, factors, metric, range(1, seeds + 1), worlds)
        _tell(found, page, as_json)

    @group.command()
    @click.argument("scenario")
    @click.option(
        "--vary", "varied", multiple=True, required=True, metavar="PATH=LOW:HIGH", help="A lever of the firm."
    )
    @click.option(
        "--budget", type=click.FloatRange(min=0), help="Most to spend on customers over the long run, in money."
    )
    @click.option("--trials", type=click.IntRange(2, 1_000_000), default=64, help="Policies to try.")
    @click.option(
        "--fresh", type=click.IntRange(2, 100_000), default=12, help="Seeds on which the best are judged anew."
    )
    @_seeds(4)
    @set_option
    @workers_option
    @_out
    @json_option
    def optimise(
        scenario: str,
        varied: tuple[str, ...],
        budget: float | None,
        trials: int,
        fresh: int,
        seeds: int,
        settings: tuple[str, ...],
        workers: int | None,
        out: Path | None,
        as_json: bool,
    ) -> None:
        """Search for policies of SCENARIO's firm that none beats in retention, profit and risk at once.

        They are held against the scenario as it is and its arms, on seeds that the search never saw.
        """
        from experiments.analyses.ask_optimum import ask_optimum
        from experiments.analyses.assumptions import factors_of
        from experiments.analyses.evaluate import Bench
        from sim.scenario import load_scenario

        changes = overrides_of(settings)
        base = scenario_of(scenario, changes)
        arms = {"as it is": base}
        if ":" not in scenario:
            arms |= {arm: scenario_of(f"{scenario}:{arm}", changes) for arm in load_scenario(scenario).arms}
        search, judge = range(1, seeds + 1), range(seeds + 1, seeds + fresh + 1)
        levers = factors_of(varied, base)
        page = _page(out, "optimise")
        with Bench(workers) as bench:
            found = ask_optimum(bench, arms, levers, search, judge, trials, budget)
        _tell(found, page, as_json)

    @group.command()
    @click.argument("scenario")
    @click.option(
        "--strategy",
        "strategies",
        multiple=True,
        metavar="NAME",
        help="Who plays: an arm of SCENARIO, by the strategy it gives the firm; a listed strategy with its defaults; "
        "or MODULE:CLASS.  [default: all arms, and what has defaults]",
    )
    @click.option("--firms", type=click.IntRange(2, 6), default=2, help="Firms in each market.")
    @_seeds(3)
    @set_option
    @workers_option
    @_out
    @json_option
    def tournament(
        scenario: str,
        strategies: tuple[str, ...],
        firms: int,
        seeds: int,
        settings: tuple[str, ...],
        workers: int | None,
        out: Path | None,
        as_json: bool,
    ) -> None:
        """Play every strategy against every other and itself in SCENARIO's market, in every seat."""
        from experiments.analyses.ask_tournament import ask_tournament, players_of
        from experiments.analyses.evaluate import Bench

        base = scenario_of(scenario, overrides_of(settings))
        players = players_of(base, strategies)
        page = _page(out, "tournament")
        with Bench(workers) as bench:
            found = ask_tournament(bench, base, players, firms, range(1, seeds + 1))
        _tell(found, page, as_json)


def _page(out: Path | None, command: str) -> Path:
    """Return the folder of the page, which can be written."""
    from experiments.saved import require_writable

    folder = out or Path("reports") / command
    require_writable(folder / "data")
    return folder


def _arms(spec: str, against: str | None, changes: dict[str, object]) -> dict[str, Scenario]:
    scenario = scenario_of(spec, changes)
    if against is None:
        return {scenario.name: scenario}
    path, _, own = spec.rpartition(":") if ":" in spec and not Path(spec).exists() else (spec, "", "")
    if against == own:
        raise InputError("is what it is held against", key="--against", value=against, allowed="another arm")
    other = scenario_of(f"{path}:{against}", changes)
    return {scenario.name.rpartition(":")[2]: scenario, against: other}


def _all_arms(spec: str, changes: dict[str, object]) -> dict[str, Scenario]:
    scenario = scenario_of(spec, changes)
    if not scenario.arms:
        raise InputError("has no arms to choose between", file=scenario.source, key="arms", allowed="two arms or more")
    return {arm: scenario_of(f"{spec}:{arm}", changes) for arm in scenario.arms}


def _tell(found: Found, out: Path, as_json: bool) -> None:
    """Save the page and say what was found; exit 1 if a run failed."""
    command = shlex.join(["loyalty", *sys.argv[1:]])
    written = found.save(out, command)
    found.tell(as_json, report=str(written))
    if found.failures:
        click.echo(f"{len(found.failures)} runs failed; they are listed in the report", err=True)
        click.get_current_context().exit(FAILED)
