"""What commands share: exit codes, options, and how settings are read and answers printed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path

import click

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130

set_option = click.option(
    "--set", "settings", multiple=True, metavar="PATH=VALUE", help="Change a setting (a TOML value)."
)
strategy_option = click.option(
    "--strategy",
    "strategies",
    multiple=True,
    metavar="FIRM=STRATEGY",
    help="Let a firm decide by one of the listed strategies, or by your own: MODULE:CLASS.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
workers_option = click.option("--workers", type=click.IntRange(1), help="Processes.  [default: one per processor]")
FOLDER = click.Path(path_type=Path)
SEED_RANGE = click.IntRange(0, 2**63 - 1)


def overrides_of(settings: Iterable[str], strategies: Iterable[str] = ()) -> dict[str, object]:
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


def option_words(option: str, values: Iterable[str]) -> list[str]:
    """Return the words that give an option once more for each value."""
    return [word for value in values for word in (option, value)]


def say(message: str) -> None:
    """Say something on standard error."""
    click.echo(message, err=True)


def print_json(answer: object) -> None:
    """Print an answer as JSON."""
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False))
