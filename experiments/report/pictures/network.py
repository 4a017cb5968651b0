"""The word-of-mouth network: what people think of the firm, and who left it."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.report.evidence import Evidence
from experiments.report.pictures.canvas import LIGHT, TEXT, WIDTH, Picture, fitted, to_svg
from experiments.report.words import MINUS, count, listed, number, percent, without_zeros

# From worst to best; an opinion is strong beyond some distance from zero, and neutral within a quarter of that.
OPINIONS = (("bad2", "very bad"), ("bad1", "bad"), ("middling", "neutral"), ("good1", "good"), ("good2", "very good"))
NEUTRAL_FRAC = 0.25
STATUSES = (("other", "s", 3.6, "others"), ("customer", "o", 5.2, "customer"), ("lost", "X", 6.0, "lost customer"))
SEED = 1
MOST_TIES = 3000


def network(evidence: Evidence) -> Picture:
    """Draw the sampled people of the baseline and of the best arm: colour and ring for opinion, shape for status."""
    key, title = "network", "Opinion and churn on the network"
    wanted = {evidence.baseline, *(evidence.contrast or evidence.arms[:1])}
    nodes, ties = evidence.tables["nodes"], evidence.tables["ties"]
    people = {arm: nodes[nodes["arm"] == arm].set_index("node") for arm in evidence.arms if arm in wanted}
    people = {arm: table for arm, table in people.items() if len(table)}
    if not people:
        return Picture(key, title, "No people were sampled from the network.")
    graphs = {arm: _graph(people[arm], ties[ties["arm"] == arm]) for arm in people}
    places: dict[str, dict[object, np.ndarray]] = {}
    for arm, graph in graphs.items():
        twin = next((other for other in places if nx.utils.graphs_equal(graph, graphs[other])), None)
        places[arm] = places[twin] if twin else _layout(graph)
    strong = _strong(people.values())
    words = [line for arm in people for line in _told(evidence.label[arm], people[arm], graphs[arm], strong)]
    shown = count(max(len(table) for table in people.values()), "person", "people")
    far, near = (without_zeros(number(value)) for value in (strong, NEUTRAL_FRAC * strong))
    caption = (
        f"{shown} at the end of the first seed's run, joined where they talk to each other. Colour is their opinion of "
        f"the firm (outlined if bad), shape what they are to it. Opinions run from {MINUS}1 to 1; here very good or "
        f"bad is beyond {far} from zero, neutral within {near}. One run, so a picture and not evidence."
    )
    return Picture(key, title, caption, words, _draw(evidence, people, graphs, places, strong, key))


def _graph(people: pd.DataFrame, ties: pd.DataFrame) -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(people.index)
    graph.add_edges_from(
        (a, b) for a, b in zip(ties["a"], ties["b"], strict=True) if a in graph and b in graph and a != b
    )
    return graph


def _layout(graph: nx.Graph) -> dict[object, np.ndarray]:
    """Place connected people by springs, and those who talk to nobody in rows below, all within the unit square."""
    alone = list(nx.isolates(graph))
    joined = graph.subgraph(node for node in graph if graph.degree(node))
    places: dict[object, np.ndarray] = {}
    n_columns = 40
    floor = 0.045 * -(-len(alone) // n_columns)
    if len(joined):
        found = nx.spring_layout(joined, seed=SEED, iterations=60, k=1.6 / np.sqrt(len(joined)))
        at = np.array([found[node] for node in joined])
        ranks = at.argsort(axis=0).argsort(axis=0) / max(len(at) - 1, 1)
        spread = (at - at.min(axis=0)) / np.maximum(np.ptp(at, axis=0), 1e-9)
        at = 0.5 * ranks + 0.5 * spread  # half by rank, so that a stray pair does not squeeze the rest together
        at[:, 1] = floor + at[:, 1] * max(1 - floor, 0.2)
        places.update(zip(joined, at, strict=True))
    for place, node in enumerate(alone):
        row, column = divmod(place, n_columns)
        places[node] = np.array([(column + 0.5) / n_columns, floor - 0.03 - 0.045 * row])
    return places


def _told(name: str, people: pd.DataFrame, graph: nx.Graph, strong: float) -> list[str]:
    status = [f"{number((people['status'] == kind).sum())} {meaning}" for kind, _, _, meaning in STATUSES[::-1]]
    bins = _opinion_bins(people, strong)
    views = [f"{percent(float((bins == place).mean()))} {meaning}" for place, (_, meaning) in enumerate(OPINIONS)]
    lines = [f"{name}: {listed(status)}; opinion of the firm: {listed(views)}."]
    opinion = people["opinion"].astype(float).to_dict()
    ends = np.array([(opinion[a], opinion[b]) for a, b in graph.edges], dtype=float)
    both = np.concatenate([ends, ends[:, ::-1]]) if len(ends) else np.zeros((0, 2))
    both = both[np.isfinite(both).all(axis=1)]
    if len(both) > 4 and np.ptp(both[:, 0]) > 0:
        lines.append(
            f"{name}: the opinions of people who talk to each other correlate by {number(np.corrcoef(both.T)[0, 1])}."
        )
    return lines


def _strong(tables: Iterable[pd.DataFrame]) -> float:
    """Return how far from zero an opinion is strong: one in ten is, since most people think little of most firms."""
    opinions = np.concatenate([table["opinion"].astype(float).fillna(0.0).to_numpy() for table in tables])
    return max(float(np.quantile(np.abs(opinions), 0.9)), 0.01)


def _opinion_bins(people: pd.DataFrame, strong: float) -> np.ndarray:
    edges = [-strong, -NEUTRAL_FRAC * strong, NEUTRAL_FRAC * strong, strong]
    return np.searchsorted(edges, people["opinion"].astype(float).fillna(0.0).to_numpy())


def _draw(
    evidence: Evidence,
    people: dict[str, pd.DataFrame],
    graphs: dict[str, nx.Graph],
    places: dict[str, dict[object, np.ndarray]],
    strong: float,
    key: str,
) -> str:
    side, title, legend = 300.0, 18.0, 62.0
    depth = (side + title) * len(people) + legend
    figure = Figure(figsize=(WIDTH / 72, depth / 72))
    for rank, arm in enumerate(people):
        axes = figure.add_axes((0.01, (legend + (side + title) * (len(people) - 1 - rank)) / depth, 0.98, side / depth))
        axes.set_axis_off()
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.03, 1.03)
        name = fitted(evidence.label[arm], WIDTH - 10)
        axes.set_title(name, loc="left", fontsize=TEXT, fontweight="bold", pad=3)
        _draw_people(axes, people[arm], graphs[arm], places[arm], strong)
    marks = [
        Line2D([], [], linestyle="", marker=marker, markersize=size + 1, color=LIGHT["muted"], label=meaning)
        for _, marker, size, meaning in STATUSES[::-1]
    ]
    figure.legend(
        handles=marks,
        loc="lower center",
        bbox_to_anchor=(0.5, 34 / depth),
        ncols=3,
        frameon=False,
        fontsize=TEXT - 1,
        handletextpad=0.1,
        columnspacing=1.0,
    )
    views = [
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            markersize=7,
            color=LIGHT[color],
            label=meaning,
            markeredgecolor=_ring(color),
            markeredgewidth=0.8,
        )
        for color, meaning in OPINIONS
    ]
    figure.legend(
        handles=views,
        loc="lower center",
        bbox_to_anchor=(0.5, 14 / depth),
        ncols=5,
        frameon=False,
        fontsize=TEXT - 1,
        handletextpad=0.0,
        columnspacing=0.7,
    )
    figure.text(0.5, 4 / depth, "opinion of the firm", ha="center", fontsize=TEXT - 1, color=LIGHT["muted"])
    return to_svg(figure, key)


def _ring(color: str) -> str:
    return LIGHT["ink" if color.startswith("bad") else "muted" if color == "middling" else color]


def _draw_people(
    axes: Axes, people: pd.DataFrame, graph: nx.Graph, places: dict[object, np.ndarray], strong: float
) -> None:
    edges = list(graph.edges)
    edges = edges[:: -(-len(edges) // MOST_TIES)] if edges else []
    if edges:
        lines = np.full((len(edges), 3, 2), np.nan)
        lines[:, 0] = [places[a] for a, _ in edges]
        lines[:, 1] = [places[b] for _, b in edges]
        axes.plot(*lines.reshape(-1, 2).T, color=LIGHT["muted"], linewidth=0.4, alpha=0.35)
    bins = _opinion_bins(people, strong)
    at = np.array([places[node] for node in people.index])
    for status, marker, size, _ in STATUSES:
        for place, (color, _) in enumerate(OPINIONS):
            mine = ((people["status"] == status) & (bins == place)).to_numpy()
            if mine.any():
                axes.plot(
                    *at[mine].T,
                    linestyle="",
                    marker=marker,
                    markersize=size,
                    color=LIGHT[color],
                    markeredgecolor=_ring(color),
                    markeredgewidth=0.6,
                )
