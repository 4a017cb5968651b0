"""Asking memory for a row before it is needed: a customer's records lie anywhere in a large town.

A need would wait for several cache lines, one after the other, for longer than it computes. Asked for some needs ahead,
they are there in time. Asked for too many at once, they are in each other's way. It changes no result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sim.compiled import inline

BUYERS_AHEAD = 8  # buyers whose relation is asked for
_LINE_BYTES = 64
_READ, _KEEP, _DATA = 0, 3, 1  # arguments of LLVM's prefetch: to be read, to stay in all caches, not instructions


@intrinsic
def prefetch_row(typing_context: Any, records: Any, row: Any) -> Any:
    """Ask for the cache lines of one row of an array, shape (n_rows,) or (n_rows, n_columns)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, flag = ir.IntType(64), ir.IntType(32)
        pointer = ir.IntType(8).as_pointer()
        kind = signature.args[0]
        array = context.make_array(kind)(context, builder, arguments[0])
        row_bytes = cgutils.unpack_tuple(builder, array.strides, kind.ndim)[0]  # type: ignore[no-untyped-call]
        start = builder.add(builder.ptrtoint(array.data, address), builder.mul(arguments[1], row_bytes))
        signature_of_prefetch = ir.FunctionType(ir.VoidType(), [pointer, flag, flag, flag])
        prefetch = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
            builder.module, signature_of_prefetch, "llvm.prefetch.p0i8"
        )
        line_bytes = ir.Constant(address, _LINE_BYTES)

        def ask_for(line: Any) -> None:
            place = builder.inttoptr(builder.add(start, builder.mul(line, line_bytes)), pointer)
            builder.call(prefetch, [place, *(ir.Constant(flag, value) for value in (_READ, _KEEP, _DATA))])

        item_bytes = context.get_abi_sizeof(context.get_data_type(kind.dtype))
        if kind.ndim == 1:
            for line in range(-(-item_bytes // _LINE_BYTES)):
                ask_for(ir.Constant(address, line))
        else:
            n_lines = builder.udiv(builder.add(row_bytes, ir.Constant(address, _LINE_BYTES - 1)), line_bytes)
            with cgutils.for_range(builder, n_lines, intp=address) as loop:
                ask_for(loop.index)
        return context.get_dummy_value()

    return types.void(records, row), generate


@inline
def prefetch_buyers(place, last, town, roll):  # type: ignore[no-untyped-def]
    """Ask for a buyer who comes up later, and for what is between one who comes up sooner and the firm bought from.

    Returns the row of who comes up later, for what else is kept of them.
    """
    sooner = np.int64(roll.buyer[min(place + BUYERS_AHEAD, last - 1)])
    later = np.int64(roll.buyer[min(place + 2 * BUYERS_AHEAD, last - 1)])
    prefetch_row(town.people, later)  # type: ignore[call-arg]
    prefetch_row(town.relations[:, town.people[sooner].usual], sooner)
    return later
