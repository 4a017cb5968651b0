"""Settings for people to read: what differs between arms, and a scenario as the text of a file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.scenario import Scenario


def differing_settings(arms: Mapping[str, Scenario]) -> dict[str, dict[str, Any]]:
    """Return, by arm, the settings in which the arms differ: values by dotted path, firms by name."""
    settings = {
        arm: dict(_flattened(scenario.model_dump(mode="json", exclude={"title", "arms"}), ""))
        for arm, scenario in arms.items()
    }
    paths = dict.fromkeys(path for each in settings.values() for path in each)
    differing = [path for path in paths if len({json.dumps(each.get(path)) for each in settings.values()}) > 1]
    return {arm: {path: each[path] for path in differing if path in each} for arm, each in settings.items()}


def _flattened(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        members = list(value.items())
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        members = [(str(each.get("name", i)), each) for i, each in enumerate(value)]
    else:
        yield path, value
        return
    for key, each in members:
        yield from _flattened(each, f"{path}.{key}" if path else key)


def to_toml(scenario: Scenario) -> str:
    """Return a scenario as the text of a file: its settings as given, with what it extends and overrides laid in."""
    raw = {key: value for key, value in scenario.raw.items() if key != "arms" and value is not None}
    tables = {key: value if isinstance(value, list) else [value] for key, value in raw.items() if _is_table(value)}
    lines = [f"{_key(key)} = {_toml(value)}" for key, value in raw.items() if key not in tables]
    for key, members in tables.items():
        for member in members:
            lines += ["", f"[[{_key(key)}]]" if isinstance(raw[key], list) else f"[{_key(key)}]"]
            lines += [f"{_key(name)} = {_toml(value)}" for name, value in member.items() if value is not None]
    return "\n".join(lines) + "\n"


def _is_table(value: Any) -> bool:
    members = value if isinstance(value, list) else [value]
    return bool(members) and all(isinstance(each, dict) for each in members)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, dict):
        members = (f"{_key(key)} = {_toml(each)}" for key, each in value.items() if each is not None)
        return f"{{ {', '.join(members)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
