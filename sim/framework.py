"""Mesa, of which a market uses the model, the agents and the data collector.

``import mesa`` imports its spaces and its experimental parts as well, and with them networkx and much of SciPy: most of
a second at every start. Here those parts are imported when somebody first asks something of them, and nothing else is
changed: they can be imported, used and looked into as ever. If Mesa is there already, so are they.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec
from threading import Lock
from types import ModuleType

__all__ = ["mesa"]

PARTS = ("discrete_space", "experimental", "space")


class _Later(ModuleType):
    """Stands for a part of Mesa until somebody asks something of it, and from then on passes on what is asked."""

    _lock = Lock()

    def __getattr__(self, name: str) -> object:
        return getattr(self._part(), name)

    def __dir__(self) -> list[str]:
        return dir(self._part())

    def _part(self) -> ModuleType:
        with self._lock:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
        return import_module(self.__name__)


def _let_parts_wait() -> None:
    package = find_spec("mesa")
    if package is None or "mesa" in sys.modules:
        return
    for name in PARTS:
        spec = PathFinder.find_spec(f"mesa.{name}", package.submodule_search_locations)
        if spec is not None:
            part = sys.modules[spec.name] = _Later(spec.name)
            part.__file__ = spec.origin  # `inspect.stack`, which Mesa calls, asks every module for its file


_let_parts_wait()

import mesa  # noqa: E402 - only now
