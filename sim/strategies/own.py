"""A user's own strategy: a class in a module of theirs, named ``module:Class``."""

from __future__ import annotations

import copy
import importlib
import sys
import traceback
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, model_validator

from sim.errors import StrategyError, nearest
from sim.policy import Policy
from sim.strategies.base import Decider, Luck, MarketView, Strategy

OWN = "module:Class"


class OwnStrategy(Strategy):
    """A class of the user's that decides: ``decide(view)`` returns a policy.

    The module is looked for among those installed, then in the current folder. The class is either a ``Strategy`` with
    settings of its own, or any class with the method ``decide``, which is made anew for every firm and run, so that it
    may remember what it saw. All further settings are the class's.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", examples=[OWN], description="a module and a class in it"
    )

    @model_validator(mode="after")
    def _can_be_made(self) -> OwnStrategy:
        _make(self.name, self.model_extra or {})
        return self

    def begin(self, luck: Luck) -> Decider:
        """Return a new object of the class, watched so that its faults are told as its own."""
        return _Watched(self.name, _make(self.name, self.model_extra or {}), luck)

    def tiers_named(self) -> dict[str, tuple[str, ...]]:
        """Return the tiers that the class says it names."""
        made = _make(self.name, self.model_extra or {})
        return made.tiers_named() if isinstance(made, Strategy) else {}


class _Watched:
    """A user's decider, kept from changing anything but what it posts."""

    def __init__(self, name: str, made: Any, luck: Luck) -> None:
        self.name = name
        self.decider = made.begin(luck) if isinstance(made, Strategy) else made

    def decide(self, view: MarketView) -> Policy:
        """Return what the user's class posts.

        Raises
        ------
        StrategyError
            If it fails, or posts what is no policy for the firm's tiers.
        """
        place = f"{view.firm}, period {view.period}: {self.name}"
        try:
            posted = self.decider.decide(copy.deepcopy(view))
        except Exception as error:
            raise StrategyError(f"{place}: {_told(error, self.name)}") from error
        if not isinstance(posted, Policy) or posted.tiers != view.base.tiers:
            given = f"tiers {posted.tiers}" if isinstance(posted, Policy) else repr(posted)[:80]
            raise StrategyError(f"{place}: decide returned {given}; allowed: a Policy for the tiers {view.base.tiers}")
        return copy.deepcopy(posted)


def _make(name: str, settings: dict[str, Any]) -> Any:
    """Return a new object of the class of a name.

    Raises
    ------
    ValueError
        If there is no such module or class, it cannot be imported, it is no strategy, or it refuses its settings.
    """
    found = _find(name)
    try:
        return found(**settings)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False)]
        raise ValueError(f"{name}: {'; '.join(wrong)}") from None
    except Exception as error:
        raise ValueError(f"{name}: cannot be made with the settings {settings}: {_told(error, name)}") from None


def _find(name: str) -> type:
    """Return the class of a name."""
    module_name, _, class_name = name.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path and "" not in sys.path:
        sys.path.append(folder)
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise ValueError(f'no module "{module_name}", neither installed nor in {folder}') from None
        raise ValueError(f'"{module_name}" cannot be imported: {_told(error, name)}') from None
    except Exception as error:
        raise ValueError(f'"{module_name}" cannot be imported: {_told(error, name)}') from None
    found = getattr(module, class_name, None)
    if found is None:
        classes = [key for key, value in vars(module).items() if isinstance(value, type)]
        raise ValueError(f'no class "{class_name}" in {module.__file__}; {nearest(class_name, classes)}')
    if not isinstance(found, type) or not callable(getattr(found, "decide", None)):
        raise ValueError(f"{name} is not a strategy; allowed: a class with a method decide(self, view)")
    return found


def _told(error: BaseException, name: str) -> str:
    """Return an exception in one line, with the last line of the user's module that led to it."""
    file_name = name.partition(":")[0].rpartition(".")[2] + ".py"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).name == file_name]
    text = " ".join(str(error).split())
    line = error.lineno if isinstance(error, SyntaxError) else frames[-1].lineno if frames else None
    where = f"{file_name}, line {line}: " if line is not None else ""
    return f"{where}{type(error).__name__}{': ' if text else ''}{text}"
