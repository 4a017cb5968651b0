"""How a person comes to be: type, demand, weights, and a relation to every firm, all drawn from who they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.compiled import inline, kernel, parallel_kernel, seldom
from sim.draws import Stream, block, firm_slot, ln, normal, wait_for
from sim.errors import InputError
from sim.journey import need
from sim.life_stages import Stages, begin_life_in_a_stage, end_of_stage, stages_of
from sim.loyalty_types import TYPE_NAMES, LoyaltyType, prior_table
from sim.records import NEVER, NOBODY, identity, in_steps

if TYPE_CHECKING:
    from sim.demand import DemandFit
    from sim.scenario import Scenario


class Origins(NamedTuple):
    """What decides who is born: shares, distributions and the firms there are."""

    cumulative_mix: npt.NDArray[np.float64]  # shape (7,)
    priors: npt.NDArray[np.float64]  # shape (7, n_parameters)
    rate_shape: float
    rate_scale: float
    basket_shape: float  # of the gamma draw ...
    basket_scale: float
    is_basket_inverse: bool  # ... which is the basket, or (Gamma-Gamma) what divides basket_scale
    talk_shape: float
    individual_spread: float
    taste_spread: float
    distance_spread: float
    latent_premium: float
    constrained_rate: float
    leave_rate: float  # Poisson rates per period: of moving away ...
    release_rate: float  # ... and of being set free
    captive_firm: int
    firm_slots: npt.NDArray[np.int64]  # shape (n_firms,), like the rest
    firm_reach: npt.NDArray[np.float64]
    firm_awareness: npt.NDArray[np.float64]
    entry_tiers: npt.NDArray[np.int64]
    is_founder: npt.NDArray[np.bool_]  # in the market from the start: whom a monopoly customer can be captive to
    stages: Stages  # of life


def fitted_demand(scenario: Scenario) -> DemandFit | None:
    """Return what the purchase log that a scenario names says of demand, or None if it names none.

    Raises
    ------
    InputError
        If the log cannot be used: the error names the scenario's file and key, then the log and what is wrong in it.
    """
    demand = scenario.customers.demand
    if demand.transactions is None:
        return None
    from sim.demand import load_demand

    try:
        return load_demand(scenario.folder / demand.transactions, period_days=demand.period_days, until=demand.until)
    except InputError as error:
        raise InputError(str(error), file=scenario.source, key="customers.demand.transactions") from None


def origins(scenario: Scenario, is_founder: npt.NDArray[np.bool_]) -> Origins:
    """Gather what decides who is born."""
    customers, firms = scenario.customers, scenario.firms
    behaviour, demand = customers.behaviour, customers.demand
    rate_shape, rate_scale = demand.rate_shape, demand.mean_rate / demand.rate_shape
    basket_shape, basket_scale, is_inverse = demand.basket_shape, demand.mean_basket / demand.basket_shape, False
    fitted = fitted_demand(scenario)
    if fitted is not None:
        rate_shape, rate_scale = fitted.rate_shape, 1.0 / fitted.rate_scale
        basket_shape, basket_scale, is_inverse = fitted.q, fitted.p * fitted.gamma, True
    names = [firm.name for firm in firms]
    return Origins(
        cumulative_mix=np.cumsum([customers.mix.get(name, 0.0) for name in TYPE_NAMES]),
        priors=prior_table(customers.types),
        rate_shape=float(rate_shape),
        rate_scale=float(rate_scale),
        basket_shape=float(basket_shape),
        basket_scale=float(basket_scale),
        is_basket_inverse=is_inverse,
        talk_shape=customers.talkativeness_shape,
        individual_spread=behaviour.individual_spread,
        taste_spread=behaviour.taste_spread,
        distance_spread=behaviour.distance_spread,
        latent_premium=customers.latent_premium,
        constrained_rate=customers.constrained_rate,
        leave_rate=need.rate_of(customers.turnover),
        release_rate=need.rate_of(customers.release_rate),
        captive_firm=names.index(customers.captive_to) if customers.captive_to else NOBODY,
        firm_slots=np.array([firm_slot(name) for name in names], dtype=np.int64),
        firm_reach=np.array([firm.reach_through(scenario.channels) for firm in firms], dtype=np.float64),
        firm_awareness=np.array([firm.awareness for firm in firms], dtype=np.float64),
        entry_tiers=np.array([firm.pyramid.entry_tier for firm in firms], dtype=np.int64),
        is_founder=is_founder,
        stages=stages_of(customers.life_stages),
    )


@inline
def logistic(u):  # type: ignore[no-untyped-def]
    """Turn a uniform into a logistic draw of mean 0 and standard deviation 1."""
    return math.log(u / (1.0 - u)) * (math.sqrt(3.0) / math.pi)


@inline
def gamma_draw(shape, seed, group, period, person):  # type: ignore[no-untyped-def]
    """Return a gamma draw of mean ``shape`` by the method of Marsaglia & Tsang (2000), ACM TOMS 26(3).

    Each attempt takes one block of four uniforms (two for a normal, one to accept, one to boost a shape below 1); the
    attempt's number is the slot.
    """
    boosted = shape + 1.0 if shape < 1.0 else shape
    d = boosted - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    attempt = 0
    while True:
        u_radius, u_angle, u_accept, u_boost = block(seed, group, period, person, attempt)
        z = normal(u_radius, u_angle)
        v = 1.0 + c * z
        if v > 0.0:
            v = v * v * v
            if math.log(u_accept) < 0.5 * z * z + d - d * v + d * math.log(v):
                draw = d * v
                if shape < 1.0:
                    draw *= math.pow(u_boost, 1.0 / shape)
                return draw
        attempt += 1


@seldom
def be_born(i, birth, open_access, seed, town, origins):  # type: ignore[no-untyped-def]
    """Let a new person without history live in row ``i``; ``birth`` is the period after the one they move in."""
    pulse, person = town.pulses[i], town.people[i]
    person.birth = birth
    who = identity(person, i)
    u_type, u_nature, u_talk, u_search = block(seed, Stream.TYPE // 4, birth, who, 0)
    u_price, u_reward, u_effort, u_quality = block(seed, Stream.PRICE_SPREAD // 4, birth, who, 0)
    u_service, u_tolerance, u_gain, _ = block(seed, Stream.SERVICE_SPREAD // 4, birth, who, 0)

    kind = 0
    while kind < 6 and u_type >= origins.cumulative_mix[kind]:
        kind += 1
    is_latent = kind == LoyaltyType.LATENT
    nature = kind
    if is_latent:
        nature = LoyaltyType.PREMIUM if u_nature < origins.latent_premium else LoyaltyType.CONVENIENCE
    prior = origins.priors[nature]
    spread = origins.individual_spread

    rate = origins.rate_scale * gamma_draw(origins.rate_shape, seed, Stream.RATE // 4, birth, who)
    rate *= origins.priors[kind, 10]
    basket = gamma_draw(origins.basket_shape, seed, Stream.BASKET // 4, birth, who)
    basket = origins.basket_scale / basket if origins.is_basket_inverse else origins.basket_scale * basket

    person.rate = rate
    person.basket = basket
    person.talk = (origins.talk_shape - 1.0) / origins.talk_shape * math.pow(u_talk, -1.0 / origins.talk_shape)
    person.price_weight = prior[0] * math.exp(spread * logistic(u_price))
    person.quality_weight = prior[1] * math.exp(spread * logistic(u_quality))
    person.service_weight = prior[2] * math.exp(spread * logistic(u_service))
    person.reward_weight = prior[3] * math.exp(spread * logistic(u_reward))
    person.effort_weight = prior[4] * math.exp(spread * logistic(u_effort))
    person.attachment_weight = prior[5]
    person.search = min(1.0, prior[6] * math.exp(spread * logistic(u_search)))
    person.attachment_gain = min(1.0, prior[7] * math.exp(spread * logistic(u_gain)))
    person.tolerance = prior[8] * math.exp(spread * logistic(u_tolerance))
    person.log_reference = 0.0
    person.seen = birth - 1
    person.usual = NOBODY
    person.type = kind
    person.is_constrained = is_latent
    if town.stages.size > 0:
        begin_life_in_a_stage(i, birth, seed, town, origins.stages)
    u_stay, _, u_first, _ = block(seed, Stream.STAY // 4, birth, who, 0)
    rate_now = np.float64(person.rate) * (origins.constrained_rate if is_latent else 1.0)
    pulse.need_at = min(NEVER, birth - 1 + wait_for(-ln(u_first), rate_now))
    pulse.leave_at = min(NEVER, birth - 1 + wait_for(-ln(u_stay), origins.leave_rate))
    pulse.lapse_at = NEVER
    need.set_alarm(pulse, change_of(town, i, origins.release_rate, seed))
    person.is_alert = False
    person.reach = np.uint32(0)

    captor, most = origins.captive_firm, -1.0
    for f in range(origins.firm_slots.size):
        slot = origins.firm_slots[f]
        u_taste, u_distance, u_reach, u_aware = block(seed, Stream.TASTE // 4, birth, who, slot)
        if u_reach < origins.firm_reach[f]:
            person.reach |= np.uint32(1) << np.uint32(f)
        if kind == LoyaltyType.MONOPOLY and origins.captive_firm == NOBODY and origins.is_founder[f]:
            u_captive, _, _, _ = block(seed, Stream.CAPTIVE_TO // 4, birth, who, slot)
            if u_captive > most:
                captor, most = f, u_captive
        relation = town.relations[i, f]
        relation.taste = origins.taste_spread * prior[9] * logistic(u_taste)
        relation.distance = in_steps(origins.distance_spread * u_distance)
        relation.is_aware = u_aware < origins.firm_awareness[f]
        relation.expectation = 0.0
        relation.satisfaction = 0
        relation.attachment = 0.0
        relation.trust_quality = in_steps(0.5)
        relation.trust_character = in_steps(0.5)
        relation.trust_ability = in_steps(0.5)
        relation.habit = 0
        relation.opinion = 0
        relation.strikes = 0.0
        relation.points = 0
        relation.volume = 0.0
        relation.revenue = 0.0
        relation.margin = 0.0
        relation.credit = 0.0
        relation.told_by = NOBODY
        relation.told_at = NOBODY
        relation.bought_at = NOBODY
        relation.since = NOBODY
        relation.barred_until = NOBODY
        relation.tier = origins.entry_tiers[f]
        relation.cause = 8  # lapsed, until something better explains it
        relation.is_active = False
    if kind == LoyaltyType.MONOPOLY and captor != NOBODY:
        person.reach &= open_access | (np.uint32(1) << np.uint32(captor))
        person.reach |= np.uint32(1) << np.uint32(captor)
        town.relations[i, captor].is_aware = True


@parallel_kernel
def settle(share, town, origins, seed):  # type: ignore[no-untyped-def]
    """Let the first people be born, one in each row; nobody is anybody's customer yet."""
    for i in range(share.first, town.pulses.size, share.step):
        # numbers of the types that live_through passes, so that being born is compiled once
        be_born(np.int64(i), np.int64(0), np.uint32(0), seed, town, origins)


