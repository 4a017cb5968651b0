"""Another unit of money, and tiers that are treated alike, change what they must and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from sim import Scenario
from sim.accounts import Line
from sim.review import review_pyramids
from sim.scenario import from_settings
from tests.drawn import Drawn, models_in
from tests.markets import market
from tests.reference.random_scenarios import Raw
from tests.sameness import (
    EXAMPLES,
    MONEY_LINES,
    assert_states_equal,
    draw,
    given_more,
    ledger,
    run,
    seeds,
    states,
    tell_everyone,
)

# ---- scaling money --------------------------------------------------------------------------------------------------

#: Every setting in money, by the model it is in.
MONEY: dict[str, tuple[str, ...]] = {
    "FirmSpec": (
        "service_cost", "capacity_cost", "gift", "goodwill", "complaint_cost", "advertising", "contact_cost", "welcome",
        "fixed_cost",
    ),
    "ProgrammeSpec": ("reward_worth", "reward_cost", "running_cost", "invite_cost"),
    "StatusSpec": ("level_cost",),
    "PrizesSpec": ("worth", "cost"),
    "OccasionSpec": ("fixed_cost", "guest_cost"),
    "ChannelSpec": ("cost",),
    "TierSpec": ("gift", "goodwill"),
    "DemandSpec": ("mean_basket",),
    "AdvertisingBurst": ("spend",),
    "Seeding": ("cost",),
    "Launch": ("development_cost", "telling_cost"),
    "RewardTheBest": ("gift",),
    "TieredIncentives": ("gift",),
    "ChaseAcquisition": ("advertising", "welcome"),
    "Option": ("gift",),
    "HillClimb": ("gift_step",),
    "PromotionSpec": ("budget", "goodwill_half", "selling_cost", "mail_cost"),
    "BudgetSpec": ("total", "selling_cost", "mail_cost"),
    "StaffSpec": ("training", "training_cost", "replacement_cost"),
    "VoiceSpec": ("handling_cost",),
    "BestResponse": ("gift_step",),
    "ContactSpec": ("pay",),
    "BusinessSpec": ("delivery_cost", "know_how_cost", "time_to_market_cost"),
    "ReferralSpec": ("reward",),
    "WinBackSpec": ("offer", "contact_cost"),
    "LevelBudget": ("gift",),
}  # fmt: skip
PER_MONEY = {"ProgrammeSpec": ("points_per_money",)}


def test_every_setting_that_says_it_is_in_money_is_scaled() -> None:
    """But for the rate at which later money is discounted, which has no unit."""
    for model in set(models_in(Scenario)):
        for name, field in model.model_fields.items():
            if "money" in (field.description or "").lower() and name != "discount_rate":
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
            if kind == "StatusSpec" and name == "levels" and node.earned_by == "revenue":
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
    if "transactions" in raw["customers"]["demand"]:
        raw["customers"]["demand"] = {}
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
    kept = ("rank_by", "review_every", "hysteresis", "memory")
    pyramid = {key: value for key, value in firm["pyramid"].items() if key in kept}
    names = [f"tier {k}" for k in range(n_tiers)]
    firm["pyramid"] = {"scheme": "n_tier", "names": names, "shares": shares, **pyramid}
    firm["strategy"] = {"name": "equal_treatment", "service": service}
    firm["tier_channels"], firm["tiers"] = {}, {}
    firm.pop("pricing", None)  # may look at what the firm earned, a sum over tiers
    for part in (firm.get("programme", {}), firm.get("credit", {}), *firm["occasions"]):
        part.pop("group", None)
    tell_everyone(raw)
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
        review_pyramids(m, [m.firms["Firm0"]])  # of the period that is about to begin
    expected, found = states(one), states(several)
    has_slid = (found["relations.tier"][:, 0] > 2) & (found["relations.is_active"][:, 0] == 1)  # from the entry tier
    trust = expected["relations.trust_character"]  # in steps
    trust[has_slid, 0] = np.floor((1.0 - several.behaviour.trust_fall) * trust[has_slid, 0] + 0.5)
    assert has_slid.sum() > 30
    assert several.behaviour.trust_fall == 0.25
    assert_states_equal(expected, found, leaving=("relations.tier",))
