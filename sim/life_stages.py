"""Stages of life: people move from one to the next, and with it change what they need, spend, and weigh.

A firm sees in which stage its customers are (a personal fact of its records), and may cut its pyramid by it.

References
----------
Wells & Gubar (1966), "Life cycle concept in marketing research", JMR 3(4); Andreasen (1984), "Life status changes and
changes in consumer preferences and satisfaction", JCR 11(3): a change of stage makes people look around.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.compiled import inline, seldom
from sim.draws import Stream, block, ln, wait_for
from sim.records import NEVER, identity

if TYPE_CHECKING:
    from sim.settings import LifeStageSpec

FloatArray = npt.NDArray[np.float64]

FACTORS = ("needs", "basket", "talk", "price", "quality", "service", "reward", "effort")
NEEDS, BASKET, TALK, PRICE, QUALITY, SERVICE, REWARD, EFFORT = range(len(FACTORS))


class Stages(NamedTuple):
    """What sets the stages apart, as compiled kernels see it; all empty if there are none."""

    share: FloatArray  # shape (n_stages,), cumulative: of the first people
    newcomers: FloatArray  # shape (n_stages,), cumulative: of those who move in
    leave_rate: FloatArray  # shape (n_stages,): Poisson rate per period of moving on
    factors: FloatArray  # shape (n_stages + 1, n_factors): of a person without stages, 1, then of each stage


def stages_of(specs: tuple[LifeStageSpec, ...]) -> Stages:
    """Gather the stages from the settings."""
    factors = [[1.0] * len(FACTORS), *([getattr(spec, name) for name in FACTORS] for spec in specs)]
    newcomers = [spec.share if spec.newcomers is None else spec.newcomers for spec in specs]
    return Stages(
        share=np.cumsum([spec.share for spec in specs], dtype=np.float64),
        newcomers=np.cumsum(newcomers, dtype=np.float64),
        leave_rate=np.array([0.0 if spec.lasts is None else 1.0 / spec.lasts for spec in specs], dtype=np.float64),
        factors=np.array(factors, dtype=np.float64),
    )


@inline
def end_of_stage(town, i):  # type: ignore[no-untyped-def]
    """Return the period in which the present stage of person ``i`` ends, or NEVER."""
    return np.int64(town.stages[i].stage_ends_at) if town.stages.size > 0 else NEVER


@seldom
def begin_life_in_a_stage(i, birth, seed, town, stages):  # type: ignore[no-untyped-def]
    """Draw the stage that a newborn person is in, and when it ends."""
    u_stage, u_lasts, _, _ = block(seed, Stream.LIFE_STAGE // 4, birth, identity(town.people[i], i), 0)
    k, last = 0, stages.share.size - 1
    while k < last and u_stage >= (stages.share[k] if birth == 0 else stages.newcomers[k]):
        k += 1
    _enter(i, k, birth - 1, u_lasts, town, stages)
    _weigh_anew(town.people[i], 0, k + 1, stages.factors)


@seldom
def enter_next_stage(i, constrained_rate, clock, town, stages):  # type: ignore[no-untyped-def]
    """Let person ``i`` move on to the next stage, look around, and need things at the new rate from now on.

    The next need is drawn anew: of a Poisson rate, what has not happened yet does not count.
    """
    person, before = town.people[i], np.int64(town.stages[i].stage)
    _, _, u_lasts, u_need = block(clock.seed, Stream.LIFE_STAGE // 4, clock.period, identity(person, i), 0)
    _enter(i, before + 1, clock.period, u_lasts, town, stages)
    _weigh_anew(person, before + 1, before + 2, stages.factors)
    rate = np.float64(person.rate) * (constrained_rate if person.is_constrained else 1.0)
    town.pulses[i].need_at = min(NEVER, clock.period - 1 + wait_for(-ln(u_need), rate))
    person.is_alert = True


@inline
def _enter(i, k, period, u_lasts, town, stages):  # type: ignore[no-untyped-def]
    """Put person ``i`` into stage ``k``, which ends some time after a period."""
    town.stages[i].stage = k
    town.stages[i].stage_ends_at = min(NEVER, period + wait_for(-ln(u_lasts), stages.leave_rate[k]))


@inline
def _weigh_anew(person, before, after, factors):  # type: ignore[no-untyped-def]
    """Multiply what a person needs, spends and weighs by the factors of a row, in place of those of another."""
    person.rate = np.float64(person.rate) * (factors[after, NEEDS] / factors[before, NEEDS])
    person.basket = np.float64(person.basket) * (factors[after, BASKET] / factors[before, BASKET])
    person.talk = np.float64(person.talk) * (factors[after, TALK] / factors[before, TALK])
    person.price_weight = np.float64(person.price_weight) * (factors[after, PRICE] / factors[before, PRICE])
    person.quality_weight = np.float64(person.quality_weight) * (factors[after, QUALITY] / factors[before, QUALITY])
    person.service_weight = np.float64(person.service_weight) * (factors[after, SERVICE] / factors[before, SERVICE])
    person.reward_weight = np.float64(person.reward_weight) * (factors[after, REWARD] / factors[before, REWARD])
    person.effort_weight = np.float64(person.effort_weight) * (factors[after, EFFORT] / factors[before, EFFORT])
