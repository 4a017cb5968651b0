"""One change at a time, kept if it paid."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.policy import Policy
from sim.strategies.base import Decider, Level, Luck, MarketView, Money, Multiple, Strategy
from sim.strategies.moves import MOST, Move, moved, moves_from


class HillClimb(Strategy):
    """Change one lever of one tier at a time, and keep what raised the firm's contribution over a review cycle.

    A change that paid is taken a step further; after one that did not, the firm goes back, and reads for a cycle what
    the old policy earns before it tries another, drawn at random. It knows of a step only what its books say after one
    cycle, chance and the rivals' moves included.

    Source: local search with small changes, as in Cyert & March (1963), "A behavioral theory of the firm"; Levinthal
    (1997), "Adaptation on rugged landscapes", Management Science 43(7).
    """

    name: Literal["hill_climb"] = "hill_climb"
    service_step: Level = Field(default=0.1, description="change of a tier's service level tried; 0 leaves it alone")
    discount_step: Level = Field(default=0.02, description="change of a tier's discount tried; 0 leaves it alone")
    gift_step: Money = Field(default=0.0, description="change of a tier's gift tried, in money; 0 leaves it alone")
    points_step: Multiple = Field(
        default=0.0, description="change of a tier's points tried, relative to the base rate; 0 leaves them alone"
    )

    def begin(self, luck: Luck) -> Decider:
        """Return a climber at the foot of the hill."""
        return _Climber(self, luck)


class _Climber:
    """One firm's climb: the policy kept, what it earned, and the move under trial."""

    def __init__(self, how: HillClimb, luck: Luck) -> None:
        self.steps = {lever: getattr(how, f"{lever}_step") for lever in MOST}
        self.luck = luck
        self.kept: Policy | None = None
        self.earned = 0.0
        self.trial: Policy | None = None
        self.move: Move | None = None

    def decide(self, view: MarketView) -> Policy:
        """Judge the last cycle, then try a step from the policy kept, or go back to it."""
        if self.kept is None:
            self.kept = view.base
            return self.kept
        earned = float(view.contribution.sum())
        if self.trial is not None and earned <= self.earned:
            self.trial = self.move = None
            return self.kept
        if self.trial is not None:
            self.kept = self.trial
        self.earned = earned
        self.trial = self._next_trial(view.period)
        return self.kept if self.trial is None else self.trial

    def _next_trial(self, period: int) -> Policy | None:
        """Return the policy one move on from the one kept: the move that paid, or one drawn from all that there are."""
        assert self.kept is not None
        moves = moves_from(self.kept, self.steps)
        if not moves:
            return None
        if self.move not in moves:
            self.move = moves[int(self.luck.draw(period) * len(moves))]
        return moved(self.kept, self.move)
