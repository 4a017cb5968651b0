"""The store: a folder of Parquet files that keeps what runs gave, whatever happens to the processes that write it.

::

    STORE/manifest.json      the format's number
    STORE/runs/*.parquet     finished runs, a row per run and firm
    STORE/frames/KIND/ID.*   all tables of a finished run, where they were asked for
    STORE/failed/*.parquet   runs that gave nothing: why, and the command that shows it again
    STORE/studies/NAME/      what a study asked for: about.json, and *.parquet, a row per run and label
    STORE/active/*.json      who is at work, and how far

A run may be there twice, while small files are put together or when two studies made it at once: readers take it once.
"""

from __future__ import annotations

import json
import re
import shutil
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from experiments.saved import require_writable
from experiments.study.files import Files
from experiments.study.frames import kind_of_tables, unpacked
from experiments.study.runs import Failed, Outcome, Run
from experiments.study.status import Status, all_at_work
from experiments.study.views import FAILED_SCHEMA, LABEL_SCHEMA, RUN_SCHEMA, add_views, quoted, text_literal
from sim.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from experiments.one_run import Frames

FORMAT = 1
N_SMALL_FILES = 64  # so many are put together
N_TRIES = 20  # of reading while another process puts files together


class Store:
    """A folder of finished runs.

    Parameters
    ----------
    path : str or Path
        The folder; made if it is not there.
    create : bool
        Whether a folder that is not there may be made.

    Raises
    ------
    InputError
        If the folder is none, is no store, is of another format, or cannot be written.
    """

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
        self.path = Path(path)
        self.files = Files(self.path)
        self._known: set[str] = set()
        self._read: set[str] = set()
        manifest = self.path / "manifest.json"
        if not manifest.is_file():
            if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
                # another process may be making it at this moment
                if not any((self.path / name).exists() for name in ("runs", "studies")):
                    raise InputError("is no store", file=self.path, allowed="a store, an empty folder, or a new name")
            elif not create:
                raise InputError("no such store", file=self.path, allowed="a folder that a study wrote")
            require_writable(self.path)
            for name in ("runs", "failed", "studies", "active"):
                (self.path / name).mkdir(exist_ok=True)
            self.files.write_json(manifest, {"format": FORMAT})
        try:
            found = json.loads(manifest.read_text(encoding="utf-8")).get("format")
        except (OSError, ValueError, AttributeError) as error:
            raise InputError(f"is no store: {error}", file=manifest) from None
        if found != FORMAT:
            raise InputError("another format of store", file=manifest, key="format", value=found, allowed=str(FORMAT))
        self.refresh()

    def has(self, id: str) -> bool:
        """Say whether a run is finished, as far as was known at the last :meth:`refresh` or :meth:`add`."""
        return id in self._known

    def __len__(self) -> int:
        return len(self._known)

    def refresh(self) -> None:
        """Learn of the runs that other processes have finished meanwhile."""
        for file in self.files.of("runs"):
            if file.name not in self._read:
                with suppress(FileNotFoundError):  # put together with others since: those are read too
                    column = pa.parquet.read_table(file, columns=["id"])["id"]
                    self._known.update(column.unique().to_pylist())
                    self._read.add(file.name)

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Keep finished runs; once this returns, they stay.

        Raises
        ------
        OSError
            If they cannot be written, as when the disk is full. What was there before is whole.
        """
        rows = [
            {
                "id": each.id,
                "scenario": each.scenario,
                "seed": each.seed,
                "version": each.version,
                "digest": each.digest,
                "firm": firm,
                "seconds": each.seconds,
                **{name: float(value) for name, value in numbers.items()},
            }
            for each in outcomes
            for firm, numbers in each.firms.items()
        ]
        if not rows:
            return
        names = dict.fromkeys(name for each in outcomes for numbers in each.firms.values() for name in numbers)
        extra = [pa.field(name, pa.float64()) for name in names if name not in RUN_SCHEMA.names]
        table = pa.Table.from_pylist(rows, schema=pa.schema([*RUN_SCHEMA, *extra]))
        name = f"{uuid.uuid4().hex}.parquet"
        self.files.write_table(self.path / "runs" / name, table)
        self._read.add(name)
        self._known.update(each.id for each in outcomes if each.firms)
        self.compact()

    def has_tables(self, run: Run) -> bool:
        """Say whether those tables of a run that it asks for, if any, are kept."""
        return run.tables == "none" or self._tables_file(run).is_file()

    def tables(self, run: Run) -> Frames:
        """Return the tables that a run asks for: see :func:`experiments.one_run.reduced`.

        Raises
        ------
        OSError
            If they are not kept, or cannot be read.
        """
        return unpacked(self._tables_file(run).read_bytes())

    def add_tables(self, run: Run, content: bytes) -> None:
        """Keep the tables of a run, :func:`~experiments.study.frames.packed`; once this returns, they stay.

        Raises
        ------
        OSError
            If they cannot be written.
        """
        file = self._tables_file(run)
        file.parent.mkdir(parents=True, exist_ok=True)
        self.files.write(file, lambda temporary: temporary.write_bytes(content))

    def _tables_file(self, run: Run) -> Path:
        with_network = "-network" if run.tables == "network" else ""
        return self.path / "frames" / kind_of_tables() / f"{run.id}{with_network}.feather"

    def add_failed(self, runs: Sequence[Failed]) -> None:
        """Keep the records of runs that gave nothing; a later success of the same run puts them out of account.

        Raises
        ------
        OSError
            If they cannot be written.
        """
        if runs:
            rows = [{name: getattr(each, name) for name in FAILED_SCHEMA.names} for each in runs]
            table = pa.Table.from_pylist(rows, schema=FAILED_SCHEMA)
            self.files.write_table(self.path / "failed" / f"{uuid.uuid4().hex}.parquet", table)

    def begin(self, study: str, about: Mapping[str, Any], total: int | None = None) -> None:
        """Note that a study is at work here, and what it is; a plan under this name that was another's is forgotten.

        Parameters
        ----------
        study : str
            Its name: letters, digits, and ``. _ -``.
        about : mapping
            What it asks for, as plain data. Whatever is the same goes on with the same plan.
        total : int, optional
            How many runs it asks for, if that is known.

        Raises
        ------
        InputError
            If the name is not allowed, or differs from that of a study here in nothing but capitals.
        OSError
            If it cannot be written.
        """
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", study):
            raise InputError("not a study's name", key="study", value=study, allowed="letters, digits and . _ -")
        folder = self.path / "studies" / study
        asked = json.loads(json.dumps(about, default=str))
        with self.files.lock():
            for other in self.studies():
                if other != study and other.lower() == study.lower():
                    raise InputError(
                        f'is "{other}" to SQL, where capitals do not count; that study has its runs here',
                        file=self.path, key="study", value=study, allowed="another name of the study, or another store",
                    )  # fmt: skip
            before = self.about(study)
            if before is not None and before["about"] != asked:
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
            self.files.write_json(folder / "about.json", {"study": study, "about": asked, "total": total})

    def about(self, study: str) -> dict[str, Any] | None:
        """Return what was noted of a study: ``study``, ``about`` and ``total``; None if there is none of the name."""
        try:
            found = json.loads((self.path / "studies" / study / "about.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return dict(found)

    def plan(self, study: str, first: int, runs: Sequence[Run]) -> None:
        """Note what a study calls some of its runs: ``runs`` are its runs number ``first`` and following.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        rows = []
        for place, run in enumerate(runs, first):
            row = {"study": study, "place": place, "id": run.id, "seed": run.seed}
            for label, value in {"": "", **run.labels}.items():  # a run without labels is planned too
                is_number = isinstance(value, int | float) and not isinstance(value, bool)
                text = None if is_number else str(value).lower() if isinstance(value, bool) else value
                rows.append({**row, "label": label, "text": text, "number": float(value) if is_number else None})
        path = self.path / "studies" / study / f"{first:09d}-{len(runs)}.parquet"
        self.files.write_table(path, pa.Table.from_pylist(rows, schema=LABEL_SCHEMA))

    def studies(self) -> list[str]:
        """Return the names of the studies that were begun here, in alphabetical order."""
        return sorted(path.parent.name for path in (self.path / "studies").glob("*/about.json"))

    def runs(self, study: str | None = None, firm: str | None = None) -> pd.DataFrame:
        """Return a row per run and firm.

        Parameters
        ----------
        study : str, optional
            The study whose runs are wanted, in the order in which it asked for them; all runs, by id, unless given.
        firm : str, optional
            The firm whose rows are wanted; those of all firms unless given.

        Returns
        -------
        DataFrame
            ``id``, ``scenario``, ``seed``, ``version``, ``digest``, ``firm`` and the outcomes; of a study, with
            ``study``, ``place`` (its number in the plan) and the study's labels in front. Only finished runs.

        Raises
        ------
        InputError
            If there is no such study.
        """
        only = "" if firm is None else f"where firm = {text_literal(firm)}"
        if study is None:
            return self.sql(f"select * from runs {only} order by id, firm")
        self._require(study)
        return self.sql(f"select * from {quoted(study)} {only} order by place, firm")

    def outcomes(self, ids: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
        """Return, of those of some runs that are finished, the outcomes by id, firm and name."""
        wanted = pa.table({"id": pa.array(list(ids), pa.string())})
        rows = self._ask(
            "select * exclude (scenario, seed, version, digest) from runs semi join wanted using (id)", wanted
        )
        found: dict[str, dict[str, dict[str, float]]] = {}
        for row in rows.to_dict("records"):
            numbers = {str(name): float(value) for name, value in row.items() if name not in ("id", "firm")}
            found.setdefault(row["id"], {})[row["firm"]] = numbers
        return found

    def failed(self, study: str | None = None) -> pd.DataFrame:
        """Return the runs that gave nothing, of one study or of all: id, scenario, seed, message, trace, command."""
        if study is None:
            return self.sql("select * from failed order by id")
        self._require(study)
        asked = f"(select id from labels where study = {text_literal(study)})"
        return self.sql(f"select * from failed where id in {asked} order by id")

    def sql(self, query: str) -> pd.DataFrame:
        """Ask DuckDB.

        The tables are ``runs``, ``failed``, ``labels`` (study, place, id, seed, label, text, number), ``timing`` (id,
        seconds), and one per study under its name: its runs with their labels as columns.

        Raises
        ------
        InputError
            If the query is not one.
        """
        import duckdb

        try:
            return self._ask(query)
        except duckdb.Error as error:
            raise InputError(f"{error}".strip(), key="query", value=query) from None

    def _ask(self, query: str, wanted: Any = None) -> pd.DataFrame:
        """Ask, and once more if a file that was listed was put together with others before it was opened."""
        import duckdb

        for left in range(N_TRIES - 1, -1, -1):
            try:
                with duckdb.connect() as connection:
                    labels = sorted((self.path / "studies").glob("*/[!.]*.parquet"))
                    add_views(connection, self.files.of("runs"), self.files.of("failed"), labels, self.studies())
                    if wanted is not None:
                        connection.register("wanted", wanted)
                    answer = connection.execute(query)
                    return answer.df()
            except duckdb.IOException:
                if not left:
                    raise
                time.sleep(0.05)
        raise AssertionError("unreachable")

    def status(self, study: str) -> Status:
        """Return how far a study is.

        Raises
        ------
        InputError
            If there is no such study.
        """
        self._require(study)
        told = self.about(study) or {}
        counts = self.sql(
            "select count(distinct id) filter (id in (select id from runs)) as done, "
            "count(distinct id) filter (id in (select id from failed)) as failed, count(distinct id) as planned "
            f"from labels where study = {text_literal(study)}"
        )
        done, n_failed, planned = (int(counts[name].iloc[0]) for name in ("done", "failed", "planned"))
        at_work = [each for each in all_at_work(self.files) if each["study"] == study]
        running = sum(each["running"] for each in at_work)
        per_second = sum(each["per_second"] for each in at_work) if at_work else None
        total = told.get("total")
        return Status(study, total if total is None else max(total, planned), done, n_failed, running, per_second)

    def compact(self, *, at_least: int = N_SMALL_FILES) -> None:
        """Put small files together if there are many, unless another process is doing so.

        Raises
        ------
        OSError
            If the new file cannot be written; the old ones are then still there.
        """
        self.files.put_together("failed", at_least)
        if self.files.put_together("runs", at_least):
            self.refresh()

    def _require(self, study: str) -> None:
        if study not in self.studies():
            raise InputError(f'no study is called "{study}"; {nearest(study, self.studies())}', file=self.path)
