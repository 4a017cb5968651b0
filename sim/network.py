"""The word-of-mouth network: who hears whom, and how much they weigh what they hear.

Ties are mutual. The network is kept as rows of neighbours laid end to end (compressed sparse rows), so that a compiled
loop over one customer's neighbours reads a single stretch of memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim import draws, topologies
from sim.compiled import inline, kernel
from sim.draws import Stream
from sim.errors import InputError
from sim.network_settings import NetworkSpec
from sim.topologies import Pairs

if TYPE_CHECKING:
    import networkx as nx
    from scipy.sparse import csr_array


class Network(NamedTuple):
    """Mutual ties as compressed sparse rows; usable inside kernels.

    Customer ``i``'s neighbours are ``neighbours[first[i] : first[i + 1]]``, ascending, without ``i`` and repeats.
    """

    first: NDArray[np.int32]
    """Where each customer's neighbours begin, shape (n_customers + 1,)."""
    neighbours: NDArray[np.int32]
    """Numbers of the neighbours, shape (2 * n_ties,)."""
    tie: NDArray[np.uint8]
    """Which of the strengths each tie has, the same in both directions; ``bits`` each, ``8 // bits`` to a number."""
    bits: int
    """How many it takes to tell the strengths apart: 1, 2, 4 or 8."""
    strengths: NDArray[np.float64]
    """The different influences that ties have, 0 to 1, ascending, shape (up to 256,)."""


MAX_ENDS = 2**31 - 1  # ends of ties in a network ...
MAX_DEGREE = 2**15 - 1  # ... ties of a customer ...
MAX_STRENGTHS = 256  # ... and strengths of ties that are told apart; of more, each becomes the nearest of as many
_TIE, _SAMPLE = int(Stream.TIE), int(Stream.SAMPLE)


@kernel
def _tie_luck(seed, pairs, luck):  # type: ignore[no-untyped-def]
    for k in range(pairs.size):
        luck[k] = draws.uniform(seed, _TIE, 0, pairs[k], 0)


@inline
def strength_of(network, k):  # type: ignore[no-untyped-def]
    """Return the influence of the tie at place ``k`` of the rows, 0 to 1."""
    bit = k * network.bits
    which = (network.tie[bit >> 3] >> (bit & 7)) & ((1 << network.bits) - 1)
    return network.strengths[which]


@kernel
def _fill_rows(pairs, strength, first, neighbours, tie, bits):  # type: ignore[no-untyped-def]
    n = first.size - 1
    first[:] = 0
    for pair in pairs:
        first[(pair >> 32) + 1] += 1
        first[(pair & 0xFFFFFFFF) + 1] += 1
    for i in range(n):
        first[i + 1] += first[i]
    place = first[:-1].copy()
    for k in range(pairs.size):  # sorted pairs bring each row its lower neighbours, ascending, and then its higher ones
        a, b = pairs[k] >> 32, pairs[k] & 0xFFFFFFFF
        neighbours[place[a]] = b
        neighbours[place[b]] = a
        for end in (place[a] * bits, place[b] * bits):
            tie[end >> 3] |= strength[k] << (end & 7)
        place[a] += 1
        place[b] += 1


