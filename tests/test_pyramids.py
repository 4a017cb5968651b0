"""How pyramids rank, cut and move customers, on paper and in a market."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pydantic import ValidationError

from sim.pyramids import FourTier, NTier, TwoTier
from sim.pyramids.base import cuts_by_share
from sim.review import tier_of
from tests.markets import market


def tiers_of(scores, cuts, start=0, hysteresis=0.0):
    cuts = np.asarray(cuts, dtype=float)
    return [tier_of(float(score), start, cuts, cuts.size, hysteresis) for score in scores]


def test_eighty_twenty_on_paper():
    """Of ten customers worth 1 to 10, the two best are gold: the cut is at 9."""
    scores = np.arange(1.0, 11.0)
    cuts = TwoTier().cuts(scores)
    assert_array_equal(cuts, [9.0])
    assert tiers_of(scores, cuts).count(0) == 2


def test_four_tiers_on_paper():
    """Of twenty customers: 1 platinum, 3 gold, 10 iron, 6 lead."""
    scores = np.arange(1.0, 21.0)[::-1]
    cuts = FourTier().cuts(scores)
    assert_array_equal(cuts, [20.0, 17.0, 7.0])
    assert [tiers_of(scores, cuts).count(k) for k in range(4)] == [1, 3, 10, 6]


def test_thresholds_are_used_as_given():
    pyramid = NTier(names=("high", "middle", "low"), thresholds=(100.0, 0.0))
    cuts = pyramid.cuts(np.array([1.0, 2.0]))
    assert tiers_of([150, 100, 50, 0, -1], cuts) == [0, 0, 1, 1, 2]


def test_nobody_to_rank():
    assert_array_equal(FourTier().cuts(np.array([])), [1e300] * 3)


def test_hysteresis_keeps_who_is_just_past_a_cut():
    """With a cut at 100 and hysteresis of 10%: up from 110, down below 90."""
    cuts = [100.0]
    assert tiers_of([109.9, 110.0], cuts, start=1, hysteresis=0.1) == [1, 0]
    assert tiers_of([90.0, 89.9], cuts, start=0, hysteresis=0.1) == [0, 1]
    # below zero the margin widens the same way
    assert tiers_of([-91.0, -89.9], [-100.0], start=1, hysteresis=0.1) == [1, 0]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(1, 5))
def test_cuts_fall_and_leave_the_shares(scores, n):
    shares = np.full(n + 1, 1 / (n + 1))
    cuts = cuts_by_share(np.array(scores), shares)
    assert (cuts[1:] <= cuts[:-1]).all()
    for share, cut in zip(np.cumsum(shares), cuts, strict=False):  # a half is rounded as the sum of shares falls
        at_least = sum(score >= cut for score in scores)
        assert at_least >= round(share * len(scores)) or cut == 1e300


@given(st.floats(-1e3, 1e3), st.integers(0, 3), st.floats(0, 0.5))
def test_a_tier_once_assigned_is_kept_at_the_same_score(score, start, hysteresis):
    cuts = np.array([500.0, 100.0, -50.0])
    first = tier_of(score, start, cuts, cuts.size, hysteresis)
    assert tier_of(score, first, cuts, cuts.size, hysteresis) == first


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        (FourTier, {"shares": {"platinum": 0.5, "gold": 0.5, "iron": 0.5, "lead": 0.5}}, "sum to 2"),
        (NTier, {"names": ("a", "a"), "shares": (0.5, 0.5)}, "repeat a tier"),
        (NTier, {"names": ("a", "b")}, "either shares or thresholds"),
        (NTier, {"names": ("a", "b"), "shares": (0.5, 0.4)}, "2 shares that sum to 1"),
        (NTier, {"names": ("a", "b"), "thresholds": (1.0, 2.0)}, "1 falling numbers"),
        (TwoTier, {"gold_share": 1.0}, "less than 1"),
        (TwoTier, {"rank_by": "charm"}, "volume"),
    ],
)
def test_pyramids_that_cannot_be_are_refused(kind, settings, told):
    with pytest.raises(ValidationError, match=told):
        kind(**settings)


def test_newcomers_start_above_the_bottom():
    assert FourTier().tiers[FourTier().entry_tier] == "iron"
    assert TwoTier().tiers[TwoTier().entry_tier] == "iron"
    assert NTier(names=("all",), shares=(1.0,)).entry_tier == 0


@pytest.mark.parametrize(
    ("rank_by", "column"),
    [("volume", "volume"), ("revenue", "revenue"), ("profit", "margin"), ("total_contribution", None)],
)
def test_each_ranking_key_puts_its_own_best_on_top(rank_by, column):
    """After a review, the top tier's members have more of what is ranked by than all others."""
    firm = {"pyramid": {"rank_by": rank_by, "hysteresis": 0.0, "review_every": 26}}
    m = market([firm, {}], {"customers.count": 2000})
    for _ in range(26):
        m.step()
    credit = m.customers.column("credit") * 0.75  # as the review fades it; praise in the period itself comes later
    m.step()
    active = m.customers.column("is_active")[:, 0] == 1
    old = active & (m.customers.column("since")[:, 0] < 26) & (m.customers.column("bought_at")[:, 0] < 26)
    values = m.customers.column(column) if column else m.customers.column("margin") + credit
    top = m.customers.column("tier")[:, 0] == 0
    assert values[old & top, 0].min() >= values[old & ~top, 0].max() * (1 - 1e-6)
    assert (old & top).sum() > 3


def test_the_keys_differ():
    """Ranking by credit for word of mouth raises others than ranking by own profit does."""
    tops = {}
    for rank_by in ("profit", "total_contribution"):
        m = market([{"pyramid": {"rank_by": rank_by}}, {}], {"customers.count": 2000})
        m.run(53)
        tops[rank_by] = set(np.flatnonzero(m.customers.column("tier")[:, 0] == 0).tolist())
    assert tops["profit"] != tops["total_contribution"]
    assert m.customers.column("credit").max() > 0


def test_migration_counts_everybody_at_each_review():
    m = market([{"pyramid": {"review_every": 10}}, {}], {"customers.count": 1000})
    results = m.run(45)
    migration = results.migration.query("firm == 'Firm0'")
    assert sorted(migration["period"].unique()) == [10, 20, 30, 40]
    periods = results.periods.query("firm == 'Firm0'").set_index("period")["customers"]
    for period, rows in migration.groupby("period"):
        assert rows["customers"].sum() == periods[period - 1]
    moved = migration[migration["from_tier"] != migration["to_tier"]]
    assert moved["customers"].sum() > 0
