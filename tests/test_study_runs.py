"""Runs of a study: none lost and none made twice, whoever is killed, however many workers there are, and where."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.compare import Interrupted
from experiments.runner import Progress
from experiments.study import execute as making
from experiments.study import runs as one_run
from experiments.study.execute import execute
from experiments.study.runs import Run, fingerprint
from experiments.study.store import Store
from sim.errors import InputError
from sim.scenario import load_scenario

ROOT = Path(__file__).parent.parent
N_KILLS = int(os.environ.get("LOYALTY_KILLS", "2"))
KILL_SEED = 20_231_005

# The study's own processes, with a moment's sleep in place of the market. Workers read this file too.
SCRIPT = """
import sys, time
from experiments.study import runs as each
from experiments.study.runs import Outcome, Run

def sleep_instead(run):
    time.sleep(0.02)
    firms = {"Aurora": {"profit": run.seed / 7}, "Boreas": {"profit": run.seed ** 0.5}}
    return Outcome(run.id, run.scenario.name, run.seed, "1", str(run.seed), firms, 0.02)

each.attempt = sleep_instead

if __name__ == "__main__":
    from experiments.study import execute as making
    from experiments.study.store import Store
    from sim.scenario import load_scenario

    making.warm_up = lambda *_: None
    _, path, study, first, last = sys.argv
    scenario = load_scenario("baseline", {"customers.count": 100})
    runs = [Run(scenario, seed, {"half": seed / 2}, "x") for seed in range(int(first), int(last))]
    making.execute(runs, Store(path), study=study, workers=2)
