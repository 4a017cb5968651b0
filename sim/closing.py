"""Closing the books of a period: what the blocks noted is added up, and the firms' customers are carried forward."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.accounts import N_LINES, Line
from sim.compiled import inline, kernel

FloatArray = npt.NDArray[np.float64]


class Stocks(NamedTuple):
    """What firms have at the end of a period, each array of shape (n_firms, n_tiers, 7 types) but the last."""

    customers: FloatArray
    satisfaction: FloatArray  # summed over customers
    attachment: FloatArray
    points: FloatArray  # shape (n_firms,): issued and neither redeemed nor expired


class Serving(NamedTuple):
    """What it costs to serve customers for a period."""

    costs: FloatArray  # shape (n_firms, n_tiers): of one customer, in money; 0 for tiers that a firm lacks
    familiar: FloatArray  # shape (n_firms, n_tiers, 7 types): periods of familiarity, summed over customers
    saving: FloatArray  # shape (n_firms,): share of the cost that is saved on a customer who is wholly familiar
    longest: FloatArray  # shape (n_firms,): periods after which a customer is


def no_stocks(n_firms: int, n_tiers: int) -> Stocks:
    """Return the stocks of firms that have no customers."""
    customers, satisfaction, attachment = (np.zeros((n_firms, n_tiers, 7)) for _ in range(3))
    return Stocks(customers, satisfaction, attachment, np.zeros(n_firms))


def no_service(n_firms: int, n_tiers: int) -> Serving:
    """Return what serving costs firms that give no service."""
    return Serving(np.zeros((n_firms, n_tiers)), np.zeros((n_firms, n_tiers, 7)), np.zeros(n_firms), np.ones(n_firms))


def add_up(by_block: FloatArray, stocks: Stocks, serving: Serving, books: FloatArray) -> None:
    """Add up the blocks' books, in their order, carry the stocks forward by them, and pay for the service of a period.

    Parameters
    ----------
    by_block : array, shape (n_blocks, n_firms, n_tiers, 7 types, n_lines)
        What happened, as the blocks noted it.
    stocks : Stocks
        At the end of the period before; brought to the end of this one.
    serving : Serving
        What service costs.
    books : array, shape (n_firms, n_tiers, 7 types, n_lines)
        Filled in.
    """
    _add_up(by_block.reshape(len(by_block), -1), books.reshape(-1), stocks, serving, books)


@kernel
def _add_up(by_block, total, stocks, serving, books):  # type: ignore[no-untyped-def]
    n_blocks, n_numbers = by_block.shape
    for k in range(n_numbers):
        total[k] = by_block[0, k]
    for b in range(1, n_blocks):
        for k in range(n_numbers):
            total[k] += by_block[b, k]
    n_firms, n_tiers, n_types, _ = books.shape
    for f in range(n_firms):
        for k in range(n_tiers):
            for y in range(n_types):
                carry_forward(f, k, y, books[f, k, y], stocks, serving)


@inline
def carry_forward(f, k, y, cell, stocks, serving):  # type: ignore[no-untyped-def]
    """Change the stocks by what happened in one cell of the books, and pay for the service of who is there then."""
    lost = 0.0
    for line in range(Line.LOST, N_LINES):
        lost += cell[line]
    stocks.customers[f, k, y] += cell[Line.GAINED] - lost
    stocks.satisfaction[f, k, y] += cell[Line.SATISFACTION_CHANGE]
    stocks.attachment[f, k, y] += cell[Line.ATTACHMENT_CHANGE]
    stocks.points[f] += cell[Line.POINTS_ISSUED] - cell[Line.POINTS_REDEEMED] - cell[Line.POINTS_EXPIRED]
    served = stocks.customers[f, k, y] - serving.saving[f] * serving.familiar[f, k, y] / serving.longest[f]
    cell[Line.SERVICE] += served * serving.costs[f, k]
