"""The compiled market and the plain model of ``tests/reference`` agree bit for bit in every state and ledger line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim import Market
from sim.accounts import Line
from sim.errors import InputError
from sim.scenario import Scenario, load_scenario, shipped
from sim.strategies import STRATEGIES
from sim.topologies import RECORDED, TAKES
from tests.reference.compare import compare, compare_books, compare_customers
from tests.reference.market import ReferenceMarket
from tests.reference.random_scenarios import N_PEOPLE, Raw, scenarios

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.reference.person import Customer

#: Random scenarios in the default suite; ``REFERENCE_EXAMPLES=200 pytest tests/test_reference.py`` draws more.
N_EXAMPLES = int(os.environ.get("REFERENCE_EXAMPLES", "25"))
N_SHIPPED_PEOPLE = 150
N_SHIPPED_PERIODS = 40
N_ARM_PERIODS = 16  # past the first review
LAST_SEED = 2**63 - 1


def reduced(name: str) -> Scenario:
    """Return a shipped scenario with few people, in whole copies of its network if it is one on record."""
    topology = load_scenario(name).network.topology
    size = RECORDED.get(topology, 1)
    return load_scenario(name, {"customers.count": -(-N_SHIPPED_PEOPLE // size) * size})


@pytest.mark.parametrize("name", shipped())
def test_shipped_scenarios_agree(name: str) -> None:
    try:
        scenario = reduced(name)
    except InputError as error:
        if "no such file" in str(error):
            pytest.skip(f"needs a file that is not here: {error}")
        raise
    log = scenario.customers.demand.transactions
    if log is not None and not (scenario.folder / log).is_file():
        pytest.skip(f"needs {log}")
    compare(scenario, 1, N_SHIPPED_PERIODS)
    for seed, arm in enumerate(scenario.arms):
        compare(scenario.arm(arm), seed, N_ARM_PERIODS)


class Files(NamedTuple):
    """What a scenario may read besides itself."""

    edge_list: Path
    log: Path


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return an edge list with strengths of ties, and a purchase log of people who buy again."""
    folder, rng = tmp_path_factory.mktemp("reference"), np.random.default_rng(1)
    pairs = sorted({(min(a, b), max(a, b)) for a, b in rng.integers(0, N_PEOPLE[0], (150, 2)).tolist() if a != b})
    edge_list = folder / "ties.csv"
    edge_list.write_text("".join(f"{a},{b},{0.1 * (1 + (a + b) % 9):.1f}\n" for a, b in pairs), encoding="utf-8")
    rows = ["customer,date,amount"]
    for customer in range(60):
        for _ in range(1 + rng.poisson(rng.gamma(1.0, 4.0))):
            month, day, amount = rng.integers(1, 13), rng.integers(1, 29), rng.gamma(2.0, 10.0) + 1.0
            rows.append(f"{customer},2024-{month:02d}-{day:02d},{amount:.2f}")
    log = folder / "log.csv"
    log.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return Files(edge_list, log)


