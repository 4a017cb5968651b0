"""What a firm sees of its customers at a review, customer by customer: by record, and by answers with an error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim import draws
from sim.accounts import Line
from sim.crm.records import period_weights
from sim.crm.value import annuity, survival_curve
from sim.draws import Stream
from sim.pyramids.ladder import EVERYBODY, Places
from sim.pyramids.observed import FACTS
from tests.reference.arithmetic import clip, single

if TYPE_CHECKING:
    from sim.pyramids import SteppedPyramid
    from tests.reference.firm import Firm
    from tests.reference.person import Customer
    from tests.reference.relation import Relation

Member = tuple["Customer", "Relation"]
Seen = dict[str, float]


def look(firm: Firm, members: list[Member]) -> list[Seen]:
    """Return what a firm sees of each customer, the cost of service charged to their records up to now."""
    t, n_windows = firm.model.period, firm.model.settings.activity_window
    reviews = [period for period, number, _ in firm.model.migration if number == firm.number]
    weights = period_weights(t, reviews, firm.spec.pyramid.memory).tolist()
    lengths = [0.0] * (t + 1)  # periods that the record is worth of who joined in each
    for period in reversed(range(t)):
        lengths[period] = lengths[period + 1] + weights[period]
    values = lifetime_values(firm, members, lengths)
    n_stages = len(firm.model.settings.life_stages)
    seen = []
    for (customer, relation), lifetime_value in zip(members, values, strict=True):
        repeats = max(0.0, relation.volume - weights[relation.since]) * (n_windows / max(lengths[0], 1.0))
        credit, own = max(0.0, relation.credit), max(0.0, relation.margin)
        answers = ask(firm, customer, relation)
        wish = answers.pop("wish")
        basket = relation.revenue / relation.volume if relation.volume > 0.0 else 0.0
        records = {
            "volume": relation.volume,
            "revenue": relation.revenue,
            "profit": relation.margin,
            "total_contribution": relation.margin + relation.credit,
            "lifetime_value": lifetime_value,
            "potential": max(0.0, wish - repeats) * basket,
            "repeats": repeats,
            "tenure": (t - relation.since) / n_windows,
            "recency": 1.0 - (t - 1 - relation.bought_at) / n_windows,
            "referral": credit / (credit + own) if credit + own > 0.0 else 0.0,
            "share": min(1.0, repeats / wish),
            "life_stage": float(customer.stage or 0),
            "stages_ahead": 0.0 if customer.stage is None else n_stages - 1.0 - customer.stage,
        }
        seen.append(records | answers)
    return seen


def lifetime_values(firm: Firm, members: list[Member], lengths: list[float]) -> list[float]:
    """Return the discounted own margin to come of each customer."""
    t, window = firm.model.period, float(firm.model.settings.activity_window)
    gained = np.array([book[firm.number, :, :, Line.GAINED].sum() for book in firm.model.books[:t]])
    still = np.zeros(t)
    for _, relation in members:
        still[relation.since] += 1.0
    worth = annuity(survival_curve(gained, still), firm.model.scenario.discount_rate).tolist()
    if not members:
        return []
    margins = np.array([relation.margin for _, relation in members])
    common = float(margins.sum()) / float(np.array([lengths[relation.since] for _, relation in members]).sum())
    values = []
    for _, relation in members:
        rate = (relation.margin + window * common) / (lengths[relation.since] + window)
        values.append(rate * worth[0] + rate * (worth[t - relation.since] - worth[0]))
    return values


def ask(firm: Firm, customer: Customer, relation: Relation) -> Seen:
    """Return what one customer answers when asked."""
    model, error = firm.model, firm.model.scenario.survey.error

    def noise(stream: Stream) -> float:
        luck = draws.uniform(model.seed_used, int(stream), model.period, customer.id, firm.slot)
        return float(draws.normal_of(luck))

    trust = (relation.trust_quality + relation.trust_character + relation.trust_ability) / 3.0
    repute = (1.0 + relation.opinion) / 2.0
    truths = {
        "satisfaction": (1.0 + relation.satisfaction) / 2.0,
        "closeness": relation.attachment,
        "trust": trust,
        "attitude": (relation.attachment + trust + repute) / 3.0,
        "repute": repute,
        "fit": 1.0 / (1.0 + math.exp(-relation.taste)),
    }
    answers = {
        name: clip(truth + error * noise(Stream[f"TELL_{name.upper()}"]), 0.0, 1.0) for name, truth in truths.items()
    }
    misjudged = math.exp(error * noise(Stream.TELL_WISH))
    answers["wish"] = customer.full_rate * model.settings.activity_window * misjudged
    return answers


def climb(pyramid: SteppedPyramid, members: list[Member], seen: list[Seen]) -> list[int]:
    """Return the level of each customer: the highest one within the steps allowed whose conditions are met."""

    def look(name: str, places: Places = EVERYBODY) -> np.ndarray:
        return np.array([each[name] for each in seen])[places]

    limits = [pyramid.limits(step, look) for step in pyramid.steps]
    if pyramid.is_stacked:
        limits = [[each for below in limits[k:] for each in below] for k in range(len(limits))]
    levels = []
    for (_, relation), what in zip(members, seen, strict=True):
        highest = max(0, relation.tier - pyramid.most_steps_up)
        levels.append(
            next(
                k
                for k in range(highest, len(limits))
                if meets(what, limits[k], pyramid.hysteresis if k < relation.tier else 0.0)
            )
        )
    return levels


def meets(what: Seen, limits: list[tuple[str, float]], margin: float) -> bool:
    """Say whether a customer meets all of some conditions, by a margin relative to each."""
    return all(what[name] >= least + (0.0 if name in FACTS else margin) * abs(least) for name, least in limits)


def scores_of(firm: Firm, members: list[Member]) -> list[float]:
    """Return what each customer is ranked by."""
    key = firm.spec.pyramid.rank_by
    if key == "lifetime_value":
        return [single(each["lifetime_value"]) for each in look(firm, members)]
    columns = {
        "volume": lambda relation: relation.volume,
        "revenue": lambda relation: relation.revenue,
        "profit": lambda relation: relation.margin,
        "total_contribution": lambda relation: single(relation.margin + relation.credit),
    }
    return [columns[key](relation) for _, relation in members]
