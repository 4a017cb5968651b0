"""How far praise and grievances travel, and what they bring."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.claims.base import Claim, Effect, Found
from experiments.claims.places import GOODS, OUTDOOR, SUPERMARKET
from experiments.claims.tools import focal
from experiments.one_run import opened
from sim.accounts import Line
from sim.scenario import Scenario


def measure(scenario: Scenario, seed: int) -> Mapping[str, Found]:
    """Count what is said and heard of all firms after the warm-up, and the purchases credited to praise."""
    credited = 0
    with opened(scenario, seed) as market:
        while market.period < scenario.periods:
            market.step()
            if market.period > scenario.warm_up:
                credited += int(market.said.n_credits.sum())
        books = sum(period.sum(axis=(1, 2)) for period in market.history.books[scenario.warm_up :])
        own = focal(market).index
    total = books.sum(axis=0)
    return {
        "closed": (float(credited), float(total[Line.PRAISE])),
        "told_well": (float(total[Line.PRAISE_HEARD]), float(total[Line.PRAISE])),
        "told_ill": (float(total[Line.GRIEVANCES_HEARD]), float(total[Line.GRIEVANCES])),
        "per_grievance": (float(books[own, Line.PRAISE]), float(books[own, Line.GRIEVANCES])),
    }


CLAIM = Claim(
    name="reach_of_talk",
    text="One satisfied customer brings eight potential deals, of which at least one is closed; one dissatisfied "
    "customer turns the intentions of twenty-five people.",
    source="sales folklore, quoted in Chinese textbooks of customer relationship management; East, Hammond & Wright "
    "(2007) count about three positive words for a negative one",
    design="Nothing is changed. All that is said of any firm after the warm-up is counted, who hears it, directly or "
    "passed on, and every purchase from a firm that a friend had praised within the time in which praise counts.",
    places=(GOODS, OUTDOOR, SUPERMARKET),
    effects=(
        Effect("closed", "purchases credited to a word of praise", "number", "ratio", low=1.0),
        Effect("told_well", "people who hear a word of praise", "number", "ratio"),
        Effect("told_ill", "people who hear of a grievance, passed on included", "number", "ratio", low=25.0),
        Effect("per_grievance", "words of praise per grievance about the firm", "number", "ratio"),
    ),
    measure=measure,
    caution="Who hears praise is the number of friends a person has, which the scenario sets and so is not judged; "
    "only the passing on adds to it. A credited purchase came after praise; part of it would have been made"
    " anyway. The same person is counted each time something is heard.",
)
