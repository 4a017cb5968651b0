"""Where compiled kernels are kept between runs: a file per kernel, in a folder per version of ``sim``'s sources.

Numba's own cache does not serve here. It does not notice that a function in *another* file has changed, and would go on
using the old machine code; it ends a run at a damaged file, and at the start where no folder can be written; and two
processes that compile one kernel for different types at once can each be left with the other's. So the folder is named
by a hash of every source file, the file by the kernel, its types and all that machine code depends on; a file is
written whole, sealed with its own hash, and whatever is wrong with one is mended by compiling again.

Kernels are kept in ``loyalty-kernels`` below ``LOYALTY_CACHE_DIR``, or else the user's cache folder, or else the
temporary folder, if that one can be made private: what is read is run.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import re
import shutil
import stat
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import config
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target
from numba.core.runtime.nrt import rtsys
from numba.core.serialize import dumps
from numba.core.sigutils import normalize_signature

from sim.version import source_hash

__all__ = ["KernelCache", "is_warm", "keep", "mark_warm"]

NAME = "loyalty-kernels"
N_VERSIONS_KEPT = 10
DAYS_KEPT = 2.0  # a version used since then stays, however many there are
VERSION = source_hash()  # as imported: whoever edits a file meanwhile must not find its old code under the new name
SEAL_BYTES = hashlib.sha256().digest_size

_log = logging.getLogger(__name__)
_said: set[str] = set()


def keep(kernel: Any) -> Any:
    """Let a compiled function of ``sim`` be read from the cache, and kept in it.

    A function from elsewhere is left as it is: the name of the folder says nothing of its source.
    """
    if isinstance(kernel, Dispatcher) and kernel.py_func.__module__.partition(".")[0] == __package__:
        kernel._cache = KernelCache(kernel.py_func)  # type: ignore[attr-defined]
    return kernel


class KernelCache(NullCache):
    """Gives a dispatcher a function's machine code if it is kept, and keeps what had to be compiled."""

    def __init__(self, function: Any) -> None:
        self.name = f"{function.__module__}.{function.__qualname__}"

    @property
    def cache_path(self) -> str:
        """Where Numba's statistics say that the function is kept."""
        return str(next(_folders(), ""))

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the function compiled for a signature, or None if it has to be compiled; that is said, once."""
        # Numba would load all that it can compile with, for a second; what is compiled already needs no more than
        # the functions that count references, by name
        rtsys.initialize(target_context)
        file_name = self._file_name(signature)
        for folder in _folders():
            content = _read_sealed(folder / file_name)
            if content is None:
                continue
            try:
                compiled = CompileResult._rebuild(target_context, *pickle.loads(content))  # type: ignore[no-untyped-call]
            except Exception as error:  # what it is matters little: compiling again mends it
                _log.info("%s cannot be used: %r", folder / file_name, error)
                continue
            with suppress(OSError):
                os.utime(folder)  # the version is in use
            return compiled
        _say_once("compiling the market's kernels: about half a minute, once on this machine for this version ...")
        return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep the function compiled for a signature; where nothing can be kept, say so once and go on."""
        if not compiled.library.has_dynamic_globals:
            _write(self._file_name(signature), dumps(compiled._reduce()))  # type: ignore[no-untyped-call]

    def _file_name(self, signature: Any) -> str:
        types, _ = normalize_signature(signature)  # type: ignore[no-untyped-call]
        digest = hashlib.sha256(repr([_machine(), *map(str, types)]).encode())
        return f"{self.name}-{digest.hexdigest()[:32]}.kernel"


def is_warm() -> bool:
    """Say whether a run has been through all kernels of this version on this machine.

    That some are there says little: a run that was stopped while compiling leaves some, too.
    """
    return any((folder / _mark()).exists() for folder in _folders())


def mark_warm() -> None:
    """Note that a run has been through all kernels."""
    if not is_warm():
        _write(_mark(), b"")


def _mark() -> str:
    return f"warm-{hashlib.sha256(_machine().encode()).hexdigest()[:32]}"


def _machine() -> str:
    """Return what machine code depends on beside its source: the compiler, how it is set, and the processor."""
    compiler = numba.__version__, llvmlite.__version__, sys.implementation.cache_tag
    settings = int(config.OPT), bool(config.BOUNDSCHECK)  # type: ignore[attr-defined]
    return repr((compiler, settings, cpu_target.target_context.codegen().magic_tuple()))


def _folders(*, to_write: bool = False) -> Iterator[Path]:
    """Yield this version's folders, the first choice first; neither need exist, or be such that it can be written."""
    if (user := _user_folder()) is not None:
        yield user / VERSION
    if (temporary := _temporary_folder(make=to_write)) is not None:
        yield temporary / VERSION


def _user_folder() -> Path | None:
    chosen = os.environ.get("LOYALTY_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(chosen).expanduser() if chosen else Path.home() / ".cache") / NAME
    except RuntimeError:  # no such user, or one without a home
        return None


def _temporary_folder(*, make: bool) -> Path | None:
    """Return a folder below the temporary one, or None if there is none or somebody else could put something there.

    Anybody may make a folder of a name that is known beforehand, or a link of that name to one of theirs.
    """
    try:
        if sys.platform == "win32":  # a user's own
            return Path(tempfile.gettempdir()) / NAME
        folder = Path(tempfile.gettempdir()) / f"{NAME}-{os.getuid()}"
        if make:
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
        status = folder.lstat()
    except OSError:
        return None
    is_private = status.st_uid == os.getuid() and stat.S_ISDIR(status.st_mode) and status.st_mode & 0o077 == 0
    return folder if is_private else None


def _read_sealed(path: Path) -> bytes | None:
    """Return what was written whole to a file, or None if it is not there, cannot be read or is damaged."""
    try:
        sealed = path.read_bytes()
    except OSError:
        return None
    seal, content = sealed[:SEAL_BYTES], sealed[SEAL_BYTES:]
    return content if hashlib.sha256(content).digest() == seal else None


def _write(file_name: str, content: bytes) -> None:
    """Write a sealed file to the first folder that can be written; if there is none, say so once."""
    problem: OSError | None = None
    for folder in _folders(to_write=True):
        try:
            is_new = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            _write_whole(folder / file_name, hashlib.sha256(content).digest() + content)
        except OSError as error:
            problem = problem or error
            continue
        if is_new:
            _remove_old_versions(folder)
        return
    _say_once(
        f"compiled kernels cannot be kept, and are compiled at every start ({problem or 'no folder for them'}); "
        "LOYALTY_CACHE_DIR names another folder to keep them in"
    )


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name first, so that no reader ever sees half of it."""
    unfinished = path.with_name(f"{uuid.uuid4().hex}.unfinished")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def _remove_old_versions(present: Path) -> None:
    """Remove versions beside the present one that were not used lately, but for the last few.

    A process that runs an old version meanwhile has its kernels in memory; one that it still needs is compiled again.
    """
    with suppress(OSError):
        versions = [each for each in present.parent.iterdir() if re.fullmatch("[0-9a-f]{16}", each.name)]
        last_used = {each: each.stat().st_mtime for each in versions if each != present}
        for old in sorted(last_used, key=lambda each: -last_used[each])[N_VERSIONS_KEPT - 1 :]:
            if time.time() - last_used[old] > DAYS_KEPT * 24 * 3600:
                shutil.rmtree(old, ignore_errors=True)


def _say_once(message: str) -> None:
    """Log a message that nobody should miss who has not set up logging: a warning, which goes to standard error."""
    if message not in _said:
        _said.add(message)
        _log.warning("%s", message)
