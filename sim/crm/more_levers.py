"""What the levers beside service, discounts, gifts and points cost, are worth, and give of what they promise.

The equations are in ``docs/value-analysis.md``: what is worth utility is told as the cut in the price that would be
worth as much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import FirmCost, Line
from sim.levers.occasions import GUESTS, LAPSED, NEWCOMERS, Occasions
from sim.levers.personal_contact import PersonalContact
from sim.levers.win_back import WinBack
from sim.records import STEPS

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market
    from sim.programme_settings import OccasionSpec, ProgrammeSpec

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

LEAST_WEIGHT = 1e-9  # of price: who does not mind the price at all would pay any


class Judged(NamedTuple):
    """A lever of a firm over the long run; each array has shape (n_tiers,)."""

    lever: str
    cost: FloatArray  # in money
    worth: FloatArray  # to the customers who got it, in money
    experienced: FloatArray  # share of what was promised that was received

    @property
    def together(self) -> Judged:
        """The lever over all tiers, each array of shape (1,); what was received is that of the money spent."""
        cost, worth = self.cost.sum(keepdims=True), self.worth.sum(keepdims=True)
        return Judged(self.lever, cost, worth, ratio((self.experienced * self.cost).sum(keepdims=True), cost))


@dataclass(frozen=True, slots=True)
class Folk:
    """People on a firm's record at the end of a run, and the tier that each holds or would enter.

    Parameters
    ----------
    people : record array, or dict of array, of shape (n,)
        Themselves.
    tier : array of int, shape (n,)
        Index of the tier.
    price : array, shape (n_tiers,)
        What a tier pays.
    """

    people: Any
    tier: npt.NDArray[np.int64]
    price: FloatArray

    def weight(self, name: str) -> FloatArray:
        """Return one of the people's numbers, shape (n,)."""
        values: FloatArray = self.people[name].astype(np.float64)
        return values

    @property
    def often(self) -> FloatArray:
        """Purchases a period at most, shape (n,)."""
        return np.minimum(1.0, self.weight("rate"))

    def money(self, utility: FloatArray) -> FloatArray:
        """Return the cut in the price of one purchase that is worth as much as a utility, in money, shape (n,)."""
        cut = 1.0 - np.exp(-utility / np.maximum(self.weight("price_weight"), LEAST_WEIGHT))
        return cut * self.weight("basket") * self.price[self.tier]

    def by_tier(self, values: FloatArray) -> FloatArray:
        """Return sums by tier, shape (n_tiers,)."""
        sums: FloatArray = np.bincount(self.tier, values, len(self.price)).astype(np.float64)
        return sums

    def at_a_purchase(self, utility: FloatArray) -> FloatArray:
        """Return what a utility at every purchase is worth at one, in money, shape (n_tiers,): the mean of a tier."""
        return ratio(self.by_tier(self.money(utility) * self.often), self.by_tier(self.often))


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Return quotients, 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0.0)


class PerPurchase(NamedTuple):
    """A lever that is felt at purchases: its worth is still to be told of the customers; arrays as in ``Judged``."""

    lever: str
    cost: FloatArray
    utility: dict[str, FloatArray]  # by the weight that it is multiplied with
    times: FloatArray  # purchases at which it was felt
    experienced: FloatArray

    def judged(self, customers: Folk) -> Judged:
        """Return the lever with its worth to the firm's customers."""
        felt = np.zeros(len(customers.tier))
        for name, utility in self.utility.items():
            felt += customers.weight(name) * utility[customers.tier]
        worth = customers.at_a_purchase(felt) * self.times
        return Judged(self.lever, self.cost, worth, self.experienced)


def more_levers(market: Market, firm: Firm, lines: FloatArray) -> tuple[Judged | PerPurchase, ...]:
    """Judge the levers of a firm beside service, discounts, gifts and points, at the end of a run.

    Parameters
    ----------
    market : Market
        A market that has run.
    firm : Firm
        One of its firms.
    lines : array, shape (n_tiers, n_lines)
        Its books of the long run. What is not in them is told by the policy posted at the end.

    Returns
    -------
    tuple of Judged or PerPurchase
        The levers that cost something.
    """
    found: list[Judged | PerPurchase] = [*_after_sales(market, firm, lines), *_of_businesses(firm, lines)]
    found += [*_channels(market, firm, lines), *_contact(market, firm, lines), *_credit(market, firm, lines)]
    found += [*_bonds(market, firm, lines), *_events(market, firm, lines)]
    if firm.spec.programme is not None and firm.spec.programme.kind != "points":
        found.append(_programme(market, firm, firm.spec.programme, lines))
    return tuple(each for each in found if (each.cost > 0.0).any())


def folk_of(market: Market, firm: Firm, row: npt.NDArray[np.int64]) -> Folk:
    """Return some of the people as a firm's record has them."""
    tier = market.town.relations["tier"][row, firm.index].astype(np.int64)
    price = market.offers[firm.index]["price"][: len(firm.pyramid.tiers)].copy()
    return Folk(market.town.people[row], tier, price)


