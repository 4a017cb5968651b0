"""The shapes a word-of-mouth network can have: which there are, and the ties of each.

A tie between customers ``a < b`` is one 64-bit number, ``a * 2**32 + b``: a *pair*. Sorting the numbers sorts the ties,
equal numbers are the same tie, and the number itself is the address of the tie's draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sim import draws
from sim.compiled import formula, kernel
from sim.draws import Stream
from sim.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Pairs = NDArray[np.int64]

Topology = Literal[
    "small_world",
    "scale_free",
    "random",
    "lattice",
    "community",
    "ring",
    "complete",
    "empty",
    "edge_list",
    "karate_club",
    "les_miserables",
    "florentine_families",
    "davis_southern_women",
]

MAX_COMPLETE = 3000
"""Customers in a complete network, at most: beyond it, the ties outgrow memory."""

EVEN_DEGREE = ("small_world", "scale_free")
"""Topologies in which half of the mean degree is a number of ties, so that it must be even."""

DEFAULTS: dict[str, dict[str, float]] = {
    "small_world": {"mean_degree": 8, "rewire": 0.1},
    "scale_free": {"mean_degree": 8},
    "random": {"mean_degree": 8},
    "community": {"mean_degree": 8, "community_size": 50, "within_share": 0.8},
}
"""Numbers that a topology takes, and what they are unless given."""
TAKES: dict[str, list[str]] = {name: list(DEFAULTS.get(name, ())) for name in get_args(Topology)} | {
    "edge_list": ["path"]
}
"""The keys that a topology takes beyond those every topology has."""

_SHIFT = 32
_LOW = 0xFFFFFFFF
_CHUNK = 1 << 20
_MAX_ATTEMPTS = 100
_NETWORK = int(Stream.NETWORK)

RECORDED = {"karate_club": 34, "les_miserables": 77, "florentine_families": 15, "davis_southern_women": 32}
"""Social networks on record, by their names in networkx, and how many people each has."""


def pack(a: NDArray[np.int64], b: NDArray[np.int64]) -> Pairs:
    """Return the pairs of customers ``a`` and ``b``, arrays of one shape; which of the two comes first is nothing."""
    return (np.minimum(a, b) << _SHIFT) | np.maximum(a, b)


def unpack(pairs: Pairs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the lower and the higher customer of each pair."""
    return pairs >> _SHIFT, pairs & _LOW


@formula
def _pack_one(a, b):  # type: ignore[no-untyped-def]
    return (min(a, b) << _SHIFT) | max(a, b)


def ring(n: int) -> Pairs:
    """Return the ties of a circle: everyone knows the one before and the one after."""
    person = np.arange(n, dtype=np.int64)
    return _proper(person, (person + 1) % n)


def lattice(n: int) -> Pairs:
    """Return the ties of a two-dimensional grid without edges: four neighbours each.

    The customers fill rows of ``round(sqrt(n))`` places; the last row may be ragged. Each row closes on itself, and
    each column closes on itself at its own last customer, so nobody stands at a border. All have four neighbours but
    for the one or two of a last row too short to have a left and a right, and for fewer than nine customers.
    """
    n_columns = max(1, round(math.sqrt(n)))
    person = np.arange(n, dtype=np.int64)
    is_row_end = (person % n_columns == n_columns - 1) | (person == n - 1)
    right = np.where(is_row_end, person - person % n_columns, person + 1)
    below = np.where(person + n_columns < n, person + n_columns, person % n_columns)
    return np.concatenate([_proper(person, right), _proper(person, below)])


def _proper(a: NDArray[np.int64], b: NDArray[np.int64]) -> Pairs:
    """Return the pairs of two different customers, each once."""
    return _once(pack(a, b)[a != b])


def _once(pairs: Pairs) -> Pairs:
    """Return the different pairs, sorted; for millions of them, several times as fast as `numpy.unique`."""
    pairs = np.sort(pairs)
    is_first = np.ones(pairs.size, np.bool_)
    np.not_equal(pairs[1:], pairs[:-1], out=is_first[1:])
    return pairs[is_first]


