"""The market: builds the people, the network and the firms, and tells the story of one period."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sim import closing, happenings
from sim import customers as people
from sim.accounts import N_LINES, TIER_COST_LINES, FirmCost, Line
from sim.compiled import use_threads_for
from sim.crm.attributes import study
from sim.crm.later import Later
from sim.errors import InputError
from sim.firms import Firm
from sim.framework import mesa
from sim.history import History
from sim.invariants import Audit
from sim.journey import context, life, talk
from sim.levers import levers_of
from sim.network import build
from sim.records import NEVER, new_town
from sim.results import Results
from sim.review import review_pyramids
from sim.scenario import Scenario, load_scenario
from sim.views import Customers

FloatArray = npt.NDArray[np.float64]
DEFAULT_SEED = 1
BLOCK_ROWS, MAX_BLOCKS = 1024, 64
TIER_COSTS = list(TIER_COST_LINES)


class Market(mesa.Model):  # type: ignore[misc]
    """A market of customers and firms.

    Parameters
    ----------
    scenario : Scenario or str or Path
        What to simulate: a scenario, a file, or the name of a shipped one.
    seed : int, optional
        The run's seed, 0 to 2**63 - 1; the same seed gives the same result, bit for bit. Default 1.
    rng : int or numpy.random.Generator, optional
        Another name for the seed, as Mesa's tools pass it; a generator is asked for a seed once.
    collect : bool
        Whether Mesa's data collector reads the market each period; it never changes a result.
    **overrides
        Settings to change, by dotted path (or with two underscores for a dot): ``customers__count=500``.

    Raises
    ------
    InputError
        If the scenario or an override is not allowed.
    """

    def __init__(
        self,
        scenario: Any = "baseline",
        seed: int | None = None,
        rng: Any = None,
        collect: bool = True,
        **overrides: Any,
    ) -> None:
        self.seed_used = _seed_from(seed, rng)
        super().__init__(seed=self.seed_used % 2**32)
        changes = {key.replace("__", "."): value for key, value in overrides.items()}
        if not isinstance(scenario, Scenario):
            scenario = load_scenario(scenario, changes)
        elif changes:
            scenario = scenario.with_overrides(changes)
        self.scenario: Scenario = scenario
        self.period = 0
        self.last_period = scenario.periods
        self.n_customers = scenario.customers.count
        self.n_firms = len(scenario.firms)
        self.n_tiers = max(len(firm.pyramid.tiers) for firm in scenario.firms)
        self.n_blocks = min(MAX_BLOCKS, -(-self.n_customers // BLOCK_ROWS))

        self.behaviour = context.behaviour_of(scenario.customers)
        self.origins = people.origins(scenario, happenings.founders(scenario))
        self.open_access = np.uint32(0)
        self.network = build(scenario.network, self.n_customers, self.seed_used, scenario.folder)
        self.town = new_town(self.n_customers, self.n_firms, has_stages=bool(scenario.customers.life_stages))
        people.settle(self.town, self.origins, self.seed_used)
        self.said = context.silence(self.n_customers, self.n_blocks)

        self.offers = np.zeros((self.n_firms, self.n_tiers), dtype=context.OFFER)
        self.books = np.zeros((self.n_blocks, self.n_firms, self.n_tiers, 7, N_LINES))
        self.exposure = np.zeros((self.last_period + 1, self.n_firms))
        self.stocks = closing.no_stocks(self.n_firms, self.n_tiers)
        self.stock, self.satisfaction_sum, self.attachment_sum, self.points_open = self.stocks
        self.serving = closing.no_service(self.n_firms, self.n_tiers)
        self._profits: FloatArray | None = np.zeros(self.n_firms)  # of the last period, once somebody has asked
        self.history = History()
        self.firms: dict[str, Firm] = {spec.name: Firm(self, index, spec) for index, spec in enumerate(scenario.firms)}
        happenings.set_the_scene(self)
        self.cards = np.zeros((1, 1), dtype=np.int8)  # of programmes, if there are any with cards
        self.called_back = np.zeros((1, 1), dtype=np.int8)  # by firms that win back, if any do
        self.levers = levers_of(self)
        is_kept = any(lever.reads_roll for lever in self.levers)
        self.roll = context.empty_roll(self.n_blocks, self.n_customers if is_kept else 0)
        n_columns = 7 * self.n_tiers if any(lever.asks_how_long for lever in self.levers) else 1
        self.since = np.zeros((self.n_blocks, self.n_firms, self.last_period, n_columns), dtype=np.int32)
        self.audit = Audit(self)
        tiers = {firm.name: firm.pyramid.tiers for firm in self.firms.values()}
        stages = tuple(stage.name for stage in scenario.customers.life_stages)
        self.customers = Customers(self.town, self.network, tiers, stages)
        self.standing: npt.NDArray[np.int8] | None = None
        self.standing_types: npt.NDArray[np.int8] | None = None
        self.datacollector = self._collector() if collect else None
        if self.datacollector:
            self.datacollector.collect(self)

    def step(self) -> None:
        """One period: the world turns, firms review and post, customers live through it, word spreads, books close."""
        use_threads_for(self.n_customers)
        self._open_period()
        happenings.happen(self)
        self._review_pyramids()
        self.agents.do("decide")
        use_threads_for(self.n_customers)  # a firm may have run a market in its mind
        self.agents.do("post_policy")  # every firm has posted before anyone needs, searches, chooses, buys, uses
        for lever in self.levers:
            lever.before_life()
        self._live_through()
        for lever in self.levers:
            lever.after_life()
        self._listen()  # reads what was said, never what a neighbour has just come to think
        self._close_period()
        if self.datacollector:
            self.datacollector.collect(self)

    def run(self, periods: int | None = None, on_period: Callable[[int], None] | None = None) -> Results:
        """Run to the scenario's last period, or for a number of periods from now, and return the results.

        Parameters
        ----------
        periods : int, optional
            How many periods to run; the long run is then the last of those.
        on_period : callable, optional
            Called with the number of periods done after each.
        """
        if periods is not None:
            if periods < 1:
                raise InputError("cannot be run", key="periods", value=periods, allowed="1 or more")
            self.last_period = self.period + periods
        while self.period < self.last_period:
            self.step()
            if on_period:
                on_period(self.period)
        self.audit.finish()
        return Results.of(self)

    @property
    def horizon(self) -> int:
        """Periods in the long run."""
        return int(min(self.scenario.horizon, self.last_period))

    def _open_period(self) -> None:
        """Start clean books, make room for the period, and note who is whose customer when the long run begins."""
        self.books[...] = 0.0
        self.history.delivery.append(np.array([firm.delivery for firm in self.firms.values()]))
        self.period_firm_costs = np.zeros((self.n_firms, len(FirmCost)))
        if self.period >= self.since.shape[2]:
            if self.period >= NEVER - 1000:
                raise InputError("a run cannot be longer", key="periods", value=self.period, allowed="up to 31,000")
            self.since = np.concatenate([self.since, np.zeros_like(self.since)], axis=2)
            self.exposure = np.concatenate([self.exposure, np.zeros_like(self.exposure)])
        if self.period == self.last_period - self.horizon:
            relations = self.town.relations
            self.standing = relations["tier"].copy()
            for tier, is_active in zip(self.standing.T, relations["is_active"].T, strict=True):
                tier[is_active == 0] = -1
            self.standing_types = self.town.people["type"].copy()

    def _review_pyramids(self) -> None:
        """Let the firms whose review is due rank their customers and cut their tiers anew."""
        if self.period > 0:
            due = [firm for firm in self.firms.values() if firm.is_review_due]
            review_pyramids(self, due)
            for lever in self.levers:
                lever.after_review(due)

    def _live_through(self) -> None:
        """Let every customer live through the period."""
        self.exposure[self.period + 1] = self.exposure[self.period] + [
            firm.advertising / firm.spec.contact_cost for firm in self.firms.values()
        ]
        promised = [firm.promise for firm in self.firms.values() if firm.is_open]
        life.live_through(
            self.town,
            self.network,
            context.Market(
                self.offers,
                self.exposure,
                math.fsum(promised) / len(promised) if promised else 0.0,
                self.cards,
                self.called_back,
            ),
            self.behaviour,
            self.origins,
            context.Clock(self.seed_used, self.period),
            self.open_access,
            self.said,
            self.roll,
            self.books,
            self.since,
        )

    def _listen(self) -> None:
        """Credit the purchases that word of mouth led to, and let it spread."""
        clock = context.Clock(self.seed_used, self.period)
        talk.settle_credit(self.town, self.network, self.said)
        talk.listen(self.town, self.network, self.behaviour, clock, self.said, self.books)

    def _close_period(self) -> None:
        """Add up the blocks' books, let firms close theirs, and keep the period."""
        history = self.history
        books = self.period_books = history.room(self.books.shape[1:], self.last_period)
        closing.add_up(self.books, self.stocks, self.serving, books)
        self.agents.do("close_books")
        self._profits = None
        history.books.append(books)
        history.firm_costs.append(self.period_firm_costs)
        history.stock.append(self.stock.copy())
        history.satisfaction.append(self.satisfaction_sum.copy())
        history.attachment.append(self.attachment_sum.copy())
        history.points_open.append(self.points_open.copy())
        began = self.by_tenure().sum(axis=2)
        history.kept.append(began[:, : max(0, self.period - self.scenario.horizon + 1)].sum(axis=1))
        self.audit.close(began)
        self.period += 1
        if self._is_asked():
            history.studies.append(study(self))
        # Mesa's batch_run reads the row before the last step it makes: one step more, and that is the last period's
        self.running = self.period <= self.last_period

    def by_tenure(self) -> npt.NDArray[np.int32]:
        """Return customers by when they became so: shape (n_firms, n_periods, 1 or n_tiers * 7), this the last."""
        counts: npt.NDArray[np.int32] = self.since[:, :, : self.period + 1].sum(axis=0, dtype=np.int32)
        return counts

    def _is_asked(self) -> bool:
        """Say whether the market is studied now: at the end of the warm-up and of the run, and at times in between."""
        every, since = self.scenario.survey.every, self.period - self.scenario.warm_up
        return self.period == self.last_period or (every > 0 and since >= 0 and since % every == 0)

    def digest(self) -> str:
        """Return a hash of everybody's state and of all books so far: equal if and only if the run is the same."""
        return self.digest_later().made

    def digest_later(self) -> Later[str]:
        """Note what the hash is of, which takes little time, for when somebody asks for it."""
        digest = hashlib.sha256()
        for records in self.town:
            digest.update(np.ascontiguousarray(records).data)
        remembered = [np.array(states) for lever in self.levers for states in lever.states()]
        rest = [*self.history.books, *self.history.firm_costs, *remembered]

        def finish() -> str:
            for records in rest:
                digest.update(np.ascontiguousarray(records).data)
            return digest.hexdigest()[:16]

        return Later(finish)

    def _collector(self) -> mesa.DataCollector:
        focal = self.firms[self.scenario.focal_firm]
        return mesa.DataCollector(
            model_reporters={
                "period": "period",
                "customers": lambda _: focal.n_customers,
                "profit": lambda model: model.profit(focal),
                "satisfaction": lambda _: focal.satisfaction_sum.sum() / max(1, focal.n_customers),
            },
            agent_reporters={
                "firm": "name",
                "customers": "n_customers",
                "profit": lambda firm: firm.market.profit(firm),
            },
        )

    def profit(self, firm: Firm) -> float:
        """Return a firm's profit in the last period, in money."""
        if self._profits is None:
            sums = self.period_books.sum(axis=(1, 2))
            costs = sums[:, TIER_COSTS].sum(axis=1) + self.period_firm_costs.sum(axis=1)
            self._profits = sums[:, Line.REVENUE] - costs
        return float(self._profits[firm.index])


def _seed_from(seed: int | None, rng: Any) -> int:
    """Return the run's seed from either of Mesa's two ways of giving one."""
    if seed is None and rng is not None:
        seed = int(rng.integers(2**63)) if isinstance(rng, np.random.Generator) else rng
    if seed is None:
        return DEFAULT_SEED
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
        raise InputError("is not a seed", key="seed", value=seed, allowed="a whole number from 0 to 2**63 - 1")
    return int(seed)
