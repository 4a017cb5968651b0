"""Need: when one arises. Needs come at an individual rate (NBD; Ehrenberg 1959, Applied Statistics 8)."""

from __future__ import annotations

import math

from sim.compiled import inline


def rate_of(chance: float) -> float:
    """Return the Poisson rate per period of an event that happens with a chance each period."""
    return -math.log1p(-chance) if chance < 1.0 else math.inf


@inline
def happens(rate, luck):  # type: ignore[no-untyped-def]
    """Say whether an event of a Poisson rate happens at least once: with probability ``1 - exp(-rate)``.

    The probability never exceeds the rate, so most of those to whom nothing happens are known without the exponential.
    """
    return luck < rate and luck < 1.0 - math.exp(-rate)


@inline
def set_alarm(pulse, release_at):  # type: ignore[no-untyped-def]
    """Note the next period in which anything happens to the person by itself."""
    pulse.wake_at = min(min(pulse.need_at, pulse.lapse_at), min(pulse.leave_at, release_at))
