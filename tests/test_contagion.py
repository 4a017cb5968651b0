"""How opinion and churn cluster: by hand, against every way of shuffling, and in a market where nobody talks."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from sim.crm.contagion import co_leaving, opinion_clustering
from tests.markets import market

A, B = np.array([0, 1, 2, 3]), np.array([1, 2, 3, 4])  # five people in a row


def test_shuffling_leaves_no_clustering_of_opinion_on_average() -> None:
    opinions = np.array([0.5, -0.25, 0.75, 0.0, -0.5])
    shuffled = [opinion_clustering(np.array(p), A, B) for p in permutations(opinions)]
    assert np.mean(shuffled) == pytest.approx(0.0, abs=1e-12)
    assert opinion_clustering(np.sort(opinions), A, B) > 0.5


def test_ties_by_chance_are_the_mean_over_every_way_of_shuffling_within_types() -> None:
    kind, left = np.array([0, 0, 1, 1, 1]), np.array([True, False, True, True, False])
    counted, expected = co_leaving(left, kind, A, B)
    assert counted == 1  # the tie from the third to the fourth
    every = [
        int((gone[A] & gone[B]).sum())
        for p in permutations(range(2))
        for q in permutations(range(2, 5))
        for gone in [left[[*p, *q]]]
    ]
    assert expected == pytest.approx(np.mean(every), rel=1e-12)


def test_opinions_cluster_where_people_talk_and_not_where_they_do_not() -> None:
    """Nobody talks: opinions stay 0, and who leaves is no likelier to have friends who leave.

    The ratio's standard error over 5 seeds is measured; false alarm below 1 in 1,000 by Student's t (8.6 at 4 degrees).
    """
    changes = {"customers.count": 1500, "periods": 60, "horizon": 30, "customers.activity_window": 13}
    silent = {"customers.behaviour.praise_rate": 0.0, "customers.behaviour.grievance_rate": 0.0}
    ratios = []
    for seed in range(5):
        table = market(2, {**changes, **silent}, seed=seed).run().contagion
        assert table["opinion_clustering"].isna().all()
        ratios.append(table["ties_left"].sum() / table["ties_expected"].sum())
    error = np.std(ratios, ddof=1) / np.sqrt(len(ratios))
    assert abs(np.mean(ratios) - 1.0) < 8.6 * error
    assert error < 0.05
    assert (market(2, changes).run().contagion["opinion_clustering"] > 0.1).all()


def test_retention_of_hubs_and_others_adds_up_to_that_of_all() -> None:
    results = market(2, {"customers.activity_window": 13}).run()
    everybody = results.retention_by[results.retention_by["group"] == "all"].set_index("firm")["retention"]
    for firm, hubs, others in results.contagion[["firm", "retention_hubs", "retention_others"]].itertuples(index=False):
        assert min(hubs, others) <= everybody[firm] <= max(hubs, others)
