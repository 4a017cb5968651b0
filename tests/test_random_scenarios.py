"""The drawn scenarios cover the whole schema: whatever a scenario may set is set, to more than one value."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from sim.event_settings import AnyEvent
from sim.pyramids import PYRAMIDS
from sim.scenario import Scenario, from_settings
from sim.strategies import STRATEGIES
from sim.strategies.own import OwnStrategy
from sim.topologies import TAKES
from tests.drawn import Drawn, models_in

#: Settings that decide nothing in a run: words, what is compared, over which periods, and whom a study asks, and when.
#: A strategy of one's own has tests of its own.
NO_PART_OF_A_RUN = {("Scenario", name) for name in ("title", "focal", "warm_up", "arms")} | {
    ("SurveySpec", "sample"),
    ("SurveySpec", "every"),
}


def models_of(value: Any) -> Iterator[BaseModel]:
    """Yield the models within a value, itself included."""
    if isinstance(value, BaseModel):
        yield value
        value = dict(value)
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ():
        yield from models_of(part)


@pytest.fixture(scope="module")
def values(drawn: list[Drawn]) -> dict[tuple[str, str], Counter[str]]:
    """Return how often each setting of each model has had each value, over all drawn scenarios."""
    seen: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for each in drawn:
        for model in models_of(from_settings(each.raw)):
            for name in type(model).model_fields:
                seen[type(model).__name__, name][repr(getattr(model, name))] += 1
    return seen


SETTINGS = sorted(
    {
        (model.__name__, name): field
        for model in models_in(Scenario)
        for name, field in model.model_fields.items()
        if model is not OwnStrategy and (model.__name__, name) not in NO_PART_OF_A_RUN
    }.items()
)


@pytest.mark.parametrize(("setting", "field"), SETTINGS, ids=[".".join(setting) for setting, _ in SETTINGS])
def test_every_setting_is_drawn_with_more_than_one_value(
    values: dict[tuple[str, str], Counter[str]], setting: tuple[str, str], field: Any
) -> None:
    """Of a choice, every one; of a setting that may be left out, left out and given."""
    is_choice = get_origin(field.annotation) is Literal
    wanted = {repr(choice) for choice in get_args(field.annotation)} if is_choice else set()
    if type(None) in get_args(field.annotation):
        wanted.add("None")
    assert wanted <= values[setting].keys()
    assert len(values[setting]) > 1 or len(wanted) == 1


def test_every_registered_part_is_drawn_and_run(drawn: list[Drawn]) -> None:
    firms = [firm for each in drawn for firm in each.raw["firms"]]
    assert {firm["strategy"]["name"] for firm in firms} == STRATEGIES.keys()
    assert {firm["pyramid"]["scheme"] for firm in firms} == PYRAMIDS.keys()
    assert {each.raw["network"]["topology"] for each in drawn} == TAKES.keys()
    kinds = {get_args(model.model_fields["kind"].annotation)[0] for model in things_that_happen()}
    assert {event["kind"] for each in drawn for event in each.raw["events"]} == kinds


def things_that_happen() -> list[type[BaseModel]]:
    """Return the models of all that can happen."""
    return list(models_in(AnyEvent))


def test_markets_of_every_size_are_drawn(drawn: list[Drawn]) -> None:
    """One firm to four, and programmes, capacities and purchase logs often enough to meet each other."""
    sizes = Counter(len(each.raw["firms"]) for each in drawn)
    assert sizes.keys() == {1, 2, 3, 4}
    firms = [firm for each in drawn for firm in each.raw["firms"]]
    assert sum("programme" in firm and "capacity" in firm for firm in firms) > 20
    assert sum("transactions" in each.raw["customers"]["demand"] for each in drawn) > 5
