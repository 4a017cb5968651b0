"""Whether small customers who talk are worth more than big ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments.claims.base import Claim, Effect, Found
from experiments.claims.places import GOODS, OUTDOOR
from experiments.claims.tools import BoolArray, FloatArray, held, whole_records
from experiments.one_run import opened, step_to
from sim.scenario import Scenario

TOP_DECILE = 0.9


def advocates_and_buyers(spent: FloatArray, heard: FloatArray) -> tuple[BoolArray, BoolArray]:
    """Return who is a small advocate, and who a big buyer.

    Small advocates are the tenth of those below the median spend whose talk is heard most; big buyers are the tenth of
    all who spend most.

    Examples
    --------
    >>> spent, heard = np.arange(20.0), np.r_[np.arange(10.0), np.full(10, 50.0)]
    >>> [np.flatnonzero(each).tolist() for each in advocates_and_buyers(spent, heard)]
    [[9], [18, 19]]
    """
    is_small = spent < np.median(spent)
    is_heard = heard >= np.quantile(heard[is_small], TOP_DECILE) if is_small.any() else is_small
    return is_small & is_heard, spent >= np.quantile(spent, TOP_DECILE)


def measure(scenario: Scenario, seed: int) -> Mapping[str, Found]:
    """Look at the firm's own record of each customer at the end: margin, and credit for word of mouth."""
    with opened(whole_records(scenario), seed) as market:
        step_to(market, scenario.periods)
        is_member = held(market, "is_active") == 1
        spent, margin, credit = (held(market, name)[is_member] for name in ("revenue", "margin", "credit"))
        degree = np.diff(market.network.first)
        heard = (market.customers.column("talk") * degree)[is_member]
    small, big = advocates_and_buyers(spent, heard)
    total = margin + credit
    return {
        "worth": (float(total[small].mean()), float(total[big].mean())),
        "own": (float(margin[small].mean()), float(margin[big].mean())),
        "credit_small": (float(credit[small].mean()), float(total[small].mean())),
        "credit_big": (float(credit[big].mean()), float(total[big].mean())),
    }


CLAIM = Claim(
    name="small_advocates",
    text="Customers who buy little and advocate much are worth more than big buyers.",
    source="Kumar, Petersen & Leone (2007), Harvard Business Review 85(10)",
    design="Nothing is changed. At the end, the tenth of the customers below the median spend whose talk reaches most "
    "people, against the tenth who spend most: own margin and the margin credited to their praise, since they joined.",
    places=(OUTDOOR, GOODS),
    effects=(
        Effect("worth", "worth of a small advocate over that of a big buyer", "number", "ratio", low=1.0, null=1.0),
        Effect("own", "the same by own margin alone", "number", "ratio"),
        Effect("credit_small", "share of a small advocate's worth that is credit", kind="ratio"),
        Effect("credit_big", "share of a big buyer's worth that is credit", kind="ratio"),
    ),
    measure=measure,
    caution="Credit is the share of a listener's margin that the scenario gives to who praised: all of it in "
    "outdoor gear, half of it in consumer goods. Each listener's purchases are credited to whoever praised "
    "last.",
)
