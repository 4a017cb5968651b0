"""What a loss is put down to (docs/model.md, 7.3): each cause that tells of the firm, set up by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sim.accounts import Cause
from sim.records import STEPS
from tests.markets import STILL, STILL_FIRM, SURE_TO_BUY, Market, market

ALIKE = {
    **SURE_TO_BUY,
    **STILL,
    "customers.count": 400,
    "customers.types": {"premium": {"search": 1.0, "attachment_gain": 0.0, "price_weight": 0.0}},
    "customers.behaviour.habit_weight": 0.0,
    "customers.behaviour.unfamiliarity_weight": 0.0,
    "customers.behaviour.trust_weight": 3.0,
    "network.topology": "empty",
}


def causes_of_switching(m: Market) -> set[str]:
    """Let a period pass; return what those who left the first firm for the second put it down to."""
    usual_before = m.town.people["usual"].copy()
    m.step()
    has_left = (usual_before == 0) & (m.town.people["usual"] == 1)
    assert has_left.sum() > 20
    return {Cause(cause).name.lower() for cause in np.unique(m.town.relations["cause"][has_left, 0])}


@pytest.mark.parametrize(
    ("trust_here", "trust_there", "strikes", "cause"),
    [
        (0.2, 0.5, 0.0, "broken_trust"),  # less than a firm that was never tried
        (0.2, 0.5, 1.0, "failure"),  # with a failure that is not made good
        (0.6, 0.9, 0.0, "better_rival"),  # nothing was broken: the rival is trusted more
        (0.2, 0.2, 0.0, "better_rival"),  # no difference in trust can tell
    ],
)
def test_trust_that_was_broken_is_told_from_failures_and_better_rivals(trust_here, trust_there, strikes, cause) -> None:
    m = market([STILL_FIRM, STILL_FIRM], ALIKE)
    m.step()
    relations = m.town.relations
    for kind in ("quality", "character", "ability"):
        relations[f"trust_{kind}"][:, 0] = round(trust_here * STEPS)
        relations[f"trust_{kind}"][:, 1] = round(trust_there * STEPS)
    relations["strikes"][:, 0] = strikes
    assert causes_of_switching(m) == {cause}


def test_price_and_service_tell_before_trust_where_they_tell_more() -> None:
    """Trust at ½ against 0.2 is worth 3 x 0.9 / 4 = 0.675; a service of 0.9 for 0.2 is worth 1.4 at a weight of 2."""
    kind = {"search": 1.0, "attachment_gain": 0.0, "price_weight": 0.0, "service_weight": 2.0}
    m = market(
        [{**STILL_FIRM, "service": 0.2}, {**STILL_FIRM, "service": 0.9, "capacity": 10.0}],
        {**ALIKE, "customers.types": {"premium": kind}},
    )
    m.step()
    for trust in ("quality", "character", "ability"):
        m.town.relations[f"trust_{trust}"][:, 0] = round(0.2 * STEPS)
        m.town.relations[f"trust_{trust}"][:, 1] = round(0.5 * STEPS)
    assert causes_of_switching(m) == {"service"}


def test_a_need_that_nobody_met_is_told_from_no_need() -> None:
    """From period 20 on no offer is good enough: who needs something within 13 periods leaves a need unmet."""
    m = market(
        [STILL_FIRM],
        {
            **STILL,
            "customers.mix": {"price": 1.0},
            "customers.count": 2000,
            "customers.activity_window": 13,
            "customers.behaviour.absolute_price": 1.0,
            "customers.demand.mean_rate": 0.1,
            "customers.demand.rate_shape": 1e6,
            "customers.types": {"price": {"price_weight": 50.0}},
        },
        events=[{"kind": "price_change", "firm": "Firm0", "factor": 20.0, "at": 20, "periods": 40}],
        periods=40,
    )
    lost = m.run().losses.query("period >= 20").pivot_table("customers", "period", "cause", "sum").fillna(0.0)
    assert set(lost.columns[lost.sum() > 0]) == {"unmet_need", "lapsed"}
    # who lapses in period p has been without a purchase for 13; needs that came before period 20 were met
    n = lost.sum(axis=1)
    chance = 1.0 - np.exp(-0.1 * (lost.index.to_numpy() - 20.0))
    expected, error = (n * chance).sum(), np.sqrt((n * chance * (1.0 - chance)).sum())
    assert n.sum() > 1000
    assert abs(lost["unmet_need"].sum() - expected) < 4.0 * error  # a false alarm once in 16,000


def test_a_product_that_fell_below_what_is_wanted_leaves_a_need_unmet() -> None:
    m = market([STILL_FIRM, STILL_FIRM], ALIKE)
    m.step()
    m.offers["quality_value"][0] = -1.0
    assert causes_of_switching(m) == {"unmet_need"}
