"""Customer value analysis: what a study of the market says, by hand, and that asking changes nobody."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sim.crm.attributes import ATTRIBUTES, NOT_A_CUSTOMER, Study, study, tabulate
from sim.crm.later import already
from tests.markets import STILL, STILL_FIRM, market

EXACT = {**STILL, "survey.error": 0.0, "survey.sample": 500, "customers.mix": {"price": 1.0}}


def test_importance_and_performance_by_hand() -> None:
    """Price customers without error, before anyone has bought."""
    price = {"price": 0.9, "quality": 0.55, "service": 0.3, "gift": 1.5, "gift_worth": 2.0, "image": 0.4}
    m = market([{**STILL_FIRM, **price}, {**STILL_FIRM, "awareness": 0.0}], EXACT)
    m.agents.do("decide")
    m.agents.do("post_policy")
    said = study(m).made
    person, behaviour = m.town.people[0], m.behaviour
    counts = [
        person["quality_weight"],
        person["service_weight"],
        person["effort_weight"],
        person["attachment_weight"] + behaviour.trust_weight,
        behaviour.image_weight + behaviour.opinion_weight,
        0.2 * person["reward_weight"],
        person["price_weight"],
    ]
    assert_allclose(said.importance[0], np.array(counts) / np.sum(counts, dtype=np.float64), rtol=1e-6)
    basket = float(person["basket"])
    assert_allclose(
        said.performance[0, 0],
        [
            0.5,  # quality .55 in a window from .2 to .9
            0.3,
            1.0 - 0.25,  # no distance; the store's effort
            0.25,  # no attachment yet, trust 1/2
            (0.4 + 0.5) / 2.0,  # nobody has spoken
            min(1.0, 1.5 * 2.0 / (basket * 0.9) / 0.2),
            0.5 - math.log(0.9),
        ],
        rtol=1e-6,
    )
    assert np.isnan(said.performance[:, 1]).all()  # nobody knows the second firm


def test_segments_by_hand() -> None:
    weights = np.array([[0.7, 0.3, 0, 0, 0, 0, 0], [0.1, 0.9, 0, 0, 0, 0, 0], [0.4, 0.6, 0, 0, 0, 0, 0]])
    rated = np.full((3, 2, 7), np.nan)
    rated[0, 0], rated[1, 0], rated[2, 1] = 0.2, 0.6, 1.0
    told = Study(8, weights, rated, type=np.array([4, 4, 6]), tier=np.array([[0, -1], [-1, 0], [-1, -1]]))
    table = tabulate([already(told)], ("A", "B"), focal=0, tiers=("top",))
    table = table.set_index(["group", "name", "attribute", "firm"]).sort_index()
    everybody, price = table.loc[("all", "all")], table.loc[("type", "price")]
    assert everybody.loc[("product", "A"), ["importance", "performance", "raters"]].tolist() == pytest.approx(
        [0.4, 0.4, 2]
    )
    assert everybody.loc[("service", "B"), ["importance", "performance", "raters"]].tolist() == pytest.approx(
        [0.6, 1.0, 1]
    )
    assert price.loc[("product", "A"), "performance"] == pytest.approx(0.4)
    assert np.isnan(price.loc[("product", "B"), "performance"])
    assert table.loc[("tier", "top", "product", "A"), "importance"] == pytest.approx(0.7)
    assert table.loc[("tier", NOT_A_CUSTOMER, "product", "A"), "importance"] == pytest.approx(0.25)
    assert set(table.index.get_level_values("attribute")) == set(ATTRIBUTES)


def test_the_market_is_asked_on_time_and_nobody_is_changed_by_it() -> None:
    changes = {"warm_up": 10, "periods": 60, "horizon": 20}
    asked = market(2, {**changes, "survey.every": 20})
    results = asked.run()
    assert [each.made.period for each in results.studies] == [10, 30, 50, 60]
    assert results.attributes["period"].unique().tolist() == [10, 30, 50, 60]
    unasked = market(2, {**changes, "survey.every": 0})
    assert [each.made.period for each in unasked.run().studies] == [60]
    assert asked.digest() == unasked.digest()


def test_more_error_blurs_answers_about_the_same_people() -> None:
    sharp, blurred = (
        market(2, {"survey.error": error, "survey.every": 0}).run().studies[-1].made for error in (0.0, 0.2)
    )
    assert_array_equal(np.isnan(sharp.performance), np.isnan(blurred.performance))
    assert_allclose(blurred.importance.sum(axis=1), 1.0)
    away = np.abs(sharp.importance - blurred.importance).mean()
    assert 0.01 < away < 0.1
