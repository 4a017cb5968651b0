"""Customer value analysis: which attributes matter to whom, and how the firm and each rival perform on them.

A market study asks a sample of people, whosever customers they are, how much each attribute counts when they choose
(importance) and to rate every firm they know (performance): Gale (1994), *Managing Customer Value*; importance against
performance: Martilla & James (1977), Journal of Marketing 41(1). Both answers have the survey's error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.crm.later import Later
from sim.crm.survey import TRUSTS, choose_sample, draw_for, to_normal, with_error
from sim.draws import Stream
from sim.loyalty_types import TYPE_NAMES
from sim.records import STEPS, RecordArray

if TYPE_CHECKING:
    from sim.journey.context import Behaviour
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]

ATTRIBUTES = ("product", "service", "ease", "relationship", "name", "reward", "price")
NO_ROWS = np.empty(0, dtype=np.int64)  # everybody lives in the row of their own place
FULL_REWARD = 0.2  # share of the price given back that people rate as a full reward
NOT_A_CUSTOMER = "not a customer"
COLUMNS = ("period", "group", "name", "attribute", "firm", "importance", "performance", "raters")


@dataclass(frozen=True, slots=True)
class Study:
    """What a sample of the market said in one period.

    Parameters
    ----------
    period : int
        Periods over when they were asked.
    importance : array, shape (n_asked, 7)
        What each attribute counts for, in the order of ``ATTRIBUTES``; of each person they sum to 1.
    performance : array, shape (n_asked, n_firms, 7)
        How each firm is rated, 0 to 1; NaN of firms the person does not know.
    type : array of int, shape (n_asked,)
        The loyalty type that each was born with: the analyst's view, no firm sees it.
    tier : array of int, shape (n_asked, n_firms)
        Index of the tier that each firm holds them in, -1 if they are no customers of it.
    """

    period: int
    importance: FloatArray
    performance: FloatArray
    type: npt.NDArray[np.int64]
    tier: npt.NDArray[np.int64]


#: What a person is offered, as far as attributes depend on it.
OFFERED = (
    "is_open", "prospect", "price", "points_worth", "gift", "gift_worth", "quality_value", "delivered", "support",
    "effort", "image",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A sample of the market at the moment it is asked, from which its answers follow at any time.

    Parameters
    ----------
    seed, period : int
        Of the answers' draws.
    error : float
        Of the survey.
    who : array of int64, shape (n_asked,)
        Identities.
    person, relations : record array, shape (n_asked,) and (n_asked, n_firms)
        As they are.
    offers : record array, shape (n_firms, n_tiers)
        As posted.
    slots : array of int, shape (n_firms,)
        Of the firms' draws.
    behaviour : Behaviour
        The rules of behaviour.
    full_service : float
        The highest level of service there is.
    """

    seed: int
    period: int
    error: float
    who: npt.NDArray[np.int64]
    person: RecordArray
    relations: RecordArray
    offers: RecordArray
    slots: npt.NDArray[np.int64]
    behaviour: Behaviour
    full_service: float

    def answers(self) -> Study:
        """Return what they say.

        Importance is the utility that lies between the worst and the best that can be rated, as a share of the sum over
        attributes. Performance is what the person could have of each firm now.
        """
        n_firms = len(self.offers)
        performance = np.full((self.who.size, n_firms, len(ATTRIBUTES)), np.nan)
        for f in range(n_firms):
            offer = {name: self.offers[name][f, self.relations["tier"][:, f]] for name in OFFERED}
            noise = self._noise(Stream.SAY_PERFORMANCE, int(self.slots[f]))
            rated = with_error(np.clip(self._performance(f, offer), 0.0, 1.0), noise, self.error, 0.0, 1.0)
            is_known = (self.relations["is_aware"][:, f] == 1) | (self.person["usual"] == f)
            is_known &= ((self.person["reach"] >> np.uint32(f)) & 1 == 1) & (offer["is_open"] == 1)
            performance[is_known, f] = rated[is_known]
        return Study(
            period=self.period,
            importance=self._importance(),
            performance=performance,
            type=self.person["type"].astype(np.int64),
            tier=np.where(self.relations["is_active"] == 1, self.relations["tier"], -1).astype(np.int64),
        )

    def _importance(self) -> FloatArray:
        person, behaviour = self.person, self.behaviour
        weight = {
            name: person[f"{name}_weight"].astype(np.float64)
            for name in ("quality", "service", "effort", "attachment", "reward", "price")
        }
        counts = np.column_stack(
            [
                weight["quality"],
                weight["service"] * self.full_service,
                weight["effort"],
                weight["attachment"] + behaviour.trust_weight,
                np.full(len(person), behaviour.image_weight + behaviour.opinion_weight),
                weight["reward"] * FULL_REWARD,
                weight["price"],
            ]
        )
        counts *= np.exp(self.error * self._noise(Stream.SAY_IMPORTANCE, 0))
        total = counts.sum(axis=1, keepdims=True)
        shares: FloatArray = np.divide(
            counts, total, out=np.full_like(counts, 1.0 / len(ATTRIBUTES)), where=total > 0.0
        )
        return shares

    def _performance(self, f: int, offer: dict[str, npt.NDArray[Any]]) -> FloatArray:
        """Return how firm ``f`` does on each attribute, shape (n_asked, 7)."""
        person, own = self.person, self.relations[:, f]
        trust = (sum(own[name] / STEPS for name in TRUSTS) + offer["prospect"]) / 4.0
        paid = person["basket"] * offer["price"]
        back = offer["points_worth"] + offer["gift"] * offer["gift_worth"] / np.where(paid > 0.0, paid, np.inf)
        return np.column_stack(
            [
                offer["quality_value"],
                (offer["delivered"] + offer["support"]) / self.full_service,
                1.0 - own["distance"] / STEPS - offer["effort"],
                (own["attachment"] + trust) / 2.0,
                (offer["image"] + (1.0 + own["opinion"] / STEPS) / 2.0) / 2.0,
                back / FULL_REWARD,
                0.5 - np.log(offer["price"] / np.exp(person["log_reference"].astype(np.float64))),
            ]
        )

    def _noise(self, first: Stream, slot: int) -> FloatArray:
        """Return a standard normal draw for each person and attribute, shape (n_asked, 7)."""
        noise = np.empty((8, self.who.size))
        for rows, stream in ((noise[:4], int(first)), (noise[4:], int(first) + 4)):
            draw_for(self.seed, stream, self.period, self.who, slot, rows)
            to_normal(rows)
        return noise[: len(ATTRIBUTES)].T