@settings(
    max_examples=N_EXAMPLES,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(data=st.data(), seed=st.integers(0, LAST_SEED))
def test_random_scenarios_agree(files: Files, data: st.DataObject, seed: int) -> None:
    scenario = data.draw(scenarios(files.edge_list, files.log))
    compare(scenario, seed, scenario.periods)


@pytest.mark.parametrize("topology", sorted(TAKES))
def test_every_topology_agrees(files: Files, topology: str) -> None:
    count = RECORDED[topology] * 2 if topology in RECORDED else 64
    network = {"topology": topology, **({"path": str(files.edge_list)} if topology == "edge_list" else {})}
    if "community_size" in TAKES[topology]:
        network["community_size"] = 16
    scenario = small_market({"count": count}, periods=12, network=network)
    compare(scenario, 1, scenario.periods)


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_strategy_agrees(name: str) -> None:
    strategy = {"name": name}
    for key in STRATEGIES[name].model_fields.keys() & {"service", "discount", "points", "gift"}:
        if "dict" in str(STRATEGIES[name].model_fields[key].annotation):
            strategy[key] = {"gold": 0.9}
    pyramid = {"scheme": "two_tier", "review_every": 4, "rank_by": getattr(STRATEGIES[name], "ranks_by", "profit")}
    aurora = {"strategy": strategy, "pyramid": pyramid, "programme": {"redeem_at": 60.0}, "capacity": 0.1}
    scenario = small_market({"count": 80}, aurora=aurora)
    compare(scenario, 1, scenario.periods)


def test_blocks_of_rows_are_added_in_order() -> None:
    """More people than one block holds; the sums of money then depend on the order of additions."""
    scenario = small_market({"count": 2100}, periods=4)
    assert ReferenceMarket(scenario, 3).n_blocks > 1
    compare(scenario, 3, scenario.periods)


def small_market(
    customers: Raw, *, periods: int = 30, network: Raw | None = None, aurora: Raw | None = None
) -> Scenario:
    """Return a market of two firms."""
    firms = [{"name": "Aurora", "failure_rate": 0.2, **(aurora or {})}, {"name": "Borealis", "price": 0.95}]
    raw = {"title": "small", "periods": periods, "warm_up": 0, "horizon": 1, "firms": firms, "customers": customers}
    return Scenario.model_validate(raw | {"network": network or {"topology": "small_world"}})


def much_talk(relay_rate: float) -> Scenario:
    behaviour = {"grievance_rate": 1.0, "relay_rate": relay_rate, "relay_steps": 3}
    return small_market({"count": 80, "behaviour": behaviour})


def test_grievances_that_are_passed_on_agree() -> None:
    for rate in (0.0, 0.5, 1.0):
        compare(much_talk(rate), 1, 30)


def test_a_grievance_travels_further_when_it_is_passed_on() -> None:
    """A fault that both models shared would not show in a comparison: relaying must do something."""
    heard = [sum_of_opinions(much_talk(rate)) for rate in (0.0, 1.0)]
    assert heard[1] < heard[0]


def sum_of_opinions(scenario: Scenario) -> float:
    market = ReferenceMarket(scenario, 1)
    market.run(10)
    return sum(relation.opinion for customer in market.customer_list for relation in customer.relations)


def test_the_fired_tell_their_friends_in_both() -> None:
    pyramid = {"scheme": "two_tier", "review_every": 5}
    aurora = {"service_cost": 9.0, "service": 1.0, "pyramid": pyramid, "strategy": "fire_lead"}
    scenario = small_market({"count": 80}, aurora=aurora)
    compare(scenario, 2, scenario.periods)


def alter_opinion(customer: Customer) -> None:
    customer.relations[1].opinion += 2.0**-24


def alter_basket(customer: Customer) -> None:
    customer.basket = float(np.nextafter(np.float32(customer.basket), np.float32(np.inf)))


@pytest.mark.parametrize("alter", [alter_opinion, alter_basket])
def test_the_comparison_sees_the_last_bit(alter: Callable[[Customer], None]) -> None:
    """Changed by one unit in the last place, one number of one person fails the comparison, which says where."""
    scenario = small_market({"count": 60})
    market, reference = Market(scenario, 1), ReferenceMarket(scenario, 1)
    compare_customers(market, reference, "here")
    alter(reference.customer_list[17])
    with pytest.raises(AssertionError, match=r"here, customer.*17.*(opinion|basket): market"):
        compare_customers(market, reference, "here")


def test_the_comparison_sees_money() -> None:
    scenario = small_market({"count": 60})
    market, reference = Market(scenario, 1), ReferenceMarket(scenario, 1)
    for either in (market, reference):
        either.step()
    compare_books(market, reference, "here")
    reference.books[-1][1, 0, 0, Line.REVENUE] += 2.0**-40
    with pytest.raises(AssertionError, match=r"here, firm, tier, type \(1, 0, 0\): books REVENUE: market"):
        compare_books(market, reference, "here")
