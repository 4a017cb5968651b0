"""A user's own strategy: found by module and class, told in one line what is wrong, and the page that shows one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main
from sim.errors import InputError, StrategyError
from sim.scenario import from_settings
from sim.strategies import STRATEGIES, Luck
from tests.test_cli import SCENARIO
from tests.test_strategies import market_view

PAGE = Path(__file__).parent.parent / "docs" / "strategies.md"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder to work in, whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def strategy(name: str, **settings: object):
    raw = {"title": "A test?", "firms": [{"name": "Aurora", "strategy": {"name": name, **settings}}]}
    return from_settings(raw).firms[0].strategy


def test_the_page_names_every_strategy():
    assert set(STRATEGIES) <= set(re.findall(r"^\| `(\w+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_page_shows_one_that_runs_as_written(folder: Path):
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code.splitlines()) <= 12
    (folder / "my_module.py").write_text(code, encoding="utf-8")
    posted = strategy("my_module:Mine", step=0.2).begin(Luck(1, "Aurora")).decide(market_view())
    assert posted.service.tolist() == pytest.approx([0.4, 0.6, 0.4, 0.4])  # gold alone lost more than it won
    (folder / "small.toml").write_text(SCENARIO, encoding="utf-8")
    words = ["run", "small.toml", "--periods", "104", "--json"]  # long enough for customers to lapse
    answer = CliRunner().invoke(main, [*words, "--strategy", "Aurora=my_module:Mine"])
    assert answer.exit_code == 0, answer.output
    assert answer.stdout != CliRunner().invoke(main, words).stdout


@pytest.mark.slow
def test_workers_find_it_too(folder: Path):
    """Processes started afresh run it, and fail by it, as this process does."""
    (folder / "small.toml").write_text(SCENARIO, encoding="utf-8")
    (folder / "late.py").write_text(
        "class Late:\n    def decide(self, view):\n        return view.base if view.period < 13 else None\n"
    )
    words = [
        "compare",
        "small.toml",
        "--seeds",
        "2",
        "--workers",
        "2",
        "--out",
        "out",
        "--strategy",
        "Aurora=late:Late",
    ]
    answer = CliRunner().invoke(main, words)
    assert answer.exit_code == 1, answer.output
    assert "4 of 4 runs failed" in answer.stderr
    failed = json.loads((folder / "out" / "data" / "manifest.json").read_text(encoding="utf-8"))["failed"]
    assert all("StrategyError: Aurora, period 13: late:Late: decide returned None" in str(run) for run in failed)


def test_it_remembers_within_a_run_and_never_between_runs(folder: Path):
    (folder / "counts.py").write_text(
        "class Counts:\n    n = 0\n    def decide(self, view):\n        self.n += 1\n"
        "        return view.base.replace(price=1.0 + self.n)\n"
    )
    chosen = strategy("counts:Counts")
    for _ in range(2):
        decider = chosen.begin(Luck(1, "Aurora"))
        assert [decider.decide(market_view()).price for _ in range(2)] == [2.0, 3.0]


def test_it_cannot_change_what_it_sees(folder: Path):
    (folder / "meddles.py").write_text(
        "class Meddles:\n    def decide(self, view):\n        view.base.service[:] = 1\n        return view.base\n"
    )
    view = market_view()
    assert strategy("meddles:Meddles").begin(Luck(1, "Aurora")).decide(view).service.tolist() == [1.0] * 4
    assert view.base.service.tolist() == [0.4] * 4


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("absent:Mine", None, 'no module "absent"'),
        ("typo:Mne", "class Mine: pass", 'no class "Mne".*did you mean "Mine"'),
        ("idle:Mine", "class Mine: pass", "idle:Mine is not a strategy"),
        ("broken:Mine", "x = 1\nclass Mine(:", "broken.py, line 2: SyntaxError"),
        ("fails:Mine", "x = 1 / 0", "fails.py, line 1: ZeroDivisionError"),
        ("needs:Mine", "import no_such_library", "needs.py, line 1: ModuleNotFoundError"),
        ("asks:Mine", "class Mine:\n def __init__(self, a): pass\n def decide(self, view): pass", "settings {}"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_line(folder: Path, name: str, text: str | None, told: str):
    if text is not None:
        (folder / f"{name.partition(':')[0]}.py").write_text(text)
    with pytest.raises(InputError, match=told) as caught:
        strategy(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("module", "body", "told"),
    [
        ("divides", "return 1 / 0", "Aurora, period 13: divides:Mine: divides.py, line 3: ZeroDivisionError"),
        ("forgets", "return None", "Aurora, period 13: forgets:Mine: decide returned None; allowed: a Policy"),
        ("exceeds", "return view.base.replace(service=2)", "exceeds.py, line 3: ValueError: policy.service"),
    ],
)
def test_a_failing_decision_names_firm_period_and_line(folder: Path, module: str, body: str, told: str):
    (folder / f"{module}.py").write_text(f"class Mine:\n    def decide(self, view):\n        {body}\n")
    with pytest.raises(StrategyError, match=told):
        strategy(f"{module}:Mine").begin(Luck(1, "Aurora")).decide(market_view())


def test_the_command_tells_which_firm_there_is_and_ends_with_one_if_a_strategy_fails(folder: Path):
    (folder / "small.toml").write_text(SCENARIO, encoding="utf-8")
    (folder / "stops.py").write_text("class Mine:\n    def decide(self, view):\n        return view.nothing\n")
    for words, code, told in [
        ("Arora=stops:Mine", 2, 'did you mean "Aurora"?'),
        ("stops:Mine", 2, "--strategy = 'stops:Mine': not a strategy of a firm"),
        ("Aurora=stops:Mine", 1, "Aurora, period 0: stops:Mine: stops.py, line 3: AttributeError"),
    ]:
        answer = CliRunner().invoke(main, ["run", "small.toml", "--strategy", words])
        assert answer.exit_code == code, answer.output
        assert told in answer.stderr
        assert "Traceback" not in answer.output
