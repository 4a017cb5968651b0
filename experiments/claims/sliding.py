"""Whether sliding down a relationship is easier than climbing it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from experiments.claims.base import Claim, Effect, Found
from experiments.claims.places import BANK, COFFEE, GOODS
from experiments.claims.tools import focal, held, set_service
from experiments.one_run import opened, step_to
from sim.scenario import Scenario

SHOCK = 0.3  # of the service level, 0 to 1, up or down
LASTS = 26  # periods


def chances(moves: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Return the chance at a review of falling, for those who can fall, and of rising, for those who can rise.

    Parameters
    ----------
    moves : array of int, shape (n_tiers, n_tiers)
        Customers by tier before (rows, from the top down) and after (columns).

    Examples
    --------
    >>> chances(np.array([[8, 2], [10, 90]]))
    (0.2, 0.1)
    """
    fell, rose = float(np.triu(moves, 1).sum()), float(np.tril(moves, -1).sum())
    can_fall, can_rise = float(moves[:-1].sum()), float(moves[1:].sum())
    return (fell / can_fall if can_fall else float("nan"), rose / can_rise if can_rise else float("nan"))


def measure(scenario: Scenario, seed: int) -> Mapping[str, Found]:
    """Run the market as it is, and with equal shocks to service up and down for half a year."""
    firm = next(each for each in scenario.firms if each.name == scenario.focal_firm)
    every = firm.pyramid.review_every
    at = -(-scenario.warm_up // every) * every
    shock = min(SHOCK, firm.service, 1 - firm.service)
    known: dict[str, tuple[float, float]] = {}
    moves = np.zeros((len(firm.pyramid.tiers),) * 2, dtype=np.int64)
    for name, change in (("plain", 0.0), ("up", shock), ("down", -shock)):
        with opened(scenario, seed) as market:
            step_to(market, at)
            who, is_member = market.customers.column("id"), held(market, "is_active") == 1
            set_service(market, firm.service + change)
            step_to(market, at + LASTS)
            still_here = is_member & (market.customers.column("id") == who)
            attachment, satisfaction = (held(market, key)[still_here].mean() for key in ("attachment", "satisfaction"))
            known[name] = float(attachment), float(satisfaction)
            if name == "plain":
                step_to(market, scenario.periods)
                moves += sum(counted for _, f, counted in market.history.migration if f == focal(market).index)
    falls, rises = chances(moves)
    plain, up, down = known["plain"], known["up"], known["down"]
    return {
        "attachment": (plain[0] - down[0], up[0] - plain[0]),
        "satisfaction": (plain[1] - down[1], up[1] - plain[1]),
        "tiers": (falls, rises),
        "falls": falls,
        "rises": rises,
    }


CLAIM = Claim(
    name="sliding",
    text="Sliding down the relationship is easier than climbing it.",
    source="relationship-pyramid texts; Baumeister et al. (2001), Review of General Psychology 5(4): bad is stronger",
    design=f"The firm's service changes for half a year by {SHOCK} (by less where the level does not allow it), once"
    " up and once down, against the same market without; attachment at the end of all who were customers at "
    "the start. Beside it, who fell and who rose at the reviews of the market as it is.",
    places=(GOODS, BANK, COFFEE),
    effects=(
        Effect(
            "attachment", "attachment lost by the fall over that gained by the rise", "number", "ratio", 1.0, None, 1.0
        ),
        Effect("satisfaction", "the same for satisfaction", "number", "ratio"),
        Effect("tiers", "chance of falling a tier over that of rising one", "number", "ratio"),
        Effect("falls", "chance of falling at a review", kind="share"),
        Effect("rises", "chance of rising at a review", kind="share"),
    ),
    measure=measure,
    caution="Chances of falling and rising tell little: newcomers begin above the lowest tier and add to the falls,"
    " and where tiers are shares of the customers somebody must rise when others fall. The model's speeds "
    "of rise and fall are set; what they add up to over customers of little and of much attachment is "
    "measured: who has little can lose little.",
)
