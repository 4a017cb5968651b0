"""Looking at customers: one person for who wants to point at someone and ask why, a column for who wants everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sim.loyalty_types import TYPE_NAMES
from sim.records import IN_STEPS, PERSON, RELATION, STEPS

if TYPE_CHECKING:
    from sim.network import Network
    from sim.records import Town


@dataclass(frozen=True, slots=True)
class Customer:
    """A light view of one person, for pointing at someone and asking why.

    Parameters
    ----------
    row : int
        Place in the town (and node in the network).
    id : int
        Identity; it changes when the person moves away and another moves in.
    type : str
        Loyalty type.
    life_stage : str or None
        Name of the stage of life, if the market tells any apart.
    firm : str or None
        The usual firm: the one last bought from.
    tiers : mapping of str to str
        Tier held at each firm whose customer the person is.
    neighbours : array of int
        Rows of those the person talks with.
    person : mapping
        The person's own columns: rates, weights, constraint.
    relations : mapping of str to mapping
        The person's columns for each firm: awareness, satisfaction, attachment, points and the rest.
    """

    row: int
    id: int
    type: str
    life_stage: str | None
    firm: str | None
    tiers: Mapping[str, str]
    neighbours: npt.NDArray[np.int32]
    person: Mapping[str, Any]
    relations: Mapping[str, Mapping[str, Any]]


class Customers:
    """All customers: ``customers[i]`` for one person, ``customers.column(name)`` for everybody.

    Parameters
    ----------
    town : Town
        The records.
    network : Network
        Who talks with whom.
    tiers : mapping of str to tuple of str
        Names of each firm's tiers, in the order of the firms.
    stages : tuple of str
        Names of the stages of life, if there are any.
    """

    def __init__(
        self, town: Town, network: Network, tiers: Mapping[str, tuple[str, ...]], stages: tuple[str, ...] = ()
    ) -> None:
        self.town = town
        self.network = network
        self.tiers = tiers
        self.stages = stages

    def __len__(self) -> int:
        return int(self.town.pulses.size)

    def __getitem__(self, row: int) -> Customer:
        if not -len(self) <= row < len(self):
            raise IndexError(f"customer {row}: there are {len(self)}")
        row %= len(self)
        person, relations = self.town.people[row], self.town.relations[row]
        firms = list(self.tiers)
        first = self.network.first
        return Customer(
            row=row,
            id=int(self.column("id")[row]),
            type=TYPE_NAMES[person["type"]],
            life_stage=self.stages[self.town.stages[row]["stage"]] if self.stages else None,
            firm=firms[person["usual"]] if person["usual"] >= 0 else None,
            tiers={
                name: self.tiers[name][relation["tier"]]
                for name, relation in zip(firms, relations, strict=True)
                if relation["is_active"]
            },
            neighbours=self.network.neighbours[first[row] : first[row + 1]],
            person={name: person[name].item() for name in PERSON.names or ()},
            relations={
                name: {field: _plain(relation, field) for field in RELATION.names or ()}
                for name, relation in zip(firms, relations, strict=True)
            },
        )

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a column as an array of shape (n_customers,), or (n_customers, n_firms) if it is of a relation.

        Besides the columns of the records there is ``id``, which tells apart all who ever live in the town.

        Raises
        ------
        KeyError
            If there is no such column.
        """
        if name == "id":
            births = self.town.people["birth"].astype(np.int64)
            return np.asarray((births << 32) | np.arange(births.size))
        for records in (
            self.town.people,
            self.town.relations,
            self.town.pulses,
            *[self.town.stages][: len(self.stages)],
        ):
            if name in (records.dtype.names or ()):
                column = np.asarray(records[name])
                return column / STEPS if name in IN_STEPS else column
        raise KeyError(f"no column {name!r}")


def _plain(relation: np.void, field: str) -> float | int:
    """Return a field of a relation as a number of Python's."""
    value: float | int = relation[field].item()
    return value / STEPS if field in IN_STEPS else value
