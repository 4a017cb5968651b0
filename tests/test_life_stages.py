"""Stages of life (docs/model.md, 5 and 7.1): who is in which, how long, and what changes with them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.report import life_stages
from sim.accounts import Line
from sim.errors import InputError
from tests.markets import STILL, STILL_FIRM, market

YOUNG: dict[str, Any] = {"name": "young", "share": 0.3, "lasts": 25.0}
OLD: dict[str, Any] = {"name": "old", "share": 0.7}
MANY = {"customers.count": 20_000, "network.topology": "empty"}


def test_first_people_and_newcomers_are_in_stages_by_their_shares() -> None:
    stages = [{**YOUNG, "lasts": 1e6, "newcomers": 0.9}, {**OLD, "newcomers": 0.1}]
    m = market(1, {**MANY, "customers.turnover": 0.02, "customers.life_stages": stages})
    young = m.customers.column("stage") == 0
    assert abs(young.mean() - 0.3) < 4.0 * np.sqrt(0.3 * 0.7 / young.size)  # a false alarm once in 16,000
    m.run()
    moved_in = m.customers.column("birth") > 0
    young = m.customers.column("stage")[moved_in] == 0
    assert moved_in.sum() > 5_000
    assert abs(young.mean() - 0.9) < 4.0 * np.sqrt(0.9 * 0.1 / young.size)


def test_a_stage_lasts_as_long_as_it_should() -> None:
    """Of those who are young, exp(-t / 25) still are after t periods: after 50, 13.5%."""
    m = market(1, {**MANY, **STILL, "customers.life_stages": [YOUNG, OLD]})
    were_young = m.customers.column("stage") == 0
    for _ in range(50):
        m.step()
    still = m.customers.column("stage")[were_young] == 0
    expected = np.exp(-2.0)
    assert abs(still.mean() - expected) < 4.0 * np.sqrt(expected * (1.0 - expected) / still.size)
    assert (m.customers.column("stage")[~were_young] == 1).all()


FACTORS = {
    "needs": "rate", "basket": "basket", "talk": "talk", "price": "price_weight", "quality": "quality_weight",
    "service": "service_weight", "reward": "reward_weight", "effort": "effort_weight",
}  # fmt: skip


@pytest.mark.parametrize("factor", FACTORS)
def test_what_a_person_weighs_is_multiplied_by_the_factor_of_the_stage(factor: str) -> None:
    """Half as much when young, twice as much when old: four times as much once one is."""
    changes = {"customers.count": 600, **STILL}
    without = market(1, changes).customers.column(FACTORS[factor]).astype(np.float64)
    m = market(1, {**changes, "customers.life_stages": [{**YOUNG, factor: 0.5}, {**OLD, factor: 2.0}]})
    young = m.customers.column("stage") == 0
    found = m.customers.column(FACTORS[factor])
    assert 100 < young.sum() < 300
    assert (found == without * np.where(young, 0.5, 2.0)).all()
    m.run()
    now = m.customers.column("stage") == 0
    assert now.sum() < young.sum() / 2
    assert (m.customers.column(FACTORS[factor]) == without * np.where(now, 0.5, 2.0)).all()


def test_needs_come_at_the_rate_of_the_stage() -> None:
    """Everybody needs 0.1 a period, the young half of that: purchases of both agree with 1 - exp(-rate)."""
    sure = {
        "customers.behaviour.outside_utility": -50.0, "customers.behaviour.alert_search": 1.0,
        "customers.mix": {"premium": 1.0},
    }  # fmt: skip
    demand = {"customers.demand.mean_rate": 0.1, "customers.demand.rate_shape": 1e6}
    stages = [{**YOUNG, "lasts": 1e6, "needs": 0.5}, OLD]
    m = market([STILL_FIRM], {**MANY, **STILL, **sure, **demand, "customers.life_stages": stages})
    young = m.customers.column("stage") == 0
    n_bought = {True: 0, False: 0}
    for period in range(40):
        m.step()
        has_bought = m.customers.column("bought_at")[:, 0] == period
        for which in (True, False):
            n_bought[which] += int(has_bought[young == which].sum())
    for which, rate in ((True, 0.05), (False, 0.1)):
        chance, n = 1.0 - np.exp(-rate), 40 * int((young == which).sum())
        assert abs(n_bought[which] / n - chance) < 4.0 * np.sqrt(chance * (1.0 - chance) / n)


def test_a_new_stage_makes_people_look_around() -> None:
    m = market(2, {"customers.count": 2000, **STILL, "customers.life_stages": [YOUNG, OLD]})
    for _ in range(5):
        m.step()
    before, alert = m.customers.column("stage").copy(), m.customers.column("is_alert").copy()
    bought = m.customers.column("bought_at").max(axis=1)
    m.step()
    has_moved_on = m.customers.column("stage") > before
    has_bought = m.customers.column("bought_at").max(axis=1) > bought
    assert has_moved_on.sum() > 10
    assert m.customers.column("is_alert")[has_moved_on & ~has_bought].all()
    assert not alert[has_moved_on].all()


def test_a_stage_that_changes_nothing_changes_nothing() -> None:
    plain = market(2, {"customers.turnover": 0.02})
    staged = market(2, {"customers.turnover": 0.02, "customers.life_stages": [{"name": "all", "share": 1.0}]})
    assert np.array_equal(plain.run().books, staged.run().books)
    assert np.array_equal(plain.town.relations, staged.town.relations)


def test_a_constraint_lifted_by_an_event_leaves_stages_running() -> None:
    """Who is set free with no need to come still moves on when their stage ends."""
    m = market(
        1,
        {
            **STILL, "customers.count": 2000, "customers.mix": {"latent": 1.0}, "customers.demand.mean_rate": 1e-4,
            "customers.life_stages": [{**YOUNG, "share": 1.0, "lasts": 2.0}, {**OLD, "share": 0.0}],
        },
        events=[{"kind": "constraint_lifted", "share": 1.0, "at": 0}],
    )  # fmt: skip
    m.run()
    assert (m.customers.column("stage") == 1).all()


@pytest.mark.parametrize(("fact", "stage_on_top"), [("life_stage", 1), ("stages_ahead", 0)])
def test_a_firm_may_cut_its_pyramid_by_stage(fact: str, stage_on_top: int) -> None:
    """A fact is known for certain: whoever is in the stage is on its level after the next review, and no other is."""
    levels = [{"name": "first", "needs": {fact: 1}}, {"name": "rest"}]
    pyramid = {"scheme": "ladder", "levels": levels, "review_every": 10}
    m = market([{"pyramid": pyramid}, {}], customers={"count": 2000, "life_stages": [YOUNG, OLD]})
    for _ in range(31):
        stage, joined = m.customers.column("stage").copy(), m.customers.column("since")[:, 0]
        m.step()
    here = (m.customers.column("is_active")[:, 0] == 1) & (joined < 30) & (m.customers.column("since")[:, 0] < 30)
    assert here.sum() > 300
    assert (m.customers.column("tier")[here, 0] == (stage[here] != stage_on_top)).all()


def test_who_buys_where_by_stage() -> None:
    stages = [{**YOUNG, "lasts": 1e6, "basket": 0.25}, OLD]
    m = market(2, {"customers.count": 4000, "customers.life_stages": stages})
    results = m.run()
    table = results.life_stages.set_index(["firm", "stage"])
    assert table["customers"].groupby("firm").sum().tolist() == [firm.n_customers for firm in m.firms.values()]
    assert table["people"].groupby("stage").first().sum() == 4000
    assert (table["share"].groupby("firm").sum() - 1.0).abs().max() < 1e-12
    young, old = table.loc[("Firm0", "young")], table.loc[("Firm0", "old")]
    assert young["reached"] == young["customers"] / young["people"]
    # a quarter of the basket, and nothing else differs: within the sampling error of baskets (shape 2) and rates
    assert 0.2 < young["revenue"] / old["revenue"] < 0.31
    spent = results.books[..., Line.REVENUE].sum(axis=(2, 3))[-20:, 0].mean()
    assert young["revenue"] * young["customers"] + old["revenue"] * old["customers"] == pytest.approx(spent, rel=0.25)
    assert market(1).run().life_stages.empty


def test_one_person_can_be_asked_for_their_stage() -> None:
    m = market(1, {"customers.life_stages": [YOUNG, OLD]})
    assert {m.customers[i].life_stage for i in range(40)} == {"young", "old"}
    assert market(1).customers[0].life_stage is None
    with pytest.raises(KeyError, match="stage"):
        market(1).customers.column("stage")


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([{**YOUNG, "share": 0.2}, OLD], ["customers.life_stages", "share sums to 0.9", "sum to 1"]),
        ([YOUNG, {**OLD, "lasts": 5.0}], ['the last, "old", has lasts = 5', "allowed: none"]),
        ([YOUNG, {**OLD, "name": "young"}], ['two stages are called "young"']),
        ([{**YOUNG, "newcomers": 1.0}, OLD], ["newcomers is given for some stages"]),
        ([{**YOUNG, "newcomers": 0.5}, {**OLD, "newcomers": 0.4}], ["newcomers sums to 0.9"]),
        ([{**YOUNG, "needs": 0.0}, OLD], ["customers.life_stages.young.needs", "0"]),
        ([{**YOUNG, "lasts": 0.5}, OLD], ["customers.life_stages.young.lasts", "0.5"]),
        ([{**YOUNG, "rate": 2.0}, OLD], ["rate"]),
    ],
)
def test_refuses_what_are_no_stages(stages: list[dict[str, Any]], words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        market(1, {"customers.life_stages": stages})
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("fact", ["life_stage", "stages_ahead"])
@pytest.mark.parametrize("key", ["needs", "among_best"])
def test_refuses_a_pyramid_by_stages_that_nobody_is_in(key: str, fact: str) -> None:
    levels = [{"name": "first", key: {fact: 1.0}}, {"name": "rest"}]
    with pytest.raises(InputError, match=rf"firms.Firm0.pyramid asks for {fact}, but no stages of life are told apart"):
        market([{"pyramid": {"scheme": "ladder", "levels": levels}}])


def test_the_report_tells_customers_by_stage() -> None:
    row = {"arm": "none", "firm": "A", "stage": "young", "people": 200, "customers": 50}
    rows = [
        {**row, "seed": seed, "reached": 0.25, "share": share, "revenue": 4.0, "margin": 1.0}
        for seed, share in ((1, 0.4), (2, 0.5))
    ]
    evidence: Any = SimpleNamespace(
        tables={"life_stages": pd.DataFrame(rows)}, arms=("none",), label={"none": "No card"}
    )
    table = life_stages.of(evidence)
    assert table is not None
    (label, cells), *rest = table.rows
    assert label == "No card: young"
    assert [cell.text for cell in cells] == ["200", "25%", "45%", "4", "1"]
    assert not rest
    assert life_stages.of(SimpleNamespace(tables={}, arms=("none",), label={})) is None  # type: ignore[arg-type]
