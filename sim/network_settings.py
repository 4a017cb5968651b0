"""What a user may set about the word-of-mouth network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from sim.errors import InputError, nearest
from sim.settings import Settings
from sim.topologies import DEFAULTS, EVEN_DEGREE, MAX_COMPLETE, RECORDED, TAKES, Topology, possible_ties, tie_counts


def _say_which_topology_takes_what(schema: dict[str, Any]) -> None:
    """Add to the JSON schema, for each key that only some topologies take, which ones those are."""
    schema["allOf"] = [
        {"if": {"required": [key]}, "then": {"properties": {"topology": {"enum": takers}}, "required": absent}}
        for key in sorted({key for keys in TAKES.values() for key in keys})
        for takers in [[name for name, keys in TAKES.items() if key in keys]]
        for absent in [[] if "small_world" in takers else ["topology"]]
    ]


class NetworkSpec(Settings):
    """Who talks to whom. Keys that a topology does not take are refused, never ignored."""

    model_config = ConfigDict(json_schema_extra=_say_which_topology_takes_what)

    topology: Topology = Field(
        default="small_world",
        description="shape of the word-of-mouth network: small_world (near neighbours and some far ties), scale_free "
        "(hubs), random, lattice (a grid without borders, 4 neighbours), community (dense groups, few ties between), "
        f"ring (2 neighbours), complete (at most {MAX_COMPLETE} customers), empty, edge_list (your own file), or "
        "separate copies of a social network on record: karate_club (34 people), les_miserables (77), "
        "florentine_families (15), davis_southern_women (32)",
    )
    mean_degree: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="ties per customer, on average (small_world, scale_free: even; random, community); default 8",
    )
    rewire: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="probability that a tie to a near neighbour is moved to anyone at all (small_world); default 0.1",
    )
    community_size: int | None = Field(
        default=None, ge=2, description="customers in a community; the last may be smaller (community); default 50"
    )
    within_share: float | None = Field(
        default=None, ge=0, le=1, description="share of ties inside a community, 0 to 1 (community); default 0.8"
    )
    path: str | None = Field(
        default=None,
        validate_default=True,
        description="CSV file of ties, relative to the scenario's file: two customer numbers from 0 and, optionally, "
        "the strength of the tie above 0 and up to 1 (edge_list)",
    )
    strong_share: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="share of ties that are strong, 0 to 1; in karate_club and les_miserables the ties with the most "
        "on record; without meaning where an edge list gives the strengths",
    )
    weak_influence: float = Field(
        default=0.4, ge=0, le=1, description="influence of a weak tie relative to a strong one, 0 to 1"
    )

    @field_validator("topology", mode="before")
    @classmethod
    def _is_known(cls, value: object) -> object:
        if value not in get_args(Topology):
            raise ValueError(f"no such topology; {nearest(value, get_args(Topology))}")
        return value

    @field_validator("mean_degree", "rewire", "community_size", "within_share", "path")
    @classmethod
    def _belongs_to_topology(cls, value: float | str | None, info: ValidationInfo) -> float | str | None:
        topology = info.data.get("topology")
        if topology is None:  # refused already
            return value
        if value is not None and info.field_name not in TAKES[topology]:
            taken = ", ".join([*TAKES[topology], "strong_share", "weak_influence"])
            raise ValueError(
                f'topology "{topology}" does not take it; keys it takes: {taken} (an override that changes the '
                f'topology and drops other keys replaces the whole table: network = {{ topology = "{topology}" }})'
            )
        if info.field_name == "path" and topology == "edge_list" and not value:
            raise ValueError('topology "edge_list" needs the path of a CSV file of ties')
        is_to_be_even = info.field_name == "mean_degree" and topology in EVEN_DEGREE
        if is_to_be_even and value is not None and float(value) % 2 != 0:
            raise ValueError(f'topology "{topology}" needs an even number of ties, such as 8')
        return value

    def setting(self, key: str) -> float:
        """Return the value of a key the topology takes: the one given, or else the topology's default."""
        given: float | None = getattr(self, key)
        return DEFAULTS[self.topology][key] if given is None else given

    def check(self, n_customers: int, *, file: str | Path | None = None) -> None:
        """Refuse a network that so many customers cannot form.

        Parameters
        ----------
        n_customers : int
            People in the market.
        file : str or Path, optional
            The scenario's file: named in errors, and where the path of an edge list starts from. Without it, whether
            that list exists is left to `build`.

        Raises
        ------
        InputError
            If there would be more ties than pairs of customers, copies of a network on record would not come out even,
            a complete network would be too large, or there is no edge list at ``path``.
        """
        topology = self.topology
        if topology in DEFAULTS:
            self._check_density(n_customers, file)
        if topology == "complete" and n_customers > MAX_COMPLETE:
            raise InputError(
                f"{n_customers:,} customers would need {n_customers * (n_customers - 1) // 2:,} ties",
                file=file,
                key="network.topology",
                value=topology,
                allowed=f"at most {MAX_COMPLETE:,} customers",
            )
        if topology in RECORDED and n_customers % RECORDED[topology] != 0:
            size = RECORDED[topology]
            below = n_customers // size * size
            near = " or ".join(f"{count:,}" for count in (below, below + size) if count > 0)
            raise InputError(
                f"{n_customers:,} customers are not whole copies of a network of {size} people",
                file=file,
                key="network.topology",
                value=topology,
                allowed=f"customers.count that is a multiple of {size}, such as {near}",
            )
        if topology == "edge_list" and file is not None:
            path = Path(file).parent / str(self.path)
            if not path.is_file():
                raise InputError(
                    "no such file",
                    file=file,
                    key="network.path",
                    value=self.path,
                    allowed=f"a CSV file, sought as {path}",
                )

    def _check_density(self, n: int, file: str | Path | None) -> None:
        topology, mean_degree = self.topology, self.setting("mean_degree")
        if mean_degree > n - 1:
            is_even = topology in EVEN_DEGREE
            most = (n - 1) // 2 * 2 if is_even else n - 1
            kind = "even numbers from 2" if is_even else "numbers above 0 and"
            raise InputError(
                f"of {n:,} customers, nobody can be tied to more than {n - 1:,}",
                file=file,
                key="network.mean_degree",
                value=mean_degree,
                allowed=f"{kind} up to {most:,}" if most > 0 else "more customers, or another topology",
            )
        if topology != "community":
            return
        size, within_share = int(self.setting("community_size")), self.setting("within_share")
        if size > n:
            raise InputError(
                f"larger than all {n:,} customers together",
                file=file,
                key="network.community_size",
                value=size,
                allowed=f"whole numbers 2 to {n:,}",
            )
        counts = tie_counts(n, mean_degree, within_share)
        possible = possible_ties(n, size)
        for count, limit, where in zip(counts, possible, ("inside", "between"), strict=True):
            if count > limit:
                share = limit / sum(counts)
                bound = f"at most {share:.3g}" if where == "inside" else f"at least {1 - share:.3g}"
                raise InputError(
                    f"{count:,} ties {where} communities of {size} do not fit: there are {limit:,} pairs of customers",
                    file=file,
                    key="network.within_share",
                    value=within_share,
                    allowed=f"{bound} with this mean_degree and community_size",
                )
