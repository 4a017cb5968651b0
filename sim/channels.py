"""Ways of buying: what each asks of customers and costs the firm, and several of them side by side.

Equations in ``docs/channels.md``.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from sim.settings import Frac, NonNegative, Positive, Settings


class ChannelSpec(Settings):
    """A way of buying: what it asks of the customer and costs the firm."""

    effort: NonNegative = Field(description="buying effort, on the scale of customers.behaviour.distance_spread")
    cost: NonNegative = Field(description="cost to the firm of each purchase, in money")
    serves: Frac | None = Field(
        default=None,
        description="service level that the channel gives in the firm's place; by default the firm serves by itself",
    )
    margins: tuple[Annotated[float, Field(ge=0, le=0.9)], ...] = Field(
        default=(), max_length=5,
        description="share of its own selling price that each level of the trade keeps, the retailer first",
    )  # fmt: skip
    passed_on: Frac = Field(default=0.0, description="share of the margins that is added to the price customers pay")
    access: Frac = Field(
        default=0.0, description="share of the people out of the firm's own reach who can buy through the channel"
    )

    @model_validator(mode="after")
    def _there_is_something_to_pass_on(self) -> ChannelSpec:
        self.refuse_without("margins", "passed_on")
        return self

    @property
    def kept(self) -> float:
        """What is left for the firm of what customers pay, as a share."""
        return math.prod(1.0 - margin for margin in self.margins)

    @property
    def price_factor(self) -> float:
        """The price that customers pay, relative to the firm's own."""
        return (1.0 - self.passed_on) + self.passed_on / self.kept


DEFAULT_CHANNELS: dict[str, ChannelSpec] = {
    "sales_rep": ChannelSpec(effort=0.05, cost=4.0),
    "store": ChannelSpec(effort=0.25, cost=1.0),
    "phone": ChannelSpec(effort=0.25, cost=1.5),
    "web": ChannelSpec(effort=0.15, cost=0.4),
    "third_party": ChannelSpec(effort=0.40, cost=0.1),
}

_ROUNDING = 1e-9  # of a sum of shares


def _by_name(value: Any) -> Any:
    """Let the bare name of a channel stand for all purchases."""
    return {value: 1.0} if isinstance(value, str) else value


def _whole(shares: dict[str, float]) -> dict[str, float]:
    if abs(math.fsum(shares.values()) - 1.0) > _ROUNDING:
        raise ValueError(f"shares sum to {math.fsum(shares.values()):.4g}; allowed: a sum of 1")
    return shares


#: The share of purchases that goes through each channel, by name, or the name of one channel for all.
Shares = Annotated[
    dict[str, Positive],
    BeforeValidator(_by_name, json_schema_input_type=str | dict[str, Positive]),
    AfterValidator(_whole),
]


class Way(NamedTuple):
    """How a tier buys: one channel, or what several come to."""

    effort: float
    cost: float  # of a purchase, in money
    serves: float | None  # service level given in the firm's place, if it is
    price_factor: float  # of what customers pay, to the firm's own price
    commission: float  # share of what is paid that the trade keeps
    access: float  # share of the people out of the firm's own reach who can buy


def way_of(shares: dict[str, float], channels: dict[str, ChannelSpec]) -> Way:
    """Return what channels come to when each takes its share of purchases.

    Raises
    ------
    ValueError
        If there are several and one of them serves in the firm's place: a tier is served by one or the other.
    """
    parts = [(shares[name], channels[name]) for name in sorted(shares)]
    if len(parts) > 1:
        for name in sorted(shares):
            if channels[name].serves is not None:
                raise ValueError(f'"{name}" serves in the firm\'s place; allowed: alone, or channels that do not serve')
    price = math.fsum(share * channel.price_factor for share, channel in parts)
    lost = math.fsum(share * channel.price_factor * (1.0 - channel.kept) for share, channel in parts)
    return Way(
        effort=math.fsum(share * channel.effort for share, channel in parts),
        cost=math.fsum(share * channel.cost for share, channel in parts),
        serves=parts[0][1].serves,
        price_factor=price,
        commission=lost / price,
        access=1.0 - math.prod(1.0 - channel.access for _, channel in parts),
    )
