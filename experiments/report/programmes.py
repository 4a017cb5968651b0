"""What the programme, the events, the referrals and the calls of the focal firm came to: a section of the report."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from experiments.report.evidence import Evidence
from experiments.report.intervals import Interval, interval_of
from experiments.report.tables import Cell, Table
from experiments.report.words import Unit, in_unit, range_of


def of(evidence: Evidence) -> tuple[Table, ...]:
    """Return tables of programmes, of events, of rewards for bringing others and of calls, each if an arm has any."""
    found = (programmes(evidence), occasions(evidence), referrals(evidence), win_backs(evidence))
    return tuple(table for table in found if table is not None)


def programmes(evidence: Evidence) -> Table | None:
    """Return what the firm's programme came to, by arm; None if no arm has one."""
    found = evidence.tables.get("programmes")
    if found is None or found.empty or not evidence.arms:
        return None
    rows = []
    for arm in evidence.arms:
        own = found[found["arm"] == arm]
        if own.empty:
            continue
        shares = [
            interval_of(own[name])
            for name in ("participation", "member_share", "redemption_rate", "breakage", "cost_share")
        ]
        each = interval_of(own["cost_per_repeat"])
        cells = [*(_cell(share, "percent") for share in shares), _cell(each, "money")]
        rows.append((f"{evidence.label[arm]}: {own['kind'].iloc[0].replace('_', ' ')}", cells))
    return Table(
        "What the programme came to",
        ["Arm", "Members", "Their purchases", "Redeemed", "Expired", "Cost of revenue", "Cost per repeat purchase"],
        rows,
        "Over the long run; members are of the customers at its end, redeemed and expired of the points issued. "
        "The cost is of rewards, invitations and running costs. A repeat purchase by a member would in part have "
        "been made anyway: what the programme added is the difference between arms, not in this table. Smaller print: "
        "95% intervals over seeds.",
    )


def occasions(evidence: Evidence) -> Table | None:
    """Return what the firm's events came to, by arm and event; None if no arm holds any."""
    found = evidence.tables.get("occasions")
    if found is None or found.empty or not evidence.arms:
        return None
    rows = []
    for arm in evidence.arms:
        own = found[found["arm"] == arm]
        for name, event in own.groupby("name", sort=False, observed=True):
            by_seed = event.groupby("seed")[["invited", "willing", "guests", "needs"]].mean()
            cells = [_cell(interval_of(by_seed[column]), "people") for column in by_seed]
            rows.append((f"{evidence.label[arm]}: {name}", cells))
    return Table(
        "What the firm's events came to",
        ["Arm, event", "Invited", "Would come", "Guests", "Needs woken"],
        rows,
        "People, on average each time it was held in the whole run. Smaller print: 95% intervals over seeds.",
    )


def referrals(evidence: Evidence) -> Table | None:
    """Return what rewards for bringing others came to, by arm; None if no arm has any."""
    rows = []
    for label, own in _by_arm(evidence, "referral"):
        each = own["cost"] / own["taken"].where(own["taken"] > 0)
        rows.append((label, [_cell(interval_of(own["taken"]), "people"), _money(own["cost"]), _money(each)]))
    if not rows:
        return None
    return Table(
        "What rewards for bringing others came to",
        ["Arm", "Rewards paid", "Cost", "Cost each"],
        rows,
        "Over the long run. Whoever returns after having left counts as brought too, if a customer's praise came "
        "first, and some would have come anyway: what the reward added is the difference between arms, not in this "
        "table. Smaller print: 95% intervals over seeds.",
    )


def win_backs(evidence: Evidence) -> Table | None:
    """Return what offers to come back came to, by arm; None if no arm made any."""
    rows = []
    for label, own in _by_arm(evidence, "win_back"):
        share = own["taken"] / own["offers"].where(own["offers"] > 0)
        each = own["cost"] / own["taken"].where(own["taken"] > 0)
        taken = [_cell(interval_of(own["taken"]), "people"), _cell(interval_of(share), "percent"), _money(each)]
        if own["taken"].isna().all():
            taken = [Cell("not counted")] * 3
        cells = [_cell(interval_of(own["offers"]), "people"), *taken[:2], _money(own["cost"]), taken[2]]
        rows.append((label, cells))
    if not rows:
        return None
    return Table(
        "What offers to come back came to",
        ["Arm", "Offers made", "Taken", "Share taken", "Cost", "Cost each"],
        rows,
        "Over the long run; who lapsed is offered anew at every review. Where a call offers no money, who comes back "
        "after it is not counted. Some who took an offer would have come back without: what the offers added is the "
        "difference between arms, not in this table. Smaller print: 95% intervals over seeds.",
    )


def _by_arm(evidence: Evidence, lever: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each arm in which the firm has the lever and it came to anything: label, and a row per seed."""
    found = evidence.tables.get("bonds")
    if found is None or found.empty:
        return
    for arm in evidence.arms:
        own = found[(found["arm"] == arm) & (found["lever"] == lever)]
        if own[["offers", "taken", "cost"]].to_numpy(dtype=float, na_value=0.0).any():
            yield evidence.label[arm], own


def _money(values: pd.Series) -> Cell:
    return _cell(interval_of(values), "money")


def _cell(of_seeds: Interval, unit: Unit) -> Cell:
    """Return a mean and its interval."""
    if of_seeds.n == 0:
        return Cell("none")
    return Cell(in_unit(of_seeds.mean, unit), range_of(of_seeds, unit) if of_seeds.is_known else "")
