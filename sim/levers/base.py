"""What a lever is: moments of the period at which it acts on the market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market
    from sim.scenario import Scenario


class Lever:
    """A mechanism with states of its own; whatever it changes of people or firms, it enters in the books.

    Parameters
    ----------
    market : Market
        The market, its people settled and its firms founded, before the first period.
    """

    reads_roll = False  #: whether it asks who bought and who moved in
    asks_how_long = False  #: whether it asks how long customers have been so, by tier and type

    def __init__(self, market: Market) -> None:
        self.market = market

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether a scenario uses the lever at all."""
        raise NotImplementedError

    def after_review(self, firms: list[Firm]) -> None:
        """Act after the tiers of the firms whose review is due are cut, and before anyone decides."""

    def before_life(self) -> None:
        """Act when every firm has posted, before customers live through the period."""

    def after_life(self) -> None:
        """Act when customers have lived through the period, before they listen to each other."""

    def recount(self) -> None:
        """Compare its states with the books, when the audit looks at everybody.

        Raises
        ------
        InvariantError
            If they do not agree.
        """

    def states(self) -> tuple[npt.NDArray[Any], ...]:
        """Return what the lever remembers: part of the market's digest."""
        return ()
