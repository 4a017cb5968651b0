"""How far a study is, and who is at work on it."""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.study.files import Files

SECONDS_ALIVE = 60.0


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


@contextmanager
def at_work(files: Files) -> Iterator[Callable[[str, int, float], None]]:
    """Let others see that this process is at work: what is yielded tells study, runs under way, runs a second."""
    path = files.store / "active" / f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.json"

    def tell(study: str, running: int, per_second: float) -> None:
        told = {"study": study, "running": running, "per_second": per_second, "pid": os.getpid()}
        files.write_json(path, {**told, "host": socket.gethostname()})

    try:
        yield tell
    finally:
        path.unlink(missing_ok=True)


def all_at_work(files: Files) -> list[dict[str, Any]]:
    """Return what those tell who are at work now."""
    found = []
    for file in (files.store / "active").glob("[!.]*.json"):
        with suppress(OSError, ValueError):
            told = json.loads(file.read_text(encoding="utf-8"))
            is_here = told["host"] == socket.gethostname()
            is_recent = time.time() - file.stat().st_mtime < SECONDS_ALIVE
            if Path(f"/proc/{told['pid']}").exists() if is_here and Path("/proc").exists() else is_recent:
                found.append(told)
    return found
