"""The word-of-mouth network: well-formed ties, the shape each topology promises, and refusals that help.

networkx is the oracle: what can be equal is compared tie by tie, what is random is compared in distribution.
Statistical tests are two-sided, fail by chance once in a million each (the seeds are fixed), and state what they would
miss.
"""

from __future__ import annotations

import itertools
import math
import pickle
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pydantic import ValidationError
from scipy import stats

from sim import network as network_module
from sim import topologies
from sim.errors import InputError
from sim.network import (
    Network,
    build,
    describe,
    from_networkx,
    influence,
    sample,
    ties_among,
    to_networkx,
)
from sim.network_settings import NetworkSpec

FALSE_ALARM = 1e-6
RANDOM = ("small_world", "scale_free", "random", "community")


def ties(network: Network) -> dict[tuple[int, int], float]:
    """Return the influence of each tie, by its two customers, lower number first."""
    found, strength = {}, influence(network)
    for i in range(network.first.size - 1):
        for k in range(network.first[i], network.first[i + 1]):
            if i < network.neighbours[k]:
                found[i, int(network.neighbours[k])] = float(strength[k])
    return found


def edges(graph: nx.Graph) -> set[tuple[int, int]]:
    return {(min(edge), max(edge)) for edge in graph.edges}


def spec(topology: str, **keys: Any) -> NetworkSpec:
    return NetworkSpec(topology=topology, **keys)  # type: ignore[arg-type]


