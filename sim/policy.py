"""What a firm posts: one value per tier of its pyramid, and a few for the whole firm."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PER_TIER: tuple[str, ...] = (
    "service", "discount", "surcharge", "points", "gift", "channel_effort", "channel_cost", "fire", "recovery",
    "goodwill", "contact", "delivery",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A firm's posted policy for the coming periods.

    Parameters
    ----------
    tiers : tuple of str
        Names of the tiers, from the most to the least valuable.
    service : array, shape (n_tiers,)
        Promised service level, 0 to 1.
    discount : array, shape (n_tiers,)
        Share taken off the price, 0 to below 1.
    surcharge : array, shape (n_tiers,)
        Share added to the price, before the discount.
    points : array, shape (n_tiers,)
        Points earned relative to the programme's base rate.
    gift : array, shape (n_tiers,)
        Cost to the firm of what is given at each purchase, in money.
    channel_effort, channel_cost : array, shape (n_tiers,)
        Effort that the tier's channel asks of the customer, and its cost to the firm per purchase, in money.
    fire : array of bool, shape (n_tiers,)
        Whether unprofitable customers of the tier are let go at the review.
    recovery : array, shape (n_tiers,)
        Chance that full service makes good a complaint, 0 to 1.
    goodwill : array, shape (n_tiers,)
        Cost to the firm of what is given, in its own product, when a complaint is made good, in money.
    contact : array, shape (n_tiers,)
        Share of a representative's full attention, 0 to 1.
    delivery : array, shape (n_tiers,)
        Reliability of delivery to businesses, 0 to 1.
    price : float
        Price of one unit of basket, relative to the market's usual price.
    quality : float
        Quality of the product, 0 to 1.
    advertising : float
        Money per person in the market and period.
    welcome : float
        Money given at a first purchase to win a customer.
    """

    tiers: tuple[str, ...]
    service: FloatArray
    discount: FloatArray
    surcharge: FloatArray
    points: FloatArray
    gift: FloatArray
    channel_effort: FloatArray
    channel_cost: FloatArray
    fire: BoolArray
    recovery: FloatArray
    goodwill: FloatArray
    contact: FloatArray
    delivery: FloatArray
    price: float
    quality: float
    advertising: float
    welcome: float

    def __post_init__(self) -> None:
        """Refuse what no firm could post.

        Raises
        ------
        ValueError
            If an array has not one value per tier, a value is not finite or out of its range.
        """
        for name in PER_TIER:
            values = getattr(self, name)
            if values.shape != (len(self.tiers),):
                raise ValueError(f"policy.{name} has shape {values.shape}; allowed: one value per tier {self.tiers}")
            if not np.isfinite(values).all() or (values < 0).any():
                raise ValueError(f"policy.{name} = {values}; allowed: finite values of 0 or more")
        if (self.service > 1).any():
            raise ValueError(f"policy.service = {self.service}; allowed: 0 to 1")
        for name in ("recovery", "contact", "delivery"):
            if (getattr(self, name) > 1).any():
                raise ValueError(f"policy.{name} = {getattr(self, name)}; allowed: 0 to 1")
        if (self.discount >= 1).any():
            raise ValueError(f"policy.discount = {self.discount}; allowed: 0 to below 1")
        if not self.price > 0 or not 0 <= self.quality <= 1 or self.advertising < 0 or self.welcome < 0:
            raise ValueError("policy: price must be positive, quality 0 to 1, advertising and welcome 0 or more")

    def replace(self, **changes: Any) -> Policy:
        """Return this policy with some fields changed; arrays or numbers, a number standing for all tiers."""
        for name in PER_TIER:
            if name in changes:
                dtype = bool if name == "fire" else float
                changes[name] = np.broadcast_to(np.asarray(changes[name], dtype=dtype), (len(self.tiers),)).copy()
        return dataclasses.replace(self, **changes)

    def with_tiers(self, **levers: Mapping[str, float] | None) -> Policy:
        """Return this policy with levers changed in the tiers named: ``with_tiers(service={"gold": 0.8})``."""
        changes: dict[str, Any] = {}
        for lever, by_tier in levers.items():
            values = getattr(self, lever).copy()
            for tier, value in (by_tier or {}).items():
                values[self.tiers.index(tier)] = value
            changes[lever] = values
        return self.replace(**changes)
