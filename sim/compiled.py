"""How kernels are compiled: once per machine and version of the model, then read from a cache."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache, wraps
from typing import Any, NamedTuple

import numba
from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.extending import intrinsic

from sim.kernel_cache import keep

__all__ = [
    "bits_of", "formula", "inline", "kernel", "number_of", "parallel_kernel", "routine", "seldom",
    "use_threads_for",
]  # fmt: skip

ROWS_WORTH_A_THREAD = 10_000
ROWS_WORTH_A_SHARE, SHARES_OF_A_THREAD = 40_000, 8

_n_threads, _n_shares = 1, 1


def use_threads_for(n_rows: int) -> None:
    """Let parallel kernels use as many threads as the rows are worth, up to ``NUMBA_NUM_THREADS``.

    For a small town waking a thread takes longer than its share of the work. The number never changes a result.
    """
    global _n_threads, _n_shares
    _n_threads = max(1, min(numba.config.NUMBA_NUM_THREADS, n_rows // ROWS_WORTH_A_THREAD))  # type: ignore[attr-defined]
    most = min(SHARES_OF_A_THREAD * _n_threads, n_rows // ROWS_WORTH_A_SHARE)
    _n_shares = max(_n_threads, most) if _n_threads > 1 else 1


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


class _StepLibrary(JITCodeLibrary):
    """Code of a step as it was written down: the kernel that takes it in makes it fast, and machine code, with its own.

    Numba would do both for every step, and again for every step and kernel that it is taken into.
    """

    def finalize(self) -> None:
        """Take in the steps that this one calls."""
        self._raise_if_finalized()  # type: ignore[no-untyped-call]
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True

    @property
    def codegen(self) -> Any:
        """What Numba tells where the function's surroundings are, once there is machine code: here there is none."""
        return self

    def set_env(self, name: str, surroundings: Any) -> None:
        """Take no notice."""


class _StepCompiler(Compiler):
    """Numba's compiler, with the code put into a :class:`_StepLibrary`."""

    def define_pipelines(self) -> Any:
        codegen = self.state.targetctx.codegen()
        self.state.library = _StepLibrary(codegen, self.state.func_id.func_qualname)  # type: ignore[no-untyped-call]
        self.state.library.enable_object_caching()
        return super().define_pipelines()  # type: ignore[no-untyped-call]


_STEP = {
    "error_model": "numpy",
    "_nrt": False,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": _StepCompiler,
}


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


class Share(NamedTuple):
    """Which blocks of rows a thread goes through at one go: ``first``, ``first + step``, and so on."""

    first: int
    step: int


def parallel_kernel(function: Any) -> Any:
    """Compile a kernel that goes through blocks of rows, and call it on as many threads as are in use.

    The function's first argument is the :class:`Share` of blocks that it goes through; its callers leave that out. What
    a block does may depend on nothing that another one does in the same call, so that no result depends on threads.
    """
    compiled = keep(numba.njit(nogil=True, error_model="numpy")(function))

    @wraps(function)
    def on_all_threads(*arguments: Any) -> None:
        shares = iter(range(_n_shares))  # whoever is ready takes the next: who is held up keeps nobody waiting

        def take_shares() -> None:
            for first in shares:
                compiled(Share(first, _n_shares), *arguments)

        others = [_helpers().submit(take_shares) for _ in range(1, _n_threads)]
        take_shares()
        for each in others:
            each.result()

    return on_all_threads


@cache
def _helpers() -> ThreadPoolExecutor:
    """Return the threads beside the one that calls; they wait without taking time."""
    return ThreadPoolExecutor(numba.config.NUMBA_NUM_THREADS, "loyalty")  # type: ignore[attr-defined]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_helpers.cache_clear)  # a fork has none of its parent's threads


def _same_bits(given: Any, wanted: Any) -> Any:
    """Return a compiled function that reads the bits of a number of one type as one of another."""

    def reread(typing_context: Any, number: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], context.get_value_type(wanted))

        return wanted(given), generate

    return intrinsic(reread)


bits_of = _same_bits(types.float64, types.int64)
number_of = _same_bits(types.int64, types.float64)