def _rows(pairs: Pairs, strength: NDArray[np.floating[Any]], n_customers: int) -> Network:
    """Return the network of sorted, distinct pairs.

    Raises
    ------
    InputError
        If there are more ties, or more of one customer, than can be numbered.
    """
    if 2 * pairs.size > MAX_ENDS:
        raise InputError("too many ties", key="network", value=int(pairs.size), allowed=f"up to {MAX_ENDS // 2:,}")
    strength = strength.astype(np.float32, copy=False)
    strengths = np.unique(strength)
    if strengths.size > MAX_STRENGTHS:
        strengths = np.linspace(strengths[0], strengths[-1], MAX_STRENGTHS, dtype=np.float32)
    middles = (strengths[1:] + strengths[:-1]) / 2
    which = np.searchsorted(middles, strength).astype(np.uint8)
    first = np.empty(n_customers + 1, np.int32)
    bits = next(bits for bits in (1, 2, 4, 8) if strengths.size <= 2**bits)
    neighbours, tie = np.empty(2 * pairs.size, np.int32), np.zeros(-(-2 * pairs.size * bits // 8), np.uint8)
    _fill_rows(pairs, which, first, neighbours, tie, bits)
    most = int(np.diff(first).max(initial=0))
    if most > MAX_DEGREE:
        raise InputError("too many ties of one customer", key="network", value=most, allowed=f"up to {MAX_DEGREE:,}")
    return Network(first, neighbours, tie, bits, strengths.astype(np.float64))


def build(spec: NetworkSpec, n_customers: int, seed: int, folder: str | Path = ".") -> Network:
    """Build the network of a scenario.

    Which ties there are comes from ``Stream.NETWORK``. Which of them are strong comes from ``Stream.TIE`` at the
    address of the two customers, so the same two are equally close whatever else is in the network. Where a record has
    weights, the ``strong_share`` of ties with the highest weights are strong, and the draw decides between equals.

    Parameters
    ----------
    spec : NetworkSpec
        The shape, and how far ties differ in influence.
    n_customers : int
        People in the market, at least 1 and below 2**31.
    seed : int
        The run's seed.
    folder : str or Path
        Folder of the scenario, from which the path of an edge list starts.

    Raises
    ------
    InputError
        If so many customers cannot form the network, or a line of the edge list cannot be used.
    """
    spec.check(n_customers)
    pairs, record = _pairs(spec, n_customers, seed, Path(folder))
    if spec.topology == "edge_list" and record is not None:
        return _rows(pairs, record, n_customers)
    luck = np.empty(pairs.size)
    _tie_luck(seed, pairs, luck)
    is_strong = luck < spec.strong_share
    if record is not None:
        is_strong[:] = False
        is_strong[np.lexsort((luck, -record))[: round(spec.strong_share * pairs.size)]] = True
    return _rows(pairs, np.where(is_strong, np.float32(1), np.float32(spec.weak_influence)), n_customers)


def _pairs(spec: NetworkSpec, n: int, seed: int, folder: Path) -> tuple[Pairs, NDArray[np.float64] | None]:
    """Return the sorted pairs of a topology and, if they are on record, their strengths or weights."""
    match spec.topology:
        case "edge_list":
            return topologies.edge_list(folder / str(spec.path), n)
        case "small_world":
            pairs = topologies.small_world(n, int(spec.setting("mean_degree")), spec.setting("rewire"), seed)
        case "scale_free":
            pairs = topologies.scale_free(n, int(spec.setting("mean_degree")), seed)
        case "random":
            pairs = topologies.random(n, spec.setting("mean_degree"), seed)
        case "community":
            size, share = int(spec.setting("community_size")), spec.setting("within_share")
            pairs = topologies.community(n, spec.setting("mean_degree"), size, share, seed)
        case "lattice":
            pairs = topologies.lattice(n)
        case "ring":
            pairs = topologies.ring(n)
        case "complete":
            pairs = topologies.complete(n)
        case "empty":
            pairs = np.empty(0, np.int64)
        case _:
            return topologies.recorded(spec.topology, n)
    pairs.sort()
    return pairs, None


def influence(network: Network) -> NDArray[np.float64]:
    """Return the influence of every tie, 0 to 1, shape (2 * n_ties,)."""
    per_number = 8 // network.bits
    which = (network.tie[:, None] >> (network.bits * np.arange(per_number, dtype=np.uint8))) & (2**network.bits - 1)
    strength: NDArray[np.float64] = network.strengths[which.ravel()[: network.neighbours.size]]
    return strength


def to_sparse(network: Network) -> csr_array:
    """Return the influence of ties as a sparse matrix, shape (n_customers, n_customers)."""
    from scipy.sparse import csr_array

    n = network.first.size - 1
    return csr_array((influence(network), network.neighbours, network.first), shape=(n, n))


def to_networkx(network: Network) -> nx.Graph:
    """Return the network as a graph on 0 .. n_customers - 1, the influence of each tie in ``weight``."""
    import networkx as nx

    return nx.from_scipy_sparse_array(to_sparse(network))


def from_networkx(graph: nx.Graph) -> Network:
    """Return a graph as a network: its nodes, in their order, become customers 0, 1, ...; ties without a weight get 1.

    Raises
    ------
    InputError
        If the graph is directed, has parallel edges, self-loops or a weight outside 0 to 1.
    """
    import networkx as nx

    if graph.is_directed() or graph.is_multigraph():
        raise InputError(
            "ties are mutual and single", value=graph, allowed="an undirected graph without parallel edges"
        )
    graph = nx.convert_node_labels_to_integers(graph)
    edges = list(graph.edges.data("weight", default=1.0))
    for a, b, weight in edges:
        if a == b:
            raise InputError("a customer tied to itself", key=f"node {a}", allowed="two different customers")
        if not 0 <= weight <= 1:
            raise InputError("not an influence", key=f"weight of {a}-{b}", value=weight, allowed="0 to 1")
    a, b, weight = np.array(edges, dtype=float).reshape(-1, 3).T
    pairs = topologies.pack(a.astype(np.int64), b.astype(np.int64))
    order = np.argsort(pairs)
    return _rows(pairs[order], weight[order], graph.number_of_nodes())


_SAMPLE_START, _SAMPLE_NAMED = 0, 1  # in place of a period, in the addresses of Stream.SAMPLE
_MAX_NAMED = 12
_MAX_PATHS_COUNTED = 5_000_000
_N_PATHS_SAMPLED = 100_000


@kernel
def _snowball(network, seed, is_found, found):  # type: ignore[no-untyped-def]
    n = network.first.size - 1
    n_found = n_asked = n_starts = 0
    while n_found < found.size:
        if n_asked == n_found:  # nobody left to ask: start again elsewhere
            person = int(draws.uniform(seed, _SAMPLE, _SAMPLE_START, n_starts, 0) * n)
            n_starts += 1
            while is_found[person]:
                person = (person + 1) % n
            is_found[person] = True
            found[n_found] = person
            n_found += 1
        asked = found[n_asked]
        n_asked += 1
        degree = network.first[asked + 1] - network.first[asked]
        n_named = min(degree, _MAX_NAMED)
        offset = draws.uniform(seed, _SAMPLE, _SAMPLE_NAMED, asked, 0)
        for k in range(n_named):
            friend = network.neighbours[network.first[asked] + int((k + offset) * degree / n_named)]
            if not is_found[friend] and n_found < found.size:
                is_found[friend] = True
                found[n_found] = friend
                n_found += 1


def sample(network: Network, n: int, seed: int) -> NDArray[np.int64]:
    """Return a snowball sample [1]_ of customers that shows how the network hangs together, for pictures.

    From a random customer, everyone reached names up to 12 neighbours, spread evenly over all they have, so that a hub
    does not fill the picture. When a component is used up, another customer is drawn. Uses ``Stream.SAMPLE``.

    Parameters
    ----------
    network : Network
        The whole network.
    n : int
        Size of the sample; all customers if there are no more than that.
    seed : int
        The run's seed.

    Returns
    -------
    ndarray
        Customers, ascending, shape (min(n, n_customers),).

    References
    ----------
    .. [1] Goodman (1961), "Snowball sampling", Annals of Mathematical Statistics 32.
    """
    n_customers = network.first.size - 1
    found = np.empty(min(n, n_customers), np.int64)
    _snowball(network, seed, np.zeros(n_customers, np.bool_), found)
    return np.sort(found)


def ties_among(network: Network, customers: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return the ties whose two ends are both among ``customers``, lower number first, sorted, shape (n_ties, 2)."""
    customers = np.sort(customers)
    within = to_sparse(network)[customers][:, customers].tocoo()
    a, b = customers[within.row], customers[within.col]
    ties = np.column_stack([a, b])[a < b].astype(np.int64)
    return ties[np.lexsort((ties[:, 1], ties[:, 0]))]


def describe(network: Network) -> dict[str, float]:
    """Return the size and shape of a network.

    Returns
    -------
    dict
        ``customers``, ``ties``; ``mean_degree``, ``max_degree`` (ties of a customer); ``isolated_share`` (customers
        without a tie) and ``largest_component_share`` of all customers; ``clustering``, the mean over customers of the
        share of pairs of their neighbours who are neighbours themselves, 0 for those with fewer than two [1]_; and
        ``clustering_sample``, the number of (customer, pair of neighbours) drawn to estimate it, 0 if it is exact. It
        is exact up to five million paths of two ties; beyond, 100,000 draws leave a standard error of at most 0.0016.
        The draws belong to ``Stream.SAMPLE`` under seed 0: the description depends on the network alone.

    References
    ----------
    .. [1] Watts & Strogatz (1998), "Collective dynamics of 'small-world' networks", Nature 393.
    """
    from scipy.sparse.csgraph import connected_components

    n = network.first.size - 1
    degree = np.diff(network.first)
    ties = to_sparse(network)
    _, component = connected_components(ties, directed=False)
    n_paths = int(np.square(degree, dtype=np.float64).sum())
    is_exact = n_paths <= _MAX_PATHS_COUNTED
    return {
        "customers": n,
        "ties": network.neighbours.size // 2,
        "mean_degree": float(degree.mean()),
        "max_degree": int(degree.max()),
        "isolated_share": float((degree == 0).mean()),
        "largest_component_share": float(np.bincount(component).max() / n),
        "clustering": _clustering_exact(ties, degree) if is_exact else _clustering_sampled(network, ties, degree),
        "clustering_sample": 0 if is_exact else _N_PATHS_SAMPLED,
    }


def _clustering_exact(ties: csr_array, degree: NDArray[np.integer[Any]]) -> float:
    known = ties.astype(np.int64)
    known.data[:] = 1
    closed_paths: NDArray[np.int64] = ((known @ known) * known).sum(axis=1)
    return float(np.mean(closed_paths / np.maximum(degree * (degree - 1), 1)))


def _clustering_sampled(network: Network, ties: csr_array, degree: NDArray[np.integer[Any]]) -> float:
    rng = draws.generator(0, Stream.SAMPLE)
    person = rng.integers(degree.size, size=_N_PATHS_SAMPLED)
    person = person[degree[person] >= 2]
    a = rng.integers(degree[person])
    b = rng.integers(degree[person] - 1)
    b += b >= a
    start = network.first[person]
    ends = network.neighbours[start + a], network.neighbours[start + b]
    known = ties.astype(np.int8)
    known.data[:] = 1
    return float(np.sum(known[ends])) / _N_PATHS_SAMPLED
