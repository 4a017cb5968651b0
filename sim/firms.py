"""Firms as Mesa agents: each posts a policy, reviews its pyramid, and closes its books."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sim import review
from sim.accounts import N_LINES, TIER_COST_LINES, FirmCost, Line
from sim.business import Business, BusinessSpec
from sim.framework import mesa
from sim.pricing import Posted, Pricing, trade_of
from sim.promotion import Promotion
from sim.staff import Staff
from sim.strategies import Luck, MarketView
from sim.voice import Voice

if TYPE_CHECKING:
    from sim.firm_settings import FirmSpec
    from sim.market import Market
    from sim.policy import Policy
    from sim.programme_settings import ProgrammeSpec

FloatArray = npt.NDArray[np.float64]
PERKS = ("programme", "perks", "cash_back", "cash_at_once", "esteem", "prize")  # columns of an offer
PROSPECT_MEMORY = 26  # periods over which customers judge whether a firm grows
TREND_SCALE = 10.0  # a firm that grows or shrinks by 5% in that time looks wholly promising or hopeless


class Firm(mesa.Agent):  # type: ignore[misc]
    """A firm in the market.

    Parameters
    ----------
    market : Market
        The market it sells in.
    index : int
        Its place in the list of firms, and in every array by firm.
    spec : FirmSpec
        Its settings.
    """

    def __init__(self, market: Market, index: int, spec: FirmSpec) -> None:
        super().__init__(market)
        self.market = market
        self.index = index
        self.spec = spec
        self.name = spec.name
        self.pyramid = spec.pyramid
        self.base = spec.base_policy(market.scenario.channels)
        self.decider = spec.strategy.begin(Luck(market.seed_used, spec.name))
        self.pricing = Pricing(spec.pricing) if spec.pricing is not None else None
        ways = spec.ways_by_tier(market.scenario.channels)
        self.trade_price = np.array([way.price_factor for way in ways])  # by tier, relative to the firm's
        self.commission = np.array([way.commission for way in ways])  # by tier, share of what is paid
        levels = [way.serves for way in ways]
        self.is_handed_over = np.array([level is not None for level in levels])  # by tier: the channel serves
        self.channel_service = np.array([level or 0.0 for level in levels])
        own = index, slice(len(self.pyramid.tiers))  # of the market's, which adds up every period's changes
        self.stock, self.satisfaction_sum = market.stock[own], market.satisfaction_sum[own]
        self.attachment_sum = market.attachment_sum[own]
        self.service_costs = market.serving.costs[own]  # by tier: of serving a customer for a period, in money
        self.familiar = market.serving.familiar[own]  # periods of familiarity, summed over customers
        market.serving.saving[index] = spec.familiarity_saving
        market.serving.longest[index] = spec.familiarity_periods
        self.decided: Policy = self.base
        self._adopt(self.base)
        self.is_open = True
        self.has_programme_running = True
        self._coalition = _number_of_coalition(spec, market.scenario.firms)
        self.price_factor = 1.0
        self.failure_rate = spec.whole.failure_rate
        self.extra_advertising = 0.0
        self.receivables = 0.0  # what customers owe
        self.lent = 0.0  # sold on credit so far, in money
        self._posted: tuple[Any, ...] = (None,) * 8
        self._delivery_seen: float | None = None  # with which the offers were written
        self.promotion = Promotion(spec.mix) if spec.mix is not None else None
        self.staff = Staff(spec.staff) if spec.staff is not None else None
        self.voice = Voice(spec.voice) if spec.voice is not None else None
        buyers, has_contacts = market.scenario.customers.business, spec.contact is not None
        self.business = Business(spec.business or BusinessSpec(), buyers, has_contacts) if buyers is not None else None
        # service delivered relative to what is promised: past 1 if morale is high, and never beyond full service
        self.delivery = self.staff.delivery if self.staff else 1.0
        self.promise = 0.0  # experience that who is no customer yet may expect of what is offered
        self.last_review = 0
        self.customers_before: list[float] = []

    @property
    def points_open(self) -> float:
        """Points issued to its customers and neither redeemed nor expired."""
        return float(self.market.points_open[self.index])

    @property
    def n_customers(self) -> int:
        """Customers now: those who bought within the activity window."""
        return int(self.stock.sum())

    @property
    def advertising(self) -> float:
        """Advertising of the period, in money per person in the market."""
        return self.policy.advertising + self.extra_advertising if self.is_open else 0.0

    def _adopt(self, policy: Policy) -> None:
        """Take on a policy: the service the firm itself gives each tier, and what that costs.

        A customer's service costs, for a period, in money, grow with the square of its level. A tier that is handed
        over to its channel costs nothing.
        """
        self.policy = policy
        self.own_service = np.where(self.is_handed_over, 0.0, policy.service)
        self.service_costs[...] = self.spec.service_cost * self.own_service**2

    def promised(self, policy: Policy) -> FloatArray:
        """Return the service level promised to each tier: the firm's, or its channel's if it is handed over."""
        return np.where(self.is_handed_over, self.channel_service, policy.service)

    @property
    def delivered(self) -> FloatArray:
        """Service level that reaches each tier: what capacity and staff make of the firm's own, and the channel's."""
        own = np.minimum(1.0, self.policy.service * self.delivery)
        return np.where(self.is_handed_over, self.channel_service, own)

    @property
    def support(self) -> FloatArray:
        """What each tier gets besides service, in levels of service: nothing, but for businesses."""
        return self.business.support(self.policy) if self.business else np.zeros(len(self.policy.tiers))

    def posted(self, policy: Policy) -> Posted:
        """Return what everybody can see of the firm when it posts a policy."""
        image = self.promotion.image(self.spec.image) if self.promotion else self.spec.image
        entry, business = self.pyramid.entry_tier, self.business
        return Posted(
            price=policy.price * self.price_factor * float(self.trade_price[entry]),
            quality=self.quality_of(policy),
            service=float(self.promised(policy)[entry]),
            image=image,
            support=float(business.support(policy)[entry]) if business else 0.0,
            risk=business.felt_risk if business else 0.0,
        )

    @property
    def is_review_due(self) -> bool:
        """Whether the firm reviews its pyramid this period."""
        return self.is_open and self.market.period % self.pyramid.review_every == 0

    def decide(self) -> None:
        """On the cycle: choose the next policy from what can be seen, while rivals' old policies still stand."""
        if self.is_review_due:
            view = self.view()
            self.decided = self.decider.decide(view)
            if self.pricing:
                own = self.posted(self.decided)._replace(price=self.decided.price)
                firms = self.market.firms.values()
                rivals = [rival.posted(rival.policy) for rival in firms if rival is not self and rival.is_open]
                trade = trade_of(self.trade_price, self.commission, view.goods_cost, self.pyramid.entry_tier)
                price = self.pricing.decide(own, self.spec.unit_cost, rivals, math.fsum(view.contribution), trade)
                self.decided = self.decided.replace(price=price)

    def view(self) -> MarketView:
        """Return what the firm can see: its own records and books, and what rivals post."""
        market, history = self.market, self.market.history
        rivals = [rival for rival in market.firms.values() if rival is not self and rival.is_open]
        if history.books:
            books = history.of_last(self.pyramid.review_every)
        else:
            books = np.zeros((market.n_firms, market.n_tiers, N_LINES))
        own = books[self.index, : len(self.pyramid.tiers)]
        paid_to = [math.fsum(by_tier) for by_tier in books[:, :, Line.REVENUE]]
        paid = math.fsum(paid_to)
        shares = [to_one / paid if paid > 0.0 else 0.0 for to_one in paid_to]
        return MarketView(
            firm=self.name,
            period=market.period,
            base=self.base,
            current=self.policy,
            customers=self.stock.sum(axis=1).astype(np.int64),
            contribution=own[:, Line.REVENUE] - own[:, list(TIER_COST_LINES)].sum(axis=1),
            rival_prices={rival.name: rival.policy.price * rival.price_factor for rival in rivals},
            share=shares[self.index],
            purchases=own[:, Line.PURCHASES].astype(np.int64),
            revenue=own[:, Line.REVENUE].copy(),
            service_cost=own[:, Line.SERVICE].copy(),
            incentive_cost=own[:, Line.INCENTIVES].copy(),
            gained=own[:, Line.GAINED].astype(np.int64),
            lost=own[:, Line.LOST :].sum(axis=1).astype(np.int64),
            rival_shares={rival.name: shares[rival.index] for rival in rivals},
            settings=self.spec,
            goods_cost=own[:, Line.GOODS].copy(),
            channels=self.spec.channels_used(market.scenario.channels),
            buyers=market.scenario.customers.business,
        )

    def post_policy(self) -> None:
        """Adopt what was decided, let go whom it fires, and write every tier's offer where customers can read it."""
        market = self.market
        if self.policy is not self.decided:
            self._adopt(self.decided)
        if self.is_review_due:
            if self.policy.fire.any():
                entry = self.pyramid.entry_tier
                review.fire(market.town, self.index, self.policy.fire, entry, market.said, market.books, market.since)
            self.last_review = market.period
        if self.promotion and self.is_open:
            self.promotion.begin_period()
        self.write_offers()

    def write_offers(self) -> None:
        """Write the offer of every tier: whole if anything posted has changed, else only what drifts by itself."""
        offers, policy = self.market.offers[self.index][: len(self.policy.tiers)], self.policy
        posted = (
            policy, self.is_open, self.has_programme_running, self.price_factor, self.failure_rate,
            self.extra_advertising, self.promotion.price_factor if self.promotion else 1.0,
            self.voice.improvement if self.voice else 0.0,
        )  # fmt: skip
        if any(new is not old and new != old for new, old in zip(posted, self._posted, strict=True)):
            self._posted = posted
            for name, values in self._posted_columns().items():
                offers[name] = values
            self._delivery_seen = None
        if self.delivery != self._delivery_seen:
            self._delivery_seen = self.delivery
            offers["delivered"] = self.delivered
            entry, behaviour = offers[self.pyramid.entry_tier], self.market.behaviour
            served = float(entry["delivered"]) + float(entry["support"])
            self.promise = float(entry["quality"]) + behaviour.service_in_experience * served
        offers["prospect"] = self.prospect()
        if self.promotion:
            offers["image"] = self.promotion.image(self.spec.image)

    def _posted_columns(self) -> dict[str, Any]:
        """Return the posted part of the offers, by column: a number, or an array of shape (n_tiers,)."""
        spec, policy = self.spec, self.policy
        programme = spec.programme if self.has_programme_running else None
        list_price = policy.price * self.price_factor * (1.0 + policy.surcharge) * self.trade_price
        price = list_price * (1.0 - policy.discount) * (self.promotion.price_factor if self.promotion else 1.0)
        takes_part, perks = programme_columns(spec, programme)
        pays = programme if programme and programme.kind == "points" else None
        points = pays.points_per_money * policy.points * takes_part if pays else np.zeros(len(policy.tiers))
        failure_rate = self.voice.failure_rate(self.failure_rate) if self.voice else self.failure_rate
        columns = {
            "is_open": self.is_open,
            "slot": self.market.origins.firm_slots[self.index],
            "entry_tier": self.pyramid.entry_tier,
            "quality": self.quality,
            "quality_value": self.quality_value,
            "inconsistency": spec.whole.inconsistency,
            "failure_rate": failure_rate,
            "image": spec.image,
            "ad_reach": 1.0 - math.exp(-self.advertising / spec.contact_cost),
            "unit_cost": spec.unit_cost,
            "gift_worth": spec.gift_worth,
            "recovery": policy.recovery,
            "goodwill": policy.goodwill,
            "readiness": 1.0 + spec.referral.readiness if spec.referral else 1.0,
            "complaint_cost": spec.complaint_cost,
            "complaint_ease": spec.complaint_ease,
            "welcome": policy.welcome,
            "win_back": spec.win_back.offer if spec.win_back else 0.0,
            "redeem_at": pays.redeem_at * takes_part if pays else 0.0,
            "clearing": programme.clearing if programme else 0.0,
            "coalition": self._coalition if pays else 0,
            **perks,
            "reward_cost": programme.reward_cost if programme else 0.0,
            "points": points,
            "points_worth": points * pays.reward_worth / pays.redeem_at if pays else 0.0,
            "service": self.promised(policy),
            "list_price": list_price,
            "price": price,
            "log_price": [math.log(value) for value in price],
            "gift": policy.gift if self.has_programme_running else 0.0,
            "effort": policy.channel_effort,
            "credit_worth": spec.tiers_on_credit * (spec.credit.worth if spec.credit else 0.0),
            "channel_cost": policy.channel_cost,
            "commission": self.commission,
        }
        return columns | self.business.columns(policy, failure_rate) if self.business else columns

    @property
    def quality(self) -> float:
        """Quality of the product, 0 to 1: the policy's, raised by what customers have suggested."""
        return self.quality_of(self.policy)

    def quality_of(self, policy: Policy) -> float:
        """Return the quality that a policy comes to with what customers have suggested so far, 0 to 1."""
        return self.voice.quality(policy.quality) if self.voice else policy.quality

    @property
    def quality_value(self) -> float:
        """The value of the product's quality within what people want, 0 to 1; negative if it is refused."""
        behaviour = self.market.scenario.customers.behaviour
        return quality_value(self.quality, behaviour.quality_floor, behaviour.quality_want)

    def prospect(self) -> float:
        """Return how promising the firm looks, 0 to 1: whether its customers grew over the last half-year."""
        if len(self.customers_before) <= PROSPECT_MEMORY or self.customers_before[-PROSPECT_MEMORY - 1] == 0:
            return 0.5
        trend = self.customers_before[-1] / self.customers_before[-PROSPECT_MEMORY - 1] - 1.0
        return min(1.0, max(0.0, 0.5 + TREND_SCALE * trend))

    def close_books(self) -> None:
        """Pay the costs of the period, and see how far service stretches in the next."""
        market = self.market
        own = market.period_books[self.index, : len(self.stock)]
        self.customers_before.append(float(self.stock.sum()))
        if self.spec.credit is not None:
            flows = (own[:, :, line].ravel().tolist() for line in (Line.ON_CREDIT, Line.COLLECTED, Line.BAD_DEBT))
            lent, collected, written_off = map(math.fsum, flows)
            self.receivables = self.receivables + lent - collected - written_off
            self.lent += lent
        costs, n_people = market.period_firm_costs[self.index], market.n_customers
        if self.is_open:
            costs[FirmCost.ADVERTISING] = self.advertising * n_people
            business_cost = self.business.running_cost if self.business else 0.0
            costs[FirmCost.FIXED] = (self.spec.fixed_cost + business_cost) * n_people
            if self.spec.programme and self.has_programme_running:
                costs[FirmCost.PROGRAMME] = self.spec.programme.running_cost * n_people
            if self.spec.capacity is not None:
                costs[FirmCost.CAPACITY] = self.spec.capacity_cost * self.spec.capacity * n_people
            if self.spec.credit is not None:
                costs[FirmCost.INTEREST] = self.spec.credit.interest * self.receivables
            if self.promotion:
                costs[FirmCost.PROMOTION] = self.promotion.firm_cost * n_people
        load = 0.0  # promised service relative to capacity
        if self.spec.capacity is not None:
            capacity = self.spec.capacity * n_people
            promised = float((self.stock.sum(axis=1) * self.own_service).sum())
            self.delivery = min(1.0, capacity / promised) if promised > 0.0 else 1.0
            load = promised / capacity
        if self.promotion:
            self.promotion.end_period(math.fsum(own[:, :, Line.REVENUE].ravel()) / n_people, self.is_open)
        if self.voice:
            complaints, praise = (float(own[:, :, line].sum()) for line in (Line.COMPLAINTS, Line.PRAISE))
            suggestions = self.voice.suggestions(complaints, praise)
            costs[FirmCost.VOICE] = suggestions * self.voice.spec.handling_cost
            self.voice.end_period(suggestions / n_people)
        if self.staff and self.is_open:
            purchases = float(own[:, :, Line.PURCHASES].sum())
            complaints = float(own[:, :, Line.COMPLAINTS].sum()) / purchases if purchases > 0.0 else 0.0
            costs[FirmCost.STAFF] = self.staff.end_period(load, complaints) * n_people
            self.delivery = (self.delivery if self.spec.capacity is not None else 1.0) * self.staff.delivery


