"""How kernels are compiled: once per machine and version of the model, then read from a cache.

Numba's own cache does not notice that a function in *another* file has changed, and would go on using the old machine
code. The cache folder is therefore named by a hash of every source file of ``sim``.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

# OpenMP's threads would otherwise spin while they wait: ten times slower when a core is busy with something else.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numba
from numba import prange, types
from numba.extending import intrinsic

__all__ = [
    "bits_of",
    "cache_folder",
    "inline",
    "kernel",
    "number_of",
    "parallel_kernel",
    "prange",
    "seldom",
    "source_hash",
    "use_threads_for",
]

ROWS_WORTH_A_THREAD = 20_000


def source_hash() -> str:
    """Return a short hash of all of ``sim``'s sources: the version of the model as it really is."""
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def cache_folder() -> Path:
    """Return the folder of compiled kernels: the user's cache if it can be written, a temporary one otherwise."""
    base = os.environ.get("LOYALTY_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    name = f"loyalty-kernels/{source_hash()}"
    folder = Path(base) / name
    if _can_write(folder):
        return folder
    fallback = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}"
    fallback.mkdir(parents=True, exist_ok=True)
    return fallback


def use_threads_for(n_rows: int) -> None:
    """Let parallel kernels use as many threads as the rows are worth, up to ``NUMBA_NUM_THREADS``.

    For a small town waking a thread takes longer than its share of the work. The number never changes a result.
    """
    numba.set_num_threads(max(1, min(numba.config.NUMBA_NUM_THREADS, n_rows // ROWS_WORTH_A_THREAD)))  # type: ignore[attr-defined]


numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]


def kernel(function: Any) -> Any:
    """Compile a function of arrays; its plain twin stays at ``.py_func``."""
    return numba.njit(cache=True, error_model="numpy")(function)


def inline(function: Any) -> Any:
    """Compile a small step of a larger kernel, which LLVM is made to inline where it is called.

    A call would copy every field of every array it is given, some hundreds of numbers. Steps own no arrays, so they
    count no references to them either. Together the two took more than half of the time.
    """
    return numba.njit(error_model="numpy", _nrt=False, forceinline=True)(function)  # type: ignore[call-overload]


def seldom(function: Any) -> Any:
    """Compile a step that few customers take in a period: called, not inlined, so that it is compiled once."""
    return numba.njit(error_model="numpy", _nrt=False)(function)  # type: ignore[call-overload]


def parallel_kernel(function: Any) -> Any:
    """Compile a kernel whose ``prange`` loop runs on ``NUMBA_NUM_THREADS`` threads."""
    return numba.njit(cache=True, parallel=True, error_model="numpy")(function)


def _same_bits(given: Any, wanted: Any) -> Any:
    """Return a compiled function that reads the bits of a number of one type as one of another."""

    def reread(typing_context: Any, number: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], context.get_value_type(wanted))

        return wanted(given), generate

    return intrinsic(reread)


bits_of = _same_bits(types.float64, types.int64)
number_of = _same_bits(types.int64, types.float64)
