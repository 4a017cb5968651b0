"""What a scenario can name, with a line on each: ``loyalty list``."""

from __future__ import annotations

import tomllib

TOPOLOGIES = {
    "small_world": "a ring of near neighbours, some ties rewired to anywhere",
    "scale_free": "a few people know very many: newcomers tie to the well-connected",
    "random": "every pair equally likely to be tied",
    "lattice": "a square grid, everyone tied to those next to them",
    "community": "groups with many ties inside and few between",
    "ring": "everyone tied to two neighbours",
    "complete": "everyone tied to everyone",
    "empty": "nobody talks",
    "edge_list": "your own ties, from a CSV file",
    "karate_club": "a university karate club, 34 people (Zachary 1977)",
    "les_miserables": "characters of the novel who appear together, 77 people (Knuth 1993)",
    "florentine_families": "marriages between families of Florence, 15 families (Padgett & Ansell 1993)",
    "davis_southern_women": "women and the events they went to, 32 nodes (Davis, Gardner & Gardner 1941)",
}


def descriptions_of(kind: str) -> dict[str, str]:
    """Return what there is of a kind, by name, with a line on each."""
    if kind == "types":
        from sim.loyalty_types import TYPE_DESCRIPTIONS

        return TYPE_DESCRIPTIONS
    if kind == "strategies":
        from sim.strategies import STRATEGIES

        return {name: _first_line(each) for name, each in STRATEGIES.items()}
    if kind == "pyramids":
        from sim.pyramids import PYRAMIDS, SHAPES

        told = {name: shape.told for name, shape in SHAPES.items()}
        return {name: told.get(name) or _first_line(each) for name, each in PYRAMIDS.items()}
    if kind == "topologies":
        return TOPOLOGIES
    if kind == "claims":
        from experiments.claims import CLAIMS

        return {name: claim.text for name, claim in CLAIMS.items()}
    from sim.scenario import shipped

    return {name: tomllib.loads(path.read_text(encoding="utf-8")).get("title", "") for name, path in shipped().items()}


def _first_line(documented: type) -> str:
    return " ".join((documented.__doc__ or "").partition("\n\n")[0].split()).rstrip(".")
