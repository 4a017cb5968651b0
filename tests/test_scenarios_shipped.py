"""The shipped scenarios: each asks a question, says where its numbers come from, and runs under every arm.

Between them they use every mechanism that a scenario can name, so that none is without an example.
"""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from experiments.data import write_cdnow
from sim.event_settings import AnyEvent
from sim.firm_settings import FirmSpec
from sim.market import Market
from sim.pricing import PricingSpec
from sim.programme_settings import ProgrammeSpec
from sim.pyramids import PYRAMIDS, RANKING_KEYS
from sim.results import Results
from sim.scenario import Scenario, load_scenario, shipped
from sim.strategies import STRATEGIES
from sim.topologies import RECORDED

SCENARIOS = sorted(shipped())
ARMS = [(name, arm) for name in SCENARIOS for arm in load_scenario(name).arms]
N_PERIODS = 12
N_CUSTOMERS = 300
COSTS = (
    "goods", "service", "recovery", "incentives", "channel", "acquisition", "bad_debt", "commission", "advertising",
    "capacity", "programme", "fixed", "promotion", "staff", "events", "interest", "voice", "development",
)  # fmt: skip

KEY = re.compile(r'^\s*(?:"[^"]+"|[A-Za-z_][\w.-]*)\s*=|^\s*\{')  # sets a key, or is a row in a list of tables
COMMENT = re.compile(r"\s#\s(?P<unit>[^;]{3,}); (?P<source>.+)$")
SOURCE = re.compile(r"\b(assumed|computed|invented|chosen)\b|\(\d{4}\)")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CDNOW log, written once."""
    if importlib.util.find_spec("lifetimes") is None:
        pytest.skip("the CDNOW data come with the package lifetimes")
    return write_cdnow(tmp_path_factory.mktemp("data") / "cdnow.csv")


def made_small(scenario: Scenario) -> Scenario:
    """Return the scenario with few customers and its events, in their order, within the first periods."""
    size = RECORDED.get(scenario.network.topology, 1)
    changes: dict[str, object] = {"customers.count": N_CUSTOMERS // size * size}
    in_order = sorted(range(len(scenario.events)), key=lambda i: scenario.events[i].at)
    changes |= {f"events.{i}.at": 2 + 2 * place for place, i in enumerate(in_order)}
    return scenario.with_overrides(changes)


def assert_balanced(results: Results) -> None:
    """Assert that customers, profit and points add up, to the cent, for every firm and period."""
    for _, firm in results.periods.groupby("firm"):
        before = firm["customers"].shift(fill_value=0)
        assert (firm["customers"] == before + firm["gained"] - firm["lost"]).all()
        assert_allclose(firm["profit"], firm["revenue"] - firm[list(COSTS)].sum(axis=1), atol=0.01)
        flow = firm["points_issued"] - firm["points_redeemed"] - firm["points_expired"]
        assert_allclose(firm["points_open"], flow.cumsum(), rtol=1e-5, atol=0.01)
    lost = results.losses.groupby(["period", "firm"])["customers"].sum()
    by_firm = results.periods.set_index(["period", "firm"])["lost"]
    pd.testing.assert_series_equal(
        lost[lost > 0].sort_index(), by_firm[by_firm > 0].sort_index(), check_names=False, check_dtype=False
    )


@pytest.mark.parametrize("name", SCENARIOS)
def test_asks_a_question_in_one_line(name: str) -> None:
    title = load_scenario(name).title
    assert title.endswith("?")
    assert title.count("?") == 1
    assert "\n" not in title


@pytest.mark.parametrize("name", SCENARIOS)
def test_has_two_to_eight_arms_that_differ(name: str) -> None:
    scenario = load_scenario(name)
    arms = {arm: scenario.arm(arm).content_hash() for arm in scenario.arms}
    assert 2 <= len(arms) <= 8
    assert len(set(arms.values())) == len(arms)


@pytest.mark.parametrize("name", SCENARIOS)
def test_says_unit_and_source_of_every_value(name: str) -> None:
    lines = shipped()[name].read_text(encoding="utf-8").splitlines()
    said = [(line, COMMENT.search(line)) for line in lines if KEY.match(line)]
    silent = [line for line, comment in said if comment is None or not SOURCE.search(comment["source"])]
    assert not silent
    assert len(said) >= 2


@pytest.mark.parametrize("name", SCENARIOS)
def test_fits_a_screen_and_a_short_run(name: str) -> None:
    scenario = load_scenario(name)
    assert 2000 <= scenario.customers.count <= 5000
    assert scenario.periods == 260
    assert max(map(len, shipped()[name].read_text(encoding="utf-8").splitlines())) <= 120


@pytest.mark.parametrize(("name", "arm"), ARMS, ids=[f"{name}:{arm}" for name, arm in ARMS])
def test_runs_and_balances(name: str, arm: str, request: pytest.FixtureRequest) -> None:
    scenario = made_small(load_scenario(name).arm(arm))
    if scenario.customers.demand.transactions is not None:
        log = request.getfixturevalue("log")
        scenario = scenario.with_overrides({"customers.demand.transactions": str(log)})
    results = Market(scenario, seed=1).run(N_PERIODS)
    assert results.periods["period"].nunique() == N_PERIODS
    assert results.periods["purchases"].sum() > 0
    assert_balanced(results)


def test_the_log_is_named_where_the_data_command_writes_it() -> None:
    """``loyalty data cdnow --out data/cdnow.csv``, typed at the root of the repository, makes the file that is read."""
    scenario = load_scenario("cdnow")
    assert scenario.customers.demand.transactions is not None
    path = (scenario.folder / scenario.customers.demand.transactions).resolve()
    assert path == shipped()["cdnow"].resolve().parent.parent / "data" / "cdnow.csv"


def test_every_mechanism_has_an_example() -> None:
    runs = [load_scenario(name).arm(arm) for name, arm in ARMS]
    firms = [firm for run in runs for firm in run.firms]
    events = get_args(get_args(AnyEvent)[0])
    assert {event.kind for run in runs for event in run.events} == {
        get_args(event.model_fields["kind"].annotation)[0] for event in events
    }
    assert {firm.strategy.name for firm in firms} == set(STRATEGIES)  # type: ignore[attr-defined]
    assert {firm.pyramid.scheme for firm in firms} == set(PYRAMIDS)
    assert {getattr(firm.pyramid, "rank_by", None) for firm in firms} == {*RANKING_KEYS, None}
    assert len({run.network.topology for run in runs}) >= 6
    groups = [name for name, field in FirmSpec.model_fields.items() if field.default is None and name != "capacity"]
    assert [name for name in groups if not any(getattr(firm, name) for firm in firms)] == []
    methods = {firm.pricing.method for firm in firms if firm.pricing}
    assert methods == set(get_args(PricingSpec.model_fields["method"].annotation))
    assert any(firm.familiarity_saving for firm in firms)
    kept = [firm.programme for firm in firms if firm.programme]
    assert {programme.kind for programme in kept} == set(get_args(ProgrammeSpec.model_fields["kind"].annotation))
    for setting in ("goal", "group", "expiry", "coalition", "invite"):
        assert any(getattr(programme, setting) for programme in kept), setting
    assert any(firm.capacity for firm in firms)
    assert any(firm.tier_channels for firm in firms)
    assert any(firm.welcome for firm in firms)
    assert any(firm.reach < 1 for firm in firms)
    assert any(run.customers.captive_to for run in runs)
    assert any(run.customers.types for run in runs)
    assert any("extends" in tomllib.loads(path.read_text(encoding="utf-8")) for path in shipped().values())
