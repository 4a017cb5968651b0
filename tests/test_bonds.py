"""The levers of the bond, by hand and in the market: recovery, personal contact, referral rewards, win-back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from sim.accounts import Cause, Line
from sim.errors import InputError
from sim.levers.personal_contact import PersonalContact
from sim.levers.win_back import WinBack
from sim.records import STEPS
from tests.markets import STILL, STILL_FIRM, SURE_TO_BUY, Market, market, scenario

FAILING = {**STILL_FIRM, "failure_rate": 1.0, "recovery": 1.0, "service": 1.0, "complaint_cost": 3.0}
ALL_COMPLAIN: dict[str, Any] = {
    **STILL,
    "customers.behaviour.complaint_rate": 1.0,
    "customers.behaviour.recovery_repair": 0.8,
    "customers.demand.basket_shape": 1e8,
    "customers.demand.mean_basket": 30.0,
}


def after_one_period(**firm: Any) -> Market:
    """Return a market with one firm that fails everybody, all of whom complain, after its first period."""
    m = market([{**FAILING, **firm}], ALL_COMPLAIN)
    m.step()
    return m


@pytest.mark.parametrize(("goodwill", "repaired"), [(0.0, 0.8), (3.0, 0.95), (6.0, 1.1), (60.0, 2.0)])
def test_goodwill_repairs_by_its_worth_in_the_basket_by_hand(goodwill: float, repaired: float) -> None:
    """Each 1 given is worth 1.5: of a basket of 30, a twentieth."""
    m = after_one_period(goodwill=goodwill)
    bought = m.town.relations["bought_at"][:, 0] == 0
    assert bought.sum() > 50
    spec, how = m.firms["Firm0"].spec, m.behaviour
    promised = spec.quality + how.service_in_experience * spec.service
    felt = -how.failure_severity * (1.0 - repaired)
    np.testing.assert_allclose(
        m.town.relations["expectation"][bought, 0], promised + how.expectation_speed * felt, rtol=1e-5
    )
    books = m.history.books[0][0].sum(axis=(0, 1))
    assert books[Line.RECOVERIES] == bought.sum()
    assert books[Line.RECOVERY] == pytest.approx((3.0 + goodwill) * bought.sum())
    record = m.town.relations["margin"][bought, 0].astype(np.float64).sum()
    costs = books[Line.GOODS] + books[Line.RECOVERY] + books[Line.CHANNEL]
    assert record == pytest.approx(books[Line.REVENUE] - costs, rel=1e-6)


@pytest.mark.statistical
@pytest.mark.parametrize(("ease", "complaint_rate"), [(0.0, 0.9), (1.0, 0.3), (2.0, 0.3), (4.0, 0.3)])
def test_ease_multiplies_the_chance_of_a_complaint(ease: float, complaint_rate: float) -> None:
    """All are failed and nobody is attached: none, 0.3, 0.6 and all of them complain. Fails by chance 1e-6 each."""
    changes = {**ALL_COMPLAIN, "customers.behaviour.complaint_rate": complaint_rate}
    m = market([{**FAILING, "complaint_ease": ease}], changes)
    m.step()
    books = m.history.books[0][0].sum(axis=(0, 1))
    n, p = int(books[Line.FAILURES]), min(1.0, ease * complaint_rate)
    assert n == books[Line.PURCHASES] > 50
    assert binom.ppf(0.5e-6, n, p) <= books[Line.COMPLAINTS] <= binom.isf(0.5e-6, n, p)
    assert books[Line.RECOVERIES] == books[Line.COMPLAINTS]


def test_who_complains_and_is_made_good_stays_and_grumbles_less() -> None:
    """The same failures, the same luck: heard, fewer walk out and fewer tell others."""
    walked_out, told = [], []
    for ease in (0.5, 3.0):
        m = market([{"failure_rate": 0.3, "recovery": 1.0, "service": 0.9, "complaint_ease": ease}, {}])
        m.run()
        books = np.sum(m.history.books, axis=0)[0].sum(axis=(0, 1))
        walked_out.append(books[Line.LOST + Cause.FAILURE])
        told.append(books[Line.GRIEVANCES])
    assert walked_out[1] < 0.8 * walked_out[0]
    assert told[1] < told[0]


def test_a_tier_may_be_made_good_and_another_not() -> None:
    """Newcomers are lead, who are never made good; the other tiers always are, at full service."""
    tiers = {"lead": {"recovery": 0.0, "goodwill": 5.0}}
    m = market([{**FAILING, "tiers": tiers, "pyramid": {"scheme": "four_tier", "review_every": 4}}], ALL_COMPLAIN)
    m.run(12)
    books = np.sum(m.history.books, axis=0)[0].sum(axis=1)
    lead = m.firms["Firm0"].pyramid.tiers.index("lead")
    assert books[lead, Line.COMPLAINTS] > 30
    assert books[lead, Line.RECOVERIES] == 0
    assert books[lead, Line.RECOVERY] == pytest.approx(3.0 * books[lead, Line.COMPLAINTS])
    others = books[:lead].sum(axis=0)
    assert others[Line.RECOVERIES] == others[Line.COMPLAINTS] > 30


def test_what_a_tier_is_given_like_all_changes_nothing() -> None:
    plain = market([{}, {}])
    named = market([{"tiers": {"gold": {"recovery": 0.8, "goodwill": 0.0}}}, {}])
    plain.run()
    named.run()
    assert named.digest() == plain.digest()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("tiers.gold.recovery", 1.5), ("tiers.gold.goodwill", -1.0), ("goodwill", -0.5), ("complaint_ease", -1.0)],
)
def test_refuses_what_is_no_recovery(setting: str, value: float) -> None:
    with pytest.raises(InputError, match=setting.rsplit(".", maxsplit=1)[-1]):
        scenario([{"tiers": {"gold": {}}}], {f"firms.Firm0.{setting}": value})


# ---- personal contact -----------------------------------------------------------------------------------------------

CONTACT = {"pay": 2.0, "warmth": 0.5, "attention": 1.0}
QUICK = {"customers.activity_window": 3, "customers.demand.mean_rate": 0.5, "customers.count": 400}
PYRAMID = {"scheme": "four_tier", "review_every": 4}


def test_closeness_and_what_it_brings_by_hand() -> None:
    """Half of the way at each review: 0.5, then 0.75; 2 a period for 4 periods is 8, and who is new starts afresh."""
    m = market([{"contact": CONTACT, "pyramid": PYRAMID}, {}], QUICK)
    for _ in range(8):
        m.step()
    (lever,) = [lever for lever in m.levers if isinstance(lever, PersonalContact)]
    before = m.town.relations[:, 0].copy()
    was_close = lever.closeness[:, 0].copy()
    m.books[...] = 0.0
    lever.before_life()
    after, how = m.town.relations[:, 0], m.behaviour
    active = before["is_active"] == 1
    is_old, is_new = active & (before["since"] < 4), active & (before["since"] >= 4)
    assert min(is_old.sum(), is_new.sum(), (~active & (was_close > 0)).sum()) > 5
    assert set(lever.closeness[is_old, 0]) == {0.75}
    assert set(lever.closeness[is_new, 0]) == {0.5}
    assert set(lever.closeness[~active, 0]) == {0.0}
    assert not lever.closeness[:, 1].any()
    gain = m.town.people["attachment_gain"] * how.attachment_rise * lever.closeness[:, 0]
    np.testing.assert_allclose(
        after["attachment"], before["attachment"] + gain * (1.0 - before["attachment"]), rtol=1e-5, atol=1e-7
    )
    np.testing.assert_allclose(after["margin"][active], before["margin"][active] - 8.0, rtol=1e-5, atol=1e-5)
    trust = before["trust_character"] / STEPS
    trust = trust + how.trust_rise * lever.closeness[:, 0] * (1.0 - trust)
    np.testing.assert_allclose(after["trust_character"] / STEPS, trust, atol=1.0 / STEPS)
    assert m.books[:, 0, ..., Line.CONTACT].sum() == pytest.approx(8.0 * active.sum())
    change = (after["attachment"].astype(np.float64) - before["attachment"]).sum()
    assert m.books[:, 0, ..., Line.ATTACHMENT_CHANGE].sum() == pytest.approx(change)


def test_contact_is_for_the_tiers_that_have_it() -> None:
    """And is paid for there."""
    firm = {"contact": {"pay": 2.0}, "tiers": {"platinum": {"contact": 0.5}}, "pyramid": PYRAMID}
    m = market([firm, {}], QUICK, periods=13, horizon=5)
    m.run()
    (lever,) = [lever for lever in m.levers if isinstance(lever, PersonalContact)]
    paid = m.history.books[12][0, ..., Line.CONTACT].sum(axis=1)
    [moves] = [moves for t, f, moves in m.history.migration if (t, f) == (12, 0)]
    assert moves.sum(axis=0)[0] > 1
    assert paid == pytest.approx([4 * 2.0 * 0.5 * moves.sum(axis=0)[0], 0.0, 0.0, 0.0])
    assert (lever.closeness[:, 0] > 0).any()


def test_contact_that_nobody_has_changes_nothing() -> None:
    plain, none = market([{}, {}]), market([{"contact": {"attention": 0.0}}, {}])
    plain.run()
    none.run()
    assert (np.array(none.history.books) == np.array(plain.history.books)).all()
    assert (none.town.relations == plain.town.relations).all()


def test_close_customers_stay_longer() -> None:
    """In a market of people who can be attached, the same luck and a representative for all: fewer are lost."""
    changes = {"customers.mix": {"premium": 1.0}, "customers.count": 2000}
    lost = []
    for attention in (0.0, 1.0):
        m = market([{"contact": {**CONTACT, "attention": attention}}, {}], changes, periods=150)
        m.run()
        lost.append(np.sum(m.history.books, axis=0)[0, ..., Line.LOST :].sum())
    assert lost[1] < lost[0]


def test_refuses_contact_without_representatives() -> None:
    with pytest.raises(InputError, match=r"tiers.gold.contact = 0.5, but the firm has no representatives"):
        scenario([{"tiers": {"gold": {"contact": 0.5}}}])
    with pytest.raises(InputError, match="attention"):
        scenario([{"contact": {"attention": 1.5}}])


# ---- referral rewards -----------------------------------------------------------------------------------------------

#: People who hear of a firm before they buy, and who do not stay long: many join on somebody's word.
TALKATIVE: dict[str, Any] = {
    **QUICK,
    "customers.behaviour.praise_rate": 0.6,
    "network.topology": "small_world",
    "customers.mix": {"premium": 1.0},
}
REFERRING = {"awareness": 0.2, "referral": {"reward": 4.0, "readiness": 0.0}}


@pytest.mark.parametrize("for_returning", [False, True])
def test_a_reward_for_everyone_who_joins_on_a_customers_word(for_returning: bool) -> None:
    """Counted afresh from who bought on whose word: 4 for each, and for who comes back if that counts as new."""
    referral = {**REFERRING["referral"], "for_returning": for_returning}
    m = market([{**REFERRING, "referral": referral}, {}], TALKATIVE)
    total = returned = 0
    for period in range(40):
        told_by, told_at, bought_at = (
            m.town.relations[name].copy() for name in ("told_by", "told_at", "bought_at")
        )  # as the last step left it
        m.step()
        expected = 0
        for b, n in enumerate(m.said.n_credits):
            first = b * m.n_customers // m.n_blocks
            for place in range(first, first + n):
                buyer, f = m.said.credit_buyer[place], m.said.credit_firm[place]
                teller = m.network.neighbours[m.network.first[buyer] + told_by[buyer, f]]
                joined = m.town.relations["since"][buyer, f] == period
                is_here = m.town.people["birth"][teller] <= told_at[buyer, f]
                is_brought = f == 0 and joined and is_here and m.town.relations["is_active"][teller, f] == 1
                has_left = bought_at[buyer, f] >= 0
                returned += is_brought and has_left
                expected += is_brought and (for_returning or not has_left)
        books = m.history.books[-1]
        assert books[0, ..., Line.REFERRALS].sum() == expected
        assert books[0, ..., Line.INCENTIVES].sum() == 4.0 * expected
        assert books[1, ..., Line.REFERRALS].sum() == books[1, ..., Line.INCENTIVES].sum() == 0.0
        total += expected
    assert total > 20
    assert returned > 20


def test_a_reward_is_off_the_record_of_who_is_rewarded() -> None:
    """Before any review, what rewards cost is what the records are short of, but for those who left with theirs."""
    margins = []
    for reward in (0.0, 4.0):
        firm = {**REFERRING, "referral": {"reward": reward, "readiness": 0.0}, "pyramid": {"review_every": 100}}
        m = market([firm, {}], {**TALKATIVE, "customers.activity_window": 90}, periods=30)
        m.run()
        margins.append(m.town.relations["margin"][:, 0].astype(np.float64).sum())
        books = np.sum(m.history.books, axis=0)[0].sum(axis=(0, 1))
    assert books[Line.REFERRALS] > 20
    assert books[Line.LOST + Cause.MOVED] + books[Line.LOST + Cause.FAILURE] < 0.1 * books[Line.GAINED]
    assert margins[0] - margins[1] == pytest.approx(4.0 * books[Line.REFERRALS], rel=0.1)


def test_a_reward_makes_customers_praise_more_readily() -> None:
    """With the same luck, whoever praises without a reward does so with one."""
    praise = []
    for readiness in (0.0, 1.0):
        m = market([{"referral": {"reward": 0.0, "readiness": readiness}}], TALKATIVE)
        m.step()
        praise.append(m.history.books[0][0, ..., Line.PRAISE].sum())
    assert 0 < praise[0] < praise[1]


def test_a_reward_of_nothing_that_makes_nobody_ready_moves_nobody() -> None:
    plain, none = market([{}, {}]), market([{"referral": {"reward": 0.0, "readiness": 0.0}}, {}])
    plain.run()
    none.run()
    assert (none.town.relations == plain.town.relations).all()


# ---- win-back -------------------------------------------------------------------------------------------------------


def test_the_best_of_those_who_lapsed_are_called_back() -> None:
    """A twentieth of 400 people: 20, each for 0.5; none who is a customer, barred, or long gone."""
    win_back = {"most": 0.05, "contact_cost": 0.5, "within": 10}
    m = market([{"win_back": win_back, "pyramid": PYRAMID}, {}], QUICK)
    for _ in range(20):
        m.step()
    m.books[...] = 0.0
    m.town.people["is_alert"] = 0
    before = m.town.relations[:, 0].copy()
    (lever,) = [lever for lever in m.levers if isinstance(lever, WinBack)]
    lever.after_review([m.firms["Firm0"]])
    called = m.called_back[:, 0] == 1
    eligible = (before["is_active"] == 0) & (before["bought_at"] >= 10) & (before["barred_until"] <= 20)
    worth = lever.worth[:, 0]
    eligible &= worth > 0.0
    assert called.sum() == 20 < eligible.sum()
    assert (eligible | ~called).all()
    assert worth[called].min() >= worth[eligible & ~called].max()
    assert (worth[before["is_active"] == 1] == before["margin"][before["is_active"] == 1]).all()
    assert ((m.town.people["is_alert"] == 1) == called).all()
    assert m.town.relations["is_aware"][called, 0].all()
    assert m.books[:, 0, ..., Line.ACQUISITION].sum() == 0.5 * 20
    assert not m.called_back[:, 1].any()


def test_who_comes_back_is_paid_the_offer_once() -> None:
    """Without a cost of contact, what is spent on winning customers is the offer for each who was won back."""
    m = market([{"win_back": {"most": 0.2, "contact_cost": 0.0, "offer": 6.0}, "pyramid": PYRAMID}, {}], QUICK)
    m.run()
    books = np.sum(m.history.books, axis=0).sum(axis=(1, 2))
    assert books[0, Line.WON_BACK] > 20
    assert books[0, Line.ACQUISITION] == 6.0 * books[0, Line.WON_BACK]
    assert books[1, Line.WON_BACK] == 0
    is_customer = m.town.relations["is_active"][:, 0] == 1
    assert not m.called_back[is_customer, 0].any()


@pytest.mark.statistical
def test_an_offer_counts_in_the_choice_of_who_holds_one() -> None:
    """Half of the basket at weight 2 is one unit: e to 1 of choices between like firms. Fails by chance 1e-6."""
    firms = [{**STILL_FIRM, "win_back": {"offer": 15.0}}, STILL_FIRM]
    m = market(
        firms,
        {
            **STILL,
            **SURE_TO_BUY,
            "customers.demand.mean_basket": 30.0,
        },
    )
    m.called_back[:, 0] = 1
    m.step()
    first, other = (int(m.history.books[0][f, ..., Line.PURCHASES].sum()) for f in (0, 1))
    n, p = first + other, math.e / (1.0 + math.e)
    assert n > 7900
    assert binom.ppf(0.5e-6, n, p) <= first <= binom.isf(0.5e-6, n, p)
    assert m.history.books[0][0, ..., Line.WON_BACK].sum() == first


def test_offers_that_nobody_gets_change_nothing() -> None:
    plain, none = market([{}, {}]), market([{"win_back": {"most": 0.0}}, {}])
    plain.run()
    none.run()
    assert (none.town.relations == plain.town.relations).all()
    assert (np.array(none.history.books) == np.array(plain.history.books)).all()


def test_refuses_more_offers_than_people() -> None:
    with pytest.raises(InputError, match="most"):
        scenario([{"win_back": {"most": 1.5}}])


def test_a_run_tells_what_calls_and_rewards_came_to() -> None:
    """Nothing else is spent on winning customers here, so offers made and taken cost what the books say."""
    calls = {"most": 0.2, "contact_cost": 0.5, "offer": 6.0}
    m = market([{"win_back": calls, "pyramid": PYRAMID}, REFERRING], TALKATIVE)
    results = m.run()
    books = results.books[results.long_run].sum(axis=(0, 2, 3))
    assert list(zip(results.bonds["firm"], results.bonds["lever"], strict=True)) == [
        ("Firm0", "win_back"),
        ("Firm1", "referral"),
    ]
    called, brought = results.bonds.to_dict("records")
    assert called["taken"] == books[0, Line.WON_BACK] > 0
    assert called["offers"] > called["taken"]
    assert called["cost"] == pytest.approx(books[0, Line.ACQUISITION])
    assert brought["taken"] == books[1, Line.REFERRALS] > 0
    assert brought["cost"] == pytest.approx(4.0 * books[1, Line.REFERRALS])
    assert math.isnan(brought["offers"])
