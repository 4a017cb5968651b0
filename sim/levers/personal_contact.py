"""Personal contact: a representative for some tiers, with whom customers become close over the reviews.

Not a call now and then (``sim/levers/contacts.py``): the same person, paid for between one review and the next.
Equations in ``docs/bonds.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import Line
from sim.compiled import inline, parallel_kernel
from sim.levers.base import Lever
from sim.records import in_steps, level

if TYPE_CHECKING:
    from sim.market import Market
    from sim.scenario import Scenario


class Plan(NamedTuple):
    """The firms that assign their representatives in a period, and how."""

    firm: npt.NDArray[np.int64]  # shape (n_due,), like the rest
    attention: npt.NDArray[np.float64]  # shape (n_due, n_tiers): 0 to 1
    cost: npt.NDArray[np.float64]  # of full contact up to the next review, in money per customer
    warmth: npt.NDArray[np.float64]
    last_review: npt.NDArray[np.int64]  # whoever has joined since has met nobody yet


class PersonalContact(Lever):
    """Assign representatives at the review, and let customers become close to them or lose them.

    Source: Gremler & Gwinner (2000), "Customer-employee rapport in service relationships", Journal of Service Research
    3(1), for the bond with a person; Palmatier, Scheer & Steenkamp (2007), "Customer loyalty to whom?", Journal of
    Marketing Research 44(2), for loyalty that is owned by the salesperson.
    """

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        self.closeness = np.zeros((market.n_customers, market.n_firms), dtype=np.float32)

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether any firm has representatives."""
        return any(firm.contact is not None for firm in scenario.firms)

    def before_life(self) -> None:
        """Assign the representatives of the firms whose review is due, now that they have posted."""
        market = self.market
        due = [
            (firm, spec)
            for firm in market.firms.values()
            if (spec := firm.spec.contact) is not None and firm.is_review_due
        ]
        if not due:
            return
        plan = Plan(
            firm=np.array([firm.index for firm, _ in due]),
            attention=np.array([np.resize(firm.policy.contact, market.n_tiers) for firm, _ in due]),
            cost=np.array([spec.pay * firm.pyramid.review_every for firm, spec in due]),
            warmth=np.array([spec.warmth for _, spec in due]),
            last_review=np.array([market.period - firm.pyramid.review_every for firm, _ in due]),
        )
        assign(market.town, plan, self.closeness, market.behaviour, market.books)

    def states(self) -> tuple[npt.NDArray[Any], ...]:
        """Return how close everybody is to each firm's representatives, as of its last review."""
        return (self.closeness,)


@parallel_kernel
def assign(share, town, plan, closeness, behaviour, books):  # type: ignore[no-untyped-def]
    """Let the representatives meet their customers."""
    n_blocks, n = books.shape[0], town.pulses.size
    for b in range(share.first, n_blocks, share.step):
        for i in range(b * n // n_blocks, (b + 1) * n // n_blocks):
            for d in range(plan.firm.size):
                meet(i, d, town, plan, closeness, behaviour, books[b])


@inline
def meet(i, d, town, plan, closeness, behaviour, books):  # type: ignore[no-untyped-def]
    """Let one person become closer to a representative, or less so, or meet nobody."""
    f = plan.firm[d]
    relation, person = town.relations[i, f], town.people[i]
    if not relation.is_active:
        closeness[i, f] = 0.0
        return
    before = np.float64(closeness[i, f]) if relation.since < plan.last_review[d] else 0.0
    attention = plan.attention[d, relation.tier]
    closeness[i, f] = before + plan.warmth[d] * (attention - before)
    close = np.float64(closeness[i, f])
    cell = books[f, relation.tier, person.type]
    cost = plan.cost[d] * attention
    cell[Line.CONTACT] += cost
    relation.margin -= cost
    attachment = np.float64(relation.attachment)
    gain = np.float64(person.attachment_gain) * behaviour.attachment_rise
    relation.attachment = attachment + gain * close * (1.0 - attachment)
    cell[Line.ATTACHMENT_CHANGE] += np.float64(relation.attachment) - attachment
    character = level(relation.trust_character)
    relation.trust_character = in_steps(character + behaviour.trust_rise * close * (1.0 - character))
