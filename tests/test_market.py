"""The engine's rules: reproducible to the bit, balanced to the last unit, at home in Mesa."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import mesa
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim import InputError, Market, load_scenario
from sim.accounts import COST_NAMES, Line
from sim.invariants import InvariantError
from sim.records import own_pages
from tests.markets import market, scenario

BUSY: dict[str, Any] = {
    "firms": [
        {
            "name": "Aurora",
            "programme": {},
            "capacity": 0.1,
            "strategy": {"name": "fire_lead", "service": {"gold": 0.9}},
        },
        {"name": "Borealis", "pyramid": {"scheme": "two_tier", "rank_by": "revenue"}, "strategy": "reward_the_best"},
        {"name": "Corona", "strategy": "cut_price", "reach": 0.8},
        {"name": "Dawn"},
    ],
    "events": [
        {"kind": "entry", "firm": "Dawn", "at": 10},
        {"kind": "access_opened", "at": 20},
        {"kind": "quality_crisis", "firm": "Aurora", "failure_rate": 0.3, "at": 25, "periods": 10},
        {"kind": "programme_end", "firm": "Aurora", "at": 40},
        {"kind": "constraint_lifted", "at": 45, "share": 0.5},
        {"kind": "exit", "firm": "Corona", "at": 50},
    ],
}  # fmt: skip


def busy(seed: int = 1, **changes: Any) -> Market:
    """Return a market in which everything happens."""
    return market(BUSY["firms"], changes, seed=seed, events=BUSY["events"])


def test_one_seed_one_result_and_another_seed_another():
    first, again, other = (busy(seed) for seed in (1, 1, 2))
    digests = []
    for m in (first, again, other):
        m.run()
        digests.append(m.digest())
    assert digests[0] == digests[1] != digests[2]


def test_collecting_data_changes_nothing():
    with_data, without = busy(), Market(scenario(BUSY["firms"], events=BUSY["events"]), seed=1, collect=False)
    assert with_data.run().digest == without.run().digest


def test_threads_change_nothing():
    """The same digest on one thread and on two, with enough rows for both to be used."""
    code = (
        "from sim import Market; import numba;"
        "m = Market('baseline', seed=4, customers__count=45_000); m.run(6);"
        "print(m.digest(), numba.get_num_threads())"
    )
    printed = {}
    for n_threads in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "NUMBA_NUM_THREADS": n_threads},
            capture_output=True,
            text=True,
            check=True,
        )
        printed[n_threads] = done.stdout.split()
    assert printed["1"][0] == printed["2"][0]
    assert (printed["1"][1], printed["2"][1]) == ("1", "2")


def test_asking_changes_nothing():
    """Views, summaries and digests read the market and leave it as it was."""
    plain, watched = busy(), busy()
    plain.run()
    for _ in range(60):
        watched.step()
        _ = watched.customers[3], watched.digest(), watched.firms["Aurora"].view()
    assert plain.digest() == watched.digest()


def test_books_balance_every_period():
    """Customers, points and money, from the tables a user sees."""
    m = busy()
    periods = m.run().periods
    for _, firm in periods.groupby("firm"):
        opening = np.concatenate([[0.0], firm["customers"].to_numpy()[:-1]])
        assert np.array_equal(firm["customers"], opening + firm["gained"] - firm["lost"])
        points = np.concatenate([[0.0], firm["points_open"].to_numpy()[:-1]])
        moved = firm["points_issued"] - firm["points_redeemed"] - firm["points_expired"]
        assert np.array_equal(firm["points_open"], points + moved)
    costs = periods[list(COST_NAMES)].sum(axis=1)
    assert np.allclose(periods["profit"], periods["revenue"] - costs, rtol=0, atol=1e-6)
    assert periods["points_issued"].sum() > 0
    assert periods["lost"].sum() > 0


def test_what_customers_paid_is_what_firms_received():
    """Basket times price over everybody who bought, against revenue, in a market without reviews."""
    m = market(3, {"customers.count": 300})
    paid = 0.0
    for _ in range(12):
        m.step()
        bought = m.customers.column("bought_at") == m.period - 1
        price = m.offers["price"][np.arange(3), m.customers.column("tier")]
        paid += float((m.customers.column("basket")[:, None] * price * bought).sum())
    received = sum(books[..., Line.REVENUE].sum() for books in m.history.books)
    assert received == pytest.approx(paid, rel=1e-9)


def test_tables_agree_with_each_other():
    results = busy().run()
    by_tier = results.tiers.groupby(["period", "firm"])[["customers", "gained", "lost", "revenue"]].sum()
    by_type = results.types.groupby(["period", "firm"])[["customers", "gained", "lost", "revenue"]].sum()
    whole = results.periods.set_index(["period", "firm"])[["customers", "gained", "lost", "revenue"]].sort_index()
    assert np.allclose(by_tier.sort_index(), whole)
    assert np.allclose(by_type.sort_index(), whole)
    lost = results.losses.groupby("firm")["customers"].sum()
    assert lost.to_dict() == results.periods.groupby("firm")["lost"].sum().loc[lost.index].to_dict()
    revenue = results.ledger.query("line == 'revenue'")["amount"].sum()
    assert revenue == pytest.approx(results.periods["revenue"].sum())


def test_retention_over_time_ends_at_the_long_run():
    """Two ways of counting who stayed: by when they joined, and by who was there."""
    results = market(3, periods=80, horizon=20, warm_up=0).run()
    last = results.periods.query("period == 79").set_index("firm")["retention"]
    overall = results.retention_by.query("group == 'all'").set_index("firm")["retention"]
    assert np.allclose(last.loc[overall.index], overall)
    assert 0.1 < overall.min() < overall.max() < 1.0


def test_retention_by_tier_and_type_add_up():
    results = busy().run()
    by = results.retention_by
    for _, firm in by.groupby("firm"):
        sums = firm.groupby("group")[["at_start", "kept"]].sum()
        assert (sums.loc["tier"] == sums.loc["all"]).all()
        assert (sums.loc["type"] == sums.loc["all"]).all()


def test_an_imbalance_stops_the_run_and_says_how_to_reproduce_it():
    m = busy()
    for _ in range(5):
        m.step()
    m.town.relations["is_active"][:40] = 0  # customers vanish from the town but not from the books
    with pytest.raises(InvariantError, match=r"scenario, seed 1, period 5: customer \d+.*; to see it again: "):
        m.run()


levels = st.floats(0, 1)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    price=st.floats(0.3, 3),
    quality=levels,
    service=st.tuples(levels, levels, levels, levels),
    failure=levels,
    reach=levels,
    turnover=st.floats(0, 0.2),
    window=st.integers(1, 60),
    seed=st.integers(0, 2**63 - 1),
)
def test_any_policy_balances(price, quality, service, failure, reach, turnover, window, seed):
    tiers = dict(zip(("platinum", "gold", "iron", "lead"), service, strict=True))
    firm = {
        "price": price,
        "quality": quality,
        "failure_rate": failure,
        "reach": reach,
        "strategy": {"name": "fire_lead", "service": tiers},
        "programme": {},
    }
    m = market(
        [firm, {}], {"customers.turnover": turnover, "customers.activity_window": window, "customers.count": 80}, seed
    )
    m.run(30)  # the audit looks at everybody every period, and stops the run if anything does not hold


def test_a_better_offer_never_drives_a_choice_away():
    """With the same draws, the first choices of a cheaper firm include all those of a dearer one."""
    dear, cheap = market([{"price": 1.0}, {}]), market([{"price": 0.9}, {}])
    dear.step()
    cheap.step()
    chose_dear, chose_cheap = (m.customers.column("usual") == 0 for m in (dear, cheap))
    assert (chose_cheap | ~chose_dear).all()
    assert chose_cheap.sum() > chose_dear.sum()


def test_entrants_are_keyed_by_who_they_are():
    """Each newcomer's identity is its own: period of birth and household; nobody shares it."""
    m = market(2, {"customers.turnover": 0.05})
    m.run()
    ids = m.customers.column("id")
    assert len(np.unique(ids)) == len(ids)
    assert np.array_equal(ids & 0xFFFFFFFF, np.arange(len(ids)))
    assert 0.5 < (ids >> 32 > 0).mean() < 1.0


