"""A purchase log: who bought, when and for how much, read from a CSV file; whatever is wrong with it is told.

Every refusal names the file and, where it is a cell, the line, the column, what stands there and what may.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from sim.errors import InputError, nearest

__all__ = ["COLUMNS", "end_of_observation", "read_log", "require_enough", "unreadable"]

#: Fewest customers that make a log.
MIN_CUSTOMERS = 30
#: An amount above this is a slip, and sums of such amounts would lose their cents.
LARGEST_MONEY = 1e12
#: Columns of a log, and the names by which each is recognised in a file.
COLUMNS = {"customer": ("customer", "customer_id", "id"), "date": ("date",), "amount": ("amount", "value", "spend")}

_TIME = r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
_DATE = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}({_TIME})?|[0-9]{{8}}"
_DATE_ALLOWED = "a date such as 1997-09-30 or 19970930"


def read_log(path: Path, *, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read a purchase log from a CSV file with a header.

    Parameters
    ----------
    path : Path
        The file: comma-separated, UTF-8, one purchase a line. Other columns than the three are passed over.
    columns : mapping, optional
        The file's own name for any of ``customer``, ``date`` and ``amount``. Without it, the names recognised are
        customer, customer_id or id; date; amount, value or spend, the first that is there. Case does not matter.

    Returns
    -------
    DataFrame
        ``customer`` (str, as written), ``date`` (datetime64, the day as written, without the time of day) and
        ``amount`` (float, 0 or more), sorted by customer and date.

    Raises
    ------
    InputError
        If the file cannot be read as such a log, has fewer than `MIN_CUSTOMERS` customers or only one day.
    """
    path = Path(path)
    cells = _read_cells(path)
    header = [str(name).strip().lower() for name in cells.iloc[0]]
    place = _find_columns(header, columns or {}, path)
    rows = cells.iloc[1:]
    rows = rows[(rows != "").any(axis=1)]
    if rows.empty:
        raise InputError("the log has a header and no purchases", file=path, allowed="one purchase a line")
    text = {role: rows.iloc[:, at].str.strip() for role, at in place.items()}

    _refuse(text["customer"] == "", text["customer"], "no customer", "any name or number", path, "customer")
    date = pd.to_datetime(
        text["date"].where(text["date"].str.fullmatch(_DATE)).str.replace("-", "").str[:8],
        format="%Y%m%d",
        errors="coerce",
    )
    _refuse(date.isna(), text["date"], "not a date", _DATE_ALLOWED, path, "date")
    amount = pd.to_numeric(text["amount"], errors="coerce").astype(np.float64)
    is_amount = amount.abs() <= LARGEST_MONEY
    _refuse(~is_amount, text["amount"], "not an amount", "a plain number such as 12.50", path, "amount")
    _refuse(amount < 0.0, text["amount"], "a negative amount", "0 or more; leave out returns", path, "amount")

    log = pd.DataFrame({"customer": text["customer"], "date": date, "amount": amount})
    log = log.sort_values(["customer", "date"], kind="stable", ignore_index=True)
    require_enough(log, path)
    return log


def require_enough(log: pd.DataFrame, source: str | Path | None) -> None:
    """Refuse a log that is too small to tell how customers differ.

    Parameters
    ----------
    log : DataFrame
        Columns ``customer`` and ``date``.
    source : str or Path or None
        The file to name in errors.

    Raises
    ------
    InputError
        If the log has fewer than `MIN_CUSTOMERS` customers or only one day.
    """
    n_customers = log["customer"].nunique()
    if n_customers < MIN_CUSTOMERS:
        problem = f"{n_customers} customers, too few to fit demand"
        raise InputError(problem, file=source, key="customer", allowed=f"at least {MIN_CUSTOMERS} customers")
    if log["date"].nunique() == 1:
        day = log["date"].iloc[0].date().isoformat()
        problem = "all purchases are on one day"
        raise InputError(problem, file=source, key="date", value=day, allowed="a log that spans some time")


def end_of_observation(log: pd.DataFrame, until: str | dt.date | None, source: str | Path | None) -> pd.Timestamp:
    """Return the last day of a log that is used.

    Parameters
    ----------
    log : DataFrame
        Column ``date``.
    until : str or date or None
        That day, if it was chosen; otherwise it is the day of the last purchase.
    source : str or Path or None
        The file to name in errors.

    Raises
    ------
    InputError
        If ``until`` is not a date, or not one after the first purchase and up to the last.
    """
    first, last = pd.Timestamp(log["date"].min()), pd.Timestamp(log["date"].max())
    if until is None:
        return last
    try:
        day = until if isinstance(until, dt.date) else dt.date.fromisoformat(until)
    except (TypeError, ValueError) as error:
        raise InputError("not a date", file=source, key="until", value=until, allowed=_DATE_ALLOWED) from error
    end = pd.Timestamp(day.year, day.month, day.day)
    if not first < end <= last:
        allowed = f"after {first.date()}, at latest {last.date()}"
        raise InputError("outside the log", file=source, key="until", value=end.date().isoformat(), allowed=allowed)
    return end


def unreadable(path: Path, error: OSError) -> InputError:
    """Return the error that says why the system does not let a log be read."""
    return InputError(f"cannot be read: {error.strerror or error}", file=path, allowed="a CSV file")


def _read_cells(path: Path) -> pd.DataFrame:
    """Return all cells as text, header included, one row per line, so that row k of the frame is line k + 1."""
    try:
        return pd.read_csv(path, header=None, dtype=str, na_filter=False, skip_blank_lines=False, compression=None)
    except OSError as error:
        raise unreadable(path, error) from error
    except pd.errors.EmptyDataError as error:
        raise InputError("the file is empty", file=path, allowed="a CSV file with a header") from error
    except (UnicodeDecodeError, pd.errors.ParserError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"not a CSV file: {reason}", file=path, allowed="comma-separated UTF-8 text") from error


def _find_columns(header: list[str], columns: Mapping[str, str], path: Path) -> dict[str, int]:
    """Return the position of each role's column."""
    for role in columns:
        if role not in COLUMNS:
            valid = nearest(role, COLUMNS)
            raise InputError("no such column of a log", file=path, key=f"columns.{role}", allowed=valid)
    place = {}
    for role, recognised in COLUMNS.items():
        names = (columns[role].strip().lower(),) if role in columns else recognised
        found = next((name for name in names if name in header), None)
        if found is None:
            wanted = " or ".join(names)
            problem = f"no column of that name in the header ({', '.join(header)[:80]})"
            raise InputError(problem, file=path, key=role, allowed=f"{wanted}, in a comma-separated header")
        if header.count(found) > 1:
            raise InputError(f'two columns are called "{found}"', file=path, key=role, allowed="one such column")
        place[role] = header.index(found)
    return place


def _refuse(is_bad: pd.Series[bool], text: pd.Series[str], problem: str, allowed: str, path: Path, role: str) -> None:
    """Raise for the first bad cell; the index of ``text`` is the line number less one."""
    bad = np.flatnonzero(is_bad)
    if bad.size:
        line = text.index[bad[0]] + 1
        more = f" (and {bad.size - 1} more such)" if bad.size > 1 else ""
        value = text.iloc[bad[0]]
        raise InputError(problem + more, file=path, key=f"line {line}, {role}", value=value, allowed=allowed)
