"""The core of the market in mesa-frames, on Polars columns, with NumPy's random numbers, which have no addresses.

Left out of the market: people who move away and are born, what a loss is put down to, points and gifts, the relay of
grievances, credit for word of mouth, events, strategies, and the books by tier and type (purchases, revenue and margin
by firm are kept). A listener's opinion takes in all words on a firm at once, not one after the other. So it does less
work than the others.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
from mesa_frames import ModelDF
from polars import col

from benchmarks.frames_customers import Customers

PROSPECT_MEMORY, TREND_SCALE = 26, 10.0  # as in sim/firms.py


class FramesMarket(ModelDF):
    """The market, from a file that ``handover.hand_over`` wrote.

    Parameters
    ----------
    path : Path
        The file.
    seed : int
        Of the generator.
    """

    def __init__(self, path: Path, seed: int) -> None:
        super().__init__(seed)
        with np.load(path) as given:
            settings = json.loads(str(given["settings"]))
            self.how = SimpleNamespace(**settings["behaviour"])
            self.contacts, self.entry_tier = settings["advertising_contacts"], settings["entry_tier"]
            self.tier_shares, self.rules = settings["tier_shares"], settings["review"]
            self.service_cost = settings["service_cost"]
            self.offers = {
                name.removeprefix("offer_"): given[name] for name in given.files if name.startswith("offer_")
            }
            self.ties = self._ties(given)
            self.customers = Customers(self, given)
        self.agents.add(self.customers)
        self.n_firms = self.customers.n_firms
        self.prospect = [0.5] * self.n_firms
        self.members: list[list[int]] = []
        self.books: list[dict[str, list[float]]] = []
        self.period = 0
        entry = [self.offers["service"][f, self.entry_tier[f]] for f in range(self.n_firms)]
        self.norm = float(np.mean(self.offers["quality"][:, 0] + self.how.service_in_experience * np.array(entry)))

    @staticmethod
    def _ties(given: Any) -> pl.DataFrame:
        """Return each person's listeners, and how much they weigh what they hear, as lists."""
        ties = pl.DataFrame({name: given[name] for name in ("speaker", "listener", "tie")})
        by_speaker = ties.group_by("speaker").agg("listener", "tie")
        everybody = pl.DataFrame({"speaker": np.arange(given["rate"].size, dtype=np.int32)})
        return everybody.join(by_speaker, on="speaker", how="left", maintain_order="left").drop("speaker")

    def step(self) -> None:
        """One period: firms review, customers live through it and listen, books close."""
        for f, rule in enumerate(self.rules):
            if self.period > 0 and self.period % rule["review_every"] == 0:
                self.customers.review(f)
        self.agents.step()
        self.close_books()
        self.period += 1

    def close_books(self) -> None:
        """Add up what each firm sold, count its customers, and see whether it grows."""
        sold = (
            self.customers.agents.lazy()
            .filter(col("choice") >= 0)
            .group_by("choice")
            .agg(pl.len().alias("purchases"), col("paid").sum().alias("revenue"), col("gain").sum().alias("margin"))
            .collect()
        )
        by_firm = {row["choice"]: row for row in sold.iter_rows(named=True)}
        names = ("purchases", "revenue", "margin")
        self.books.append({name: [by_firm.get(f, {}).get(name, 0.0) for f in range(self.n_firms)] for name in names})
        members = self.customers.agents.select([col(f"is_active_{f}").sum() for f in range(self.n_firms)]).row(0)
        self.members.append(list(members))
        if len(self.members) > PROSPECT_MEMORY:
            before = self.members[-1 - PROSPECT_MEMORY]
            growth = [now / then - 1.0 if then else 0.0 for now, then in zip(members, before, strict=True)]
            self.prospect = [min(1.0, max(0.0, 0.5 + TREND_SCALE * g)) for g in growth]
