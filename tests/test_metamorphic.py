"""What must not change a result does not, and what must change it in a known way does so exactly.

Scenarios are drawn over the whole schema (``tests/reference/random_scenarios.py``). Unless a test says otherwise,
equality is bit for bit, in every state of every person and every line of the ledger.
"""

from __future__ import annotations

import copy
import itertools
import types
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from scipy.stats import binom, kstest, norm, t

import experiments.report
from experiments.compare import compare
from sim import Market, Scenario
from sim.accounts import Line
from sim.customers import NOBODY
from sim.network import Network
from sim.scenario import from_settings
from tests.drawn import Drawn
from tests.markets import market
from tests.reference.random_scenarios import Raw, firms

MONEY_LINES = list(range(Line.REVENUE, Line.ACQUISITION + 1))
EXAMPLES = settings(
    max_examples=50, derandomize=True, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)  # fmt: skip
seeds = st.integers(0, 2**63 - 1)
given_more = st.data()


def draw(data: st.DataObject, drawn: list[Drawn], without: tuple[str, ...] = ()) -> Raw:
    """Draw settings; a firm whose strategy is in ``without`` treats everybody equally instead."""
    raw = copy.deepcopy(data.draw(st.sampled_from(drawn)).raw)
    for firm in raw["firms"]:
        if firm["strategy"]["name"] in without:
            firm["strategy"] = {"name": "equal_treatment"}
    return raw


def run(raw: Raw, seed: int) -> Market:
    """Return a market that has run to its end."""
    m = Market(from_settings(raw), seed, collect=False)
    m.run()
    return m


def states(m: Market) -> dict[str, np.ndarray]:
    """Return every state by name, shape (n_customers,) or (n_customers, n_firms)."""
    of_records = (
        {f"{kind}.{name}": records[name].copy() for name in records.dtype.names or ()}
        for kind, records in m.town._asdict().items()
    )
    return dict(itertools.chain.from_iterable(each.items() for each in of_records))


def ledger(m: Market) -> np.ndarray:
    """Return the books, shape (n_periods, n_firms, n_tiers, 7 types, n_lines)."""
    return np.array(m.history.books)


def assert_states_equal(
    one: dict[str, np.ndarray], other: dict[str, np.ndarray], leaving: tuple[str, ...] = ()
) -> None:
    """Fail if a state that is not left out differs in anybody."""
    assert one.keys() == other.keys()
    for name in one.keys() - set(leaving):
        differ = one[name] != other[name]
        assert not differ.any(), f"{name} of {np.argwhere(differ)[0]}: {one[name][differ][0]}, {other[name][differ][0]}"


def assert_same(one: Market, other: Market) -> None:
    """Fail if two runs differ in anything."""
    assert_states_equal(states(one), states(other))
    assert np.array_equal(ledger(one), ledger(other))
    assert np.array_equal(one.history.firm_costs, other.history.firm_costs)


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
    """Customers of a firm under two names, in 40 seeds: the mean difference is within t of none; 1e-6 by chance."""
    differences = []
    for seed in range(40):
        mine, theirs = (
            market([{"name": name, "price": 0.95}, {}], {"customers.count": 200}, seed, periods=30, horizon=10)
            for name in ("Aurora", "Zephyr")
        )
        mine.run()
        theirs.run()
        differences.append(mine.firms["Aurora"].n_customers - theirs.firms["Zephyr"].n_customers)
    assert len(set(differences)) > 10
    assert abs(np.mean(differences)) < t.isf(0.5e-6, 39) * np.std(differences, ddof=1) / np.sqrt(40)


# ---- relabelling customers ------------------------------------------------------------------------------------------


def resettled(m: Market, old_row: np.ndarray) -> None:
    """Move the person of ``old_row[i]`` to row ``i``, with their identity, neighbours, and order of neighbours."""
    new_row, first = np.argsort(old_row), m.network.first
    places = np.concatenate([np.arange(first[i], first[i + 1]) for i in old_row])
    degrees = np.diff(first)[old_row]
    neighbours = new_row[m.network.neighbours[places]].astype(np.int32)
    m.network = Network(np.concatenate([[0], np.cumsum(degrees)]), neighbours, m.network.tie[places])
    for records in m.town:
        records[...] = records[old_row]
    m.audit.recount = types.MethodType(lambda _: None, m.audit)  # which expects people where they were born