def customers_of(market: Market, firm: Firm) -> npt.NDArray[np.int64]:
    """Return the rows of a firm's customers."""
    return np.flatnonzero(market.town.relations["is_active"][:, firm.index] == 1)


def _after_sales(market: Market, firm: Firm, lines: FloatArray) -> Iterator[Judged | PerPurchase]:
    """Yield the handling of complaints, and goodwill."""
    behaviour, whole = market.scenario.customers.behaviour, np.ones(len(lines))
    complaints, made_good = lines[:, Line.COMPLAINTS], lines[:, Line.RECOVERIES]
    # what is given back of the experience, as if the product were so much better
    better = behaviour.failure_severity * behaviour.recovery_repair / (behaviour.quality_want - behaviour.quality_floor)
    cost = firm.spec.complaint_cost * complaints
    yield PerPurchase("recovery", cost, {"quality_weight": better * whole}, made_good, ratio(made_good, complaints))
    given = firm.policy.goodwill * made_good
    yield Judged("goodwill", given, firm.spec.gift_worth * given, whole)


def _of_businesses(firm: Firm, lines: FloatArray) -> Iterator[PerPurchase]:
    """Yield reliable delivery, if customers are businesses."""
    if firm.business is not None:
        level, buyers, times = firm.policy.delivery, firm.business.buyers, lines[:, Line.PURCHASES]
        in_time = 1.0 - buyers.late_rate * (1.0 - level)
        cost = firm.business.spec.delivery_cost * level**2 * times
        yield PerPurchase("delivery", cost, {"service_weight": buyers.delivery * level}, times, in_time)


def _channels(market: Market, firm: Firm, lines: FloatArray) -> Iterator[PerPurchase]:
    """Yield the ways of buying, if tiers do not all have one and the same: against the most laborious there is."""
    spec, times = firm.spec, lines[:, Line.PURCHASES]
    chosen = [spec.tier_channels.get(tier, spec.channel) for tier in firm.pyramid.tiers]
    if len(chosen[0]) == 1 and all(each == chosen[0] for each in chosen):
        return
    cost = lines[:, Line.CHANNEL] + lines[:, Line.COMMISSION]
    if firm.business is not None:
        cost = np.maximum(0.0, cost - firm.business.spec.delivery_cost * firm.policy.delivery**2 * times)
    most = max(each.effort for each in market.scenario.channels.values())
    utility = {"effort_weight": most - firm.policy.channel_effort, "service_weight": firm.channel_service}
    yield PerPurchase("channel", cost, utility, times, np.ones(len(lines)))


def _contact(market: Market, firm: Firm, lines: FloatArray) -> Iterator[Judged]:
    """Yield personal contact: what it adds to attachment and trust at a review is taken to last a window."""
    lever = next((each for each in market.levers if isinstance(each, PersonalContact)), None)
    if lever is None or firm.spec.contact is None:
        return
    behaviour, row = market.scenario.customers.behaviour, customers_of(market, firm)
    own, relations = folk_of(market, firm, row), market.town.relations[row, firm.index]
    attention, cycle = firm.policy.contact[own.tier], firm.pyramid.review_every
    close = np.where(relations["since"] < firm.last_review, lever.closeness[row, firm.index].astype(np.float64), 0.0)
    rise = own.weight("attachment_gain") * behaviour.attachment_rise * close * (1.0 - relations["attachment"])
    trusted = behaviour.trust_rise * close * (1.0 - relations["trust_character"] / STEPS)
    utility = own.weight("attachment_weight") * rise + behaviour.trust_weight / 4.0 * trusted
    worth = own.money(utility) * own.often * market.scenario.customers.activity_window
    if firm.business is not None:
        support = firm.business.buyers.personal_contact * attention
        worth += own.money(own.weight("service_weight") * support) * own.often * cycle
    cost = lines[:, Line.CONTACT]
    per_cost = ratio(own.by_tier(worth), own.by_tier(firm.spec.contact.pay * cycle * attention))
    received = ratio(own.by_tier(np.minimum(close, attention)), own.by_tier(attention))
    yield Judged("contact", cost, per_cost * cost, received)


def _credit(market: Market, firm: Firm, lines: FloatArray) -> Iterator[Judged]:
    """Yield payment later: interest goes to tiers by what they bought on credit."""
    if firm.spec.credit is None:
        return
    lent = lines[:, Line.ON_CREDIT]
    interest = sum(
        float(costs[firm.index, FirmCost.INTEREST]) for costs in market.history.firm_costs[-market.horizon :]
    )
    cost = lines[:, Line.BAD_DEBT] + interest * ratio(lent, np.full(len(lent), lent.sum()))
    yield Judged("credit", cost, firm.spec.credit.worth * lent, np.ones(len(lent)))


