"""What must not change a result does not: names, order, rows, neighbours' words where there are none, and arms alike.

Scenarios are drawn over the whole schema (``tests/reference/random_scenarios.py``). Unless a test says otherwise,
equality is bit for bit, in every state of every person and every line of the ledger.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, kstest, norm, t

import experiments.report.page
from experiments.compare import compare
from sim import Market
from sim.accounts import Line
from sim.records import NOBODY
from sim.scenario import from_settings
from tests.drawn import Drawn
from tests.markets import market
from tests.reference.random_scenarios import Raw, firms, fit_to_customers, serve_by_themselves
from tests.sameness import EXAMPLES, assert_states_equal, draw, given_more, ledger, run, seeds, states, tell_everyone

# ---- relabelling firms ----------------------------------------------------------------------------------------------


@EXAMPLES
@given(data=given_more, seed=seeds)
def test_reordering_the_firms_permutes_results(drawn: list[Drawn], data: st.DataObject, seed: int) -> None:
    """Exact in states, ledger and costs; shares of the market's revenue are divided by a sum in another order.

    Order decides two things that cannot happen here: a choice between equal utilities (draws have 32 bits), and which
    firm a person speaks of whom two firms fire in one period; so one firm at most fires.
    """
    raw = draw(data, drawn)
    firing = [firm for firm in raw["firms"] if firm["strategy"]["name"] == "fire_lead"]
    for firm in firing[1:]:
        firm["strategy"] = {"name": "equal_treatment"}
    order = data.draw(st.permutations(range(len(raw["firms"]))))
    raw["focal"] = raw["firms"][0]["name"]
    one, other = run(raw, seed), run({**raw, "firms": [raw["firms"][f] for f in order]}, seed)
    expected, found, back = states(one), states(other), np.array(order)
    for name, values in expected.items():
        if values.ndim == 2:
            expected[name] = values[:, back]
    found["people.usual"] = np.append(back, NOBODY)[found["people.usual"]]
    reach = found["people.reach"]
    found["people.reach"] = sum(((reach >> new) & 1) << old for new, old in enumerate(order)).astype(np.uint32)
    assert_states_equal(expected, found)
    assert np.array_equal(ledger(one)[:, back], ledger(other))
    assert np.array_equal(np.array(one.history.firm_costs)[:, back], other.history.firm_costs)
    moves = {(period, order.index(f)): moved for period, f, moved in one.history.migration}
    assert moves.keys() == {(period, f) for period, f, _ in other.history.migration}
    assert all(np.array_equal(moves[period, f], moved) for period, f, moved in other.history.migration)
    mine, theirs = one.run(1).outcomes(), other.run(1).outcomes()
    for firm, metrics in mine.items():
        for metric, value in metrics.items():
            assert value == pytest.approx(
                theirs[firm][metric], rel=1e-12 if metric == "share" else 0, abs=0, nan_ok=True
            )


@pytest.mark.statistical
def test_another_name_is_other_luck_from_the_same_distributions() -> None:
    """Taste and distance by Kolmogorov & Smirnov and unrelated, reach and awareness binomial; 1e-6 by chance in all.

    A firm's name touches nothing else of anybody. (Nobody is captive: to whom, would be drawn among the firms.)
    """
    n, alpha = 4000, 1e-6 / 6
    settings = {"customers.count": n, "customers.mix": {"inertia": 1.0}}
    aurora, zephyr = (market([{"name": name, "reach": 0.6}, {}], settings) for name in ("Aurora", "Zephyr"))
    one, other = states(aurora), states(zephyr)
    named = ("relations.taste", "relations.distance", "relations.is_aware", "people.reach")
    assert_states_equal(one, other, leaving=named)
    assert all(np.array_equal(one[name][:, 1], other[name][:, 1]) for name in named[:3])
    for name in named[:2]:
        mine, theirs = one[name][:, 0], other[name][:, 0]
        assert kstest(mine, theirs).pvalue > alpha
        assert abs(np.corrcoef(mine, theirs)[0, 1]) * np.sqrt(n) < norm.isf(alpha / 2)
    for count in (other["relations.is_aware"][:, 0].sum(), (other["people.reach"] & 1).sum()):
        assert binom.ppf(alpha / 2, n, 0.6) <= count <= binom.isf(alpha / 2, n, 0.6)


@pytest.mark.statistical
def test_another_name_changes_only_luck() -> None:
    """Purchases from a firm under two names, in 40 seeds: the mean difference is within t of none; 1e-6 by chance."""
    differences = []
    for seed in range(40):
        mine, theirs = (
            market([{"name": name, "price": 0.95}, {}], {"customers.count": 200}, seed, periods=30, horizon=10)
            for name in ("Aurora", "Zephyr")
        )
        mine.run()
        theirs.run()
        bought = [ledger(m)[:, 0, ..., Line.PURCHASES].sum() for m in (mine, theirs)]
        differences.append(bought[1] - bought[0])
    assert len(set(differences)) > 10
    assert abs(np.mean(differences)) < t.isf(0.5e-6, 39) * np.std(differences, ddof=1) / np.sqrt(40)


# ---- relabelling customers ------------------------------------------------------------------------------------------


#: Several neighbours speak in one period, so that the order in which they are heard counts.
TALKATIVE = {
    "customers.demand.mean_rate": 2.0,
    "customers.behaviour.praise_rate": 1.0,
    "customers.behaviour.grievance_rate": 1.0,
    "customers.behaviour.zone_of_tolerance": 0.0,
    "customers.behaviour.relay_rate": 0.5,
}


@pytest.mark.statistical
def test_other_people_at_the_same_places_of_a_network_are_other_luck(tmp_path: Path) -> None:
    """A star whose middle is person 0, or another: what is heard in 40 seeds differs by no more than t; 1e-6 by chance.

    Draws are keyed by the household, so that a network's nodes cannot change places with their people.
    """
    n, differences = 60, []
    for seed in range(40):
        heard = []
        for middle in (0, 37):
            path = tmp_path / f"{middle}.csv"
            path.write_text("".join(f"{middle},{i}\n" for i in range(n) if i != middle), encoding="utf-8")
            network = {"topology": "edge_list", "path": str(path)}
            m = market(2, {"customers.count": n, **TALKATIVE}, seed, periods=20, network=network)
            m.run()
            heard.append(ledger(m)[..., [Line.PRAISE_HEARD, Line.GRIEVANCES_HEARD]].sum())
        differences.append(heard[1] - heard[0])
    assert len(set(differences)) > 10
    assert abs(np.mean(differences)) < t.isf(0.5e-6, 39) * np.std(differences, ddof=1) / np.sqrt(40)


@EXAMPLES
@given(
    ties=st.dictionaries(
        st.tuples(st.integers(0, 29), st.integers(0, 29)).filter(lambda pair: pair[0] < pair[1]),
        st.sampled_from((0.2, 0.5, 1.0)), min_size=1, max_size=90,
    ),
    order=st.integers(0, 2**32),
    seed=seeds,
)  # fmt: skip
def test_an_edge_list_may_be_written_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, ties: dict[tuple[int, int], float], order: int, seed: int
) -> None:
    """Nor does it matter in which direction a tie is written, or if it is written again, weaker."""
    folder, lines = tmp_path_factory.mktemp("ties"), [(a, b, tie) for (a, b), tie in ties.items()]
    luck = np.random.default_rng(order)
    places = luck.permutation(len(lines))
    shuffled = [lines[k] if luck.random() < 0.5 else (*lines[k][1::-1], lines[k][2]) for k in places]
    for a, b, tie in lines:
        shuffled.insert(luck.integers(len(shuffled) + 1), (b, a, tie / 2))
    digests = []
    for written in (lines, shuffled):
        path = folder / f"{len(digests)}.csv"
        path.write_text("".join(f"{a},{b},{tie}\n" for a, b, tie in written), encoding="utf-8")
        network = {"topology": "edge_list", "path": str(path)}
        digests.append(market(2, {"customers.count": 30, **TALKATIVE}, seed, periods=20, network=network).run().digest)
    assert digests[0] == digests[1]


# ---- adding what nobody can reach, or nobody needs ------------------------------------------------------------------


@EXAMPLES
@given(data=given_more, seed=seeds)
def test_a_firm_that_nobody_can_reach_leaves_the_others_as_they_were(
    drawn: list[Drawn], data: st.DataObject, seed: int
) -> None:
    """Some parts of the model look at firms that cannot be reached, and are kept from it.

    What customers expect elsewhere is a mean over the open firms (attachment does not feel it here: ``bond`` is 0); a
    price cutter, a price method and a best response look at every rival's price (there is none); and a captive may be
    captive to any founder (one is set). The firm holds no events, to which it could invite anybody, and
    no trade brings it within reach.
    """
    raw = draw(data, drawn, without=("cut_price", "best_response"))
    for firm in raw["firms"]:
        firm.pop("pricing", None)
    raw["customers"]["behaviour"]["bond"] = 0.0
    raw["customers"]["captive_to"] = raw["firms"][0]["name"]
    for channel in raw["channels"].values():
        channel.pop("access", None)
    nowhere = {**data.draw(firms("Nowhere")), "reach": 0.0, "occasions": []}
    fit_to_customers(nowhere, raw["customers"])
    serve_by_themselves([nowhere], raw["channels"])
    one, other = run(raw, seed), run({**raw, "firms": [*raw["firms"], nowhere]}, seed)
    expected, found, n_tiers = states(one), states(other), one.n_tiers
    found = {name: values[:, :-1] if values.ndim == 2 else values for name, values in found.items()}
    assert_states_equal(expected, found)
    assert np.array_equal(ledger(one), ledger(other)[:, :-1, :n_tiers])
    assert np.array_equal(one.history.firm_costs, np.array(other.history.firm_costs)[:, :-1])
    assert not ledger(other)[:, -1].any()


def test_a_firm_that_nobody_can_reach_and_that_promises_the_same_is_nothing() -> None:
    """With attachment that compares: what can be had elsewhere is then the same."""
    names = [{"name": "Aurora", "service": 0.5}, {"name": "Borealis", "service": 0.5}]
    one = market(names, {"customers.mix": {"premium": 0.5, "price": 0.5}})
    other = market(
        [*names, {"name": "Nowhere", "service": 0.5, "reach": 0.0}], {"customers.mix": {"premium": 0.5, "price": 0.5}}
    )
    one.run()
    other.run()
    assert np.array_equal(ledger(one), ledger(other)[:, :2])
    assert states(one)["relations.attachment"].max() > 0.1


def without_tiers(firm: Raw) -> None:
    """Change a firm's settings so that all its customers are in one tier."""
    firm["pyramid"] = {"scheme": "n_tier", "names": ["all"], "shares": [1.0], "review_every": 5}
    firm["strategy"], firm["tier_channels"], firm["tiers"] = {"name": "equal_treatment"}, {}, {}
    for part in (firm.get("programme", {}), firm.get("credit", {}), *firm["occasions"]):
        part.pop("group", None)


