"""The report says what the saved data say, to everyone, and from one file."""

# ruff: noqa: RUF001 - people read a true minus sign

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments.report.evidence import load
from experiments.report.findings import (
    against_baseline,
    allowance,
    best_against_rest,
    finding,
    headline,
    stopping,
)
from experiments.report.intervals import Interval, holm, interval_of, paired_p
from experiments.report.page import write_index, write_report
from experiments.report.pictures.canvas import spread
from experiments.report.pictures.migration import row_shares
from experiments.report.pictures.waterfall import REST, TOTAL, by_line, by_tier, line_by_tier
from experiments.report.words import compact, labels, number, percent, shortened, shortened_apart, signed, width
from sim.errors import InputError
from tests.report_data import EFFECTS, save_comparison


class Page(HTMLParser):
    """What a reader, sighted or not, meets in a page."""

    VOID = frozenset({"meta", "br", "wbr", "link", "img", "hr", "input"})

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.elements if "id" in attributes]

    @property
    def pictures(self) -> dict[str, str]:
        """The text alternative of each drawing, by the title it starts with."""
        words = [str(a["aria-label"]) for _, a in self.elements if a.get("role") == "img"]
        return {text.partition(". ")[0]: text for text in words}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    failed = [{"arm": "cut_price", "seed": 8, "message": "the books do not balance"}]
    return save_comparison(tmp_path_factory.mktemp("report") / "main", failed=failed, n_people=400)


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    path = write_report(folder)
    assert path == folder / "report.html"
    return Page(path)


def two_arms(tmp_path: Path, kept: float, earned: float, **more: Any) -> list[str]:
    """The sentences on an arm that differs from the baseline by about so much: retention, then profit."""
    effects = {"plain": (0.0, 0.0), "other": (kept, earned)}
    evidence = load(save_comparison(tmp_path / "two", effects=effects, n_periods=60, n_people=0, **more))
    return [finding(verdict) for verdict in against_baseline(evidence)]


def amend(folder: Path, **changes: Any) -> None:
    """Change what the manifest of a saved comparison says."""
    path = folder / "data" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def test_page_is_one_file_that_needs_no_other(page: Page) -> None:
    assert len(page.source.encode()) < 2_000_000
    assert not page.all("script")
    assert not page.all("link")
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "data", "action"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
    assert "http" not in page.source
    assert "@import" not in page.source
    assert set(re.findall(r"url\((.)", page.source)) == {"#"}


def test_every_reference_inside_the_page_leads_somewhere(page: Page) -> None:
    assert len(set(page.ids)) == len(page.ids)
    used = re.findall(r"url\(#([^)]+)\)", page.source)
    used += [str(a["href"])[1:] for _, a in page.elements if str(a.get("href", "")).startswith("#")]
    used += [str(a["aria-labelledby"]) for _, a in page.elements if "aria-labelledby" in a]
    assert len(used) > 100
    assert set(used) <= set(page.ids)


