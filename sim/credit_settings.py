"""Deferred payment: what a user may set about the credit that a firm gives its customers.

The equations are in ``docs/business-markets.md``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sim.settings import Frac, NonNegative, Settings


class CreditSpec(Settings):
    """Credit to customers: when they pay, which of them may, and what it costs."""

    periods: Annotated[int, Field(ge=1, le=520)] = Field(default=4, description="periods until an account is due")
    group: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        default=None, description="tiers whose customers pay later; by default all"
    )
    default_rate: Annotated[float, Field(ge=0, le=0.5)] = Field(
        default=0.02, description="chance that an account that falls due is never paid, over all customers"
    )
    interest: NonNegative = Field(default=0.002, description="cost per period of each unit outstanding at its end")
    worth: Frac = Field(default=0.02, description="worth of paying later to a customer, as a share of the price")
