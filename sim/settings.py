"""What a user may set about customers and events: the conditions of the market, which no firm can choose."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from sim.errors import nearest
from sim.loyalty_types import DEFAULT_PRIORS, PRIOR_FIELDS, TYPE_NAMES, TypePrior

Frac = Annotated[float, Field(ge=0, le=1)]
MOST = 1e9  # no setting in money or utility needs more, and sums of it stay exact enough to balance
Factor = Annotated[float, Field(ge=0.01, le=100)]
Positive = Annotated[float, Field(gt=0, le=MOST)]
NonNegative = Annotated[float, Field(ge=0, le=MOST)]
LEAST_SPEED = 0.001  # slower, and a change would be lost between the steps in which states are kept


def _is_fast_enough(speed: float) -> float:
    if 0 < speed < LEAST_SPEED:
        raise ValueError(f"too slow; allowed: 0, or from {LEAST_SPEED} to 1")
    return speed


Speed = Annotated[float, Field(ge=0, le=1), AfterValidator(_is_fast_enough)]
Period = Annotated[int, Field(ge=0, le=30_000)]
Lasting = Annotated[int, Field(ge=1, le=30_000)]


def _parts(annotation: Any) -> set[Any]:
    """Return the types that an annotation is made of."""
    inner = get_args(annotation)
    return set().union(*(_parts(part) for part in inner)) if inner else {annotation}


@cache
def _numbers_of(model: type[BaseModel]) -> frozenset[str]:
    """Return the settings of a group that hold numbers, alone or in lists and tables, and nothing true or false."""
    kinds = {name: _parts(field.annotation) for name, field in model.model_fields.items()}
    return frozenset(name for name, each in kinds.items() if each & {int, float} and bool not in each)


def _in_words(value: Any) -> Any:
    """Return a value with true and false as words, in lists and tables too."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return {key: _in_words(each) for key, each in value.items()}
    return [_in_words(each) for each in value] if isinstance(value, list) else value


