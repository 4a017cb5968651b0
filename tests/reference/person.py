"""One customer: a person who lives through the stages of the value chain, period by period."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mesa

from sim import draws
from sim.accounts import Cause, Line
from sim.draws import Stream
from tests.reference.arithmetic import FOR_GOOD, NEVER, NOBODY, gumbel, periods_until, single, step
from tests.reference.choice import Option, appraise, reason_to_switch

if TYPE_CHECKING:
    from sim.loyalty_types import LoyaltyType
    from tests.reference.firm import Firm, Offer
    from tests.reference.market import ReferenceMarket
    from tests.reference.relation import Relation

_AT_A_NEED = int(Stream.NOTICE) // 4
_AT_USE = int(Stream.EXPERIENCE) // 4


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of a firm in one period, and how many ties it has already travelled."""

    firm: Firm
    valence: float
    steps: int


@dataclass(slots=True)
class Purchase:
    """What was bought, and what it was like: made by `buy`, filled in by `use` and `after_sales`."""

    firm: Firm
    relation: Relation
    offer: Offer
    is_dearer: bool
    experience: float = 0.0
    is_failure: bool = False
    is_complaint: bool = False
    felt: float = 0.0


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
    # given at birth, by `Origins.endow`
    type: LoyaltyType
    full_rate: float  # needs per period, when nothing holds the person back
    needs_at: int  # period of the next need; so are the two that follow, of what happens once
    leaves_at: int
    freed_at: int
    stage: int | None  # of life
    stage_ends_at: int
    basket: float
    talkativeness: float
    price_weight: float
    quality_weight: float
    service_weight: float
    reward_weight: float
    effort_weight: float
    attachment_weight: float
    search_effort: float
    attachment_gain: float
    tolerance: float
    own_price_jump: float  # rise of a price that is overlooked, on the log scale
    is_constrained: bool
    reach: set[int]
    relations: list[Relation]

    def __init__(self, model: ReferenceMarket, row: int) -> None:
        super().__init__(model)
        self.move_in(row)

    def move_in(self, row: int) -> None:
        """Take a house in the town as one of its first people."""
        self.row = row
        self.block = self.model.block_of(row)
        self.neighbours: list[tuple[Customer, float]] = []
        self.be_born(NEVER)

    def be_born(self, period: int) -> None:
        """Become a new person, without history."""
        self.birth = period + 1
        self.id = (self.birth << 32) + self.row
        self.log_reference = 0.0  # logarithm of the price the person is used to
        self.seen = period  # the last need
        self.usual: Firm | None = None
        self.is_alert = False
        self.has_need = False
        self.stage = None
        self.said: Word | None = None
        self.put_down: Word | None = None  # to be said in the next period
        # who praised the firm, the margin owed to them, and whether this person never bought there before
        self.credit: tuple[Customer, Firm, float, bool] | None = None
        self.model.origins.endow(self, self.model.firm_list)

    # ---- the period -------------------------------------------------------------------------------------------------

    def pass_time(self) -> None:
        """Say what was heard; move away, lapse, be set free; come to need something or not."""
        self.said, self.put_down, self.credit = self.put_down, None, None
        self.has_need = False
        if self.model.period >= self.leaves_at:
            self.move_away()
            return
        self.lapse()
        if self.is_constrained and self.model.period >= self.freed_at:
            self.be_freed()
        if self.stage is not None and self.model.period >= self.stage_ends_at:
            self.grow_older()
        self.has_need = self.model.period >= self.needs_at

    def meet_need(self) -> None:
        """Go through the value chain, if there is a need."""
        if not self.has_need:
            return
        options = self.search()
        chosen = self.evaluate(options)
        self.seen = self.model.period
        self.needs_at = self.model.period + periods_until(self.luck(Stream.NEXT_NEED), self.rate)
        if chosen is None:
            if self.usual is not None:
                self.relations[self.usual.number].cause = Cause.UNMET_NEED
            return
        purchase = self.buy(chosen, options)
        self.use(purchase)
        self.after_sales(purchase)
        self.talk(purchase)
        if purchase.is_failure:
            self.lose_patience(purchase)

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

    @property
    def rate(self) -> float:
        """Needs per period, as now constrained."""
        return self.full_rate * self.model.settings.constrained_rate if self.is_constrained else self.full_rate

    def be_freed(self) -> None:
        """Lose what held a latent person back; the next need is drawn anew."""
        self.is_constrained = False
        self.needs_at = self.model.period - 1 + periods_until(self.luck(Stream.FREED), self.rate)

    def grow_older(self) -> None:
        """Enter the next stage of life: look around, and need things at a new rate from this period on."""
        self.model.origins.enter_stage(self, self.stage + 1, self.model.period, self.luck(Stream.NEXT_STAGE_LASTS))
        self.needs_at = self.model.period - 1 + periods_until(self.luck(Stream.NEED_OF_STAGE), self.rate)
        self.is_alert = True

    def join(self, firm: Firm) -> None:
        """Become a firm's customer."""
        relation = self.relations[firm.number]
        relation.is_active, relation.since, relation.tier = True, self.model.period, firm.entry_tier
        firm.enter(Line.GAINED, self)
        firm.enter(Line.SATISFACTION_CHANGE, self, relation.satisfaction)
        firm.enter(Line.ATTACHMENT_CHANGE, self, relation.attachment)

    def end_membership(self, firm: Firm, cause: int) -> None:
        """Cease to be a firm's customer."""
        relation = self.relations[firm.number]
        firm.enter(Line.LOST + cause, self)
        firm.enter(Line.POINTS_EXPIRED, self, relation.points)
        firm.enter(Line.SATISFACTION_CHANGE, self, -relation.satisfaction)
        firm.enter(Line.ATTACHMENT_CHANGE, self, -relation.attachment)
        relation.end(firm.entry_tier)
        if self.usual is firm:
            self.usual = None

    # ---- the value chain --------------------------------------------------------------------------------------------

    def offer_of(self, firm: Firm) -> Offer:
        """Return what a firm offers this person: those who are not customers see the entry tier's offer."""
        relation = self.relations[firm.number]
        return firm.offers[relation.tier if relation.is_active else firm.entry_tier]

    def sees_jump(self, offer: Offer) -> bool:
        """Say whether a price is a jump over what this person is used to."""
        return offer.log_price - self.log_reference > self.own_price_jump

    def search(self) -> list[Option]:
        """Return the firms that come to mind, as options; learn of firms, and forget some."""
        seed, t, how = self.model.seed_used, self.model.period, self.model.behaviour
        effort, elapsed = self.search_effort, t - self.seen
        if self.is_alert or self.usual is None or self.sees_jump(self.offer_of(self.usual)):
            effort = max(effort, how.alert_search)
        options = []
        for firm in self.model.firm_list:
            if not firm.is_open or firm.number not in self.reach:
                continue
            notice, choice, advertising, forget = draws.block(seed, _AT_A_NEED, t, self.id, firm.slot)
            relation = self.relations[firm.number]
            if not relation.is_aware:
                relation.is_aware = advertising < 1.0 - math.exp(-firm.contacts_since(self.seen))
            elif firm is not self.usual and not relation.is_active:
                relation.is_aware = not forget < 1.0 - math.exp(-how.forget_rate * elapsed)
            if relation.barred_until > t or firm.quality < how.quality_floor:
                continue
            is_noticed = notice < 1.0 - (1.0 - effort) * (1.0 - firm.ad_reach)
            if firm is self.usual or (relation.is_aware and is_noticed):
                options.append(appraise(self, firm, choice))
        return options

    def evaluate(self, options: list[Option]) -> Option | None:
        """Return the best option, if it is better than to buy nothing; the first one at a tie."""
        best = max(options, key=lambda option: option.utility, default=None)
        outside = self.model.behaviour.outside_utility + gumbel(self.luck(Stream.OUTSIDE))
        return best if best is not None and best.utility > outside else None

    def buy(self, chosen: Option, options: list[Option]) -> Purchase:
        """Pay and earn points, and get used to the firm and its price."""
        how, firm, relation, offer = self.model.behaviour, chosen.firm, chosen.relation, chosen.offer
        if self.usual is not None:
            self.usual.enter(Line.REPEAT_CHANCES, self)
            if self.usual is firm:
                firm.enter(Line.REPURCHASES, self)
                relation.cause = Cause.LAPSED
            else:
                left = next((option for option in options if option.firm is self.usual), None)
                self.relations[self.usual.number].cause = reason_to_switch(left, chosen)
        self.is_alert = False
        is_first = relation.bought_at == NEVER
        is_dearer = not is_first and self.sees_jump(offer)
        if is_first:
            relation.expectation = single(firm.quality + how.service_in_experience * (offer.service + offer.support))
        self.pay(firm, relation, offer)
        firm.enter(Line.CONSIDERED, self, len(options))
        relation.bought_at = self.model.period
        self.log_reference = single(self.log_reference + how.reference_speed * (offer.log_price - self.log_reference))
        for other in self.relations:
            other.grow_used(other is relation and len(self.reach) > 1, how)
        self.usual = firm
        return Purchase(firm, relation, offer, is_dearer)

    def pay(self, firm: Firm, relation: Relation, offer: Offer) -> None:
        """Exchange money, goods and points with the firm."""
        how, spec, is_first = self.model.behaviour, firm.spec, relation.bought_at == NEVER
        paid, goods, welcome = self.basket * offer.price, self.basket * spec.unit_cost, 0.0
        if not relation.is_active:
            self.join(firm)
            welcome = firm.policy.welcome
            if relation.called_back and spec.win_back.offer > 0.0:
                relation.called_back = False
                firm.enter(Line.WON_BACK, self)
                welcome += spec.win_back.offer
        rewards = 0.0
        if self.is_member(firm):
            firm.enter(Line.MEMBER_PURCHASES, self)
            firm.enter(Line.MEMBER_REPURCHASES, self, float(self.usual is firm))
            if spec.programme.kind == "points":
                rewards = self.earn_points(firm, relation, paid * spec.programme.points_per_money * offer.points)
            elif spec.programme.kind == "cash_back" and spec.programme.cash_back.paid_at == "purchase":
                rewards = paid * spec.programme.cash_back.share
        incentives = offer.gift + rewards
        firm.enter(Line.REWARDS, self, rewards)
        margin = paid - goods - incentives - offer.channel_cost - welcome
        commission = paid * offer.commission
        margin -= commission
        firm.enter(Line.COMMISSION, self, commission)
        firm.enter(Line.PURCHASES, self)
        firm.enter(Line.REVENUE, self, paid)
        firm.enter(Line.DISCOUNTS, self, self.basket * (offer.list_price - offer.price))
        firm.enter(Line.GOODS, self, goods)
        firm.enter(Line.INCENTIVES, self, incentives)
        firm.enter(Line.CHANNEL, self, offer.channel_cost)
        firm.enter(Line.ACQUISITION, self, welcome)
        relation.volume = single(relation.volume + 1.0)
        relation.revenue = single(relation.revenue + paid)
        relation.margin = single(relation.margin + margin)
        if relation.told_by != NOBODY and self.model.period - relation.told_at <= how.credit_window:
            teller, _ = self.neighbours[relation.told_by]
            self.credit = (teller, firm, single(how.credit_share * margin), is_first)

    def is_member(self, firm: Firm) -> bool:
        """Say whether this person takes part in a firm's programme: all of the group do, or all with a card."""
        if not self.offer_of(firm).takes_part:
            return False
        return not firm.spec.programme.uses_cards or self.relations[firm.number].card > 0

    def points_at(self, firm: Firm) -> float:
        """Return the points that count at a firm: those of its partners too."""
        return sum(self.relations[each.number].points for each in (firm, *firm.partners()))

    def earn_points(self, firm: Firm, relation: Relation, earned: float) -> float:
        """Earn points, and take the rewards that all points together pay for; return what they cost the firm."""
        programme = firm.spec.programme
        relation.points += math.floor(earned)
        firm.enter(Line.POINTS_ISSUED, self, math.floor(earned))
        n_rewards = self.points_at(firm) // programme.redeem_at
        cost, missing = n_rewards * programme.reward_cost, n_rewards * programme.redeem_at
        price = programme.clearing * programme.reward_cost
        for each in (firm, *firm.partners()):
            there = self.relations[each.number]
            used = min(there.points, missing)
            there.points -= used
            missing -= used
            each.enter(Line.POINTS_REDEEMED, self, used)
            if each is firm:
                honoured = missing
            elif used > 0.0:
                refund = price * (used / programme.redeem_at)
                each.enter(Line.REWARDS, self, refund)
                each.enter(Line.INCENTIVES, self, refund)
                there.margin = single(there.margin - refund)
        firm.enter(Line.POINTS_HONOURED, self, honoured)
        return cost - price * (honoured / programme.redeem_at)

    def use(self, purchase: Purchase) -> None:
        """Use what was bought: it is as good as it happens to be, and it may fail."""
        firm, how = purchase.firm, self.model.behaviour
        luck, _, failure, complain = draws.block(self.model.seed_used, _AT_USE, self.model.period, self.id, firm.slot)
        product = firm.quality + firm.inconsistency * draws.normal_of(luck)
        purchase.experience = product + how.service_in_experience * (purchase.offer.delivered + purchase.offer.support)
        purchase.is_failure = failure < purchase.offer.failure_rate
        inclination = how.complaint_rate + how.complaint_attachment * purchase.relation.attachment
        inclination *= firm.spec.complaint_ease
        purchase.is_complaint = purchase.is_failure and complain < inclination

    def after_sales(self, purchase: Purchase) -> None:
        """Suffer a failure and see whether it is made good; then draw the lesson of the whole experience."""
        firm, relation, how = purchase.firm, purchase.relation, self.model.behaviour
        if purchase.is_failure:
            firm.enter(Line.FAILURES, self)
            relation.strikes = single(relation.strikes + 1.0)
            is_made_good = purchase.is_complaint and self.complain(purchase)
            purchase.experience -= how.failure_severity * (1.0 - self.repaired(purchase) if is_made_good else 1.0)
        else:
            relation.strikes = single(relation.strikes * how.strike_fade)
        satisfaction, attachment = relation.satisfaction, relation.attachment
        purchase.felt = relation.learn(purchase.experience, how)
        relation.attach(purchase.felt, purchase.experience, self.model.norm, self.attachment_gain, how)
        relation.judge_quality(purchase.felt, purchase.is_failure, how)
        relation.judge_character(not purchase.is_dearer, how)
        firm.enter(Line.SATISFACTION_CHANGE, self, relation.satisfaction - satisfaction)
        firm.enter(Line.ATTACHMENT_CHANGE, self, relation.attachment - attachment)

    def complain(self, purchase: Purchase) -> bool:
        """Complain of a failure; return whether it is made good."""
        firm, relation, how = purchase.firm, purchase.relation, self.model.behaviour
        firm.enter(Line.COMPLAINTS, self)
        firm.enter(Line.RECOVERY, self, firm.spec.complaint_cost)
        relation.margin = single(relation.margin - firm.spec.complaint_cost)
        luck = self.luck(Stream.RECOVER)
        is_made_good = luck < purchase.offer.recovery * purchase.offer.delivered
        if is_made_good:
            firm.enter(Line.RECOVERIES, self)
            relation.strikes = single(relation.strikes - 1.0)
        relation.judge_ability(is_made_good, how)
        return is_made_good

    def repaired(self, purchase: Purchase) -> float:
        """Receive what is given besides, if anything; return the share of the severity that is given back."""
        firm, relation, offer = purchase.firm, purchase.relation, purchase.offer
        if offer.goodwill == 0.0:
            return self.model.behaviour.recovery_repair
        firm.enter(Line.RECOVERY, self, offer.goodwill)
        relation.margin = single(relation.margin - offer.goodwill)
        worth = offer.goodwill * firm.spec.gift_worth / (self.basket * offer.price)
        return min(2.0, self.model.behaviour.recovery_repair + worth)

    def talk(self, purchase: Purchase) -> None:
        """Speak of the experience, or not."""
        how, firm, felt = self.model.behaviour, purchase.firm, purchase.felt
        luck = self.luck(Stream.SPEAK)
        warmth = max(felt, purchase.relation.attachment)
        if felt < 0.0 and luck < self.talkativeness * how.grievance_rate * -felt:
            self.said = Word(firm, step(felt), 0)
            firm.enter(Line.GRIEVANCES, self)
        elif felt >= 0.0 and luck < self.talkativeness * how.praise_rate * warmth * firm.readiness:
            self.said = Word(firm, step(warmth), 0)
            firm.enter(Line.PRAISE, self)

    def lose_patience(self, purchase: Purchase) -> None:
        """After a failure, look around, and walk out when there were too many."""
        relation = purchase.relation
        self.is_alert = True
        if relation.strikes > self.tolerance * (1.0 + relation.attachment):
            self.end_membership(purchase.firm, Cause.FAILURE)
            relation.barred_until = min(FOR_GOOD, self.model.period + self.model.behaviour.quit_periods)
            relation.strikes = 0.0

    # ---- word of mouth ----------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Take in what the neighbours said in this period."""
        for number, (speaker, tie) in enumerate(self.neighbours):
            if speaker.said is not None:
                self.hear(speaker, speaker.said, tie, number)

    def hear(self, speaker: Customer, word: Word, tie: float, number: int) -> None:
        """Take in one word; remember praise, and perhaps put a grievance down to be passed on."""
        how, firm, relation = self.model.behaviour, word.firm, self.relations[word.firm.number]
        can_reach = firm.number in self.reach
        relation.hear(word.valence, tie, how)
        relation.is_aware = relation.is_aware or can_reach
        firm.enter(Line.PRAISE_HEARD if word.valence > 0.0 else Line.GRIEVANCES_HEARD, self)
        if word.valence > 0.0 and firm is not self.usual:
            relation.told_by, relation.told_at = number, self.model.period
            self.is_alert = self.is_alert or can_reach
        may_travel = word.valence < 0.0 and word.steps < how.relay_steps and self.put_down is None
        if may_travel and self.luck(Stream.RELAY, 1 + number) < how.relay_rate:
            self.put_down = Word(firm, word.valence, word.steps + 1)

    def settle_credit(self) -> None:
        """Have whoever praised the firm credited with a share of the margin of this person's purchase."""
        if self.credit is None:
            return
        teller, firm, money, _ = self.credit
        if teller.birth <= self.relations[firm.number].told_at:
            record = teller.relations[firm.number]
            record.credit = single(record.credit + money)

    def luck(self, stream: Stream, slot: int = 0) -> float:
        """Return this period's draw of a stream."""
        return draws.uniform(self.model.seed_used, int(stream), self.model.period, self.id, slot)
