"""What a user may set about a firm: its offer, its costs, its pyramid and its strategy."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, model_validator

from sim.bond_settings import ContactSpec, ReferralSpec, WinBackSpec
from sim.business import BusinessSpec
from sim.channels import ChannelSpec, Shares, Way, way_of
from sim.credit_settings import CreditSpec
from sim.errors import nearest
from sim.parts import PartSpec, Whole, whole_of
from sim.policy import Policy
from sim.pricing import PricingSpec
from sim.programme_settings import OccasionSpec, ProgrammeSpec, check_tiers
from sim.promotion import BudgetSpec, PromotionSpec
from sim.pyramids import AnyPyramid, FourTier
from sim.settings import Frac, Lasting, NonNegative, Positive, Settings
from sim.staff import StaffSpec
from sim.strategies import AnyStrategy
from sim.strategies.equal_treatment import EqualTreatment
from sim.voice import VoiceSpec


class TierSpec(Settings):
    """What one tier is given in place of what the firm gives all; what is not named stays the firm's."""

    service: Frac | None = Field(default=None, description="service level")
    discount: Annotated[float, Field(ge=0, lt=1)] | None = Field(default=None, description="share taken off the price")
    surcharge: Annotated[float, Field(ge=0, le=10)] | None = Field(
        default=None, description="share added to the price, before the discount: a charge for service"
    )
    points: Annotated[float, Field(ge=0, le=1000)] | None = Field(
        default=None, description="points earned, relative to the programme's base rate"
    )
    gift: NonNegative | None = Field(default=None, description="cost of a gift at each purchase, in money")
    fire: bool | None = Field(default=None, description="let go at the review who costs more than they bring")
    recovery: Frac | None = Field(default=None, description="chance that full service makes good a complaint")
    goodwill: NonNegative | None = Field(
        default=None, description="cost of what is given when a complaint is made good, in money"
    )
    contact: Frac | None = Field(default=None, description="share of a representative's full attention")
    delivery: Frac | None = Field(default=None, description="reliability of delivery to businesses")


def _by_name(tag: str, default: str, table: Any) -> BeforeValidator:
    """Let a bare name stand for a table with no other key, and a table without a name for the default's."""

    def complete(value: Any) -> Any:
        if isinstance(value, str):
            return {tag: value}
        return {tag: default, **value} if isinstance(value, dict) else value

    return BeforeValidator(complete, json_schema_input_type=str | table)


