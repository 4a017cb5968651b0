"""A scenario: a file of settings that poses one question. Read, merged, overridden and checked before anything runs."""

from __future__ import annotations

import copy
import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from sim.channels import DEFAULT_CHANNELS, ChannelSpec, way_of
from sim.draws import firm_slot
from sim.errors import InputError, nearest
from sim.event_settings import AnyEvent, Launch
from sim.explain import explain
from sim.firm_settings import FirmSpec
from sim.network_settings import NetworkSpec
from sim.programme_settings import check_coalitions, check_tiers
from sim.pyramids.observed import FACTS
from sim.settings import CustomersSpec, Settings, SurveySpec

SHIPPED_FOLDER = Path(__file__).resolve().parent.parent / "scenarios"
MAX_FIRMS = 16
MAX_LAUNCHES = 32


def _may_extend(schema: dict[str, Any]) -> None:
    """Say in the JSON schema that a file may extend another, which then has what this one need not repeat."""
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "path of a scenario file that this one starts from: tables merge key by key, firms by name",
    }
    schema["anyOf"] = [{"required": schema.pop("required")}, {"required": ["extends"]}]


class Scenario(Settings):
    """A market and the question asked of it."""

    model_config = ConfigDict(json_schema_extra=_may_extend)

    title: Annotated[str, Field(min_length=1, description="the question, in one line")]
    focal: str = Field(default="", description="the firm whose results are compared; by default the first")
    periods: Annotated[int, Field(ge=1, le=30_000)] = Field(default=260, description="periods of a run (weeks)")
    warm_up: Annotated[int, Field(ge=0)] = Field(default=52, description="first periods, left out of every comparison")
    horizon: Annotated[int, Field(ge=1)] = Field(default=52, description="the long run: the last so many periods")
    customers: CustomersSpec = CustomersSpec()
    network: NetworkSpec = Field(default_factory=lambda: NetworkSpec())
    channels: dict[str, ChannelSpec] = Field(default=DEFAULT_CHANNELS, description="ways of buying, by name")
    firms: Annotated[tuple[FirmSpec, ...], Field(min_length=1, max_length=MAX_FIRMS)]
    events: tuple[AnyEvent, ...] = Field(default=(), description="what happens, and when")
    survey: SurveySpec = SurveySpec()
    discount_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.002, description="what money to come loses per period in lifetime values; 0.002 a week is 11% a year"
    )
    arms: dict[str, dict[str, Any]] = Field(
        default={}, description="policies to compare: by name, settings that differ, as dotted paths and values"
    )

    _name: str = PrivateAttr(default="scenario")
    _source: Path | None = PrivateAttr(default=None)
    _raw: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _add_channels(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("channels"), dict):
            values = {**values, "channels": {**DEFAULT_CHANNELS, **values["channels"]}}
        return values

    @model_validator(mode="after")
    def _firms_agree(self) -> Scenario:
        names = [firm.name for firm in self.firms]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'firms: two firms are called "{name}"; allowed: each name once')
        if len({firm_slot(name) for name in names}) < len(names):
            raise ValueError("firms: two names share a stream of draws; allowed: rename one of the firms")
        for firm in self.firms:
            for fact in FACTS if not self.customers.life_stages else ():
                if firm.pyramid.asks_for(fact):
                    raise ValueError(
                        f"firms.{firm.name}.pyramid asks for {fact}, but no stages of life are told apart; allowed: "
                        "with customers.life_stages"
                    )
            if firm.business is not None and self.customers.business is None:
                raise ValueError(
                    f"firms.{firm.name}.business is given, but customers are no businesses; allowed: with a table "
                    "customers.business (what they weigh)"
                )
            used = {"channel": firm.channel, **{f"tier_channels.{k}": each for k, each in firm.tier_channels.items()}}
            for key, shares in used.items():
                for channel in shares:
                    if channel not in self.channels:
                        hint = nearest(channel, self.channels)
                        raise ValueError(f'firms.{firm.name}.{key}: unknown channel "{channel}"; {hint}')
                try:
                    way_of(shares, self.channels)
                except ValueError as error:
                    raise ValueError(f"firms.{firm.name}.{key}: {error}") from None
        named: dict[str, str | None] = {"focal": self.focal_firm, "customers.captive_to": self.customers.captive_to}
        named |= {f"events.{i}.firm": getattr(event, "firm", None) for i, event in enumerate(self.events)}
        for key, named_firm in named.items():
            if named_firm is not None and named_firm not in names:
                raise ValueError(f'{key}: no firm is called "{named_firm}"; {nearest(named_firm, names)}')
        check_coalitions({firm.name: firm.programme for firm in self.firms if firm.programme is not None})
        return self

    @model_validator(mode="after")
    def _events_can_happen(self) -> Scenario:
        for i, event in enumerate(self.events):
            if event.at >= self.periods:
                raise ValueError(f"events.{i}.at = {event.at}; allowed: below periods = {self.periods}")
            if event.kind in ("programme_start", "programme_end"):
                spec = next(firm for firm in self.firms if firm.name == event.firm)
                if spec.programme is None and spec.gift == 0 and not hasattr(spec.strategy, "gift"):
                    raise ValueError(f'events.{i}: "{event.firm}" has neither a programme nor gifts')
        for firm in self.firms:
            for i, occasion in enumerate(firm.occasions):
                if occasion.at >= self.periods:
                    key = f"firms.{firm.name}.occasions.{i}.at"
                    raise ValueError(f"{key} = {occasion.at}; allowed: below periods = {self.periods}")
        return self

    @model_validator(mode="after")
    def _launches_can_be_told(self) -> Scenario:
        launches = [event for event in self.events if isinstance(event, Launch)]
        if len(launches) > MAX_LAUNCHES:
            raise ValueError(f"events: {len(launches)} launches; allowed: up to {MAX_LAUNCHES}")
        names = [(launch.firm, launch.name) for launch in launches]
        for launch in launches:
            if names.count((launch.firm, launch.name)) > 1:
                raise ValueError(f'events: {launch.firm} launches "{launch.name}" twice; allowed: each name once')
            tiers = next(firm for firm in self.firms if firm.name == launch.firm).pyramid.tiers
            check_tiers(f"the launch of {launch.name}: told", launch.told, tiers)
        return self

    @field_validator("arms")
    @classmethod
    def _arms_can_be_named(cls, arms: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name in arms:
            if not name.strip() or ":" in name:
                raise ValueError(
                    f'an arm is called "{name}"; allowed: a name without a colon, which stands in FILE:ARM'
                )
        return arms

    @model_validator(mode="after")
    def _times_fit(self) -> Scenario:
        if self.horizon > self.periods:
            raise ValueError(f"horizon = {self.horizon}; allowed: at most periods = {self.periods}")
        if self.warm_up + self.horizon > self.periods and self.warm_up > 0:
            raise ValueError(
                f"warm_up = {self.warm_up} and horizon = {self.horizon} overlap in {self.periods} periods; "
                "allowed: warm_up + horizon up to periods"
            )
        return self

    @property
    def name(self) -> str:
        """Name of the file, without its ending; of an arm, ``file:arm``."""
        return self._name

    @property
    def source(self) -> Path | None:
        """The file the scenario was read from, if any."""
        return self._source

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the scenario start from."""
        return self._source.parent if self._source else Path.cwd()

    @property
    def focal_firm(self) -> str:
        """The firm whose results are compared."""
        return self.focal or self.firms[0].name

    @property
    def raw(self) -> dict[str, Any]:
        """The settings as given, after ``extends`` and overrides, before defaults."""
        return copy.deepcopy(self._raw)

    def with_overrides(self, overrides: Mapping[str, object]) -> Scenario:
        """Return this scenario with settings changed by dotted path.

        Raises
        ------
        InputError
            If a path does not exist or a value is not allowed.
        """
        return _build(apply_overrides(self.raw, overrides, self._source), self._name, self._source)

    def arm(self, name: str) -> Scenario:
        """Return the scenario under one of its arms.

        Raises
        ------
        InputError
            If there is no such arm, or its settings are not allowed.
        """
        if name not in self.arms:
            raise InputError(f'no arm is called "{name}"; {nearest(name, self.arms)}', file=self._source, key="arms")
        raw = self.raw
        raw.pop("arms", None)
        try:
            raw = apply_overrides(raw, self.arms[name], self._source)
            return _build(raw, f"{self._name}:{name}", self._source)
        except InputError as error:
            raise InputError(str(error), key=f"arms.{name}") from None

    def content_hash(self) -> str:
        """Return a hash of everything that decides a run but the seed: the settings in full, defaults included."""
        content = self.model_dump(mode="json", exclude={"title", "arms"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def shipped() -> dict[str, Path]:
    """Return the scenarios that come with the product, by name."""
    return {path.stem: path for path in sorted(SHIPPED_FOLDER.glob("*.toml"))}


def load_scenario(path: str | Path, overrides: Mapping[str, object] | None = None) -> Scenario:
    """Read and check a scenario.

    Parameters
    ----------
    path : str or Path
        A TOML file, or the name of a shipped scenario.
    overrides : mapping, optional
        Settings to change, by dotted path; firms by name or index: ``{"firms.Aurora.price": 0.9}``.

    Raises
    ------
    InputError
        If the file cannot be read, or a key or value is not allowed. All that is wrong is told, a line each.
    """
    source = find(path)
    raw = apply_overrides(_read(source, ()), overrides or {}, source)
    scenario = _build(raw, source.stem, source)
    for name in scenario.arms:
        scenario.arm(name)
    return scenario


def from_settings(raw: dict[str, Any], name: str = "scenario") -> Scenario:
    """Make a scenario of settings given as a dictionary, as a TOML file would hold them.

    Raises
    ------
    InputError
        If a key or value is not allowed.
    """
    return _build(raw, name, None)


def find(path: str | Path) -> Path:
    """Return the file that a path or the name of a shipped scenario means.

    Raises
    ------
    InputError
        If there is neither.
    """
    given = Path(path)
    if not str(path).strip():
        raise InputError("no scenario is named", allowed=f"a file, or one of {', '.join(shipped())}")
    if given.is_file():
        return given
    name = given.name.removesuffix(".toml")
    if str(given) in (name, f"{name}.toml") and name in shipped():
        return shipped()[name]
    problem = "is a folder, not a scenario file" if given.is_dir() else f"no such file; {nearest(name, shipped())}"
    raise InputError(problem, file=path)


def _read(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    """Read a TOML file and what it extends."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not valid TOML: {error}", file=path) from None
    except UnicodeDecodeError:
        raise InputError("not a text file in UTF-8", file=path) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None
    parent = raw.pop("extends", None)
    if parent is None:
        return raw
    if not isinstance(parent, str):
        raise InputError("not a file name", file=path, key="extends", value=parent, allowed="a path to a scenario file")
    parent_path = (path.parent / parent).resolve()
    if parent_path in (*seen, path.resolve()):
        raise InputError("extends itself in a circle", file=path, key="extends", value=parent)
    if not parent_path.is_file():
        raise InputError("no such file", file=path, key="extends", value=parent, allowed="a path to a scenario file")
    return merge(_read(parent_path, (*seen, path.resolve())), raw)


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Lay changes over a base: tables merge key by key, firms by name; all else is replaced.

    A table that names another ``scheme``, ``name``, ``kind`` or ``topology`` than the base's replaces it whole, since
    its other keys belong to the old one.
    """
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if key == "firms" and isinstance(old, list) and isinstance(value, list):
            merged[key] = _merge_firms(old, value)
        elif isinstance(old, dict) and isinstance(value, dict) and not _is_another(old, value) and key != "mix":
            merged[key] = merge(old, value)
        else:
            merged[key] = value
    return merged


def _is_another(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return any(tag in new and new[tag] != old.get(tag) for tag in ("scheme", "name", "kind", "topology"))


def _merge_firms(old: list[Any], new: list[Any]) -> list[Any]:
    merged = list(old)
    for firm in new:
        name = firm.get("name") if isinstance(firm, dict) else None
        places = [i for i, other in enumerate(merged) if isinstance(other, dict) and other.get("name") == name]
        if places and isinstance(firm, dict):
            merged[places[0]] = merge(merged[places[0]], firm)
        else:
            merged.append(firm)
    return merged


def apply_overrides(raw: dict[str, Any], overrides: Mapping[str, object], file: Path | None) -> dict[str, Any]:
    """Set values by dotted path in settings not yet checked; members of lists by index or by their ``name``.

    Raises
    ------
    InputError
        If a path leads through something that is not there.
    """
    raw = copy.deepcopy(raw)
    for path, value in overrides.items():
        node: Any = raw
        keys = path.split(".")
        for depth, key in enumerate(keys[:-1]):
            if isinstance(node, list):
                node = node[_index(node, key, path, file)]
            elif isinstance(node, dict):
                if isinstance(node.get(key), str) and key in ("pyramid", "strategy"):
                    node[key] = {"scheme" if key == "pyramid" else "name": node[key]}
                node = node.setdefault(key, {})
            if not isinstance(node, dict | list):
                raise InputError(f'"{".".join(keys[: depth + 1])}" is not a table', file=file, key=path, value=value)
        if isinstance(node, list):
            node[_index(node, keys[-1], path, file)] = value
        elif isinstance(value, Mapping) and isinstance(node.get(keys[-1]), dict):
            node[keys[-1]] = merge({keys[-1]: node[keys[-1]]}, {keys[-1]: dict(value)})[keys[-1]]
        else:
            node[keys[-1]] = value
    return raw


def _index(items: list[Any], key: str, path: str, file: Path | None) -> int:
    if key.lstrip("-").isdigit() and 0 <= int(key) < len(items):
        return int(key)
    names = [str(item.get("name", "")) for item in items if isinstance(item, dict)]
    if key in names:
        return names.index(key)
    raise InputError(f'"{key}" is not there; {nearest(key, names)} or 0 to {len(items) - 1}', file=file, key=path)


def _build(raw: dict[str, Any], name: str, source: Path | None) -> Scenario:
    """Check settings and make the scenario."""
    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        raise explain(error, Scenario, source, raw) from None
    scenario._name, scenario._source, scenario._raw = name, source, copy.deepcopy(raw)
    scenario.network.check(scenario.customers.count, file=source)
    return scenario
