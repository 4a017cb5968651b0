"""What a scenario may switch on beside the journey: each lever in a file, with its own states and its own passes.

A lever that is off is not there: it costs neither time nor memory, and its kernels are not even compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.levers.base import Lever
from sim.levers.contacts import Contacts
from sim.levers.credit import Credit
from sim.levers.familiarity import Familiarity
from sim.levers.launches import Launches
from sim.levers.occasions import Occasions
from sim.levers.personal_contact import PersonalContact
from sim.levers.programmes import Programmes
from sim.levers.referral import Referral
from sim.levers.win_back import WinBack

if TYPE_CHECKING:
    from sim.market import Market

#: In the order in which they are pulled within each moment of a period.
LEVERS: tuple[type[Lever], ...] = (
    Contacts, Familiarity, Programmes, Occasions, PersonalContact, Referral, WinBack, Credit, Launches,
)  # fmt: skip


def levers_of(market: Market) -> list[Lever]:
    """Return the levers that the market's scenario pulls, ready for its first period."""
    return [lever(market) for lever in LEVERS if lever.is_pulled(market.scenario)]


__all__ = ["LEVERS", "Lever", "levers_of"]
