"""What a user is told when something they gave cannot be used."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

_ABSENT = object()


class InputError(ValueError):
    """Input that cannot be used, told in one line: the file, the key, the value and what is allowed.

    Parameters
    ----------
    problem : str
        What is wrong, in plain words.
    file : str or Path, optional
        The file it stands in.
    key : str, optional
        The dotted path of the key inside the file.
    value : object, optional
        What was found there.
    allowed : str, optional
        What may stand there instead.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        key: str | None = None,
        value: object = _ABSENT,
        allowed: str | None = None,
    ) -> None:
        self.problem, self.file, self.key, self.allowed = problem, file, key, allowed
        place = key or ""
        if value is not _ABSENT:
            shown = repr(value)
            place += f" = {shown if len(shown) <= 120 else shown[:117] + '...'}"
        parts = [str(part) for part in (file, place, problem) if part]
        super().__init__(": ".join(parts) + (f"; allowed: {allowed}" if allowed else ""))


class StrategyError(RuntimeError):
    """A user's own strategy failed in a run: the firm, the period and what went wrong, with the line of their code."""


def nearest(name: object, valid: Iterable[str]) -> str:
    """Return the valid names, led by the one most like ``name`` if any is alike."""
    names = sorted(valid)
    alike = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f'did you mean "{alike[0]}"? ' if alike else ""
    return hint + "valid: " + ", ".join(names)
