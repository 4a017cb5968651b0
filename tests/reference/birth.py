"""How a person is made (section 5 of the description): every draw has the address (stream, birth, id, slot)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim import draws
from sim.demand import load_demand
from sim.draws import Stream
from sim.loyalty_types import PRIOR_FIELDS, TYPE_NAMES, LoyaltyType, prior_table
from tests.reference.arithmetic import logistic, normal, periods_until, rate_of, single, step
from tests.reference.relation import Relation

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from tests.reference.firm import Firm
    from tests.reference.person import Customer

_CHANGED_BY_A_STAGE = {
    "needs": "full_rate", "basket": "basket", "talk": "talkativeness", "price": "price_weight",
    "quality": "quality_weight", "service": "service_weight", "reward": "reward_weight", "effort": "effort_weight",
}  # fmt: skip
_RATE, _BASKET = int(Stream.RATE) // 4, int(Stream.BASKET) // 4


class Origins:
    """Where people come from: the mix of types, their priors, and the distributions of demand."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.settings = scenario.customers
        self.behaviour = scenario.customers.behaviour
        self.seed = seed
        self.priors = [dict(zip(PRIOR_FIELDS, row, strict=True)) for row in prior_table(self.settings.types).tolist()]
        demand = self.settings.demand
        if demand.transactions is None:
            self.rate_shape, self.basket_shape = demand.rate_shape, demand.basket_shape
            self.rate_scale = demand.mean_rate / demand.rate_shape
            self.basket_scale = demand.mean_basket / demand.basket_shape
            self.is_fitted = False
        else:
            path = scenario.folder / demand.transactions
            fit = load_demand(path, period_days=demand.period_days, until=demand.until)
            self.rate_shape, self.basket_shape = fit.rate_shape, fit.q
            self.rate_scale, self.basket_scale = 1.0 / fit.rate_scale, fit.p * fit.gamma
            self.is_fitted = True

    def uniform(self, stream: Stream, person: Customer, slot: int = 0) -> float:
        """Return a person's draw at birth."""
        return draws.uniform(self.seed, int(stream), person.birth, person.id, slot)

    def gamma(self, group: int, shape: float, person: Customer) -> float:
        """Return a standard gamma draw by the method of Marsaglia & Tsang; the slot is the attempt."""
        d = (shape + 1.0 if shape < 1.0 else shape) - 1.0 / 3.0
        c = 1.0 / math.sqrt(9.0 * d)
        attempt = 0
        while True:
            u1, u2, u3, u4 = draws.block(self.seed, group, person.birth, person.id, attempt)
            z = normal(u1, u2)
            v = 1.0 + c * z
            if v > 0.0:
                v = v * v * v
                if math.log(u3) < 0.5 * z * z + d - d * v + d * math.log(v):
                    break
            attempt += 1
        return d * v * u4 ** (1.0 / shape) if shape < 1.0 else d * v

    def draw_type(self, person: Customer) -> LoyaltyType:
        """Return the first type whose cumulative share exceeds the draw."""
        u, total = self.uniform(Stream.TYPE, person), 0.0
        for kind in LoyaltyType:
            total += self.settings.mix.get(TYPE_NAMES[kind], 0.0)
            if total > u:
                return kind
        return LoyaltyType.PREMIUM

    def draw_nature(self, person: Customer) -> LoyaltyType:
        """Return the type a person is underneath: a latent one is premium or convenience, others are what they are."""
        if person.type != LoyaltyType.LATENT:
            return person.type
        is_premium = self.uniform(Stream.LATENT_NATURE, person) < self.settings.latent_premium
        return LoyaltyType.PREMIUM if is_premium else LoyaltyType.CONVENIENCE

    def endow(self, person: Customer, firms: list[Firm]) -> None:
        """Give a newborn type, demand, weights and a relation to every firm."""
        person.type = self.draw_type(person)
        prior = self.priors[self.draw_nature(person)]
        self._give_demand(person)
        self._give_weights(person, prior)
        if self.settings.life_stages:
            self._begin_in_a_stage(person)
        self._give_time(person)
        self._give_relations(person, prior["taste_weight"], firms)
        if person.type == LoyaltyType.MONOPOLY:
            self._make_captive(person, firms)

    def _give_demand(self, person: Customer) -> None:
        relative_rate = self.priors[person.type]["relative_rate"]
        rate = self.gamma(_RATE, self.rate_shape, person)
        basket = self.gamma(_BASKET, self.basket_shape, person)
        person.full_rate = single(self.rate_scale * rate * relative_rate)
        person.basket = single(self.basket_scale / basket if self.is_fitted else self.basket_scale * basket)
        shape = self.settings.talkativeness_shape
        person.talkativeness = single(
            (shape - 1.0) / shape * self.uniform(Stream.TALKATIVENESS, person) ** (-1.0 / shape)
        )
        person.is_constrained = person.type == LoyaltyType.LATENT

    def _give_time(self, person: Customer) -> None:
        """Draw when the person first needs something, moves away, and is set free if held back."""
        before = person.birth - 1
        person.needs_at = before + periods_until(self.uniform(Stream.FIRST_NEED, person), person.rate)
        leaving, freeing = rate_of(self.settings.turnover), rate_of(self.settings.release_rate)
        person.leaves_at = before + periods_until(self.uniform(Stream.STAY, person), leaving)
        person.freed_at = before + periods_until(self.uniform(Stream.HELD_BACK, person), freeing)

    def _give_weights(self, person: Customer, prior: dict[str, float]) -> None:
        def spread(weight: str, stream: Stream) -> float:
            u = self.uniform(stream, person)
            return prior[weight] * math.exp(self.behaviour.individual_spread * logistic(u))

        person.price_weight = single(spread("price_weight", Stream.PRICE_SPREAD))
        person.quality_weight = single(spread("quality_weight", Stream.QUALITY_SPREAD))
        person.service_weight = single(spread("service_weight", Stream.SERVICE_SPREAD))
        person.reward_weight = single(spread("reward_weight", Stream.REWARD_SPREAD))
        person.effort_weight = single(spread("effort_weight", Stream.EFFORT_SPREAD))
        person.attachment_weight = single(prior["attachment_weight"])
        person.search_effort = single(min(1.0, spread("search", Stream.SEARCH_SPREAD)))
        person.attachment_gain = single(min(1.0, spread("attachment_gain", Stream.GAIN_SPREAD)))
        person.tolerance = single(spread("tolerance", Stream.TOLERANCE_SPREAD))
        leaning = math.exp(self.behaviour.price_jump_spread * logistic(self.uniform(Stream.JUMP_SPREAD, person)))
        person.own_price_jump = math.log(1.0 + self.behaviour.price_jump) * leaning

    def _begin_in_a_stage(self, person: Customer) -> None:
        """Put a newborn into the first stage whose cumulative share exceeds the draw."""
        stages, total = self.settings.life_stages, 0.0
        number = len(stages) - 1
        u = self.uniform(Stream.LIFE_STAGE, person)
        for k, stage in enumerate(stages):
            is_newcomer = person.birth > 0 and stage.newcomers is not None
            total += stage.newcomers if is_newcomer else stage.share
            if total > u:
                number = k
                break
        self.enter_stage(person, number, person.birth - 1, self.uniform(Stream.STAGE_LASTS, person))

    def enter_stage(self, person: Customer, number: int, period: int, luck: float) -> None:
        """Put a person into a stage of life from after a period on, and let it work in place of the one before."""
        stage = self.settings.life_stages[number]
        before = None if person.stage is None else self.settings.life_stages[person.stage]
        person.stage = number
        lasts = 0.0 if stage.lasts is None else 1.0 / stage.lasts
        person.stage_ends_at = period + periods_until(luck, lasts)
        for factor, state in _CHANGED_BY_A_STAGE.items():
            old = 1.0 if before is None else getattr(before, factor)
            setattr(person, state, single(getattr(person, state) * (getattr(stage, factor) / old)))

    def _give_relations(self, person: Customer, taste_weight: float, firms: list[Firm]) -> None:
        person.relations, person.reach = [], set()
        for firm in firms:
            u = self.uniform(Stream.TASTE, person, firm.slot)
            relation = Relation(
                taste=single(self.behaviour.taste_spread * taste_weight * logistic(u)),
                distance=step(self.behaviour.distance_spread * self.uniform(Stream.DISTANCE, person, firm.slot)),
                is_aware=self.uniform(Stream.AWARE, person, firm.slot) < firm.spec.awareness,
                tier=firm.entry_tier,
            )
            person.relations.append(relation)
            if self.could_reach(person, firm):
                person.reach.add(firm.number)

    def could_reach(self, person: Customer, firm: Firm) -> bool:
        """Say whether a person could buy from a firm if nothing but the firm's reach held them back."""
        return self.uniform(Stream.REACH, person, firm.slot) < firm.reach

    def _make_captive(self, person: Customer, firms: list[Firm]) -> None:
        """Leave a monopoly person one firm, and those to which access was opened; if no firm is there yet, all."""
        if self.settings.captive_to is not None:
            captor = next(firm for firm in firms if firm.spec.name == self.settings.captive_to)
        else:
            founders = [firm for firm in firms if firm.is_founder]
            if not founders:
                return
            captor = max(founders, key=lambda firm: self.uniform(Stream.CAPTIVE_TO, person, firm.slot))
        person.reach = {captor.number} | {f for f in person.reach if firms[f].has_opened_access}
        person.relations[captor.number].is_aware = True
