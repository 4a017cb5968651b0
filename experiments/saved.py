"""Files that are there whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from sim.errors import InputError


def require_writable(folder: Path) -> None:
    """Make a folder if need be, and check that files can be written there.

    Raises
    ------
    InputError
        If they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or error}", file=folder, allowed="a folder you may write to"
        ) from None


def write_table(table: pd.DataFrame, stem: Path) -> None:
    """Write a table as ``stem.parquet`` and ``stem.csv``, each whole or not at all."""
    columns = pa.Table.from_pandas(table, preserve_index=False)
    write_whole(stem.with_suffix(".parquet"), lambda path: pa.parquet.write_table(columns, path, compression="zstd"))
    write_whole(stem.with_suffix(".csv"), lambda path: pa.csv.write_csv(columns, path))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain data as JSON, whole or not at all."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file beside ``path``, then put it in its place: a reader never meets half a file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