def test_page_can_be_found_ones_way_in(page: Page) -> None:
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("title")) == len(page.all("h1")) == len(page.all("main")) == 1
    assert page.all("header")
    assert page.all("nav")
    assert page.all("footer")
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")
    assert all(heading.get("scope") in ("col", "row") for heading in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert len(page.all("figcaption")) == len(page.all("figure"))
    assert not page.open


def test_every_picture_is_told_in_numbers(folder: Path, page: Page) -> None:
    assert len(page.pictures) == len(page.all("svg")) == len(page.all("figure")) == 10
    assert all(drawing["aria-hidden"] == "true" for drawing in page.all("svg"))
    assert all(len(re.findall(r"\d", text)) > 10 for text in page.pictures.values())
    evidence = load(folder)
    kept = evidence.level("retention", "tiered_service")
    told = f"tiered service: retention {percent(kept.mean)} ({percent(kept.low)} to {percent(kept.high)})"
    assert told in page.pictures["Retention against profit"]
    lost = evidence.tables["losses"]
    mean = lost[(lost["arm"] == "equal_treatment") & (lost["cause"] == "price")]["customers"].mean()
    assert (
        f"lost: price: equal treatment {number(-mean)} ("
        in page.pictures["The leaky bucket: customers gained and lost"]
    )


def test_pictures_follow_the_theme(page: Page) -> None:
    drawings = "".join(re.findall(r"<svg.*?</svg>", page.source, flags=re.DOTALL))
    assert not re.findall(r"(?:fill|stroke)(?:: |=\")#", drawings)
    used = set(re.findall(r"var\((--\w+)\)", page.source))
    light, dark = (set(re.findall(r"(--\w+):", block)) for block in re.findall(r":root \{([^}]*)\}", page.source))
    assert used <= light == dark
    assert "prefers-color-scheme: dark" in page.source


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_stands_out_in_both_themes(page: Page) -> None:
    for block in re.findall(r":root \{([^}]*)\}", page.source):
        colors = dict(re.findall(r"--(\w+):(#\w{6})", block))
        for name in ("ink", "muted", "accent", *(f"arm{i}" for i in range(8))):
            bright, dim = sorted((luminance(colors[name]), luminance(colors["paper"])), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) > 4.5, name


def test_a_failed_run_is_shown_and_never_counted(folder: Path, page: Page) -> None:
    assert "1 of 24 runs failed" in page.text
    assert "the books do not balance" in page.text
    assert against_baseline(load(folder))[-1].difference.n == 7
    stray = pd.read_parquet(folder / "data" / "outcomes.parquet")
    stray.loc[len(stray), ["arm", "seed", "firm", "metric", "value"]] = ["cut_price", 8, "Aurora", "profit", 1e12]
    stray.to_parquet(folder / "data" / "outcomes.parquet")
    assert load(folder).by_seed("profit")["cut_price"].max() < 1e6


def test_what_reproduces_the_page_is_on_it(page: Page) -> None:
    for words in (
        "loyalty compare coffee --seeds 8",
        "0.1.0",
        "1, 2, 3, 4, 5, 6, 7, 8",
        "count = 5000",
        "12.3 seconds",
    ):
        assert words in page.text
    assert "firms.Aurora.strategy" in page.text


def test_only_the_focal_firm_is_drawn(folder: Path) -> None:
    assert load(folder).long_run["revenue"].max() < 1e6


def test_a_shown_gain_is_told_with_size_interval_and_seeds(tmp_path: Path) -> None:
    kept, earned = two_arms(tmp_path, 0.034, 9_000)
    assert re.fullmatch(
        r"“other” keeps more customers than “plain”: retention is 3\.\d\d percentage points higher "
        r"\(95% interval \+[\d.]+ to \+[\d.]+; 8 seeds\)\.",
        kept,
    )
    assert re.fullmatch(
        r"“other” earns more than “plain”: profit over the last 52 periods is [\d,]+ higher "
        r"\(95% interval \+[\d,]+ to \+[\d,]+; 8 seeds\), which is 1\d\.\d% of the profit of “plain”\.",
        earned,
    )


def test_a_shown_loss_is_told_as_one(tmp_path: Path) -> None:
    kept, earned = two_arms(tmp_path, -0.034, -9_000)
    assert re.match(
        r"“other” keeps fewer customers than “plain”: retention is 3\.\d\d percentage points lower \(95% interval −",
        kept,
    )
    assert re.match(r"“other” earns less than “plain”: .* is [\d,]+ lower \(95% interval −[\d,]+ to −", earned)


def test_less_of_a_loss_is_not_called_earning(tmp_path: Path) -> None:
    better, worse = (two_arms(tmp_path / str(gap), 0.0, gap, profit=-60_000)[1] for gap in (9_000, -9_000))
    assert better.startswith("“other” loses less than “plain”")
    assert re.search(r"which is 1\d\.\d% of the loss of “plain”\.$", better)
    assert worse.startswith("“other” loses more than “plain”")


def test_an_interval_across_zero_is_no_difference_shown(tmp_path: Path) -> None:
    for sentence in two_arms(tmp_path, 0.0, 0.0):
        assert "no difference shown between “other” and “plain”; the estimate is " in sentence
        assert re.search(r"\(95% interval −\S+ to \+\S+; 8 seeds\)\.$", sentence)
        assert not re.search(r"more|fewer|higher|lower", sentence)


def test_people_are_called_the_same_only_where_no_setting_parts_them(tmp_path: Path) -> None:
    where = save_comparison(tmp_path / "one", n_seeds=3, n_periods=60, n_people=0)
    assert "gives every arm the same people and the same luck" in allowance(load(where))
    amend(where, settings={"equal_treatment": {"customers.count": 5, "network.topology": "ring"}, "cut_price": {}})
    told = allowance(load(where))
    assert "the same luck, but not the same people, for the arms differ in customers.count, network.topology;" in told
    assert "the same people and" not in told


def test_the_gain_of_sharing_seeds_is_told(tmp_path: Path) -> None:
    where = save_comparison(tmp_path / "one", n_seeds=3, n_periods=60, n_people=0)
    assert "the variance of a difference 14.2 times smaller" in allowance(load(where))
    table = pd.read_parquet(where / "data" / "differences.parquet")
    mine = (table["arm"] == "cut_price") & (table["metric"] == "profit")
    table.loc[mine, "variance_reduction"] = 30.0
    table.to_parquet(where / "data" / "differences.parquet")
    assert "the variance of a difference 14.2 to 30 times smaller" in allowance(load(where))
    page = Page(write_report(where))
    assert "14.2 to 30 times smaller" in page.text
    assert "Gain from pairing" in page.text


def test_how_the_number_of_seeds_was_decided_is_told(tmp_path: Path) -> None:
    where = save_comparison(tmp_path / "one", n_seeds=40, n_periods=60, n_people=0)
    assert stopping(load(where)) == ""
    until = {
        "asked": {"retention": 0.005, "profit": 0.02}, "half_widths": {"retention": 0.005, "profit": 1240.0},
        "n_pilot": 30, "n_needed": 40, "n_most": 1000, "is_reached": True,
    }  # fmt: skip
    amend(where, until=until)
    told = stopping(load(where))
    assert "to within 0.5 percentage points of retention and 1,240 of profit (2% of the baseline's) either way" in told
    assert "in the first 30 seeds, 40 seeds were needed; 40 were run: every difference is known that well" in told
    amend(where, until=until | {"n_needed": 2_345, "n_most": 40, "is_reached": False})
    told = stopping(load(where))
    assert "2,345 seeds were needed; 40 were run, as no more than 40 were allowed: not every difference is" in told
    assert told in Page(write_report(where)).text


def test_differences_of_seeds_added_keep_the_spread_of_the_pilot(tmp_path: Path) -> None:
    """Of the two best arms, too, whose difference is not a saved one; and so does its test."""
    effects = {"a": (0.0, 0.0), "b": (0.0, 9e3), "c": (0.0, 12e3)}
    where = save_comparison(tmp_path / "one", effects=effects, n_seeds=12, n_periods=60, n_people=0)
    amend(where, until={"n_pilot": 5})
    evidence = load(where)
    gaps = evidence.difference("profit", "c", "b")
    error = gaps.iloc[:5].std() / np.sqrt(12)
    verdict = next(each for each in best_against_rest(evidence, "profit") if each.other == "b")
    assert verdict.difference.high - gaps.mean() == pytest.approx(stats.t.ppf(0.975, 4) * error)
    assert paired_p(gaps, evidence.pilot(gaps)) == pytest.approx(2 * stats.t.sf(abs(gaps.mean()) / error, 4))
    total = by_line(evidence, "c", "b")[-1].change
    assert total == verdict.difference


def test_one_seed_shows_nothing(tmp_path: Path) -> None:
    for sentence in two_arms(tmp_path, 0.5, 9e5, n_seeds=1):
        assert "one run: no interval, so no difference shown" in sentence
        assert "“other” came out" in sentence
    page = Page(write_report(tmp_path / "two"))
    assert "one run: no interval" in page.text
    assert "nan" not in page.text.lower()


def test_equal_results_are_called_equal(tmp_path: Path) -> None:
    for sentence in two_arms(tmp_path, 0.0, 0.0, noise=0.0):
        assert sentence.endswith("no difference shown between “other” and “plain”; they are equal in all 8 seeds.")


def test_an_unknown_outcome_is_not_compared(tmp_path: Path) -> None:
    where = save_comparison(tmp_path / "nan", effects={"plain": (np.nan, 0.0), "other": (np.nan, 9e3)}, n_people=0)
    kept, earned = (finding(verdict) for verdict in against_baseline(load(where)))
    assert kept == "Retention: not known for both “other” and “plain”, so nothing is compared."
    assert earned.startswith("“other” earns more")
    assert "nan" not in Page(write_report(where)).text.lower()


def test_many_comparisons_ask_for_more(tmp_path: Path) -> None:
    """One pair of arms just past 5% on its own is no finding among six comparisons."""
    effects = {f"arm_{i}": (0.0, 0.0) for i in range(4)}
    where = save_comparison(tmp_path / "many", effects=effects, noise=0.0, n_periods=60, n_people=0)
    for name in ("outcomes", "arms", "differences"):
        table = pd.read_parquet(where / "data" / f"{name}.parquet")
        mine = (table["arm"] == "arm_1") & (table["metric"] == "profit")
        wobble = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
        gaps = 1_000 * (wobble + 1.0)  # mean 1,000, standard error 378: p = .033 on its own
        if name == "outcomes":
            table.loc[mine, "value"] += gaps
        elif name == "differences":
            i = interval_of(gaps)
            table.loc[mine, ["mean", "ci_low", "ci_high"]] = [i.mean, i.low, i.high]
        table.to_parquet(where / "data" / f"{name}.parquet")
    verdict = against_baseline(load(where))[1]
    assert verdict.difference.excludes_zero
    assert verdict.direction == 0
    assert "no difference shown between “arm 1” and “arm 0” once all 6 comparisons made are allowed for" in finding(
        verdict
    )


def test_a_direction_needs_both_the_interval_and_the_test(tmp_path: Path) -> None:
    verdict = replace(
        against_baseline(load(save_comparison(tmp_path / "two", n_periods=60)))[0],
        difference=Interval(2.0, 1.0, 3.0, 9),
    )
    assert replace(verdict, p_adjusted=0.05).direction == 1
    assert replace(verdict, p_adjusted=0.06).direction == 0
    assert replace(verdict, difference=Interval(2.0, -1.0, 5.0, 9), p_adjusted=0.01).direction == 0
    assert replace(verdict, difference=Interval(-2.0, -3.0, -1.0, 9), p_adjusted=0.01).direction == -1


def test_best_arm_is_named_only_when_it_beats_every_other(tmp_path: Path) -> None:
    clear = load(save_comparison(tmp_path / "clear", n_periods=60, n_people=0))
    assert re.match(
        r"“tiered service” earns the most over the last 52 periods: ahead of each of the 2 other arms", headline(clear)
    )
    assert "no single best arm" not in headline(clear)
    close = {"a": (0.0, 0.0), "b": (0.0, 9e3), "c": (0.0, 9e3)}
    near = load(save_comparison(tmp_path / "near", effects=close, n_periods=60, n_people=0))
    assert "no single best arm shown" in headline(near)
    assert re.search(r"no difference is shown between it and “[bc]”\.$", headline(near))
    assert best_against_rest(near, "profit")[0].n_comparisons == 6
    alone = load(save_comparison(tmp_path / "alone", effects={"solo": (0.0, 0.0)}))
    assert headline(alone).startswith("Only “solo” was run, so there is nothing to compare: retention is 5")


def test_waterfall_steps_add_up_to_the_difference(folder: Path) -> None:
    evidence = load(folder)
    arm, other = evidence.contrast or ("", "")
    assert (arm, other) == ("tiered_service", "equal_treatment")
    total = evidence.difference("profit", arm, other).mean()
    for steps in (by_line(evidence, arm, other), by_tier(evidence, arm, other)):
        assert steps[-1].name == TOTAL
        assert steps[-1].change.mean == pytest.approx(total, rel=1e-12)
        assert sum(step.change.mean for step in steps[:-1]) == pytest.approx(total, rel=1e-9)
        assert REST not in [step.name for step in steps]
    by_name = {step.name: step.change.mean for step in by_line(evidence, arm, other)}
    assert by_name["revenue"] > 0 > by_name["service"]
    by_tiers = sum(step.change.mean for step in by_tier(evidence, arm, other)[:4])
    assert line_by_tier(evidence, arm, other).to_numpy().sum() == pytest.approx(by_tiers, rel=1e-9)


def test_waterfall_shows_what_it_cannot_account_for(tmp_path: Path) -> None:
    where = save_comparison(tmp_path / "rest")
    outcomes = pd.read_parquet(where / "data" / "outcomes.parquet")
    outcomes.loc[(outcomes["arm"] == "tiered_service") & (outcomes["metric"] == "profit"), "value"] += 500.0
    outcomes.to_parquet(where / "data" / "outcomes.parquet")
    steps = by_line(load(where), "tiered_service", "equal_treatment")
    assert [step.change.mean for step in steps if step.name == REST] == [pytest.approx(500.0)]
    assert sum(step.change.mean for step in steps[:-1]) == pytest.approx(steps[-1].change.mean)


def test_migration_rows_are_shares(folder: Path) -> None:
    shares = row_shares(load(folder), "equal_treatment")
    assert list(shares) == list(shares.index) == ["platinum", "gold", "iron", "lead"]
    assert shares.sum(axis=1).tolist() == pytest.approx([1.0] * 4)
    assert shares.loc["platinum", "gold"] == pytest.approx(0.11, abs=0.03)


def test_names_are_escaped_and_set_as_text(tmp_path: Path) -> None:
    title = '<script>alert("x")</script> 星星咖啡 $5 & مرحبا'
    effects = {"基准 <b>$a$": (0.0, 0.0), "升级 & more": (0.03, 5e3)}
    page = Page(
        write_report(
            save_comparison(tmp_path / "odd", effects=effects, title=title, focal="星 <i>$Co$", tiers=("<u>", "低"))
        )
    )
    assert not page.all("script")
    assert not {"b", "i", "u"} & {tag for tag, _ in page.elements}
    for words in (title, "基准 <b>$a$", "升级 & more", "星 <i>$Co$"):
        assert words in page.text
    assert "基准 &lt;b&gt;$a$</text>" in page.source


def failures(*runs: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"arm": arm, "seed": seed, "message": "it stopped"} for arm, seed in runs]


