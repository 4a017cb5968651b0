"""The levers of the bond by tier: recovery and goodwill, by hand and in the market."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.accounts import Line
from sim.errors import InputError
from tests.markets import STILL, STILL_FIRM, Market, market, scenario

FAILING = {**STILL_FIRM, "failure_rate": 1.0, "recovery": 1.0, "service": 1.0, "complaint_cost": 3.0}
ALL_COMPLAIN: dict[str, Any] = {
    **STILL,
    "customers.behaviour.complaint_rate": 1.0,
    "customers.behaviour.recovery_repair": 0.8,
    "customers.demand.basket_shape": 1e8,
    "customers.demand.mean_basket": 30.0,
}


def after_one_period(**firm: Any) -> Market:
    """Return a market with one firm that fails everybody, all of whom complain, after its first period."""
    m = market([{**FAILING, **firm}], ALL_COMPLAIN)
    m.step()
    return m


@pytest.mark.parametrize(("goodwill", "repaired"), [(0.0, 0.8), (3.0, 0.95), (6.0, 1.1), (60.0, 2.0)])
def test_goodwill_repairs_by_its_worth_in_the_basket_by_hand(goodwill: float, repaired: float) -> None:
    """Each 1 given is worth 1.5: of a basket of 30, a twentieth."""
    m = after_one_period(goodwill=goodwill)
    bought = m.town.relations["bought_at"][:, 0] == 0
    assert bought.sum() > 50
    spec, how = m.firms["Firm0"].spec, m.behaviour
    promised = spec.quality + how.service_in_experience * spec.service
    felt = -how.failure_severity * (1.0 - repaired)
    np.testing.assert_allclose(
        m.town.relations["expectation"][bought, 0], promised + how.expectation_speed * felt, rtol=1e-5
    )
    books = m.history.books[0][0].sum(axis=(0, 1))
    assert books[Line.RECOVERIES] == bought.sum()
    assert books[Line.RECOVERY] == pytest.approx((3.0 + goodwill) * bought.sum())
    record = m.town.relations["margin"][bought, 0].astype(np.float64).sum()
    costs = books[Line.GOODS] + books[Line.RECOVERY] + books[Line.CHANNEL]
    assert record == pytest.approx(books[Line.REVENUE] - costs, rel=1e-6)


def test_a_tier_may_be_made_good_and_another_not() -> None:
    """Newcomers are lead, who are never made good; the other tiers always are, at full service."""
    tiers = {"lead": {"recovery": 0.0, "goodwill": 5.0}}
    m = market([{**FAILING, "tiers": tiers, "pyramid": {"scheme": "four_tier", "review_every": 4}}], ALL_COMPLAIN)
    m.run(12)
    books = np.sum(m.history.books, axis=0)[0].sum(axis=1)
    lead = m.firms["Firm0"].pyramid.tiers.index("lead")
    assert books[lead, Line.COMPLAINTS] > 30
    assert books[lead, Line.RECOVERIES] == 0
    assert books[lead, Line.RECOVERY] == pytest.approx(3.0 * books[lead, Line.COMPLAINTS])
    others = books[:lead].sum(axis=0)
    assert others[Line.RECOVERIES] == others[Line.COMPLAINTS] > 30


def test_what_a_tier_is_given_like_all_changes_nothing() -> None:
    plain = market([{}, {}])
    named = market([{"tiers": {"gold": {"recovery": 0.8, "goodwill": 0.0}}}, {}])
    plain.run()
    named.run()
    assert named.digest() == plain.digest()


@pytest.mark.parametrize(
    ("setting", "value"), [("tiers.gold.recovery", 1.5), ("tiers.gold.goodwill", -1.0), ("goodwill", -0.5)]
)
def test_refuses_what_is_no_recovery(setting: str, value: float) -> None:
    with pytest.raises(InputError, match=setting.rsplit(".", maxsplit=1)[-1]):
        scenario([{"tiers": {"gold": {}}}], {f"firms.Firm0.{setting}": value})
