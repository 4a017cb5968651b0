"""Promotion: one budget over brand, advertising, money off, personal selling and direct mail; and winning or keeping.

The equations are in ``docs/promotion-and-staff.md``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from sim.settings import Frac, NonNegative, Positive, Settings

CHANNELS = ("brand", "advertising", "promotion", "personal_selling", "direct_mail")
EXACT = 1e-9  # by which shares may miss 1


class _Contacts(Settings):
    """What it costs to reach customers one by one, and what it does."""

    selling_cost: Positive = Field(default=5.0, description="money for one visit or call by a person")
    selling_effect: Frac = Field(
        default=0.1,
        description="share of the way to full attachment that a contact takes whoever attaches most readily",
    )
    mail_cost: Positive = Field(default=0.3, description="money for one letter to someone on record")


class PromotionSpec(_Contacts):
    """The promotion mix: a budget and where it goes."""

    budget: NonNegative = Field(default=0.1, description="money per person in the market and period, over all five")
    brand: Frac = Field(default=0.0, description="share that builds the brand: goodwill, slowly, that raises the image")
    advertising: Frac = Field(default=1.0, description="share for advertising; it takes the place of firms.advertising")
    promotion: Frac = Field(default=0.0, description="share given as a price cut, in the periods that it lasts for")
    personal_selling: Frac = Field(default=0.0, description="share for personal contact with customers, at each review")
    direct_mail: Frac = Field(default=0.0, description="share for letters to all on record, at each review")
    goodwill_decay: Frac = Field(default=0.02, description="share of the brand's goodwill that is lost in a period")
    goodwill_half: Positive = Field(
        default=2.0, description="goodwill, in money per person, that takes the image half of the way to the best"
    )
    cut: Annotated[float, Field(gt=0, le=0.9)] = Field(
        default=0.1, description="share taken off the price by a price cut"
    )

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> PromotionSpec:
        total = sum(getattr(self, name) for name in CHANNELS)
        if abs(total - 1.0) > EXACT:
            raise ValueError(f"shares {', '.join(CHANNELS)} sum to {total:.6g}; allowed: shares that sum to 1")
        return self

    def spend(self, channel: str) -> float:
        """Return what goes to one of ``CHANNELS``, in money per person in the market and period."""
        return float(self.budget * getattr(self, channel))


class BudgetSpec(_Contacts):
    """One budget for winning customers (advertising) and for keeping them (personal contact and letters)."""

    total: NonNegative = Field(default=0.1, description="money per person in the market and period")
    retention: Frac = Field(default=0.5, description="share for keeping customers; the rest advertises to win them")
    mail_share: Frac = Field(default=0.5, description="share of what keeps that goes to letters; the rest to contact")

    def as_mix(self) -> PromotionSpec:
        """Return the promotion mix that the budget stands for."""
        return PromotionSpec(
            budget=self.total,
            advertising=1.0 - self.retention,
            personal_selling=self.retention * (1.0 - self.mail_share),
            direct_mail=self.retention * self.mail_share,
            selling_cost=self.selling_cost,
            selling_effect=self.selling_effect,
            mail_cost=self.mail_cost,
        )


class Promotion:
    """What a firm's promotion has built so far: the brand's goodwill, and the money in hand for price cuts.

    Goodwill is a stock that decays (Nerlove & Arrow 1962, "Optimal advertising policy under dynamic conditions",
    Economica 29). A price cut is on in every period that begins with money in hand, so that what is given comes to
    what is set aside, to within one period's.
    """

    def __init__(self, mix: PromotionSpec) -> None:
        self.mix = mix
        self.goodwill = 0.0  # money per person in the market
        self.purse = 0.0  # for price cuts, in money per person in the market
        self.is_cut = False

    @property
    def price_factor(self) -> float:
        """The price that is paid in the period, relative to the price without a cut."""
        return 1.0 - self.mix.cut if self.is_cut else 1.0

    @property
    def firm_cost(self) -> float:
        """Money per person and period for brand, contacts and letters: neither advertising nor money off."""
        mix = self.mix
        return mix.spend("brand") + mix.spend("personal_selling") + mix.spend("direct_mail")

    def image(self, own: float) -> float:
        """Return the image that goodwill makes of the firm's own, 0 to 1."""
        return own + (1.0 - own) * (self.goodwill / (self.goodwill + self.mix.goodwill_half))

    def begin_period(self) -> None:
        """Set money aside for price cuts, and have one if there is any in hand."""
        self.purse += self.mix.spend("promotion")
        self.is_cut = self.purse > 0.0

    def end_period(self, revenue: float, is_open: bool) -> None:
        """Take what was given from the purse, and let goodwill decay and be built.

        Parameters
        ----------
        revenue : float
            Paid to the firm in the period, in money per person in the market.
        is_open : bool
            Whether the firm is in the market, and spends.
        """
        if self.is_cut:
            self.purse -= revenue * self.mix.cut / (1.0 - self.mix.cut)
        self.goodwill = self.goodwill * (1.0 - self.mix.goodwill_decay) + (self.mix.spend("brand") if is_open else 0.0)
        self.is_cut = False
