"""The claims laboratory: one controlled experiment for each claim of the textbooks, judged by rule."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.claims import (
    delight,
    firing,
    price_rise,
    reach_of_talk,
    retention_and_profit,
    satisfied_not_loyal,
    sliding,
    small_advocates,
    tenure,
    top_fifth,
    total_contribution,
    winning_and_keeping,
)
from experiments.claims.base import Claim
from sim.errors import InputError, nearest

MODULES = (
    retention_and_profit, top_fifth, winning_and_keeping, reach_of_talk, tenure, satisfied_not_loyal, firing,
    total_contribution, small_advocates, price_rise, delight, sliding,
)  # fmt: skip

CLAIMS: dict[str, Claim] = {module.CLAIM.name: module.CLAIM for module in MODULES}


def chosen(names: Sequence[str]) -> tuple[Claim, ...]:
    """Return the claims of these names, in the order of the laboratory; all of them if none is named.

    Raises
    ------
    InputError
        If there is no claim of a name.
    """
    for name in names:
        if name not in CLAIMS:
            raise InputError(f'no claim is called "{name}"; {nearest(name, CLAIMS)}', key="NAME")
    return tuple(claim for name, claim in CLAIMS.items() if not names or name in names)