def without_totals(raw: Raw) -> None:
    """Change settings so that nobody's life depends on how many others there are."""
    raw["network"] = {"topology": "empty"}
    raw["events"] = [event for event in raw["events"] if event["kind"] != "seeding"]  # of a share of all
    raw["customers"]["behaviour"]["trust_weight"] = 0.0  # trust looks at whether a firm grows
    tell_everyone(raw)
    for firm in raw["firms"]:
        for shared in ("capacity", "capacity_cost", "pricing", "staff", "promotion", "budget", "voice", "win_back"):
            firm.pop(shared, None)  # by a firm's customers, or decided by what all of them do
        without_tiers(firm)
        for occasion in firm["occasions"]:
            occasion["places"] = 1.0  # a lot decides among all who would come


@EXAMPLES
@given(data=given_more, seed=seeds, n_more=st.integers(1, 5))
def test_more_people_change_nobody_who_was_there(
    drawn: list[Drawn], data: st.DataObject, seed: int, n_more: int
) -> None:
    """Births are keyed by who is born; and where nobody depends on others, so are lives."""
    raw = draw(data, drawn)
    without_totals(raw)
    more = copy.deepcopy(raw)
    more["customers"]["count"] += n_more
    few, many = (Market(from_settings(each), seed, collect=False) for each in (raw, more))
    for _ in ("at birth", "after a life"):
        assert_states_equal(states(few), {name: values[: few.n_customers] for name, values in states(many).items()})
        few.run()
        many.run()


