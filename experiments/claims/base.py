"""What a claim is: who says what, where it is tried, what is measured there, and what it says the measure should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from sim.scenario import Scenario, load_scenario

Kind = Literal["mean", "share", "ratio"]
Unit = Literal["percent", "number", "points"]

#: What one seed gives for an effect: a number, or for a ratio its numerator and denominator.
Found = float | tuple[float, float]


@dataclass(frozen=True, slots=True)
class Effect:
    """One number that a claim is judged by.

    Parameters
    ----------
    name : str
        Its name in the data.
    label : str
        What is measured, for a reader.
    unit : {"percent", "number", "points"}
        How it is written: a fraction as a percentage, a plain number, or a fraction as percentage points.
    kind : {"mean", "share", "ratio"}
        How seeds are put together: their mean, the mean of a share between 0 and 1, or a ratio of two means.
    low, high : float or None
        What the claim says: from ``low`` to ``high``, an open end being None.
    null : float or None
        What the measure is if there is nothing in the claim: beyond it, on the side away from the claim, is contrary.
        None where nothing can be contrary. An effect with neither end is for comparison only and is not judged.
    """

    name: str
    label: str
    unit: Unit = "percent"
    kind: Kind = "mean"
    low: float | None = None
    high: float | None = None
    null: float | None = None

    def __post_init__(self) -> None:
        """Refuse a claim that cannot be judged.

        Raises
        ------
        ValueError
            If the ends are in the wrong order, or the null lies inside what is claimed or has nothing to be null of.
        """
        low = float("-inf") if self.low is None else self.low
        high = float("inf") if self.high is None else self.high
        if low >= high:
            raise ValueError(f"{self.name}: low = {self.low}, high = {self.high}; allowed: low below high")
        if self.null is not None and (low < self.null < high or not self.is_judged):
            raise ValueError(f"{self.name}: null = {self.null}; allowed: outside of what is claimed")

    @property
    def is_judged(self) -> bool:
        """Whether the claim says anything of it."""
        return self.low is not None or self.high is not None


@dataclass(frozen=True, slots=True)
class Place:
    """A market that a claim is tried in.

    Parameters
    ----------
    label : str
        What sort of market it is, for a reader.
    scenario : str
        The shipped scenario.
    changes : mapping
        Settings that differ from the scenario's, by dotted path.
    """

    label: str
    scenario: str
    changes: Mapping[str, object]

    def load(self, changes: Mapping[str, object] | None = None) -> Scenario:
        """Return the market as a scenario, with further changes laid over its own.

        Raises
        ------
        InputError
            If a setting is not allowed.
        """
        return load_scenario(self.scenario, {**self.changes, **(changes or {})})


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of the textbooks and the controlled experiment that tries it.

    Parameters
    ----------
    name : str
        Its name on the command line.
    text : str
        What is claimed, in a sentence.
    source : str
        Who claims it, and who doubts it.
    design : str
        The experiment in a sentence or two.
    places : tuple of Place
        Where it is tried; the first is the verdict's, the others are contrasts.
    effects : tuple of Effect
        What is measured; the first is the claim's own, the others stand beside it.
    measure : callable
        From a scenario and a seed to what one seed gives, by name of the effect.
    caution : str
        What the measure does not tell.
    """

    name: str
    text: str
    source: str
    design: str
    places: tuple[Place, ...]
    effects: tuple[Effect, ...]
    measure: Callable[[Scenario, int], Mapping[str, Found]]
    caution: str
