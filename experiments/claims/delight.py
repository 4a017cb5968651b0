"""Whether delight wears off."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from experiments.claims.base import Claim, Effect, Found
from experiments.claims.places import BANK, COFFEE, GOODS
from experiments.claims.tools import of_focal, quarter, set_service
from experiments.one_run import opened, step_to
from sim.scenario import Scenario

RISE = 0.3  # of the service level, 0 to 1


def measure(scenario: Scenario, seed: int) -> Mapping[str, Found]:
    """Run the market with and without better service for good from the first review after the warm-up."""
    firm = next(each for each in scenario.firms if each.name == scenario.focal_firm)
    every = firm.pyramid.review_every
    at = -(-scenario.warm_up // every) * every
    plain, better = (_path(scenario, seed, at, level) for level in (firm.service, firm.service + RISE))
    span = quarter(scenario)
    early, late = slice(at + span, at + 2 * span), slice(scenario.periods - 2 * span, scenario.periods)
    gain = {
        (name, when): float((better[name][span] - plain[name][span]).mean())
        for name in ("satisfaction", "attachment")
        for when, span in (("early", early), ("late", late))
    }
    return {
        "left": (gain["satisfaction", "late"], gain["satisfaction", "early"]),
        "attachment": (gain["attachment", "late"], gain["attachment", "early"]),
        "early": gain["satisfaction", "early"],
        "late": gain["satisfaction", "late"],
    }


def _path(scenario: Scenario, seed: int, at: int, level: float) -> pd.DataFrame:
    """Return the firm's table of periods when its service is at a level from a period on."""
    with opened(scenario, seed) as market:
        step_to(market, at)
        set_service(market, level)
        return of_focal(market.run())


CLAIM = Claim(
    name="delight",
    text="Delight wears off: what delights today is expected tomorrow.",
    source="Kano (1984); Rust & Oliver (2000), Journal of the Academy of Marketing Science 28(1)",
    design=f"The firm's service level rises by {RISE} for good at the first review after the warm-up, against the same "
    "market without: the gain in its customers' satisfaction in the second quarter after, and in the last half-year.",
    places=(GOODS, BANK, COFFEE),
    effects=(
        Effect(
            "left",
            "share of the early gain in satisfaction left in the last half-year",
            kind="ratio",
            high=1.0,
            null=1.0,
        ),
        Effect("attachment", "late gain in attachment over the early one", kind="ratio"),
        Effect("early", "gain in satisfaction in the second quarter", "number"),
        Effect("late", "gain in satisfaction in the last half-year", "number"),
    ),
    measure=measure,
    caution="A quarter is a quarter of the scenario's long run. Less left than there was is taken to be wearing "
    "off, however much is left. That expectations drift to what is received is part of the model; how far "
    "satisfaction follows, while customers come and go, is measured. Satisfaction that has worn off is not "
    "all: the attachment it built grows.",
)
