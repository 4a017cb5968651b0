"""The records of the people: one per person, one per person and firm, as compiled kernels see them.

What is touched together is stored together: the pulse is all that an idle week needs, so that a quiet million passes
quickly; the person, and one line of memory (64 bytes) for each firm, are read when something happens.
"""

from __future__ import annotations

import math
import mmap
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.compiled import formula, inline

NEVER = 32_000  # a period that no run reaches
NOBODY = -1
STEPS = 2**14  # per unit of the states that are kept in steps
MEMORY_LINE = 64  # bytes that come from memory together

PULSE = np.dtype(
    [
        ("wake_at", "i2"),  # the earliest of the periods below; nothing happens to the person by itself before it
        ("need_at", "i2"),  # period of the next need
        ("lapse_at", "i2"),  # earliest period at which a membership may lapse
        ("leave_at", "i2"),  # period in which the person moves away
    ],
    align=True,
)

PERSON = np.dtype(
    [
        ("rate", "f4"),  # needs per period when nothing holds the person back
        ("basket", "f4"),  # money at price 1
        ("talk", "f4"),  # talkativeness, mean 1
        ("price_weight", "f4"),
        ("quality_weight", "f4"),
        ("service_weight", "f4"),
        ("reward_weight", "f4"),
        ("effort_weight", "f4"),
        ("attachment_weight", "f4"),
        ("search", "f4"),
        ("attachment_gain", "f4"),
        ("tolerance", "f4"),
        ("log_reference", "f4"),  # logarithm of the reference price
        ("reach", "u4"),  # bit f: firm f can be bought from
        ("birth", "i2"),  # 0 for the first people, the period after the one they moved in for others
        ("seen", "i2"),  # period of the last need
        ("usual", "i1"),  # firm last bought from, or NOBODY
        ("type", "i1"),
        ("is_constrained", "i1"),
        ("is_alert", "i1"),  # a shock makes the person look around at the next need
    ],
    align=True,
)

RELATION = np.dtype(
    [
        ("taste", "f4"),
        ("attachment", "f4"),  # 0 to 1
        ("expectation", "f4"),
        ("strikes", "f4"),  # unresolved failures still remembered
        ("volume", "f4"),  # the firm's record of the customer: purchases, money paid, margin, credit
        ("revenue", "f4"),
        ("margin", "f4"),
        ("credit", "f4"),
        ("points", "i4"),  # open points, whole
        ("distance", "i2"),  # in steps of 1 / STEPS, like the six that follow: effort of buying, 0 to 1
        ("satisfaction", "i2"),  # -1 to 1
        ("opinion", "i2"),  # -1 to 1
        ("habit", "i2"),  # 0 to 1, like the three that follow
        ("trust_quality", "i2"),
        ("trust_character", "i2"),
        ("trust_ability", "i2"),
        ("told_by", "i2"),  # number of the tie over which the firm was last praised, or NOBODY
        ("told_at", "i2"),
        ("bought_at", "i2"),  # period of the last purchase, or NOBODY
        ("since", "i2"),  # period in which the present membership began
        ("barred_until", "i2"),
        ("tier", "i1"),
        ("cause", "i1"),  # what a loss would be put down to
        ("is_aware", "i1"),
        ("is_active", "i1"),  # is a customer of the firm
    ],
    align=True,
)

IN_STEPS = ("distance", "satisfaction", "opinion", "habit", "trust_quality", "trust_character", "trust_ability")

STAGE = np.dtype(
    [
        ("stage_ends_at", "i2"),  # period
        ("stage", "i1"),  # index of the stage of life
    ],
    align=True,
)

RecordArray = npt.NDArray[np.void]


class Town(NamedTuple):
    """The people and their relations to firms; person ``i`` lives in row ``i``."""

    pulses: RecordArray  # shape (n_customers,)
    people: RecordArray  # shape (n_customers,)
    relations: RecordArray  # shape (n_customers, n_firms)
    stages: RecordArray  # shape (n_customers,), or (0,) if no stages of life are told apart


def new_town(n_customers: int, n_firms: int, has_stages: bool = False) -> Town:
    """Return empty records for a town, laid so that a relation is one line of memory."""
    return Town(
        pulses=_in_line((n_customers,), PULSE),
        people=_in_line((n_customers,), PERSON),
        relations=_in_line((n_customers, n_firms), RELATION),
        stages=np.zeros(n_customers if has_stages else 0, dtype=STAGE),
    )


def _in_line(shape: tuple[int, ...], dtype: np.dtype[np.void]) -> RecordArray:
    """Return an array of zeros that begins where a line of memory begins."""
    n_bytes = math.prod(shape) * dtype.itemsize
    memory = np.zeros(n_bytes + MEMORY_LINE, dtype=np.uint8)
    skipped = -memory.ctypes.data % MEMORY_LINE
    return memory[skipped : skipped + n_bytes].view(dtype).reshape(shape)


def own_pages(n: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return an array of zeros in pages of its own: those never touched take no memory, and all are given back at once.

    Memory that was used before, and that the process has kept, would be taken whole.
    """
    memory = mmap.mmap(-1, max(1, n * np.dtype(dtype).itemsize), access=mmap.ACCESS_COPY)
    return np.frombuffer(memory, dtype=dtype, count=n)


@inline
def identity(person, i):  # type: ignore[no-untyped-def]
    """Return who lives in row ``i``: birth * 2**32 + number of the household, the address of all their draws."""
    return (np.int64(person.birth) << 32) | i


@inline
def level(steps):  # type: ignore[no-untyped-def]
    """Return the number, -1 to 1, that is kept in steps; exact."""
    return steps * (1.0 / STEPS)


@inline
def in_steps(number):  # type: ignore[no-untyped-def]
    """Return the nearest number of steps to a number from -1 to 1, as it is kept."""
    return np.int16(math.floor(number * STEPS + 0.5))


@formula
def block_of(row, n_blocks, n_rows):  # type: ignore[no-untyped-def]
    """Return the block that a row is in: block ``b`` begins at ``b * n_rows // n_blocks``."""
    return ((row + 1) * n_blocks + n_rows - 1) // n_rows - 1


def gather(column: npt.NDArray[Any], n_listed: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return, end to end, what every block has listed from the first of its own places of a column on.

    Parameters
    ----------
    column : array, shape (n_rows,)
        Each block's list is in the places of its rows.
    n_listed : array of int64, shape (n_blocks,)
        How many each block has listed.
    """
    n_blocks = len(n_listed)
    firsts = [b * len(column) // n_blocks for b in range(n_blocks)]
    return np.concatenate([column[first : first + n] for first, n in zip(firsts, n_listed.tolist(), strict=True)])