def programme_columns(
    spec: FirmSpec, programme: ProgrammeSpec | None
) -> tuple[FloatArray, dict[str, FloatArray | float]]:
    """Return which tiers may take part in a programme, 1 or 0, and the columns of offers that say what members get."""
    tiers = spec.pyramid.tiers
    if programme is None:
        return np.zeros(len(tiers)), dict.fromkeys(PERKS, 0.0)
    group = tiers if programme.group is None else programme.group
    takes_part = np.array([float(tier in group) for tier in tiers])
    cash, status, prizes = programme.cash_back, programme.status, programme.prizes
    share = cash.share if programme.kind == "cash_back" else 0.0
    esteem = status.esteem if programme.kind == "status" else 0.0
    prize = prizes.felt * prizes.chance * prizes.worth if programme.kind == "prizes" else 0.0
    return takes_part, {
        "programme": takes_part * (2.0 if programme.uses_cards else 1.0),
        "perks": takes_part * float(share > 0.0 or esteem > 0.0 or prize > 0.0),
        "cash_back": takes_part * share,
        "cash_at_once": takes_part * (share if cash.paid_at == "purchase" else 0.0),
        "esteem": takes_part * esteem,
        "prize": prize,
    }


def _number_of_coalition(spec: FirmSpec, firms: tuple[FirmSpec, ...]) -> int:
    """Return the number of the coalition whose programme a firm shares, from 1; 0 if it shares none."""
    names = sorted({firm.programme.coalition or "" for firm in firms if firm.programme} - {""})
    return names.index(spec.programme.coalition) + 1 if spec.programme and spec.programme.coalition else 0


def quality_value(quality: float, floor: float, want: float) -> float:
    """Return the value of a quality inside the segment's window, 0 to 1; negative if it is refused.

    Below the floor it is refused; above what the segment wants it adds cost and no value.
    """
    if quality < floor:
        return -1.0
    return min(1.0, (quality - floor) / (want - floor))
