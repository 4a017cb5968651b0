"""Settings that are not known for sure, written as ``PATH=LOW:HIGH`` or ``PATH=A,B,C``, and a few to begin with."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from experiments.analyses.sensitivity import Factor
from sim.errors import InputError
from sim.scenario import Scenario

ALLOWED = (
    "PATH=LOW:HIGH, as in customers.behaviour.praise_rate=0.1:0.4, or PATH=A,B, as in network.topology=ring,random"
)
HALF, DOUBLE = 0.5, 2.0
UNSURE = (
    "customers.behaviour.praise_rate",
    "customers.behaviour.opinion_weight",
    "customers.behaviour.attachment_rise",
    "customers.behaviour.habit_weight",
    "customers.behaviour.disconfirmation_scale",
    "customers.behaviour.taste_spread",
    "customers.demand.mean_rate",
)
UNSURE_TYPES = ("price", "premium")


def parse(text: str) -> Factor:
    """Return the factor that ``PATH=LOW:HIGH`` or ``PATH=A,B,C`` means; two whole ends may mean whole numbers.

    Raises
    ------
    InputError
        If it means neither.

    Examples
    --------
    >>> parse("customers.count=100:200").is_whole, parse("network.topology=ring,random").choices
    (True, ('ring', 'random'))
    """
    path, equals, values = (part.strip() for part in text.partition("="))
    if not equals or not path or not values:
        raise InputError("is no setting to vary", key="--vary", value=text, allowed=ALLOWED)
    ends = values.split(":")
    if len(ends) == 2:
        low, high = (_value(end) for end in ends)
        if any(isinstance(end, bool | str) or not isinstance(end, int | float) for end in (low, high)):
            raise InputError("is no range of numbers", key="--vary", value=text, allowed=ALLOWED)
        return Factor(path, float(low), float(high), is_whole=isinstance(low, int) and isinstance(high, int))
    choices = tuple(_value(part) for part in values.split(","))
    return Factor(path, choices=choices)


def _value(text: str) -> Any:
    """Return a TOML value; a bare word is a string."""
    try:
        return tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def unsure(scenario: Scenario) -> list[Factor]:
    """Return assumptions that few markets are sure of: each between half and twice what the scenario has.

    They are talk, what builds loyalty, how often people buy, and the shares of price and premium customers.
    """
    factors = []
    for path in UNSURE:
        if path == "customers.demand.mean_rate" and scenario.customers.demand.transactions is not None:
            continue
        value = _at(scenario, path)
        if value > 0.0:
            factors.append(Factor(path, HALF * value, DOUBLE * value))
    for name in UNSURE_TYPES:
        share = scenario.customers.mix.get(name, 0.0)
        if 0.0 < share < 1.0:
            factors.append(Factor(f"customers.mix.{name}", HALF * share, min(DOUBLE * share, 0.45)))
    return factors


def _at(scenario: Scenario, path: str) -> float:
    node: Any = scenario
    for key in path.split("."):
        node = getattr(node, key)
    return float(node)


def _takes_fractions(scenario: Scenario, factor: Factor) -> bool:
    """Say whether a setting may lie between whole numbers: 0:1 is then a range, not two values."""
    from experiments.analyses.evaluate import with_settings

    try:
        with_settings(scenario, [{factor.path: int(factor.low) + 0.5}])
    except InputError:
        return False
    return True


def factors_of(given: Sequence[str], scenario: Scenario) -> list[Factor]:
    """Return the factors asked for, or those of :func:`unsure`; the extremes of each are checked.

    Raises
    ------
    InputError
        If a factor is named twice, or its path or an extreme is not allowed.
    """
    factors = [parse(text) for text in given] or unsure(scenario)
    paths = [each.path for each in factors]
    for path in paths:
        if paths.count(path) > 1:
            raise InputError("is varied twice", key="--vary", value=path, allowed="each path once")
    factors = as_taken(factors, scenario)
    require_ends(factors, scenario)
    return factors


def as_taken(factors: Sequence[Factor], scenario: Scenario) -> list[Factor]:
    """Return factors with whole ends as ranges of whole numbers only where the setting is one."""
    return [
        replace(each, is_whole=False) if each.is_whole and _takes_fractions(scenario, each) else each
        for each in factors
    ]


def require_ends(factors: Sequence[Factor], scenario: Scenario) -> None:
    """Check the ends of every range, and every choice.

    Raises
    ------
    InputError
        If a path does not exist or a value is not allowed.
    """
    from experiments.analyses.evaluate import with_settings

    for each in factors:
        values = each.choices or (each.value(0.0), each.value(1.0))
        with_settings(scenario, [{each.path: value} for value in values])
