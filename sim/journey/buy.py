"""Buy: money, points and gifts change hands, and word of mouth earns its credit."""

from __future__ import annotations

import math

import numpy as np

from sim.accounts import Line
from sim.compiled import inline, seldom
from sim.journey import programme
from sim.journey.after_sales import fallen, risen
from sim.journey.membership import join
from sim.records import NOBODY, in_steps, level


@inline
def pay(i, f, card, offer, town, market, period, books, since):  # type: ignore[no-untyped-def]
    """Carry out the purchase and book it; return the firm's margin on it, in money.

    The first purchase of a membership is a gain and takes the welcome offer. Points are whole; a reward is paid out as
    often as the balance reaches its threshold; partners in a coalition count their points together.
    """
    person, relation = town.people[i], town.relations[i, f]
    paid = person.basket * offer.price
    goods = person.basket * offer.unit_cost
    rewards, acquisition = 0.0, 0.0
    if not relation.is_active:
        join(person, relation, f, period, books, since)
        acquisition = offer.welcome
        if offer.win_back > 0.0:
            acquisition += come_back(i, f, offer, market, books[f, relation.tier, person.type])
    cell = books[f, relation.tier, person.type]
    balance = np.float64(relation.points)
    if offer.points > 0.0 and card > 0:
        issued = math.floor(paid * offer.points)
        balance += issued
        cell[Line.POINTS_ISSUED] += issued
    purse = balance + programme.points_elsewhere(i, f, offer, town, market)
    if offer.redeem_at > 0.0 and purse >= offer.redeem_at and card > 0:
        n_rewards = math.floor(purse / offer.redeem_at)
        redeemed = n_rewards * offer.redeem_at
        own = min(balance, redeemed)
        balance -= own
        cell[Line.POINTS_REDEEMED] += own
        rewards = n_rewards * offer.reward_cost
        if redeemed > own:
            rewards -= programme.clear(i, f, redeemed - own, town, market, books)
    relation.points = np.int32(balance)
    if offer.cash_at_once > 0.0 and card > 0:
        rewards += paid * offer.cash_at_once
    incentives = offer.gift + rewards
    cell[Line.PURCHASES] += 1.0
    cell[Line.REVENUE] += paid
    cell[Line.DISCOUNTS] += person.basket * (offer.list_price - offer.price)
    cell[Line.REWARDS] += rewards
    cell[Line.GOODS] += goods
    cell[Line.INCENTIVES] += incentives
    cell[Line.CHANNEL] += offer.channel_cost
    cell[Line.ACQUISITION] += acquisition
    margin = paid - goods - incentives - offer.channel_cost - acquisition
    if offer.commission > 0.0:  # what the trade keeps
        cell[Line.COMMISSION] += paid * offer.commission
        margin -= paid * offer.commission
    relation.volume += 1.0
    relation.revenue += paid
    relation.margin += margin
    relation.bought_at = period
    return margin


@seldom
def come_back(i, f, offer, market, cell):  # type: ignore[no-untyped-def]
    """Take the offer to come back, if the person holds one; return what is paid for it, in money."""
    if not market.called_back[i, f]:
        return 0.0
    market.called_back[i, f] = 0
    cell[Line.WON_BACK] += 1.0
    return offer.win_back


@inline
def judge_price(relation, is_dearer, behaviour):  # type: ignore[no-untyped-def]
    """Let trust in character follow kept prices."""
    if is_dearer:
        relation.trust_character = fallen(relation.trust_character, 1.0, behaviour)
    else:
        relation.trust_character = risen(relation.trust_character, behaviour)


@inline
def adapt(person, offer, behaviour):  # type: ignore[no-untyped-def]
    """Move the reference price towards what was paid, on the log scale."""
    person.log_reference += behaviour.reference_speed * (offer.log_price - np.float64(person.log_reference))


@inline
def form_habit(relations, i, f, has_choice, behaviour):  # type: ignore[no-untyped-def]
    """Strengthen the habit of buying from ``f`` and weaken the others; who has no choice forms no habit."""
    for g in range(relations.shape[1]):
        relation = relations[i, g]
        habit = level(relation.habit)
        if g == f and has_choice:
            relation.habit = in_steps(habit + behaviour.habit_speed * (1.0 - habit))
        elif relation.habit > 0:
            relation.habit = in_steps(habit - behaviour.habit_speed * habit)


@inline
def credit_word_of_mouth(i, relation, f, is_first, margin, b, period, behaviour, said):  # type: ignore[no-untyped-def]
    """Note what part of the margin is owed to whoever praised the firm to this customer of late.

    The notes of block ``b`` are kept in the places of its people.
    """
    if relation.told_by != NOBODY and period - relation.told_at <= behaviour.credit_window:
        place = b * said.firm.size // said.n_credits.size + said.n_credits[b]
        said.credit_buyer[place] = i
        said.credit_firm[place] = f
        said.credit_money[place] = behaviour.credit_share * margin
        said.credit_is_first[place] = is_first
        said.n_credits[b] += 1