"""


@pytest.fixture(scope="module")
def scenario():
    return load_scenario("baseline", {"customers.count": 100, "periods": 26, "warm_up": 0, "horizon": 13})


def runs_of(scenario, seeds):
    content = fingerprint(scenario)
    return [Run(scenario, seed, {"k": seed}, content) for seed in seeds]


def start(folder, store, study, first, last):
    script = folder / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(store), study, str(first), str(last)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def until(is_so, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


def n_files(store):
    return len(list((store / "runs").glob("[!.]*.parquet")))


def children_of(pid):
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def is_alive(pid):
    state = Path(f"/proc/{pid}/stat")
    try:
        return state.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_runs_are_made_once_and_the_workers_do_not_matter(scenario, tmp_path):
    one, two = Store(tmp_path / "one"), Store(tmp_path / "two")
    runs = runs_of(scenario, [3, 1, 2, 3])
    assert execute(runs, one, study="s", workers=1) == making.Tally(3, 1, (), 0)
    assert execute(runs, one, study="s", workers=1) == making.Tally(0, 4, (), 0)
    assert execute(runs, two, study="s", workers=2) == making.Tally(3, 1, (), 0)
    assert list(one.runs("s")["seed"].iloc[::4]) == [3, 1, 2, 3]
    pd.testing.assert_frame_equal(one.runs("s"), two.runs("s"), check_exact=True)


def test_a_failing_run_is_recorded_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    code = (
        "class Odd:\n    def decide(self, view):\n        assert view.period < 13, 'too late'\n        return view.base"
    )
    (tmp_path / "odd_strategy.py").write_text(code)
    changes = {"customers.count": 100, "periods": 26, "warm_up": 0, "horizon": 13}
    bad = load_scenario("baseline", {**changes, "firms.Aurora.strategy": {"name": "odd_strategy:Odd"}})
    good = load_scenario("baseline", changes)
    store = Store(tmp_path / "store")
    runs = [Run(each, seed, {"k": k}) for seed in (1, 2) for k, each in enumerate((bad, good))]
    tally = execute(runs, store, study="s", workers=1, progress=Progress(0))
    assert (tally.made, tally.n_failed) == (2, 2)
    assert list(store.runs("s")["k"].unique()) == [1.0]
    failed = store.failed("s")
    assert all("too late" in message and "\n" not in message for message in failed["message"])
    assert all("loyalty run baseline" in each and "odd_strategy:Odd" in each for each in failed["command"])
    assert store.status("s").to_json()["failed"] == 2
    assert "to see it again: loyalty run" in capsys.readouterr().err


def test_a_run_whose_worker_dies_fails_alone(scenario, tmp_path, monkeypatch):
    """The job that holds it is broken up, so that its neighbours are kept."""

    class Dying:
        def stream(self, function, jobs):
            for number, (runs,) in jobs:
                is_deadly = any(run.seed == 3 for run in runs)
                yield number, making.Failure("its worker process died") if is_deadly else function(runs)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

    monkeypatch.setattr(making, "Workers", lambda count: Dying())
    monkeypatch.setattr(making.Runner, "runs_a_job", 3)
    store = Store(tmp_path / "store")
    tally = execute(runs_of(scenario, range(1, 7)), store, study="s")
    assert (tally.made, [each.seed for each in tally.failed]) == (5, [3])


def test_kills_at_random_moments_change_nothing(tmp_path):
    """The client, or a worker and then the client, is killed at random moments; then the study is done to its end."""
    rng = np.random.default_rng(KILL_SEED)
    path, n_runs = tmp_path / "store", 60 * N_KILLS
    n_before = 0
    for kill in range(N_KILLS):
        before = n_files(path)
        client = start(tmp_path, path, "s", 0, n_runs)
        until(lambda: n_files(path) != before or client.poll() is not None)  # noqa: B023
        time.sleep(rng.uniform(0.0, 0.4))
        workers = children_of(client.pid)
        if kill % 2 and workers:
            os.kill(workers[rng.integers(len(workers))], signal.SIGKILL)
            time.sleep(rng.uniform(0.0, 0.3))
        client.kill()
        client.communicate()
        until(lambda: not any(map(is_alive, workers)))  # noqa: B023
        n_now = len(Store(path))
        assert n_now >= n_before  # what was finished is there
        assert n_now > n_before or n_now == n_runs
        n_before = n_now
    for store in (path, tmp_path / "undisturbed"):
        client = start(tmp_path, store, "s", 0, n_runs)
        _, said = client.communicate(timeout=600)
        assert client.returncode == 0, said
    killed, undisturbed = Store(path).runs("s"), Store(tmp_path / "undisturbed").runs("s")
    assert len(killed) == 2 * n_runs
    pd.testing.assert_frame_equal(killed, undisturbed, check_exact=True)


def test_two_studies_share_a_store_at_once(tmp_path):
    both = [start(tmp_path, tmp_path / "store", *asked) for asked in (("one", 0, 80), ("two", 40, 120))]
    for each in both:
        _, said = each.communicate(timeout=300)
        assert each.returncode == 0, said
    store = Store(tmp_path / "store")
    assert [store.status(name).done for name in ("one", "two")] == [80, 80]
    assert len(store) == 120
    assert list(store.runs("two")["profit"][::2]) == [seed / 7 for seed in range(40, 120)]


def test_a_stop_in_the_middle_keeps_what_is_done(scenario, tmp_path, monkeypatch):
    def stopped(run, real=one_run.attempt):
        if run.seed == 3:
            raise KeyboardInterrupt
        return real(run)

    monkeypatch.setattr(one_run, "attempt", stopped)
    monkeypatch.setattr(making, "SECONDS_UNWRITTEN", 1e9)
    monkeypatch.setattr(making.Runner, "runs_a_job", 1)
    with pytest.raises(Interrupted, match="2 runs were finished and are kept"):
        execute(runs_of(scenario, [1, 2, 3]), Store(tmp_path / "store"), workers=1)
    assert len(Store(tmp_path / "store")) == 2


@pytest.fixture(scope="module")
def cluster():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "1"}
    quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    local = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
    port = address.rpartition(":")[2]
    python = [sys.executable, "-m", "distributed.cli.dask_scheduler", *local, "--port", port]
    processes = [subprocess.Popen(python, **quiet)]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, *local, "--nthreads", "1", "--no-nanny"]
    processes += [subprocess.Popen(worker, **quiet) for _ in range(2)]
    yield address, processes
    for process in processes[::-1]:
        process.kill()
        process.wait()


def test_a_cluster_gives_the_same_even_if_a_worker_is_killed(scenario, tmp_path, cluster):
    address, processes = cluster
    code = (
        "import sys; from distributed import Client\n"
        "with Client(sys.argv[1], timeout=40) as client: client.wait_for_workers(2, timeout=40)"
    )
    subprocess.run([sys.executable, "-c", code, address], check=True, capture_output=True)
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    runs = runs_of(scenario, range(40))
    execute(runs, here, study="s", workers=1)

    def killing(runs):
        for n, run in enumerate(runs):
            if n == 20:
                processes[-1].kill()
            yield run

    assert execute(killing(runs), there, study="s", cluster=address).made == 40
    pd.testing.assert_frame_equal(here.runs("s"), there.runs("s"), check_exact=True)


def test_no_scheduler_is_bad_input(scenario, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.study.cluster.SECONDS_TO_ANSWER", 0.5)
    with pytest.raises(InputError, match="no scheduler answers"):
        execute(runs_of(scenario, [1]), Store(tmp_path / "store"), cluster="tcp://127.0.0.1:9")
