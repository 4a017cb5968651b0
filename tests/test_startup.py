"""Starting up: what is imported when, and compiled kernels that are kept, found again, and never trusted when damaged.

Kernels of one line stand for the market's, but for one test at the end. Nothing here is timed: whether machine code was
compiled or read is counted.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import pickle
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numba
import pytest

import sim
from sim import compiled, kernel_cache
from sim.kernel_cache import KernelCache

ROOT = Path(__file__).parent.parent
OLD = time.time() - 30 * 24 * 3600


def double(x):
    return 2 * x


def started_anew():
    """Return the function as a new process has it: nothing compiled, nothing read."""
    dispatcher = numba.njit(double)
    dispatcher._cache = KernelCache(double)
    return dispatcher


def is_read_from_cache(x=21):
    """Run the function as a new process would; say whether its machine code was there."""
    dispatcher = started_anew()
    assert dispatcher(x) == 2 * x
    return dispatcher.stats.cache_hits.total() == 1


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Give each test an empty cache, an empty temporary folder, and a process that has said nothing yet."""
    monkeypatch.setenv("LOYALTY_CACHE_DIR", str(tmp_path / "cache"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(kernel_cache, "_said", set())
    return tmp_path / "cache" / "loyalty-kernels" / kernel_cache.VERSION


@pytest.fixture
def temporary(tmp_path):
    """Return the folder that stands in for the cache below the temporary one."""
    return tmp_path / "temporary" / f"loyalty-kernels-{os.getuid()}"


def make_unwritable(monkeypatch, tmp_path):
    """Name a cache folder that cannot be made, whoever asks: its parent is a file."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("LOYALTY_CACHE_DIR", str(tmp_path / "file" / "cache"))


def fresh_python(code):
    """Run code in a new process from the root of the sources, and return its two outputs."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import sim", {"numpy", "numba", "mesa", "pandas", "pydantic"}),
        ("import sim; sim.InputError", {"numpy", "numba", "mesa", "pandas", "pydantic"}),
        ("from experiments.cli import main; main(['--help'], standalone_mode=False)", {"numpy", "pydantic", "rich"}),
        ("from experiments.cli import main; main(['run', '--help'], standalone_mode=False)", {"numpy", "rich"}),
        ("from sim import load_scenario; load_scenario('baseline')", {"mesa", "pandas", "networkx", "scipy.sparse"}),
        ("from sim import Market", {"networkx", "scipy.spatial", "scipy.sparse", "scipy.optimize", "matplotlib"}),
        (
            "import sim.market, experiments.one_run, experiments.runner, experiments.terminal",
            {"scipy.stats", "matplotlib", "jinja2"},
        ),
    ],
)
def test_nothing_is_imported_before_it_is_needed(code, unwanted):
    stdout, _ = fresh_python(f"import sys; {code}; print(*sys.modules)")
    assert not unwanted & set(stdout.split())


def test_every_public_name_is_there_when_asked_for():
    for name in sim.__all__:
        assert getattr(sim, name).__name__ == name
    assert set(sim.__all__) <= set(dir(sim))
    with pytest.raises(AttributeError, match="has no attribute 'Markt'"):
        sim.Markt  # noqa: B018 - asked for on purpose


@pytest.mark.parametrize(
    "code",
    [
        "print(mesa.space.MultiGrid.__module__)",
        "import mesa.space as space; print(space.MultiGrid.__module__, mesa.space is sys.modules['mesa.space'])",
        "from mesa.discrete_space import CellAgent; print(CellAgent.__module__)",
        "import mesa.experimental.devs; print(mesa.experimental.devs.ABMSimulator.__module__)",
        "print('PropertyLayer' in dir(mesa.space), mesa.discrete_space.__file__)",
        "import pickle; print(pickle.loads(pickle.dumps(mesa.space.MultiGrid)) is mesa.space.MultiGrid)",
    ],
)
def test_parts_of_mesa_that_wait_are_as_ever_when_used(code):
    with_market, _ = fresh_python(f"import sys; from sim import Market; import mesa; {code}")
    without, _ = fresh_python(f"import sys; import mesa; {code}")
    assert with_market == without
    assert "False" not in with_market


def test_a_kernel_is_compiled_once_and_then_read(cache):
    assert [is_read_from_cache() for _ in range(3)] == [False, True, True]
    assert len(list(cache.iterdir())) == 1


