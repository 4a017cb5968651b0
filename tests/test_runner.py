"""Runs over worker processes: nothing lost with a worker, nothing left behind, and no answer in place of a failure."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from experiments.runner import Failure, Progress, Workers

JOBS = {n: (n,) for n in range(12)}


def square(n):
    return n * n


def square_and_kill(n, marks):
    """Kill the worker the first time job 3 runs."""
    mark = Path(marks) / "killed"
    if n == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return n * n


def deadly(n):
    if n == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return n * n


class Unsendable(Exception):
    """Made with two arguments and sent with one: it would break the pool where it is read."""

    def __init__(self, problem, place):
        super().__init__(f"{problem} at {place}")


def refuses_odd(n):
    if n % 2:
        raise Unsendable("odd", n)
    return n


def ways_of_a_worker(n):
    return os.environ["NUMBA_NUM_THREADS"], signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def is_alive(pid):
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def within(seconds, is_so):
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_so()


@pytest.mark.parametrize("count", [1, 2])
def test_every_job_is_answered(count):
    with Workers(count) as workers:
        assert dict(workers.run(square, JOBS)) == {n: n * n for n in range(12)}
        assert dict(workers.run(square, {"again": (5,)})) == {"again": 25}  # on the same processes
        assert dict(workers.run(square, {})) == {}


def test_a_killed_worker_loses_nothing(tmp_path):
    jobs = {n: (n, str(tmp_path)) for n in range(12)}
    with Workers(2) as workers:
        assert dict(workers.run(square_and_kill, jobs)) == {n: n * n for n in range(12)}
    assert (tmp_path / "killed").exists()


def test_a_job_that_always_ends_its_worker_fails_by_itself():
    with Workers(2) as workers:
        answers = dict(workers.run(deadly, JOBS))
    assert isinstance(answers.pop(3), Failure)
    assert answers == {n: n * n for n in range(12) if n != 3}


@pytest.mark.parametrize("count", [1, 2])
def test_an_exception_is_a_failure_with_its_message_and_place(count):
    with Workers(count) as workers:
        answers = dict(workers.run(refuses_odd, {n: (n,) for n in range(4)}))
    assert (answers[0], answers[2]) == (0, 2)
    assert answers[3].message == "Unsendable: odd at 3"
    assert "refuses_odd" in answers[3].trace


def test_workers_compute_on_one_thread_and_leave_ctrl_c_to_the_parent(monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "7")
    with Workers(2) as workers:
        assert dict(workers.run(ways_of_a_worker, {0: (0,)})) == {0: ("1", True)}
    assert os.environ["NUMBA_NUM_THREADS"] == "7"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_no_workers_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Workers(0)


PARENT = textwrap.dedent(
    """
    import os, sys, time
    from pathlib import Path
    from experiments.runner import Workers

    def slow(marks):
        (Path(marks) / str(os.getpid())).touch()
        time.sleep(60)

    if __name__ == "__main__":
        with Workers(2) as workers:
            list(workers.run(slow, {n: (sys.argv[1],) for n in range(4)}))
    """
)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_parent(tmp_path, sent):
    """Stopped (Ctrl-C reaches the workers too) or killed in the middle of long jobs: every process is gone at once."""
    script, marks = tmp_path / "parent.py", tmp_path / "marks"
    script.write_text(PARENT)
    marks.mkdir()
    parent = subprocess.Popen([sys.executable, script, marks], stderr=subprocess.PIPE, start_new_session=True)
    assert within(20, lambda: len(list(marks.iterdir())) == 2)
    if sent == signal.SIGINT:
        os.killpg(parent.pid, sent)
    else:
        parent.send_signal(sent)
    _, said = parent.communicate(timeout=5)
    assert parent.returncode == -sent
    assert b"Process" not in said  # how a worker's traceback starts
    assert within(5, lambda: not any(is_alive(mark.name) for mark in marks.iterdir()))


def test_a_script_without_a_guard_is_told_so_at_once(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT.replace('if __name__ == "__main__":', "if True:"), encoding="utf-8")
    parent = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=20)
    assert parent.returncode == 1
    assert "RuntimeError: no worker process could start" in parent.stderr


def test_progress_off_a_terminal_is_lines_with_rate_and_time_left(monkeypatch):
    clock = {"now": 0.0}
    monkeypatch.setattr(time, "monotonic", lambda: clock["now"])
    stream = io.StringIO()
    with Progress(4, stream=stream) as progress:
        for clock["now"], failed in [(1.0, False), (4.0, True), (5.0, False), (10.0, False)]:
            progress.advance(failed=failed)
    assert stream.getvalue().splitlines() == [
        "2/4 runs, 0.5 a second, about 4 s left, 1 failed",
        "4/4 runs, 0.4 a second, 10 s in all, 1 failed",
    ]


def test_progress_on_a_terminal_is_a_bar():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    with Progress(1, stream=stream) as progress:
        progress.advance()
        progress.say("a word beside the bar")
    assert "1/1" in stream.getvalue()
    assert "a word beside the bar" in stream.getvalue()


def test_quiet_progress_says_nothing():
    stream = io.StringIO()
    with Progress(1, stream=stream, quiet=True) as progress:
        progress.say("compiling")
        progress.advance()
    assert stream.getvalue() == ""