ODD = {
    "8 arms, 7 tiers": {
        "effects": {f"a_long_name_for_arm_{i}_of_8": (0.01 * i, -3e3 * i) for i in range(8)},
        "tiers": tuple("ABCDEFG"),
        "n_seeds": 2,
    },
    "one run": {"effects": {"solo": (0.0, 0.0)}, "n_seeds": 1},
    "short, nobody sampled": {"n_periods": 40, "n_people": 0, "n_seeds": 2},
    "all equal": {"noise": 0.0, "effects": {"a": (0.0, 0.0), "b": (0.0, 0.0)}, "profit": 0.0},
    "baseline failed": {
        "failed": failures(("equal_treatment", 1), ("equal_treatment", 2)),
        "n_seeds": 2,
        "profit": -1e7,
    },
    "nothing finished": {"failed": failures(*((arm, 1) for arm in EFFECTS)), "n_seeds": 1},
    "nothing known": {"effects": dict.fromkeys("abc", (np.nan, np.nan)), "n_seeds": 2},
}


@pytest.mark.parametrize("case", ODD.values(), ids=ODD)
def test_no_comparison_is_too_odd_to_report(tmp_path: Path, case: dict[str, Any]) -> None:
    where = save_comparison(tmp_path / "odd", **case)
    page = Page(write_report(where))
    assert len(page.source.encode()) < 2_000_000
    assert not re.search(r"\b(nan|inf|None)\b|\de[+-]?\d", page.text)
    assert page.all("figure") or "No run finished" in page.text