@EXAMPLES
@given(data=given_more, seed=seeds)
def test_without_a_network_nobody_hears_anything(drawn: list[Drawn], data: st.DataObject, seed: int) -> None:
    raw = draw(data, drawn)
    raw["network"] = {"topology": "empty"}
    m = run(raw, seed)
    assert not m.customers.column("opinion").any()
    assert not m.customers.column("credit").any()
    assert (m.customers.column("told_by") == NOBODY).all()
    assert not ledger(m)[..., [Line.PRAISE_HEARD, Line.GRIEVANCES_HEARD]].any()


@EXAMPLES
@given(data=given_more, seed=seeds, share=st.sampled_from((0.25, 1.0)))
def test_credit_that_nobody_ranks_by_changes_nothing_else(
    drawn: list[Drawn], data: st.DataObject, seed: int, share: float
) -> None:
    """And it grows in proportion to the share that is credited."""
    raw = draw(data, drawn, without=("advocate_first",))
    tell_everyone(raw)
    for firm in raw["firms"]:
        if firm["pyramid"]["scheme"] not in ("two_tier", "four_tier", "n_tier"):  # levels may ask for credit
            without_tiers(firm)
        firm["pyramid"]["rank_by"] = "volume"
    behaviour = raw["customers"]["behaviour"]
    one, other = (
        run({**raw, "customers": {**raw["customers"], "behaviour": {**behaviour, "credit_share": each}}}, seed)
        for each in (share, share / 2)
    )
    expected = states(one)
    expected["relations.credit"] /= 2.0
    assert_states_equal(expected, states(other))
    assert np.array_equal(ledger(one), ledger(other))


