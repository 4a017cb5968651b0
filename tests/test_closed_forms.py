"""Answers from theory: markets so plain that probability or algebra says what must come out.

Where people are independent, counts are binomial and tests are exact; each states how often it fails by chance. Seeds
are fixed, so that none ever flickers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom
from scipy.stats import t as student

from sim.accounts import Cause, Line
from sim.records import STEPS
from tests.markets import STILL, STILL_FIRM, Market, market

ALPHA = 1e-6  # a test fails by chance so often
CERTAIN_NEED = {"customers.demand.mean_rate": 50.0, "customers.demand.rate_shape": 500.0}  # none comes at e^-40
ALIKE = 1e9  # shape of a gamma distribution whose draws are within 2e-4 of each other
ONLY_PRICE: dict[str, Any] = {
    **STILL,
    "network.topology": "empty",
    "customers.mix": {"price": 1.0},
    "customers.behaviour.outside_utility": -50.0,
    "customers.behaviour.alert_search": 1.0,
    "customers.behaviour.price_jump": 1e9,
    "customers.behaviour.attachment_rise": 0.0,
    "customers.behaviour.trust_weight": 0.0,
    "customers.behaviour.habit_weight": 0.0,
    "customers.behaviour.unfamiliarity_weight": 0.0,
}


def is_binomial(count: float, n: float, p: float, alpha: float) -> bool:
    """Say whether a count is within what a binomial leaves but for ``alpha``, two-sided."""
    return bool(binom.ppf(alpha / 2, n, p) <= count <= binom.isf(alpha / 2, n, p))


def by_firm(m: Market, line: int) -> np.ndarray:
    """Return a line of the books by period and firm."""
    return np.array([books[..., line].sum(axis=(1, 2)) for books in m.history.books])


# ---- survival -------------------------------------------------------------------------------------------------------


@pytest.mark.statistical
def test_cohorts_die_out_geometrically_when_people_only_move_away():
    """Of those who joined in period s, Binomial(n, (1 - m)^(T - s)) are left at T; of each period's stock, m moves.

    One firm, everybody buys in every period, none lapses. Exact; all together fail by chance 1e-6.
    """
    move, periods = 0.03, 50
    m = market(
        [STILL_FIRM],
        {**ONLY_PRICE, **CERTAIN_NEED, "customers.turnover": move, "customers.count": 4000},
        periods=periods,
    )
    m.run()
    joined, left = by_firm(m, Line.GAINED)[:, 0], m.since[:, 0, :periods, 0].sum(axis=0)
    assert joined[0] > 3800
    assert joined[1:].min() > 60
    alpha = ALPHA / (2 * periods)
    for s in range(periods):
        assert is_binomial(left[s], joined[s], (1 - move) ** (periods - 1 - s), alpha), s
    moved = by_firm(m, Line.LOST + Cause.MOVED)[:, 0]
    stock = np.array([stock.sum() for stock in m.history.stock])
    for t in range(1, periods):
        assert is_binomial(moved[t], stock[t - 1], move, alpha), t
    assert by_firm(m, Line.LOST + Cause.LAPSED).sum() == 0


@pytest.mark.statistical
def test_cohorts_lapse_as_the_chain_of_quiet_periods_says():
    """A membership ends after w periods without a need; needs come with probability q, alike for all.

    Quiet periods are a Markov chain on 0 .. w - 1 with an absorbing end, whose power tells who is left of each cohort.
    Exact; all cohorts together fail by chance 1e-6.
    """
    need, window, periods = 0.4, 5, 40
    demand = {"customers.demand.mean_rate": -math.log(1 - need), "customers.demand.rate_shape": ALIKE}
    m = market(
        [STILL_FIRM],
        {**ONLY_PRICE, **demand, "customers.activity_window": window, "customers.count": 8000},
        periods=periods,
    )
    m.run()
    step = np.zeros((window, window))  # from so many quiet periods to so many
    step[:, 0] = need
    step[np.arange(window - 1), np.arange(1, window)] = 1 - need
    step[window - 1, 0] = 0.0  # the window is over before another need can come
    is_left = np.array([np.linalg.matrix_power(step, t)[0].sum() for t in range(periods)])
    joined, left = by_firm(m, Line.GAINED)[:, 0], m.since[:, 0, :periods, 0].sum(axis=0)
    assert joined.min() > 100
    for s in range(periods):
        assert is_binomial(left[s], joined[s], is_left[periods - 1 - s], ALPHA / periods), s
    assert 0.05 < is_left[-1] < is_left[5] < 0.95


# ---- switching ------------------------------------------------------------------------------------------------------


@pytest.mark.statistical
def test_switching_between_two_firms_is_the_markov_chain_of_the_logit():
    """Nothing is learnt: who buys from one firm looks at the other with probability s, and then the logit decides.

    Dearer to cheaper: s / (1 + e^-v), with v = price weight x ln(ratio of prices); back: s / (1 + e^v). So each
    period's repurchases are binomial given who is whose. The stationary share of the cheaper is 1 / (1 + e^-v), which
    the first choice, with both firms looked at, already gives. Exact; all together fail by chance 1e-6.
    """
    n, periods, search, weight, cheap = 6000, 40, 0.3, 6.0, 0.9
    m = market(
        [STILL_FIRM, {**STILL_FIRM, "price": cheap}],
        {
            **ONLY_PRICE, **CERTAIN_NEED, "customers.count": n,
            "customers.types": {"price": {"price_weight": weight, "search": search}},
        },
        periods=periods,
    )  # fmt: skip
    m.run()
    to_cheap = 1 / (1 + math.exp(-weight * math.log(1.0 / cheap)))
    chain = np.array(
        [[1 - search * to_cheap, search * to_cheap], [search * (1 - to_cheap), 1 - search * (1 - to_cheap)]]
    )
    share = np.array([1 - to_cheap, to_cheap])
    chances, again = by_firm(m, Line.REPEAT_CHANCES), by_firm(m, Line.REPURCHASES)
    bought = by_firm(m, Line.PURCHASES)
    for t in range(periods):
        assert is_binomial(bought[t, 0], n, share[0], ALPHA / (3 * periods)), t
        for f in range(2):
            assert is_binomial(again[t, f], chances[t, f], chain[f, f], ALPHA / (3 * periods)), (t, f)
    assert share @ chain == pytest.approx(share)
    assert (chances.sum(axis=1)[1:] == n).all()


@pytest.mark.statistical
def test_a_captured_market_is_won_back_at_the_rate_of_the_chain():
    """All start with the dearer firm, alone until the cheaper enters: the share then nears its end by (1 - s) a step.

    The chain's second eigenvalue is 1 - s: share_t = end (1 - (1 - s)^t). Exact; all together fail by chance 1e-6.
    """
    n, search, entry, periods = 6000, 0.25, 3, 25
    m = market(
        [STILL_FIRM, {**STILL_FIRM, "price": 0.9, "quality": 0.6}],
        {
            **ONLY_PRICE, **CERTAIN_NEED, "customers.count": n,
            "customers.types": {"price": {"price_weight": 8.0, "search": search}},
        },
        events=[{"kind": "entry", "firm": "Firm1", "at": entry}],
        periods=periods,
    )  # fmt: skip
    m.run()
    end = 1 / (1 + 0.9**8)
    bought = by_firm(m, Line.PURCHASES)
    for t in range(periods):
        expected = end * (1 - (1 - search) ** max(0, t - entry + 1))
        assert is_binomial(bought[t, 1], n, expected, ALPHA / periods), t


# ---- price ----------------------------------------------------------------------------------------------------------


@pytest.mark.statistical
@pytest.mark.parametrize(("share", "again"), [(0.0, 1 / 2), (0.5, 1 / 3), (1.0, 1 / 5)])
def test_a_price_one_is_used_to_costs_nothing_but_for_the_share_that_goes_by_itself(share, again):
    """One firm asks 2 of people who weigh nothing but price, by 2, and are used to it once they have paid it.

    At first the odds of buying are 2^-2, so one in five does; whoever has, by odds of 2^(-2 share). Purchases for the
    first time and again are binomial in every period. Exact; all together fail by chance 1e-6.
    """
    n, periods = 4000, 20
    weights = dict.fromkeys(("quality", "service", "reward", "effort", "attachment"), 0.0) | {"price": 2.0}
    m = market(
        [{**STILL_FIRM, "price": 2.0}],
        {
            **ONLY_PRICE, **CERTAIN_NEED, "customers.count": n,
            "customers.types": {"price": {f"{name}_weight": weight for name, weight in weights.items()}},
            "customers.behaviour.outside_utility": 0.0,
            "customers.behaviour.image_weight": 0.0,
            "customers.behaviour.reference_speed": 1.0,
            "customers.behaviour.absolute_price": share,
        },
        periods=periods,
    )  # fmt: skip
    m.run()
    gained, bought = by_firm(m, Line.GAINED)[:, 0], by_firm(m, Line.PURCHASES)[:, 0]
    have_bought = 0.0
    for t in range(periods):
        assert is_binomial(gained[t], n - have_bought, 1 / 5, ALPHA / (2 * periods)), t
        assert is_binomial(bought[t] - gained[t], have_bought, again, ALPHA / (2 * periods)), t
        have_bought += gained[t]
    assert have_bought > 0.9 * n


# ---- attachment -----------------------------------------------------------------------------------------------------

BETTER_THAN_ELSEWHERE: dict[str, Any] = {
    **{key: value for key, value in STILL.items() if "individual" not in key},
    "network.topology": "empty",
    "customers.count": 300,
    "customers.mix": {"premium": 1.0},
    "customers.behaviour.outside_utility": -50.0,
    "customers.behaviour.alert_search": 1.0,
    "customers.behaviour.disconfirmation_scale": 0.5,
    "customers.behaviour.service_in_experience": 0.5,
}
GOOD = {**STILL_FIRM, "quality": 0.8, "service": 0.4, "pyramid": {"scheme": "two_tier", "memory": 1.0}}
POOR = {**STILL_FIRM, "quality": 0.6, "service": 0.4, "reach": 0.0}


def test_attachment_grows_by_each_persons_own_share_of_what_is_missing():
    """It is 1 - (1 - r)^n after n purchases, with r = own gain x rise x (lived - norm) / scale; to single precision.

    Lived 0.8 + 0.5 x 0.4 = 1, which is expected; the norm is the mean of 1.0 and 0.8, so r = gain x 0.1 x 0.2.
    """
    gains = {"customers.types": {"premium": {"attachment_gain": 0.6}}, "customers.behaviour.attachment_rise": 0.1}
    m = market(
        [GOOD, POOR],
        {**BETTER_THAN_ELSEWHERE, **gains, "customers.demand.mean_rate": 0.7, "customers.activity_window": 1000},
    )
    m.run()
    gain, n = m.customers.column("attachment_gain").astype(float), m.customers.column("volume")[:, 0]
    assert len(np.unique(n)) > 20
    assert len(np.unique(gain)) > 100
    assert np.allclose(m.customers.column("attachment")[:, 0], 1 - (1 - 0.02 * gain) ** n, rtol=0, atol=2e-6)


def test_attachment_falls_with_disappointment_and_heals_as_people_get_used_to_it():
    """d_n = d_0 (1 - e)^n; each purchase takes fall x g x felt(d_n) of attachment, then gives r of what is missing.

    g is 1/2 above 1/2. Expectation is raised by hand; satisfaction is the running mean of d_n / scale. The recursion
    agrees to single precision; of satisfaction, to half a step of those it is kept in, over its speed.
    """
    rise, fall, adapt, speed, zone, scale = 0.9, 0.4, 0.15, 0.2, 0.08, 0.5
    m = market(
        [GOOD, POOR],
        {
            **BETTER_THAN_ELSEWHERE,
            **CERTAIN_NEED,
            "customers.behaviour.individual_spread": 0.0,
            "customers.types": {"premium": {"attachment_gain": 1.0}},
            "customers.behaviour.attachment_rise": rise,
            "customers.behaviour.attachment_fall": fall,
            "customers.behaviour.bond": 0.1,
        },
    )
    for _ in range(45):
        m.step()
    attachment, r = 1 - (1 - rise * 0.1 * 0.2) ** 45, rise * 0.1 * 0.2
    assert np.allclose(m.customers.column("attachment")[:, 0], attachment, rtol=0, atol=1e-6)
    m.town.relations["expectation"][:, 0] += 0.5
    difference, satisfaction, seen_g = -0.5, 0.0, set()
    for _ in range(12):
        m.step()
        beyond = max(0.0, abs(difference) - zone)
        felt = -min(1.0, beyond / scale)
        g = 0.5 if attachment > 0.5 else 1.0
        seen_g.add((g, felt < 0))
        attachment += fall * g * felt * attachment
        attachment += r * (1 - attachment)
        satisfaction += speed * (max(-1.0, difference / scale) - satisfaction)
        difference *= 1 - adapt
        assert np.allclose(m.customers.column("attachment")[:, 0], attachment, rtol=0, atol=2e-6)
        assert np.allclose(m.customers.column("satisfaction")[:, 0], satisfaction, rtol=0, atol=0.5 / STEPS / speed)
        assert np.allclose(m.customers.column("expectation")[:, 0], 1.0 - difference, rtol=0, atol=2e-6)
    assert seen_g >= {(0.5, True), (1.0, True)}


# ---- word of mouth --------------------------------------------------------------------------------------------------


def gossip(n: int, *, degree: float, praise: float, aware: float, contacts: float, seed: int = 1) -> Market:
    """Return a market of one product that everybody who knows it buys in every period, and praises with one chance.

    The first purchase makes for full attachment: the other firm, which nobody can reach, lowers what is expected
    elsewhere. Talkativeness is the same for all to 0.2%.
    """
    return market(
        [
            {**STILL_FIRM, "quality": 0.8, "awareness": aware, "advertising": contacts, "contact_cost": 1.0},
            {**STILL_FIRM, "quality": 0.5, "reach": 0.0, "awareness": 0.0},
        ],
        {
            **STILL,
            **CERTAIN_NEED,
            "customers.count": n,
            "customers.mix": {"premium": 1.0},
            "customers.types": {"premium": {"attachment_gain": 1.0}},
            "customers.talkativeness_shape": 1000.0,
            "customers.behaviour.outside_utility": -50.0,
            "customers.behaviour.alert_search": 1.0,
            "customers.behaviour.attachment_rise": 1.0,
            "customers.behaviour.bond": 1e6,
            "customers.behaviour.praise_rate": praise,
            "network": {"topology": "random", "mean_degree": degree},
        },
        seed=seed,
    )


@pytest.mark.statistical
def test_word_of_mouth_spreads_like_a_chain_of_binomials():
    """On a random network each fresh speaker is tied to each who does not know with p = degree / (N - 1).

    Who has spoken before has told all their neighbours, so only first words count (Reed & Frost's chain). Given the
    past: advertising reaches Binomial(S, 1 - e^-a); of those who know and have not spoken Binomial(U, praise) speak, F
    in number; of the rest Binomial(S', 1 - (1 - p)^F) hear it. All periods together fail by chance 1e-6.
    """
    n, degree, praise, contacts, periods = 20_000, 8.0, 0.05, 0.002, 30
    m = gossip(n, degree=degree, praise=praise, aware=0.02, contacts=contacts)
    p, alpha = degree / (n - 1), ALPHA / (3 * periods)
    has_spoken = np.zeros(n, dtype=bool)
    knew = m.customers.column("is_aware")[:, 0].astype(bool)
    assert is_binomial(knew.sum(), n, 0.02, alpha)
    for period in range(periods):
        m.step()
        knows = m.customers.column("is_aware")[:, 0].astype(bool)
        told_by_advertising = ~knew & (m.customers.column("bought_at")[:, 0] == period)
        speaks_first = (m.said.firm == 0) & ~has_spoken
        may_speak = (knew | told_by_advertising) & ~has_spoken
        still_without = ~knew & ~told_by_advertising
        heard = still_without & knows
        assert is_binomial(told_by_advertising.sum(), (~knew).sum(), 1 - math.exp(-contacts), alpha), period
        assert is_binomial(speaks_first.sum(), may_speak.sum(), praise, alpha), period
        assert is_binomial(heard.sum(), still_without.sum(), 1 - (1 - p) ** speaks_first.sum(), alpha), period
        assert not (speaks_first & ~may_speak).any()
        has_spoken |= speaks_first
        knew = knows
    assert knew.mean() > 0.9


@pytest.mark.statistical
def test_many_ties_seldom_used_make_the_bass_curve() -> None:
    """x_t+1 = x_t + (1 - x_t)(1 - e^-(a + b x_t)), innovation a by advertising, imitation b = degree x praise.

    Bass (1969), Management Science 15(5), in discrete time. Who repeats what they said is heard by nobody new: after t
    periods at least (1 - praise)^t of those who know have not spoken, so the curve lies between those of b and of
    b (1 - praise)^t. The mean of 16 markets is between them, but for t standard errors: 1e-6 by chance in all.
    """
    degree, praise, contacts, periods, n_seeds = 40.0, 0.01, 0.01, 16, 16
    slowest, fastest = [0.2], [0.2]
    for period in range(periods):
        for curve, b in ((slowest, degree * praise * (1 - praise) ** (period + 1)), (fastest, degree * praise)):
            curve.append(curve[-1] + (1 - curve[-1]) * (1 - math.exp(-(contacts + b * curve[-1]))))
    paths = np.zeros((n_seeds, periods + 1))
    for seed in range(n_seeds):
        m = gossip(10_000, degree=degree, praise=praise, aware=0.2, contacts=contacts, seed=seed)
        paths[seed, 0] = m.customers.column("is_aware")[:, 0].mean()
        for period in range(periods):
            m.step()
            paths[seed, period + 1] = m.customers.column("is_aware")[:, 0].mean()
    mean = paths.mean(axis=0)
    slack = student.isf(ALPHA / (2 * (periods + 1)), n_seeds - 1) * paths.std(axis=0, ddof=1) / math.sqrt(n_seeds)
    assert slack.max() < 0.08  # half or twice the imitation would be more than 0.15 off
    assert (slowest - slack <= mean).all()
    assert (mean <= fastest + slack).all()
