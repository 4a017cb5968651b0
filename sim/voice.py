"""Voice: what customers tell a firm, in complaints and ideas, makes its product better if it is worked on.

The equations are in ``docs/beyond-purchases.md``; the sizes of the effects are assumed.
"""

from __future__ import annotations

from collections import deque
from math import exp

from pydantic import Field

from sim.settings import Frac, Lasting, NonNegative, Positive, Settings


class VoiceSpec(Settings):
    """Which suggestions the firm works on, what they cost, and what they do."""

    complaints: Frac = Field(default=1.0, description="share of complaints that are worked on as suggestions")
    ideas: Frac = Field(default=0.1, description="suggestions asked of, and got from, each buyer who praises the firm")
    handling_cost: NonNegative = Field(default=4.0, description="cost of working on a suggestion, in money")
    lag: Lasting = Field(default=8, description="periods from a suggestion to the better product")
    needed: Positive = Field(
        default=0.1, description="suggestions per person in the market that take the product 63% of the way to its best"
    )
    quality_gain: Frac = Field(
        default=0.3, description="share of what the quality lacks that is made up when the product is at its best"
    )
    failure_cut: Frac = Field(default=0.4, description="share of failures that is avoided when it is at its best")
    erosion: Frac = Field(default=0.01, description="share of the improvement that is lost in a period")


class Voice:
    """What a firm has made of its customers' voice so far.

    Source: Hirschman (1970), "Exit, Voice, and Loyalty", for voice that repairs; Fornell & Wernerfelt (1987),
    "Defensive marketing strategy by customer complaint management", Journal of Marketing Research 24(4); von Hippel
    (1986), "Lead users: a source of novel product concepts", Management Science 32(7), for ideas.
    """

    def __init__(self, spec: VoiceSpec) -> None:
        self.spec = spec
        self.improvement = 0.0  # of the product, as a share of what suggestions can do at all
        self.in_work: deque[float] = deque()  # suggestions per person in the market, by period, the oldest first

    def suggestions(self, complaints: float, praise: float) -> float:
        """Return the suggestions worked on in a period with so many complaints and buyers who praise."""
        return self.spec.complaints * complaints + self.spec.ideas * praise

    def quality(self, own: float) -> float:
        """Return the quality that the improvement makes of the posted one, 0 to 1."""
        return own + self.spec.quality_gain * (1.0 - own) * self.improvement

    def failure_rate(self, own: float) -> float:
        """Return the failure rate that the improvement leaves of a firm's own."""
        return own * (1.0 - self.spec.failure_cut * self.improvement)

    def end_period(self, suggestions: float) -> None:
        """Lose some of the improvement, and finish what was suggested ``lag`` periods ago.

        Parameters
        ----------
        suggestions : float
            Taken up in the period, per person in the market.
        """
        self.improvement *= 1.0 - self.spec.erosion
        self.in_work.append(suggestions)
        if len(self.in_work) == self.spec.lag:
            done = self.in_work.popleft()
            self.improvement += (1.0 - self.improvement) * (1.0 - exp(-done / self.spec.needed))
