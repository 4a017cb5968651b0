"""What all tests share: every market is looked at by its audit in every period, also those in other processes."""

from __future__ import annotations

import os
import signal
from importlib import import_module
from pkgutil import walk_packages

os.environ["LOYALTY_RECOUNT_EVERY"] = "1"  # read when sim is imported, so before the imports that follow

import pytest

from tests.drawn import Drawn, Files, draw_scenarios, write_files

# Tests that send Ctrl-C to a process of their own need it heard: in the background, a shell starts what it runs deaf
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Hypothesis draws some of its numbers from those it finds in modules: one that is imported while a test draws would
# change what is drawn
for name in ("sim", "experiments", "tests.reference"):
    for module in walk_packages(import_module(name).__path__, f"{name}."):
        import_module(module.name)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return an edge list and a purchase log."""
    return write_files(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="session")
def drawn(files: Files) -> list[Drawn]:
    """Return scenarios drawn over the whole schema, to be copied before they are changed."""
    return draw_scenarios(files)
