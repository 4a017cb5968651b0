"""The firms' customer relationship management at the end of a run: who is loyal, and what they are worth.

Firms see their records and the answers of a survey sample, never inner states. ``docs/crm.md`` has every measure with
its formula and source.
"""

from sim.crm.tables import Crm, take_stock

__all__ = ["Crm", "take_stock"]
