"""What conditions of levels can be about: what the firm's records hold, and what its customers answer when asked."""

from __future__ import annotations

import math
from typing import Literal, get_args

#: Quantities with a scale that needs no other customer to be read, so that a level can ask for a least value.
Measured = Literal[
    "repeats", "tenure", "recency", "referral", "life_stage", "stages_ahead", "satisfaction", "closeness",
    "trust", "attitude", "repute", "fit", "share",
]  # fmt: skip
#: Those, and quantities in units of purchases on record or of the currency, of which a level can ask a place.
Observed = Literal[
    "volume", "revenue", "profit", "total_contribution", "lifetime_value", "potential", "repeats", "tenure", "recency",
    "referral", "life_stage", "stages_ahead", "satisfaction", "closeness", "trust", "attitude", "repute", "fit",
    "share",
]  # fmt: skip

MEASURED: tuple[str, ...] = get_args(Measured)
OBSERVED: tuple[str, ...] = get_args(Observed)
#: Known for certain, of customers who have stages of life: no margin is asked for to rise.
FACTS: tuple[str, ...] = ("life_stage", "stages_ahead")
#: The greatest value there can be.
SCALES: dict[str, float] = {name: math.inf if name in ("repeats", "tenure", *FACTS) else 1.0 for name in MEASURED}