def test_a_tier_without_customers_and_people_without_ties(tmp_path: Path) -> None:
    where = save_comparison(tmp_path / "empty", n_seeds=2)
    for name, key in (("tiers", "tier"), ("retention_by", "name"), ("migration", "from_tier")):
        table = pd.read_parquet(where / "data" / f"{name}.parquet")
        if name == "migration":
            table.loc[table["to_tier"] == "lead", "customers"] = 0
            table.loc[table[key] == "lead", "customers"] = 0
        else:
            table.loc[table[key] == "lead", table.select_dtypes("number").columns.drop("seed")] = 0.0
        table.to_parquet(where / "data" / f"{name}.parquet")
    ties = pd.read_parquet(where / "data" / "ties.parquet")
    ties.iloc[:0].to_parquet(where / "data" / "ties.parquet")
    page = Page(write_report(where))
    assert "lead: equal treatment 0" in page.pictures["Profit per tier"]
    assert "from lead" not in page.pictures["Moving between tiers"]
    assert row_shares(load(where), "cut_price").loc["lead"].isna().all()


def test_unreadable_data_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.json: cannot read the saved comparison"):
        write_report(tmp_path)
    where = save_comparison(tmp_path / "cut", n_seeds=1)
    (where / "data" / "tiers.parquet").write_bytes(b"half a file")
    with pytest.raises(InputError, match=r"tiers\.parquet: cannot read the saved table"):
        write_report(where)
    pd.DataFrame({"arm": ["a"]}).to_parquet(where / "data" / "tiers.parquet")
    with pytest.raises(InputError, match=r"tiers\.parquet: lacks the column seed"):
        write_report(where)


