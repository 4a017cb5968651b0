"""The market: customers with loyalty types in a word-of-mouth network, and firms that court them tier by tier."""

from sim.errors import InputError
from sim.market import Market
from sim.results import Results
from sim.scenario import Scenario, load_scenario

__all__ = ["InputError", "Market", "Results", "Scenario", "load_scenario"]
