"""The kinds of study: what each does with a study file.

A kind is a class of its own, found by the name that stands in a study file as ``kind`` and imported when it is asked
for. Its own settings stand in the file's table ``options``.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sim.explain import explain

if TYPE_CHECKING:
    from experiments.analyses.page import Found
    from experiments.study.execute import Runner
    from experiments.study.study_file import Study

KINDS = {
    "sweep": "experiments.study.sweep:Sweep",
    "compare": "experiments.study.compared:Compare",
    "sensitivity": "experiments.study.asked:Sensitivity",
    "robustness": "experiments.study.asked:Robustness",
    "optimise": "experiments.study.asked:Optimise",
    "tournament": "experiments.study.asked:Tournament",
}


class Options(BaseModel):
    """Settings of a kind; none unless the kind has a class of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Chosen = TypeVar("Chosen", bound=Options)


class Kind(ABC):
    """A kind of study."""

    Options: ClassVar[type[Options]] = Options

    @abstractmethod
    def check(self, study: Study) -> int | None:
        """Refuse, before anything runs, a study that cannot be done.

        Returns
        -------
        int or None
            Runs it takes in all; None if that depends on what they give.

        Raises
        ------
        InputError
            If a setting or a point of its design is not allowed.
        """

    @abstractmethod
    def run(self, study: Study, runner: Runner) -> Found:
        """Have the runs made and return what they tell; it is the same however they came into the store.

        Parameters
        ----------
        study : Study
        runner : Runner
            Makes runs, as often as it is asked, and keeps them in its store.
        """


def options_of(study: Study, model: type[Chosen]) -> Chosen:
    """Return a study's options as its kind has them.

    Raises
    ------
    InputError
        If a key or value is not allowed.
    """
    try:
        return model.model_validate(study.options)
    except ValidationError as error:
        raise explain(error, model, study.source, study.options) from None


def kind_of(name: str) -> Kind:
    """Return the kind of a name, which must be one of :data:`KINDS`."""
    module, _, cls = KINDS[name].partition(":")
    found: Kind = getattr(importlib.import_module(module), cls)()
    return found
