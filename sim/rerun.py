"""How to run a market again: what an error says so that its reader can see it happen."""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sim.errors import InputError
from sim.scenario import load_scenario, shipped

if TYPE_CHECKING:
    from sim.scenario import Scenario


def rerun(scenario: Scenario, seed: int, periods: int) -> str:
    """Return what runs a market again for so many periods: a command, or Python where no command says the same.

    A command serves where the scenario is a file, or an arm of one, with or without settings changed; it is given only
    if it leads to the very same settings.
    """
    command = _command(scenario)
    if command is None:
        settings = scenario.model_dump(mode="json", exclude_unset=True, exclude={"arms"})
        return f"Market(from_settings({settings!r}), seed={seed}).run({periods})"
    return shlex.join([*command, "--seed", str(seed), "--periods", str(periods)])


def _command(scenario: Scenario) -> list[str] | None:
    """Return the command that runs a scenario, without seed, or None if there is none."""
    if scenario.source is None:
        return None
    file = scenario.source.stem if scenario.source in shipped().values() else str(scenario.source)
    _, colon, arm = scenario.name.partition(":")
    try:
        written = load_scenario(file).arm(arm) if colon else load_scenario(file)
        changes = {path: json.dumps(value) for path, value in _changes(written.raw, scenario.raw, "")}
        typed = {path: tomllib.loads(f"value = {text}")["value"] for path, text in changes.items()}
        if written.with_overrides(typed).content_hash() != scenario.content_hash():
            return None
    except (InputError, tomllib.TOMLDecodeError):
        return None
    settings = [word for path, text in changes.items() for word in ("--set", f"{path}={text}")]
    return ["loyalty", "run", f"{file}{colon}{arm}", *settings]


def _changes(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield what has to be set to come from old settings to new ones: values by dotted path, members by number."""
    if new == old:
        return
    if isinstance(new, dict):
        old = old if isinstance(old, dict) else {}
        members = [(key, old.get(key), value) for key, value in new.items() if key != "arms"]
    elif isinstance(new, list) and isinstance(old, list) and len(new) == len(old) and isinstance(new[0], dict):
        members = [(str(i), *pair) for i, pair in enumerate(zip(old, new, strict=True))]
    else:
        yield path, new
        return
    for key, before, after in members:
        yield from _changes(before, after, f"{path}.{key}" if path else key)
