"""How far a study is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Status:
    """How far a study is.

    Parameters
    ----------
    study : str
    total : int or None
        Runs it asks for; None if that is not known yet.
    done, failed, running : int
        Runs that are finished, that gave nothing, and that are under way now.
    per_second : float or None
        Runs finished a second by those at work now; None if nobody is.
    """

    study: str
    total: int | None
    done: int
    failed: int
    running: int
    per_second: float | None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until it is done, if somebody is at work on it."""
        if self.total is None or not self.per_second:
            return None
        return max(0, self.total - self.done - self.failed) / self.per_second

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        left = self.total - self.done - self.failed if self.total is not None else None
        return {
            "study": self.study,
            "total": self.total,
            "done": self.done,
            "failed": self.failed,
            "running": self.running,
            "left": left,
            "seconds_left": self.seconds_left,
        }