class Settings(BaseModel):
    """A group of settings: fixed once read, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, values: Any) -> Any:
        """Leave true and false, which Python would take for 1 and 0, as words where a number is asked for."""
        if not isinstance(values, dict):
            return values
        numbers = _numbers_of(cls)
        return {key: _in_words(value) if key in numbers else value for key, value in values.items()}

    def refuse_without(self, needed: str, *keys: str) -> None:
        """Refuse settings that are given where the one that gives them a meaning is not even named.

        Settings in full, which name every key, are not refused.

        Raises
        ------
        ValueError
            If any of ``keys`` is given, and ``needed`` is not.
        """
        for key in keys:
            if key in self.model_fields_set and needed not in self.model_fields_set:
                raise ValueError(f"{key} = {getattr(self, key)!r} has no effect by itself; allowed: with {needed}")


class DemandSpec(Settings):
    """How often people buy and how much: given by hand, or fitted to a purchase log."""

    mean_rate: Positive = Field(
        default=0.25, description="needs per person and period, averaged over people; at most one is met in a period"
    )
    rate_shape: Positive = Field(
        default=0.9, description="shape of the gamma distribution of rates over people; smaller is more unequal"
    )
    mean_basket: Positive = Field(default=30.0, description="money spent at a need at price 1, averaged over people")
    basket_shape: Annotated[float, Field(ge=0.2, allow_inf_nan=False)] = Field(
        default=2.0, description="shape of the gamma distribution of baskets over people; smaller is more unequal"
    )
    transactions: Path | None = Field(
        default=None,
        description="a purchase log (CSV: customer, date, amount); rates (NBD) and baskets (Gamma-Gamma) are fitted "
        "to it and replace the four values above. Relative to the scenario's folder",
    )
    period_days: Positive = Field(default=7.0, description="days in one period of the market, for reading the log")
    until: str | None = Field(default=None, description="use the log up to this date only (YYYY-MM-DD)")

    @model_validator(mode="after")
    def _log_is_named(self) -> DemandSpec:
        self.refuse_without("transactions", "period_days", "until")
        return self


class BehaviourSpec(Settings):
    """How people weigh, learn, forgive, forget and talk: the same for all types."""

    individual_spread: NonNegative = Field(default=0.3, description="log-scale spread of a person around the type")
    taste_spread: NonNegative = Field(default=1.0, description="persistent leaning to each firm, in utility")
    distance_spread: Frac = Field(default=0.6, description="buying effort to a firm is uniform on 0 to this")
    outside_utility: float = Field(default=-2.0, ge=-50, le=50, description="utility of not buying at a need")
    image_weight: NonNegative = Field(default=0.5, description="utility of full brand image over none")
    trust_weight: NonNegative = Field(default=1.0, description="utility of full trust over none")
    opinion_weight: NonNegative = Field(default=1.0, description="utility of fully good over neutral word of mouth")
    habit_weight: NonNegative = Field(default=0.4, description="utility of a full habit over none")
    unfamiliarity_weight: NonNegative = Field(default=0.3, description="utility lost on a firm never bought from")
    goal_pull: NonNegative = Field(
        default=0.5, description="how much a reward gains, relatively, as its threshold nears (goal gradient)"
    )
    quality_floor: Frac = Field(default=0.2, description="a product of lower quality is refused")
    quality_want: Frac = Field(default=0.9, description="quality above this costs but is not valued")
    service_in_experience: NonNegative = Field(default=0.5, description="weight of delivered service in an experience")
    alert_search: Frac = Field(default=0.8, description="least search after a shock, and when there is no usual firm")
    price_jump: NonNegative = Field(default=0.05, description="rise over the reference price that makes people look")
    price_jump_spread: Annotated[float, Field(ge=0, le=5)] = Field(
        default=1.0, description="log-scale spread over people of that rise; 0: it is the same for all"
    )
    absolute_price: Frac = Field(
        default=1.0,
        description="share of the weight of price that goes by the price itself, relative to the market's usual 1; the "
        "rest goes by what the person is used to, which in time follows any price",
    )
    reference_speed: Frac = Field(default=0.2, description="share of the way the reference price moves at a purchase")
    habit_speed: Speed = Field(default=0.15, description="share of the way habit moves at a purchase")
    zone_of_tolerance: NonNegative = Field(default=0.08, description="difference from expectation that goes unnoticed")
    disconfirmation_scale: Positive = Field(default=0.3, description="difference from expectation felt as complete")
    satisfaction_speed: Speed = Field(default=0.2, description="weight of the latest experience in satisfaction")
    expectation_speed: Frac = Field(default=0.15, description="share of the way expectation drifts to experience")
    attachment_rise: Frac = Field(default=0.12, description="rise of attachment at a wholly positive experience")
    attachment_fall: Frac = Field(default=0.20, description="fall of attachment at a wholly negative experience")
    bond: NonNegative = Field(
        default=1.0, description="attachment built by being served better than elsewhere, relative to by surprise"
    )
    liking: NonNegative = Field(
        default=0.1, description="experience added by a unit of personal taste, where it is compared with elsewhere"
    )
    trust_rise: Speed = Field(default=0.03, description="share of the way trust rises at a kept promise")
    trust_fall: Speed = Field(default=0.25, description="share of the way trust falls at a broken one")
    failure_severity: NonNegative = Field(default=0.5, description="experience lost to a failure")
    complaint_rate: Frac = Field(default=0.3, description="chance of complaining of a failure without attachment")
    complaint_attachment: Frac = Field(default=0.4, description="added chance of complaining at full attachment")
    recovery_repair: Annotated[float, Field(ge=0, le=2)] = Field(
        default=0.8, description="share of a failure's severity that a successful recovery gives back"
    )
    strike_fade: Frac = Field(default=0.7, description="share of past failures still remembered after a good purchase")
    quit_periods: Period = Field(default=52, description="periods a customer who walked out stays away")
    forget_rate: NonNegative = Field(default=0.004, description="rate per period of forgetting a firm not bought from")
    praise_rate: Frac = Field(default=0.25, description="chance of praising after a purchase at full attachment")
    grievance_rate: Frac = Field(default=0.15, description="chance of telling a wholly negative experience")
    influence: Speed = Field(default=0.15, description="share of the way an opinion moves to what a strong tie says")
    relay_rate: Frac = Field(default=0.10, description="chance that a listener passes a grievance on")
    relay_steps: Annotated[int, Field(ge=0, le=10)] = Field(
        default=2, description="ties a grievance travels after the first"
    )
    credit_share: Frac = Field(default=0.5, description="share of a listener's margin credited to who praised the firm")
    credit_window: Period = Field(default=26, description="periods after praise in which it earns credit")


class BusinessBuyersSpec(Settings):
    """What customers who are businesses weigh besides what households do."""

    delivery: NonNegative = Field(default=0.5, description="worth of fully reliable delivery, relative to full service")
    know_how: NonNegative = Field(default=0.8, description="worth of full know-how, relative to full service")
    time_to_market: NonNegative = Field(
        default=0.7, description="worth of the shortest time to market, relative to full service"
    )
    personal_contact: NonNegative = Field(
        default=1.0, description="worth of a representative's full attention, relative to full service"
    )
    risk: NonNegative = Field(default=1.0, description="utility lost on a supplier that is a full risk")
    late_rate: Frac = Field(
        default=0.1, description="chance that a purchase fails the customer by coming late, if nothing is done for it"
    )

    @property
    def full_service(self) -> float:
        """Full service and all that goes with it, in levels of service."""
        return 1.0 + self.delivery + self.know_how + self.time_to_market + self.personal_contact


class LifeStageSpec(Settings):
    """A stage of life: who is in it, how long, and by which factors it multiplies what is a person's own."""

    name: Annotated[str, Field(min_length=1, max_length=40, description="name of the stage")]
    share: Frac = Field(description="share of the first people who are in it; sums to 1 over the stages")
    newcomers: Frac | None = Field(
        default=None, description="share of those who move in who are in it; by default like share"
    )
    lasts: Annotated[float, Field(ge=1, le=1e6)] | None = Field(
        default=None, description="periods, on average, until a person moves on to the next stage; by default for good"
    )
    needs: Factor = Field(default=1.0, description="factor of needs per period")
    basket: Factor = Field(default=1.0, description="factor of what is spent at a need")
    talk: Factor = Field(default=1.0, description="factor of talkativeness")
    price: Factor = Field(default=1.0, description="factor of the weight of price")
    quality: Factor = Field(default=1.0, description="factor of the weight of quality")
    service: Factor = Field(default=1.0, description="factor of the weight of service")
    reward: Factor = Field(default=1.0, description="factor of the weight of rewards")
    effort: Factor = Field(default=1.0, description="factor of the weight of effort")


