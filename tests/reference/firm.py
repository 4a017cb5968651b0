"""One firm: it ranks its customers, decides, posts, and closes its books."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mesa
import numpy as np

from sim.accounts import N_LINES, TIER_COST_LINES, Cause, FirmCost, Line
from sim.draws import firm_slot
from sim.loyalty_types import LoyaltyType
from sim.pyramids import SteppedPyramid
from sim.strategies import Luck, MarketView
from tests.reference.arithmetic import FOR_GOOD, clip, single
from tests.reference.business import Supplier
from tests.reference.person import Word
from tests.reference.pricing import PriceMethod
from tests.reference.sight import climb, look, scores_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.channels import ChannelSpec
    from sim.firm_settings import FirmSpec
    from sim.policy import Policy
    from tests.reference.market import ReferenceMarket
    from tests.reference.person import Customer
    from tests.reference.relation import Relation

_GROWTH_OVER = 26  # periods


@dataclass(frozen=True, slots=True)
class Offer:
    """What a firm posts to one tier in one period."""

    list_price: float
    price: float
    log_price: float
    service: float
    delivered: float
    effort: float
    channel_cost: float
    commission: float
    points: float
    gift: float
    recovery: float  # chance that full service makes good a complaint
    goodwill: float  # cost of what is given then
    takes_part: bool  # in the programme, if one runs
    support: float  # what a business gets besides service
    failure_rate: float  # chance that a purchase fails, in whatever way


class Firm(mesa.Agent):
    """A firm of the market.

    Parameters
    ----------
    model : ReferenceMarket
        The market.
    number : int
        Place in the scenario's list.
    spec : FirmSpec
        The firm's settings.
    """

    model: ReferenceMarket

    def __init__(self, model: ReferenceMarket, number: int, spec: FirmSpec) -> None:
        super().__init__(model)
        self.found(number, spec)

    def found(self, number: int, spec: FirmSpec) -> None:
        """Set up the firm, before anybody knows it."""
        model = self.model
        self.number, self.spec = number, spec
        self.to_businesses = Supplier(self) if model.settings.business is not None else None
        self.slot = firm_slot(spec.name)
        self.base = spec.base_policy(model.scenario.channels)
        self.decider = spec.strategy.begin(Luck(model.seed_used, spec.name))
        self.policy = self.decided = self.base
        self.tiers = spec.pyramid.tiers
        self.entry_tier = spec.pyramid.entry_tier
        events = [event for event in model.scenario.events if getattr(event, "firm", None) == spec.name]
        kinds = [event.kind for event in sorted(events, key=lambda event: event.at)]
        self.is_open = [kind for kind in kinds if kind in ("entry", "exit")][:1] != ["entry"]
        self.is_founder = self.is_open or any(event.kind == "entry" and event.at == 0 for event in events)
        of_programme = [kind for kind in kinds if kind in ("programme_start", "programme_end")]
        self.runs_programme = of_programme[:1] != ["programme_start"]
        self.has_opened_access = False
        self.price_factor = 1.0
        self.failure_rate = self.own_failure_rate
        self.improvement, self.suggested = 0.0, []  # of the product; suggestions by period
        self.burst = 0.0  # added spend on advertising
        self.price_method = PriceMethod(self) if spec.pricing is not None else None
        missed = 1.0
        for _, channel in self.channels_of(self.entry_tier):
            missed *= 1.0 - channel.access
        self.reach = spec.reach + (1.0 - spec.reach) * (1.0 - missed)
        self.goodwill = self.purse = 0.0  # what promotion has built, and money in hand for price cuts
        self.receivables = 0.0  # what customers owe
        self.is_cut = False
        self.morale, self.trained = (spec.staff.morale if spec.staff else 0.5), 0.0
        self.delivery = self.staff_delivery
        self.prospect = 0.5
        self.stock: list[int] = []
        self.contacts = [0.0]  # advertising contacts per person, before each period and up to now
        self.reviewed_at = 0
        self.book = np.zeros((model.n_blocks, model.n_tiers, len(LoyaltyType), N_LINES))
        self.offers: list[Offer] = []

    # ---- what others read -------------------------------------------------------------------------------------------

    @property
    def price(self) -> float:
        """The posted price: the policy's, changed by events."""
        return self.policy.price * self.price_factor

    @property
    def advertising(self) -> float:
        """Money spent on advertising, per person in the market."""
        return self.policy.advertising + self.burst if self.is_open else 0.0

    @property
    def ad_reach(self) -> float:
        """Chance that a person is reached by this period's advertising."""
        return 1.0 - math.exp(-self.advertising / self.spec.contact_cost)

    @property
    def has_programme(self) -> bool:
        """Whether there is a programme, and it runs."""
        return self.spec.programme is not None and self.runs_programme

    def has_programme_for(self, tier: str) -> bool:
        """Say whether customers of a tier may take part in the programme that runs."""
        return self.has_programme and (self.spec.programme.group is None or tier in self.spec.programme.group)

    def partners(self) -> list[Firm]:
        """Return the other firms whose points count here, in the order of their slots."""
        if not self.has_programme or self.spec.programme.coalition is None:
            return []
        alike = [
            firm
            for firm in self.model.firm_list
            if firm is not self
            and firm.has_programme
            and firm.spec.programme.coalition == self.spec.programme.coalition
        ]
        return sorted(alike, key=lambda firm: firm.slot)

    @property
    def readiness(self) -> float:
        """How much more readily its customers praise it, for a reward."""
        return 1.0 + self.spec.referral.readiness if self.spec.referral else 1.0

    @property
    def own_failure_rate(self) -> float:
        """Chance of a failure but for events: that any of the parts fails."""
        is_sound = 1.0
        for part in self.spec.parts:
            is_sound *= 1.0 - part.failure_rate
        return 1.0 - is_sound if self.spec.parts else self.spec.failure_rate

    @property
    def inconsistency(self) -> float:
        """Standard deviation of experienced quality: the worst part's, as far as that counts, and the mean's."""
        parts, w = self.spec.parts, self.spec.weakest_link
        if not parts:
            return self.spec.inconsistency
        variance = math.fsum((part.weight * part.inconsistency) ** 2 for part in parts)
        worst = next(part for part in parts if part.quality == min(each.quality for each in parts))
        together = math.sqrt(variance) / math.fsum(part.weight for part in parts)
        return (1.0 - w) * together + w * worst.inconsistency

    @property
    def quality(self) -> float:
        """Quality, as far as suggestions have raised it."""
        return self.quality_under(self.policy)

    def quality_under(self, policy: Policy) -> float:
        """Return the quality of a policy, as far as suggestions have raised it."""
        own, how = policy.quality, self.spec.voice
        return own if how is None else own + how.quality_gain * (1.0 - own) * self.improvement

    @property
    def failures_avoided(self) -> float:
        """Share of failures that suggestions have done away with."""
        return 0.0 if self.spec.voice is None else self.spec.voice.failure_cut * self.improvement

    @property
    def quality_value(self) -> float:
        """Quality, as valued inside the window."""
        how = self.model.behaviour
        return min(1.0, (self.quality - how.quality_floor) / (how.quality_want - how.quality_floor))

    def contacts_since(self, period: int) -> float:
        """Return advertising contacts per person in the periods after one, up to now."""
        return self.contacts[-1] - self.contacts[period + 1]

    def members(self) -> list[tuple[Customer, Relation]]:
        """Return the firm's customers, in the order of rows."""
        pairs = [(customer, customer.relations[self.number]) for customer in self.model.customer_list]
        return [(customer, relation) for customer, relation in pairs if relation.is_active]

    @property
    def image(self) -> float:
        """The brand's image, raised by goodwill."""
        image, mix = self.spec.image, self.spec.mix
        return image if mix is None else image + (1.0 - image) * (self.goodwill / (self.goodwill + mix.goodwill_half))

    @property
    def staff_delivery(self) -> float:
        """What the morale of the staff makes of the service that is promised."""
        return 1.0 + self.spec.staff.delivery_span * (2.0 * self.morale - 1.0) if self.spec.staff else 1.0

    def channels_of(self, tier: int) -> list[tuple[float, ChannelSpec]]:
        """Return the channels of a tier, each with its share of purchases, in the order of the alphabet."""
        shares = self.spec.tier_channels.get(self.tiers[tier], self.spec.channel)
        return [(shares[name], self.model.scenario.channels[name]) for name in sorted(shares)]

    def third_party(self, tier: int) -> float | None:
        """Return the service level that a third party gives a tier; None where the firm itself serves it."""
        return self.channels_of(tier)[0][1].serves

    def serves(self, tier: int) -> bool:
        """Say whether the firm itself serves a tier, and no third party does."""
        return self.third_party(tier) is None

    def trade(self, tier: int) -> tuple[float, float]:
        """Return how much more customers of a tier pay than the firm's price, and the share of it the trade keeps."""
        raised, lost = [], []
        for share, channel in self.channels_of(tier):
            kept = 1.0
            for margin in channel.margins:
                kept *= 1.0 - margin
            factor = 1.0 - channel.passed_on + channel.passed_on / kept
            raised.append(share * factor)
            lost.append(share * factor * (1.0 - kept))
        return math.fsum(raised), math.fsum(lost) / math.fsum(raised)

    def service_cost_of(self, tier: int) -> float:
        """Return what it costs to serve a customer of a tier for a period."""
        service = self.policy.service[tier]
        return self.spec.service_cost * (service * service) if self.serves(tier) else 0.0

    def promise(self, tier: int, policy: Policy) -> float:
        """Return the service level promised to a tier."""
        own = self.third_party(tier)
        return float(policy.service[tier]) if own is None else own

    def delivered(self, tier: int) -> float:
        """Return the service level that reaches a tier."""
        level = self.promise(tier, self.policy)
        return min(1.0, level * self.delivery) if self.serves(tier) else level

    def support(self, tier: int) -> float:
        """Return what customers of a tier get besides service: nothing, but for businesses."""
        return self.to_businesses.support(tier, self.policy) if self.to_businesses else 0.0

    @property
    def felt_risk(self) -> float:
        """Utility that businesses lose to the risk of depending on the firm."""
        return self.to_businesses.felt_risk if self.to_businesses else 0.0

    def known_for(self, relation: Relation, period: int) -> int:
        """Return how familiar a customer is in a period, in periods."""
        return min(period - relation.since, self.spec.familiarity_periods)

    # ---- review and policy ------------------------------------------------------------------------------------------

    @property
    def is_due(self) -> bool:
        """Whether the firm reviews its pyramid and its policy in this period."""
        return self.is_open and self.model.period % self.spec.pyramid.review_every == 0

    def review(self) -> None:
        """Rank the customers, cut the tiers anew, and let the record fade."""
        t, pyramid = self.model.period, self.spec.pyramid
        if t == 0:
            return
        members = self.members()
        for _, relation in members:
            periods = range(max(relation.since, self.reviewed_at), t)
            familiar = sum(self.known_for(relation, period) for period in periods)
            saved = self.spec.familiarity_saving * familiar / self.spec.familiarity_periods
            served = len(periods) - saved
            relation.margin = single(relation.margin - self.service_cost_of(relation.tier) * served)
        if isinstance(pyramid, SteppedPyramid):
            tiers = climb(pyramid, members, look(self, members))
        else:
            scores = scores_of(self, members)
            cuts = pyramid.cuts(np.array(scores, dtype=np.float64)).tolist()
            standing = zip(members, scores, strict=True)
            tiers = [self.tier_of(score, relation.tier, cuts) for (_, relation), score in standing]
        migration = np.zeros((len(self.tiers), len(self.tiers)), dtype=np.int64)
        for (_, relation), after in zip(members, tiers, strict=True):
            before = relation.tier
            migration[before, after] += 1
            relation.tier = after
            if after > before:
                relation.judge_character(False, self.model.behaviour)
            relation.fade(pyramid.memory)
        self.model.migration.append((t, self.number, migration))
        self.reviewed_at = t

    def tier_of(self, score: float, tier: int, cuts: list[float]) -> int:
        """Return a customer's new tier: past a cut by the hysteresis, one rises or falls."""
        hysteresis = self.spec.pyramid.hysteresis
        while tier > 0 and score >= cuts[tier - 1] + hysteresis * abs(cuts[tier - 1]):
            tier -= 1
        while tier < len(cuts) and score < cuts[tier] - hysteresis * abs(cuts[tier]):
            tier += 1
        return tier

    def decide(self) -> None:
        """Decide on a policy, on what rivals had posted before."""
        rivals = [firm for firm in self.model.firm_list if firm.is_open and firm is not self]
        customers = np.zeros(len(self.tiers), dtype=np.int64)
        for _, relation in self.members():
            customers[relation.tier] += 1
        by_tier, revenues = self.since_review()
        own, total = by_tier[self.number], math.fsum(revenues)
        view = MarketView(
            firm=self.spec.name,
            period=self.model.period,
            base=self.base,
            current=self.policy,
            customers=customers,
            contribution=own[:, Line.REVENUE] - own[:, list(TIER_COST_LINES)].sum(axis=1),
            rival_prices={rival.spec.name: rival.price for rival in rivals},
            share=revenues[self.number] / total if total > 0.0 else 0.0,
            purchases=own[:, Line.PURCHASES].astype(np.int64),
            revenue=own[:, Line.REVENUE],
            service_cost=own[:, Line.SERVICE],
            incentive_cost=own[:, Line.INCENTIVES],
            gained=own[:, Line.GAINED].astype(np.int64),
            lost=own[:, Line.LOST : Line.LOST + len(Cause)].sum(axis=1).astype(np.int64),
            rival_shares={rival.spec.name: revenues[rival.number] / total if total > 0.0 else 0.0 for rival in rivals},
            settings=self.spec,
            goods_cost=own[:, Line.GOODS],
            channels={
                name: self.model.scenario.channels[name]
                for shares in (self.spec.channel, *self.spec.tier_channels.values())
                for name in shares
            },
            buyers=self.model.settings.business,
        )
        self.decided = self.decider.decide(view)
        if self.price_method is not None:
            self.decided = self.decided.replace(price=self.price_method.price(self.decided, view, rivals))

    def since_review(self) -> tuple[list[NDArray[np.float64]], list[float]]:
        """Return the lines of each firm's tiers and each firm's revenue, over the periods since the last review."""
        books = self.model.books[-1 - self.spec.pyramid.review_every : -1]  # the last is of the period that begins
        total = np.zeros_like(self.model.books[-1])
        for book in books:
            total += book
        by_tier = [total[firm.number, : len(firm.tiers)].sum(axis=1) for firm in self.model.firm_list]
        return by_tier, [math.fsum(lines[:, Line.REVENUE]) for lines in by_tier]

    def post(self) -> None:
        """Adopt what was decided, and let go of those who are to be fired."""
        self.policy = self.decided
        for customer, relation in self.members():
            if self.policy.fire[relation.tier] and relation.margin < 0.0:
                customer.end_membership(self, Cause.FIRED)
                relation.barred_until = FOR_GOOD
                relation.attachment = 0.0
                customer.put_down = Word(self, -1.0, 0)

    def write_offers(self) -> None:
        """Write down what each tier is offered in this period."""
        policy, price, mix = self.policy, self.price, self.spec.mix
        if mix is not None and self.is_open:
            self.purse += mix.spend("promotion")
            self.is_cut = self.purse > 0.0
        self.offers = []
        failure_rate = self.failure_rate * (1.0 - self.failures_avoided)
        for tier in range(len(self.tiers)):
            raised, lost = self.trade(tier)
            listed = price * (1.0 + float(policy.surcharge[tier])) * raised
            paid = listed * (1.0 - float(policy.discount[tier])) * (1.0 - mix.cut if self.is_cut else 1.0)
            offer = Offer(
                list_price=listed,
                price=paid,
                log_price=math.log(paid),
                service=self.promise(tier, policy),
                delivered=self.delivered(tier),
                effort=float(policy.channel_effort[tier]),
                channel_cost=float(policy.channel_cost[tier]),
                commission=lost,
                points=float(policy.points[tier]),
                gift=float(policy.gift[tier]) if self.runs_programme else 0.0,
                recovery=float(policy.recovery[tier]),
                goodwill=float(policy.goodwill[tier]),
                takes_part=self.has_programme_for(self.tiers[tier]),
                support=self.support(tier),
                failure_rate=failure_rate,
            )
            self.offers.append(self.to_businesses.offered(offer, tier) if self.to_businesses else offer)
        self.contacts.append(self.contacts[-1] + self.advertising / self.spec.contact_cost)

    # ---- books ------------------------------------------------------------------------------------------------------

    def enter(self, line: int, customer: Customer, amount: float = 1.0) -> None:
        """Enter an amount in the books, where the customer stands."""
        self.book[customer.block, customer.relations[self.number].tier, customer.type, line] += amount

    def close_books(self) -> None:
        """Add up the period, and see how well next period's promises can be kept."""
        n_people = self.model.n_customers
        book = np.zeros(self.book.shape[1:])
        for block in self.book:  # in order
            book += block
        self.book[:] = 0.0
        stock, familiar = np.zeros(book.shape[:2]), np.zeros(book.shape[:2])
        for customer, relation in self.members():
            stock[relation.tier, customer.type] += 1.0
            familiar[relation.tier, customer.type] += self.known_for(relation, self.model.period)
        served = stock - self.spec.familiarity_saving * familiar / self.spec.familiarity_periods
        for tier in range(len(self.tiers)):
            book[tier, :, Line.SERVICE] += self.service_cost_of(tier) * served[tier]
        self.model.books[-1][self.number] = book
        if self.spec.credit is not None:
            lent, collected, written_off = (
                math.fsum(book[..., line].ravel()) for line in (Line.ON_CREDIT, Line.COLLECTED, Line.BAD_DEBT)
            )
            self.receivables = self.receivables + lent - collected - written_off
        costs = self.model.firm_costs[-1][self.number]
        if self.is_open:
            costs[FirmCost.ADVERTISING] = self.advertising * n_people
            if self.spec.capacity is not None:
                costs[FirmCost.CAPACITY] = self.spec.capacity * self.spec.capacity_cost * n_people
            if self.has_programme:
                costs[FirmCost.PROGRAMME] = self.spec.programme.running_cost * n_people
            if self.spec.credit is not None:
                costs[FirmCost.INTEREST] = self.spec.credit.interest * self.receivables
            if (mix := self.spec.mix) is not None:
                spent = mix.spend("brand") + mix.spend("personal_selling") + mix.spend("direct_mail")
                costs[FirmCost.PROMOTION] = spent * n_people
            abilities = self.to_businesses.cost_of_abilities if self.to_businesses else 0.0
            costs[FirmCost.FIXED] = (self.spec.fixed_cost + abilities) * n_people
        by_tier = stock.sum(axis=1)
        load = sum(float(by_tier[k]) * float(self.policy.service[k]) for k in range(len(self.tiers)) if self.serves(k))
        if self.spec.capacity is not None:
            self.delivery = min(1.0, self.spec.capacity * n_people / load) if load > 0.0 else 1.0
        self.promote(math.fsum(book[..., Line.REVENUE].ravel()) / n_people)
        if self.spec.staff is not None and self.is_open:
            capacity = 1.0 if self.spec.capacity is None else self.delivery
            bought, complained = float(book[..., Line.PURCHASES].sum()), float(book[..., Line.COMPLAINTS].sum())
            utilised = 0.0 if self.spec.capacity is None else load / (self.spec.capacity * n_people)
            costs[FirmCost.STAFF] = self.manage_staff(utilised, complained / bought if bought else 0.0) * n_people
            self.delivery = capacity * self.staff_delivery
        if self.spec.voice is not None:
            costs[FirmCost.VOICE] = self.improve(
                float(book[..., Line.COMPLAINTS].sum()), float(book[..., Line.PRAISE].sum())
            )
        self.stock.append(int(by_tier.sum()))
        if len(self.stock) > _GROWTH_OVER and self.stock[-1 - _GROWTH_OVER] > 0:
            growth = self.stock[-1] / self.stock[-1 - _GROWTH_OVER] - 1.0
            self.prospect = clip(growth * 10.0 + 0.5, 0.0, 1.0)
        else:
            self.prospect = 0.5

    def promote(self, revenue: float) -> None:
        """Account for the money off that was given, and let goodwill fade and be built."""
        mix = self.spec.mix
        if mix is None:
            return
        if self.is_cut:
            self.purse -= revenue * mix.cut / (1.0 - mix.cut)
            self.is_cut = False
        self.goodwill *= 1.0 - mix.goodwill_decay
        if self.is_open:
            self.goodwill += mix.spend("brand")

    def improve(self, complained: float, praised: float) -> float:
        """Finish what was suggested some time ago, and take up what is suggested now; return its cost."""
        how = self.spec.voice
        count = how.complaints * complained + how.ideas * praised
        self.suggested.append(count / self.model.n_customers)
        self.improvement *= 1.0 - how.erosion
        if len(self.suggested) >= how.lag:
            done = self.suggested[-how.lag]
            self.improvement += (1.0 - self.improvement) * (1.0 - math.exp(-done / how.needed))
        return count * how.handling_cost

    def manage_staff(self, utilised: float, complaints: float) -> float:
        """Lose and replace staff, train, and see what it does to morale; return the cost per person in the market."""
        how = self.spec.staff
        left = min(1.0, how.turnover * 2.0 * (1.0 - self.morale))
        self.trained *= 1.0 - left
        self.trained += (1.0 - self.trained) * (1.0 - math.exp(-how.training / how.training_cost))
        strain = how.workload_effect * max(0.0, utilised - how.comfortable_load)
        aim = 0.5 + how.training_effect * self.trained - strain - how.complaint_effect * complaints
        self.morale += how.morale_speed * (clip(aim, 0.0, 1.0) - self.morale)
        return how.training + left * how.replacement_cost