@EXAMPLES
@given(data=given_more, seed=seeds)
def test_where_people_live_changes_nothing_in_their_lives(drawn: list[Drawn], data: st.DataObject, seed: int) -> None:
    """People move house with their identity and their ties. Exact in every state but the sums over several people.

    Those are the credit for word of mouth, added in the order of buyers (to 1e-4, being stored in single precision), by
    which nobody is ranked here, and the money of the ledger (to 1e-9). Its counts are exact.
    """
    raw = draw(data, drawn, without=("advocate_first",))
    for firm in raw["firms"]:
        if firm["pyramid"]["rank_by"] == "total_contribution":
            firm["pyramid"]["rank_by"] = "profit"
    one, other = (Market(from_settings(raw), seed, collect=False) for _ in range(2))
    old_row = np.array(data.draw(st.permutations(range(one.n_customers))))
    resettled(other, old_row)
    one.run()
    other.run()
    expected, found = states(one), states(other)
    for name, values in found.items():
        expected[name] = expected[name][old_row]
        if name == "relations.told_by":
            found[name] = np.append(old_row, NOBODY)[values]
    summed = ("relations.credit",)
    assert_states_equal(expected, found, leaving=summed)
    assert np.allclose(expected[summed[0]], found[summed[0]], rtol=1e-4, atol=1e-3)
    money = [*MONEY_LINES, Line.SATISFACTION_CHANGE, Line.ATTACHMENT_CHANGE]
    mine, theirs = ledger(one), ledger(other)
    assert np.array_equal(np.delete(mine, money, axis=-1), np.delete(theirs, money, axis=-1))
    assert np.allclose(mine[..., money], theirs[..., money], rtol=1e-9, atol=1e-9)


@EXAMPLES
@given(
    ties=st.dictionaries(
        st.tuples(st.integers(0, 29), st.integers(0, 29)).filter(lambda pair: pair[0] < pair[1]),
        st.sampled_from((0.2, 0.5, 1.0)), min_size=1, max_size=90,
    ),
    data=given_more,
    seed=seeds,
)  # fmt: skip
def test_an_edge_list_may_be_written_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, ties: dict[tuple[int, int], float], data: st.DataObject, seed: int
) -> None:
    folder, lines = tmp_path_factory.mktemp("ties"), [(a, b, tie) for (a, b), tie in ties.items()]
    shuffled = [
        (b, a, tie) if data.draw(st.booleans()) else (a, b, tie) for a, b, tie in data.draw(st.permutations(lines))
    ]
    digests = []
    for written in (lines, shuffled):
        path = folder / f"{len(digests)}.csv"
        path.write_text("".join(f"{a},{b},{tie}\n" for a, b, tie in written), encoding="utf-8")
        network = {"topology": "edge_list", "path": str(path)}
        digests.append(market(2, {"customers.count": 30}, seed, periods=20, network=network).run().digest)
    assert digests[0] == digests[1]


# ---- scaling money --------------------------------------------------------------------------------------------------

#: Every setting in money, by the model it is in.
MONEY: dict[str, tuple[str, ...]] = {
    "FirmSpec": (
        "service_cost", "capacity_cost", "gift", "complaint_cost", "advertising", "contact_cost", "welcome",
        "fixed_cost",
    ),
    "ProgrammeSpec": ("reward_worth", "reward_cost", "running_cost"),
    "ChannelSpec": ("cost",),
    "DemandSpec": ("mean_basket",),
    "AdvertisingBurst": ("spend",),
    "RewardTheBest": ("gift",),
    "TieredIncentives": ("gift",),
    "ChaseAcquisition": ("advertising", "welcome"),
}  # fmt: skip
PER_MONEY = {"ProgrammeSpec": ("points_per_money",)}


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that a type is made of, and those within them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for part in get_args(annotation) if get_origin(annotation) else ():
        yield from models_in(part)