def complete(n: int) -> Pairs:
    """Return all ``n (n - 1) / 2`` ties."""
    a, b = np.triu_indices(n, 1)
    return pack(a, b)


@kernel
def _rewire_ring(seed, rewire, targets, pairs):  # type: ignore[no-untyped-def]
    n, n_ahead = targets.shape
    for i in range(n):
        for j in range(n_ahead):
            targets[i, j] = (i + j + 1) % n
    for j in range(n_ahead):
        for i in range(n):
            if draws.uniform(seed, _NETWORK, 0, i, j) >= rewire:
                continue
            for attempt in range(1, _MAX_ATTEMPTS + 1):
                other = int(draws.uniform(seed, _NETWORK, attempt, i, j) * n)
                is_free = other != i
                for k in range(n_ahead):
                    if targets[i, k] == other or targets[other, k] == i:
                        is_free = False
                if is_free:
                    targets[i, j] = other
                    break
    for i in range(n):
        for j in range(n_ahead):
            pairs[i * n_ahead + j] = _pack_one(i, np.int64(targets[i, j]))


def small_world(n: int, mean_degree: int, rewire: float, seed: int) -> Pairs:
    """Return the ties of a ring of near neighbours, some of them moved to far customers [1]_.

    Each customer starts tied to the ``mean_degree / 2`` nearest on either side. Lap by lap, the far end of each tie is
    moved, with probability ``rewire``, to a customer drawn from all who are not yet tied to the near end. A tie for
    which a hundred draws find nobody stays where it is, which happens only if nearly everyone is tied to everyone.

    Draws one value of ``Stream.NETWORK`` for each tie and one or more for each moved tie, at the address (attempt, near
    end, place in the lap).

    References
    ----------
    .. [1] Watts & Strogatz (1998), "Collective dynamics of 'small-world' networks", Nature 393.
    """
    n_ahead = mean_degree // 2
    pairs = np.empty(n * n_ahead, np.int64)
    _rewire_ring(seed, rewire, np.empty((n, n_ahead), np.int32), pairs)
    return pairs


