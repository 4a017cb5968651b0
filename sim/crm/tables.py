"""What the firms know of their customers at the end of a run, as tidy tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.crm import elasticity, loyalty, survey, value
from sim.crm.deferred import Deferred, deferred_of
from sim.crm.later import Later
from sim.crm.records import Records, cohorts_of, records_of
from sim.loyalty_types import TYPE_NAMES

if TYPE_CHECKING:
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Columns = Mapping[str, Sequence[Any] | npt.NDArray[Any]]

N_TYPES = len(TYPE_NAMES)
PART_NAMES = ("historical", "current", "basic_future", "influence", "credit", "loyalty", "elasticity")


@dataclass(frozen=True, eq=False)
class Firmfile:
    """What one firm knows of its customers, and beside it the truth that only the analyst sees.

    Parameters
    ----------
    name : str
        The firm.
    tiers : tuple of str
        Names of its tiers.
    records : Records
        Its records.
    answers : Answers
        What those asked said.
    gained, still : array, shape (n_periods,)
        Customers who joined in each period, and those of them who have never left.
    no_rival_before : int
        First period in which a rival could be bought from.
    n_rivals : int
        Other firms in the market.
    window : int
        Periods within which a customer has bought.
    discount_rate : float
        By how much money to come loses per period.
    true_type : array of int, shape (n_customers_of_the_firm,)
        The types that customers were born with: no firm sees them.
    cycles : Later of Cycles
        What it spent on service and was paid, by review cycle and tier.
    deferred : Deferred or None
        What its customers owe, if it gives them credit.
    """

    name: str
    tiers: tuple[str, ...]
    records: Records
    answers: survey.Answers
    gained: FloatArray
    still: FloatArray
    no_rival_before: int
    n_rivals: int
    window: int
    discount_rate: float
    true_type: IntArray
    cycles: Later[elasticity.Cycles]
    deferred: Deferred | None

    @cached_property
    def survival(self) -> FloatArray:
        """Share of joiners left at each age, by the firm's own cohorts."""
        return value.survival_curve(self.gained, self.still)

    @cached_property
    def value(self) -> value.Value:
        """What each customer is worth."""
        own, window = self.records, self.window
        worth = value.annuity(self.survival, self.discount_rate)
        cost: FloatArray | float = 0.0
        if self.deferred is not None:
            cost = value.cost_of_credit(self.deferred, own.revenue, own.length, worth[own.tenure], window)
        gain = self.gains[own.tier]
        return value.customer_value(own.margin, own.credit, own.length, own.tenure, worth, window, cost, gain)

    @cached_property
    def elasticities(self) -> list[elasticity.Elasticity]:
        """Value elasticity of service, by tier."""
        cycles = self.cycles.made
        return [elasticity.value_elasticity(*of) for of in zip(cycles.spent.T, cycles.paid.T, strict=True)]

    @property
    def gains(self) -> FloatArray:
        """What a tenth more spent on serving would bring beyond its cost, per customer and period, by tier."""
        cycles = self.cycles.made
        spent = cycles.spent[-1] if len(cycles.spent) else np.full(len(self.tiers), np.nan)
        of_tier = zip(self.elasticities, cycles.left.tolist(), spent.tolist(), strict=True)
        return np.array([elasticity.gain(*each) for each in of_tier])

    @cached_property
    def diagnosed(self) -> IntArray:
        """The loyalty type of each customer: by the answers of those asked, of the others by the records alone."""
        own, said, place = self.records, self.answers, self.answers.place
        had_no_rival = own.since < self.no_rival_before
        told = loyalty.diagnose_by_records(own.repeats, own.tenure, own.credit, had_no_rival, self.window)
        told[place] = loyalty.diagnose_by_answers(
            said.price_sensitivity,
            (said.choice_time - 1.0) / max(1, self.n_rivals),
            said.tolerance,
            said.attitude,
            said.rival_attitude,
            np.divide(own.repeats[place], said.wish, out=np.zeros_like(said.wish), where=said.wish > 0.0),
            own.tenure[place] < self.window,
            had_no_rival[place],
        )
        return told

    @cached_property
    def measures(self) -> FloatArray:
        """The five measures of loyalty of those asked, shape (n_asked, 5), in the order of ``MEASURES``."""
        said = self.answers
        repeats = self.records.repeats[said.place]
        return np.column_stack([repeats, said.choice_time, said.price_sensitivity, said.rival_attitude, said.tolerance])

    @cached_property
    def patronage(self) -> IntArray:
        """Dick & Basu's kind of loyalty of those asked."""
        said = self.answers
        return loyalty.patronage_of(said.attitude, said.rival_attitude, self.records.repeats[said.place], said.wish)

    @cached_property
    def quadrant(self) -> tuple[FloatArray, FloatArray, IntArray]:
        """Of those asked: money paid here in a window, money that could be won more, and the quadrant."""
        own, place = self.records, self.answers.place
        current = own.revenue[place] / own.length[place] * self.window
        unmet = np.maximum(0.0, self.answers.wish - own.repeats[place])
        volume = own.volume[place]  # nothing if the record has been emptied since the last purchase
        basket = np.divide(own.revenue[place], volume, out=np.zeros_like(volume), where=volume > 0.0)
        potential = unmet * basket
        return current, potential, value.quadrant_of(current, potential)


