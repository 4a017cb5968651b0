"""What several experiments need: the focal firm, what it holds of its customers, and records that are kept whole."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.firms import Firm
from sim.market import Market
from sim.results import Results
from sim.scenario import Scenario

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def focal(market: Market) -> Firm:
    """Return the firm that the scenario asks about."""
    return market.firms[market.scenario.focal_firm]


def of_focal(results: Results) -> pd.DataFrame:
    """Return the focal firm's table of periods, in their order."""
    frame = results.periods
    return frame[frame["firm"] == results.scenario.focal_firm].reset_index(drop=True)


def held(market: Market, name: str) -> FloatArray:
    """Return a copy of a column of the relations for the focal firm, in double precision, shape (n_customers,)."""
    return np.array(market.customers.column(name)[:, focal(market).index], dtype=np.float64)


def quarter(scenario: Scenario) -> int:
    """Return the length of a quarter of the long run, in periods."""
    return max(1, scenario.horizon // 4)


def whole_records(scenario: Scenario) -> Scenario:
    """Return the market with the focal firm's records of its customers never fading, so that they can be subtracted."""
    return scenario.with_overrides({f"firms.{scenario.focal_firm}.pyramid.memory": 1.0})


def set_service(market: Market, level: float) -> None:
    """Give every tier of the focal firm another level of service, from its next review on."""
    firm = focal(market)
    firm.base = firm.base.replace(service=level)
