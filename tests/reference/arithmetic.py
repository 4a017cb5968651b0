"""Arithmetic of the model: double precision, rounded to single when a number is stored."""

from __future__ import annotations

import math

import numpy as np

from sim import draws

NEVER = -1
NOBODY = -1
FOR_GOOD = 32_000  # a period that no run reaches


def single(x: float) -> float:
    """Round a number as it is stored: to single precision."""
    return float(np.float32(x))


def step(x: float) -> float:
    """Round a number from -1 to 1 as it is stored: to the nearest step of 2**-14, up at a tie."""
    return math.floor(x * 2**14 + 0.5) / 2**14


def clip(x: float, low: float, high: float) -> float:
    """Return the number nearest to ``x`` between ``low`` and ``high``."""
    return min(max(x, low), high)


def logistic(u: float) -> float:
    """Turn a uniform into a logistic draw with mean 0 and variance 1."""
    return math.log(u / (1.0 - u)) * (math.sqrt(3.0) / math.pi)


def gumbel(u: float) -> float:
    """Turn a uniform into a standard Gumbel draw."""
    return float(draws.gumbel(u))


def normal(u_radius: float, u_angle: float) -> float:
    """Turn two uniforms into a standard normal draw."""
    return math.sqrt(-2.0 * math.log(u_radius)) * math.cos(2.0 * math.pi * u_angle)


def periods_until(luck: float, rate: float) -> int:
    """Return how many periods on, 1 or more, an event of a Poisson rate first happens, by the luck drawn for it."""
    return int(draws.wait_for(-draws.ln(luck), rate))


def rate_of(chance: float) -> float:
    """Return the Poisson rate of an event that happens with a chance in each period."""
    return -math.log1p(-chance) if chance < 1.0 else math.inf
