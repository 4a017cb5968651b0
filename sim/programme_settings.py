"""What a user may set about a loyalty programme, and about the events that a firm holds for its customers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.errors import nearest
from sim.settings import Frac, Lasting, NonNegative, Period, Positive, Settings

Name = Annotated[str, Field(min_length=1, max_length=60)]


class CashBackSpec(Settings):
    """Money back, as a share of what is paid."""

    share: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.01, description="share of what is paid that comes back"
    )
    paid_at: Literal["purchase", "review"] = Field(
        default="purchase", description="when it is paid: at once, or to those who still are customers at the review"
    )


class StatusSpec(Settings):
    """Levels of status, earned by purchases between two reviews and kept for a term."""

    earned_by: Literal["purchases", "revenue"] = Field(default="purchases", description="what counts towards a level")
    levels: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=9)] = Field(
        default=(3.0, 8.0), description="purchases (or revenue) between two reviews that each level takes, rising"
    )
    term: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="reviews in a row without earning the level again at which it is lost"
    )
    esteem: NonNegative = Field(default=0.03, description="worth of each level held, as a share of the price paid")
    level_cost: NonNegative = Field(
        default=0.5, description="cost of the privileges of each level held, per customer and review, in money"
    )

    @model_validator(mode="after")
    def _levels_rise(self) -> StatusSpec:
        if any(high <= low for low, high in zip(self.levels, self.levels[1:], strict=False)):
            raise ValueError(f"levels = {list(self.levels)}; allowed: each more than the one before")
        return self


class PrizesSpec(Settings):
    """A prize that every purchase may win."""

    chance: Frac = Field(default=0.001, description="chance that a purchase wins the prize")
    worth: NonNegative = Field(default=200.0, description="worth of the prize to the customer, in money")
    cost: NonNegative = Field(default=200.0, description="cost of the prize to the firm, in money")
    felt: NonNegative = Field(default=1.0, description="how many times its true chance the prize is felt to have")


class ProgrammeSpec(Settings):
    """A loyalty programme: what for, for whom, what is earned, what it is worth and what it costs."""

    goal: str = Field(default="", description="what the programme is for, in words")
    kind: Literal["points", "cash_back", "status", "prizes"] = Field(default="points", description="what members get")
    group: tuple[str, ...] | None = Field(default=None, description="tiers that may take part; by default all")
    points_per_money: Annotated[float, Field(ge=0, le=1e5)] = Field(
        default=1.0, description="points earned per unit of money paid"
    )
    redeem_at: Annotated[int, Field(ge=1, le=10**9)] = Field(
        default=200, description="whole points at which the reward is paid out"
    )
    reward_worth: NonNegative = Field(default=8.0, description="worth of the reward to the customer, in money")
    reward_cost: NonNegative = Field(default=5.0, description="cost of the reward to the firm, in money")
    running_cost: NonNegative = Field(
        default=0.005, description="cost of running the programme, in money per person in the market and period"
    )
    expiry: Lasting | None = Field(
        default=None, description="points expire at the review after so many periods without a purchase"
    )
    coalition: Name | None = Field(
        default=None, description="name of the programme that firms share: points count at all that give the same name"
    )
    clearing: Frac = Field(
        default=1.0, description="share of a reward's cost that the firms whose points were used refund to its giver"
    )
    enrolment: Frac = Field(default=1.0, description="chance at each purchase that a customer takes the card")
    invite: Frac = Field(default=0.0, description="chance that a customer takes the card when invited at the review")
    invite_cost: NonNegative = Field(default=0.2, description="cost of inviting a customer without a card, in money")
    cash_back: CashBackSpec = CashBackSpec()
    status: StatusSpec = StatusSpec()
    prizes: PrizesSpec = PrizesSpec()

    @model_validator(mode="after")
    def _only_points_are_pooled(self) -> ProgrammeSpec:
        if self.kind != "points" and (self.coalition is not None or self.expiry is not None):
            key = "coalition" if self.coalition is not None else "expiry"
            raise ValueError(f'{key} needs a programme of kind "points", not "{self.kind}"')
        return self

    @property
    def uses_cards(self) -> bool:
        """Whether some customers take part and others do not, or not alike."""
        return self.kind == "status" or self.enrolment < 1.0

    @property
    def has_states(self) -> bool:
        """Whether anything must be remembered of customers, or looked up, beside their points."""
        is_paid_later = self.kind == "cash_back" and self.cash_back.paid_at == "review"
        return self.uses_cards or is_paid_later or self.kind == "prizes" or self.expiry is not None


class OccasionSpec(Settings):
    """An event that a firm holds for people on its record: a tasting, a party, a trip, a lecture, a private sale."""

    name: Name = Field(description="name of the event, unlike those of the firm's other events")
    form: str = Field(default="", description="what kind of event, in words")
    at: Period = Field(description="period in which it is first held")
    every: Lasting | None = Field(default=None, description="periods from one to the next; by default it is held once")
    guests: Literal["customers", "newcomers", "lapsed", "record"] = Field(
        default="customers",
        description="who is invited: customers, those who became so since the last review, former customers, or all "
        "who ever bought and are not barred",
    )
    group: tuple[str, ...] | None = Field(
        default=None, description="tiers whose customers are invited; by default all. Former customers have none"
    )
    places: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="guests there is room for, per person in the market; a lot decides if more would come"
    )
    effort: NonNegative = Field(
        default=0.2, description="effort of coming, on the scale of customers.behaviour.distance_spread"
    )
    appeal: Annotated[float, Field(ge=-50, le=50)] = Field(
        default=-1.0, description="utility of coming over staying at home, before effort, attachment and what is given"
    )
    fixed_cost: NonNegative = Field(
        default=0.05, description="cost of holding it, in money per person in the market each time"
    )
    guest_cost: NonNegative = Field(default=2.0, description="cost of a guest, in money")
    warmth: Frac = Field(default=0.2, description="share of the way to full attachment, at full attachment gain")
    trust: Frac = Field(default=0.1, description="share of the way to full trust in the firm's character")
    need: Frac = Field(default=0.0, description="chance that a guest comes to need something at once")

    def is_held(self, period: int) -> bool:
        """Say whether it is held in a period."""
        since = period - self.at
        return since == 0 or (self.every is not None and since > 0 and since % self.every == 0)


def check_tiers(key: str, group: tuple[str, ...] | None, tiers: tuple[str, ...]) -> None:
    """Refuse a group of tiers that is empty or names one that the pyramid lacks.

    Raises
    ------
    ValueError
        If it does.
    """
    if group is not None and not group:
        raise ValueError(f"{key} = []; allowed: one or more of {', '.join(tiers)}")
    for name in group or ():
        if name not in tiers:
            raise ValueError(f'{key} names the tier "{name}", which the pyramid lacks; {nearest(name, tiers)}')


def check_coalitions(programmes: dict[str, ProgrammeSpec]) -> None:
    """Refuse a coalition of one, and one whose firms do not mean the same by a point.

    Parameters
    ----------
    programmes : dict
        Programmes by firm.

    Raises
    ------
    ValueError
        If there is such a coalition.
    """
    members: dict[str, list[str]] = {}
    for firm, programme in programmes.items():
        if programme.coalition is not None:
            members.setdefault(programme.coalition, []).append(firm)
    for coalition, firms in members.items():
        if len(firms) == 1:
            raise ValueError(
                f'firms.{firms[0]}.programme.coalition: no other firm is in "{coalition}"; allowed: two or more'
            )
        for key in ("redeem_at", "reward_worth", "clearing"):
            values = [getattr(programmes[firm], key) for firm in firms]
            if len(set(values)) > 1:
                told = ", ".join(f"{firm} {value:g}" for firm, value in zip(firms, values, strict=True))
                raise ValueError(f'programme.{key} in the coalition "{coalition}" is {told}; allowed: the same for all')