class CustomersSpec(Settings):
    """The people of the market."""

    count: int = Field(default=5000, ge=1, le=50_000_000, description="people in the market")
    mix: dict[str, Frac] = Field(
        default={
            "monopoly": 0.05, "inertia": 0.25, "latent": 0.05, "convenience": 0.15,
            "price": 0.20, "incentive": 0.15, "premium": 0.15,
        },
        description="share of each loyalty type; sums to 1",
    )  # fmt: skip
    types: dict[str, TypePrior] = Field(default={}, description="changed priors, by type: any of a prior's keys")
    turnover: Frac = Field(default=0.001, description="chance per period that a person moves away and is replaced")
    activity_window: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=39, description="a customer of a firm has bought from it within this many periods"
    )
    captive_to: str | None = Field(
        default=None, description="the firm that monopoly customers can reach; by default each can reach a random one"
    )
    constrained_rate: Frac = Field(
        default=0.1, description="share of needs that a latent customer's constraint lets by"
    )
    release_rate: Frac = Field(default=0.0, description="chance per period that a constraint lifts by itself")
    latent_premium: Frac = Field(default=0.5, description="share of latent customers who are premium underneath")
    talkativeness_shape: Annotated[float, Field(gt=1.0, le=1000)] = Field(
        default=2.5, description="tail of the Pareto distribution of talkativeness (mean 1); smaller is heavier"
    )
    life_stages: Annotated[tuple[LifeStageSpec, ...], Field(max_length=12)] = Field(
        default=(), description="stages of life, in the order in which people move through them; by default none"
    )
    demand: DemandSpec = DemandSpec()
    behaviour: BehaviourSpec = BehaviourSpec()
    business: BusinessBuyersSpec | None = Field(
        default=None, description="what businesses weigh besides; by default customers are households"
    )

    @field_validator("mix")
    @classmethod
    def _mix_sums_to_one(cls, mix: dict[str, float]) -> dict[str, float]:
        for name in mix:
            if name not in TYPE_NAMES:
                raise ValueError(f'unknown loyalty type "{name}"; {nearest(name, TYPE_NAMES)}')
        if abs(sum(mix.values()) - 1.0) > 1e-9:
            raise ValueError(f"shares sum to {sum(mix.values()):.6g}; allowed: shares that sum to 1")
        return mix

    @field_validator("types", mode="before")
    @classmethod
    def _complete_priors(cls, types: Any) -> Any:
        if not isinstance(types, dict):
            return types
        completed = {}
        for name, prior in types.items():
            if name not in TYPE_NAMES:
                raise ValueError(f'unknown loyalty type "{name}"; {nearest(name, TYPE_NAMES)}')
            if isinstance(prior, dict):
                for key in prior:
                    if key not in PRIOR_FIELDS:
                        raise ValueError(f'{name}: unknown key "{key}"; {nearest(key, PRIOR_FIELDS)}')
                prior = {**DEFAULT_PRIORS[name].model_dump(), **_in_words(prior)}
            completed[name] = prior
        return completed

    @field_validator("life_stages")
    @classmethod
    def _stages_follow_each_other(cls, stages: tuple[LifeStageSpec, ...]) -> tuple[LifeStageSpec, ...]:
        names = [stage.name for stage in stages]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two stages are called "{name}"; allowed: each name once')
        if stages and stages[-1].lasts is not None:
            raise ValueError(f'the last, "{names[-1]}", has lasts = {stages[-1].lasts:g}; allowed: none, for good')
        if len({stage.newcomers is None for stage in stages}) > 1:
            raise ValueError("newcomers is given for some stages; allowed: for all, or for none")
        for key in ("share", "newcomers"):
            shares = [getattr(stage, key) for stage in stages if getattr(stage, key) is not None]
            if shares and abs(sum(shares) - 1.0) > 1e-9:
                raise ValueError(f"{key} sums to {sum(shares):.6g} over the stages; allowed: shares that sum to 1")
        return stages

    @model_validator(mode="after")
    def _window_is_sane(self) -> CustomersSpec:
        if self.behaviour.quality_floor >= self.behaviour.quality_want:
            raise ValueError("behaviour.quality_floor must be below behaviour.quality_want")
        return self


class SurveySpec(Settings):
    """What samples of each firm's customers, at the end of a run, and of the market, on the way, are asked."""

    sample: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=400,
        description="customers of each firm, and people of the market, who are asked; all of them if there are fewer",
    )
    error: Frac = Field(
        default=0.1, description="standard deviation of an answer's error, as a share of the width of its scale"
    )
    every: Annotated[int, Field(ge=0, le=30_000)] = Field(
        default=52,
        description="periods between studies of the whole market, from the end of the warm-up on; 0: only at the end",
    )
