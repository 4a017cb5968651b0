"""How kernels are compiled: once per machine and version of the model, then read from a cache."""

from __future__ import annotations

import os
from typing import Any

# OpenMP's threads would otherwise spin while they wait: ten times slower when a core is busy with something else.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numba
from numba import prange, types
from numba.extending import intrinsic

from sim.kernel_cache import keep

__all__ = [
    "bits_of", "formula", "inline", "kernel", "number_of", "parallel_kernel", "prange", "routine", "seldom",
    "use_threads_for",
]  # fmt: skip

ROWS_WORTH_A_THREAD = 2500


def use_threads_for(n_rows: int) -> None:
    """Let parallel kernels use as many threads as the rows are worth, up to ``NUMBA_NUM_THREADS``.

    For a small town waking a thread takes longer than its share of the work. The number never changes a result.
    """
    numba.set_num_threads(max(1, min(numba.config.NUMBA_NUM_THREADS, n_rows // ROWS_WORTH_A_THREAD)))  # type: ignore[attr-defined]


def kernel(function: Any) -> Any:
    """Compile a function of arrays; its plain twin stays at ``.py_func``."""
    return keep(numba.njit(error_model="numpy")(function))


def inline(function: Any) -> Any:
    """Compile a small step of a larger kernel, which LLVM is made to inline where it is called.

    A call would copy every field of every array it is given, some hundreds of numbers. Steps own no arrays, so they
    count no references to them either. Together the two took more than half of the time.
    """
    return _for_kernels_alone(numba.njit(forceinline=True, **_STEP)(function))  # type: ignore[call-overload]


def seldom(function: Any) -> Any:
    """Compile a step that few customers take in a period: called, not inlined, so that it is compiled once."""
    return _for_kernels_alone(numba.njit(**_STEP)(function))  # type: ignore[call-overload]


def formula(function: Any) -> Any:
    """Compile a step of numbers alone, inlined like the others, that can be called from Python too."""
    return numba.njit(error_model="numpy", _nrt=False, forceinline=True)(function)  # type: ignore[call-overload]


def routine(function: Any) -> Any:
    """Compile a step of arrays that is called, not inlined, and can be called from Python too."""
    return numba.njit(error_model="numpy", _nrt=False)(function)  # type: ignore[call-overload]


_STEP = {"error_model": "numpy", "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def _for_kernels_alone(step: Any) -> Any:
    """Let a step that has no way in from Python, which spares a third of the time to compile, say so if it is called.

    Kernels find what was compiled in ``overloads``; Python would look in a table that is left empty.
    """

    def remember(compiled: Any) -> None:
        step.overloads[tuple(compiled.signature.args)] = compiled

    def refuse(*arguments: Any, **named: Any) -> None:
        raise TypeError(f"{step.py_func.__name__} is a step of compiled kernels, and cannot be called from Python")

    step.add_overload, step._compile_for_args = remember, refuse
    return step


def parallel_kernel(function: Any) -> Any:
    """Compile a kernel whose ``prange`` loop runs on ``NUMBA_NUM_THREADS`` threads."""
    return keep(numba.njit(parallel=True, error_model="numpy")(function))


def _same_bits(given: Any, wanted: Any) -> Any:
    """Return a compiled function that reads the bits of a number of one type as one of another."""

    def reread(typing_context: Any, number: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], context.get_value_type(wanted))

        return wanted(given), generate

    return intrinsic(reread)


bits_of = _same_bits(types.float64, types.int64)
number_of = _same_bits(types.int64, types.float64)
