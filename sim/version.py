"""The version of the model: the release, and a hash of the sources that produced a result."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path


@cache
def source_hash() -> str:
    """Return a short hash of all of ``sim``'s sources: the version of the model as it really is."""
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def version() -> str:
    """Return the release and the first digits of the hash of ``sim``'s sources, such as ``0.1.0+3f9c2a1b``."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed_version

    try:
        release = installed_version("loyalty")
    except PackageNotFoundError:
        release = "0.0.0"
    return f"{release}+{source_hash()[:8]}"