def test_index_lists_question_finding_and_link(folder: Path, tmp_path: Path) -> None:
    other = save_comparison(tmp_path / "a b", title="Is 3 < 4?", effects={"solo": (0.0, 0.0)}, n_seeds=2)
    page = Page(write_index([other, folder], tmp_path / "index.html"))
    links = [str(link["href"]) for link in page.all("a")]
    assert "a%20b/report.html" in links
    assert any(link.endswith("main/report.html") and link.startswith("../") for link in links)
    assert "Is 3 < 4?" in page.text
    assert headline(load(folder)) in page.text
    assert "1 failed run not counted" in page.text


def test_interval_and_test_agree_with_scipy() -> None:
    gaps = np.array([1.2, -0.4, 2.2, 0.9, 1.4])
    known = stats.ttest_1samp(gaps, 0.0)
    found = interval_of([*gaps, np.nan])
    assert (found.low, found.high) == pytest.approx(tuple(known.confidence_interval()))
    assert found.n == 5
    assert paired_p([*gaps, np.nan]) == pytest.approx(known.pvalue)
    assert paired_p([2.0, 2.0, 2.0]) == 0.0
    assert paired_p([0.0, 0.0]) == 1.0
    assert np.isnan(paired_p([1.0]))


def test_holm_by_hand() -> None:
    """.01 x 4, .02 x 3, .025 x 2 but not below the one before, .5 x 1; what is not known is not counted."""
    adjusted = holm({"a": 0.02, "b": 0.5, "c": 0.01, "d": 0.025, "e": float("nan")})
    assert [adjusted[key] for key in "cadb"] == pytest.approx([0.04, 0.06, 0.06, 0.5])
    assert np.isnan(adjusted["e"])