def test_every_setting_that_says_it_is_in_money_is_scaled() -> None:
    for model in set(models_in(Scenario)):
        for name, field in model.model_fields.items():
            if "money" in (field.description or "").lower():
                assert name in (*MONEY.get(model.__name__, ()), *PER_MONEY.get(model.__name__, ())), (model, name)


def scaled(node: Any, factor: float) -> Any:
    """Return a part of a scenario as settings in full, with every amount of money multiplied."""
    if isinstance(node, BaseModel):
        kind, out = type(node).__name__, {}
        for name in type(node).model_fields:
            value = scaled(getattr(node, name), factor)
            times = factor if name in MONEY.get(kind, ()) else 1 / factor if name in PER_MONEY.get(kind, ()) else None
            if kind == "NTier" and name == "thresholds" and node.rank_by != "volume":
                times = factor
            out[name] = value if times is None else multiplied(value, times)
        return out
    if isinstance(node, dict):
        return {key: scaled(value, factor) for key, value in node.items()}
    return [scaled(value, factor) for value in node] if isinstance(node, tuple) else node


def multiplied(value: Any, times: float) -> Any:
    """Return a number, or the numbers of a table or a list, multiplied."""
    if isinstance(value, dict):
        return {key: number * times for key, number in value.items()}
    if isinstance(value, list):
        return [number * times for number in value]
    return None if value is None else value * times


@EXAMPLES
@given(data=given_more, seed=seeds, factor=st.sampled_from((0.25, 0.5, 2.0, 4.0)))
def test_another_unit_of_money_changes_nothing_but_the_numbers(
    drawn: list[Drawn], data: st.DataObject, seed: int, factor: float
) -> None:
    """A power of two leaves every digit: money is multiplied exactly, and nothing else changes.

    Demand fitted to a log is left out: the fit is a search, which may end elsewhere.
    """
    raw = draw(data, drawn)
    raw["customers"]["demand"].pop("transactions", None)
    one, other = run(raw, seed), run(scaled(from_settings(raw), factor), seed)
    expected = states(one)
    for name in ("people.basket", "relations.revenue", "relations.margin", "relations.credit"):
        expected[name] = (expected[name] * factor).astype(np.float32)
    assert_states_equal(expected, states(other))
    books = ledger(one)
    books[..., MONEY_LINES] *= factor
    assert np.array_equal(books, ledger(other))
    assert np.array_equal(np.array(one.history.firm_costs) * factor, other.history.firm_costs)
    mine, theirs = one.run(1).outcomes(), other.run(1).outcomes()
    for firm, metrics in mine.items():
        for metric, value in metrics.items():
            expected_value = value * (factor if metric in ("profit", "revenue") else 1.0)
            assert np.array_equal(theirs[firm][metric], expected_value, equal_nan=True), metric


# ---- splitting tiers ------------------------------------------------------------------------------------------------


def with_tiers(raw: Raw, n_tiers: int, shares: list[float], service: float) -> Raw:
    """Return settings in which the first firm treats all of so many tiers alike."""
    raw = copy.deepcopy(raw)
    firm = raw["firms"][0]
    pyramid = {key: firm["pyramid"][key] for key in ("rank_by", "review_every", "hysteresis", "memory")}
    names = [f"tier {k}" for k in range(n_tiers)]
    firm["pyramid"] = {"scheme": "n_tier", "names": names, "shares": shares, **pyramid}
    firm["strategy"] = {"name": "equal_treatment", "service": service}
    firm["tier_channels"] = {}
    return raw


