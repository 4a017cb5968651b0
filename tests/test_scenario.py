"""Every rule of the settings, broken once: one clear message with file, key, value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim import InputError, Scenario, load_scenario
from sim.scenario import apply_overrides, merge

GOOD = """
title = "Is this fine?"
[[firms]]
name = "Aurora"
[[firms]]
name = "Borealis"
"""


def load(tmp_path: Path, text: str, **overrides: object) -> Scenario:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return load_scenario(path, overrides)


@pytest.mark.parametrize(
    ("addition", "told"),
    [
        ("[customers]\ncont = 5", ['customers.cont: unknown key "cont"', 'did you mean "count"?']),
        ("[customers]\ncount = 0", ["customers.count = 0", "greater than or equal to 1"]),
        ("[customers]\ncount = 1.5", ["customers.count = 1.5", "integer"]),
        ("[customers]\nturnover = 1.2", ["customers.turnover = 1.2", "less than or equal to 1"]),
        ("[customers]\ncount = true", ["customers.count = 'true'", "integer"]),
        ("[customers]\nmix = { premium = true }", ["customers.mix.premium = 'true'", "number"]),
        ("[[firms]]\nname = 'C'\ncapacity = true", ["firms.C.capacity = 'true'", "number"]),
        ("[network]\nrewire = true", ["network.rewire = 'true'", "number"]),
        (
            "[[firms]]\nname = 'C'\npyramid = { scheme = 'n_tier', names = [] }",
            ["firms.C.pyramid.names = []: should have at least 1 item, not 0"],
        ),
        (
            "[[firms]]\nname = 'C'\n[firms.pyramid]\nscheme = 'ladder'\n[[firms.pyramid.levels]]\nname = 'x'\n"
            "needs = { joy = 1 }\n[[firms.pyramid.levels]]\nname = 'y'",
            ["firms.C.pyramid.levels.x.needs.joy = 'joy': should be 'repeats'"],
        ),
        ("[customers]\nturnover = nan", ["customers.turnover = nan"]),
        ("[customers]\nmix = { premium = 0.5, price = 0.4 }", ["customers.mix", "sum to 0.9", "sum to 1"]),
        ("[customers]\nmix = { premum = 1.0 }", ['unknown loyalty type "premum"', 'did you mean "premium"?']),
        ("[customers.types.price]\nprice_wait = 3", ['unknown key "price_wait"', 'did you mean "price_weight"?']),
        ("[customers.types.price]\nsearch = true", ["customers.types.price.search = 'true'", "number"]),
        ("[customers.types.price]\ntolerance = false", ["customers.types.price.tolerance = 'false'", "number"]),
        ("[customers.types]\nprice = true", ["customers.types.price = True: should be a table"]),
        ("[customers.types.prise]\nsearch = 0.1", ['did you mean "price"?']),
        ("[customers.types.price]\nsearch = 2.0", ["customers.types.price.search = 2.0", "less than or equal to 1"]),
        (
            "[customers]\ncaptive_to = 'Aurra'",
            ['customers.captive_to: no firm is called "Aurra"', 'did you mean "Aurora"?'],
        ),
        (
            "[customers.demand]\nuntil = '1997-09-30'",
            ["{'until': '1997-09-30'}: until = '1997-09-30' has no effect by itself; allowed: with transactions"],
        ),
        ("[customers.demand]\nperiod_days = 14", ["period_days = 14.0 has no effect", "with transactions"]),
        (
            "[[firms]]\nname = 'C'\ncapacity_cost = 2",
            ["firms.C = {'name': 'C', 'capacity_cost': 2}: capacity_cost = 2.0", "allowed: with capacity"],
        ),
        ("[[firms]]\nname = 'C'\nweakest_link = 0.9", ["}: weakest_link = 0.9", "allowed: with parts"]),
        (
            "[[firms]]\nname = 'C'\nstaff = { workload_effect = 2.0 }",
            ["staff.workload_effect = 2.0, but the firm's capacity has no end; allowed: with capacity"],
        ),
        (
            "[[firms]]\nname = 'C'\ntiers.gold.points = 2",
            ["tiers.gold.points = 2.0, but the firm has no programme; allowed: with a table programme"],
        ),
        (
            "[channels.shop]\neffort = 0.2\ncost = 1.0\npassed_on = 0.5",
            [
                "channels.shop = {'effort': 0.2, 'cost': 1.0, 'passed_on': 0.5}: passed_on = 0.5",
                "allowed: with margins",
            ],
        ),
        ("[customers.behaviour]\nquality_floor = 0.95", ["quality_floor must be below"]),
        ("[network]\ntopology = 'smallworld'", ["no such topology", 'did you mean "small_world"?']),
        ("[network]\nmean_degree = 8000", ["network.mean_degree = 8000"]),
        ("[[firms]]\nname = 'Aurora'", ['two firms are called "Aurora"']),
        ("[[firms]]\nname = 'C'\nprice = -1", ["firms.C.price = -1", "greater than 0"]),
        ("[[firms]]\nname = 'C'\nchannel = 'wb'", ['unknown channel "wb"', 'did you mean "web"?']),
        (
            "[[firms]]\nname = 'C'\npyramid = 'five_tier'",
            ['firms.C.pyramid.scheme: unknown scheme "five_tier"', "four_tier"],
        ),
        ("[[firms]]\nname = 'C'\nstrategy = 'tired_service'", ['did you mean "tiered_service"?']),
        (
            "[[firms]]\nname = 'C'\nstrategy = { name = 'tiered_service', service = { platinm = 0.9 } }",
            ["firms.C", 'names the tier "platinm"', 'did you mean "platinum"?'],
        ),
        (
            "[[firms]]\nname = 'C'\nstrategy = { name = 'tiered_service', service = { gold = 1.9 } }",
            ["firms.C.strategy.service.gold = 1.9", "less than or equal to 1"],
        ),
        (
            "[[firms]]\nname = 'C'\nstrategy = { name = 'tiered_service', servce = { gold = 0.9 } }",
            ['unknown key "servce"', 'did you mean "service"?'],
        ),
        (
            "[[firms]]\nname = 'C'\nstrategy = { name = 'advocate_first', service = { gold = 0.9 } }",
            ['advocate_first needs pyramid.rank_by = "total_contribution"'],
        ),
        (
            "[[firms]]\nname = 'C'\npyramid = { scheme = 'four_tier', shares = { platinum = 1.0 } }",
            ["each of platinum, gold, iron, lead"],
        ),
        (
            "[[firms]]\nname = 'C'\npyramid = { scheme = 'n_tier', names = ['a', 'b'], thresholds = [1.0, 0.5] }",
            ["thresholds = [1.0, 0.5]", "1 falling numbers"],
        ),
        ("[[events]]\nkind = 'entry'\nfirm = 'Z'\nat = 3", ['events.0.firm: no firm is called "Z"']),
        ("[[events]]\nkind = 'entree'\nfirm = 'Aurora'\nat = 3", ['unknown kind "entree"', 'did you mean "entry"?']),
        ("[[events]]\nkind = 'entry'\nfirm = 'Aurora'\nat = 300", ["events.0.at = 300", "below periods = 260"]),
        ("[[events]]\nkind = 'entry'\nat = 3", ["events.0.firm: is missing"]),
        ("[[events]]\nkind = 'programme_end'\nfirm = 'Aurora'\nat = 3", ["neither a programme nor gifts"]),
        ("[arms.x]\n'firms.Aurora.prize' = 2", ["arms.x", 'unknown key "prize"', 'did you mean "price"?']),
        ("[arms.x]\n'firms.Arora.price' = 2", ["arms.x", '"Arora" is not there', 'did you mean "Aurora"?']),
    ],
)
def test_each_rule_broken_once(tmp_path: Path, addition: str, told: list[str]):
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD + addition)
    message = str(caught.value)
    assert "mine.toml" in message
    for part in told:
        assert part in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("top", "told"),
    [
        ("warm_up = 250", ["warm_up = 250 and horizon = 52 overlap in 260 periods"]),
        ("horizon = 400\nwarm_up = 0", ["horizon = 400", "at most periods = 260"]),
        ("focal = 'Z'", ['focal: no firm is called "Z"']),
        ("extends = 'nowhere.toml'", ["extends = 'nowhere.toml'", "no such file"]),
        ("extends = 'mine.toml'", ["circle"]),
        ("extends = 3", ["extends = 3", "a path to a scenario file"]),
        ("customers = 3", ["customers = 3: should be a table"]),
        ("events = { kind = 'exit' }", ["events = {'kind': 'exit'}: should be a list"]),
        ("periods = 'many'", ["periods = 'many'", "integer"]),
    ],
)
def test_each_rule_at_the_top_broken_once(tmp_path: Path, top: str, told: list[str]):
    with pytest.raises(InputError) as caught:
        load(tmp_path, top + "\n" + GOOD)
    for part in ("mine.toml", *told):
        assert part in str(caught.value)


def test_settings_in_full_are_not_idle(tmp_path: Path):
    """They name every key, those that are off too; nor is a margin idle that is off for a time."""
    shop = "[channels.shop]\neffort = 0.2\ncost = 1.0\nmargins = []\npassed_on = 0.5"
    scenario = load(tmp_path, GOOD + shop)
    assert Scenario.model_validate(scenario.model_dump(mode="json")).content_hash() == scenario.content_hash()


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path):
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD + "[customers]\ncount = 0\nturnover = 2.0\ncolour = 'red'")
    assert len(str(caught.value).splitlines()) == 3


def test_files_that_cannot_be_read(tmp_path: Path):
    (tmp_path / "bad.toml").write_text("title = ")
    with pytest.raises(InputError, match=r"bad.toml: not valid TOML: Invalid value"):
        load_scenario(tmp_path / "bad.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file in UTF-8"):
        load_scenario(tmp_path / "bytes.toml")
    with pytest.raises(InputError, match=r'no such file; did you mean "baseline"\?'):
        load_scenario("basline")
    with pytest.raises(InputError, match="is a folder"):
        load_scenario(tmp_path)


def test_overrides_by_dotted_path(tmp_path: Path):
    changed = load(
        tmp_path,
        GOOD + "[customers.demand]\nmean_rate = 0.1",
        **{
            "customers.count": 77,
            "firms.Aurora.price": 0.9,
            "firms.1.price": 1.1,
            "customers.mix": {"price": 1.0},
            "firms.Borealis.pyramid.review_every": 4,
            "firms.Aurora.strategy": "cut_price",
            "network.mean_degree": 4,
        },
    )
    assert changed.customers.count == 77
    assert [firm.price for firm in changed.firms] == [0.9, 1.1]
    assert changed.customers.mix == {"price": 1.0}
    assert changed.firms[1].pyramid.review_every == 4
    assert changed.firms[0].strategy.name == "cut_price"
    assert changed.customers.demand.mean_rate == 0.1
    for path in ("customers.cuont", "firms.Aurora.strategy.nme", "firms.7.price", "title.x", "firms.-1.price"):
        with pytest.raises(InputError):
            load(tmp_path, GOOD, **{path: 1})


def test_extends_merges_tables_and_firms_by_name(tmp_path: Path):
    (tmp_path / "base.toml").write_text(GOOD + "[customers]\ncount = 100\nturnover = 0.01")
    child = load(
        tmp_path,
        "extends = 'base.toml'\ntitle = 'Child?'\n[customers]\ncount = 200\n[[firms]]\nname = 'Borealis'\nprice = 0.5\n"
        "[[firms]]\nname = 'Corona'",
    )
    assert (child.title, child.customers.count, child.customers.turnover) == ("Child?", 200, 0.01)
    assert [(firm.name, firm.price) for firm in child.firms] == [("Aurora", 1.0), ("Borealis", 0.5), ("Corona", 1.0)]


def test_another_strategy_replaces_the_old_one_whole():
    base = {"strategy": {"name": "tiered_service", "service": {"gold": 1.0}}}
    assert merge(base, {"strategy": {"name": "cut_price"}}) == {"strategy": {"name": "cut_price"}}
    same = merge(base, {"strategy": {"name": "tiered_service", "service": {"iron": 0.1}}})
    assert same["strategy"]["service"] == {"gold": 1.0, "iron": 0.1}
    raw = apply_overrides({"firms": [{"name": "A", "strategy": "cut_price"}]}, {"firms.A.strategy.floor": 0.5}, None)
    assert raw["firms"][0]["strategy"] == {"name": "cut_price", "floor": 0.5}


def test_arms_are_scenarios(tmp_path: Path):
    scenario = load(
        tmp_path, GOOD + "[arms.cheap]\n'firms.Aurora.price' = 0.8\n[arms.dear]\n'firms.Aurora.price' = 1.2"
    )
    assert [scenario.arm(name).firms[0].price for name in scenario.arms] == [0.8, 1.2]
    assert scenario.arm("cheap").name == "mine:cheap"
    assert scenario.arm("cheap").content_hash() != scenario.arm("dear").content_hash()
    with pytest.raises(InputError, match='did you mean "cheap"'):
        scenario.arm("chep")


SELF_EVIDENT = {"customers", "network", "firms", "demand", "behaviour", "pyramid", "strategy", "scheme", "name"}


def undescribed(node: object, path: str = "") -> list[str]:
    """Return the paths of properties of a JSON Schema that say nothing of what they are."""
    if isinstance(node, list):
        return [found for i, item in enumerate(node) for found in undescribed(item, f"{path}.{i}")]
    if not isinstance(node, dict) or path.endswith(".then"):
        return []
    missing = [
        f"{path}.{name}"
        for name, value in node.get("properties", {}).items()
        if not {"description", "$ref", "const"} & set(value) and name not in SELF_EVIDENT
    ]
    return missing + [found for key, value in node.items() for found in undescribed(value, f"{path}.{key}")]


def test_the_schema_describes_every_key():
    assert undescribed(Scenario.model_json_schema()) == []


def test_the_schema_allows_what_a_file_may_leave_out_or_shorten():
    schema = Scenario.model_json_schema()
    firm = schema["$defs"]["FirmSpec"]["properties"]
    for key in ("channel", "pyramid", "strategy"):
        assert {"type": "string"} in firm[key]["anyOf"], key
        assert len(firm[key]["anyOf"]) == 2, key
    assert {"type": "string"} in firm["tier_channels"]["additionalProperties"]["anyOf"]
    assert "required" not in schema["$defs"]["TypePrior"]
    assert {"required": ["extends"]} in schema["anyOf"]
    assert {"required": ["title", "firms"]} in schema["anyOf"]
    assert "extends" in schema["properties"]


@pytest.mark.parametrize(
    ("name", "key"),
    [("Corner", "firms.Corner.price"), ("Corner 2.0", "firms.2.price"), ("7", "firms.2.price"), ("A", "firms.2.price")],
)
def test_a_firm_is_told_by_the_name_by_which_it_can_be_set(tmp_path: Path, name: str, key: str):
    """Not by one that is a place or a path to --set, nor by one that two firms have."""
    firms = "".join(f"[[firms]]\nname = '{each}'\n" for each in ("A", "B", name))
    with pytest.raises(InputError, match=f"mine.toml: {key} = -1: should be greater than 0; allowed: price of one"):
        load(tmp_path, f"title = 'x'\n{firms}price = -1")


def test_parts_of_a_firm_are_told_by_name_too(tmp_path: Path):
    engine = "parts = [{ name = 'engine', quality = 2.0 }]"
    with pytest.raises(InputError, match=r"firms.A.parts.engine.quality = 2.0"):
        load(tmp_path, f"title = 'x'\n[[firms]]\nname = 'A'\n{engine}")


def test_an_arm_with_a_colon_could_never_be_named(tmp_path: Path):
    with pytest.raises(InputError, match="a name without a colon"):
        load(tmp_path, GOOD + "[arms.'a:b']\n'firms.Aurora.price' = 2")


def test_money_has_an_end(tmp_path: Path):
    with pytest.raises(InputError, match="less than or equal to 1000000000"):
        load(tmp_path, GOOD, **{"customers.demand.mean_basket": 1e300})