@kernel
def _attach(seed, n, n_each, pairs):  # type: ignore[no-untyped-def]
    for leaf in range(1, n_each + 1):
        pairs[leaf - 1] = _pack_one(0, leaf)
    n_pairs = n_each
    for newcomer in range(n_each + 1, n):
        n_before = n_pairs
        for j in range(n_each):
            attempt = 0
            is_new = False
            while not is_new:
                end = int(draws.uniform(seed, _NETWORK, attempt, newcomer, j) * 2 * n_before)
                pair = pairs[end // 2]
                other = pair >> _SHIFT if end % 2 == 0 else pair & _LOW
                chosen = _pack_one(other, newcomer)
                is_new = True
                for k in range(n_before, n_pairs):
                    if pairs[k] == chosen:
                        is_new = False
                attempt += 1
            pairs[n_pairs] = chosen
            n_pairs += 1


def scale_free(n: int, mean_degree: int, seed: int) -> Pairs:
    """Return the ties of a network grown by preferential attachment [1]_.

    It starts as a star of ``m = mean_degree / 2`` ties; each newcomer ties to ``m`` different customers, each drawn in
    proportion to the ties it has. The mean degree is ``2 m (n - m) / n``. Low numbers joined first and are the hubs.

    Draws one or more values of ``Stream.NETWORK`` for each tie, at the address (attempt, newcomer, place of the tie).

    References
    ----------
    .. [1] Barabasi & Albert (1999), "Emergence of scaling in random networks", Science 286.
    """
    n_each = mean_degree // 2
    pairs = np.empty(n_each * (n - n_each), np.int64)
    _attach(seed, n, n_each, pairs)
    return pairs


def _distinct(
    count: int, n_listed: int, pair_at: Callable[[NDArray[np.int64]], Pairs], rng: np.random.Generator
) -> Pairs:
    """Draw ``count`` different pairs, every such set alike in probability.

    Parameters
    ----------
    count : int
        How many, at most ``n_listed / 2``.
    n_listed : int
        Length of a list that holds every possible pair exactly twice, once from either end.
    pair_at : callable
        Returns the pairs at given places of that list.
    rng : numpy.random.Generator
        Advanced by one value for each pair drawn, repeats included.
    """
    if count > n_listed // 4:  # more than half of all pairs: choose those that are absent
        absent = _distinct(n_listed // 2 - count, n_listed, pair_at, rng)
        return np.setdiff1d(_once(pair_at(np.arange(n_listed))), absent, assume_unique=True)
    pairs = np.empty(0, np.int64)
    while pairs.size < count:  # exactly as many as are missing: to draw more and drop some would favour low numbers
        fresh = np.empty(count - pairs.size, np.int64)
        for start in range(0, fresh.size, _CHUNK):
            part = fresh[start : start + _CHUNK]
            part[:] = pair_at(rng.integers(n_listed, size=part.size))
        pairs = _once(np.concatenate([pairs, fresh]))
    return pairs


def random(n: int, mean_degree: float, seed: int) -> Pairs:
    """Return ``round(n mean_degree / 2)`` ties drawn from all possible ones [1]_; uses the generator of ``NETWORK``.

    References
    ----------
    .. [1] Erdos & Renyi (1959), "On random graphs I", Publicationes Mathematicae 6.
    """

    def pair_at(place: NDArray[np.int64]) -> Pairs:
        a, b = np.divmod(place, n - 1)
        return pack(a, b + (b >= a))

    return _distinct(round(n * mean_degree / 2), n * (n - 1), pair_at, draws.generator(seed, Stream.NETWORK))


def possible_ties(n: int, community_size: int) -> tuple[int, int]:
    """Return how many ties could be inside communities and how many between them; the last one may be smaller."""
    n_full, n_last = divmod(n, community_size)
    inside = (n_full * community_size * (community_size - 1) + n_last * (n_last - 1)) // 2
    return inside, n * (n - 1) // 2 - inside


def tie_counts(n: int, mean_degree: float, within_share: float) -> tuple[int, int]:
    """Return how many ties a network of communities has inside them and between them."""
    n_ties = round(n * mean_degree / 2)
    n_inside = round(n_ties * within_share)
    return n_inside, n_ties - n_inside


def community(n: int, mean_degree: float, community_size: int, within_share: float, seed: int) -> Pairs:
    """Return the ties of a planted partition [1]_ with fixed numbers of ties; uses the generator of ``NETWORK``.

    Customers ``0 .. community_size - 1`` are the first community, and so on; the last may be smaller. Ties inside are
    drawn from all possible ones inside, whichever the community, and ties between from all possible ones between.

    References
    ----------
    .. [1] Condon & Karp (2001), "Algorithms for graph partitioning on the planted partition model", Random Structures
       & Algorithms 18.
    """
    n_full, n_last = divmod(n, community_size)
    first_of_last = n_full * community_size

    def own_community(
        place: NDArray[np.int64], others: int, others_of_last: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return customer, entry, start and size of community for places in a list of ``others`` entries a customer."""
        beyond = place - first_of_last * others
        is_last = beyond >= 0
        a, entry = np.divmod(np.where(is_last, beyond, place), np.where(is_last, others_of_last, others))
        a += np.where(is_last, first_of_last, 0)
        return a, entry, a - a % community_size, np.where(is_last, n_last, community_size)

    def inside_at(place: NDArray[np.int64]) -> Pairs:
        a, entry, start, _ = own_community(place, community_size - 1, n_last - 1)
        b = start + entry
        return pack(a, b + (b >= a))

    def between_at(place: NDArray[np.int64]) -> Pairs:
        a, entry, start, size = own_community(place, n - community_size, n - n_last)
        return pack(a, entry + np.where(entry >= start, size, 0))

    rng = draws.generator(seed, Stream.NETWORK)
    possible = possible_ties(n, community_size)
    counts = tie_counts(n, mean_degree, within_share)
    inside = _distinct(counts[0], 2 * possible[0], inside_at, rng)
    return np.concatenate([inside, _distinct(counts[1], 2 * possible[1], between_at, rng)])


def recorded(name: str, n: int) -> tuple[Pairs, NDArray[np.float64] | None]:
    """Return the sorted ties of ``n / size`` separate copies of a network on record, and their weights if it has any.

    The weight of a tie counts what two people share: contexts in which members of the karate club met, chapters of
    Les Miserables in which both appear.
    """
    import networkx as nx

    size = RECORDED[name]
    graph = nx.convert_node_labels_to_integers(getattr(nx, f"{name}_graph")())
    a, b, weight = np.array([(a, b, w) for a, b, w in graph.edges.data("weight", default=np.nan)]).T
    pairs = pack(a.astype(np.int64), b.astype(np.int64))
    order = np.argsort(pairs)
    starts = np.arange(n // size, dtype=np.int64) * size
    copies = (pack(starts, starts)[:, None] + pairs[order]).ravel()
    return copies, None if np.isnan(weight).any() else np.tile(weight[order], starts.size)


def edge_list(path: Path, n: int) -> tuple[Pairs, NDArray[np.float64] | None]:
    """Return the sorted ties of a CSV file, and their strengths if the file gives them.

    The file has two columns of customer numbers, ``0 .. n - 1``, and perhaps a third of strengths in (0, 1]; a first
    line of column names is passed over, and so are blank lines. A tie given more than once, in either direction, is one
    tie, as strong as its strongest line.

    Raises
    ------
    InputError
        If the file cannot be read or holds no ties, and for a line, by number, that has too many columns, something
        other than a customer number, a customer tied to itself, or a strength out of range.
    """
    import pandas as pd

    columns = ["from", "to", "strength", "more"]
    try:
        table = pd.read_csv(
            path,
            header=None,
            names=columns,
            index_col=False,
            dtype=str,
            na_filter=False,
            skip_blank_lines=False,
            skipinitialspace=True,
        )
    except pd.errors.EmptyDataError:
        table = pd.DataFrame(columns=columns, dtype=str)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip()
        raise InputError(f"cannot be read as an edge list: {reason}", file=path) from error
    table = table.apply(lambda column: column.str.strip())
    table.index += 1  # the number of the line
    table = table[(table != "").any(axis=1)]
    has_strength = bool((table["strength"] != "").any())
    read = ["from", "to", "strength"] if has_strength else ["from", "to"]
    number = table[read].apply(pd.to_numeric, errors="coerce").astype(float)
    if 1 in table.index and number.loc[1, ["from", "to"]].isna().all() and table.loc[1, "to"] != "":
        table, number = table.drop(index=1), number.drop(index=1)
    if table.empty:
        raise InputError(
            "holds no ties", file=path, allowed='at least one line such as "0,1"; for no ties, topology = "empty"'
        )

    def refuse(is_bad: pd.Series[bool], column: str, problem: str, allowed: str) -> None:
        if is_bad.any():
            line = is_bad.idxmax()
            raise InputError(problem, file=path, key=f"line {line}", value=table.loc[line, column], allowed=allowed)

    people = f"whole numbers 0 to {n - 1}"
    refuse(table["more"] != "", "more", "one column too many", "two customer numbers and a tie strength")
    for column in ("from", "to"):
        refuse(number[column] % 1 != 0, column, "not a customer number", people)
        refuse(~number[column].between(0, n - 1), column, "no such customer", people)
    refuse(number["from"] == number["to"], "from", "a customer tied to itself", "two different customers")
    pairs = pack(number["from"].to_numpy(np.int64), number["to"].to_numpy(np.int64))
    if not has_strength:
        return _once(pairs), None
    is_strength = (number["strength"] > 0) & (number["strength"] <= 1)
    refuse(~is_strength, "strength", "not a tie strength", "numbers above 0 and up to 1, on every line or on none")
    strength = number["strength"].to_numpy()
    order = np.lexsort((-strength, pairs))
    distinct, where = np.unique(pairs[order], return_index=True)
    return distinct, strength[order][where]