def _bonds(market: Market, firm: Firm, lines: FloatArray) -> Iterator[Judged]:
    """Yield welcome money, rewards for bringing others, and offers of money to come back."""
    spec, whole = firm.spec, np.ones(len(lines))
    welcome = np.minimum(firm.policy.welcome * lines[:, Line.GAINED], lines[:, Line.ACQUISITION])
    yield Judged("welcome", welcome, welcome, whole)
    if spec.referral is not None:
        reward = spec.referral.reward * lines[:, Line.REFERRALS]
        yield Judged("referral", reward, spec.gift_worth * reward, whole)
    if spec.win_back is not None and spec.win_back.offer > 0.0:
        made = sum(
            n
            for lever in market.levers
            if isinstance(lever, WinBack)
            for period, f, n in lever.made
            if f == firm.index and period >= market.last_period - market.horizon
        )
        is_entry = np.arange(len(lines)) == firm.pyramid.entry_tier  # those who lapsed have no tier
        taken = lines[:, Line.WON_BACK].sum() * is_entry
        cost = taken * spec.win_back.offer + made * spec.win_back.contact_cost * is_entry
        yield Judged("win-back", cost, taken * spec.win_back.offer, ratio(taken, np.full(len(lines), float(made))))


def _events(market: Market, firm: Firm, lines: FloatArray) -> Iterator[Judged]:
    """Yield the events that the firm holds, all together: guests by tier are taken to be alike at each."""
    start = market.last_period - market.horizon
    held = [
        each
        for lever in market.levers
        if isinstance(lever, Occasions)
        for each in lever.diary.held
        if each.firm == firm.name and each.period >= start
    ]
    n_guests = sum(each.guests for each in held)
    if n_guests == 0:
        return
    specs = {spec.name: spec for spec in firm.spec.occasions}
    cost = sum(
        each.guests * specs[each.name].guest_cost + specs[each.name].fixed_cost * market.n_customers for each in held
    )
    share = lines[:, Line.GUESTS] / n_guests
    worth = np.zeros(len(lines))
    for name, spec in specs.items():
        came = sum(each.guests for each in held if each.name == name)
        worth += came * share * _worth_of_coming(market, firm, spec) if came else 0.0
    received = n_guests / sum(each.willing for each in held)
    yield Judged("events", cost * share, worth, np.full(len(lines), received))


def _worth_of_coming(market: Market, firm: Firm, spec: OccasionSpec) -> FloatArray:
    """Return what an event is worth to a guest, in money, shape (n_tiers,).

    That of being invited, to those who would be now, is ln(1 + exp(v)) in utility: the consumer surplus of a logit
    (Small & Rosen 1981, "Applied welfare economics with discrete choice models", Econometrica 49(1)); to a guest it is
    that over the chance to come.
    """
    relations, guests = market.town.relations[:, firm.index], GUESTS.index(spec.guests)
    is_customer = relations["is_active"] == 1
    in_group = np.array([spec.group is None or tier in spec.group for tier in firm.pyramid.tiers])[relations["tier"]]
    if guests == NEWCOMERS:
        in_group &= relations["since"] > market.period - firm.pyramid.review_every
    has_lapsed = ~is_customer & (relations["bought_at"] >= 0)
    is_asked = (is_customer & in_group & (guests != LAPSED)) | (has_lapsed & (guests >= LAPSED))
    row = np.flatnonzero(is_asked & (relations["barred_until"] <= market.period))
    asked, known = folk_of(market, firm, row), relations[row]
    utility = spec.appeal + asked.weight("attachment_weight") * known["attachment"]
    utility += asked.weight("reward_weight") * (spec.guest_cost * firm.spec.gift_worth / asked.weight("basket"))
    utility -= asked.weight("effort_weight") * (known["distance"] / STEPS + spec.effort)
    would_come = asked.by_tier(np.exp(-np.logaddexp(0.0, -utility)))
    worth = asked.by_tier(asked.money(np.logaddexp(0.0, utility)))
    mean = float(worth.sum() / would_come.sum()) if would_come.sum() > 0.0 else 0.0
    return np.where(would_come > 0.0, ratio(worth, would_come), mean)


def _programme(market: Market, firm: Firm, programme: ProgrammeSpec, lines: FloatArray) -> Judged:
    """Return cash back, status or prizes, with what it costs to invite."""
    cost = lines[:, Line.REWARDS]
    worth = programme.prizes.worth * lines[:, Line.PRIZES] if programme.kind == "prizes" else cost
    if programme.kind == "status":
        status, row = programme.status, customers_of(market, firm)
        own = folk_of(market, firm, row)
        levels = np.maximum(0.0, market.cards[row, firm.index].astype(np.float64) - 1.0)
        spend = own.weight("basket") * own.price[own.tier] * own.often * firm.pyramid.review_every
        per_cost = ratio(own.by_tier(status.esteem * levels * spend), own.by_tier(status.level_cost * levels))
        worth = per_cost * cost
    return Judged(programme.kind.replace("_", " "), cost, worth, np.ones(len(lines)))