def test_types_are_kept_apart():
    assert [is_read_from_cache(x) for x in (1, 1.5, 2, 2.5)] == [False, False, True, True]


@pytest.mark.parametrize("changed", ["_machine", "VERSION"])
def test_another_machine_or_version_finds_nothing(monkeypatch, changed):
    is_read_from_cache()
    other = {"_machine": lambda: "another compiler", "VERSION": "0123456789abcdef"}[changed]
    monkeypatch.setattr(kernel_cache, changed, other)
    assert [is_read_from_cache(), is_read_from_cache()] == [False, True]


def sealed(content):
    return hashlib.sha256(content).digest() + content


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content.replace(b"# File", b"# Fine"),  # as sound as before, but not what was written
        lambda content: bytes(len(content)),
        lambda content: sealed(b""),
        lambda content: sealed(b"not a pickle"),
        lambda content: sealed(pickle.dumps("not machine code")),
    ],
    ids=["empty", "cut short", "half", "one bit", "one letter", "zeros", "sealed empty", "sealed text", "sealed other"],
)
def test_a_damaged_file_is_compiled_again_and_mended(cache, damage):
    is_read_from_cache()
    [path] = cache.iterdir()
    content = path.read_bytes()
    assert damage(content) != content
    path.write_bytes(damage(content))
    assert [is_read_from_cache(), is_read_from_cache()] == [False, True]


def test_a_folder_in_place_of_a_file_is_no_hindrance(cache):
    is_read_from_cache()
    [path] = cache.iterdir()
    path.unlink()
    path.mkdir()
    assert [is_read_from_cache(), is_read_from_cache()] == [False, True]  # kept in the temporary folder instead


def test_where_the_cache_cannot_be_written_kernels_are_kept_in_a_private_temporary_folder(
    monkeypatch, tmp_path, temporary
):
    make_unwritable(monkeypatch, tmp_path)
    assert [is_read_from_cache(), is_read_from_cache()] == [False, True]
    assert temporary.stat().st_mode & 0o777 == 0o700


def test_without_a_home_kernels_are_kept_in_the_temporary_folder(monkeypatch, temporary):
    for name in ("LOYALTY_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert [is_read_from_cache(), is_read_from_cache()] == [False, True]
    assert temporary.is_dir()


def test_on_a_full_disk_nothing_unfinished_is_left(monkeypatch, cache, temporary):
    write_bytes = Path.write_bytes

    def write_half(path, content):
        if cache in path.parents:
            write_bytes(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", write_half)
    assert [is_read_from_cache(), is_read_from_cache()] == [False, True]
    assert list(cache.iterdir()) == []
    assert len(list((temporary / kernel_cache.VERSION).iterdir())) == 1


def test_kernels_in_a_folder_that_cannot_be_written_are_read(monkeypatch, cache):
    is_read_from_cache()

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    for function in ("mkdir", "write_bytes", "replace", "unlink"):
        monkeypatch.setattr(Path, function, refuse)
    monkeypatch.setattr(os, "utime", refuse)
    assert is_read_from_cache()


def become_a_link(folder):
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))


def become_open_to_all(folder):
    folder.chmod(0o777)


def become_a_file(folder):
    shutil.rmtree(folder)
    folder.touch()


@pytest.mark.parametrize("become", [become_a_link, become_open_to_all, become_a_file])
def test_a_temporary_folder_that_others_could_fill_is_neither_read_nor_written(
    monkeypatch, tmp_path, temporary, caplog, become
):
    make_unwritable(monkeypatch, tmp_path)
    is_read_from_cache()
    become(temporary)
    assert not is_read_from_cache()
    assert "cannot be kept" in caplog.text


def test_a_temporary_folder_of_another_user_is_neither_read_nor_written(monkeypatch, tmp_path, temporary, caplog):
    make_unwritable(monkeypatch, tmp_path)
    is_read_from_cache()
    another = os.getuid() + 1
    temporary.rename(temporary.with_name(f"loyalty-kernels-{another}"))
    monkeypatch.setattr(os, "getuid", lambda: another)
    assert not is_read_from_cache()
    assert "cannot be kept" in caplog.text


