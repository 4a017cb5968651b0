"""Staff: morale, training and turnover, and the service that comes of them (the service-profit chain).

Source: Heskett, Jones, Loveman, Sasser & Schlesinger (1994), "Putting the service-profit chain to work", Harvard
Business Review 72(2). The equations are in ``docs/promotion-and-staff.md``; the sizes of the effects are assumed.
"""

from __future__ import annotations

from math import exp

from pydantic import Field

from sim.settings import Frac, NonNegative, Positive, Settings

NEUTRAL = 0.5  # morale at which what is promised is delivered


class StaffSpec(Settings):
    """The people who serve the customers."""

    morale: Frac = Field(default=NEUTRAL, description="morale at the start; at 0.5 service is as promised")
    training: NonNegative = Field(default=0.0, description="training, in money per person in the market and period")
    training_cost: Positive = Field(
        default=1.0, description="money per person in the market at which training reaches 63% of the untrained staff"
    )
    turnover: Frac = Field(
        default=0.006,
        description="share of the staff that leaves in a period at neutral morale: none at full, twice at no morale",
    )
    replacement_cost: NonNegative = Field(
        default=2.0, description="money per person in the market to replace all the staff"
    )
    training_effect: NonNegative = Field(default=0.4, description="morale added when all the staff are trained")
    workload_effect: NonNegative = Field(
        default=1.0, description="morale lost to a unit of load, relative to capacity, above what is comfortable"
    )
    comfortable_load: Frac = Field(default=0.8, description="load, relative to capacity, that tires nobody")
    complaint_effect: NonNegative = Field(default=2.0, description="morale lost if every purchase were complained of")
    morale_speed: Frac = Field(default=0.05, description="share of the way that morale moves in a period")
    delivery_span: Frac = Field(
        default=0.5, description="share that full morale adds to the promised service, and no morale takes off"
    )


class Staff:
    """The state of a firm's staff."""

    def __init__(self, spec: StaffSpec) -> None:
        self.spec = spec
        self.morale = spec.morale
        self.trained = 0.0  # share of the staff

    @property
    def delivery(self) -> float:
        """Service delivered relative to what is promised, as far as it depends on morale; 1 if that is neutral."""
        return self.delivery_at(self.morale)

    def delivery_at(self, morale: float) -> float:
        """Return the service that staff of a morale deliver, relative to what is promised."""
        return 1.0 + self.spec.delivery_span * (2.0 * morale - 1.0)

    def end_period(self, load: float, complaints: float) -> float:
        """Live through a period, and return its cost: training and replacing who leaves.

        Parameters
        ----------
        load : float
            Promised service relative to capacity; 0 if there is always enough.
        complaints : float
            Per purchase.

        Returns
        -------
        float
            In money per person in the market.
        """
        spec = self.spec
        leavers = min(1.0, spec.turnover * 2.0 * (1.0 - self.morale))
        stayed = self.trained * (1.0 - leavers)
        self.trained = stayed + (1.0 - stayed) * (1.0 - exp(-spec.training / spec.training_cost))
        wanted = (
            NEUTRAL
            + spec.training_effect * self.trained
            - spec.workload_effect * max(0.0, load - spec.comfortable_load)
            - spec.complaint_effect * complaints
        )
        self.morale += spec.morale_speed * (min(1.0, max(0.0, wanted)) - self.morale)
        return spec.training + leavers * spec.replacement_cost