class FirmSpec(Settings):
    """A firm. Money of the firm as a whole is per person in the market, so that a market can be made larger or smaller.

    Levels given here hold for every tier; the strategy changes them tier by tier.
    """

    name: Annotated[str, Field(min_length=1, max_length=60, description="name of the firm")]
    price: Positive = Field(
        default=1.0, description="price of one unit of basket, relative to the market's usual price"
    )
    pricing: PricingSpec | None = Field(
        default=None, description="the price method; by default the price is this one, or what the strategy makes of it"
    )
    unit_cost: NonNegative = Field(default=0.6, description="cost of goods per unit of basket, on the price's scale")
    quality: Frac = Field(default=0.6, description="quality of the product")
    inconsistency: NonNegative = Field(default=0.10, description="standard deviation of experienced quality")
    failure_rate: Frac = Field(default=0.03, description="chance that a purchase fails the customer")
    image: Frac = Field(default=0.5, description="brand image")
    service: Frac = Field(default=0.4, description="base service level")
    service_cost: NonNegative = Field(
        default=1.0, description="cost of full service per customer and period, in money; grows with the level squared"
    )
    capacity: Positive | None = Field(
        default=None,
        description="service that can be delivered, in levels per person in the market; past it all promises are cut "
        "alike. By default there is always enough",
    )
    capacity_cost: NonNegative = Field(default=0.5, description="cost of a unit of capacity per period, in money")
    discount: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.0, description="base discount")
    gift: NonNegative = Field(default=0.0, description="cost of a gift at each purchase, in money")
    gift_worth: NonNegative = Field(
        default=1.5, description="worth of a gift to the customer relative to its cost (thanks in own product)"
    )
    programme: ProgrammeSpec | None = Field(default=None, description="the loyalty programme, if any")
    occasions: tuple[OccasionSpec, ...] = Field(default=(), description="events that the firm holds")
    channel: Shares = Field(
        default={"store": 1.0}, description="channel of every tier not named in tier_channels, or shares of several"
    )
    tier_channels: dict[str, Shares] = Field(default={}, description="channel by tier, or shares of several")
    tiers: dict[str, TierSpec] = Field(
        default={}, description="levers by tier, where a tier is given something else; a strategy changes them further"
    )
    complaint_cost: NonNegative = Field(default=3.0, description="cost of handling a complaint, in money")
    complaint_ease: Annotated[float, Field(ge=0, le=10)] = Field(
        default=1.0, description="how often customers who were failed complain, relative to what is usual"
    )
    recovery: Frac = Field(default=0.8, description="chance that full service makes good a complaint")
    goodwill: NonNegative = Field(
        default=0.0, description="cost of what is given, in own product, when a complaint is made good, in money"
    )
    advertising: NonNegative = Field(
        default=0.05, description="advertising, in money per person in the market and period"
    )
    contact_cost: Positive = Field(default=0.5, description="money for one advertising contact with one person")
    welcome: NonNegative = Field(default=0.0, description="money given to a customer at the first purchase")
    promotion: PromotionSpec | None = Field(
        default=None, description="the promotion mix; by default what is spent is all advertising"
    )
    budget: BudgetSpec | None = Field(
        default=None, description="a budget for winning and keeping customers, in place of a promotion mix"
    )
    contact: ContactSpec | None = Field(default=None, description="representatives who know their customers, if any")
    referral: ReferralSpec | None = Field(
        default=None, description="a reward to customers whose praise brings others, if any"
    )
    win_back: WinBackSpec | None = Field(default=None, description="offers to those who lapsed, if any are made")
    staff: StaffSpec | None = Field(
        default=None, description="the staff; by default service does not depend on their morale"
    )
    credit: CreditSpec | None = Field(default=None, description="payment later; by default all pay at once")
    business: BusinessSpec | None = Field(
        default=None, description="what customers who are businesses look for; by default it has nothing of that"
    )
    voice: VoiceSpec | None = Field(
        default=None, description="work on what customers suggest; by default it changes nothing"
    )
    parts: tuple[PartSpec, ...] = Field(
        default=(), description="parts of the product; they take the place of quality, inconsistency and failure_rate"
    )
    weakest_link: Frac = Field(
        default=0.5, description="how far a product of parts is judged by its worst part; the rest by their mean"
    )
    familiarity_saving: Frac = Field(
        default=0.0, description="share of the cost of service that is saved on a customer who has become familiar"
    )
    familiarity_periods: Lasting = Field(
        default=104, description="periods of membership in which a customer becomes familiar, evenly"
    )
    fixed_cost: NonNegative = Field(default=0.2, description="fixed cost, in money per person in the market and period")
    awareness: Frac = Field(default=0.6, description="share of people who know the firm at the start")
    reach: Frac = Field(default=1.0, description="share of people who can buy from the firm at all")
    pyramid: Annotated[AnyPyramid, _by_name("scheme", "four_tier", AnyPyramid)] = FourTier()
    strategy: Annotated[AnyStrategy, _by_name("name", "equal_treatment", AnyStrategy)] = EqualTreatment()

    @model_validator(mode="after")
    def _tiers_exist(self) -> FirmSpec:
        tiers = self.pyramid.tiers
        named = {f"strategy.{key}": names for key, names in self.strategy.tiers_named().items()}
        named |= {"tier_channels": tuple(self.tier_channels), "tiers": tuple(self.tiers)}
        for key, names in named.items():
            for name in names:
                if name not in tiers:
                    raise ValueError(f'{key} names the tier "{name}", which the pyramid lacks; {nearest(name, tiers)}')
        if self.promotion is not None and self.budget is not None:
            raise ValueError("promotion and budget are both given; allowed: one of them, for a budget stands for a mix")
        ranks_by = getattr(self.strategy, "ranks_by", None)
        ranked_by = getattr(self.pyramid, "rank_by", None)
        if ranks_by is not None and ranked_by != ranks_by:
            given = f'"{ranked_by}"' if ranked_by else f"the scheme {self.pyramid.scheme}, which does not rank"
            raise ValueError(f'the strategy {self.strategy.name} needs pyramid.rank_by = "{ranks_by}", not {given}')
        return self

    @model_validator(mode="after")
    def _parts_are_the_product(self) -> FirmSpec:
        names = [part.name for part in self.parts]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'parts: two parts are called "{name}"; allowed: each name once')
        for key in Whole._fields if self.parts else ():
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key} and parts are both given; allowed: one of them, for parts have their own")
        return self

    @property
    def whole(self) -> Whole:
        """Quality, inconsistency and failure rate of the product: the firm's own, or what its parts come to."""
        if self.parts:
            return whole_of(self.parts, self.weakest_link)
        return Whole(self.quality, self.inconsistency, self.failure_rate)

    @property
    def mix(self) -> PromotionSpec | None:
        """The promotion mix, given as such or as a budget for winning and keeping; or none."""
        return self.budget.as_mix() if self.budget is not None else self.promotion

    @property
    def tiers_on_credit(self) -> npt.NDArray[np.bool_]:
        """Whether customers of each tier pay later, shape (n_tiers,)."""
        group = () if self.credit is None else self.pyramid.tiers if self.credit.group is None else self.credit.group
        return np.array([tier in group for tier in self.pyramid.tiers])

    @model_validator(mode="after")
    def _groups_exist(self) -> FirmSpec:
        if self.programme is not None:
            check_tiers("programme.group", self.programme.group, self.pyramid.tiers)
        if self.credit is not None:
            check_tiers("credit.group", self.credit.group, self.pyramid.tiers)
        names = [occasion.name for occasion in self.occasions]
        for i, occasion in enumerate(self.occasions):
            check_tiers(f"occasions.{i}.group", occasion.group, self.pyramid.tiers)
            if names.count(occasion.name) > 1:
                raise ValueError(f'occasions: two events are called "{occasion.name}"; allowed: each name once')
        return self

    @model_validator(mode="after")
    def _nothing_is_idle(self) -> FirmSpec:
        self.refuse_without("capacity", "capacity_cost")
        self.refuse_without("parts", "weakest_link")
        if self.staff is not None and "capacity" not in self.model_fields_set:
            for key in sorted({"workload_effect", "comfortable_load"} & self.staff.model_fields_set):
                given = f"staff.{key} = {getattr(self.staff, key)}"
                raise ValueError(f"{given}, but the firm's capacity has no end; allowed: with capacity")
        for tier, levers in self.tiers.items():
            if levers.points is not None and "programme" not in self.model_fields_set:
                given = f"tiers.{tier}.points = {levers.points}"
                raise ValueError(f"{given}, but the firm has no programme; allowed: with a table programme")
        return self

    @model_validator(mode="after")
    def _contact_is_by_somebody(self) -> FirmSpec:
        for tier, levers in self.tiers.items():
            if levers.contact is not None and self.contact is None:
                raise ValueError(
                    f"tiers.{tier}.contact = {levers.contact}, but the firm has no representatives; allowed: "
                    "with a table contact (its pay and warmth)"
                )
        return self

    @model_validator(mode="after")
    def _delivery_is_to_businesses(self) -> FirmSpec:
        for tier, levers in self.tiers.items():
            if levers.delivery is not None and self.business is None:
                raise ValueError(
                    f"tiers.{tier}.delivery = {levers.delivery}, but the firm has no table business; allowed: "
                    "with that table (and customers.business)"
                )
        return self

    def ways_by_tier(self, channels: dict[str, ChannelSpec]) -> list[Way]:
        """Return how each tier buys: its channel, or what its channels come to."""
        return [way_of(self.tier_channels.get(tier, self.channel), channels) for tier in self.pyramid.tiers]

    def channels_used(self, channels: dict[str, ChannelSpec]) -> dict[str, ChannelSpec]:
        """Return the channels through which any of the firm's tiers may buy, by name."""
        names = set(self.channel).union(*self.tier_channels.values())
        return {name: channels[name] for name in sorted(names)}

    def reach_through(self, channels: dict[str, ChannelSpec]) -> float:
        """Return the share of people who can buy from the firm by itself or through the channels of its newcomers."""
        return self.reach + (1.0 - self.reach) * self.ways_by_tier(channels)[self.pyramid.entry_tier].access

    def base_policy(self, channels: dict[str, ChannelSpec]) -> Policy:
        """Return the policy before any strategy: every tier alike, but for its channel and what ``tiers`` gives it."""
        tiers = self.pyramid.tiers
        ways = self.ways_by_tier(channels)
        ones = np.ones(len(tiers))
        policy = Policy(
            tiers=tiers,
            service=self.service * ones,
            discount=self.discount * ones,
            surcharge=np.zeros(len(tiers)),
            points=ones.copy(),
            gift=self.gift * ones,
            channel_effort=np.array([way.effort for way in ways]),
            channel_cost=np.array([way.cost for way in ways]),
            fire=np.zeros(len(tiers), dtype=bool),
            recovery=self.recovery * ones,
            goodwill=self.goodwill * ones,
            contact=(self.contact.attention if self.contact else 0.0) * ones,
            delivery=(self.business.delivery if self.business else 0.0) * ones,
            price=self.price,
            quality=self.whole.quality,
            advertising=self.advertising if self.mix is None else self.mix.spend("advertising"),
            welcome=self.welcome,
        )
        given = {tier: spec.model_dump(exclude_none=True) for tier, spec in self.tiers.items()}
        return policy.with_tiers(
            **{
                lever: {tier: levers[lever] for tier, levers in given.items() if lever in levers}
                for lever in TierSpec.model_fields
            }
        )
