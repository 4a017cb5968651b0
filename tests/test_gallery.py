"""The page of the shipped scenarios: every one is on it, with an answer and a picture that stands alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from experiments import gallery
from sim.errors import InputError
from tests.markets import Scenario, scenario


def with_arms() -> Scenario:
    arms = {"dear": {"firms.Firm0.price": 1.3}, "cheap": {"firms.Firm0.price": 0.9}}
    return scenario(2, {"customers.count": 200}, title="Dear or cheap?", arms=arms)


def test_every_scenario_has_its_question_its_answer_and_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = with_arms().with_overrides({"customers.demand.transactions": "no_such_log.csv"})
    monkeypatch.setattr(gallery, "shipped", lambda: {"priced": Path("priced.toml"), "logged": Path("logged.toml")})
    monkeypatch.setattr(gallery, "load_scenario", lambda name: {"priced": with_arms(), "logged": lacking}[name])
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "gone.svg").write_text("of a scenario that is no more", encoding="utf-8")
    page = gallery.write_gallery(tmp_path, seeds=(1, 2), workers=1).read_text(encoding="utf-8")
    assert "**Dear or cheap?**" in page
    assert "2 seeds say" in page
    assert page.count("| dear |") == page.count("| cheap |") == 1
    assert "## logged\n\nNot run here: " in page
    drawings = list((tmp_path / "scenarios").iterdir())
    assert [drawing.name for drawing in drawings] == ["scenario.svg"]
    root = ET.fromstring(drawings[0].read_text(encoding="utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in drawings[0].read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "shipped", lambda: {"priced": Path("priced.toml")})
    monkeypatch.setattr(gallery, "load_scenario", lambda _: with_arms())
    (tmp_path / "scenarios").write_text("a file where the folder would be", encoding="utf-8")
    with pytest.raises(InputError, match=r"scenarios.*cannot be written"):
        gallery.write_gallery(tmp_path, seeds=(1, 2), workers=1)
