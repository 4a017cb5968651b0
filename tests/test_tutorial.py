"""The tutorial runs from top to bottom and prints what stands in it; run as a script, this writes that anew."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial.md"
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n.*?```\n)?", re.DOTALL)


def with_output(text: str) -> str:
    """Run a page's blocks in order in one namespace; return the page with what each printed below it."""
    names: dict[str, Any] = {"__name__": "tutorial"}

    def run(block: re.Match[str]) -> str:
        printed = io.StringIO()
        code = compile("\n" * text.count("\n", 0, block.start(1)) + block[1], TUTORIAL, "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        told = printed.getvalue()
        return f"```python\n{block[1]}```\n" + (f"\n```text\n{told}```\n" if told else "")

    return BLOCK.sub(run, text)


def test_the_tutorial_prints_what_stands_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    text = TUTORIAL.read_text(encoding="utf-8")
    assert with_output(text) == text
    for written in ("tutorial/report.html", "tutorial-sweep/report.html", "profit.png"):
        assert (tmp_path / "reports" / written).stat().st_size > 1000


if __name__ == "__main__":
    TUTORIAL.write_text(with_output(TUTORIAL.read_text(encoding="utf-8")), encoding="utf-8")
