"""Whether customers bring more the longer they stay, or whether those who bring more stay longer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments.claims.base import Claim, Effect, Found
from experiments.claims.places import BANK, COFFEE, GOODS
from experiments.claims.tools import BoolArray, FloatArray, IntArray, held, whole_records
from experiments.one_run import opened, step_to
from sim.scenario import Scenario

N_YEARS = 4  # equal parts of the time after the warm-up


def old_and_new(
    margin: FloatArray, since: IntArray, is_member: BoolArray, cuts: tuple[int, int, int]
) -> tuple[float, float]:
    """Return the mean margin of old customers and that of new ones in the same year.

    Old customers joined before ``cuts[0]``; new ones from ``cuts[1]`` and before ``cuts[2]``.

    Examples
    --------
    >>> old_and_new(np.array([9.0, 5.0, 4.0, 2.0]), np.array([0, 3, 12, 15]), np.ones(4, bool), (10, 11, 20))
    (7.0, 3.0)
    """
    is_old = is_member & (since < cuts[0])
    is_new = is_member & (since >= cuts[1]) & (since < cuts[2])
    return _mean(margin[is_old]), _mean(margin[is_new])


def measure(scenario: Scenario, seed: int) -> Mapping[str, Found]:
    """Look at the firm's records at the ends of four equal spans of time after the warm-up."""
    cuts = [round(scenario.warm_up + k * (scenario.periods - scenario.warm_up) / N_YEARS) for k in range(N_YEARS + 1)]
    looks: list[dict[str, FloatArray]] = []
    with opened(whole_records(scenario), seed) as market:
        for cut in cuts:
            step_to(market, cut)
            looks.append({name: held(market, name) for name in ("margin", "volume", "since", "is_active")})
    last, before = looks[-1], looks[-2]
    since = last["since"].astype(np.int64)
    is_member = (last["is_active"] == 1) & (since < cuts[-2])
    # those who are members now and joined before the year began were members all through it
    this_year = last["margin"] - before["margin"]
    early, later = looks[1], looks[2]
    is_cohort = is_member & (since < cuts[1])
    first = (later["margin"] - early["margin"])[is_cohort]
    old, new = old_and_new(this_year, since, is_member, (cuts[1], cuts[2], cuts[3]))
    then, now = _mean(first), _mean(this_year[is_cohort])
    return {
        "cross": ((old - new), new),
        "within": ((now - then), then),
        "selection": (old - new) / new - (now - then) / then if new > 0 and then > 0 else float("nan"),
        "old": old,
        "new": new,
    }


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else float("nan")


CLAIM = Claim(
    name="tenure",
    text="Profit per customer grows with the length of the relationship.",
    source="Reichheld & Sasser (1990); against it Reinartz & Kumar (2000), Journal of Marketing 64(4)",
    design="Nothing is changed. The last year's margin of customers of three years and more against that of "
    "customers in their second year (what a cross-section shows), and the same old customers' margin in the "
    "last year against their own two years before (what time itself does).",
    places=(GOODS, BANK, COFFEE),
    effects=(
        Effect("within", "change of the same customers' margin over two years", kind="ratio", low=0.0, null=0.0),
        Effect(
            "cross", "old customers' margin over that of newer ones, the same year", kind="ratio", low=0.0, null=0.0
        ),
        Effect("selection", "difference between the two: who stays, not how long", "points"),
        Effect("old", "yearly margin of an old customer", "number"),
        Effect("new", "yearly margin of a newer customer", "number"),
    ),
    measure=measure,
    caution="Prices, baskets and the cost of serving do not change with age in this model; a year is a quarter of the "
    "time after the warm-up. Margin is before the costs of the firm as a whole.",
)