@st.composite
def specs(draw: st.DrawFn) -> tuple[NetworkSpec, int]:
    """Return a network that can be formed, and the number of its customers."""
    n = draw(st.integers(1, 40))
    topology = draw(st.sampled_from([*topologies.TAKES]).filter(lambda name: name != "edge_list"))
    keys: dict[str, float] = {"strong_share": draw(st.floats(0, 1)), "weak_influence": draw(st.floats(0, 1, width=32))}
    if topology in topologies.RECORDED:
        n = topologies.RECORDED[topology] * draw(st.integers(1, 3))
    if topology in RANDOM:
        n = max(n, 3)
        keys["mean_degree"] = draw(st.floats(0.01, n - 1))
        if topology in ("small_world", "scale_free"):
            keys["mean_degree"] = 2 * draw(st.integers(1, (n - 1) // 2))
    if topology == "small_world":
        keys["rewire"] = draw(st.floats(0, 1))
    if topology == "community":
        keys["community_size"] = size = draw(st.integers(2, n))
        n_ties = round(n * keys["mean_degree"] / 2)
        inside, between = topologies.possible_ties(n, size)
        n_inside = draw(st.integers(max(0, n_ties - between), min(n_ties, inside)))
        keys["within_share"] = n_inside / n_ties if n_ties else 0.5
    return spec(topology, **keys), n


# --- what holds of every network


@given(specs(), st.integers(0, 2**63 - 1))
@settings(max_examples=150, deadline=None)
def test_ties_are_mutual_single_sorted_and_equally_strong_both_ways(spec_and_n, seed):
    wanted, n = spec_and_n
    network = build(wanted, n, seed)
    assert (network.first.dtype, network.neighbours.dtype, network.tie.dtype) == (np.int32, np.int32, np.uint8)
    assert network.first.shape == (n + 1,)
    assert network.neighbours.shape == influence(network).shape == (network.first[-1],)
    both_ways = {}
    for i in range(n):
        row = slice(network.first[i], network.first[i + 1])
        neighbours = network.neighbours[row].tolist()
        assert neighbours == sorted(set(neighbours) - {i})
        both_ways |= {
            (i, j): strength for j, strength in zip(neighbours, influence(network)[row].tolist(), strict=True)
        }
    assert both_ways == {(j, i): strength for (i, j), strength in both_ways.items()}
    assert set(both_ways.values()) <= {1.0, float(np.float32(wanted.weak_influence))}


@given(specs(), st.integers(0, 2**63 - 1))
@settings(max_examples=50, deadline=None)
def test_same_seed_same_network(spec_and_n, seed):
    once, again = build(*spec_and_n, seed), build(*spec_and_n, seed)
    for one, other in zip(once, again, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("topology", RANDOM)
def test_another_seed_gives_other_ties(topology):
    networks = [ties(build(spec(topology), 500, seed)) for seed in range(5)]
    for one, other in itertools.combinations(networks, 2):
        assert one.keys() != other.keys()
        shared = one.keys() & other.keys()
        assert len(shared) < 0.9 * len(one)


@pytest.mark.parametrize("topology", ["ring", "lattice", "complete"])
def test_another_seed_gives_other_strong_ties_where_the_shape_is_fixed(topology):
    one, other = (ties(build(spec(topology), 100, seed)) for seed in (1, 2))
    assert one.keys() == other.keys()
    assert one != other


def test_compiled_kernels_equal_their_plain_twins():
    for wanted in (spec("small_world", rewire=0.4, mean_degree=6), spec("scale_free", mean_degree=6)):
        compiled = build(wanted, 50, 3)
        found = sample(compiled, 30, 3)
        with pytest.MonkeyPatch.context() as patch:
            for module, name in (
                (topologies, "_rewire_ring"),
                (topologies, "_attach"),
                (network_module, "_tie_luck"),
                (network_module, "_fill_rows"),
                (network_module, "_snowball"),
            ):
                patch.setattr(module, name, getattr(module, name).py_func)
            plain = build(wanted, 50, 3)
            assert_array_equal(sample(plain, 30, 3), found)
        for one, other in zip(compiled, plain, strict=True):
            assert_array_equal(one, other)


# --- shapes that networkx knows tie by tie


@pytest.mark.parametrize(
    ("wanted", "n", "expected"),
    [
        (spec("ring"), 1, nx.empty_graph(1)),
        (spec("ring"), 2, nx.path_graph(2)),
        (spec("ring"), 3, nx.cycle_graph(3)),
        (spec("ring"), 50, nx.cycle_graph(50)),
        (spec("complete"), 1, nx.empty_graph(1)),
        (spec("complete"), 30, nx.complete_graph(30)),
        (spec("empty"), 7, nx.empty_graph(7)),
        (spec("small_world", mean_degree=6, rewire=0), 40, nx.watts_strogatz_graph(40, 6, 0)),
        (spec("small_world", mean_degree=8, rewire=1), 9, nx.complete_graph(9)),
        (spec("random", mean_degree=14), 15, nx.complete_graph(15)),
        (spec("community", mean_degree=4, community_size=5, within_share=1), 20, nx.caveman_graph(4, 5)),
        (spec("community", mean_degree=12, community_size=4, within_share=0), 16, nx.turan_graph(16, 4)),
    ],
    ids=lambda value: f"{value.topology}" if isinstance(value, NetworkSpec) else "",
)
def test_shape_equals_that_of_networkx(wanted, n, expected):
    network = build(wanted, n, 1)
    assert ties(network).keys() == edges(expected)
    assert network.first.size == n + 1


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (10, 10), (31, 31), (11, 10), (6, 6)])
def test_lattice_of_full_rows_is_a_torus(rows, columns):
    torus = nx.grid_2d_graph(rows, columns, periodic=True)
    expected = nx.relabel_nodes(torus, {(row, column): row * columns + column for row, column in torus})
    assert ties(build(spec("lattice"), rows * columns, 1)).keys() == edges(expected)


@pytest.mark.parametrize("n", [*range(9, 130), 5000])
def test_lattice_of_any_count_gives_four_neighbours(n):
    """But for a last row of one (who is its own left and right) or two (whose left and right are the same)."""
    network = build(spec("lattice"), n, 1)
    n_last = n % round(math.sqrt(n))
    expected = np.full(n, 4)
    expected[n - n_last :] -= {1: 2, 2: 1}.get(n_last, 0)
    assert_array_equal(np.diff(network.first), expected)
    assert nx.is_connected(to_networkx(network))


@pytest.mark.parametrize("name", topologies.RECORDED)
def test_recorded_network_comes_in_separate_whole_copies(name):
    size = topologies.RECORDED[name]
    original = getattr(nx, f"{name}_graph")()
    assert original.number_of_nodes() == size
    graph = to_networkx(build(spec(name), 3 * size, 1))
    names = dict(enumerate(original))
    for copy in range(3):
        people = range(copy * size, (copy + 1) * size)
        part = nx.relabel_nodes(graph.subgraph(people), {person: names[person % size] for person in people})
        assert nx.utils.edges_equal(part.edges, original.edges)
    assert graph.number_of_edges() == 3 * original.number_of_edges()


@pytest.mark.parametrize("name", ["karate_club", "les_miserables"])
def test_ties_with_most_on_record_are_the_strong_ones(name):
    original = nx.convert_node_labels_to_integers(getattr(nx, f"{name}_graph")())
    size = len(original)
    found = ties(build(spec(name, strong_share=0.25, weak_influence=0.5), 2 * size, 1))
    weights = {1.0: [], 0.5: []}
    for (a, b), strength in found.items():
        weights[strength].append(original.edges[a % size, b % size]["weight"])
    assert len(weights[1.0]) == round(0.25 * len(found))
    assert min(weights[1.0]) >= max(weights[0.5])
    assert len(set(weights[1.0] + weights[0.5])) > 5


# --- shapes that are random: exact numbers, known probabilities, and networkx in distribution


def assert_chi_square_fits(distance: float, freedom: int) -> None:
    """Refuse counts too far from their expectation, or too near to it."""
    assert stats.chi2.ppf(FALSE_ALARM / 2, freedom) < distance < stats.chi2.isf(FALSE_ALARM / 2, freedom)


def assert_binomial(count: int, n: int, p: float) -> None:
    assert stats.binom.ppf(FALSE_ALARM / 2, n, p) <= count <= stats.binom.isf(FALSE_ALARM / 2, n, p)


@pytest.mark.parametrize(
    ("wanted", "n", "n_ties"),
    [
        (spec("small_world", mean_degree=6, rewire=0.7), 1000, 3000),
        (spec("small_world", mean_degree=58, rewire=1), 61, 1769),  # nearly everyone tied to everyone
        (spec("scale_free", mean_degree=8), 1000, 4 * 996),
        (spec("random", mean_degree=3.3), 1000, 1650),
        (spec("random", mean_degree=39.9), 50, 998),
        (spec("community", mean_degree=5, community_size=30, within_share=0.7), 1000, 2500),
    ],
)
def test_number_of_ties_is_exact(wanted, n, n_ties):
    assert len(ties(build(wanted, n, 1))) == n_ties


def test_community_keeps_its_share_of_ties_inside():
    found = ties(build(spec("community", mean_degree=6, community_size=40, within_share=0.7), 1010, 1))
    assert sum(a // 40 == b // 40 for a, b in found) == round(0.7 * 3030)


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("wanted", "n"),
    [
        (spec("random", mean_degree=5), 23),
        (spec("random", mean_degree=17), 23),  # denser than half: drawn by what is absent
        (spec("community", mean_degree=4, community_size=10, within_share=0.6), 23),
        (spec("community", mean_degree=12, community_size=10, within_share=0.4), 23),
    ],
    ids=["sparse", "dense", "communities", "dense communities"],
)
def test_every_possible_tie_is_as_likely(wanted, n):
    """Chi-square over all pairs of a kind, 1,000 networks: fails by chance 1e-6.

    Pairs drawn without replacement vary less than a multinomial by (1 - p) n_pairs / (n_pairs - 1), which is divided
    out. Misses probabilities that are all off by 12% with probability below 1e-6: a row, a column, or the short last
    community favoured or left out moves the statistic by far more.
    """
    n_networks = 1000
    counts = np.zeros((n, n))
    for seed in range(n_networks):
        pairs, _ = network_module._pairs(wanted, n, seed, Path())
        np.add.at(counts, topologies.unpack(pairs), 1)
    a, b = np.triu_indices(n, 1)
    size = wanted.community_size or n
    for kind in {True, False} if wanted.topology == "community" else {True}:
        of_kind = counts[a, b][(a // size == b // size) == kind]
        p = of_kind.sum() / of_kind.size / n_networks
        variance = n_networks * p * (1 - p) * of_kind.size / (of_kind.size - 1)
        assert_chi_square_fits(float(np.sum((of_kind - n_networks * p) ** 2) / variance), of_kind.size - 1)


@pytest.mark.statistical
def test_newcomers_prefer_those_with_many_ties():
    """Two ties a newcomer, four customers: the last meets a star 1-0-2 and draws two of it.

    By hand, drawing in proportion to (2, 1, 1) / 4 without repeats: {0, 1} and {0, 2} with probability 5/12 each,
    {1, 2} with 1/6. Chi-square, 4,000 networks: fails by chance 1e-6; misses the lack of a preference (1/3 each) with
    probability below 1e-6.
    """
    expected = {(0, 1): 5 / 12, (0, 2): 5 / 12, (1, 2): 1 / 6}
    counts = dict.fromkeys(expected, 0)
    for seed in range(4000):
        pairs = topologies.scale_free(4, 4, seed)
        a, b = topologies.unpack(np.sort(pairs))
        counts[tuple(a[b == 3].tolist())] += 1
    distance = sum((counts[pair] - 4000 * p) ** 2 / (4000 * p) for pair, p in expected.items())
    assert_chi_square_fits(distance, 2)


@pytest.mark.statistical
def test_scale_free_degrees_follow_the_power_law():
    """A share 2 / (m + 2) has m ties and m (m + 1) / (k (k + 1)) has k or more (Dorogovtsev et al. 2000); m = 4.

    Of 200,000 customers; each fails by chance about 1e-6 (taking degrees as independent, though they add up to a fixed
    sum). Misses an error of 4% in the first share, or of 22% in the share with 40 or more, with probability below 1e-6.
    """
    n, m = 200_000, 4
    degree = np.diff(build(spec("scale_free", mean_degree=2 * m), n, 1).first)
    assert degree.min() == m
    assert_binomial(int((degree == m).sum()), n, 2 / (m + 2))
    assert_binomial(int((degree >= 40).sum()), n, m * (m + 1) / (40 * 41))


@pytest.mark.statistical
def test_small_world_moves_a_share_of_ties_anywhere():
    """Of 100,000 customers with 8 ties each, a tenth is moved: each fails by chance 1e-6.

    The number moved is binomial (p = 0.1, 400,000 ties; misses an error of 5% with probability below 1e-6), and the
    moved ends are spread evenly over the ring and over the distance from the end that stays (chi-square, 50 parts,
    40,000 ends; misses parts all off by 8% with probability below 1e-6).
    """
    n = 100_000
    pairs = topologies.small_world(n, 8, 0.1, 1)
    a, b = topologies.unpack(pairs)
    gap = np.minimum(b - a, n - (b - a))
    is_far = gap > 4
    assert_binomial(int(is_far.sum()), pairs.size, 0.1)
    near_end = np.arange(pairs.size) // 4  # ties are listed by the end that stays
    assert np.all((near_end == a) | (near_end == b))
    far_end = (a + b - near_end)[is_far]
    for place in (far_end, (far_end - near_end[is_far]) % n):
        counts = np.bincount(place * 50 // n, minlength=50)
        assert_chi_square_fits(float(np.sum((counts - counts.mean()) ** 2) / counts.mean()), 49)


@pytest.mark.statistical
def test_small_world_clusters_as_the_formula_says():
    """All three ties of a triangle stay with probability (1 - p)^3 (Barrat & Weigt 2000); k = 8, p = 0.1, n = 100,000.

    Of the k (k - 1) paths of two ties through a customer, the ring closes 3 k (k - 2) / 4; moved ties add the variance
    of the degree, k p (2 - p) / 2, to the paths. Over 25 other seeds the share closed has a standard deviation of
    0.0008: fails by chance about 1e-6, and misses an error of 0.008 (an exponent of 2 or 4 makes 0.05) with
    probability below 1e-6.
    """
    k, p = 8, 0.1
    expected = 3 * (k - 2) / (4 * (k - 1) + 2 * p * (2 - p)) * (1 - p) ** 3
    graph = build(spec("small_world", mean_degree=k, rewire=p), 100_000, 1)
    known = network_module.to_sparse(graph)
    known.data = np.ones(known.nnz)
    degree = np.diff(graph.first)
    transitivity = ((known @ known) * known).sum() / np.sum(degree * (degree - 1.0))
    assert abs(transitivity - expected) < 4.89 * 0.0008


def shape(graph: nx.Graph) -> list[float]:
    degree = np.array([d for _, d in graph.degree])
    parts = [len(part) for part in nx.connected_components(graph)]
    alike = nx.degree_assortativity_coefficient(graph)
    return [degree.var(), np.log(degree.max()), nx.average_clustering(graph), max(parts) / len(graph), alike]


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("wanted", "generate"),
    [
        (
            spec("small_world", mean_degree=6, rewire=0.2),
            lambda seed: nx.watts_strogatz_graph(200, 6, 0.2, seed=seed),
        ),
        (spec("scale_free", mean_degree=6), lambda seed: nx.barabasi_albert_graph(200, 3, seed=seed)),
        (spec("random", mean_degree=3), lambda seed: nx.gnm_random_graph(200, 300, seed=seed)),
    ],
    ids=["small_world", "scale_free", "random"],
)
def test_random_networks_look_like_those_of_networkx(wanted, generate):
    """In degree variance, log of the largest degree, clustering, largest component, and likeness of tied degrees.

    Welch's t, 60 networks of either origin: each fails by chance 1e-6; misses a difference of 1.9 standard deviations
    of a single network with probability below 1e-6 (10.2 standard errors of the difference; the bound is at 5.2).
    """
    ours = np.array([shape(to_networkx(build(wanted, 200, seed))) for seed in range(60)])
    theirs = np.array([shape(generate(seed)) for seed in range(60)])
    for mine, other in zip(ours.T, theirs.T, strict=True):
        if mine.std() + other.std() == 0:
            assert mine[0] == other[0]
        else:
            assert stats.ttest_ind(mine, other, equal_var=False).pvalue > FALSE_ALARM


# --- strengths


def test_of_more_strengths_than_can_be_told_apart_each_becomes_the_nearest():
    """400 ties of a star with strengths 1/400 to 1: none moves by more than half of a 255th."""
    star = nx.Graph()
    star.add_weighted_edges_from((0, k, k / 400) for k in range(1, 401))
    network = from_networkx(star)
    assert network.strengths.size == 256
    np.testing.assert_allclose(influence(network)[:400], np.arange(1, 401) / 400, atol=0.5 / 255 + 1e-6)


def test_a_customer_with_more_ties_than_can_be_numbered_is_refused():
    with pytest.raises(InputError, match="network = 32768: too many ties of one customer; allowed: up to 32,767"):
        from_networkx(nx.star_graph(32_768))


@pytest.mark.statistical
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_share_of_strong_ties(share):
    """Binomial over 100,000 ties: fails by chance 1e-6, misses an error of 0.02 in the share below 1e-6."""
    network = build(spec("small_world", mean_degree=10, strong_share=share, weak_influence=0.25), 20_000, 1)
    assert set(network.strengths.tolist()) <= {0.25, 1.0}
    assert_binomial(int((influence(network) == 1).sum()) // 2, 100_000, share)


def test_two_customers_are_as_close_whatever_else_is_in_the_network(tmp_path):
    (tmp_path / "ties.csv").write_text("".join(f"{i + 1},{i}\n" for i in range(0, 80, 3)))
    everyone = ties(build(spec("complete"), 100, 7))
    for wanted in (spec("ring"), spec("lattice"), spec("random"), spec("edge_list", path="ties.csv")):
        found = ties(build(wanted, 90, 7, tmp_path))
        assert found == {pair: everyone[pair] for pair in found}


# --- edge lists


def read(folder: Path, text: str, n: int = 10, **keys: Any) -> Network:
    (folder / "ties.csv").write_bytes(text.encode())
    return build(spec("edge_list", path="ties.csv", **keys), n, 1, folder)


@pytest.mark.parametrize(
    "text",
    [
        "0,1\n2,1\n9,3\n",
        "0,1\n2,1\n9,3",
        "from,to\n0,1\n2,1\n9,3\n",
        "\ufefffrom,to\n0,1\n2,1\n9,3\n",
        "\ufeff0,1\n2,1\n9,3\n",
        "0,1\r\n2,1\r\n\r\n9,3\r\n",
        " 0 , 1 \n2,1\n\n1,2\n1,2\n1,0\n3,9\n",
        '"a", "b"\n"0", "1"\n"2", "1"\n"9", "3"\n',
    ],
    ids=["plain", "no last newline", "header", "header, BOM", "BOM", "CRLF, blank line", "spaces, repeats", "quotes"],
)
def test_edge_list_is_read(tmp_path, text):
    found = ties(read(tmp_path, text, strong_share=0))
    assert found == dict.fromkeys([(0, 1), (1, 2), (3, 9)], pytest.approx(0.4))


@pytest.mark.parametrize("header", ["", "from,to,strength\n"])
def test_edge_list_may_give_strengths(tmp_path, header):
    """A tie given twice is as strong as its strongest line."""
    found = ties(read(tmp_path, header + "0,1,0.5\n2,1,1\n5,4,0.25\n4,5,0.75\n5,4,0.5\n"))
    assert found == {(0, 1): 0.5, (1, 2): 1.0, (4, 5): 0.75}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,1\n4,4\n", "line 2 = '4': a customer tied to itself; allowed: two different customers"),
        ("0,1\n\n2,10\n", "line 3 = '10': no such customer; allowed: whole numbers 0 to 9"),
        ("-1,1\n", "line 1 = '-1': no such customer; allowed: whole numbers 0 to 9"),
        ("a,b\n0,1\nx,2\n", "line 3 = 'x': not a customer number; allowed: whole numbers 0 to 9"),
        ("0,x\n", "line 1 = 'x': not a customer number; allowed: whole numbers 0 to 9"),
        ("0,1.5\n", "line 1 = '1.5': not a customer number; allowed: whole numbers 0 to 9"),
        ("0,1\n0,nan\n", "line 2 = 'nan': not a customer number; allowed: whole numbers 0 to 9"),
        ("0,inf\n", "line 1 = 'inf': not a customer number; allowed: whole numbers 0 to 9"),
        ("0 1\n", "line 1 = '0 1': not a customer number; allowed: whole numbers 0 to 9"),
        ("0,1\n2\n", "line 2 = '': not a customer number; allowed: whole numbers 0 to 9"),
        ("0,1,0.5\n1,2,0\n", "line 2 = '0': not a tie strength; allowed: numbers above 0 and up to 1, on every line"),
        ("0,1,1.5\n", "line 1 = '1.5': not a tie strength"),
        ("0,1,0.5\n1,2\n", "line 2 = '': not a tie strength"),
        ("0,1,high\n", "line 1 = 'high': not a tie strength"),
        ("0,1,1,7\n", "line 1 = '7': one column too many; allowed: two customer numbers and a tie strength"),
        (
            "0,1\n0,1,1,7,8\n",
            "cannot be read as an edge list: Error tokenizing data. C error: Expected 4 fields in line 2",
        ),
        ("", 'holds no ties; allowed: at least one line such as "0,1"; for no ties, topology = "empty"'),
        ("from,to\n", "holds no ties"),
    ],
)
def test_edge_list_is_refused_by_file_line_and_value(tmp_path, text, message):
    with pytest.raises(InputError) as refusal:
        read(tmp_path, text)
    assert str(refusal.value).startswith(f"{tmp_path / 'ties.csv'}: {message}")


def test_edge_list_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "ties.csv").write_bytes(b"\xff\xfe0,1\n")
    with pytest.raises(InputError, match=r"ties\.csv: cannot be read as an edge list"):
        build(spec("edge_list", path="ties.csv"), 10, 1, tmp_path)


def test_edge_list_that_is_missing_is_refused(tmp_path):
    wanted = spec("edge_list", path="nowhere.csv")
    with pytest.raises(InputError, match=r"nowhere\.csv: cannot be read as an edge list: No such file"):
        build(wanted, 10, 1, tmp_path)
    with pytest.raises(InputError, match=r"market\.toml: network\.path = 'nowhere\.csv': no such file"):
        wanted.check(10, file=tmp_path / "market.toml")
    (tmp_path / "nowhere.csv").write_text("0,1\n")
    wanted.check(10, file=tmp_path / "market.toml")


# --- settings


def test_settings_default_by_topology():
    assert NetworkSpec().topology == "small_world"
    assert (NetworkSpec().setting("mean_degree"), NetworkSpec().setting("rewire")) == (8, 0.1)
    assert spec("community", community_size=20).setting("community_size") == 20
    assert spec("small_world", rewire=0).setting("rewire") == 0
    assert NetworkSpec.model_validate(spec("ring").model_dump()) == spec("ring")


@pytest.mark.parametrize(
    ("keys", "place", "message"),
    [
        ({"topology": "smal_world"}, "topology", 'did you mean "small_world"? valid: community, complete'),
        ({"topology": ["ring"]}, "topology", "no such topology"),
        ({"topology": "ring", "mean_degree": 8}, "mean_degree", '"ring" does not take it; keys it takes: strong_share'),
        ({"topology": "random", "rewire": 0.1}, "rewire", "keys it takes: mean_degree, strong_share, weak_influence"),
        ({"community_size": 5}, "community_size", "keys it takes: mean_degree, rewire, strong_share"),
        ({"within_share": 0.5}, "within_share", "does not take it"),
        ({"topology": "karate_club", "path": "a.csv"}, "path", "does not take it"),
        ({"topology": "edge_list"}, "path", "needs the path of a CSV file"),
        ({"topology": "edge_list", "path": ""}, "path", "needs the path of a CSV file"),
        ({"mean_degree": 7}, "mean_degree", "even number"),
        ({"topology": "scale_free", "mean_degree": 2.5}, "mean_degree", "even number"),
        ({"topology": "random", "mean_degree": 0}, "mean_degree", "greater than 0"),
        ({"topology": "random", "mean_degree": math.inf}, "mean_degree", "finite"),
        ({"rewire": 1.1}, "rewire", "less than or equal to 1"),
        ({"topology": "community", "community_size": 1}, "community_size", "greater than or equal to 2"),
        ({"topology": "community", "within_share": -0.1}, "within_share", "greater than or equal to 0"),
        ({"strong_share": 1.01}, "strong_share", "less than or equal to 1"),
        ({"weak_influence": -0.01}, "weak_influence", "greater than or equal to 0"),
        ({"degree": 8}, "degree", "Extra inputs are not permitted"),
    ],
)
def test_settings_are_refused_at_their_key(keys, place, message):
    with pytest.raises(ValidationError) as refusal:
        NetworkSpec(**keys)
    (error,) = refusal.value.errors()
    assert error["loc"] == (place,)
    assert message in error["msg"]


@pytest.mark.parametrize(
    ("wanted", "n", "message"),
    [
        (
            spec("small_world", mean_degree=10),
            10,
            "network.mean_degree = 10.0: of 10 customers, nobody can be tied to more than 9; allowed: even numbers "
            "from 2 up to 8",
        ),
        (
            spec("scale_free", mean_degree=2),
            2,
            "network.mean_degree = 2.0: of 2 customers, nobody can be tied to more than 1; allowed: more customers, or "
            "another topology",
        ),
        (
            spec("random", mean_degree=9.5),
            10,
            "network.mean_degree = 9.5: of 10 customers, nobody can be tied to more than 9; allowed: numbers above 0 "
            "and up to 9",
        ),
        (
            spec("community"),
            8,
            "network.mean_degree = 8: of 8 customers, nobody can be tied to more than 7; allowed: numbers above 0 and "
            "up to 7",
        ),
        (
            spec("community", community_size=101),
            100,
            "network.community_size = 101: larger than all 100 customers together; allowed: whole numbers 2 to 100",
        ),
        (
            spec("community", community_size=5, mean_degree=8),
            100,
            "network.within_share = 0.8: 320 ties inside communities of 5 do not fit: there are 200 pairs of customers"
            "; allowed: at most 0.5 with this mean_degree and community_size",
        ),
        (
            spec("community", community_size=100),
            100,
            "network.within_share = 0.8: 80 ties between communities of 100 do not fit: there are 0 pairs of customers"
            "; allowed: at least 1 with this mean_degree and community_size",
        ),
        (
            spec("complete"),
            3001,
            "network.topology = 'complete': 3,001 customers would need 4,501,500 ties; allowed: at most "
            "3,000 customers",
        ),
        (
            spec("karate_club"),
            5000,
            "network.topology = 'karate_club': 5,000 customers are not whole copies of a network of 34 people; "
            "allowed: customers.count that is a multiple of 34, such as 4,998 or 5,032",
        ),
        (
            spec("davis_southern_women"),
            10,
            "network.topology = 'davis_southern_women': 10 customers are not whole copies of a network of 32 people; "
            "allowed: customers.count that is a multiple of 32, such as 32",
        ),
    ],
)
def test_networks_that_so_many_customers_cannot_form_are_refused(wanted, n, message):
    with pytest.raises(InputError) as refusal:
        wanted.check(n, file="market.toml")
    assert str(refusal.value) == f"market.toml: {message}"
    with pytest.raises(InputError):
        build(wanted, n, 1)


def test_json_schema_says_which_topologies_take_a_key():
    schema = NetworkSpec.model_json_schema()
    rules = {rule["if"]["required"][0]: rule["then"] for rule in schema["allOf"]}
    assert rules["rewire"] == {"properties": {"topology": {"enum": ["small_world"]}}, "required": []}
    assert rules["path"] == {"properties": {"topology": {"enum": ["edge_list"]}}, "required": ["topology"]}
    assert set(rules) == {"mean_degree", "rewire", "community_size", "within_share", "path"}
    assert all(entry["description"] for entry in schema["properties"].values())


# --- analysis and pictures


def test_network_survives_the_way_to_networkx_and_back():
    for topology in ("small_world", "les_miserables", "empty"):
        network = build(spec(topology), 77, 1)
        graph = to_networkx(network)
        assert graph.number_of_nodes() == 77
        assert {edge: graph.edges[edge]["weight"] for edge in edges(graph)} == ties(network)
        for one, other in zip(network, from_networkx(graph), strict=True):
            assert_array_equal(one, other)
            assert np.asarray(one).dtype == np.asarray(other).dtype
        for one, other in zip(network, pickle.loads(pickle.dumps(network)), strict=True):
            assert_array_equal(one, other)


def test_from_networkx_numbers_people_in_their_order():
    graph = nx.Graph()
    graph.add_nodes_from("zyxw")
    graph.add_edge("w", "z", weight=0.5)
    graph.add_edge("z", "y", weight=0.25)
    graph.add_edge("y", "x")
    assert ties(from_networkx(graph)) == {(0, 3): 0.5, (0, 1): 0.25, (1, 2): 1.0}


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (nx.DiGraph([(0, 1)]), "undirected graph without parallel edges"),
        (nx.MultiGraph([(0, 1), (0, 1)]), "undirected graph without parallel edges"),
        (nx.Graph([(0, 1), (1, 1)]), "node 1: a customer tied to itself"),
        (nx.Graph([(0, 1, {"weight": 1.5})]), "weight of 0-1 = 1.5: not an influence; allowed: 0 to 1"),
        (nx.Graph([(0, 1, {"weight": -0.5})]), "not an influence"),
        (nx.Graph([(0, 1, {"weight": math.nan})]), "not an influence"),
    ],
)
def test_graphs_that_are_no_such_network_are_refused(graph, message):
    with pytest.raises(InputError, match=message):
        from_networkx(graph)


