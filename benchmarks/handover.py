"""What mesa-frames is given to start from: the same people, network, offers and rules, as a file of arrays.

It lives in an environment of its own, without ``sim``, and starts from the very people who live in the market it is
compared with.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from sim import Market, Scenario
from sim.network import influence

PEOPLE = (
    "basket", "talk", "price_weight", "quality_weight", "service_weight", "effort_weight", "attachment_weight",
    "search", "attachment_gain", "tolerance",
)  # fmt: skip
RELATIONS = ("taste", "distance", "is_aware")
OFFERS = (
    "quality", "quality_value", "inconsistency", "failure_rate", "image", "ad_reach", "unit_cost", "recovery",
    "complaint_cost", "service", "delivered", "price", "log_price", "effort", "channel_cost",
)  # fmt: skip


def hand_over(scenario: Scenario, seed: int, path: Path) -> None:
    """Write a market as it is before its first period.

    Parameters
    ----------
    scenario : Scenario
        Without events and loyalty programmes, and with policies that stay: offers are handed over once.
    seed : int
        Of the market whose people these are.
    path : Path
        The ``.npz`` file to write.
    """
    market = Market(scenario, seed=seed, collect=False)
    market.agents.do("decide")
    market.agents.do("post_policy")
    column = market.customers.column
    arrays: dict[str, Any] = {name: column(name) for name in PEOPLE}
    slowed = np.where(column("is_constrained") != 0, market.behaviour.constrained_rate, 1.0)
    arrays["rate"] = (column("rate") * slowed).astype(np.float32)
    arrays |= {name: column(name) for name in RELATIONS}
    arrays["is_reachable"] = (column("reach")[:, None] >> np.arange(market.n_firms, dtype=np.uint32)) & 1 == 1
    network = market.network
    arrays["listener"] = np.repeat(np.arange(market.n_customers, dtype=np.int32), np.diff(network.first))
    arrays |= {"speaker": network.neighbours, "tie": influence(network).astype(np.float32)}
    arrays |= {f"offer_{name}": market.offers[name] for name in OFFERS}
    firms = list(market.firms.values())
    settings = {
        "behaviour": market.behaviour._asdict(),
        "advertising_contacts": [firm.advertising / firm.spec.contact_cost for firm in firms],
        "service_cost": [firm.spec.service_cost for firm in firms],
        "entry_tier": [firm.pyramid.entry_tier for firm in firms],
        "tier_shares": [list(firm.pyramid.shares.values()) for firm in firms],
        "review": [firm.pyramid.model_dump(include={"review_every", "hysteresis", "memory"}) for firm in firms],
    }
    np.savez(path, settings=np.array(json.dumps(settings)), **arrays)
