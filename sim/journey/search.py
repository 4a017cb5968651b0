"""Search: which firms come to mind? The size of this consideration set is the choice time.

Source: Hauser & Wernerfelt (1990), "An evaluation cost model of consideration sets", JCR 16(4).
"""

from __future__ import annotations

import math

import numpy as np

from sim.compiled import inline, seldom
from sim.customers import logistic
from sim.draws import Stream, block
from sim.journey.need import happens
from sim.records import identity


@inline
def effort_of_search(person, has_usual, price_has_jumped, behaviour):  # type: ignore[no-untyped-def]
    """Return the chance that a known firm comes to mind: the person's own, or more after a shock or without a habit."""
    search = np.float64(person.search)
    if person.is_alert or not has_usual or price_has_jumped:
        return max(search, behaviour.alert_search)
    return search


@inline
def refresh_awareness(relation, is_usual, exposure, elapsed, luck_ad, luck_forget, behaviour):  # type: ignore[no-untyped-def]
    """Bring awareness up to date since the last need: advertising makes known, time without purchase forgets.

    ``exposure`` is the number of advertising contacts per person since then. Drawn at once for the whole gap, which has
    the same distribution as drawing each period, since contacts and forgetting come at Poisson rates.
    """
    if not relation.is_aware:
        relation.is_aware = happens(exposure, luck_ad)
    elif not is_usual and not relation.is_active and happens(behaviour.forget_rate * elapsed, luck_forget):
        relation.is_aware = False


@inline
def comes_to_mind(relation, is_usual, search, ad_reach, luck):  # type: ignore[no-untyped-def]
    """Say whether a firm is considered: the usual one always, another known one if searched for or seen advertised."""
    return is_usual | ((relation.is_aware != 0) & (luck < 1.0 - (1.0 - search) * (1.0 - ad_reach)))


@inline
def is_price_jump(person, i, log_price, log_reference, behaviour, seed):  # type: ignore[no-untyped-def]
    """Say whether a price is so far over what person ``i`` is used to that it makes them look around."""
    rise = log_price - log_reference
    if behaviour.price_jump_spread > 0.0:
        return rise > 0.0 and is_more_than_overlooked(
            rise, identity(person, i), np.int64(person.birth), behaviour, seed
        )
    return rise > behaviour.log_price_jump


@seldom
def is_more_than_overlooked(rise, who, birth, behaviour, seed):  # type: ignore[no-untyped-def]
    """Say whether a price rises, on the log scale, by more than one person overlooks: people differ in it.

    Source: Han, Gupta & Lehmann (2001), "Consumer price sensitivity and price thresholds", J. of Retailing 77(4).
    Stream used: JUMP_SPREAD, one value.
    """
    _, _, _, luck = block(seed, Stream.JUMP_SPREAD // 4, birth, who, 0)
    if luck >= 0.5 and rise <= behaviour.log_price_jump:  # half of all people overlook at least as much as that
        return False
    return rise > behaviour.log_price_jump * math.exp(behaviour.price_jump_spread * logistic(luck))