def test_what_takes_long_and_what_cannot_be_kept_is_said_once(monkeypatch, tmp_path, caplog):
    make_unwritable(monkeypatch, tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING, logger="sim"):
        assert [is_read_from_cache(x) for x in (1, 1, 1.5)] == [False, False, False]
    compiling, not_kept = caplog.messages
    assert "about half a minute, once on this machine" in compiling
    assert "compiled at every start" in not_kept
    assert "LOYALTY_CACHE_DIR" in not_kept
    assert str(tmp_path / "file") in not_kept


def test_reading_is_not_worth_a_word(monkeypatch, caplog):
    is_read_from_cache()
    caplog.clear()
    monkeypatch.setattr(kernel_cache, "_said", set())
    assert is_read_from_cache()
    assert caplog.messages == []


def test_a_function_from_elsewhere_is_not_kept(cache):
    assert compiled.kernel(double)(2) == 4
    assert not cache.exists()


def test_warm_is_what_has_been_marked(monkeypatch):
    assert not kernel_cache.is_warm()
    is_read_from_cache()
    assert not kernel_cache.is_warm()  # stopped after its first kernel
    kernel_cache.mark_warm()
    assert kernel_cache.is_warm()
    monkeypatch.setattr(kernel_cache, "_machine", lambda: "another processor")
    assert not kernel_cache.is_warm()


def test_a_mark_that_cannot_be_kept_is_no_error(monkeypatch, tmp_path):
    make_unwritable(monkeypatch, tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    kernel_cache.mark_warm()
    assert not kernel_cache.is_warm()


def test_versions_long_unused_make_room(cache):
    def made(name, age_days):
        folder = cache.parent / name
        folder.mkdir(parents=True)
        (folder / "some.kernel").touch()
        os.utime(folder, (time.time() - age_days * 24 * 3600,) * 2)
        return folder

    fresh = [made(f"{i:016x}", age_days=0.1) for i in range(3)]
    old = [made(f"{i + 16:016x}", age_days=10 + i) for i in range(12)]
    others = [made("notes", age_days=99), made("0" * 15, age_days=99)]
    is_read_from_cache()
    n_old_kept = kernel_cache.N_VERSIONS_KEPT - 1 - len(fresh)
    assert [each.exists() for each in old] == [i < n_old_kept for i in range(12)]
    assert all(each.exists() for each in [cache, *fresh, *others])


def test_fresh_versions_stay_however_many(cache):
    for i in range(15):
        (cache.parent / f"{i:016x}").mkdir(parents=True)
    is_read_from_cache()
    assert len(list(cache.parent.iterdir())) == 16


def test_reading_a_version_keeps_it_young(cache):
    is_read_from_cache()
    os.utime(cache, (OLD, OLD))
    assert is_read_from_cache()
    assert cache.stat().st_mtime > OLD + 24 * 3600


def test_processes_that_start_at_once_do_not_get_in_each_others_way(cache):
    code = (
        "import sys; from tests.test_startup import started_anew\n"
        "print('ready', flush=True); sys.stdin.read()\n"
        "both = started_anew()\n"
        "print(both(21), both(0.5), both.stats.cache_hits.total())"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, **pipes) for _ in range(3)]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.close()
    for process in started:
        with process:
            assert process.stdout.read().split()[:2] == ["42", "1.0"]
        assert process.returncode == 0
    assert [path.suffix for path in cache.iterdir()] == [".kernel"] * 2
    assert fresh_python(code) == ("ready\n42 1.0 2\n", "")


@pytest.mark.slow
def test_the_market_compiles_once_says_so_and_starts_warm_from_then_on(tmp_path):
    code = "from sim import Market; print(Market(customers__count=300, periods=40, warm_up=0, horizon=20).run().digest)"
    first, words = fresh_python(code)
    assert "compiling the market's kernels" in words
    settings = ["customers.count=300", "periods=40", "warm_up=0", "horizon=20"]
    command = ["loyalty", "run", "baseline", "--json", *(word for each in settings for word in ("--set", each))]
    second, words = fresh_python(f"import sys; sys.argv = {command}; from experiments.cli import main; main()")
    assert "compiling" not in words
    assert f'"digest": "{first.strip()}"' in second
    third, _ = fresh_python(
        "import sys; from sim import Market; Market(customers__count=300).step(); print(*sys.modules)"
    )
    assert not {"numba.np.linalg", "scipy.linalg", "numpy.f2py"} & set(third.split())  # of use only to compile
