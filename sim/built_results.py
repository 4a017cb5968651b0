"""What a run says of what firms build over time: a better product, a name, willing staff, and new products' buyers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.levers.launches import Launches

if TYPE_CHECKING:
    from sim.firms import Firm
    from sim.market import Market

COLUMNS = ("firm", "measure", "name", "value")
MEASURES = ("quality", "failure_rate", "image", "morale", "trained", "delivered", "take_up")


def built(market: Market) -> pd.DataFrame:
    """Return what each firm's work on its product, name, staff and range has come to at the end of a run.

    Returns
    -------
    DataFrame
        One row per firm, ``measure`` and ``name`` (of the product; else empty), each ``value`` a share from 0 to 1,
        the delivered service of high morale alone a little more. Of a firm that works on suggestions, the ``quality``
        of its product and its ``failure_rate``; of one that spends on its brand, the ``image``; of one with staff,
        their ``morale`` and the share ``trained``; of one with staff or limited capacity, the share of the promised
        service that was ``delivered`` in the long run; of every product launched, its ``take_up`` among customers.
    """
    rows = [(firm.name, *row) for firm in market.firms.values() for row in _of_firm(market, firm)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _of_firm(market: Market, firm: Firm) -> Iterator[tuple[str, str, float]]:
    if firm.voice is not None:
        yield "quality", "", firm.quality
        yield "failure_rate", "", firm.voice.failure_rate(firm.failure_rate)
    if firm.promotion is not None and firm.promotion.mix.brand > 0.0:
        yield "image", "", firm.promotion.image(firm.spec.image)
    if firm.staff is not None:
        yield "morale", "", firm.staff.morale
        yield "trained", "", firm.staff.trained
    if firm.staff is not None or firm.spec.capacity is not None:
        yield "delivered", "", float(np.mean([each[firm.index] for each in market.history.delivery[-market.horizon :]]))
    for lever in market.levers:
        if isinstance(lever, Launches):
            is_customer = market.town.relations["is_active"][:, firm.index] == 1
            for k, launch in enumerate(lever.launches):
                if launch.firm == firm.name and lever.products.is_on_sale[k] and is_customer.any():
                    have = lever.taken_up[is_customer, firm.index] >> np.uint32(k) & np.uint32(1)
                    yield "take_up", launch.name, float(have.mean())
