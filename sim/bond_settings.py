"""What a user may set about the bond: personal contact, rewards for bringing others, offers to those who left.

The equations are in ``docs/bonds.md``.
"""

from __future__ import annotations

from pydantic import Field

from sim.settings import Frac, Lasting, NonNegative, Settings


class ContactSpec(Settings):
    """Representatives who know their customers: how much of one a customer has is the tier's ``contact``."""

    attention: Frac = Field(default=0.0, description="full contact or a share of it, for tiers that do not name theirs")
    pay: NonNegative = Field(default=1.0, description="cost of full contact, in money per customer and period")
    warmth: Frac = Field(
        default=0.3, description="share of the way that closeness moves at a review to what contact can make of it"
    )


class ReferralSpec(Settings):
    """A reward to a customer whose praise brings a new one."""

    reward: NonNegative = Field(default=5.0, description="money in own product for each new customer brought")
    readiness: NonNegative = Field(
        default=0.2, description="how much more often customers praise while a reward is posted, relative to without"
    )
    for_returning: bool = Field(
        default=False, description="whether one who comes back, having been a customer before, counts as new"
    )


class WinBackSpec(Settings):
    """An offer to the best of those who have lapsed, to come back."""

    offer: NonNegative = Field(default=5.0, description="money off the purchase with which a customer comes back")
    within: Lasting = Field(default=52, description="periods since the last purchase in which one may be called back")
    most: Frac = Field(default=0.02, description="offers at a review, per person in the market; they go to the best")
    contact_cost: NonNegative = Field(default=0.5, description="cost of each offer made, in money")
