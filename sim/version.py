"""The version of the model: the release, and a hash of the sources that produced a result."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

from sim.compiled import source_hash


def version() -> str:
    """Return the release and the first digits of the hash of ``sim``'s sources, such as ``0.1.0+3f9c2a1b``."""
    try:
        release = installed_version("loyalty")
    except PackageNotFoundError:
        release = "0.0.0"
    return f"{release}+{source_hash()[:8]}"
