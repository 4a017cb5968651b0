"""The benchmark measures what it says: engines agree, clocks change nothing, targets are judged by the figures."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import figures, many_runs, measure, mechanisms, phases, plots, probe, report
from benchmarks.engines import ENGINES, Engine, bytes_of_arrays, scenario_of
from sim import Market

N_CUSTOMERS, N_WARM, N_PERIODS = 200, 1, 40


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    return probe.speed("ours", N_CUSTOMERS, N_WARM, N_PERIODS)


def in_its_environment(engine: Engine, call: str) -> Any:
    """Return what a call of the probe returns in the environment of an engine, or skip if there is none."""
    if not engine.is_available:
        pytest.skip(f"{engine.title} has no environment here (make bench makes it)")
    code = f"import json; from pathlib import Path; from benchmarks import probe; print(json.dumps({call}))"
    return json.loads(measure.run([engine.python, "-c", code]).splitlines()[-1])


def test_a_run_is_measured_whole(ours: dict[str, Any]) -> None:
    assert len(ours["seconds"]) == N_PERIODS
    assert min(ours["seconds"]) > 0.0
    assert len(ours["purchases"]) == 4
    assert ours["array_bytes"] > 200 * N_CUSTOMERS  # relations alone take more than that
    assert ours["peak_bytes"] >= ours["held_bytes"] > ours["array_bytes"]


def test_mesa_simulates_the_same_market(ours: dict[str, Any]) -> None:
    assert probe.speed("mesa", N_CUSTOMERS, N_WARM, N_PERIODS)["purchases"] == ours["purchases"]
    assert sum(ours["purchases"]) > 0


def test_agentpy_simulates_the_same_market(ours: dict[str, Any]) -> None:
    theirs = in_its_environment(ENGINES["agentpy"], f"probe.speed('agentpy', {N_CUSTOMERS}, {N_WARM}, {N_PERIODS})")
    assert theirs["purchases"] == ours["purchases"]


def test_mesa_frames_meets_the_needs_of_the_same_people(tmp_path: Path) -> None:
    """Fails by chance 1e-6: 5e-7 that needs are 4.9 standard deviations more than they should be, and less for shares.

    The needs of given people are independent, and nearly all of them end in a purchase: over 30 periods 2,000 people
    have some 12,000, with a standard deviation below 1%. Below, a fifth may find nothing worth buying. A share may
    differ by five of its standard errors, which people who keep their tastes make 0.5 percentage points, and omissions.
    """
    n, n_periods = 2_000, 30
    given = tmp_path / "market.npz"
    probe.hand_over_to(n, given)
    call = f"probe.speed('frames', {n}, 0, {n_periods}, Path({str(given)!r}))"
    theirs = in_its_environment(ENGINES["frames"], call)
    with np.load(given) as arrays:
        p_need = -np.expm1(-arrays["rate"].astype(float))
    expected = n_periods * p_need.sum()
    spread = math.sqrt(n_periods * (p_need * (1.0 - p_need)).sum())
    low, high = 0.8 * expected, expected + 4.9 * spread
    assert low < sum(theirs["purchases"]) < high
    mine = probe.speed("ours", n, 0, n_periods)
    runs = [
        {"engine": name, "customers": n, "purchases": run["purchases"]}
        for name, run in (("ours", mine), ("frames", theirs))
    ]
    measure.check_agreement(runs)


def test_disagreement_stops_the_benchmark() -> None:
    agreed = {"engine": "ours", "customers": 10_000, "purchases": [500.0, 300.0, 200.0]}
    same = {"engine": "frames", "customers": 10_000, "purchases": [505.0, 300.0, 195.0]}
    measure.check_agreement([agreed, same])
    with pytest.raises(measure.DisagreementError, match="frames at 10,000 customers"):
        measure.check_agreement([agreed, same | {"purchases": [540.0, 300.0, 160.0]}])
    with pytest.raises(measure.DisagreementError, match=r"\[450\.0, 270\.0, 180\.0\]"):
        measure.check_agreement([agreed, same | {"purchases": [450.0, 270.0, 180.0]}])
    with pytest.raises(measure.DisagreementError, match="mesa"):
        measure.check_agreement([agreed, agreed | {"engine": "mesa", "purchases": [500.0, 300.0, 201.0]}])


def test_another_engine_stops_where_it_would_take_too_long() -> None:
    runs = [{"engine": name, "customers": 10_000, "took": 20.0} for name in ("mesa", "ours")]
    assert measure._expected_seconds(ENGINES["mesa"], 30_000, runs) == pytest.approx(60.0)
    assert measure._expected_seconds(ENGINES["mesa"], 10_000, runs) == 0.0  # nothing smaller to judge by
    assert measure._expected_seconds(ENGINES["ours"], 10_000_000, runs) == 0.0


def test_a_class_runs_to_the_end() -> None:
    parts = probe.classroom(N_CUSTOMERS)
    assert parts["total"] == pytest.approx(parts["build"] + parts["run"] + parts["summary"])


def test_arrays_are_counted_once() -> None:
    whole = np.zeros(100)
    assert bytes_of_arrays({"a": whole, "view": whole[10:], "tuple": (np.zeros(3, np.int8), (whole,)), "n": 5}) == 803


def test_clocks_change_nothing_and_leave_nothing_out() -> None:
    """The phases are named as in the market, so a renamed step fails here and not in the benchmark."""
    plain, clocked = (Market(scenario_of(N_CUSTOMERS), seed=1, collect=False) for _ in range(2))
    for _ in range(14):
        plain.step()
        clocked.step()
    original = Market._open_period
    with phases.clocks() as spent:
        clocked.step()
    plain.step()
    assert min(spent.values()) > 0.0
    assert clocked.digest() == plain.digest()
    assert Market._open_period is original


def test_breakdown_adds_up() -> None:
    found = phases.breakdown(N_CUSTOMERS, 2, 3)
    spent = dict(found["seconds"])
    total = spent.pop("total")
    assert math.fsum(spent.values()) == pytest.approx(total)
    assert spent["rest"] > 0.0
    assert 0.1 < found["needs"] < 0.3  # a mean rate of 0.25, unequal


# ---- the page -----------------------------------------------------------------------------------------------------


def made_up() -> dict[str, Any]:
    """Return data in which a customer costs 10 ns on two threads, 19 on one, and 3,800 in Mesa; 300 bytes each."""
    runs = []
    ours = {1: 19e-9, 2: 10e-9}
    plan = [("ours", threads, n, ours[threads]) for threads in ours for n in (1_000, 10_000, 1_000_000)]
    plan += [("mesa", 1, n, 3_800e-9) for n in (1_000, 10_000)]
    for engine, threads, n, per_customer in plan:
        for round_, slower in enumerate((1.0, 1.0, 1.5)):  # of a disturbed third round ratios do not take notice
            runs.append(
                {
                    "engine": engine, "threads": threads, "customers": n, "round": round_, "took": 1.0, "build": 0.5,
                    "seconds": [per_customer * n * slower] * 4, "cpu": 4 * per_customer * n * slower,
                    "purchases": [1.0, 2.0], "peak_bytes": 10**8 + 350 * n, "held_bytes": 10**8 + 320 * n,
                    "array_bytes": 300 * n if engine == "ours" else 0,
                }
            )  # fmt: skip
    spent = {name: 0.1 for name, _, _ in phases.PHASES} | {"rest": 0.0, "total": 1.0}
    busy = {"customers": 10_000, "seconds": spent, "idle_seconds": 0.05, "needs": 0.2}
    return {
        "machine": {
            "when": "today", "processor": "Abacus", "cores": 2, "cache": "512 KB", "memory_bytes": 2**34,
            "system": "Linux", "python": "3.11", "load_before": 0.0, "versions": {"loyalty": "1", "mesa": "3.3.1"},
        },
        "is_quick": False, "ratio_at": 10_000, "took_seconds": 60.0, "runs": runs,
        "starts": {"python": [0.01], "import": [0.9, 1.1, 0.95], "help": [0.8], "later": [1.5], "compile": [25.0]},
        "classroom": [{"build": 0.01, "run": 0.1, "summary": 0.02, "total": 0.13}],
        "many": {
            "customers": 2_000, "runs": [20, 120],
            "rounds": [{"bare": [2.0, 7.0], "study": [3.0, 8.25], "batch_run": [1.0, 7.0]}],
        },
        "mechanisms": [
            {"name": name, "customers": n, "times": 1.25, "with": [n * 12e-9] * 4, "without": [n * 10e-9] * 4}
            for name in mechanisms.names()
            for n in (50_000, 1_000_000)
        ],
        "aggregation": [{"open": 0.2, "means": 0.3, "table": 0.5}],
        "phases": [{"threads": threads, **busy} for threads in (1, 2)],
    }  # fmt: skip


def test_what_a_run_costs_is_the_difference_between_many_and_few() -> None:
    found = {way: (figures.seconds_a_run(made_up(), way), figures.overhead(made_up(), way)) for way in many_runs.WAYS}
    worked = {"bare": (0.05, 0.0), "study": (0.0525, 0.05), "batch_run": (0.06, 0.2)}  # (7 - 2) / 100, (8.25 - 3) / 100
    for way, numbers in worked.items():
        assert [figure.median for figure in found[way] if figure] == pytest.approx(numbers)


def test_all_ways_of_making_many_runs_make_the_same_ones() -> None:
    bare, *others = (
        measure.probe("many", ENGINES["ours"], 100, extra=("--way", way, "--runs", 3)) for way in many_runs.WAYS
    )
    assert len(set(bare["customers"])) == 3
    assert all(each["customers"] == bare["customers"] for each in others)


def test_targets_are_judged_by_the_figures() -> None:
    found = {target.what: target for target in figures.targets(made_up())}
    assert {target.verdict for target in found.values()} == {"yes", "**no**"}
    assert [what for what, target in found.items() if target.verdict != "yes"] == ["`loyalty --help`"]
    second = found["second core, 1,000,000 customers"].measured
    assert second is not None
    assert (second.low, second.high) == pytest.approx((1.9, 1.9))  # taken round by round
    ratio = next(target for what, target in found.items() if "plain Mesa" in what).measured
    assert ratio is not None
    assert ratio.median == pytest.approx(200.0)
    peak = next(target for what, target in found.items() if what.startswith("peak")).measured
    assert peak is not None
    assert peak.median == pytest.approx(350.0)


def test_mechanisms_are_told_by_what_a_period_takes() -> None:
    n, everything = figures.with_everything(made_up())
    assert n == 1_000_000
    assert everything is not None
    assert everything.median == pytest.approx(1 / 12e-9)
    assert "| payment later | 1.25 |" in report.write(made_up())


def test_every_mechanism_can_be_had_by_all_firms_at_once() -> None:
    for name in mechanisms.names():
        is_same = scenario_of(100).with_overrides(mechanisms.settings_of(name)) == scenario_of(100)
        assert is_same == (name == mechanisms.NOTHING), name
    measured = mechanisms.cost(mechanisms.EVERYTHING, 100, warm=1, measured=2)
    assert len(measured["with"]) == len(measured["without"]) == 2
    assert measured["times"] > 0.0


def test_growth_is_the_power_of_the_size() -> None:
    data = made_up()
    growth = figures.growth_of_time(data)
    assert growth is not None
    assert growth.median == pytest.approx(1.0)
    for run in data["runs"]:
        run["seconds"] = [1e-9 * run["customers"] ** 1.5]
    growth = figures.growth_of_time(data)
    assert growth is not None
    assert growth.median == pytest.approx(1.5)


def test_what_was_not_measured_is_said() -> None:
    data = made_up()
    data["runs"] = [run for run in data["runs"] if run["customers"] < 1_000_000]
    assert "not measured" in {target.verdict for target in figures.targets(data)}
    page = report.write(data)
    assert "Not measured, their environments not being there: AgentPy, mesa-frames." in page


def test_page_is_written_from_the_data() -> None:
    data = made_up()
    page = report.write(data)
    assert "| loyalty 1 | all | 1 | 52.6 M/s (35.1 M/s to 52.6 M/s) | 200x (200x to 200x) | 19.0 ns (19.0 ns to" in page
    assert "each costs 25000 ns" in page  # (0.1 - 0.05) s for 10,000 x 0.2 needs
    assert "not quiet" not in page
    disturbed = copy.deepcopy(data)
    disturbed["runs"][3]["cpu"] *= 0.4
    assert "got 40% of a core" in report.write(disturbed)
    assert page == report.write(json.loads(json.dumps(data)))


def test_plots_are_drawn(tmp_path: Path) -> None:
    plots.draw(made_up(), tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(first) == {"performance-time.svg", "performance-memory.svg"}
    plots.draw(made_up(), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
