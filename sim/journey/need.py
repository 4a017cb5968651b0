"""Need: whether one arises this period."""

from __future__ import annotations

import math

from sim.compiled import inline


@inline
def chance_of(rate):  # type: ignore[no-untyped-def]
    """Return the chance that an event of a Poisson rate happens at least once in a period."""
    return 1.0 - math.exp(-rate)


@inline
def happens(rate, luck):  # type: ignore[no-untyped-def]
    """Say whether an event of a Poisson rate happens at least once.

    The chance never exceeds the rate, so most of those to whom nothing happens are known without the exponential.
    """
    return luck < rate and luck < chance_of(rate)


@inline
def arises(pulse, luck):  # type: ignore[no-untyped-def]
    """Say whether a need arises: needs come at an individual rate (NBD; Ehrenberg 1959, Applied Statistics 8)."""
    return luck < pulse.chance


@inline
def is_set_free(person, release_rate, luck):  # type: ignore[no-untyped-def]
    """Say whether what held a latent customer back lifts by itself this period."""
    return person.is_constrained and luck < release_rate