@pytest.mark.parametrize(
    "wanted",
    [spec("random", mean_degree=1.5), *(spec(name) for name in topologies.TAKES if name != "edge_list")],
    ids=lambda wanted: wanted.topology,
)
def test_description_agrees_with_networkx(wanted):
    n = topologies.RECORDED[wanted.topology] * 2 if wanted.topology in topologies.RECORDED else 120
    network = build(wanted, n, 1)
    graph = to_networkx(network)
    degree = [d for _, d in graph.degree]
    assert describe(network) == pytest.approx(
        {
            "customers": n,
            "ties": graph.number_of_edges(),
            "mean_degree": np.mean(degree),
            "max_degree": max(degree),
            "isolated_share": nx.number_of_isolates(graph) / n,
            "largest_component_share": max(map(len, nx.connected_components(graph))) / n,
            "clustering": nx.average_clustering(graph),
            "clustering_sample": 0,
        }
    )


@pytest.mark.statistical
@pytest.mark.parametrize("topology", ["small_world", "scale_free", "karate_club"])
def test_sampled_clustering_agrees_with_the_exact_value(topology, monkeypatch):
    """Closed among 100,000 draws is binomial: fails by chance 1e-6, misses an error of 0.017 below 1e-6."""
    network = build(spec(topology), 1700, 1)
    exact = describe(network)["clustering"]
    monkeypatch.setattr(network_module, "_MAX_PATHS_COUNTED", 0)
    sampled = describe(network)
    assert sampled["clustering_sample"] == 100_000
    assert_binomial(round(sampled["clustering"] * 100_000), 100_000, exact)


