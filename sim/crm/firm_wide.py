"""What a firm does for all its customers alike: price, brand, calls, training, suggestions, know-how, way to market.

Judged like the levers of a tier, but over all tiers together, as no tier bears what it costs. The equations are in
``docs/value-analysis.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sim.accounts import FirmCost, Line
from sim.crm.more_levers import Judged, PerPurchase, customers_of, folk_of, ratio
from sim.firms import quality_value
from sim.levers.contacts import chances_of_contact
from sim.records import STEPS

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]

ALL_TIERS = "all tiers"
USUAL_PRICE = 1.0  # of the market


def firm_wide(market: Market, firm: Firm, lines: FloatArray) -> tuple[Judged | PerPurchase, ...]:
    """Judge what a firm does for all alike, at the end of a run.

    Parameters
    ----------
    market : Market
        A market that has run.
    firm : Firm
        One of its firms.
    lines : array, shape (n_tiers, n_lines)
        Its books of the long run.

    Returns
    -------
    tuple of Judged or PerPurchase
        The measures that cost something, each array of shape (n_tiers,): costs are shared out by purchases, so that
        they can be added up with what each tier makes of them.
    """
    found: list[Judged | PerPurchase] = [
        *_price(firm, lines),
        *_brand(market, firm, lines),
        *_calls(market, firm, lines),
        *_training(market, firm, lines),
        *_voice(market, firm, lines),
        *_of_businesses(market, firm, lines),
    ]
    return tuple(each for each in found if each.cost.sum() > 0.0)


def costs_paid(market: Market, firm: Firm) -> FloatArray:
    """Return what the firm paid in the long run that no tier bears, shape (n_periods, n_costs)."""
    return np.array([costs[firm.index] for costs in market.history.firm_costs[-market.horizon :]])


def _shared_out(cost: float, lines: FloatArray) -> FloatArray:
    """Share out a cost over the tiers by their purchases, shape (n_tiers,)."""
    purchases = lines[:, Line.PURCHASES]
    return cost * ratio(purchases, np.full(len(lines), purchases.sum()))


def _price(firm: Firm, lines: FloatArray) -> Iterator[Judged]:
    """Yield a price below the market's usual one, however the firm has come to it: money given, less the trade's share.

    The books have no price, so all that was paid is taken to have been paid at the price posted at the end.
    """
    price = firm.policy.price * firm.price_factor
    if price < USUAL_PRICE:
        given = lines[:, Line.REVENUE] * (USUAL_PRICE / price - 1.0)
        yield Judged("lower price", given * (1.0 - firm.commission), given, np.ones(len(lines)))


def _brand(market: Market, firm: Firm, lines: FloatArray) -> Iterator[Judged]:
    """Yield the brand: the image that goodwill adds, at every purchase; felt by those who know the firm at all."""
    if firm.promotion is None or firm.promotion.mix.spend("brand") == 0.0:
        return
    share = firm.promotion.mix.spend("brand") / firm.promotion.firm_cost
    cost = _shared_out(share * float(costs_paid(market, firm)[:, FirmCost.PROMOTION].sum()), lines)
    own = folk_of(market, firm, customers_of(market, firm))
    added = firm.promotion.image(firm.spec.image) - firm.spec.image
    felt = np.full(len(own.tier), market.scenario.customers.behaviour.image_weight * added)
    knows = float((market.town.relations["is_aware"][:, firm.index] != 0).mean())
    yield Judged("brand", cost, own.at_a_purchase(felt) * lines[:, Line.PURCHASES], np.full(len(lines), knows))


def _calls(market: Market, firm: Firm, lines: FloatArray) -> Iterator[Judged]:
    """Yield personal selling: what a call adds to attachment and trust is taken to last a window, as of contact."""
    mix, row = firm.spec.mix, customers_of(market, firm)
    if mix is None or firm.promotion is None or mix.spend("personal_selling") == 0.0 or len(row) == 0:
        return
    behaviour, window = market.scenario.customers.behaviour, market.scenario.customers.activity_window
    own, relations = folk_of(market, firm, row), market.town.relations[row, firm.index]
    rise = own.weight("attachment_gain") * mix.selling_effect * (1.0 - relations["attachment"])
    trusted = behaviour.trust_rise * (1.0 - relations["trust_character"] / STEPS)
    utility = own.weight("attachment_weight") * rise + behaviour.trust_weight / 4.0 * trusted
    worth = own.by_tier(own.money(utility) * own.often * window)  # if everybody were called on
    cycle, n_people = firm.pyramid.review_every, market.n_customers
    chance, _ = chances_of_contact(mix, cycle, n_people, len(row), len(row))
    spent = mix.spend("personal_selling") * cycle * n_people  # at a review
    share = mix.spend("personal_selling") / firm.promotion.firm_cost
    paid = share * float(costs_paid(market, firm)[:, FirmCost.PROMOTION].sum())
    received = min(1.0, chance * len(row) * mix.selling_cost / spent)  # the rest calls on somebody once more
    yield Judged("calls", _shared_out(paid, lines), worth * chance / spent * paid, np.full(len(lines), received))


def _training(market: Market, firm: Firm, lines: FloatArray) -> Iterator[PerPurchase]:
    """Yield training: the service that is delivered beyond what it would be at the morale of untrained staff."""
    staff = firm.staff
    if staff is None or staff.spec.training == 0.0:
        return
    n_periods = int((costs_paid(market, firm)[:, FirmCost.STAFF] > 0.0).sum())  # in which the firm was open
    cost = _shared_out(staff.spec.training * market.n_customers * n_periods, lines)
    untrained = staff.delivery_at(max(0.0, staff.morale - staff.spec.training_effect * staff.trained))
    without = firm.delivery * (untrained / staff.delivery if staff.delivery > 0.0 else 0.0)
    added = np.minimum(1.0, firm.own_service * firm.delivery) - np.minimum(1.0, firm.own_service * without)
    received = np.full(len(lines), staff.trained)
    yield PerPurchase("training", cost, {"service_weight": added}, lines[:, Line.PURCHASES], received)


def _voice(market: Market, firm: Firm, lines: FloatArray) -> Iterator[PerPurchase]:
    """Yield work on suggestions: a better product, and fewer failures, worth what quality would be."""
    voice = firm.voice
    if voice is None:
        return
    behaviour = market.scenario.customers.behaviour
    floor, want = behaviour.quality_floor, behaviour.quality_want
    better = max(0.0, firm.quality_value) - max(0.0, quality_value(firm.policy.quality, floor, want))
    fewer = firm.failure_rate - voice.failure_rate(firm.failure_rate)
    better += fewer * behaviour.failure_severity / (want - floor)
    cost = _shared_out(float(costs_paid(market, firm)[:, FirmCost.VOICE].sum()), lines)
    complaints, praise = (float(lines[:, line].sum()) for line in (Line.COMPLAINTS, Line.PRAISE))
    told = complaints + voice.spec.ideas * praise
    worked_on = voice.suggestions(complaints, praise) / told if told > 0.0 else 1.0
    whole = np.ones(len(lines))
    yield PerPurchase("voice", cost, {"quality_weight": better * whole}, lines[:, Line.PURCHASES], worked_on * whole)


def _of_businesses(market: Market, firm: Firm, lines: FloatArray) -> Iterator[PerPurchase]:
    """Yield know-how and a short way to market, if customers are businesses."""
    if firm.business is None:
        return
    spec, buyers, whole = firm.business.spec, firm.business.buyers, np.ones(len(lines))
    n_periods = int((costs_paid(market, firm)[:, FirmCost.FIXED] > 0.0).sum())  # in which the firm was open
    for lever, level, full_cost, weight in (
        ("know-how", spec.know_how, spec.know_how_cost, buyers.know_how),
        ("time to market", spec.time_to_market, spec.time_to_market_cost, buyers.time_to_market),
    ):
        cost = _shared_out(full_cost * level**2 * market.n_customers * n_periods, lines)
        yield PerPurchase(lever, cost, {"service_weight": weight * level * whole}, lines[:, Line.PURCHASES], whole)