def test_mesa_batch_run_sweeps_a_market():
    rows = mesa.batch_run(
        Market,
        {
            "scenario": ["baseline"],
            "customers.count": [200, 300],
            "periods": 20,
            "warm_up": 0,
            "horizon": 10,
            "seed": [1, 2],
        },
        number_processes=1,
        display_progress=False,
        data_collection_period=-1,
    )
    assert len({(row["customers.count"], row["seed"]) for row in rows}) == 4
    assert {row["period"] for row in rows} == {20}
    last = {(row["customers.count"], row["seed"]): row["profit"] for row in rows}
    assert len(set(last.values())) >= 4


def test_mesa_data_collector_reads_the_market():
    m = market(2)
    m.run(10)
    frame = m.datacollector.get_model_vars_dataframe()
    assert list(frame["period"]) == list(range(11))
    firms = m.datacollector.get_agent_vars_dataframe()
    assert set(firms["firm"]) == {"Firm0", "Firm1"}
    periods = m.history.books
    assert frame["customers"].iloc[-1] == m.firms["Firm0"].n_customers
    assert len(periods) == 10


def test_rng_is_another_name_for_seed():
    assert Market("baseline", rng=7, customers__count=50).seed_used == 7
    generated = [Market("baseline", rng=np.random.default_rng(3), customers__count=50).seed_used for _ in range(2)]
    assert generated[0] == generated[1]
    assert Market("baseline", customers__count=50).seed_used == 1
    with pytest.raises(InputError, match="a whole number from 0"):
        Market("baseline", seed=-1)


