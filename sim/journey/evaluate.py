"""Evaluate: perceived value, benefits minus sacrifices, with a Gumbel draw per firm (logit; McFadden 1974).

The parts are functions of their own, so that a customer's reason for leaving can be told by the part that changed it.
"""

from __future__ import annotations

import numpy as np

from sim.accounts import Cause
from sim.compiled import inline, seldom
from sim.journey import programme
from sim.records import level


@inline
def trust(relation, offer):  # type: ignore[no-untyped-def]
    """Return trust in a firm, 0 to 1: the mean of quality, character, ability and prospect."""
    own = level(relation.trust_quality) + level(relation.trust_character) + level(relation.trust_ability)
    return (offer.prospect + own) / 4.0


@inline
def reward(person, relation, points, card, offer, behaviour):  # type: ignore[no-untyped-def]
    """Return what programme, gifts, later payment and, to who is no customer, welcome give back: a share of the price.

    A reward pulls harder as its threshold nears (goal gradient; Kivetz, Urminsky & Zheng 2006, JMR 43(1)).
    """
    back = 0.0
    if offer.points_worth > 0.0 and card > 0:
        progress = min(1.0, points / offer.redeem_at)
        back += offer.points_worth * (1.0 + behaviour.goal_pull * progress)
    if offer.gift > 0.0:
        back += offer.gift * offer.gift_worth / (person.basket * offer.price)
    if offer.welcome > 0.0 and not relation.is_active:
        back += offer.welcome / (person.basket * offer.price)
    if offer.perks > 0.0 and card > 0:
        back += programme.worth_of_perks(person, card, offer)
    if offer.credit_worth > 0.0:
        back += offer.credit_worth
    return back


@inline
def value_of_product(person, offer):  # type: ignore[no-untyped-def]
    """Return the utility of the product's quality, within the window that the segment values."""
    return person.quality_weight * offer.quality_value


@inline
def value_of_service(person, relation, offer):  # type: ignore[no-untyped-def]
    """Return the utility of the service to be had, less the effort of buying."""
    served = offer.delivered + offer.support
    return person.service_weight * served - person.effort_weight * (level(relation.distance) + offer.effort)


@inline
def value_of_attachment(person, relation):  # type: ignore[no-untyped-def]
    """Return the utility of being attached to a firm."""
    return np.float64(person.attachment_weight) * relation.attachment


@inline
def value_of_trust(relation, offer, behaviour):  # type: ignore[no-untyped-def]
    """Return the utility of trust in a firm."""
    return behaviour.trust_weight * trust(relation, offer)


@inline
def value_of_name(relation, offer, behaviour):  # type: ignore[no-untyped-def]
    """Return the utility of what is known without buying, of familiarity and of taste, less that of a risk.

    Habit: Guadagni & Little (1983), Marketing Science 2(3).
    """
    value = behaviour.image_weight * offer.image + behaviour.opinion_weight * level(relation.opinion)
    value += behaviour.habit_weight * level(relation.habit) + relation.taste
    if relation.bought_at < 0:
        value -= behaviour.unfamiliarity_weight
    return value - offer.risk


@inline
def sacrifice_of_price(person, offer, log_reference, behaviour):  # type: ignore[no-untyped-def]
    """Return the utility lost to the price: against what the person is used to, and in part by itself.

    Source: Winer (1986), "A reference price model of brand choice for frequently purchased products", JCR 13(2).
    """
    return person.price_weight * (offer.log_price - (1.0 - behaviour.absolute_price) * log_reference)


@seldom
def value_of_win_back(person, offer):  # type: ignore[no-untyped-def]
    """Return the utility of the money offered to someone who lapsed for coming back."""
    return person.reward_weight * (offer.win_back / (np.float64(person.basket) * offer.price))


@inline
def perceived_value(person, relation, points, card, offer, log_reference, behaviour):  # type: ignore[no-untyped-def]
    """Return the utility of buying from a firm, but for the moment's whim."""
    return (
        value_of_product(person, offer)
        + value_of_service(person, relation, offer)
        + (value_of_attachment(person, relation) + value_of_trust(relation, offer, behaviour))
        + value_of_name(relation, offer, behaviour)
        + person.reward_weight * reward(person, relation, points, card, offer, behaviour)
        - sacrifice_of_price(person, offer, log_reference, behaviour)
    )


@inline
def is_trust_broken(relation):  # type: ignore[no-untyped-def]
    """Say whether a firm is trusted less, for what was lived through with it, than one that was never tried."""
    return level(relation.trust_quality) + level(relation.trust_character) + level(relation.trust_ability) < 1.5


@inline
def value_of_the_rest(person, relation, offer, behaviour):  # type: ignore[no-untyped-def]
    """Return the utility of all that does not lose a customer under a name of its own."""
    return (
        value_of_product(person, offer)
        + value_of_attachment(person, relation)
        + value_of_name(relation, offer, behaviour)
    )


@seldom
def reason_to_switch(  # type: ignore[no-untyped-def]
    person, old, old_points, old_card, old_offer, new, new_points, new_card, new_offer, log_reference, behaviour
):
    """Return what tells most for the new firm against the old: the cause if the old firm loses the customer.

    A product that is no longer good enough to be considered leaves the need unmet, whatever else tells. Where trust or
    the rest tells most, unresolved failures are the cause; without them trust that was broken is, and else a rival that
    is better.
    """
    if old_offer.quality_value < 0.0:
        return Cause.UNMET_NEED.value
    price = sacrifice_of_price(person, old_offer, log_reference, behaviour)
    price -= sacrifice_of_price(person, new_offer, log_reference, behaviour)
    service = value_of_service(person, new, new_offer) - value_of_service(person, old, old_offer)
    pay_back = person.reward_weight * (
        reward(person, new, new_points, new_card, new_offer, behaviour)
        - reward(person, old, old_points, old_card, old_offer, behaviour)
    )
    trusted = value_of_trust(new, new_offer, behaviour) - value_of_trust(old, old_offer, behaviour)
    rest = value_of_the_rest(person, new, new_offer, behaviour) - value_of_the_rest(person, old, old_offer, behaviour)
    most = max(price, service, pay_back, trusted, rest)
    if most <= 0.0:
        return Cause.BETTER_RIVAL.value
    if most == price:
        return Cause.PRICE.value
    if most == pay_back:
        return Cause.REWARD_ENDED.value
    if most == service:
        return Cause.SERVICE.value
    if old.strikes >= 0.5:
        return Cause.FAILURE.value
    return Cause.BROKEN_TRUST.value if most == trusted and is_trust_broken(old) else Cause.BETTER_RIVAL.value
