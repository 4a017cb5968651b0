"""What all tests share: every market is looked at by its audit in every period, also those in other processes."""

from __future__ import annotations

import os

os.environ["LOYALTY_RECOUNT_EVERY"] = "1"  # read when sim is imported, so before the imports that follow

import pytest

from tests.files import Files, write_files


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return an edge list and a purchase log."""
    return write_files(tmp_path_factory.mktemp("files"))
