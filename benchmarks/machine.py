"""What a figure was measured on: machine, system, versions."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.engines import ENGINES, ROOT

OWN_PACKAGES = ("numba", "numpy", "mesa")


def record() -> dict[str, Any]:
    """Return the machine's record: processor, cores, memory in bytes, system, versions and the time (UTC)."""
    from sim.version import version as version_of_model

    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _from_lines("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "cache": _from_lines("/proc/cpuinfo", "cache size"),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "versions": {"loyalty": version_of_model(), **{name: _installed(name) for name in OWN_PACKAGES}, **_others()},
    }


def _from_lines(path: str, key: str) -> str | None:
    """Return the value of the first line that begins with a key, in a file of ``key : value`` lines."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), None)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _others() -> dict[str, str]:
    """Return the versions in the environments of the engines that have their own, and of what they stand on."""
    found: dict[str, str] = {}
    for engine in ENGINES.values():
        if engine.environment and engine.is_available:
            names = [engine.module, *(["polars"] if engine.name == "frames" else [])]
            ask = (
                f"import json; from importlib.metadata import version as v; print(json.dumps([v(n) for n in {names}]))"
            )
            answer = subprocess.run([engine.python, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True)
            found |= dict(zip(names, json.loads(answer.stdout), strict=True))
    return found