def test_customers_can_be_pointed_at():
    m = busy()
    m.run()
    someone = next(m.customers[i] for i in range(500) if m.customers[i].firm == "Aurora")
    assert "Aurora" in someone.tiers or someone.relations["Aurora"]["is_active"] == 0
    assert len(someone.neighbours) >= 1
    assert someone.relations["Aurora"]["bought_at"] >= 0
    assert m.customers[-1].row == len(m.customers) - 1
    with pytest.raises(IndexError, match="there are 500"):
        m.customers[500]
    with pytest.raises(KeyError, match="no column"):
        m.customers.column("charm")


def test_a_run_can_go_on_past_its_last_period():
    m = market(2)
    m.run()
    m.step()
    m.run(5)
    assert m.period == 66
    with pytest.raises(InputError, match="1 or more"):
        m.run(0)


def test_the_summary_is_the_contract():
    summary = market(2).run().summary()
    assert {"scenario", "seed", "version", "periods", "customers", "digest", "firms"} <= set(summary)
    firm = summary["firms"]["Firm0"]
    assert {
        "customers", "gained", "lost", "retention", "repeat_rate", "share", "satisfaction", "attachment", "revenue",
        "costs", "profit", "tiers", "types",
    } <= set(firm)  # fmt: skip
    assert firm["profit"] == pytest.approx(firm["revenue"] - sum(firm["costs"].values()))
    assert sum(tier["customers"] for tier in firm["tiers"].values()) == firm["customers"]


def test_shipped_baseline_is_found_by_name():
    assert load_scenario("baseline").name == "baseline"


def test_points_balance_in_a_currency_of_large_numbers():
    """Balances beyond what single precision counts: a basket of twenty million, a point for each unit."""
    programme = {"redeem_at": 100_000_000}
    m = market([{"programme": programme}, {}], {"customers.demand.mean_basket": 2e7, "customers.count": 200})
    m.run()
    assert m.customers.column("points").max() > 2**24


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_pages_of_an_array_are_its_own_in_every_process() -> None:
    numbers = own_pages(5, np.int16)
    assert (numbers.dtype, numbers.tolist(), own_pages(0, np.int16).size) == (np.int16, [0] * 5, 0)
    child = os.fork()
    if child == 0:
        numbers[:] = 7
        os._exit(0)
    os.waitpid(child, 0)
    assert numbers.tolist() == [0] * 5
