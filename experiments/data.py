"""Public purchase logs for examples and checks."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd

from experiments.saved import write_whole
from sim.errors import InputError

__all__ = ["write_cdnow"]


def write_cdnow(out: Path) -> Path:
    """Write the CDNOW sample as a purchase log: 2,357 customers, January 1997 to June 1998, dollars.

    Everyone in it bought at the music retailer CDNOW for the first time in the first twelve weeks of 1997. The data are
    taken from the installed package ``lifetimes``, which is not imported.

    Parameters
    ----------
    out : Path
        The CSV file to write, with columns customer, date and amount. Its folder is made if need be, and a file of that
        name is replaced, whole or not at all.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    InputError
        If ``lifetimes`` or its data are not there, or the file cannot be written.

    References
    ----------
    .. [1] Fader & Hardie (2001), "Forecasting repeat sales at CDNOW: a case study", Interfaces 31(3), S94-S107.
    """
    out = Path(out)
    if out.is_dir():
        raise InputError("is a folder", file=out, allowed="the name of a CSV file to write")
    # columns: number in the full data, number in this sample, YYYYMMDD, CDs, dollars
    raw = pd.read_csv(_cdnow_sample(), sep=r"\s+", header=None, dtype=str)
    log = pd.DataFrame({"customer": raw[0], "date": pd.to_datetime(raw[2], format="%Y%m%d"), "amount": raw[4]})
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(out, lambda path: log.to_csv(path, index=False, date_format="%Y-%m-%d"))
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or error}", file=out, allowed="a file in a folder you may write to"
        ) from error
    return out


def _cdnow_sample() -> Path:
    spec = importlib.util.find_spec("lifetimes")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        sample = Path(folder) / "datasets" / "CDNOW_sample.txt"
        if sample.is_file():
            return sample
    raise InputError(
        "the CDNOW data come with the package lifetimes, which is not installed", allowed='pip install "loyalty[dev]"'
    )
