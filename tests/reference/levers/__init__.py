"""The levers of the plain model: the same moments as in ``sim.levers``, one small class each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reference.levers.base import Lever
from tests.reference.levers.contacts import Contacts
from tests.reference.levers.credit import Credit
from tests.reference.levers.launches import Launches
from tests.reference.levers.occasions import Occasions
from tests.reference.levers.personal_contact import PersonalContact
from tests.reference.levers.programmes import Programmes
from tests.reference.levers.referral import Referral
from tests.reference.levers.win_back import WinBack

if TYPE_CHECKING:
    from tests.reference.market import ReferenceMarket


#: In the same order as in ``sim.levers``.
LEVERS: tuple[type[Lever], ...] = (
    Contacts, Programmes, Occasions, PersonalContact, Referral, WinBack, Credit, Launches,
)  # fmt: skip


def levers_of(model: ReferenceMarket) -> list[Lever]:
    """Return the levers that the scenario pulls, in the same order as in ``sim.levers``."""
    return [lever(model) for lever in LEVERS if lever.is_pulled(model.scenario)]
