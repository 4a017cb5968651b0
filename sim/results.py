"""Tidy tables of one run: what experiments compare and reports draw. Their columns are a contract."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.accounts import CAUSE_NAMES, COST_NAMES, TIER_COST_NAMES, Line
from sim.bond_results import bonds, called_back
from sim.book_results import by_firm, flows_of, ledger, ratio
from sim.built_results import built
from sim.credit_results import credit_ratings
from sim.crm import Crm, take_stock
from sim.crm.attributes import Study, tabulate
from sim.crm.contagion import contagion, note_friends
from sim.crm.four_tests import four_tests, note_levers
from sim.crm.later import Later
from sim.customer_results import life_stages, network_sample, retention_by, top_shares
from sim.loyalty_types import TYPE_NAMES
from sim.network import describe
from sim.programme_results import members_at_end, occasions_held, programmes
from sim.version import version

if TYPE_CHECKING:
    from sim.market import Market
    from sim.scenario import Scenario

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Results:
    """The results of one run.

    Parameters
    ----------
    scenario : Scenario
        What was simulated.
    seed : int
        The run's seed.
    version : str
        Version of the model.
    hashed : Later of str
        Hash of everybody's state and of all books, ``digest``.
    books : array, shape (n_periods, n_firms, n_tiers, 7 types, n_lines)
        What happened, by line.
    stock, satisfaction_sum, attachment_sum : array, shape (n_periods, n_firms, n_tiers, 7 types)
        Customers at the end of each period, and sums over them.
    firm_costs : array, shape (n_periods, n_firms, n_costs)
        Costs that no tier bears, in money.
    points_open : array, shape (n_periods, n_firms)
        Points neither redeemed nor expired.
    kept : array of int, shape (n_periods, n_firms)
        Customers of ``horizon`` periods ago who still are and never lapsed between.
    moves : list of (period, firm, array of shape (n_tiers, n_tiers))
        Customers by tier before and after each review.
    horizon : int
        Periods in the long run.
    retention_by : DataFrame
        Retention over the long run by tier and by loyalty type, as of its start: firm, group, name, at_start, kept,
        retention (missing where nobody was there).
    top20 : array, shape (n_firms,)
        Share of the money on record that comes from the top fifth of each firm's customers.
    sampled : Later
        ``nodes`` and ``ties``: a sample of the network, tabulated when it is first asked for.
    crm : Crm
        What each firm knows of its customers at the end: tables ``loyalty``, ``weights``, ``diagnosis``, ``patronage``,
        ``value``, ``cohorts``, ``matrix`` and ``elasticity``.
    friends, levers : Later
        The tables ``contagion`` and ``four_tests``, made when they are first asked for.
    studies : list of Later
        What samples of the market said of attributes and firms, from first to last; made when they are first asked for.
    members : array of int, shape (n_firms,)
        Customers who take part in each firm's programme, at the end.
    occasions : DataFrame
        Events that firms held: see :func:`sim.programme_results.occasions_held`.
    called_back : array of int, shape (n_firms,)
        Offers to come back that each firm made in the long run.
    credit : DataFrame
        How customers have paid: see :func:`sim.credit_results.credit_ratings`.
    built : DataFrame
        What firms have built over time: see :func:`sim.built_results.built`.
    life_stages : DataFrame
        Who buys where by stage of life: see :func:`sim.customer_results.life_stages`.
    shape : Later of dict
        Size and shape of the network: see :func:`sim.network.describe`.
    """

    scenario: Scenario
    seed: int
    version: str
    hashed: Later[str]
    books: FloatArray
    stock: FloatArray
    satisfaction_sum: FloatArray
    attachment_sum: FloatArray
    firm_costs: FloatArray
    points_open: FloatArray
    kept: npt.NDArray[np.int64]
    moves: list[tuple[int, int, npt.NDArray[np.int64]]]
    horizon: int
    retention_by: pd.DataFrame
    top20: FloatArray
    sampled: Later[tuple[pd.DataFrame, pd.DataFrame]]
    crm: Crm
    friends: Later[pd.DataFrame]
    levers: Later[pd.DataFrame]
    studies: list[Later[Study]]
    members: npt.NDArray[np.int64]
    occasions: pd.DataFrame
    called_back: npt.NDArray[np.int64]
    credit: pd.DataFrame
    built: pd.DataFrame
    life_stages: pd.DataFrame
    shape: Later[dict[str, float]]

    @classmethod
    def of(cls, market: Market) -> Results:
        """Take the results of a market that has run."""
        history = market.history
        books, stock = history.whole("books"), history.whole("stock")
        return cls(
            scenario=market.scenario,
            seed=market.seed_used,
            version=version(),
            hashed=market.digest_later(),
            books=books,
            stock=stock,
            satisfaction_sum=np.array(history.satisfaction),
            attachment_sum=np.array(history.attachment),
            firm_costs=np.array(history.firm_costs),
            points_open=np.array(history.points_open),
            kept=np.array(history.kept),
            moves=history.migration,
            horizon=market.horizon,
            retention_by=retention_by(market),
            top20=top_shares(market),
            sampled=network_sample(market),
            crm=take_stock(market),
            friends=Later(partial(contagion, note_friends(market))),
            levers=Later(partial(four_tests, note_levers(market))),
            studies=market.history.studies,
            members=members_at_end(market),
            occasions=occasions_held(market),
            called_back=called_back(market),
            credit=credit_ratings(market),
            built=built(market),
            life_stages=life_stages(market),
            shape=Later(partial(describe, market.network)),
        )

    @property
    def digest(self) -> str:
        """Hash of everybody's state and of all books: equal if and only if the run is the same."""
        return self.hashed.made

    @property
    def firms(self) -> list[str]:
        """Names of the firms, in order."""
        return [firm.name for firm in self.scenario.firms]

    @property
    def n_periods(self) -> int:
        """Periods that were run."""
        return len(self.books)

    @cached_property
    def _by_firm(self) -> dict[str, FloatArray]:
        return by_firm(self)

    def tiers_of(self, f: int) -> tuple[str, ...]:
        """Return the names of a firm's tiers."""
        return self.scenario.firms[f].pyramid.tiers

    @cached_property
    def periods(self) -> pd.DataFrame:
        """One row per period and firm: customers, flows, money, points, satisfaction and retention."""
        columns = self._by_firm
        index = pd.MultiIndex.from_product([range(self.n_periods), self.firms], names=["period", "firm"])
        return pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index).reset_index()

    @cached_property
    def tiers(self) -> pd.DataFrame:
        """One row per period, firm and tier: customers, flows and contribution."""
        flows = flows_of(self.books.sum(axis=3), self.stock.sum(axis=3))
        frames = []
        for f, firm in enumerate(self.firms):
            tiers = self.tiers_of(f)
            index = pd.MultiIndex.from_product([range(self.n_periods), [firm], tiers], names=["period", "firm", "tier"])
            columns = {name: values[:, f, : len(tiers)].ravel() for name, values in flows.items()}
            frames.append(pd.DataFrame(columns, index=index))
        return pd.concat(frames).reset_index()

    @cached_property
    def types(self) -> pd.DataFrame:
        """One row per period, firm and loyalty type: customers, flows and contribution."""
        flows = flows_of(self.books.sum(axis=2), self.stock.sum(axis=2))
        index = pd.MultiIndex.from_product(
            [range(self.n_periods), self.firms, TYPE_NAMES], names=["period", "firm", "type"]
        )
        return pd.DataFrame({name: values.ravel() for name, values in flows.items()}, index=index).reset_index()

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """The books in full, one row per amount that is not zero: period, firm, tier, type, line, amount."""
        return ledger(self)

    @cached_property
    def losses(self) -> pd.DataFrame:
        """One row per period, firm, tier, type and cause for which customers were lost."""
        lost = self.ledger[self.ledger["line"].str.startswith("lost_")]
        lost = lost.assign(cause=lost["line"].str.removeprefix("lost_")).rename(columns={"amount": "customers"})
        return lost[["period", "firm", "tier", "type", "cause", "customers"]].reset_index(drop=True)

    @cached_property
    def migration(self) -> pd.DataFrame:
        """One row per review, firm and pair of tiers: customers by tier before and after, those who stayed included."""
        rows = [
            (period, self.firms[f], self.tiers_of(f)[a], self.tiers_of(f)[b], int(moves[a, b]))
            for period, f, moves in self.moves
            for a in range(len(moves))
            for b in range(len(moves))
        ]
        return pd.DataFrame(rows, columns=["period", "firm", "from_tier", "to_tier", "customers"])

    @property
    def loyalty(self) -> pd.DataFrame:
        """The five measures of loyalty and the index, by firm, tier and type: see :class:`sim.crm.Crm`."""
        return self.crm.loyalty

    @property
    def diagnosis(self) -> pd.DataFrame:
        """Customers by firm, true type and the type told by their behaviour."""
        return self.crm.diagnosis

    @property
    def patronage(self) -> pd.DataFrame:
        """Those asked by firm and kind of loyalty: Dick & Basu's 2x2."""
        return self.crm.patronage

    @property
    def value(self) -> pd.DataFrame:
        """What customers are worth, by firm and tier."""
        return self.crm.value

    @property
    def cohorts(self) -> pd.DataFrame:
        """Survival and worth by firm and entry cohort."""
        return self.crm.cohorts

    @property
    def matrix(self) -> pd.DataFrame:
        """Those asked by firm and quadrant of current against potential value."""
        return self.crm.matrix

    @property
    def elasticity(self) -> pd.DataFrame:
        """Revenue gained per unit spent on service, by firm and tier, as each firm's own books tell it."""
        return self.crm.elasticity

    @property
    def nodes(self) -> pd.DataFrame:
        """A sample of the network: node, firm, type, opinion of the focal firm, and status."""
        return self.sampled.made[0]

    @property
    def ties(self) -> pd.DataFrame:
        """The ties between those in the sample: a, b."""
        return self.sampled.made[1]

    @property
    def contagion(self) -> pd.DataFrame:
        """How opinion and churn cluster in the network, by firm: see :func:`sim.crm.contagion.contagion`."""
        return self.friends.made

    @property
    def four_tests(self) -> pd.DataFrame:
        """Levers by firm and tier, judged: see :func:`sim.crm.four_tests.four_tests`."""
        return self.levers.made

    @cached_property
    def attributes(self) -> pd.DataFrame:
        """Customer value analysis, by study, segment, attribute and firm: see :func:`sim.crm.attributes.tabulate`."""
        focal = self.firms.index(self.scenario.focal_firm)
        return tabulate(self.studies, self.firms, focal, self.scenario.firms[focal].pyramid.tiers)

    @cached_property
    def programmes(self) -> pd.DataFrame:
        """What each firm's programme came to in the long run: see :func:`sim.programme_results.programmes`."""
        return programmes(self)

    @cached_property
    def bonds(self) -> pd.DataFrame:
        """Rewards for bringing others and offers to come back, in the long run: see :func:`sim.bond_results.bonds`."""
        return bonds(self)

    @property
    def loyalty_weights(self) -> pd.DataFrame:
        """What each measure weighs in the loyalty index."""
        return self.crm.weights

    @property
    def long_run(self) -> slice:
        """The periods of the long run."""
        return slice(self.n_periods - self.horizon, self.n_periods)

    def outcomes(self) -> dict[str, dict[str, float]]:
        """Return each firm's long-run outcomes.

        Returns
        -------
        dict
            By firm: ``retention`` (share of the customers at the start of the long run who are customers at its end and
            never lapsed between), ``profit`` and ``revenue`` (sums, in money), ``customers`` (mean), ``share`` (of the
            market's revenue), ``repeat_rate`` (share of purchases by customers whose usual firm this is that are made
            here again), ``satisfaction`` and ``attachment`` (means over customers), ``top20_share``.
        """
        own = {name: self._by_firm[name][self.long_run] for name in ("profit", "customers", "revenue")}
        books = self.books[self.long_run].sum(axis=(0, 2, 3))
        market_revenue = books[:, Line.REVENUE].sum()
        overall = self.retention_by[self.retention_by["group"] == "all"].set_index("firm")["retention"]
        outcomes = {}
        for f, firm in enumerate(self.firms):
            stock = self.stock[self.long_run, f].sum()
            outcomes[firm] = {
                "retention": float(overall[firm]),
                "profit": float(own["profit"][:, f].sum()),
                "customers": float(own["customers"][:, f].mean()),
                "share": ratio(books[f, Line.REVENUE], market_revenue),
                "repeat_rate": ratio(books[f, Line.REPURCHASES], books[f, Line.REPEAT_CHANCES]),
                "satisfaction": ratio(self.satisfaction_sum[self.long_run, f].sum(), stock),
                "attachment": ratio(self.attachment_sum[self.long_run, f].sum(), stock),
                "revenue": float(own["revenue"][:, f].sum()),
                "top20_share": float(self.top20[f]),
            }
        return outcomes

    def summary(self) -> dict[str, Any]:
        """Return the run in brief, as ``loyalty run --json`` prints it: long-run outcomes, flows and costs by firm."""
        outcomes, worth = self.outcomes(), self.crm.summary()
        firms: dict[str, Any] = {}
        for f, firm in enumerate(self.firms):
            books = self.books[self.long_run, f].sum(axis=0)
            firms[firm] = {
                **{key: _plain(value) for key, value in (outcomes[firm] | worth[firm]).items()},
                "customers": int(self.stock[-1, f].sum()),
                "gained": int(books[..., Line.GAINED].sum()),
                "lost": {name: int(books[..., Line.LOST + i].sum()) for i, name in enumerate(CAUSE_NAMES)},
                "costs": {name: float(self._by_firm[name][self.long_run, f].sum()) for name in COST_NAMES},
                "tiers": {
                    tier: self._group(f, books[k], self.stock[:, f, k].sum(axis=1), "tier", tier)
                    for k, tier in enumerate(self.tiers_of(f))
                },
                "types": {
                    kind: self._group(f, books[:, y], self.stock[:, f, :, y].sum(axis=1), "type", kind)
                    for y, kind in enumerate(TYPE_NAMES)
                },
            }
        return {
            "scenario": self.scenario.name,
            "title": self.scenario.title,
            "seed": self.seed,
            "version": self.version,
            "periods": self.n_periods,
            "horizon": self.horizon,
            "customers": self.scenario.customers.count,
            "digest": self.digest,
            "firms": firms,
        }

    @cached_property
    def _retention(self) -> dict[tuple[str, str, str], float]:
        """Retention by firm, group and name, for looking up."""
        by = self.retention_by
        keys = zip(by["firm"], by["group"], by["name"], strict=True)
        return dict(zip(keys, by["retention"].astype(float), strict=True))

    def _group(self, f: int, books: FloatArray, stock: FloatArray, group: str, name: str) -> dict[str, Any]:
        flows = flows_of(books.sum(axis=0), stock[-1])
        return {
            "customers": int(flows["customers"]),
            "gained": int(flows["gained"]),
            "lost": {cause: int(books[:, Line.LOST + i].sum()) for i, cause in enumerate(CAUSE_NAMES)},
            "retention": _plain(self._retention[self.firms[f], group, name]),
            "purchases": int(flows["purchases"]),
            "revenue": float(flows["revenue"]),
            "costs": {cost: float(flows[cost]) for cost in TIER_COST_NAMES},
            "contribution": float(flows["contribution"]),
        }


def _plain(value: float) -> float | None:
    """Return a number that JSON knows: nothing in place of a missing one."""
    return None if np.isnan(value) else value
