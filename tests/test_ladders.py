"""Pyramids of levels: conditions on what a firm sees, on paper and in a market; and ranking by lifetime value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pydantic import ValidationError

from sim.crm.tables import take_stock
from sim.crm.value import QUADRANTS, quadrant_of
from sim.errors import InputError
from sim.pyramids import SHAPES, Ladder, NamedLadder
from sim.pyramids.ladder import EVERYBODY, Look
from sim.pyramids.observed import MEASURED, OBSERVED, SCALES
from sim.pyramids.sight import Sight
from tests.markets import market, scenario

STEPS = (
    {"name": "lasting", "needs": {"tenure": 2.0}},
    {"name": "regular", "needs": {"repeats": 4.0, "attitude": 0.5}},
    {"name": "new"},
)


def ladder(**changes: Any) -> Ladder:
    return Ladder.model_validate({"levels": STEPS, "climb": 2, "hysteresis": 0.0, **changes})


def on_paper(seen: Mapping[str, Any]) -> Look:
    """Return how to look at customers of whom all is written down, by name."""
    return lambda name, places=EVERYBODY: np.asarray(seen[name])[places]


def level_of(pyramid: Ladder, held: str, **seen: float) -> str:
    """Return the level of one customer who has held one so far."""
    values = {name: [value] for name, value in seen.items()}
    return pyramid.tiers[pyramid.levels_of(on_paper(values), np.array([pyramid.tiers.index(held)], dtype=np.int8))[0]]


@pytest.mark.parametrize(
    ("seen", "stacked", "loose"),
    [
        ({"tenure": 3.0, "repeats": 5.0, "attitude": 0.6}, "lasting", "lasting"),
        ({"tenure": 3.0, "repeats": 1.0, "attitude": 0.6}, "new", "lasting"),  # who buys little lasts for nothing
        ({"tenure": 1.0, "repeats": 5.0, "attitude": 0.6}, "regular", "regular"),
        ({"tenure": 1.0, "repeats": 5.0, "attitude": 0.4}, "new", "new"),  # all conditions of a level
        ({"tenure": 2.0, "repeats": 4.0, "attitude": 0.5}, "lasting", "lasting"),  # at the limit is enough
    ],
)
def test_the_highest_level_whose_conditions_hold_with_or_without_those_below(seen, stacked, loose):
    assert level_of(ladder(), "new", **seen) == stacked
    assert level_of(ladder(each_needs_those_below=False), "new", **seen) == loose


@pytest.mark.parametrize(
    ("held", "tenure", "now"),
    [
        ("regular", 2.0, "regular"),  # to rise takes 2.5
        ("regular", 2.4, "regular"),
        ("regular", 2.5, "lasting"),
        ("lasting", 2.0, "lasting"),  # to stay takes 2
        ("lasting", 1.9, "regular"),
    ],
)
def test_to_rise_takes_more_than_to_stay(held, tenure, now):
    """With a margin of a quarter: repeats and attitude are plenty."""
    assert level_of(ladder(hysteresis=0.25), held, tenure=tenure, repeats=9.0, attitude=0.9) == now


def test_one_climbs_step_by_step_and_slides_all_the_way():
    good, bad = {"tenure": 9.0, "repeats": 9.0, "attitude": 0.9}, {"tenure": 9.0, "repeats": 0.0, "attitude": 0.9}
    assert level_of(ladder(climb=None), "new", **good) == "regular"
    assert level_of(ladder(climb=None), "regular", **good) == "lasting"
    assert level_of(ladder(climb=None), "lasting", **bad) == "new"
    assert level_of(ladder(climb=None, each_needs_those_below=False), "new", **good) == "lasting"


def test_a_place_among_the_best_is_a_place_among_all_customers():
    """Of five customers, the best two fifths by revenue: those who paid 40 and 50."""
    levels = [{"name": "best", "among_best": {"revenue": 0.4}}, {"name": "rest"}]
    pyramid = Ladder.model_validate({"levels": levels, "hysteresis": 0.0})
    look = on_paper({"revenue": [10.0, 50.0, 20.0, 40.0, 30.0]})
    assert_array_equal(pyramid.levels_of(look, np.ones(5, dtype=np.int8)), [1, 0, 1, 0, 1])
    assert pyramid.levels_of(on_paper({"revenue": np.empty(0)}), np.empty(0, dtype=np.int8)).size == 0


def test_the_value_matrix_has_the_quadrants_of_the_report():
    """Customers at all four corners, on any level before: the same names as ``quadrant_of`` gives them."""
    pyramid = NamedLadder(scheme="value_matrix", hysteresis=0.0)
    assert pyramid.tiers == QUADRANTS
    seen = {"profit": np.array([9.0, 1.0, 9.0, 1.0]), "potential": np.array([9.0, 9.0, 1.0, 1.0])}
    expected = quadrant_of(seen["profit"], seen["potential"])
    for held in range(4):
        assert_array_equal(pyramid.levels_of(on_paper(seen), np.full(4, held, dtype=np.int8)), expected)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"levels": [{"name": "a", "needs": {"share": 0.5}}, {"name": "a"}]}, 'two are called "a"'),
        ({"levels": [{"name": "a"}, {"name": "b"}]}, '"a" has no conditions'),
        ({"levels": [{"name": "a", "needs": {"share": 0.5}}]}, 'the lowest, "a", has conditions'),
        ({"levels": [{"name": "a", "needs": {"charm": 0.5}}, {"name": "b"}]}, "'repeats', 'tenure'"),
        ({"levels": [{"name": "a", "needs": {"revenue": 5.0}}, {"name": "b"}]}, "'repeats', 'tenure'"),
        ({"levels": [{"name": "a", "among_best": {"revenue": 5.0}}, {"name": "b"}]}, "less than or equal to 1"),
        (
            {"levels": [{"name": "a", "needs": {"trust": 0.95}}, {"name": "b"}], "hysteresis": 0.1},
            "trust = 0.95, and 1.045",
        ),
        ({"climb": 0}, "greater than or equal to 1"),
    ],
)
def test_ladders_that_cannot_be_climbed_are_refused(changes, told):
    with pytest.raises(ValidationError, match=told):
        ladder(**changes)


def test_what_is_wrong_is_told_in_a_line_that_names_the_key():
    levels = [{"name": "a", "needs": {"trust": 0.95}}, {"name": "b"}]
    with pytest.raises(InputError, match=r"firms.Firm0.pyramid = .*: levels: \"a\" needs trust = 0.95"):
        scenario([{"pyramid": {"scheme": "ladder", "levels": levels}}])
    with pytest.raises(InputError, match="the scheme funnel, which does not rank"):
        scenario([{"pyramid": "funnel", "strategy": {"name": "advocate_first", "service": {}}}])
    with pytest.raises(InputError, match='names the tier "gold", which the pyramid lacks'):
        scenario([{"pyramid": "funnel", "strategy": {"name": "tiered_service", "service": {"gold": 1.0}}}])


@pytest.mark.parametrize("name", SHAPES)
def test_the_named_pyramids_are_ladders_one_could_have_written(name):
    """Whatever holds for a ladder of a user's own holds for them, and the same customers stand where they stand."""
    named = NamedLadder(scheme=name)
    own = Ladder(levels=named.steps, each_needs_those_below=named.is_stacked)
    assert own.tiers == named.tiers
    assert named.entry_tier == len(named.tiers) - 1
    rng = np.random.default_rng(1)
    seen = {key: rng.uniform(0.0, 4.0 if key in ("repeats", "tenure") else 1.0, 500) for key in OBSERVED}
    held = rng.integers(0, len(named.tiers), 500, dtype=np.int8)
    levels = named.levels_of(on_paper(seen), held)
    assert_array_equal(own.levels_of(on_paper(seen), held), levels)
    assert set(levels) == set(range(len(named.tiers)))


