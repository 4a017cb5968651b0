"""The seven loyalty types, as priors over how a person behaves.

A type is where a person starts, not a rule they follow: every person varies around the type's means, and behaviour
follows from the same stages of the value chain for all. What sets a type apart is which of its parameters are extreme.

References
----------
Griffin (1995), *Customer Loyalty: How to Earn It, How to Keep It*; Dick & Basu (1994), "Customer loyalty: toward an
integrated conceptual framework", JAMS 22(2). The parameter values are assumed, in the units of logit utility, and
tuned on the default market only as far as the published regularities of repeat-buying markets.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class LoyaltyType(IntEnum):
    """What a customer's loyalty rests on."""

    MONOPOLY = 0
    INERTIA = 1
    LATENT = 2
    CONVENIENCE = 3
    PRICE = 4
    INCENTIVE = 5
    PREMIUM = 6


TYPE_NAMES: tuple[str, ...] = tuple(kind.name.lower() for kind in LoyaltyType)

TYPE_DESCRIPTIONS: dict[str, str] = {
    "monopoly": "stays because no other supplier can be reached; leaves with the first rival that gains access",
    "inertia": "stays to spare the effort of looking; poached by an offer it cannot help seeing",
    "latent": "wants to buy but is held back by a constraint; when it lifts, behaves as premium or convenience",
    "convenience": "stays for nearness and ease of purchase; leaves for an easier rival",
    "price": "buys at the lowest price paid; leaves for any lower one",
    "incentive": "stays while rewards run; leaves when they end or a rival rewards more",
    "premium": "stays for value beyond what is paid; leaves after repeated failures or broken trust",
}

Weight = Annotated[float, Field(ge=0, le=100)]
Frac = Annotated[float, Field(ge=0, le=1)]


def _may_be_given_in_part(schema: dict[str, Any]) -> None:
    """Say in the JSON schema that a file may change any of the keys: the others are the type's own."""
    del schema["required"]


class TypePrior(BaseModel):
    """Mean behaviour of one loyalty type; individuals vary around it by ``customers.behaviour.individual_spread``."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_may_be_given_in_part)

    price_weight: Weight = Field(description="utility lost when the price paid rises by a factor e")
    quality_weight: Weight = Field(description="utility of full product quality over none inside the quality window")
    service_weight: Weight = Field(description="utility of full service over none")
    reward_weight: Weight = Field(description="utility of a reward worth the whole price; 4% back is 0.04 of it")
    effort_weight: Weight = Field(description="utility lost to a unit of buying effort (distance and channel)")
    attachment_weight: Weight = Field(description="utility of full attachment to a firm over none")
    search: Frac = Field(description="chance that a known firm other than the usual one comes to mind at a need")
    attachment_gain: Frac = Field(description="how readily good experience turns into attachment; 0 never")
    tolerance: Annotated[float, Field(ge=0, le=50)] = Field(
        description="unresolved failures in a row that are forgiven before walking out"
    )
    taste_weight: Annotated[float, Field(ge=0, le=10)] = Field(
        description="how much lasting personal taste for a firm counts, relative to customers.behaviour.taste_spread"
    )
    relative_rate: Annotated[float, Field(gt=0, le=100)] = Field(
        description="purchase rate relative to the average customer"
    )


PRIOR_FIELDS: tuple[str, ...] = tuple(TypePrior.model_fields)


def _prior(*values: float) -> TypePrior:
    return TypePrior(**dict(zip(PRIOR_FIELDS, values, strict=True)))


DEFAULT_PRIORS: dict[str, TypePrior] = {
    #                      price quality service reward effort attach search gain tolerance taste rate
    "monopoly": _prior(2.5, 2.0, 1.0, 3.0, 1.0, 1.0, 0.60, 0.05, 1.5, 0.8, 1.0),
    "inertia": _prior(2.5, 1.0, 0.6, 2.0, 1.5, 1.0, 0.02, 0.05, 4.0, 1.0, 0.8),
    "latent": _prior(2.0, 2.0, 1.0, 2.0, 1.0, 1.0, 0.30, 0.10, 1.5, 1.0, 1.0),
    "convenience": _prior(2.5, 1.0, 0.8, 1.8, 7.0, 1.0, 0.40, 0.10, 2.5, 0.8, 1.0),
    "price": _prior(6.5, 1.0, 0.3, 5.0, 0.6, 0.5, 0.90, 0.00, 2.5, 0.4, 1.0),
    "incentive": _prior(2.5, 1.0, 0.6, 16.0, 0.8, 1.0, 0.60, 0.10, 2.5, 0.6, 1.0),
    "premium": _prior(2.0, 3.0, 2.5, 1.5, 0.8, 3.0, 0.25, 1.00, 2.0, 1.3, 1.0),
}


def prior_table(overrides: dict[str, TypePrior]) -> np.ndarray:
    """Return the priors as an array, shape (7 types, n parameters in the order of ``PRIOR_FIELDS``)."""
    rows = [(overrides.get(name) or DEFAULT_PRIORS[name]) for name in TYPE_NAMES]
    return np.array([[getattr(row, field) for field in PRIOR_FIELDS] for row in rows], dtype=np.float64)
