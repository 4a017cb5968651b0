"""What the stages of the journey read: the firms' offers, the rules of behaviour, the clock, and what was said."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.records import NOBODY, own_pages

if TYPE_CHECKING:
    from sim.settings import CustomersSpec

OFFER = np.dtype(
    [
        (name, "f8")
        for name in (
            # the firm's, the same in every tier
            "quality", "quality_value", "inconsistency", "image", "prospect", "ad_reach", "unit_cost", "risk",
            "gift_worth", "complaint_cost", "complaint_ease", "welcome", "points_per_money", "points_worth",
            "redeem_at", "reward_cost", "clearing", "prize", "readiness", "win_back",
            # the tier's
            "service", "delivered", "list_price", "price", "log_price", "gift", "points", "effort", "channel_cost",
            "recovery", "goodwill", "failure_rate", "credit_worth", "commission",
            "support",  # what a business gets besides service, in levels of service
            # 0: the tier has no programme; 1: all take part; 2: who has a card does
            "programme",
            # of what members get: whether any of the rest is not 0; shares of what is paid
            "perks", "cash_back", "cash_at_once", "esteem",
        )
    ]
    + [("is_open", "i8"), ("slot", "i8"), ("entry_tier", "i8"), ("coalition", "i8")],
    align=True,
)  # fmt: skip


class Market(NamedTuple):
    """What firms have posted, as compiled kernels see it."""

    offers: npt.NDArray[np.void]  # shape (n_firms, n_tiers) of OFFER; tiers a firm lacks are never read
    exposure: npt.NDArray[np.float64]  # shape (n_periods + 1, n_firms): advertising contacts per person before a period
    norm: float  # experience that the market's firms promise a newcomer, on average
    cards: npt.NDArray[
        np.int8
    ]  # shape (n_customers, n_firms): 0, or 1 + the level of status; (1, 1) without programmes
    called_back: npt.NDArray[np.int8]  # shape (n_customers, n_firms): 1 for who is offered to come back; or (1, 1)


class Behaviour(NamedTuple):
    """The rules of behaviour of all customers, in the order they are used; units as in ``BehaviourSpec``."""

    activity_window: int
    constrained_rate: float
    forget_rate: float
    alert_search: float
    log_price_jump: float  # ln(1 + price_jump)
    price_jump_spread: float
    absolute_price: float
    image_weight: float
    trust_weight: float
    opinion_weight: float
    habit_weight: float
    unfamiliarity_weight: float
    goal_pull: float
    outside_utility: float
    reference_speed: float
    habit_speed: float
    service_in_experience: float
    failure_severity: float
    complaint_rate: float
    complaint_attachment: float
    recovery_repair: float
    strike_fade: float
    quit_periods: int
    zone_of_tolerance: float
    disconfirmation_scale: float
    satisfaction_speed: float
    expectation_speed: float
    attachment_rise: float
    attachment_fall: float
    bond: float
    liking: float
    trust_rise: float
    trust_fall: float
    praise_rate: float
    grievance_rate: float
    influence: float
    relay_rate: float
    relay_steps: int
    credit_share: float
    credit_window: int


def behaviour_of(customers: CustomersSpec) -> Behaviour:
    """Gather the rules of behaviour from the settings."""
    source = {**customers.behaviour.model_dump(), **{k: getattr(customers, k) for k in type(customers).model_fields}}
    source["log_price_jump"] = math.log(1.0 + customers.behaviour.price_jump)
    return Behaviour(**{name: source[name] for name in Behaviour._fields})


class Clock(NamedTuple):
    """Where a kernel stands: the run's seed and the period."""

    seed: int
    period: int


class Said(NamedTuple):
    """What people say this period and will pass on in the next, and what they owe to what was said."""

    firm: npt.NDArray[np.int8]  # shape (n_customers,), the firm spoken of, or NOBODY; so are the six that follow
    valence: npt.NDArray[np.int16]  # in steps, wholly bad (-1) to wholly good (1)
    steps: npt.NDArray[np.int8]  # ties the word has travelled already
    next_firm: npt.NDArray[np.int8]
    next_valence: npt.NDArray[np.int16]
    next_steps: npt.NDArray[np.int8]
    has_news: npt.NDArray[np.bool_]  # a neighbour speaks
    n_credits: npt.NDArray[np.int64]  # shape (n_blocks,): purchases of the block's people that praise led to
    credit_buyer: npt.NDArray[np.int32]  # shape (n_customers,): rows; each block's list is in its people's places
    credit_firm: npt.NDArray[np.int8]
    credit_money: npt.NDArray[np.float32]
    credit_is_first: npt.NDArray[np.bool_]  # the buyer never bought there before


class Roll(NamedTuple):
    """Who bought and who moved in this period, listed for levers that ask: they need not look at everybody."""

    n_buyers: npt.NDArray[np.int64]  # shape (n_blocks,): people of the block who bought, and did not walk out
    n_movers: npt.NDArray[np.int64]  # shape (n_blocks,): people who took the place of somebody who moved away
    buyer: npt.NDArray[np.int32]  # shape (n_customers,), or (0,) if no lever asks: rows, rising within a block, ...
    mover: npt.NDArray[np.int32]  # ... from its first row on


def empty_roll(n_blocks: int, n_customers: int) -> Roll:
    """Return a roll with room for ``n_customers``, or for nobody if no lever asks."""
    return Roll(
        n_buyers=np.zeros(n_blocks, dtype=np.int64),
        n_movers=np.zeros(n_blocks, dtype=np.int64),
        buyer=own_pages(n_customers, np.int32),
        mover=own_pages(n_customers, np.int32),
    )


def silence(n_customers: int, n_blocks: int) -> Said:
    """Return what is said when nobody speaks."""
    return Said(
        firm=np.full(n_customers, NOBODY, dtype=np.int8),
        valence=np.zeros(n_customers, dtype=np.int16),
        steps=np.zeros(n_customers, dtype=np.int8),
        next_firm=np.full(n_customers, NOBODY, dtype=np.int8),
        next_valence=np.zeros(n_customers, dtype=np.int16),
        next_steps=np.zeros(n_customers, dtype=np.int8),
        has_news=np.zeros(n_customers, dtype=np.bool_),
        n_credits=np.zeros(n_blocks, dtype=np.int64),
        credit_buyer=own_pages(n_customers, np.int32),
        credit_firm=own_pages(n_customers, np.int8),
        credit_money=own_pages(n_customers, np.float32),
        credit_is_first=own_pages(n_customers, np.bool_),
    )