def seen_after(n_periods: int, firm: dict[str, Any] | None = None, **settings: Any) -> Sight:
    """Return what the first of two firms sees after so many periods; nobody moves away."""
    changes = {"customers.count": 1500, "customers.turnover": 0.0}
    m = market([{"awareness": 1.0, **(firm or {})}, {}], changes, **settings)
    for _ in range(n_periods):
        m.step()
    return Sight(m, m.firms["Firm0"])


def test_what_is_seen_is_on_record_or_within_the_scale():
    stages = [{"name": "young", "share": 0.5, "lasts": 40.0}, {"name": "old", "share": 0.5}]
    sight = seen_after(40, customers={"life_stages": stages})
    assert set(OBSERVED) >= set(MEASURED)
    for name in MEASURED:
        values = sight.look(name)
        assert values.shape == sight.members.row.shape
        assert values.min() >= 0.0
        assert np.isinf(SCALES[name]) or values.max() <= 1.0
        assert values.std() > 0.0, name


def test_answers_err_as_the_survey_does_and_inner_states_are_never_seen():
    """Without error the answer is the state; with an error of a tenth it is off by a tenth, to 5 standard errors.

    A normal error's standard deviation is estimated to within 5 / sqrt(2 n) of itself but once in 10**6; few answers
    are cut off at the ends of the scale, as none of those looked at is within 5 deviations of one.
    """
    true, said = (seen_after(30, survey={"error": error}) for error in (0.0, 0.1))
    relations = true.market.town.relations[true.members.row, 0]
    assert_array_equal(true.look("closeness"), relations["attachment"].astype(np.float64))
    trust = true.look("trust")
    error = (said.look("trust") - trust)[np.abs(trust - 0.5) < 0.02] / 0.1
    assert error.size > 100
    assert abs(error.std() - 1.0) < 5.0 / np.sqrt(2.0 * error.size)
    assert abs(error.mean()) < 5.0 / np.sqrt(error.size)


