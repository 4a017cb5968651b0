"""What may happen in a market, and when: the events of a scenario."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.settings import Frac, Lasting, NonNegative, Period, Positive, Settings


class _Event(Settings):
    at: Period = Field(description="period at whose start it happens")


class Entry(_Event):
    """A firm enters the market, or comes back after an exit; until then it sells nothing."""

    kind: Literal["entry"]
    firm: str = Field(description="the firm that enters")


class Exit(_Event):
    """A firm leaves the market; all its customers are lost, the cause being that it closed."""

    kind: Literal["exit"]
    firm: str = Field(description="the firm that leaves")


class AccessOpened(_Event):
    """Customers who could reach one supplier only can reach others too."""

    kind: Literal["access_opened"]
    firm: str | None = Field(default=None, description="the firm that can now be reached; by default every firm")


class PriceChange(_Event):
    """A firm's price changes for good, or for a time."""

    kind: Literal["price_change"]
    firm: str = Field(description="the firm whose price changes")
    factor: Positive = Field(description="new price relative to the firm's own policy: 0.9 is a cut of 10%")
    periods: Lasting | None = Field(default=None, description="how long; by default for good")


class QualityCrisis(_Event):
    """A firm's product fails more often for a time."""

    kind: Literal["quality_crisis"]
    firm: str = Field(description="the firm in crisis")
    failure_rate: Frac = Field(description="chance that a purchase fails during the crisis")
    periods: Lasting | None = Field(default=None, description="how long; by default for good")


class ProgrammeStart(_Event):
    """A firm's loyalty programme (points and gifts) starts; until its first start it does not run."""

    kind: Literal["programme_start"]
    firm: str = Field(description="the firm whose programme starts")


class ProgrammeEnd(_Event):
    """A firm's loyalty programme (points and gifts) ends; open points expire."""

    kind: Literal["programme_end"]
    firm: str = Field(description="the firm whose programme ends")


class ConstraintLifted(_Event):
    """What held latent customers back is lifted, for all of them or for a share."""

    kind: Literal["constraint_lifted"]
    share: Frac = Field(default=1.0, description="share of constrained customers set free")


class AdvertisingBurst(_Event):
    """A firm advertises more for a time."""

    kind: Literal["advertising_burst"]
    firm: str = Field(description="the firm that advertises")
    spend: NonNegative = Field(description="added money per person in the market and period")
    periods: Lasting = Field(description="how long")


class Seeding(_Event):
    """A firm gives samples of its product to chosen people, who then know it and may speak of it."""

    kind: Literal["seeding"]
    firm: str = Field(description="the firm that gives samples")
    share: Annotated[float, Field(gt=0, le=1)] = Field(default=0.02, description="share of people who get one")
    to: Literal["hubs", "fringe", "anyone"] = Field(
        default="hubs", description="those with most ties, those with fewest, or anyone by lot"
    )
    cost: NonNegative = Field(default=5.0, description="cost of each sample, in money")
    talk: NonNegative = Field(
        default=1.0,
        description="how readily they speak of it, relative to customers who praise: see behaviour.praise_rate",
    )


class Launch(_Event):
    """A firm launches a new product, which its customers may buy beside what they buy already."""

    kind: Literal["launch"]
    firm: str = Field(description="the firm that launches it")
    name: Annotated[str, Field(min_length=1, max_length=60)] = Field(
        default="new product", description="name of the product"
    )
    development_cost: NonNegative = Field(
        default=0.5, description="cost of developing it, in money per person in the market"
    )
    price: NonNegative = Field(default=0.2, description="price, as a share of what the customer buys already")
    unit_cost: NonNegative = Field(default=0.1, description="cost of goods, on the price's scale")
    told: tuple[str, ...] | None = Field(default=None, description="tiers that are told of it; by default all")
    telling_cost: NonNegative = Field(
        default=0.1, description="cost of telling a customer at a purchase, until they take it up, in money"
    )
    appeal: float = Field(
        default=-4.0, ge=-50, le=50, description="log odds that who is told takes it up at a purchase, by itself"
    )
    by_attachment: float = Field(default=2.0, ge=-50, le=50, description="added to the log odds at full attachment")
    by_trust: float = Field(default=1.0, ge=-50, le=50, description="added at full trust in quality")
    by_satisfaction: float = Field(default=0.0, ge=-50, le=50, description="added at full satisfaction")


AnyEvent = Annotated[
    Entry | Exit | AccessOpened | PriceChange | QualityCrisis | ProgrammeStart | ProgrammeEnd | ConstraintLifted
    | AdvertisingBurst | Seeding | Launch,
    Field(discriminator="kind"),
]  # fmt: skip
