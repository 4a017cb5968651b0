"""What a lever of the plain model is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from tests.reference.firm import Firm
    from tests.reference.market import ReferenceMarket


class Lever:
    """A mechanism beside the journey; what it remembers of a customer it keeps by the customer."""

    def __init__(self, model: ReferenceMarket) -> None:
        self.model = model

    @classmethod
    def is_pulled(cls, scenario: Scenario) -> bool:
        """Say whether a scenario uses the lever."""
        raise NotImplementedError

    def after_review(self, firms: list[Firm]) -> None:
        """Act after the review of the firms that are due (none in period 0)."""

    def before_life(self) -> None:
        """Act when every firm has posted."""

    def after_life(self) -> None:
        """Act when customers have lived through the period, before they listen."""

    def states(self) -> list[list[list[float]]]:
        """Return what it remembers, in the order of ``sim.levers``: by state, customer and firm."""
        return []
