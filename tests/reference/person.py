"""One customer: a person who lives through the stages of the value chain, period by period."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mesa

from sim import draws
from sim.accounts import Cause, Line
from sim.draws import Stream
from sim.loyalty_types import LoyaltyType
from tests.reference import birth
from tests.reference.arithmetic import NEVER, NOBODY, clip, gumbel, normal, single

if TYPE_CHECKING:
    from tests.reference.firm import Firm, Offer
    from tests.reference.market import ReferenceMarket
    from tests.reference.relation import Relation

_EVERY_PERIOD = int(Stream.MOVE) // 4
_AT_A_NEED = int(Stream.NOTICE) // 4
_AT_USE = int(Stream.EXPERIENCE) // 4


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of a firm in one period, and how many ties it has already travelled."""

    firm: Firm
    valence: float
    steps: int


@dataclass(frozen=True, slots=True)
class Option:
    """A firm considered at a need: its offer to this person, and the parts of its utility."""

    firm: Firm
    relation: Relation
    offer: Offer
    price_utility: float
    service_utility: float
    reward_utility: float
    other_utility: float
    utility: float


@dataclass(frozen=True, slots=True)
class Experience:
    """What using a purchase was like."""

    felt: float
    is_failure: bool


class Customer(mesa.Agent):
    """A household of the town; when the person in it moves away, another moves in.

    Parameters
    ----------
    model : ReferenceMarket
        The market.
    row : int
        Number of the household.
    """

    model: ReferenceMarket
    type: LoyaltyType
    full_rate: float
    rate: float
    basket: float
    talk: float
    price_weight: float
    quality_weight: float
    service_weight: float
    reward_weight: float
    effort_weight: float
    attachment_weight: float
    search_effort: float
    attachment_gain: float
    tolerance: float
    is_constrained: bool
    reach: set[int]
    relations: list[Relation]

    def __init__(self, model: ReferenceMarket, row: int) -> None:
        super().__init__(model)
        self.row = row
        self.block = model.block_of(row)
        self.neighbours: list[tuple[Customer, float]] = []
        self.be_born(NEVER)

    def be_born(self, period: int) -> None:
        """Become a new person, without history."""
        self.birth = birth.next_birth(period)
        self.id = (self.birth << 32) + self.row
        self.reference_price = 1.0
        self.seen = period  # the last need
        self.usual: Firm | None = None
        self.is_alert = False
        self.said: Word | None = None
        self.put_down: Word | None = None  # to be said in the next period
        self.credit: tuple[Customer, Firm, float] | None = None  # margin owed to who praised the firm
        self.model.origins.endow(self, self.model.firm_list)

    # ---- the period -------------------------------------------------------------------------------------------------

    def live_through(self) -> None:
        """Live through one period, from what was heard to what is said."""
        t = self.model.period
        self.said, self.put_down, self.credit = self.put_down, None, None
        move, need, release, outside = draws.block(self.model.seed_used, _EVERY_PERIOD, t, self.id, 0)
        if move < self.model.settings.turnover:
            self.move_away()
            return
        self.lapse()
        if self.is_constrained and release < self.model.settings.release_rate:
            self.be_freed()
        if self.need(need):
            chosen, usual, n_considered = self.evaluate(self.search(), outside)
            self.seen = t
            if chosen is not None:
                is_dearer = self.buy(chosen, usual, n_considered)
                experience = self.use(chosen, is_dearer)
                self.talk_about(chosen, experience)
                self.after_sales(chosen, experience)

    def move_away(self) -> None:
        """Leave the town to a newcomer."""
        for firm in self.model.firm_list:
            if self.relations[firm.number].is_active:
                self.end_membership(firm, Cause.MOVED)
        self.be_born(self.model.period)

    def lapse(self) -> None:
        """Cease to be a customer where nothing was bought within the activity window."""
        oldest = self.model.period - self.model.settings.activity_window
        for firm, relation in zip(self.model.firm_list, self.relations, strict=True):
            if relation.is_active and relation.bought_at <= oldest:
                self.end_membership(firm, Cause.CONSTRAINT if self.is_constrained else relation.cause)

    def be_freed(self) -> None:
        """Lose what held a latent person back."""
        self.is_constrained = False
        self.rate = self.full_rate

    def end_membership(self, firm: Firm, cause: int) -> None:
        """Cease to be a firm's customer."""
        relation = self.relations[firm.number]
        firm.enter(Line.LOST + cause, self)
        firm.enter(Line.POINTS_EXPIRED, self, relation.points)
        firm.enter(Line.SATISFACTION_CHANGE, self, -relation.satisfaction)
        firm.enter(Line.ATTACHMENT_CHANGE, self, -relation.attachment)
        relation.is_active = False
        relation.points = relation.habit = 0.0
        relation.volume = relation.revenue = relation.margin = relation.credit = 0.0
        relation.tier = firm.entry_tier
        relation.cause = Cause.LAPSED
        if self.usual is firm:
            self.usual = None

    # ---- the value chain --------------------------------------------------------------------------------------------

    def need(self, luck: float) -> bool:
        """Say whether a need arises in this period."""
        return luck < 1.0 - math.exp(-self.rate)

    @property
    def log_reference_price(self) -> float:
        """Logarithm of the price this person is used to."""
        return math.log(self.reference_price)

    def sees_jump(self, offer: Offer) -> bool:
        """Say whether a price is a jump over what this person is used to."""
        return offer.log_price - self.log_reference_price > self.model.log_price_jump

    def search(self) -> list[tuple[Firm, float]]:
        """Return the firms that come to mind, each with the luck of its choice."""
        search = self.search_effort
        if self.is_alert or self.usual is None or self.sees_jump(self.offer_of(self.usual)):
            search = max(search, self.model.behaviour.alert_search)
        considered = []
        for firm in self.model.firm_list:
            if not firm.is_open or firm.number not in self.reach:
                continue
            notice, choice, advertising, forget = draws.block(
                self.model.seed_used, _AT_A_NEED, self.model.period, self.id, firm.slot
            )
            relation = self.relations[firm.number]
            if not relation.is_aware:
                relation.is_aware = advertising < 1.0 - math.exp(-firm.contacts_since(self.seen))
            elif firm is not self.usual and not relation.is_active:
                elapsed = self.model.period - self.seen
                relation.is_aware = forget >= 1.0 - math.exp(-self.model.behaviour.forget_rate * elapsed)
            if relation.barred_until > self.model.period or firm.policy.quality < self.model.behaviour.quality_floor:
                continue
            comes_to_mind = notice < 1.0 - (1.0 - search) * (1.0 - firm.ad_reach)
            if firm is self.usual or (relation.is_aware and comes_to_mind):
                considered.append((firm, choice))
        return considered

    def offer_of(self, firm: Firm) -> Offer:
        """Return what a firm offers this person: those who are not customers see the entry tier's offer."""
        relation = self.relations[firm.number]
        return firm.offers[relation.tier if relation.is_active else firm.entry_tier]

    def appraise(self, firm: Firm, luck: float) -> Option:
        """Return a considered firm as an option."""
        how, relation, offer = self.model.behaviour, self.relations[firm.number], self.offer_of(firm)
        service = self.service_weight * offer.delivered - self.effort_weight * (relation.distance + offer.effort)
        trust = firm.prospect + relation.trust_quality + relation.trust_character + relation.trust_ability
        bond = self.attachment_weight * relation.attachment + how.trust_weight * (trust / 4.0)
        leaning = (
            how.image_weight * firm.spec.image
            + how.opinion_weight * relation.opinion
            + how.habit_weight * relation.habit
            + relation.taste
        )
        if relation.bought_at == NEVER:
            leaning -= how.unfamiliarity_weight
        reward = self.reward_weight * self.worth_of_rewards(firm, relation, offer)
        price = -self.price_weight * (offer.log_price - self.log_reference_price)
        quality = self.quality_weight * firm.quality_value
        utility = quality + service + bond + leaning + reward + price + gumbel(luck)
        return Option(firm, relation, offer, price, service, reward, quality + bond + leaning, utility)

    def worth_of_rewards(self, firm: Firm, relation: Relation, offer: Offer) -> float:
        """Return what points and gifts are worth to this person, as a share of the money paid."""
        worth = 0.0
        if firm.pays_points:
            programme = firm.spec.programme
            pull = self.model.behaviour.goal_pull * min(1.0, relation.points / programme.redeem_at)
            worth += offer.points * firm.points_worth * (1.0 + pull)
        if offer.gift > 0.0:
            worth += offer.gift * firm.spec.gift_worth / (self.basket * offer.price)
        return worth

    def evaluate(self, considered: list[tuple[Firm, float]], luck: float) -> tuple[Option | None, Option | None, int]:
        """Return the option chosen, if any, the usual firm's, if considered, and how many there were."""
        options = [self.appraise(firm, luck_of_choice) for firm, luck_of_choice in considered]
        usual = next((option for option in options if option.firm is self.usual), None)
        best = max(options, key=lambda option: option.utility, default=None)
        if best is not None and not best.utility > self.model.behaviour.outside_utility + gumbel(luck):
            best = None
        return best, usual, len(options)

    def buy(self, chosen: Option, usual: Option | None, n_considered: int) -> bool:
        """Pay, earn, and get used to it; return whether the price was dearer than expected."""
        how, t = self.model.behaviour, self.model.period
        firm, relation, offer = chosen.firm, chosen.relation, chosen.offer
        if self.usual is not None:
            self.usual.enter(Line.REPEAT_CHANCES, self)
            if self.usual is firm:
                firm.enter(Line.REPURCHASES, self)
                relation.cause = Cause.LAPSED
            else:
                self.relations[self.usual.number].cause = reason_to_switch(usual, chosen)
        self.is_alert = False
        is_dearer = relation.bought_at != NEVER and self.sees_jump(offer)
        if relation.bought_at == NEVER:
            relation.expectation = single(firm.policy.quality + how.service_in_experience * offer.service)
        self.pay(firm, relation, offer, n_considered)
        relation.bought_at = t
        change = how.reference_speed * (offer.log_price - self.log_reference_price)
        self.reference_price = single(math.exp(self.log_reference_price + change))
        for other in self.relations:
            if other is relation and len(self.reach) > 1:
                other.habit = single(other.habit + how.habit_speed * (1.0 - other.habit))
            else:
                other.habit = single(other.habit - how.habit_speed * other.habit)
        self.usual = firm
        return is_dearer

    def pay(self, firm: Firm, relation: Relation, offer: Offer, n_considered: int) -> None:
        """Exchange money, goods and points with the firm."""
        spec, t = firm.spec, self.model.period
        paid = self.basket * offer.price
        goods = self.basket * spec.unit_cost
        welcome = 0.0
        if not relation.is_active:
            relation.is_active = True
            relation.since = t
            relation.tier = firm.entry_tier
            welcome = firm.policy.welcome
            firm.enter(Line.GAINED, self)
            firm.enter(Line.SATISFACTION_CHANGE, self, relation.satisfaction)
            firm.enter(Line.ATTACHMENT_CHANGE, self, relation.attachment)
        incentives = offer.gift
        if firm.pays_points:
            earned = float(math.floor(paid * spec.programme.points_per_money * offer.points))
            relation.points = single(relation.points + earned)
            firm.enter(Line.POINTS_ISSUED, self, earned)
            while relation.points >= spec.programme.redeem_at:
                relation.points = single(relation.points - spec.programme.redeem_at)
                firm.enter(Line.POINTS_REDEEMED, self, spec.programme.redeem_at)
                incentives += spec.programme.reward_cost
        margin = paid - goods - incentives - offer.channel_cost - welcome
        firm.enter(Line.PURCHASES, self)
        firm.enter(Line.CONSIDERED, self, n_considered)
        firm.enter(Line.REVENUE, self, paid)
        firm.enter(Line.DISCOUNTS, self, self.basket * (offer.list_price - offer.price))
        firm.enter(Line.GOODS, self, goods)
        firm.enter(Line.INCENTIVES, self, incentives)
        firm.enter(Line.CHANNEL, self, offer.channel_cost)
        firm.enter(Line.ACQUISITION, self, welcome)
        relation.volume = single(relation.volume + 1.0)
        relation.revenue = single(relation.revenue + paid)
        relation.margin = single(relation.margin + margin)
        if relation.told_by != NOBODY and t - relation.told_at <= self.model.behaviour.credit_window:
            teller = self.model.customer_list[relation.told_by]
            self.credit = (teller, firm, single(self.model.behaviour.credit_share * margin))

    def use(self, chosen: Option, is_dearer: bool) -> Experience:
        """Use what was bought, complain if it failed, and learn from it."""
        how, firm, relation, offer = self.model.behaviour, chosen.firm, chosen.relation, chosen.offer
        radius, angle, failure, complain = draws.block(
            self.model.seed_used, _AT_USE, self.model.period, self.id, firm.slot
        )
        x = firm.policy.quality + firm.spec.inconsistency * normal(radius, angle)
        x += how.service_in_experience * offer.delivered
        is_failure = failure < firm.failure_rate
        if is_failure:
            x -= self.suffer(firm, relation, offer, complain)
        else:
            relation.strikes = single(relation.strikes * how.strike_fade)
        return Experience(self.learn(firm, relation, x, is_failure, is_dearer), is_failure)

    def suffer(self, firm: Firm, relation: Relation, offer: Offer, luck: float) -> float:
        """Suffer a failure, complain or not; return what it takes off the experience."""
        how = self.model.behaviour
        firm.enter(Line.FAILURES, self)
        relation.strikes = single(relation.strikes + 1.0)
        if not luck < how.complaint_rate + how.complaint_attachment * relation.attachment:
            return how.failure_severity
        firm.enter(Line.COMPLAINTS, self)
        firm.enter(Line.RECOVERY, self, firm.spec.complaint_cost)
        relation.margin = single(relation.margin - firm.spec.complaint_cost)
        recover = draws.uniform(self.model.seed_used, int(Stream.RECOVER), self.model.period, self.id, 0)
        if recover < firm.spec.recovery * offer.delivered:
            firm.enter(Line.RECOVERIES, self)
            relation.strikes = single(relation.strikes - 1.0)
            relation.trust_ability = self.risen(relation.trust_ability)
            return how.failure_severity * (1.0 - how.recovery_repair)
        relation.trust_ability = self.fallen(relation.trust_ability)
        return how.failure_severity

    def learn(self, firm: Firm, relation: Relation, x: float, is_failure: bool, is_dearer: bool) -> float:
        """Compare an experience with what was expected, and change; return what was felt."""
        how, scale = self.model.behaviour, self.model.behaviour.disconfirmation_scale
        d = x - relation.expectation
        before = relation.satisfaction
        relation.satisfaction = single(before + how.satisfaction_speed * (clip(d / scale, -1.0, 1.0) - before))
        firm.enter(Line.SATISFACTION_CHANGE, self, relation.satisfaction - before)
        relation.expectation = single(relation.expectation + how.expectation_speed * d)
        felt = 0.0
        if abs(d) > how.zone_of_tolerance:
            felt = math.copysign(min(1.0, (abs(d) - how.zone_of_tolerance) / scale), d)
        before = a = relation.attachment
        if felt < 0.0:
            forgiveness = 0.5 if a > 0.5 and relation.strikes <= 1.0 else 1.0
            a = single(a + how.attachment_fall * forgiveness * felt * a)
        better = max(0.0, x + how.liking * relation.taste - self.model.norm) / scale
        rise = min(1.0, max(0.0, felt) + how.bond * better)
        a += self.attachment_gain * how.attachment_rise * rise * (1.0 - a)
        relation.attachment = single(a)
        firm.enter(Line.ATTACHMENT_CHANGE, self, relation.attachment - before)
        if is_failure:
            relation.trust_quality = self.fallen(relation.trust_quality)
        elif felt < 0.0:
            relation.trust_quality = self.fallen(relation.trust_quality, -felt)
        else:
            relation.trust_quality = self.risen(relation.trust_quality)
        change = self.fallen if is_dearer else self.risen
        relation.trust_character = change(relation.trust_character)
        return felt

    def risen(self, trust: float) -> float:
        """Return a trust after a promise kept."""
        return single(trust + self.model.behaviour.trust_rise * (1.0 - trust))

    def fallen(self, trust: float, share: float = 1.0) -> float:
        """Return a trust after a promise broken."""
        return single(trust - self.model.behaviour.trust_fall * share * trust)

    def talk_about(self, chosen: Option, experience: Experience) -> None:
        """Speak of an experience, or not."""
        how, firm, felt = self.model.behaviour, chosen.firm, experience.felt
        luck = draws.uniform(self.model.seed_used, int(Stream.SPEAK), self.model.period, self.id, 0)
        if felt < 0.0:
            if luck < self.talk * how.grievance_rate * -felt:
                self.said = Word(firm, single(felt), 0)
                firm.enter(Line.GRIEVANCES, self)
            return
        warmth = max(felt, chosen.relation.attachment)
        if luck < self.talk * how.praise_rate * warmth:
            self.said = Word(firm, single(warmth), 0)
            firm.enter(Line.PRAISE, self)

    def after_sales(self, chosen: Option, experience: Experience) -> None:
        """After a failure, look around, and walk out when there were too many."""
        if not experience.is_failure:
            return
        self.is_alert = True
        relation = chosen.relation
        if relation.strikes > self.tolerance * (1.0 + relation.attachment):
            self.end_membership(chosen.firm, Cause.FAILURE)
            relation.barred_until = self.model.period + self.model.behaviour.quit_periods
            relation.strikes = 0.0

    # ---- word of mouth ----------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Take in what the neighbours said in this period."""
        how = self.model.behaviour
        for number, (speaker, tie) in enumerate(self.neighbours):
            word = speaker.said
            if word is None:
                continue
            firm, relation = word.firm, self.relations[word.firm.number]
            can_reach = firm.number in self.reach
            relation.opinion = single(relation.opinion + how.influence * tie * single(word.valence - relation.opinion))
            relation.is_aware = relation.is_aware or can_reach
            if word.valence > 0.0:
                firm.enter(Line.PRAISE_HEARD, self)
                if firm is not self.usual:
                    relation.told_by, relation.told_at = speaker.row, self.model.period
                    self.is_alert = self.is_alert or can_reach
            elif word.valence < 0.0:
                firm.enter(Line.GRIEVANCES_HEARD, self)
                if word.steps < how.relay_steps and self.put_down is None:
                    luck = draws.uniform(
                        self.model.seed_used, int(Stream.RELAY), self.model.period, self.id, 1 + number
                    )
                    if luck < how.relay_rate:
                        self.put_down = Word(firm, word.valence, word.steps + 1)

    def settle_credit(self) -> None:
        """Let the firm credit whoever praised it with a share of the margin of this person's purchase."""
        if self.credit is None:
            return
        teller, firm, money = self.credit
        if teller.birth <= self.relations[firm.number].told_at:
            record = teller.relations[firm.number]
            record.credit = single(record.credit + money)


def reason_to_switch(old: Option | None, new: Option) -> Cause:
    """Return why a person buys elsewhere: the largest of the differences that speak for the new firm."""
    if old is None:
        return Cause.BETTER_RIVAL
    price = new.price_utility - old.price_utility
    reward = new.reward_utility - old.reward_utility
    service = new.service_utility - old.service_utility
    other = new.other_utility - old.other_utility
    largest = max(price, reward, service, other)
    if not largest > 0.0:
        return Cause.BETTER_RIVAL
    if largest == price:
        return Cause.PRICE
    if largest == reward:
        return Cause.REWARD_ENDED
    if largest == service:
        return Cause.SERVICE
    return Cause.FAILURE if old.relation.strikes >= 0.5 else Cause.BETTER_RIVAL
