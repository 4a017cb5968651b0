"""Every market of every test is looked at by its audit in every period, also those in other processes."""

from __future__ import annotations

import os

os.environ["LOYALTY_RECOUNT_EVERY"] = "1"  # read when sim is imported, which is after this file