@EXAMPLES
@given(
    data=given_more,
    seed=seeds,
    parts=st.lists(st.integers(0, 5), min_size=2, max_size=6).filter(any),
    level=st.integers(0, 64),
)
def test_tiers_treated_alike_are_one_tier(
    drawn: list[Drawn], data: st.DataObject, seed: int, parts: list[int], level: int
) -> None:
    """Exact in every state but the tier; the ledger in counts, and in money to 1e-12, added over other cells.

    Two things tell tiers apart by themselves. Who slides down trusts the firm's character less: trust does not fall
    here. And the load on a firm's capacity is a sum over tiers: service is in 64ths, so that it is exact.
    """
    raw = draw(data, drawn)
    raw["customers"]["behaviour"]["trust_fall"] = 0.0
    shares = [part / sum(parts) for part in parts]
    one, several = (run(with_tiers(raw, len(each), each, level / 64), seed) for each in ([1.0], shares))
    assert_states_equal(states(one), states(several), leaving=("relations.tier",))
    others = slice(1, None)
    assert np.array_equal(states(one)["relations.tier"][:, others], states(several)["relations.tier"][:, others])
    mine, theirs = ledger(one).sum(axis=2), ledger(several).sum(axis=2)
    fractional = [*MONEY_LINES, Line.SATISFACTION_CHANGE, Line.ATTACHMENT_CHANGE]
    assert np.array_equal(np.delete(mine, fractional, axis=-1), np.delete(theirs, fractional, axis=-1))
    assert np.allclose(mine[..., fractional], theirs[..., fractional], rtol=1e-12, atol=1e-9)
    assert np.array_equal(one.history.firm_costs, several.history.firm_costs)


def test_what_tells_tiers_apart_that_are_treated_alike_is_that_sliding_down_hurts() -> None:
    """After the first review, one state differs: the trust in character of who slid, lower by the share of a fall."""
    pyramid = {"review_every": 8, "hysteresis": 0.0}
    tiers = {"scheme": "n_tier", "names": ["a", "b", "c", "d"], "shares": [0.1, 0.2, 0.3, 0.4], **pyramid}
    whole = {"scheme": "n_tier", "names": ["all"], "shares": [1.0], **pyramid}
    several, one = market([{"pyramid": tiers}, {}]), market([{"pyramid": whole}, {}])
    for _ in range(8):
        several.step()
        one.step()
    assert_states_equal(states(one), states(several), leaving=("relations.tier",))
    for m in (several, one):
        m.agents.do("review_pyramid")  # of the period that is about to begin
    expected, found = states(one), states(several)
    has_slid = (found["relations.tier"][:, 0] > 2) & (found["relations.is_active"][:, 0] == 1)  # from the entry tier
    trust = expected["relations.trust_character"]
    trust[has_slid, 0] -= (several.behaviour.trust_fall * trust[has_slid, 0].astype(np.float64)).astype(np.float32)
    assert has_slid.sum() > 30
    assert_states_equal(expected, found, leaving=("relations.tier", "relations.trust_character"))
    assert np.allclose(trust, found["relations.trust_character"], rtol=2e-7, atol=0)


# ---- adding what nobody can reach, or nobody needs ------------------------------------------------------------------


@EXAMPLES
@given(data=given_more, seed=seeds)
def test_a_firm_that_nobody_can_reach_leaves_the_others_as_they_were(
    drawn: list[Drawn], data: st.DataObject, seed: int
) -> None:
    """Three parts of the model look at firms that cannot be reached, and are kept from it.

    What customers expect elsewhere is a mean over the open firms (attachment does not feel it here: ``bond`` is 0); a
    price cutter looks at every rival's price (there is none); and a captive may be captive to any founder (one is set).
    """
    raw = draw(data, drawn, without=("cut_price",))
    raw["customers"]["behaviour"]["bond"] = 0.0
    raw["customers"]["captive_to"] = raw["firms"][0]["name"]
    nowhere = {**data.draw(firms("Nowhere")), "reach": 0.0}
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


def without_totals(raw: Raw) -> None:
    """Change settings so that nobody's life depends on how many others there are."""
    raw["network"] = {"topology": "empty"}
    raw["customers"]["behaviour"]["trust_weight"] = 0.0  # trust looks at whether a firm grows
    for firm in raw["firms"]:
        firm.pop("capacity", None)  # shared by a firm's customers
        firm["pyramid"] = {"scheme": "n_tier", "names": ["all"], "shares": [1.0], "review_every": 5}
        firm["strategy"], firm["tier_channels"] = {"name": "equal_treatment"}, {}


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
    for firm in raw["firms"]:
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
    monkeypatch.setattr(experiments.report, "write_report", lambda folder: folder / "report.html")
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
    assume(raw["periods"] > 1)
    longer = Market(from_settings({**raw, "periods": raw["periods"] + n_more}), seed, collect=False)
    for _ in range(raw["periods"]):
        longer.step()
    assert_same(run(raw, seed), longer)
