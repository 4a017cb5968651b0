"""Contacts: calls on customers, and letters to all on record, at each review with the money set aside since the last.

A contact with a customer, by a person, brings attachment, as fast as the customer's own gain allows, and trust in the
firm's character. A letter reminds whoever once bought but last bought elsewhere: they know the firm, and look around at
the next need. Equations in ``docs/promotion-and-staff.md``.
"""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import Line
from sim.compiled import inline, parallel_kernel
from sim.draws import Stream, block
from sim.journey.after_sales import risen
from sim.levers.base import Lever
from sim.records import identity

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.promotion import PromotionSpec
    from sim.scenario import Scenario


class Campaign(NamedTuple):
    """The firms that contact their customers in a period, and how."""

    firm: npt.NDArray[np.int64]  # shape (n_due,), like the rest
    slot: npt.NDArray[np.int64]
    call_chance: npt.NDArray[np.float64]
    call_effect: npt.NDArray[np.float64]
    mail_chance: npt.NDArray[np.float64]


class Contacts(Lever):
    """Personal selling and direct mail of the promotion mix."""

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether any firm spends on either."""
        return any(firm.mix is not None and money_for(firm.mix) > 0.0 for firm in scenario.firms)

    def after_review(self, firms: list[Firm]) -> None:
        """Contact the customers of the firms whose review is due."""
        market = self.market
        callers = [(firm, mix) for firm in firms if (mix := firm.spec.mix) is not None and money_for(mix) > 0.0]
        if not callers:
            return
        numbers = np.array([firm.index for firm, _ in callers])
        n_found = np.zeros((market.n_blocks, len(callers), 2), dtype=np.int64)
        count(market.town, numbers, market.period, n_found)
        chances = np.array(
            [
                chances_of_contact(mix, firm.pyramid.review_every, market.n_customers, *n)
                for (firm, mix), n in zip(callers, n_found.sum(axis=0).tolist(), strict=True)
            ]
        )
        campaign = Campaign(
            firm=numbers,
            slot=market.origins.firm_slots[numbers].astype(np.int64),
            call_chance=chances[:, 0].copy(),
            call_effect=np.array([mix.selling_effect for _, mix in callers]),
            mail_chance=chances[:, 1].copy(),
        )
        contact(market.town, campaign, market.behaviour, market.seed_used, market.period, market.books)


def money_for(mix: PromotionSpec) -> float:
    """Return what goes to contacts with customers, in money per person in the market and period."""
    return mix.spend("personal_selling") + mix.spend("direct_mail")


def chances_of_contact(
    mix: PromotionSpec, n_periods: int, n_people: int, n_customers: int, n_on_record: int
) -> tuple[float, float]:
    """Return the chances that a customer is called on, and that someone on record gets a letter, at a review."""
    calls = mix.spend("personal_selling") * n_periods * n_people / mix.selling_cost
    letters = mix.spend("direct_mail") * n_periods * n_people / mix.mail_cost
    return (
        1.0 - exp(-calls / n_customers) if n_customers else 0.0,
        1.0 - exp(-letters / n_on_record) if n_on_record else 0.0,
    )


@inline
def is_on_record(relation, period):  # type: ignore[no-untyped-def]
    """Say whether a firm has someone on record whom it may contact: who ever bought, and is not barred."""
    return relation.bought_at >= 0 and relation.barred_until <= period


@parallel_kernel
def count(share, town, numbers, period, n_found):  # type: ignore[no-untyped-def]
    """Count customers, and all on record, into ``n_found``, shape (n_blocks, n_due, 2)."""
    n_blocks, n = n_found.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            for d in range(numbers.size):
                count_one(town.relations[i, numbers[d]], period, n_found[b, d])


@inline
def count_one(relation, period, n_found):  # type: ignore[no-untyped-def]
    """Count one person."""
    if is_on_record(relation, period):
        n_found[0] += relation.is_active != 0
        n_found[1] += 1


@parallel_kernel
def contact(share, town, campaign, behaviour, seed, period, books):  # type: ignore[no-untyped-def]
    """Call on customers and write to those on record."""
    n_blocks, n = books.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            for d in range(campaign.firm.size):
                contact_one(i, d, town, campaign, behaviour, seed, period, books[b])


@inline
def contact_one(i, d, town, campaign, behaviour, seed, period, books):  # type: ignore[no-untyped-def]
    """Call on one person, or write, or both, or neither."""
    f = campaign.firm[d]
    relation, person = town.relations[i, f], town.people[i]
    if not is_on_record(relation, period):
        return
    u_call, u_mail, _, _ = block(seed, Stream.CALLED // 4, period, identity(person, i), campaign.slot[d])
    if relation.is_active and u_call < campaign.call_chance[d]:
        before = np.float64(relation.attachment)
        gain = np.float64(person.attachment_gain) * campaign.call_effect[d]
        relation.attachment = before + gain * (1.0 - before)
        relation.trust_character = risen(relation.trust_character, behaviour)
        books[f, relation.tier, person.type, Line.ATTACHMENT_CHANGE] += np.float64(relation.attachment) - before
    if person.usual != f and u_mail < campaign.mail_chance[d]:
        relation.is_aware = True
        person.is_alert = True
