"""Customer value analysis, four tests and contagion in the report: by hand, and on a page of a real comparison."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments.compare import compare
from experiments.report import value_analysis
from experiments.report.evidence import load
from tests.markets import scenario


def answers(by_firm: dict[str, list[float]], importance: float) -> pd.DataFrame:
    """Return what a few seeds say of one attribute."""
    return pd.DataFrame(
        [
            {"seed": seed, "attribute": "price", "firm": firm, "importance": importance, "performance": rated}
            for firm, ratings in by_firm.items()
            for seed, rated in enumerate(ratings)
        ]
    )


@pytest.mark.parametrize(
    ("own", "importance", "advice"),
    [
        ([0.3, 0.32, 0.31], 0.3, "behind: invest here"),
        ([0.9, 0.92, 0.91], 0.3, "ahead: keep it, charge for it"),
        ([0.9, 0.92, 0.91], 0.05, "ahead: could save here"),
        ([0.3, 0.32, 0.31], 0.05, "behind: little to gain"),
        ([0.2, 0.9, 0.55], 0.3, "level: win here"),
        ([0.2, 0.9, 0.55], 0.05, "level: leave it"),
    ],
)
def test_importance_and_lead_suggest_what_to_do(own: list[float], importance: float, advice: str) -> None:
    rivals = {"Weak": [0.1, 0.1, 0.1], "Strong": [0.6, 0.58, 0.62]}
    (lead,) = value_analysis.leads(answers({"Ours": own, **rivals}, importance), "Ours")
    assert lead.advice == advice
    assert lead.rival == "Strong"
    assert lead.lead.mean == pytest.approx(sum(own) / 3 - 0.6)


def test_a_firm_without_rivals_leads_nobody() -> None:
    assert value_analysis.leads(answers({"Ours": [0.5, 0.6]}, 0.3), "Ours") == []


def test_the_sections_stand_on_the_page_of_a_comparison(tmp_path: Path) -> None:
    base = scenario(2, {"customers.count": 300})
    arms = {"as_it_is": base, "dear": base.with_overrides({"firms.Firm0.price": 1.2})}
    comparison = compare(arms, [1, 2, 3], out=tmp_path, workers=1, progress=False)
    assert comparison.report is not None
    page = comparison.report.read_text(encoding="utf-8")
    for heading in (
        "What customers value, and who gives it",
        "Do friends think and leave alike",
        "Four tests of every",
    ):
        assert heading in page
    found = value_analysis.of(load(tmp_path))
    assert found is not None
    assert found.by_arm is not None
    price = dict(found.by_arm.rows)["price"]
    leads = [float(cell.text.replace("\N{MINUS SIGN}", "-")) for cell in price]
    assert leads[1] < -10.0 < leads[0]  # 100 ln 1.2 = 18 points dearer


def test_comparisons_saved_before_there_were_studies_still_make_a_page(tmp_path: Path) -> None:
    base = scenario(2, {"customers.count": 200})
    compare({"as_it_is": base}, [1], out=tmp_path, workers=1, progress=False)
    for name in ("attributes", "four_tests", "contagion"):
        (tmp_path / "data" / f"{name}.parquet").unlink()
    evidence = load(tmp_path)
    assert (
        value_analysis.of(evidence) is value_analysis.four_tests(evidence) is value_analysis.contagion(evidence) is None
    )
