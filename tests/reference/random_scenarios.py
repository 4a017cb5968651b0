"""Random scenarios over the whole schema, for hypothesis: a setting's range is read from its own bounds."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from sim.bond_settings import ContactSpec, ReferralSpec, WinBackSpec
from sim.business import BusinessSpec
from sim.channels import DEFAULT_CHANNELS
from sim.credit_settings import CreditSpec
from sim.event_settings import Launch
from sim.firm_settings import FirmSpec
from sim.loyalty_types import DEFAULT_PRIORS, PRIOR_FIELDS, TYPE_NAMES, TypePrior
from sim.network_settings import NetworkSpec
from sim.parts import PartSpec, Whole
from sim.pricing import PricingSpec
from sim.programme_settings import CashBackSpec, OccasionSpec, PrizesSpec, ProgrammeSpec, StatusSpec
from sim.promotion import CHANNELS, BudgetSpec, PromotionSpec
from sim.pyramids import RANKING_KEYS, SHAPES
from sim.pyramids.observed import FACTS, MEASURED, OBSERVED, SCALES
from sim.settings import BehaviourSpec, BusinessBuyersSpec, CustomersSpec, DemandSpec, LifeStageSpec
from sim.staff import StaffSpec
from sim.strategies import STRATEGIES
from sim.topologies import EVEN_DEGREE, RECORDED, TAKES
from sim.voice import VoiceSpec

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

Raw = dict[str, Any]

FIRMS = ("Aurora", "Borealis", "Corona", "Dawn")
N_PEOPLE = (60, 100)
N_PERIODS = (20, 30)
ABOUT_CAPACITY = ("workload_effect", "comfortable_load")  # of the staff


def bounds(model: type[BaseModel], name: str, default: float) -> tuple[float, float, bool]:
    """Return the least and the greatest value to try of a number, and whether it is whole.

    A bound that the schema leaves out is set around the default.
    """
    field = model.model_fields[name]
    rules = _rules(field.metadata, field.annotation)
    is_whole = "int" in str(field.annotation) and "float" not in str(field.annotation)
    low = next((float(rule.ge) for rule in rules if getattr(rule, "ge", None) is not None), None)
    above = next((float(rule.gt) for rule in rules if getattr(rule, "gt", None) is not None), None)
    high = next((float(rule.le) for rule in rules if getattr(rule, "le", None) is not None), None)
    below = next((float(rule.lt) for rule in rules if getattr(rule, "lt", None) is not None), None)
    if low is None:
        low = above + 0.01 if above is not None else 0.0
    if high is None:
        high = below - 0.01 if below is not None else max(1.0, 4.0 * abs(default))
    return low, min(high, max(1.0, 8.0 * abs(default))), is_whole


def _rules(metadata: list[Any], annotation: Any) -> list[Any]:
    """Return the bounds of a field, also those inside the type of an optional one."""
    rules = list(metadata)
    for part in getattr(annotation, "__args__", ()):
        rules += _rules(list(getattr(part, "__metadata__", ())), getattr(part, "__origin__", None))
    unpacked = []
    for rule in rules:
        unpacked += getattr(rule, "metadata", None) or [rule]
    return unpacked


@cache
def number(model: type[BaseModel], name: str, default: float | None = None) -> st.SearchStrategy[float]:
    """Return a strategy for a numeric setting: near its default, anywhere, and at its bounds."""
    if default is None:
        default = model.model_fields[name].default
    low, high, is_whole = bounds(model, name, default)
    if is_whole:
        return st.integers(int(low), max(int(low), int(min(high, 4 * default))))
    near = (max(low, 0.3 * default), min(high, 3.0 * default)) if default > 0 else (low, high)
    return st.one_of(_decimals(*near), _decimals(low, high), st.sampled_from((low, high)))


@cache
def _decimals(low: float, high: float) -> st.SearchStrategy[float]:
    return st.integers(0, 64).map(lambda k: low + (high - low) * k / 64.0)


@cache
def some_of(model: type[BaseModel], skip: tuple[str, ...] = ()) -> st.SearchStrategy[Raw]:
    """Return a strategy for a table in which some of a model's numbers and yes-or-noes are set."""
    names = [name for name, field in model.model_fields.items() if isinstance(field.default, float | int)]
    is_either = {name: isinstance(model.model_fields[name].default, bool) for name in names if name not in skip}
    drawn = {name: st.booleans() if either else number(model, name) for name, either in is_either.items()}
    return st.fixed_dictionaries({}, optional=drawn)


