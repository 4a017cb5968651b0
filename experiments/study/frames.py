"""All tables of a run as bytes, so that a store can keep them and a worker can send them."""

from __future__ import annotations

import hashlib
import inspect
import io
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.feather  # type: ignore[import-untyped]

from experiments.one_run import reduced

if TYPE_CHECKING:
    import pandas as pd

    from experiments.one_run import Frames


def packed(frames: Frames) -> bytes:
    """Return tables as bytes."""
    tables = [_packed(frame) for frame in frames.values()]
    sink = io.BytesIO()
    whole = pa.table({"name": pa.array(list(frames)), "table": pa.array(tables, pa.binary())})
    pa.feather.write_feather(whole, sink, compression="uncompressed")
    return sink.getvalue()


def unpacked(content: bytes) -> Frames:
    """Return the tables that :func:`packed` made bytes of, in their order."""
    whole = pa.feather.read_table(pa.BufferReader(content))
    return {
        name: pa.ipc.open_file(pa.py_buffer(table)).read_all().to_pandas()
        for name, table in zip(whole["name"].to_pylist(), whole["table"].to_pylist(), strict=True)
    }


@cache
def kind_of_tables() -> str:
    """Return a name that changes with what is kept of a run: tables of another kind are not taken for these."""
    return hashlib.sha256(inspect.getsource(reduced).encode()).hexdigest()[:12]


def _packed(frame: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    table = pa.Table.from_pandas(frame)
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue()