def test_lifetime_value_by_hand():
    """Nobody can have left before the activity window is over, if nothing fails.

    So customers are taken to stay for good, and a unit of margin a period is worth 1 / r; r is 0.002.
    """
    sight = seen_after(20, {"failure_rate": 0.0})
    profit, length = sight.members.profit, sight.length[sight.members.since]
    common = profit.sum() / length.sum()
    assert sight.window == 39
    rate = (profit + 39 * common) / (length + 39)
    assert rate.std() > 0.1
    assert np.allclose(sight.look("lifetime_value"), rate / 0.002, rtol=1e-9)


def test_lifetime_value_is_that_of_the_report():
    """What the firm would rank by at a review is the mean that the report has of the same records."""
    sight = seen_after(50)
    reported = take_stock(sight.market).firms[0].value.clv
    assert np.allclose(sight.look("lifetime_value"), reported, rtol=1e-5)  # the margin is rounded to single precision
    assert sight.look("lifetime_value").min() > 0.0


def test_some_customers_answer_as_they_do_when_all_are_asked():
    sight = seen_after(20)
    some = np.arange(3, sight.members.row.size, 7)
    for name in OBSERVED:
        assert_array_equal(sight.look(name, some), Sight(sight.market, sight.firm).look(name)[some])


def test_customers_ranked_by_lifetime_value_and_by_profit_differ():
    """Of two with the same margin, the one who earned it sooner is worth more to come."""
    tops = {}
    for rank_by in ("profit", "lifetime_value"):
        m = market([{"pyramid": {"rank_by": rank_by, "hysteresis": 0.0}}, {}], {"customers.count": 2000})
        m.run(53)
        tops[rank_by] = set(np.flatnonzero(m.customers.column("tier")[:, 0] == 0).tolist())
    assert tops["profit"] != tops["lifetime_value"]
    assert len(tops["profit"] & tops["lifetime_value"]) > 5


@pytest.mark.parametrize("name", SHAPES)
def test_every_level_has_customers_and_a_slide_goes_further_than_a_climb(name):
    """Over reviews from the second year on; where levels stand on each other, a climb is one level."""
    m = market([{"pyramid": name}, {}], {"customers.count": 4000}, periods=160)
    results = m.run()
    moves = sum(counted for period, f, counted in m.history.migration if f == 0 and period >= 52)
    assert (moves.sum(axis=0) > 0).all()
    n_levels = len(moves)
    if SHAPES[name].is_stacked:
        lost = np.arange(n_levels) - np.arange(n_levels)[:, None]  # levels, by level before and after
        slides = (moves * lost)[lost > 0].sum() / moves[lost > 0].sum()
        assert not moves[lost < -1].any()
        assert slides > 1.0
    migration = results.migration.query("firm == 'Firm0'")
    assert set(migration["from_tier"]) == set(NamedLadder(scheme=name).tiers)


def test_the_margin_and_the_steps_keep_customers_lower():
    """The same market, with levels that take no more to rise to than to stay on, and in any number of steps."""
    depth = {}
    for margin, climb in ((0.1, None), (0.0, 12)):
        pyramid = {"scheme": "funnel", "hysteresis": margin, "climb": climb}
        m = market([{"pyramid": pyramid}, {}], {"customers.count": 4000}, periods=105)
        m.run()
        moves = sum(counted for period, f, counted in m.history.migration if f == 0 and period >= 52)
        depth[margin] = (moves.sum(axis=0) * np.arange(len(moves))).sum() / moves.sum()  # levels below the highest
    assert depth[0.1] > depth[0.0] + 0.1
