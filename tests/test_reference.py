"""The compiled market and the plain model of ``tests/reference`` agree bit for bit in every state and ledger line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim import Market
from sim.accounts import Line
from sim.errors import InputError
from sim.scenario import Scenario, from_settings, load_scenario, shipped
from sim.strategies import STRATEGIES
from sim.topologies import RECORDED, TAKES
from tests.drawn import N_DRAWN, Drawn, Files
from tests.reference.compare import compare, compare_books, compare_customers
from tests.reference.market import ReferenceMarket
from tests.reference.random_scenarios import Raw

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.reference.person import Customer

N_SHIPPED_PEOPLE = 100
N_SHIPPED_PERIODS = 28
N_ARM_PERIODS = 16  # past the first review


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


@pytest.mark.parametrize("number", range(N_DRAWN))
def test_drawn_scenarios_agree(drawn: list[Drawn], number: int) -> None:
    """The whole schema, every topology, pyramid, strategy and event: ``tests/test_random_scenarios.py`` counts them."""
    scenario = from_settings(drawn[number].raw, f"drawn {number}")
    compare(scenario, drawn[number].seed, scenario.periods)


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


def test_a_disagreement_tells_where_it_is_and_how_to_see_it_again(
    drawn: list[Drawn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's trust is changed after a few periods: what is told leads to the same scenario, seed and period."""
    step = ReferenceMarket.step

    def step_and_err(reference: ReferenceMarket) -> None:
        step(reference)
        if reference.period == 5:
            reference.customer_list[17].relations[0].trust_quality = 0.123

    monkeypatch.setattr(ReferenceMarket, "step", step_and_err)
    scenario = from_settings(drawn[3].raw, "drawn 3")
    with pytest.raises(AssertionError) as caught:
        compare(scenario, drawn[3].seed, scenario.periods)
    told, again = str(caught.value).split("; to see it again: ")
    where = f"drawn 3, seed {drawn[3].seed}, period 4, customer, firm (17, 0): trust_quality: market "
    assert re.fullmatch(re.escape(where) + r"[0-9.]+, reference 0\.123", told)
    digest = eval(again, {"Market": Market, "from_settings": from_settings}).digest
    assert digest == Market(scenario, drawn[3].seed).run().digest


def test_the_comparison_sees_money() -> None:
    scenario = small_market({"count": 60})
    market, reference = Market(scenario, 1), ReferenceMarket(scenario, 1)
    for either in (market, reference):
        either.step()
    compare_books(market, reference, "here")
    reference.books[-1][1, 0, 0, Line.REVENUE] += 2.0**-40
    with pytest.raises(AssertionError, match=r"here, firm, tier, type \(1, 0, 0\): books REVENUE: market"):
        compare_books(market, reference, "here")
