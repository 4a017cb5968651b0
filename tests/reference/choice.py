"""What a person weighs at a need: the firms considered, and what speaks for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.accounts import Cause
from tests.reference.arithmetic import NEVER, gumbel

if TYPE_CHECKING:
    from tests.reference.firm import Firm, Offer
    from tests.reference.person import Customer
    from tests.reference.relation import Relation


@dataclass(frozen=True, slots=True)
class Option:
    """A firm considered at a need: its offer to this person, and the parts of its utility."""

    firm: Firm
    relation: Relation
    offer: Offer
    by_price: float
    by_service: float
    by_reward: float
    by_trust: float
    by_other: float  # product, attachment and leaning
    utility: float


def appraise(person: Customer, firm: Firm, luck: float) -> Option:
    """Return a considered firm as an option."""
    how, relation, offer = person.model.behaviour, person.relations[firm.number], person.offer_of(firm)
    product = person.quality_weight * firm.quality_value
    received = offer.delivered + offer.support
    service = person.service_weight * received - person.effort_weight * (relation.distance + offer.effort)
    trust = (firm.prospect + relation.trust_quality + relation.trust_character + relation.trust_ability) / 4.0
    by_trust = how.trust_weight * trust
    attachment = person.attachment_weight * relation.attachment
    leaning = (
        how.image_weight * firm.image
        + how.opinion_weight * relation.opinion
        + how.habit_weight * relation.habit
        + relation.taste
    )
    if relation.bought_at == NEVER:
        leaning -= how.unfamiliarity_weight
    leaning -= firm.felt_risk
    reward = person.reward_weight * _worth_of_rewards(person, firm, relation, offer)
    price = -person.price_weight * (offer.log_price - (1.0 - how.absolute_price) * person.log_reference)
    win_back = 0.0
    if relation.called_back:
        win_back = person.reward_weight * (firm.spec.win_back.offer / (person.basket * offer.price))
    utility = product + service + (attachment + by_trust) + leaning + reward + price + win_back + gumbel(luck)
    other = product + attachment + leaning
    return Option(firm, relation, offer, price, service, reward, by_trust, other, utility)


def _worth_of_rewards(person: Customer, firm: Firm, relation: Relation, offer: Offer) -> float:
    """Return what points, gifts and a welcome are worth to a person, as a share of the money paid."""
    worth, programme = 0.0, firm.spec.programme
    is_member = person.is_member(firm)
    if is_member and programme.kind == "points":
        rate = programme.points_per_money * offer.points * programme.reward_worth / programme.redeem_at
        goal_pull = person.model.behaviour.goal_pull * min(1.0, person.points_at(firm) / programme.redeem_at)
        worth += rate * (1.0 + goal_pull)
    if offer.gift > 0.0:
        worth += offer.gift * firm.spec.gift_worth / (person.basket * offer.price)
    if firm.policy.welcome > 0.0 and not relation.is_active:
        worth += firm.policy.welcome / (person.basket * offer.price)
    if is_member:
        prizes = programme.prizes
        match programme.kind:
            case "cash_back":
                worth += programme.cash_back.share
            case "status":
                worth += programme.status.esteem * (relation.card - 1)
            case "prizes":
                worth += prizes.felt * prizes.chance * prizes.worth / (person.basket * offer.price)
    credit = firm.spec.credit
    if credit is not None and (credit.group is None or firm.tiers[relation.tier] in credit.group):
        worth += credit.worth
    return worth


def reason_to_switch(old: Option | None, new: Option) -> Cause:
    """Return why a person buys elsewhere: the largest of the differences that speak for the new firm.

    A usual firm that is no option (``None``) sells what is below the floor of quality.
    """
    if old is None:
        return Cause.UNMET_NEED
    price = new.by_price - old.by_price
    reward = new.by_reward - old.by_reward
    service = new.by_service - old.by_service
    trust = new.by_trust - old.by_trust
    other = new.by_other - old.by_other
    largest = max(price, reward, service, trust, other)
    if not largest > 0.0:
        return Cause.BETTER_RIVAL
    if price == largest:
        return Cause.PRICE
    if reward == largest:
        return Cause.REWARD_ENDED
    if service == largest:
        return Cause.SERVICE
    if old.relation.strikes >= 0.5:
        return Cause.FAILURE
    own = old.relation.trust_quality + old.relation.trust_character + old.relation.trust_ability
    return Cause.BROKEN_TRUST if trust == largest and own < 1.5 else Cause.BETTER_RIVAL