@dataclass(frozen=True, eq=False)
class Crm:
    """The firms' knowledge of their customers at the end of a run; every table is made when first asked for.

    Parameters
    ----------
    asked : tuple of Firmfile
        What each firm knows, in the order of the firms.
    firms : tuple of Firmfile
        The firms that the tables are of.
    year : int
        Periods in an entry cohort: those of the long run.
    """

    asked: tuple[Firmfile, ...]
    firms: tuple[Firmfile, ...]
    year: int

    def only(self, name: str) -> Crm:
        """Return the same knowledge with tables of one firm; the index is still that of all who were asked."""
        return replace(self, firms=tuple(firm for firm in self.asked if firm.name == name))

    @cached_property
    def index(self) -> loyalty.Index:
        """The loyalty index of all who were asked, firm after firm: one scale, so that firms can be compared."""
        return loyalty.loyalty_index(np.concatenate([firm.measures for firm in self.asked]))

    def _indices(self) -> Iterator[tuple[Firmfile, FloatArray]]:
        ends = np.cumsum([len(firm.measures) for firm in self.asked])
        for firm, index in zip(self.asked, np.split(self.index.values, ends[:-1]), strict=True):
            if firm in self.firms:
                yield firm, index

    @cached_property
    def loyalty(self) -> pd.DataFrame:
        """One row per firm and group: all, each tier held and each true type; over those of it who were asked.

        Columns: firm, group, name, asked, the five measures, attitude, index and its 95% interval over those asked.
        """
        frames: list[Columns] = []
        for firm, index in self._indices():
            said = firm.answers
            columns = {
                **dict(zip(loyalty.MEASURES, firm.measures.T, strict=True)),
                "attitude": said.attitude,
                "index": index,
            }
            groups: list[tuple[str, Sequence[str], IntArray]] = [
                ("all", ("all",), np.zeros(said.place.size, dtype=np.int64)),
                ("tier", firm.tiers, firm.records.tier[said.place]),
                ("type", TYPE_NAMES, firm.true_type[said.place]),
            ]
            for group, names, of in groups:
                n, means = _means(columns, of, len(names))
                half = _half_width(index, means["index"], of, n)
                ends = {"index_low": means["index"] - half, "index_high": means["index"] + half}
                keys = {"firm": [firm.name] * len(names), "group": [group] * len(names), "name": names}
                frames.append({**keys, "asked": n, **means, **ends})
        return _stack(frames)

    @cached_property
    def weights(self) -> pd.DataFrame:
        """One row per measure: its entropy weight, and whether weights are equal for want of any difference."""
        _, weights, is_equal = self.index
        return pd.DataFrame({"measure": loyalty.MEASURES, "weight": weights, "is_equal": is_equal})

    @cached_property
    def diagnosis(self) -> pd.DataFrame:
        """The confusion matrix: one row per firm, source, true type and diagnosed type, with customers.

        ``by`` is ``answers`` of those who were asked, and ``records`` of the others. No firm sees the true types.
        """
        frames: list[Columns] = []
        for firm in self.firms:
            was_asked = np.zeros(firm.true_type.size, dtype=np.int64)
            was_asked[firm.answers.place] = 1
            cell = (was_asked * N_TYPES + firm.true_type) * N_TYPES + firm.diagnosed
            frames.append(
                {
                    "firm": [firm.name] * (2 * N_TYPES**2),
                    "by": np.repeat(("records", "answers"), N_TYPES**2),
                    "type": np.tile(np.repeat(TYPE_NAMES, N_TYPES), 2),
                    "diagnosed": np.tile(TYPE_NAMES, 2 * N_TYPES),
                    "customers": np.bincount(cell, minlength=2 * N_TYPES**2),
                }
            )
        return _stack(frames)

    @cached_property
    def patronage(self) -> pd.DataFrame:
        """Dick & Basu's 2x2: one row per firm and kind of loyalty, with the number of those asked."""
        kinds = loyalty.PATRONAGE
        return _stack(
            [
                {
                    "firm": [firm.name] * len(kinds),
                    "loyalty": kinds,
                    "asked": np.bincount(firm.patronage, minlength=len(kinds)),
                }
                for firm in self.firms
            ]
        )

    @cached_property
    def value(self) -> pd.DataFrame:
        """One row per firm and tier: customers, means per customer of value and its parts, CLV, and equity (a sum)."""
        frames: list[Columns] = []
        for firm in self.firms:
            n, means = _means(_worth(firm), firm.records.tier, len(firm.tiers))
            equity = np.bincount(firm.records.tier, firm.value.clv, len(firm.tiers))
            keys = {"firm": [firm.name] * len(firm.tiers), "tier": firm.tiers}
            frames.append({**keys, "customers": n, **means, "equity": equity})
        return _stack(frames)

    @cached_property
    def cohorts(self) -> pd.DataFrame:
        """One row per firm and entry cohort: its first period, who joined, who is left, CLV (mean) and equity (sum).

        A cohort has those who joined in the same ``year``, counted back from the end of the run.
        """
        frames: list[Columns] = []
        for firm in self.firms:
            n_periods = firm.gained.size
            n_cohorts = -(-n_periods // self.year)
            of_period = n_cohorts - 1 - (n_periods - 1 - np.arange(n_periods)) // self.year
            gained = np.bincount(of_period, firm.gained, n_cohorts)
            cohort = of_period[firm.records.since]
            n, means = _means({"clv": firm.value.clv}, cohort, n_cohorts)
            frames.append(
                {
                    "firm": [firm.name] * n_cohorts,
                    "joined_from": np.maximum(0, n_periods - (n_cohorts - np.arange(n_cohorts)) * self.year),
                    "gained": gained.astype(np.int64),
                    "customers": n,
                    "survival": np.divide(n, gained, out=np.full(n_cohorts, np.nan), where=gained > 0),
                    **means,
                    "equity": np.bincount(cohort, firm.value.clv, n_cohorts),
                }
            )
        return _stack(frames)

    @cached_property
    def matrix(self) -> pd.DataFrame:
        """Current against potential value: one row per firm and quadrant, over those asked.

        Columns: asked, and mean money in a window: current (paid here) and potential (could be won more).
        """
        frames: list[Columns] = []
        for firm in self.firms:
            current, potential, quadrant = firm.quadrant
            n, means = _means({"current": current, "potential": potential}, quadrant, len(value.QUADRANTS))
            frames.append({"firm": [firm.name] * len(n), "quadrant": value.QUADRANTS, "asked": n, **means})
        return _stack(frames)

    @cached_property
    def elasticity(self) -> pd.DataFrame:
        """One row per firm and tier: value elasticity of service, its 95% interval, changes of cycle, and a verdict.

        Missing where it cannot be told: ``verdict`` says why.
        """
        frames: list[Columns] = []
        for firm in self.firms:
            slope, low, high, changes, verdict = zip(*firm.elasticities, strict=True)
            frames.append(
                {
                    "firm": [firm.name] * len(slope),
                    "tier": firm.tiers,
                    "elasticity": slope,
                    "low": low,
                    "high": high,
                    "changes": changes,
                    "verdict": verdict,
                }
            )
        return _stack(frames)

    def summary(self) -> dict[str, dict[str, float]]:
        """Return by firm: ``loyalty_index`` and ``clv`` (means over customers), and ``equity`` (a sum)."""
        return {
            firm.name: {
                "loyalty_index": float(index.mean()) if index.size else float("nan"),
                "clv": float(firm.value.clv.mean()) if firm.value.clv.size else float("nan"),
                "equity": float(firm.value.clv.sum()),
            }
            for firm, index in self._indices()
        }


def take_stock(market: Market) -> Crm:
    """Take what the firms of a market know of their customers now; it does not change when the market goes on."""
    opened = {event.firm: event.at for event in market.scenario.events if event.kind == "entry"}
    files = []
    for firm in market.firms.values():
        records = records_of(market, firm)
        gained, still = cohorts_of(market, firm)
        rivals = [opened.get(name, 0) for name in market.firms if name != firm.name]
        files.append(
            Firmfile(
                name=firm.name,
                tiers=firm.pyramid.tiers,
                records=records,
                answers=survey.ask(market, firm, records),
                gained=gained,
                still=still,
                no_rival_before=min(rivals, default=market.period),
                n_rivals=len(rivals),
                window=market.scenario.customers.activity_window,
                discount_rate=market.scenario.discount_rate,
                true_type=market.town.people["type"][records.row].astype(np.int64),
                cycles=elasticity.cycles_of(market, firm),
                deferred=deferred_of(market, firm, records),
            )
        )
    return Crm(tuple(files), tuple(files), market.horizon)


def _worth(firm: Firmfile) -> dict[str, FloatArray]:
    worth = firm.value
    return {**dict(zip(PART_NAMES, worth, strict=True)), "value": worth.total, "clv": worth.clv}


def _means(columns: Mapping[str, FloatArray], of: IntArray, n_groups: int) -> tuple[IntArray, dict[str, FloatArray]]:
    """Return how many each group has, and the mean of each column in it: NaN where it has nobody."""
    n = np.bincount(of, minlength=n_groups)
    return n, {
        name: np.divide(np.bincount(of, values, n_groups), n, out=np.full(n_groups, np.nan), where=n > 0)
        for name, values in columns.items()
    }


def _stack(frames: Sequence[Columns]) -> pd.DataFrame:
    """Make one table of the columns of several."""
    columns: dict[str, list[Any]] = {name: [] for name in frames[0]}
    for frame in frames:
        for name, values in frame.items():
            columns[name].extend(values.tolist() if isinstance(values, np.ndarray) else values)
    return pd.DataFrame(columns)


def _half_width(values: FloatArray, means: FloatArray, of: IntArray, n: IntArray) -> FloatArray:
    """Return half the width of the 95% interval of each group's mean, by Student's t; NaN for fewer than two."""
    from scipy.special import stdtrit

    squares = np.bincount(of, (values - means[of]) ** 2, n.size)
    free = np.where(n > 1, n - 1.0, np.nan)
    half: FloatArray = stdtrit(free, 0.975) * np.sqrt(squares / (free * np.maximum(n, 1)))
    return half
