"""The page of a report: self-contained, made only from what the comparison saved."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from experiments.report import built, findings, life_stages, programmes, tables, value_analysis, worth
from experiments.report.evidence import Evidence, load
from experiments.report.findings import finding, headline
from experiments.report.pictures import THEME, draw_all
from experiments.report.words import count, number
from experiments.saved import write_whole
from sim.errors import InputError

__all__ = ["environment", "in_short", "page_of", "write_index", "write_page", "write_report"]


def write_report(folder: Path) -> Path:
    """Write ``folder/report.html`` from the data that a comparison saved in ``folder/data``.

    Parameters
    ----------
    folder : Path
        The folder of a comparison.

    Returns
    -------
    Path
        The page written: one file that needs no other and no network.

    Raises
    ------
    InputError
        If the saved data are missing or unreadable, or the page cannot be written.
    """
    return write_page(Path(folder) / "report.html", page_of(load(Path(folder))))


def page_of(evidence: Evidence) -> str:
    """Return the page of a comparison, as HTML."""
    others = [name for name in evidence.metrics if name not in findings.MAIN]
    page = environment().get_template("page.html.jinja")
    return page.render(
        title=evidence.title,
        evidence=evidence,
        manifest=evidence.manifest,
        in_short=in_short(evidence),
        verdicts=_verdicts(evidence),
        allowance=findings.allowance(evidence),
        main_tables=[tables.comparison(evidence, name) for name in findings.MAIN] if evidence.arms else [],
        tests=tables.tests(evidence),
        other_tables=[tables.comparison(evidence, name) for name in others],
        step_matrix=tables.step_matrix(evidence),
        sections=draw_all(evidence),
        worth=worth.of(evidence),
        valued=value_analysis.of(evidence),
        four_tests=value_analysis.four_tests(evidence),
        contagion=value_analysis.contagion(evidence),
        programmes=programmes.of(evidence),
        built=built.of(evidence),
        life_stages=life_stages.of(evidence),
        settings=tables.settings(evidence),
        failures=tables.failures(evidence),
    )


def write_index(folders: Sequence[Path], out: Path) -> Path:
    """Write a page that lists several reports: the question of each, its finding in a sentence, and a link.

    Parameters
    ----------
    folders : sequence of Path
        Folders of comparisons, each with its data and its ``report.html``.
    out : Path
        The page to write; links are relative to where it stands.

    Returns
    -------
    Path
        The page written.

    Raises
    ------
    InputError
        If the data of a comparison cannot be read, or the page cannot be written.
    """
    reports = []
    for folder in folders:
        evidence = load(Path(folder))
        link = PurePath(os.path.relpath(Path(folder) / "report.html", Path(out).parent)).as_posix()
        reports.append(
            {"title": evidence.title, "finding": headline(evidence), "link": quote(link), "evidence": evidence}
        )
    text = environment().get_template("index.html.jinja").render(title="Comparisons", reports=reports)
    return write_page(Path(out), text)


def in_short(evidence: Evidence) -> list[str]:
    """Return what a comparison found in one or two sentences."""
    if len(evidence.arms) < 2:
        return [findings.alone(evidence)]
    return [sentence for sentence in (headline(evidence), findings.best(evidence, "retention")) if sentence]


def _verdicts(evidence: Evidence) -> list[tuple[str, list[str]]]:
    """Return the sentences of each arm against the baseline, by arm."""
    by_arm: dict[str, list[str]] = {}
    for verdict in findings.against_baseline(evidence):
        by_arm.setdefault(verdict.arm, []).append(finding(verdict))
    return list(by_arm.items())


def environment() -> Environment:
    """Return what fills in the templates of pages, with the styles that all have."""
    made = Environment(
        loader=PackageLoader("experiments.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"count": count, "number": number, "breakable": _breakable}
    colors = {place: "".join(f"--{name}:{pair[place]};" for name, pair in THEME.items()) for place in (0, 1)}
    sheet = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    made.globals |= {
        "style": Markup(sheet),
        "light": Markup(colors[0]),
        "dark": Markup(colors[1]),
        "safe_svg": Markup,
    }
    return made


def _breakable(path: object) -> Markup:
    """Let a dotted path break after its dots and underscores rather than anywhere."""
    return Markup(re.sub(r"([._])", r"\1<wbr>", str(escape(path))))


def write_page(path: Path, text: str) -> Path:
    """Write a page, whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", file=path) from error
    return path