@pytest.mark.parametrize(
    ("value", "written", "short"),
    [
        (0.0, "0", "0"), (8, "8", "8"), (-0.045678, "−0.0457", "−0.0457"), (12_345.6, "12,300", "12.3k"),
        (999.96, "1,000", "1,000"), (2_345_678, "2.35 million", "2.35m"), (-7.1e9, "−7.10 billion", "−7.10b"),
        (9.996, "10.0", "10.0"),
        (float("nan"), "not known", "–"), (1e-15, "0", "0"), (0.00001234, "0.0000123", "0.0000123"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people(value: float, written: str, short: str) -> None:
    assert number(value) == written
    assert compact(value) == short


def test_signs_labels_and_short_names() -> None:
    assert [signed(text) for text in ("3.42", "−1", "0", "0%", "not known", "12.3k")] == [
        "+3.42",
        "−1",
        "0",
        "0%",
        "not known",
        "+12.3k",
    ]
    assert labels(["coffee:equal", "coffee:tiered_service"]) == {
        "coffee:equal": "equal",
        "coffee:tiered_service": "tiered service",
    }
    assert labels(["a_b", "a b"]) == {"a_b": "a_b", "a b": "a b"}
    assert shortened("reward the best customers", 12) == "rewar…omers"
    assert width(shortened("星星星星星星星星", 8)) <= 8
    arms = [f"a long name for arm {i} of eight" for i in range(8)]
    assert len(set(shortened_apart(arms, 14))) == 8
    assert all(width(text) <= 14 for text in shortened_apart(arms, 14))


def test_end_labels_keep_apart_and_inside() -> None:
    places = spread([5.0, 5.1, 5.2, 0.0, 9.9], gap=1.0, low=0.0, high=10.0)
    assert np.diff(sorted(places)).min() >= 1.0 - 1e-12
    assert places[0] < places[1] < places[2]
    assert 0.0 <= min(places) <= max(places) <= 10.0
    assert spread([0.0, 0.1, 0.2], gap=1.0, low=0.0, high=10.0) == [0.0, 1.0, 2.0]
    assert spread([9.9, 10.0], gap=1.0, low=0.0, high=10.0) == [9.0, 10.0]