# ---- merging arms, stopping early -----------------------------------------------------------------------------------


def test_arms_with_the_same_settings_differ_by_nothing(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments.report.page, "write_report", lambda folder: folder / "report.html")
    arms = {name: market(2, {"customers.count": 120}, periods=30, horizon=10).scenario for name in ("one", "other")}
    found = compare(arms, [1, 2, 3], "one", tmp_path, workers=1, progress=False)
    assert {"retention", "profit"} <= found.differences["other"].keys()
    for metric, gap in found.differences["other"].items():
        assert (gap.mean, gap.ci_low, gap.ci_high) == (0.0, 0.0, 0.0), metric
        assert found.arms["one"][metric] == found.arms["other"][metric]


@EXAMPLES
@given(data=given_more, seed=seeds, n_more=st.integers(1, 30))
def test_a_longer_run_begins_as_the_shorter_one_did(
    drawn: list[Drawn], data: st.DataObject, seed: int, n_more: int
) -> None:
    raw = draw(data, drawn)
    longer = Market(from_settings({**raw, "periods": raw["periods"] + n_more}), seed, collect=False)
    for _ in range(raw["periods"]):
        longer.step()
    shorter = run(raw, seed)
    assert_states_equal(states(shorter), states(longer))
    assert np.array_equal(ledger(shorter), ledger(longer))
    assert np.array_equal(shorter.history.firm_costs, longer.history.firm_costs)
