"""What all pyramids share: named tiers and a review cycle; and those that cut a ranking into tiers from the top."""

from __future__ import annotations

from itertools import accumulate
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sim.settings import Frac, Settings

RANKING_KEYS: dict[str, str] = {
    "volume": "number of purchases (the classic A/B/C analysis)",
    "revenue": "money paid",
    "profit": "own margin after the cost of serving",
    "total_contribution": "own profit plus the margin credited for word of mouth",
    "lifetime_value": "own profit to come, discounted, as the firm's records foretell it",
}

FloatArray = npt.NDArray[np.float64]
Name = Annotated[str, Field(min_length=1, pattern=r"^\w[\w -]*$")]
BEYOND_REACH = 1e300  # the cut of a tier that nobody belongs to


class Pyramid(Settings):
    """A customer pyramid: tiers from the top down, re-assigned on a review cycle."""

    review_every: Annotated[int, Field(ge=1, le=10_000)] = Field(default=13, description="periods between reviews")
    hysteresis: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.1, description="how far past a cut, relatively, a customer must be to change tier"
    )
    memory: Frac = Field(default=0.75, description="share of the record kept from one review to the next")

    @property
    def tiers(self) -> tuple[str, ...]:
        """Names of the tiers, from the most to the least valuable."""
        raise NotImplementedError

    @property
    def entry_tier(self) -> int:
        """Index of the tier in which a new customer starts."""
        raise NotImplementedError

    def asks_for(self, name: str) -> bool:
        """Say whether a condition of a tier is about what a name in ``OBSERVED`` stands for; of a ranking none is."""
        return False


class RankedPyramid(Pyramid):
    """A pyramid that ranks the customers by one key and cuts the ranking."""

    rank_by: Literal["volume", "revenue", "profit", "total_contribution", "lifetime_value"] = Field(
        default="profit", description="what customers are ranked by"
    )

    @property
    def entry_tier(self) -> int:
        """Index of the tier in which a new customer starts: above the bottom if there are more than two tiers."""
        n_tiers = len(self.tiers)
        return n_tiers - 2 if n_tiers > 2 else n_tiers - 1

    def cuts(self, scores: FloatArray) -> FloatArray:
        """Return the least score of each tier but the lowest.

        Parameters
        ----------
        scores : array of floats, shape (n_customers_of_the_firm,)
            The ranking key of each of the firm's customers.

        Returns
        -------
        array, shape (n_tiers - 1,)
            Falling: a customer is in the highest tier whose cut the score reaches.
        """
        raise NotImplementedError


def cuts_by_share(scores: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the scores that leave ``shares`` of the customers in each tier, top tier first."""
    n = scores.size
    if n == 0:
        return np.full(shares.size - 1, BEYOND_REACH)
    rising = np.sort(scores)  # quicker than to part them at every cut
    n_above = [round(share * n) for share in accumulate(shares.tolist()[:-1])]
    return np.array([float(rising[min(max(n - above, 0), n - 1)]) if above > 0 else BEYOND_REACH for above in n_above])


def check_shares(shares: dict[str, float], tiers: tuple[str, ...]) -> None:
    """Refuse shares that name other tiers or do not sum to one.

    Raises
    ------
    ValueError
        If a tier is missing or unknown, or the shares do not sum to 1.
    """
    if set(shares) != set(tiers):
        raise ValueError(f"shares name the tiers {sorted(shares)}; allowed: each of {', '.join(tiers)}")
    if abs(sum(shares.values()) - 1.0) > 1e-9:
        raise ValueError(f"shares sum to {sum(shares.values()):.6g}; allowed: shares that sum to 1")
