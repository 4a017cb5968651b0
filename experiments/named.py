"""The scenario that a user names: a file, a shipped name, or either with an arm; and the arms of one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import InputError

if TYPE_CHECKING:
    from sim.scenario import Scenario


def scenario_of(spec: str, changes: Mapping[str, object], folder: Path = Path()) -> Scenario:
    """Return the scenario that a path, a shipped name, or either with ``:ARM`` means; changes come last.

    Parameters
    ----------
    spec : str
        What the user wrote.
    changes : mapping of str to object
        Settings to change, by dotted path.
    folder : Path
        Where relative paths start from.

    Raises
    ------
    InputError
        If there is no such scenario or arm, or a change is not allowed.
    """
    from sim.scenario import load_scenario

    path, colon, arm = spec.rpartition(":")
    has_arm = bool(colon) and not (folder / spec).exists()
    wanted = path if has_arm else spec
    found = folder / wanted if (folder / wanted).is_file() else wanted
    if not has_arm:
        return load_scenario(found, changes)
    scenario = load_scenario(found).arm(arm)
    return scenario.with_overrides(changes) if changes else scenario


def as_scenario(scenario: Scenario | str | Path) -> Scenario:
    """Return a scenario as it is, or the one that a file or a name means: see :func:`scenario_of`."""
    return scenario_of(str(scenario), {}) if isinstance(scenario, str | Path) else scenario


def arms_of(scenario: Scenario | str) -> dict[str, Scenario]:
    """Return the arms of a scenario, by name, in the order of its file.

    Parameters
    ----------
    scenario : Scenario or str
        A scenario, a file, or the name of a shipped one.

    Raises
    ------
    InputError
        If it cannot be read, or has no arms.

    Examples
    --------
    >>> list(arms_of("baseline"))[:2]
    ['equal', 'tiered_service']
    """
    base = as_scenario(scenario)
    if not base.arms:
        raise InputError("has no arms", file=base.source, key="arms", allowed="a scenario with arms")
    return {arm: base.arm(arm) for arm in base.arms}