@pytest.mark.parametrize("topology", ["small_world", "scale_free", "lattice", "karate_club", "empty"])
def test_sample_hangs_together(topology):
    network = build(spec(topology), 3400, 1)
    found = sample(network, 150, 1)
    assert found.shape == (150,)
    assert np.all(np.diff(found) > 0)
    assert 0 <= found[0] <= found[-1] < 3400
    assert_array_equal(found, sample(network, 150, 1))
    assert not np.array_equal(found, sample(network, 150, 2))
    part = to_networkx(network).subgraph(found)
    least_parts = {"karate_club": 5, "empty": 150}.get(topology, 1)
    assert nx.number_connected_components(part) == least_parts
    if topology == "empty":  # each drawn anew, not the next in line
        assert np.median(np.diff(found)) > 5
    assert {tuple(tie) for tie in ties_among(network, found).tolist()} == edges(part)


def test_sample_is_everyone_if_there_are_no_more():
    network = build(spec("karate_club"), 68, 1)
    for n in (68, 400):
        assert_array_equal(sample(network, n, 1), np.arange(68))
    assert len(ties_among(network, np.arange(68)[::-1])) == network.neighbours.size // 2


def test_a_hub_does_not_fill_the_sample():
    """Two hubs of a thousand friends each, joined: a sample of 30 must not stop at the first hub's friends."""
    graph = nx.star_graph(1000)
    graph = nx.disjoint_union(graph, nx.star_graph(1000))
    graph.add_edge(1, 1001)
    network = from_networkx(nx.disjoint_union(graph, nx.path_graph(20)))
    drawn = [sample(network, 30, seed) for seed in range(20)]
    assert all(np.isin(found, [0, 1001]).any() for found in drawn)
    friends = network.neighbours[network.first[0] : network.first[1]]
    named = [np.isin(friends, found).nonzero()[0] for found in drawn if 0 in found]
    assert len(np.unique(np.concatenate(named))) > 50
    assert max(np.diff(places).max() for places in named) <= 2 * math.ceil(1000 / 12)
