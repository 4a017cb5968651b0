"""The markets that claims are tried in: shipped scenarios, made smaller so that a claim takes seconds."""

from __future__ import annotations

from experiments.claims.base import Place

GOODS = Place("consumer goods, four brands", "baseline", {"customers.count": 2000})
BANK = Place("a bank, seldom left", "fire_the_lead", {"customers.count": 2000})
QUIET_BANK = Place("the same bank, where nobody talks", "fire_the_lead_unheard", {"customers.count": 2000})
COFFEE = Place("coffee shops, bought from often", "coffee_shops", {"customers.count": 2040})
OUTDOOR = Place("outdoor gear, where friends decide", "advocates", {"customers.count": 2000})
SUPERMARKET = Place("two supermarkets, talk among neighbours only", "supermarket_points_war", {"customers.count": 2025})