@kernel
def open_access(town, mask, origins, seed):  # type: ignore[no-untyped-def]
    """Let all captives reach the firms in ``mask`` that reach them at all; they know those, and look around."""
    for i in range(town.people.size):
        person = town.people[i]
        if person.type == LoyaltyType.MONOPOLY:
            person.is_alert = True
            for f in range(town.relations.shape[1]):
                if (mask >> np.uint32(f)) & np.uint32(1):
                    slot = origins.firm_slots[f]
                    _, _, u_reach, _ = block(seed, Stream.TASTE // 4, person.birth, identity(person, i), slot)
                    if u_reach < origins.firm_reach[f]:
                        person.reach |= np.uint32(1) << np.uint32(f)
                        town.relations[i, f].is_aware = True


@seldom
def release_of(people, i, release_rate, seed):  # type: ignore[no-untyped-def]
    """Return the period in which what holds person ``i`` back lifts by itself, or NEVER."""
    if release_rate <= 0.0 or not people[i].is_constrained:
        return NEVER
    person = people[i]
    _, u_held, _, _ = block(seed, Stream.STAY // 4, person.birth, identity(person, i), 0)
    return min(NEVER, person.birth - 1 + wait_for(-ln(u_held), release_rate))


@inline
def change_of(town, i, release_rate, seed):  # type: ignore[no-untyped-def]
    """Return the period in which person ``i`` is set free or a stage of their life ends: the first, or NEVER."""
    return min(release_of(town.people, i, release_rate, seed), end_of_stage(town, i))


@seldom
def set_free(town, i, period, seed):  # type: ignore[no-untyped-def]
    """Take away what held a latent customer back: needs come at the person's own rate, from this period on.

    The next need is drawn anew: of a Poisson rate, what has not happened yet does not count.
    """
    person, pulse = town.people[i], town.pulses[i]
    person.is_constrained = False
    _, _, u_need, _ = block(seed, Stream.FREED // 4, period, identity(person, i), 0)
    pulse.need_at = min(NEVER, period - 1 + wait_for(-ln(u_need), np.float64(person.rate)))
    need.set_alarm(pulse, end_of_stage(town, i))


@kernel
def lift_constraints(town, share, seed, period):  # type: ignore[no-untyped-def]
    """Set a share of the constrained free."""
    for i in range(town.people.size):
        person = town.people[i]
        if person.is_constrained:
            _, u_lift, _, _ = block(seed, Stream.LIFT // 4, period, identity(person, i), 0)
            if u_lift < share:
                set_free(town, i, period, seed)
