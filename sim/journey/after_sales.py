"""After-sales: complaint, recovery or silent exit (Hirschman 1970), and what the whole experience leaves behind."""

from __future__ import annotations

import numpy as np

from sim.accounts import Line
from sim.compiled import inline, seldom
from sim.records import in_steps, level


@inline
def complains(relation, offer, luck, behaviour):  # type: ignore[no-untyped-def]
    """Say whether a customer who was failed speaks up: the attached do more often, and more do where it is easy."""
    inclination = behaviour.complaint_rate + behaviour.complaint_attachment * relation.attachment
    return luck < offer.complaint_ease * inclination


@inline
def is_made_good(offer, luck):  # type: ignore[no-untyped-def]
    """Say whether a complaint is made good: as often as the tier's service allows."""
    return luck < offer.recovery * offer.delivered


@seldom
def bear_failure(person, relation, offer, u_complain, u_recover, cell, behaviour):  # type: ignore[no-untyped-def]
    """Live through a failure; return what it takes off the experience, after any recovery."""
    severity = behaviour.failure_severity
    relation.strikes += 1.0
    cell[Line.FAILURES] += 1.0
    if not complains(relation, offer, u_complain, behaviour):
        return severity
    cell[Line.COMPLAINTS] += 1.0
    cell[Line.RECOVERY] += offer.complaint_cost
    relation.margin -= offer.complaint_cost
    if is_made_good(offer, u_recover):
        cell[Line.RECOVERIES] += 1.0
        relation.strikes -= 1.0
        relation.trust_ability = risen(relation.trust_ability, behaviour)
        return severity * (1.0 - repair(person, relation, offer, cell, behaviour))
    relation.trust_ability = fallen(relation.trust_ability, 1.0, behaviour)
    return severity


@inline
def repair(person, relation, offer, cell, behaviour):  # type: ignore[no-untyped-def]
    """Return the share of a failure's severity that is given back when it is made good, with what is given besides."""
    share = behaviour.recovery_repair
    if offer.goodwill > 0.0:
        cell[Line.RECOVERY] += offer.goodwill
        relation.margin -= offer.goodwill
        share = min(2.0, share + offer.goodwill * offer.gift_worth / (np.float64(person.basket) * offer.price))
    return share


@inline
def walks_out(person, relation):  # type: ignore[no-untyped-def]
    """Say whether failures have gone past what the customer tolerates; attachment makes for more patience."""
    return relation.strikes > person.tolerance * (1.0 + relation.attachment)


@inline
def feel(difference, behaviour):  # type: ignore[no-untyped-def]
    """Return how strongly a difference from expectation is felt, -1 to 1; not at all inside the zone of tolerance.

    Zone of tolerance: Zeithaml, Berry & Parasuraman (1993), JAMS 21(1).
    """
    beyond = abs(difference) - behaviour.zone_of_tolerance
    if beyond <= 0.0:
        return 0.0
    felt = min(1.0, beyond / behaviour.disconfirmation_scale)
    return felt if difference > 0.0 else -felt


@inline
def update_satisfaction(relation, lived, behaviour):  # type: ignore[no-untyped-def]
    """Compare experience with expectation (Oliver 1980); return how it is felt.

    Satisfaction is a running mean of disconfirmation, and expectation drifts to what was received: delight wears off.
    """
    difference = lived - relation.expectation
    measured = max(-1.0, min(1.0, difference / behaviour.disconfirmation_scale))
    before = level(relation.satisfaction)
    relation.satisfaction = in_steps(before + behaviour.satisfaction_speed * (measured - before))
    relation.expectation += behaviour.expectation_speed * difference
    return feel(difference, behaviour)


@inline
def update_attachment(person, relation, lived, felt, norm, behaviour):  # type: ignore[no-untyped-def]
    """Let attachment rise slowly and fall fast.

    It rises with surprise, and with getting more than elsewhere to one's own taste (the comparison level for
    alternatives of Thibaut & Kelley 1959): so a customer can be satisfied without being attached. A strong relationship
    halves the fall of a first mistake.
    """
    if felt < 0.0:
        forgiven = 0.5 if relation.attachment > 0.5 and relation.strikes <= 1.0 else 1.0
        relation.attachment += behaviour.attachment_fall * forgiven * felt * relation.attachment
    advantage = max(0.0, lived + behaviour.liking * relation.taste - norm) / behaviour.disconfirmation_scale
    rise = person.attachment_gain * behaviour.attachment_rise * min(1.0, max(0.0, felt) + behaviour.bond * advantage)
    relation.attachment += rise * (1.0 - relation.attachment)


@inline
def judge_quality(relation, has_failed, felt, behaviour):  # type: ignore[no-untyped-def]
    """Let trust in quality follow consistency."""
    if has_failed or felt < 0.0:
        relation.trust_quality = fallen(relation.trust_quality, 1.0 if has_failed else -felt, behaviour)
    else:
        relation.trust_quality = risen(relation.trust_quality, behaviour)


@inline
def risen(trust, behaviour):  # type: ignore[no-untyped-def]
    """Return a trust, in steps, after a promise kept."""
    return in_steps(level(trust) + behaviour.trust_rise * (1.0 - level(trust)))


@inline
def fallen(trust, share, behaviour):  # type: ignore[no-untyped-def]
    """Return a trust, in steps, after a promise broken, wholly or by a share."""
    return in_steps(level(trust) - behaviour.trust_fall * share * level(trust))