def study(market: Market) -> Later[Study]:
    """Ask a sample of the market, drawn and answering by the streams ``ASKED_OF_MARKET`` and ``SAY_IMPORTANCE`` on.

    Whom it asks, and how they are then, is noted now; what they say is worked out when somebody wants to know.
    """
    births, business = market.town.people["birth"].copy(), market.scenario.customers.business
    row = choose_sample(
        market.seed_used, int(Stream.ASKED_OF_MARKET), market.period, births, NO_ROWS, 0, market.scenario.survey.sample
    )
    asked = Asked(
        seed=market.seed_used,
        period=market.period,
        error=market.scenario.survey.error,
        who=(births[row].astype(np.int64) << 32) | row,
        person=market.town.people[row],
        relations=market.town.relations[row],
        offers=market.offers.copy(),
        slots=market.origins.firm_slots,
        behaviour=market.behaviour,
        full_service=business.full_service if business else 1.0,
    )
    return Later(asked.answers)


def tabulate(studies: Sequence[Later[Study]], firms: Sequence[str], focal: int, tiers: Sequence[str]) -> pd.DataFrame:
    """Return the answers by segment: all, each tier of the focal firm, and each loyalty type.

    Parameters
    ----------
    studies : sequence of studies, made when asked for
        In the order of time.
    firms : sequence of str
        Names of the firms.
    focal : int
        Index of the firm whose tiers are segments.
    tiers : sequence of str
        Names of its tiers.

    Returns
    -------
    DataFrame
        One row per period, segment (``group`` and ``name``), attribute and firm: ``importance`` (mean share over the
        segment), ``performance`` (mean rating, 0 to 1) and ``raters``, the people of the segment who know the firm.
    """
    frames = []
    for each in (study.made for study in studies):
        in_tier = np.where(each.tier[:, focal] < 0, len(tiers), each.tier[:, focal])
        for group, names, of in (
            ("all", ("all",), np.zeros(len(each.type), dtype=np.int64)),
            ("tier", (*tiers, NOT_A_CUSTOMER), in_tier),
            ("type", TYPE_NAMES, each.type),
        ):
            for k, name in enumerate(names):
                is_in = of == k
                if is_in.any():
                    frames.append(_of_segment(each, is_in, firms, group, name))
    if not frames:
        return pd.DataFrame(columns=list(COLUMNS))
    columns = {name: np.concatenate([frame[name] for frame in frames]) for name in COLUMNS}
    return pd.DataFrame(columns)


def _of_segment(
    each: Study, is_in: npt.NDArray[np.bool_], firms: Sequence[str], group: str, name: str
) -> dict[str, npt.NDArray[np.generic]]:
    n_firms, n = len(firms), len(firms) * len(ATTRIBUTES)
    rated = each.performance[is_in]
    raters = (~np.isnan(rated[:, :, 0])).sum(axis=0)
    sums = np.nansum(rated, axis=0)
    mean = np.divide(sums, raters[:, None], out=np.full_like(sums, np.nan), where=raters[:, None] > 0)
    return {
        "period": np.full(n, each.period),
        "group": np.full(n, group, dtype=object),
        "name": np.full(n, name, dtype=object),
        "attribute": np.tile(np.array(ATTRIBUTES, dtype=object), n_firms),
        "firm": np.repeat(np.array(firms, dtype=object), len(ATTRIBUTES)),
        "importance": np.tile(each.importance[is_in].mean(axis=0), n_firms),
        "performance": mean.reshape(-1),
        "raters": np.repeat(raters, len(ATTRIBUTES)),
    }
