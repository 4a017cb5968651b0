"""What firms know at the end of a run agrees with the books, and asking changes nobody."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal

from experiments.report import worth
from experiments.report.evidence import load
from experiments.report.page import write_report
from sim.crm.elasticity import Cycles
from sim.crm.later import already
from sim.crm.loyalty import agreement
from sim.crm.tables import PART_NAMES
from sim.crm.value import annuity
from sim.errors import InputError
from tests.markets import STILL, Results, market, scenario
from tests.report_data import EFFECTS, TYPES, save_comparison

FULL_RECORD = {"scheme": "four_tier", "memory": 1.0}
KEY = ["firm", "group", "name"]


@pytest.fixture(scope="module")
def results() -> Results:
    return market([{"pyramid": FULL_RECORD}, {}, {}]).run()


def test_every_customer_is_in_each_table_once(results: Results) -> None:
    stock = results.stock[-1].sum(axis=(1, 2))
    assert stock.min() > 50
    for table in (results.diagnosis, results.value, results.cohorts):
        counted = table.groupby("firm", sort=False)["customers"].sum()
        assert_array_equal(counted[results.firms], stock)
    last = results.tiers[results.tiers["period"] == results.n_periods - 1]
    assert_array_equal(results.value["customers"], last["customers"])
    by_type = results.diagnosis.groupby(["firm", "type"], sort=False)["customers"].sum().to_numpy().reshape(-1, 7)
    assert_array_equal(by_type, results.stock[-1].sum(axis=1))
    assert_array_equal(results.patronage.groupby("firm", sort=False)["asked"].sum(), np.minimum(stock, 400))


def test_customer_equity_is_the_same_by_tier_and_by_cohort(results: Results) -> None:
    by_tier, by_cohort = (t.groupby("firm", sort=False)["equity"].sum() for t in (results.value, results.cohorts))
    assert_allclose(by_tier, by_cohort, rtol=1e-12)
    for name, firm in results.summary()["firms"].items():
        assert firm["equity"] == pytest.approx(by_tier[name], rel=1e-12)
        assert firm["clv"] == pytest.approx(by_tier[name] / firm["customers"], rel=1e-12)
        assert 0.0 < firm["loyalty_index"] < 1.0


def test_the_parts_of_value_add_up_and_the_cost_of_credit_is_where_credit_is() -> None:
    firms = [{"credit": {"periods": 4, "default_rate": 0.1, "interest": 0.01, "group": ["platinum", "iron"]}}, {}]
    results = market(firms).run()
    lender, other = results.crm.firms
    for firm in (lender, other):
        worth = firm.value
        assert_array_equal(worth.total, sum(worth[1:], start=worth[0]))
        assert_allclose(worth.clv, worth.basic + worth.loyalty + worth.credit, rtol=1e-12)
    held = np.array(lender.tiers)[lender.records.tier]
    assert lender.deferred is not None
    has_cost = np.isin(held, ["platinum", "iron"]) | (lender.deferred.owed > 0.0)
    assert_array_equal(lender.value.credit < 0.0, has_cost)
    assert not other.value.credit.any()
    table = results.value
    assert_allclose(table[list(PART_NAMES)].sum(axis=1, skipna=False), table["value"], rtol=1e-9)
    assert_allclose(table[["basic_future", "credit", "loyalty"]].sum(axis=1, skipna=False), table["clv"], rtol=1e-9)


def test_more_service_is_worth_something_in_the_tier_whose_books_say_so(results: Results) -> None:
    # spend 1, 2, 2, 1, 1 and revenue four times that exactly; of revenue half is left: 4 / 2 - 1 = 1 per unit
    spent = np.array([[1.0, 2.0, 2.0, 1.0, 1.0]] * 4).T
    paid = np.column_stack([4.0 * spent[:, 0], *[1.9 * spent[:, k] for k in range(1, 4)]])  # the others: below 1 / 0.5
    firm = replace(results.crm.firms[0], cycles=already(Cycles(spent, paid, left=np.full(4, 0.5))))
    assert_allclose(firm.gains, [0.1, 0.0, 0.0, 0.0])
    worth = annuity(firm.survival, firm.discount_rate)[firm.records.tenure]
    assert_allclose(firm.value.elasticity, np.where(firm.records.tier == 0, 0.1 * worth, 0.0))
    assert not results.crm.firms[0].value.elasticity.any()  # it has never varied its spend


def test_a_whole_record_counts_purchases_exactly() -> None:
    still = market(
        [{"pyramid": FULL_RECORD, "failure_rate": 0.0}],
        {"customers.turnover": 0.0, "customers.activity_window": 60},
    )
    results = still.run()
    own = results.crm.firms[0].records
    bought = results.periods["purchases"].sum()
    assert own.volume.sum() == bought
    assert_allclose(own.repeats.sum(), bought - own.row.size)  # a window of all 60 periods: all but the first purchases
    assert_array_equal(own.length, own.tenure)


def test_a_fading_record_is_put_on_the_scale_of_a_window() -> None:
    """With a record that keeps half at each review, 500 people make as many repeat purchases, in expectation.

    The faded record is worth about 5,000 purchases, so the ratio has a standard error of about 1.5%; six of them are
    allowed: false alarms below 1 in 10**8.
    """
    repeats = {}
    for memory in (0.5, 1.0):
        pyramid = {"scheme": "four_tier", "memory": memory, "rank_by": "volume"}
        changes = {"customers.turnover": 0.0, "customers.activity_window": 60, "customers.demand.mean_rate": 1.0}
        own = market([{"pyramid": pyramid, "failure_rate": 0.0}], changes).run().crm.firms[0].records
        repeats[memory] = own.repeats.sum()
    assert repeats[0.5] / repeats[1.0] == pytest.approx(1.0, abs=0.09)


def test_without_error_the_survey_tells_the_truth() -> None:
    results = market(2, {**STILL, "survey.error": 0.0, "survey.sample": 1000}).run()
    told = results.loyalty[(results.loyalty["group"] == "type") & (results.loyalty["asked"] > 0)].set_index("name")
    assert_allclose(told.loc["price", "price_sensitivity"], 1 - 1.1**-6.5, rtol=1e-6)
    assert_allclose(told.loc["premium", "price_sensitivity"], 1 - 1.1**-2.0, rtol=1e-6)
    assert_array_equal(told.loc["monopoly", "choice_time"], 1.0)
    assert_array_equal(told.loc["monopoly", "rival_attitude"], 0.0)


def test_errors_average_out_and_depend_on_their_size() -> None:
    """Errors of 0.1 on a scale of 1 average to 0 over all asked.

    Of about 700 answers near 0.5 the mean error has a standard error of 0.0038; five of them: 6 in 10**7.
    """
    changes = {**STILL, "customers.mix": {"price": 1.0}, "survey.sample": 1000}
    exact, blurred = (market(2, {**changes, "survey.error": error}).run().crm for error in (0.0, 0.1))
    error = np.concatenate(
        [
            b.answers.price_sensitivity - a.answers.price_sensitivity
            for a, b in zip(exact.firms, blurred.firms, strict=True)
        ]
    )
    assert abs(error.mean()) < 5 * 0.1 / np.sqrt(error.size)
    assert error.std() == pytest.approx(0.1, rel=5 / np.sqrt(2 * error.size))


def test_asking_changes_nobody() -> None:
    few, many = (market(2, {"survey.sample": sample}).run() for sample in (5, 400))
    assert few.digest == many.digest
    assert_array_equal(few.loyalty.loc[few.loyalty["group"] == "all", "asked"], [5, 5])
    for small, large in zip(few.crm.firms, many.crm.firms, strict=True):
        assert set(small.answers.place) <= set(large.answers.place)


def test_the_order_of_firms_is_nothing() -> None:
    firms = [{"name": "Aurora", "price": 0.9}, {"name": "Borealis"}]
    given, turned = market(firms).run(), market(firms[::-1]).run()
    for name in ("loyalty", "value"):
        ours, theirs = (
            getattr(each, name).sort_values(list(getattr(each, name).columns[:3])) for each in (given, turned)
        )
        assert_frame_equal(ours.reset_index(drop=True), theirs.reset_index(drop=True), rtol=1e-9)


def test_results_do_not_change_when_the_market_goes_on() -> None:
    town = market(2)
    before = town.run(30)
    town.run(10)
    again = market(2).run(30)
    for name in ("loyalty", "value", "contagion", "four_tests"):
        assert_frame_equal(getattr(before, name), getattr(again, name))


def test_what_is_made_later_is_sent_as_a_table(results: Results) -> None:
    sent = pickle.dumps(results.friends)
    assert len(sent) < 5_000  # the ties alone are more
    assert_frame_equal(pickle.loads(sent).made, results.contagion)
    assert_frame_equal(pickle.loads(pickle.dumps(results)).four_tests, results.four_tests)
    assert results.contagion is results.contagion


def test_one_firm_alone_is_told_as_among_all(results: Results) -> None:
    alone = results.crm.only("Firm1").loyalty
    among = results.loyalty[results.loyalty["firm"] == "Firm1"].reset_index(drop=True)
    assert_frame_equal(alone, among)


def test_answers_tell_types_apart_and_records_a_little(results: Results) -> None:
    """Agreement beyond chance is about 0.5 by answers; with some 600 asked its standard error is about 0.025.

    Below 0.25 is ten standard errors away: false alarms below 1 in 10**20.
    """
    by = {name: own.groupby(["type", "diagnosed"])["customers"].sum() for name, own in results.diagnosis.groupby("by")}
    asked = results.patronage["asked"].sum()
    assert by["answers"].sum() == asked > 500
    square = by["answers"].unstack().reindex(index=TYPES, columns=TYPES).to_numpy(dtype=float)
    assert agreement(square)[1] > 0.25
    assert by["records"].sum() == results.stock[-1].sum() - asked


def test_a_firm_that_closed_has_nobody_and_no_value() -> None:
    gone = market(2, events=[{"kind": "exit", "firm": "Firm1", "at": 30}]).run()
    assert gone.summary()["firms"]["Firm1"]["clv"] is None
    assert gone.summary()["firms"]["Firm1"]["equity"] == 0.0
    assert gone.value.loc[gone.value["firm"] == "Firm1", "customers"].sum() == 0
    assert gone.patronage["asked"].sum() > 0


@pytest.mark.parametrize(("key", "wrong"), [("survey.sample", 0), ("survey.error", 1.5), ("discount_rate", 0.0)])
def test_what_cannot_be_asked_is_refused(key: str, wrong: float) -> None:
    with pytest.raises(InputError, match=key.rpartition(".")[2]):
        scenario(2, {key: wrong})


def test_the_report_tells_who_is_loyal(tmp_path, results: Results) -> None:
    folder = save_comparison(tmp_path / "made", n_seeds=3)
    assert worth.of(load(folder)) is None  # saved without such tables
    known = results.crm.only("Firm0")
    for name in ("loyalty", "diagnosis", "patronage", "value"):
        table = getattr(known, name).assign(firm=load(folder).focal)
        runs = [table.assign(arm=arm, seed=int(seed)) for arm in EFFECTS for seed in load(folder).manifest["seeds"]]
        pd.concat(runs).to_parquet(folder / "data" / f"{name}.parquet")
    section = worth.of(load(folder))
    assert section is not None
    n_asked = int(known.patronage["asked"].sum())
    true = int(known.patronage.loc[known.patronage["loyalty"] == "true", "asked"].iloc[0])
    assert section.kinds.rows[0][1][0].note.startswith(f"{3 * true} of {3 * n_asked} asked")
    assert [name for name, _ in section.by_type.rows] == list(TYPES)
    assert [name for name, _ in section.by_tier.rows] == ["platinum", "gold", "iron", "lead"]
    assert "3 seeds" in section.sentences[0]
    assert "Who is loyal, and what are they worth" in write_report(folder).read_text(encoding="utf-8")
