"""The tables of a store: their columns, and the views by which SQL sees them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]

if TYPE_CHECKING:
    import duckdb

RUN_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("scenario", pa.string()),
        ("seed", pa.int64()),
        ("version", pa.string()),
        ("digest", pa.string()),
        ("firm", pa.string()),
        ("seconds", pa.float64()),
    ]
)
FIRST_OUTCOMES = ("retention", "profit", "repeat_rate", "share", "customers", "revenue", "satisfaction", "equity")
FAILED_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("scenario", pa.string()),
        ("seed", pa.int64()),
        ("message", pa.string()),
        ("trace", pa.string()),
        ("command", pa.string()),
    ]
)
LABEL_SCHEMA = pa.schema(
    [
        ("study", pa.string()),
        ("place", pa.int64()),
        ("id", pa.string()),
        ("seed", pa.int64()),
        ("label", pa.string()),
        ("text", pa.string()),
        ("number", pa.float64()),
    ]
)


def add_views(
    connection: duckdb.DuckDBPyConnection,
    runs: Sequence[Path],
    failed: Sequence[Path],
    labels: Sequence[Path],
    studies: Sequence[str],
) -> None:
    """Let a connection see the tables of a store: ``runs``, ``failed``, ``labels``, ``timing``, and one per study.

    Parameters
    ----------
    connection : DuckDBPyConnection
    runs, failed, labels : sequence of Path
        The Parquet files that hold them; there may be none.
    studies : sequence of str
        Names of the studies.
    """
    first = pa.schema([*RUN_SCHEMA, *(pa.field(name, pa.float64()) for name in FIRST_OUTCOMES)])
    for name, files, schema in (
        ("_runs", runs, first),
        ("_failed", failed, FAILED_SCHEMA),
        ("labels", labels, LABEL_SCHEMA),
    ):
        if files:
            listed = ", ".join(text_literal(str(file)) for file in files)
            source = f"read_parquet([{listed}], union_by_name = true)"
            connection.execute(f"create view {name} as select * from {source}")
        else:
            connection.register(f"{name}_empty", schema.empty_table())
            connection.execute(f"create view {name} as select * from {name}_empty")
    once = "qualify row_number() over (partition by id, firm order by seconds) = 1"
    connection.execute(f"create view _once as select * from _runs {once}")
    columns = [row[0] for row in connection.sql("describe _runs").fetchall()]
    front = [*(name for name in RUN_SCHEMA.names if name != "seconds"), *FIRST_OUTCOMES]
    rest = [name for name in columns if name not in {*front, "seconds"}]
    chosen = ", ".join(quoted(name) for name in [*(n for n in front if n in columns), *rest])
    connection.execute(f"create view runs as select {chosen} from _once")
    connection.execute("create view timing as select distinct on (id) id, seconds from _once")
    connection.execute(
        "create view failed as select distinct on (id) * from _failed where id not in (select id from _runs)"
    )
    for study in studies:
        _add_study(connection, study, {*front, *rest})


def _add_study(connection: duckdb.DuckDBPyConnection, study: str, taken: set[str]) -> None:
    own = f"(select * from labels where study = {text_literal(study)})"
    kinds = connection.sql(
        f"select label, bool_and(text is null) as is_number from {own} where label <> '' "
        "group by label order by min(place), label"
    ).fetchall()
    columns = []
    for label, is_number in kinds:
        value = "number" if is_number else "coalesce(text, cast(number as varchar))"
        name = f"{label}_label" if label in taken | {"study", "place"} else label
        columns.append(f"max({value}) filter (label = {text_literal(label)}) as {quoted(name)}")
    chosen = ", ".join(["study", "place", "id", *columns])
    connection.execute(
        f"create or replace view {quoted(study)} as select * from "
        f"(select {chosen} from {own} group by study, place, id) join runs using (id)"
    )


def quoted(name: str) -> str:
    """Write a name as SQL does."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """Write a text as SQL does."""
    return "'" + text.replace("'", "''") + "'"
