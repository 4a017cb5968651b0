"""The files of a store, which any number of processes write at once.

A file is written under a temporary name, synced and renamed, so it is there whole or not at all, and its name is its
own. Many small files are put together now and then by whoever holds the lock; the new file is in place before the old
ones go.
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from experiments.saved import write_json, write_whole

SMALL_ROWS = 5_000
SECONDS_TEMPORARY = 3600.0


class Files:
    """The files of a store.

    Whatever writes raises an :class:`OSError` that names the store and tells how to go on, if it cannot, as when the
    disk is full; what was there before is then whole.

    Parameters
    ----------
    store : Path
        The folder.
    """

    def __init__(self, store: Path) -> None:
        self.store = store

    def of(self, kind: str) -> list[Path]:
        """Return the Parquet files of a kind, in order."""
        return sorted((self.store / kind).glob("[!.]*.parquet"))

    def write_table(self, path: Path, table: Any) -> None:
        """Write an Arrow table."""
        self.write(path, lambda temporary: pa.parquet.write_table(table, temporary, compression="zstd"))

    def write_json(self, path: Path, content: Mapping[str, Any]) -> None:
        """Write plain data."""
        with self._told():
            write_json(path, content)

    def write(self, path: Path, fill: Callable[[Path], object]) -> None:
        """Write a file that ``fill`` makes."""
        with self._told():
            write_whole(path, fill)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            advice = "what was finished before is kept; the same command goes on from there"
            raise OSError(error.errno or 0, f"cannot be written: {reason}; {advice}", str(self.store)) from None

    @contextmanager
    def lock(self, *, wait: bool = True) -> Iterator[bool]:
        """Hold the store's lock; the system lets go of it when a process dies. Without ``wait`` it may not be had."""
        with (self.store / ".lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True

    def put_together(self, kind: str, at_least: int) -> bool:
        """Put the small files of a kind together if there are many, unless another process is doing so; say whether."""
        if len(self.of(kind)) < at_least:
            return False
        with self.lock(wait=False) as is_mine:
            if not is_mine:
                return False
            small = [file for file in self.of(kind) if pa.parquet.read_metadata(file).num_rows < SMALL_ROWS]
            if len(small) < at_least:
                return False
            folder = self.store / kind
            whole = pa.concat_tables(map(pa.parquet.read_table, small), promote_options="default")
            self.write_table(folder / f"{uuid.uuid4().hex}.parquet", whole)
            _sync_folder(folder)  # the new file must be on the disk before the old ones go
            for file in small:
                file.unlink(missing_ok=True)
            for left_over in folder.glob(".*.tmp"):
                with suppress(FileNotFoundError):
                    if time.time() - left_over.stat().st_mtime > SECONDS_TEMPORARY:
                        left_over.unlink()
            return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