@st.composite
def shares(draw: st.DrawFn, n: int) -> list[float]:
    """Draw shares that sum to 1."""
    parts = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))
    parts[draw(st.integers(0, n - 1))] += 1
    return [part / sum(parts) for part in parts]


@st.composite
def networks(draw: st.DrawFn, topology: str, edge_list: Path) -> tuple[int, Raw]:
    """Draw a network of a topology, and a number of people who can form it."""
    n = draw(st.integers(*N_PEOPLE))
    raw: Raw = {"topology": topology}
    raw |= draw(some_of(NetworkSpec, skip=tuple({key for keys in TAKES.values() for key in keys})))
    if topology in RECORDED:
        size = RECORDED[topology]
        n = -(-n // size) * size
    for key in TAKES[topology]:
        if key == "path":
            raw["path"] = str(edge_list)
        elif key == "mean_degree":
            raw[key] = draw(st.integers(1, 5)) * (2 if topology in EVEN_DEGREE else 1)
        elif key == "community_size":
            raw[key] = draw(st.integers(15, 30))
        elif draw(st.booleans()):
            raw[key] = draw(_decimals(0.4, 0.9))
    return n, raw


@st.composite
def pyramids(draw: st.DrawFn) -> tuple[Raw, tuple[str, ...]]:
    """Draw a pyramid and the names of its tiers."""
    scheme = draw(st.sampled_from(("two_tier", "four_tier", "n_tier", "ladder", "named")))
    raw: Raw = {"scheme": scheme if scheme != "named" else draw(st.sampled_from(sorted(SHAPES)))}
    raw["review_every"] = draw(st.integers(1, 9))
    raw["hysteresis"] = draw(st.sampled_from((0.0, 0.1, 0.5)))
    raw["memory"] = draw(st.sampled_from((0.0, 0.75, 1.0)))
    if scheme in ("ladder", "named"):
        if draw(st.booleans()):
            raw["climb"] = draw(st.integers(1, 4))
        if scheme == "named":
            return raw, tuple(level["name"] for level in SHAPES[raw["scheme"]].levels)
        raw["levels"], raw["each_needs_those_below"] = draw(ladders()), draw(st.booleans())
        return raw, tuple(level["name"] for level in raw["levels"])
    raw["rank_by"] = draw(st.sampled_from(sorted(RANKING_KEYS)))
    if scheme == "two_tier":
        raw["gold_share"] = draw(_decimals(0.05, 0.95))
        return raw, ("gold", "iron")
    if scheme == "four_tier":
        tiers = ("platinum", "gold", "iron", "lead")
        raw["shares"] = dict(zip(tiers, draw(shares(4)), strict=True))
        return raw, tiers
    tiers = tuple(f"tier {k}" for k in range(draw(st.integers(1, 6))))
    raw["names"] = list(tiers)
    if draw(st.booleans()):
        raw["shares"] = draw(shares(len(tiers)))
    else:
        cuts = st.lists(st.integers(-20, 80), min_size=len(tiers) - 1, max_size=len(tiers) - 1, unique=True)
        raw["thresholds"] = sorted(map(float, draw(cuts)), reverse=True)
    return raw, tiers


#: A market in the mind of a firm that looks for its best response is run at every review: a small one.
_IN_MIND = {"tries": (1, 2), "people": (20, 40), "horizon": (1, 3), "settling": (0, 2)}


@st.composite
def ladders(draw: st.DrawFn) -> list[Raw]:
    """Draw the levels of a pyramid, top first, which can be risen to whatever the margin."""
    least = {name: _decimals(0.0, 4.0 if math.isinf(most) else 0.6 * most) for name, most in SCALES.items()}
    levels: list[Raw] = [{"name": "level 0"}]
    for number in range(1, draw(st.integers(1, 6))):
        first = draw(st.sampled_from(OBSERVED))
        level: Raw = {"name": f"level {number}", "among_best": {first: draw(_decimals(0.0, 1.0))}}
        others = draw(st.lists(st.sampled_from(MEASURED), max_size=3, unique=True))
        level["needs"] = {name: draw(least[name]) for name in others}
        levels.insert(0, level)
    return levels


@st.composite
def firm_strategies(draw: st.DrawFn, tiers: tuple[str, ...], can_rank: bool) -> Raw:
    """Draw a strategy that fits the pyramid."""
    fitting = [each for each in sorted(STRATEGIES) if can_rank or not hasattr(STRATEGIES[each], "ranks_by")]
    name = draw(st.sampled_from(fitting))
    raw: Raw = {"name": name}
    for key, field in STRATEGIES[name].model_fields.items():
        is_table = "dict" in str(field.annotation)
        level = _decimals(0.0, 0.6 if key in ("discount", "undercut", "price_step") else 1.0)
        level = st.integers(0, 4).map(float) if key in ("points", "gift", "welcome") else level
        level = _decimals(0.3, 1.2) if key in ("floor", "price") else level
        level = _decimals(1.0, 5.0) if key == "top" else level
        if key == "menu":
            service = st.dictionaries(st.sampled_from(tiers), _decimals(0.0, 1.0))
            option = st.fixed_dictionaries(
                {"price": _decimals(0.8, 1.2), "service": service},
                optional={
                    "discount": st.dictionaries(st.sampled_from(tiers), _decimals(0.0, 0.6)),
                    "points": st.dictionaries(st.sampled_from(tiers), st.integers(0, 4).map(float)),
                    "gift": st.dictionaries(st.sampled_from(tiers), st.integers(0, 4).map(float)),
                },
            )
            raw[key] = draw(st.dictionaries(st.sampled_from(("a", "b", "c")), option, min_size=2))
        elif is_table:
            raw[key] = draw(st.dictionaries(st.sampled_from(tiers), level))
        elif key == "memory":
            raw[key] = draw(st.integers(3, 12))
        elif key in _IN_MIND:
            raw[key] = draw(st.integers(*_IN_MIND[key]))
        elif key != "name" and "float" in str(field.annotation) and draw(st.booleans()):
            raw[key] = draw(level)
    return raw


@st.composite
def firms(draw: st.DrawFn, name: str) -> Raw:
    """Draw a firm."""
    raw: Raw = {"name": name, **draw(some_of(FirmSpec, skip=("discount", "awareness", "reach", "gift", "price")))}
    raw["price"] = draw(_decimals(0.8, 1.25))
    raw["discount"] = draw(st.sampled_from((0.0, 0.0, 0.1)))
    raw["gift"] = draw(st.sampled_from((0.0, 0.0, 1.0)))
    raw["awareness"] = draw(st.sampled_from((0.0, 0.5, 0.9, 1.0)))
    raw["reach"] = draw(st.sampled_from((0.5, 1.0, 1.0)))
    if draw(st.booleans()):
        methods = st.sampled_from(("cost_plus", "customer_utility", "profit_led"))
        raw["pricing"] = {"method": draw(methods), **draw(some_of(PricingSpec))}
    if draw(st.booleans()):
        raw["capacity"] = draw(_decimals(0.02, 0.6))
    match draw(st.sampled_from(("promotion", "budget", "neither"))):
        case "promotion":
            raw["promotion"] = draw(some_of(PromotionSpec, skip=CHANNELS))
            raw["promotion"] |= dict(zip(CHANNELS, draw(shares(len(CHANNELS))), strict=True))
        case "budget":
            raw["budget"] = draw(some_of(BudgetSpec))
    if draw(st.booleans()):
        raw["staff"] = draw(some_of(StaffSpec))
    if draw(st.booleans()):
        raw["voice"] = draw(some_of(VoiceSpec))
    if parts := draw(st.sampled_from(((), (), ("flight",), ("flight", "hotel", "transfer")))):
        raw = {key: value for key, value in raw.items() if key not in Whole._fields}
        raw["parts"] = [{"name": part, **draw(some_of(PartSpec))} for part in parts]
    leave_out_what_is_idle(raw)
    raw["pyramid"], tiers = draw(pyramids())
    if draw(st.booleans()):
        raw["credit"] = draw(some_of(CreditSpec))
        if draw(st.booleans()):
            raw["credit"]["group"] = draw(st.lists(st.sampled_from(tiers), min_size=1, unique=True))
    if draw(st.booleans()):
        raw["programme"] = draw(programmes(tiers))
    raw["occasions"] = [
        draw(occasions(name, tiers)) for name in draw(st.sampled_from(((), (), ("tasting",), ("tasting", "trip"))))
    ]
    raw["strategy"] = draw(firm_strategies(tiers, "rank_by" in raw["pyramid"]))
    ranks_by = getattr(STRATEGIES[raw["strategy"]["name"]], "ranks_by", None)
    if ranks_by is not None:
        raw["pyramid"]["rank_by"] = ranks_by
    channels = st.one_of(st.sampled_from(sorted(DEFAULT_CHANNELS)), hybrids())
    raw["channel"] = draw(channels)
    raw["tier_channels"] = draw(st.dictionaries(st.sampled_from(tiers), channels, max_size=2))
    raw["tiers"] = draw(st.dictionaries(st.sampled_from(tiers), _TIER_LEVERS, max_size=2))
    if draw(st.booleans()):
        raw["contact"] = draw(some_of(ContactSpec))
    for levers in raw["tiers"].values():
        for lever, needed in (("contact", "contact"), ("points", "programme")):
            if needed not in raw:
                levers.pop(lever, None)
    if draw(st.booleans()):
        raw["business"] = draw(some_of(BusinessSpec))
    if draw(st.booleans()):
        raw["referral"] = draw(some_of(ReferralSpec))
    if draw(st.booleans()):
        raw["win_back"] = draw(some_of(WinBackSpec, skip=("most",))) | {"most": draw(st.sampled_from((0.02, 0.3, 1.0)))}
    return raw


def leave_out_what_is_idle(raw: Raw) -> None:
    """Take from a firm what means nothing without a setting that it lacks."""
    if "capacity" not in raw:
        for table, key in ((raw, "capacity_cost"), *((raw.get("staff", {}), key) for key in ABOUT_CAPACITY)):
            table.pop(key, None)
    if "parts" not in raw:
        raw.pop("weakest_link", None)


@st.composite
def hybrids(draw: st.DrawFn) -> Raw:
    """Draw two or three channels and the share of purchases through each."""
    names = draw(st.lists(st.sampled_from(sorted(DEFAULT_CHANNELS)), min_size=2, max_size=3, unique=True))
    parts = [draw(st.integers(1, 5)) for _ in names]
    return {name: part / sum(parts) for name, part in zip(names, parts, strict=True)}


@st.composite
def programmes(draw: st.DrawFn, tiers: tuple[str, ...]) -> Raw:
    """Draw a programme."""
    raw: Raw = draw(some_of(ProgrammeSpec, skip=("redeem_at", "enrolment")))
    raw["redeem_at"] = draw(st.sampled_from((7, 40, 100)))
    raw["enrolment"] = draw(st.sampled_from((1.0, 1.0, 0.5)))
    raw["kind"] = draw(st.sampled_from(("points", "points", "points", "cash_back", "status", "prizes")))
    if draw(st.booleans()):
        raw["goal"] = "to keep those who buy most"
        raw["group"] = draw(st.lists(st.sampled_from(tiers), min_size=1, unique=True))
    if raw["kind"] == "points" and draw(st.booleans()):
        raw["expiry"] = draw(st.integers(1, 8))
    raw["cash_back"] = draw(some_of(CashBackSpec)) | {"paid_at": draw(st.sampled_from(("purchase", "review")))}
    raw["status"] = draw(some_of(StatusSpec)) | {"earned_by": draw(st.sampled_from(("purchases", "revenue")))}
    levels = st.lists(st.integers(1, 6).map(float), min_size=1, max_size=3, unique=True)
    raw["status"]["levels"] = [
        level * (16.0 if raw["status"]["earned_by"] == "revenue" else 1.0) for level in sorted(draw(levels))
    ]
    raw["prizes"] = draw(some_of(PrizesSpec, skip=("chance",))) | {"chance": draw(st.sampled_from((0.0, 0.05, 1.0)))}
    return raw


@st.composite
def occasions(draw: st.DrawFn, name: str, tiers: tuple[str, ...]) -> Raw:
    """Draw an event that a firm holds."""
    raw: Raw = {"name": name, **draw(some_of(OccasionSpec, skip=("places", "appeal", "fixed_cost")))}
    raw |= {
        "at": draw(st.integers(0, 12)),
        "guests": draw(st.sampled_from(("customers", "newcomers", "lapsed", "record"))),
    }
    raw |= {"places": draw(st.sampled_from((0.03, 0.2, 1.0))), "appeal": draw(st.sampled_from((-2.0, 0.0, 3.0)))}
    raw["fixed_cost"] = draw(st.sampled_from((0.0, 0.25)))
    if draw(st.booleans()):
        raw |= {"form": "wine and talk", "every": draw(st.integers(1, 9))}
    if draw(st.booleans()):
        raw["group"] = draw(st.lists(st.sampled_from(tiers), min_size=1, unique=True))
    return raw


def serve_by_themselves(specs: list[Raw], channels: dict[str, Raw]) -> None:
    """Let no channel that shares a tier with others serve it in the firm's place."""
    for spec in specs:
        for shares in (spec["channel"], *spec["tier_channels"].values()):
            for name in shares if isinstance(shares, dict) else ():
                channels.get(name, {}).pop("serves", None)


def join_forces(specs: list[Raw]) -> None:
    """Let the firms with a points programme share it, if there are several."""
    partners = [spec["programme"] for spec in specs if spec.get("programme", {}).get("kind") == "points"]
    if len(partners) > 1:
        for programme in partners:
            for key in ("redeem_at", "reward_worth", "clearing"):
                programme[key] = partners[0].get(key, ProgrammeSpec.model_fields[key].default)
            programme["coalition"] = "alliance"


def forget_stages(pyramid: Raw) -> None:
    """Let no level ask for a stage of life, where there are none."""
    for level in pyramid.get("levels", ()):
        for conditions in (level.get("needs", {}), level.get("among_best", {})):
            for fact in FACTS:
                if fact in conditions:
                    conditions["tenure"] = conditions.pop(fact)


def fit_to_customers(spec: Raw, people: Raw) -> None:
    """Take from a firm what only businesses look for, if customers are none, and what asks for stages of life."""
    if "life_stages" not in people:
        forget_stages(spec["pyramid"])
    if "business" not in people:
        spec.pop("business", None)
    if "business" not in spec:
        for levers in spec["tiers"].values():
            levers.pop("delivery", None)


#: What a tier may be given in place of what the firm gives all.
_TIER_LEVERS = st.fixed_dictionaries(
    {},
    optional={
        "service": _decimals(0.0, 1.0),
        "discount": _decimals(0.0, 0.5),
        "surcharge": _decimals(0.0, 0.5),
        "points": st.integers(0, 4).map(float),
        "gift": st.integers(0, 4).map(float),
        "fire": st.booleans(),
        "recovery": _decimals(0.0, 1.0),
        "goodwill": st.integers(0, 8).map(float),
        "contact": _decimals(0.0, 1.0),
        "delivery": _decimals(0.0, 1.0),
    },
)


_LOG_ODDS = ("appeal", "by_attachment", "by_trust", "by_satisfaction")


@st.composite
def events(draw: st.DrawFn, firm_specs: list[Raw], periods: int) -> Raw:
    """Draw something that happens."""
    kinds = ["entry", "exit", "access_opened", "price_change", "quality_crisis", "constraint_lifted"]
    firm = draw(st.sampled_from(firm_specs))
    if "programme" in firm:
        kinds += ["programme_start", "programme_end"]
    kind = draw(st.sampled_from([*kinds, "advertising_burst", "seeding", "launch", "launch"]))
    raw: Raw = {"kind": kind, "at": draw(st.integers(0, periods - 1))}
    if kind not in ("constraint_lifted",) and (kind != "access_opened" or draw(st.booleans())):
        raw["firm"] = firm["name"]
    match kind:
        case "price_change":
            raw["factor"] = draw(st.sampled_from((0.8, 0.95, 1.1, 1.3)))
        case "quality_crisis":
            raw["failure_rate"] = draw(st.sampled_from((0.0, 0.3, 0.8)))
        case "advertising_burst":
            raw |= {"spend": draw(st.sampled_from((0.1, 2.0))), "periods": draw(st.integers(1, 8))}
        case "seeding":
            raw |= {
                "share": draw(st.sampled_from((0.05, 0.3))),
                "to": draw(st.sampled_from(("hubs", "fringe", "anyone"))),
            }
            raw |= {"cost": draw(st.sampled_from((0.0, 4.0))), "talk": draw(st.sampled_from((1.0, 3.0)))}
        case "launch":
            raw |= draw(some_of(Launch, skip=_LOG_ODDS))
            raw |= {key: draw(st.sampled_from((-3.0, 0.0, 2.0))) for key in _LOG_ODDS}
            if draw(st.booleans()):
                raw["told"] = [FirmSpec.model_validate(firm).pyramid.tiers[0]]
        case "constraint_lifted":
            raw["share"] = draw(st.sampled_from((0.5, 1.0)))
    if kind in ("price_change", "quality_crisis") and draw(st.booleans()):
        raw["periods"] = draw(st.integers(1, 8))
    return raw


@st.composite
def customers(draw: st.DrawFn, n: int, log: Path) -> Raw:
    """Draw the people of the market."""
    raw: Raw = draw(some_of(CustomersSpec, skip=("count", "activity_window")))
    raw["count"] = n
    raw["turnover"] = draw(st.sampled_from((0.0, 0.002, 0.05)))
    raw["activity_window"] = draw(st.sampled_from((1, 3, 8, 26)))
    raw["mix"] = dict(zip(TYPE_NAMES, draw(shares(len(TYPE_NAMES))), strict=True))
    raw["behaviour"] = draw(some_of(BehaviourSpec))
    changed = draw(st.lists(st.sampled_from(TYPE_NAMES), max_size=2, unique=True))
    raw["types"] = {
        name: draw(
            st.fixed_dictionaries(
                {}, optional={key: number(TypePrior, key, getattr(DEFAULT_PRIORS[name], key)) for key in PRIOR_FIELDS}
            )
        )
        for name in changed
    }
    if draw(st.integers(0, 9)) == 0:
        raw["demand"] = {"transactions": str(log)}
        if draw(st.booleans()):
            raw["demand"] |= {"period_days": 14.0, "until": "2024-09-30"}
    else:
        raw["demand"] = draw(some_of(DemandSpec, skip=("mean_rate", "period_days", "rate_shape", "basket_shape")))
        raw["demand"] |= {key: draw(st.sampled_from((0.4, 0.9, 3.0))) for key in ("rate_shape", "basket_shape")}
        raw["demand"]["mean_rate"] = draw(st.sampled_from((0.1, 0.5, 1.5)))
    return raw


@st.composite
def life_stages(draw: st.DrawFn) -> list[Raw]:
    """Draw stages of life that people move through within a short run."""
    n = draw(st.integers(1, 4))
    stages: list[Raw] = [{"name": f"stage {k}", **draw(some_of(LifeStageSpec))} for k in range(n)]
    for key in ("share", "newcomers"):
        if key == "share" or draw(st.booleans()):
            for stage, share in zip(stages, draw(shares(n)), strict=True):
                stage[key] = share
    for stage in stages[:-1]:
        if draw(st.booleans()):
            stage["lasts"] = draw(st.sampled_from((1.0, 4.0, 20.0)))
    return stages


@st.composite
def raw_scenarios(draw: st.DrawFn, topology: str, edge_list: Path, log: Path) -> Raw:
    """Draw the settings of a small scenario, as a file would hold them.

    Parameters
    ----------
    topology : str
        Shape of its network.
    edge_list : Path
        A CSV file of ties among people below the least number of people.
    log : Path
        A purchase log.
    """
    n, network = draw(networks(topology, edge_list))
    periods = draw(st.integers(*N_PERIODS))
    specs = [draw(firms(name)) for name in FIRMS[: draw(st.integers(1, len(FIRMS)))]]
    if draw(st.booleans()):
        join_forces(specs)
    people = draw(customers(n, log))
    behaviour = people["behaviour"]
    if behaviour.get("quality_floor", 0.2) >= behaviour.get("quality_want", 0.9):
        behaviour["quality_floor"], behaviour["quality_want"] = 0.2, 0.9
    if draw(st.booleans()):
        people["captive_to"] = specs[0]["name"]
    if draw(st.booleans()):
        people["life_stages"] = draw(life_stages())
    if draw(st.booleans()):
        people["business"] = draw(some_of(BusinessBuyersSpec))
    for spec in specs:
        fit_to_customers(spec, people)
    channels = st.fixed_dictionaries(
        {"effort": _decimals(0.0, 0.6), "cost": _decimals(0.0, 4.0)},
        optional={
            "serves": _decimals(0.0, 1.0),
            "margins": st.lists(_decimals(0.0, 0.4), max_size=3),
            "passed_on": _decimals(0.0, 1.0),
            "access": _decimals(0.0, 1.0),
        },
    )
    ways = draw(st.dictionaries(st.sampled_from(sorted(DEFAULT_CHANNELS)), channels, max_size=2))
    for way in ways.values():
        if "margins" not in way:
            way.pop("passed_on", None)
    serve_by_themselves(specs, ways)
    return {
        "title": "drawn",
        "channels": ways,
        "periods": periods,
        "warm_up": 0,
        "horizon": draw(st.integers(1, periods)),
        "survey": {"error": draw(st.sampled_from((0.0, 0.1, 0.5)))},
        "discount_rate": draw(st.sampled_from((0.002, 0.05))),
        "customers": people,
        "network": network,
        "firms": specs,
        "events": [
            each | ({"name": f"product {k}"} if each["kind"] == "launch" else {})
            for k, each in enumerate(draw(st.lists(events(specs, periods), max_size=8)))
        ],
    }
