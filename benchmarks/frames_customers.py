"""The customers of the market in mesa-frames: a Polars column per state, and per firm where it is held for each firm.

A stage is a pass over columns, a lazy query of expressions; only those who hear something are touched by listening.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from mesa_frames import AgentSetPolars
from polars import col, when

if TYPE_CHECKING:
    from benchmarks.frames_market import FramesMarket

NEVER, NOBODY = -1, -1
GIVEN_PER_FIRM = ("taste", "distance", "is_aware", "is_reachable")
FLOATS_PER_FIRM = {
    "expectation": 0.0, "satisfaction": 0.0, "attachment": 0.0, "trust_quality": 0.5, "trust_character": 0.5,
    "trust_ability": 0.5, "habit": 0.0, "opinion": 0.0, "strikes": 0.0, "volume": 0.0, "revenue": 0.0, "margin": 0.0,
}  # fmt: skip
PERIODS_PER_FIRM = ("bought_at", "since", "barred_until")
LIVED = ("expectation", "satisfaction", "attachment", "trust_quality", "trust_character", "trust_ability", "strikes",
         "margin")  # fmt: skip
LOST_AT_THE_END = ("habit", "volume", "revenue", "margin")


class Customers(AgentSetPolars):
    """All customers: a row each, a column per state; a state that is held for each firm has a column per firm."""

    def __init__(self, model: FramesMarket, given: Any) -> None:
        super().__init__(model)
        self.how = model.how
        self.n_firms = given["taste"].shape[1]
        self.firms = range(self.n_firms)
        n = given["rate"].size
        columns: dict[str, Any] = {"unique_id": np.arange(n, dtype=np.int64)}
        columns |= {name: given[name] for name in given.files if given[name].shape == (n,) and name not in ("tie",)}
        columns |= {"seen": np.full(n, NEVER, dtype=np.int16), "usual": np.full(n, NOBODY, dtype=np.int8)}
        columns |= {"log_reference": np.zeros(n, dtype=np.float32), "is_alert": np.zeros(n, dtype=bool)}
        for f in self.firms:
            columns |= {f"{name}_{f}": np.ascontiguousarray(given[name][:, f]) for name in GIVEN_PER_FIRM}
            columns[f"is_aware_{f}"] = columns[f"is_aware_{f}"] != 0
            columns |= {f"{name}_{f}": np.full(n, x, dtype=np.float32) for name, x in FLOATS_PER_FIRM.items()}
            columns |= {f"{name}_{f}": np.full(n, NEVER, dtype=np.int16) for name in PERIODS_PER_FIRM}
            columns[f"tier_{f}"] = np.full(n, model.entry_tier[f], dtype=np.int8)
            columns[f"is_active_{f}"] = np.zeros(n, dtype=bool)
        self.add(pl.DataFrame(columns))

    # ---- expressions ------------------------------------------------------------------------------------------------

    def posted(self, name: str, f: int) -> pl.Expr:
        """What firm ``f`` offers each customer's tier."""
        by_tier = self.model.offers[name][f]
        if np.all(by_tier == by_tier[0]):
            return pl.lit(float(by_tier[0]), dtype=pl.Float32)
        return pl.lit(pl.Series(by_tier.astype(np.float32))).gather(col(f"tier_{f}"))

    def put(self, name: str, where: pl.Expr, value: Any) -> pl.Expr:
        """Put a value into a column where a condition holds."""
        kind = self.agents.schema.get(name, pl.Float32())
        return when(where).then(value).otherwise(col(name)).cast(kind).alias(name)

    def at_chosen(self, of_firm: Any) -> pl.Expr:
        """What an expression of each firm is for the firm that was chosen."""
        chain = when(col("choice") == 0).then(of_firm(0))
        for f in range(1, self.n_firms):
            chain = chain.when(col("choice") == f).then(of_firm(f))
        return chain.otherwise(None)

    def is_usual(self, f: int) -> pl.Expr:
        """Who bought from firm ``f`` last."""
        return col("usual") == f

    def is_jump(self, f: int) -> pl.Expr:
        """For whom the price of firm ``f`` is a jump."""
        return self.posted("log_price", f) - col("log_reference") > self.how.log_price_jump

    def utility(self, f: int) -> pl.Expr:
        """The utility of buying from firm ``f``, but for the moment's whim."""
        how, offers = self.how, self.model.offers
        trust = (self.model.prospect[f] + col(f"trust_quality_{f}") + col(f"trust_character_{f}")
                 + col(f"trust_ability_{f}")) / 4.0  # fmt: skip
        return (
            col("quality_weight") * float(offers["quality_value"][f, 0])
            + col("service_weight") * self.posted("delivered", f)
            - col("effort_weight") * (col(f"distance_{f}") + self.posted("effort", f))
            + col("attachment_weight") * col(f"attachment_{f}")
            + how.trust_weight * trust
            + how.image_weight * float(offers["image"][f, 0])
            + how.opinion_weight * col(f"opinion_{f}")
            + how.habit_weight * col(f"habit_{f}")
            + col(f"taste_{f}")
            - when(col(f"bought_at_{f}") < 0).then(how.unfamiliarity_weight).otherwise(0.0).cast(pl.Float32)
            - col("price_weight") * (self.posted("log_price", f) - col("log_reference"))
        )

    def luck(self, name: str) -> pl.Series:
        """One uniform draw for each customer."""
        return pl.Series(name, self.model.random.random(len(self.agents), dtype=np.float32))

    # ---- the stages -------------------------------------------------------------------------------------------------

    def pass_time(self) -> None:
        """Lapse where nothing was bought within the activity window; come to need something or not."""
        oldest = self.model.period - self.how.activity_window
        lapses = {f: col(f"is_active_{f}") & (col(f"bought_at_{f}") <= oldest) for f in self.firms}
        changes = [(self.luck("u_need") < 1.0 - (-col("rate")).exp()).alias("has_need")]
        if oldest >= 0:
            for f, lapse in lapses.items():
                changes += self._end_of_membership(f, lapse)
            lapses_from_usual = pl.any_horizontal([lapse & self.is_usual(f) for f, lapse in lapses.items()])
            changes.append(self.put("usual", lapses_from_usual, NOBODY))
        self.agents = self.agents.lazy().with_columns(changes).collect()

    def _end_of_membership(self, f: int, where: pl.Expr) -> list[pl.Expr]:
        """Return what becomes of those who cease to be customers of firm ``f``: the record and the habit are gone."""
        return [
            *[self.put(f"{name}_{f}", where, 0.0) for name in LOST_AT_THE_END],
            self.put(f"tier_{f}", where, self.model.entry_tier[f]),
            (col(f"is_active_{f}") & ~where).alias(f"is_active_{f}"),
        ]

    def meet_need(self) -> None:
        """Search, choose, buy, use, learn and speak."""
        chosen = self._chosen()
        bought = self._bought(chosen)
        self.agents = self._learned(bought).collect(engine="streaming")

    def _chosen(self) -> pl.LazyFrame:
        how, t = self.how, self.model.period
        elapsed = (t - col("seen")).cast(pl.Float32)
        is_shaken = col("is_alert") | (col("usual") == NOBODY)
        for f in self.firms:
            is_shaken |= self.is_usual(f) & self.is_jump(f)
        effort = when(is_shaken).then(pl.max_horizontal("search", pl.lit(how.alert_search, dtype=pl.Float32)))
        draws = {f: [self.luck(f"{name}_{f}") for name in ("notice", "whim", "ad", "forget")] for f in self.firms}
        knows, considers, utilities = [], [], []
        for f in self.firms:
            notice, whim, ad, forget = draws[f]
            learns = ad < 1.0 - (-self.model.contacts[f] * elapsed).exp()
            keeps = self.is_usual(f) | col(f"is_active_{f}") | (forget >= 1.0 - (-how.forget_rate * elapsed).exp())
            looks = col("has_need") & col(f"is_reachable_{f}")
            aware = when(looks).then(when(col(f"is_aware_{f}")).then(keeps).otherwise(learns))
            knows.append(aware.otherwise(col(f"is_aware_{f}")).alias(f"is_aware_{f}"))
            ad_reach = float(self.model.offers["ad_reach"][f, 0])
            noticed = col(f"is_aware_{f}") & (notice < 1.0 - (1.0 - col("effort")) * (1.0 - ad_reach))
            considers.append(
                (looks & (col(f"barred_until_{f}") <= t) & (self.is_usual(f) | noticed)).alias(f"mind_{f}")
            )
            value = when(col(f"mind_{f}")).then(self.utility(f) - (-whim.log()).log()).otherwise(-math.inf)
            utilities.append(value.cast(pl.Float32).alias(f"u_{f}"))
        outside = how.outside_utility - (-self.luck("outside").log()).log()
        best = pl.max_horizontal([f"u_{f}" for f in self.firms])
        choice = when(best <= outside).then(NOBODY)
        for f in self.firms:
            choice = choice.when(col(f"u_{f}") == best).then(f)
        return (
            self.agents.lazy()
            .with_columns(effort.otherwise(col("search")).alias("effort"), *knows)
            .with_columns(considers)
            .with_columns(utilities)
            .with_columns(when(col("has_need")).then(choice).otherwise(NOBODY).cast(pl.Int8).alias("choice"))
            .with_columns(when(col("has_need")).then(t).otherwise(col("seen")).cast(pl.Int16).alias("seen"))
        )

    def _bought(self, chosen: pl.LazyFrame) -> pl.LazyFrame:
        how, t = self.how, self.model.period
        buys = col("choice") >= 0
        is_first = self.at_chosen(lambda f: col(f"bought_at_{f}") < 0)
        log_price = self.at_chosen(lambda f: self.posted("log_price", f))
        promised = self.at_chosen(
            lambda f: float(self.model.offers["quality"][f, 0]) + how.service_in_experience * self.posted("service", f)
        )
        own = {name: self.at_chosen(lambda f, name=name: col(f"{name}_{f}")) for name in (*LIVED, "taste")}
        own["expectation"] = when(col("is_first")).then(promised).otherwise(own["expectation"])
        paid = col("basket") * self.at_chosen(lambda f: self.posted("price", f))
        goods = col("basket") * self.at_chosen(lambda f: pl.lit(float(self.model.offers["unit_cost"][f, 0])))
        channel = self.at_chosen(lambda f: self.posted("channel_cost", f))
        has_choice = pl.sum_horizontal([f"is_reachable_{f}" for f in self.firms]) > 1
        changes = []
        for f in self.firms:
            is_here, habit = col("choice") == f, col(f"habit_{f}")
            towards = when(is_here & has_choice).then(1.0 - habit).otherwise(-habit)
            changes += [
                self.put(f"habit_{f}", buys, habit + how.habit_speed * towards),
                self.put(f"since_{f}", is_here & ~col(f"is_active_{f}"), t),
                self.put(f"bought_at_{f}", is_here, t),
                self.put(f"volume_{f}", is_here, col(f"volume_{f}") + 1.0),
                self.put(f"revenue_{f}", is_here, col(f"revenue_{f}") + col("paid")),
                (col(f"is_active_{f}") | is_here).alias(f"is_active_{f}"),
            ]
        step = how.reference_speed * (col("log_price") - col("log_reference"))
        return (
            chosen.with_columns(is_first.alias("is_first"), log_price.alias("log_price"), paid.alias("paid"))
            .with_columns(
                (~col("is_first") & (col("log_price") - col("log_reference") > how.log_price_jump)).alias("is_dearer"),
                (col("paid") - goods - channel).alias("gain"),
                *[value.cast(pl.Float32).alias(f"own_{name}") for name, value in own.items()],
            )
            .with_columns(
                *changes,
                self.put("log_reference", buys, col("log_reference") + step),
                self.put("is_alert", buys, False),
                self.put("usual", buys, col("choice")),
            )
        )

    def _learned(self, bought: pl.LazyFrame) -> pl.LazyFrame:
        how, offers = self.how, self.model.offers

        def of_firm(name: str) -> pl.Expr:
            return self.at_chosen(lambda f: pl.lit(float(offers[name][f, 0]), dtype=pl.Float32))

        scale, delivered = how.disconfirmation_scale, self.at_chosen(lambda f: self.posted("delivered", f))
        normal = pl.Series(self.model.random.standard_normal(len(self.agents), dtype=np.float32))
        lived = of_firm("quality") + of_firm("inconsistency") * normal + how.service_in_experience * delivered
        fails = self.luck("failure") < of_firm("failure_rate")
        inclined = how.complaint_rate + how.complaint_attachment * col("own_attachment")
        complains = self.luck("complain") < inclined
        mended = self.luck("recover") < of_firm("recovery") * delivered
        loss = how.failure_severity * (1.0 - how.recovery_repair * col("is_mended").cast(pl.Float32))
        difference = col("lived") - col("own_expectation")
        beyond = pl.min_horizontal(pl.lit(1.0), (difference.abs() - how.zone_of_tolerance) / scale)
        cost = when(col("complains")).then(of_firm("complaint_cost")).otherwise(0.0)
        surprise = (difference / scale).clip(-1.0, 1.0) - col("own_satisfaction")
        repeated = col("own_strikes") + 1.0 - col("is_mended").cast(pl.Float32)
        strikes = when(col("fails")).then(repeated).otherwise(col("own_strikes") * how.strike_fade)
        felt = when(difference.abs() <= how.zone_of_tolerance).then(0.0).otherwise(difference.sign() * beyond)
        forgiveness = when((col("own_attachment") > 0.5) & (col("own_strikes") <= 1.0)).then(0.5).otherwise(1.0)
        advantage = (col("lived") + how.liking * col("own_taste") - self.model.norm).clip(0.0) / scale
        warmth = (col("felt").clip(0.0) + how.bond * advantage).clip(0.0, 1.0)
        fall = how.attachment_fall * forgiveness * col("felt").clip(None, 0.0) * col("own_attachment")
        fallen = col("own_attachment") + fall
        rise = col("attachment_gain") * how.attachment_rise * warmth
        quality, character, ability = col("own_trust_quality"), col("own_trust_character"), col("own_trust_ability")
        blame = when(col("fails")).then(1.0).otherwise(-col("felt"))
        lets_down = col("fails") | (col("felt") < 0.0)
        warm = pl.max_horizontal("felt", "own_attachment")
        valence = when(col("felt") < 0.0).then(col("felt")).otherwise(warm)
        chance = when(col("felt") < 0.0).then(-how.grievance_rate * col("felt")).otherwise(how.praise_rate * warm)
        speaks = self.luck("speak") < col("talk") * chance
        walks = col("fails") & (col("own_strikes") > col("tolerance") * (1.0 + col("own_attachment")))
        changes = []
        for f in self.firms:
            is_here = col("choice") == f
            changes += [self.put(f"{name}_{f}", is_here, col(f"own_{name}")) for name in LIVED]
        return (
            bought.with_columns(
                fails.fill_null(False).alias("fails"),
                complains.alias("complains"),
                mended.alias("is_mended"),
                lived.cast(pl.Float32).alias("lived"),
            )
            .with_columns((col("fails") & col("complains")).alias("complains"))
            .with_columns((col("complains") & col("is_mended")).alias("is_mended"))
            .with_columns(
                self.put("lived", col("fails"), col("lived") - loss),
                strikes.alias("own_strikes"),
                when(col("is_mended")).then(ability + how.trust_rise * (1.0 - ability))
                .when(col("complains")).then(ability - how.trust_fall * ability)
                .otherwise(ability).alias("own_trust_ability"),
                (col("own_margin") + col("gain") - cost).alias("own_margin"),
            )
            .with_columns(
                felt.cast(pl.Float32).alias("felt"),
                (col("own_satisfaction") + how.satisfaction_speed * surprise).alias("own_satisfaction"),
                (col("own_expectation") + how.expectation_speed * difference).alias("own_expectation"),
            )
            .with_columns(
                (fallen + rise * (1.0 - fallen)).alias("own_attachment"),
                when(lets_down).then(quality - how.trust_fall * blame * quality)
                .otherwise(quality + how.trust_rise * (1.0 - quality)).alias("own_trust_quality"),
                when(col("is_dearer")).then(character - how.trust_fall * character)
                .otherwise(character + how.trust_rise * (1.0 - character)).alias("own_trust_character"),
            )
            .with_columns(
                when(speaks).then(col("choice")).otherwise(NOBODY).fill_null(NOBODY).cast(pl.Int8).alias("said_firm"),
                valence.alias("said_valence"),
                walks.alias("walks"),
                (col("is_alert") | col("fails")).alias("is_alert"),
            )
            .with_columns(changes)
            .with_columns(self._walked_out())
            .drop(*[f"own_{name}" for name in (*LIVED, "taste")], *[f"u_{f}" for f in self.firms],
                  *[f"mind_{f}" for f in self.firms], "fails", "complains", "is_mended", "lived", "felt", "walks",
                  "is_first", "is_dearer", "log_price", "effort")
        )  # fmt: skip

    def _walked_out(self) -> list[pl.Expr]:
        """Return what becomes of those who were failed too often: they leave, and stay away for a time."""
        changes = [self.put("usual", col("walks"), NOBODY)]
        for f in self.firms:
            leaves = (col("choice") == f) & col("walks")
            changes += self._end_of_membership(f, leaves)
            changes.append(self.put(f"strikes_{f}", leaves, 0.0))
            changes.append(self.put(f"barred_until_{f}", leaves, self.model.period + self.how.quit_periods))
        return changes

    def listen(self) -> None:
        """Take in what the neighbours said: opinions move, firms become known, praise of another firm makes alert."""
        how = self.how
        of_firm = {f: col("said_firm") == f for f in self.firms}
        words = (
            pl.concat([self.model.ties, self.agents.select("said_firm", "said_valence")], how="horizontal")
            .lazy()
            .filter(col("said_firm") >= 0)
            .explode("listener", "tie")
            .with_columns((how.influence * col("tie")).alias("pull"), (col("said_valence") > 0.0).alias("is_praise"))
            .select(
                "listener",
                *[(col("pull") * col("said_valence") * is_it).alias(f"heard_{f}") for f, is_it in of_firm.items()],
                *[(col("pull") * is_it).alias(f"pull_{f}") for f, is_it in of_firm.items()],
                *[(col("is_praise") & is_it).alias(f"praise_{f}") for f, is_it in of_firm.items()],
            )
            .group_by("listener")
            .agg(pl.selectors.starts_with("heard", "pull").sum(), pl.selectors.starts_with("praise").max())
            .collect()
        )
        kept = ["usual", "is_alert"]
        kept += [f"{name}_{f}" for name in ("opinion", "is_aware", "is_reachable") for f in self.firms]
        who, is_alert, changes = words["listener"], col("is_alert"), []
        for f in self.firms:
            reaches = col(f"is_reachable_{f}")
            opinion = col(f"opinion_{f}") + col(f"heard_{f}") - col(f"pull_{f}") * col(f"opinion_{f}")
            changes.append(opinion.cast(pl.Float32).alias(f"opinion_{f}"))
            changes.append((col(f"is_aware_{f}") | ((col(f"pull_{f}") > 0.0) & reaches)).alias(f"is_aware_{f}"))
            is_alert |= col(f"praise_{f}") & reaches & ~self.is_usual(f)
        now = self.agents.select(pl.col(kept).gather(who))
        now = pl.concat([now, words], how="horizontal").select(*changes, is_alert.alias("is_alert"))
        self.agents = self.agents.with_columns([self.agents[name].scatter(who, now[name]) for name in now.columns])

    def review(self, f: int) -> None:
        """Rank the customers of firm ``f`` by the margin they bring, cut the tiers anew, and let the record fade."""
        rule, t = self.model.rules[f], self.model.period
        served = t - pl.max_horizontal(col(f"since_{f}"), pl.lit(t - rule["review_every"], dtype=pl.Int16))
        cost = self.model.service_cost[f] * self.posted("service", f) ** 2
        margin = (col(f"margin_{f}") - cost * served).cast(pl.Float32)
        is_member = col(f"is_active_{f}")
        scores = self.agents.select(margin.filter(is_member)).to_series().sort(descending=True)
        n_above = np.rint(np.cumsum(self.model.tier_shares[f])[:-1] * len(scores)).astype(int)
        cuts = [float(scores[int(k) - 1]) if k else math.inf for k in n_above]
        slack = [rule["hysteresis"] * abs(cut) for cut in cuts]
        tier = col(f"tier_{f}")
        can_rise = pl.sum_horizontal([col("score") < cut + more for cut, more in zip(cuts, slack, strict=True)])
        must_fall = pl.sum_horizontal([col("score") < cut - less for cut, less in zip(cuts, slack, strict=True)])
        new = pl.max_horizontal(pl.min_horizontal(tier, can_rise), must_fall)
        character = col(f"trust_character_{f}")
        faded = {"volume": col(f"volume_{f}"), "revenue": col(f"revenue_{f}"), "margin": col("score")}
        self.agents = (
            self.agents.lazy()
            .with_columns(margin.alias("score"))
            .with_columns(when(is_member).then(new).otherwise(tier).cast(pl.Int8).alias("new_tier"))
            .with_columns(
                self.put(f"trust_character_{f}", col("new_tier") > tier, character - self.how.trust_fall * character),
                *[self.put(f"{name}_{f}", is_member, rule["memory"] * value) for name, value in faded.items()],
                col("new_tier").alias(f"tier_{f}"),
            )
            .drop("score", "new_tier")
            .collect()
        )

    def step(self) -> None:
        """Live through a period."""
        self.pass_time()
        self.meet_need()
        self.listen()
