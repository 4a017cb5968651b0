"""The page of the claims laboratory, and the table of its findings in Markdown: made only from what was saved."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from experiments.claims import CLAIMS
from experiments.claims.base import Claim, Effect, Place
from experiments.report.intervals import Interval
from experiments.report.page import environment, write_page
from experiments.report.pictures.canvas import LIGHT, Picture, canvas, drawing, to_svg
from experiments.report.words import number, percent, signed
from sim.errors import InputError


@dataclass(frozen=True, slots=True)
class Finding:
    """An effect of a claim in one place: what was measured, and the verdict."""

    effect: Effect
    place: Place
    measured: Interval
    verdict: str

    @property
    def text(self) -> str:
        """The mean with its interval, in the effect's unit."""
        mean, unit = self.measured.mean, self.effect.unit
        if not self.measured.is_known:
            return f"{written(mean, unit)} (no bounded interval)" if math.isfinite(mean) else "not known"
        return f"{written(mean, unit)} ({written(self.measured.low, unit)} to {written(self.measured.high, unit)})"


def written(value: float, unit: str) -> str:
    """Write a value in its unit: a fraction as a percentage or as points, anything else as a number.

    >>> written(0.125, "percent"), written(0.125, "points"), written(5.0, "number")
    ('12.5%', '+12.5 points', '5')
    """
    if unit == "percent":
        return percent(value)
    return f"{signed(number(100 * value))} points" if unit == "points" else number(value)


def claimed(effect: Effect) -> str:
    """Write what a claim says of an effect: ``25% to 85%``, ``at least 8``.

    >>> claimed(Effect("a", "a", low=0.25, high=0.85)), claimed(Effect("a", "a", "number", low=8.0))
    ('25% to 85%', 'at least 8')
    """
    low, high = (None if end is None else written(end, effect.unit) for end in (effect.low, effect.high))
    if low and high:
        return f"{low} to {high}"
    zero_or = "above" if effect.low == effect.null else "at least"
    return f"{zero_or} {low}" if low else f"below {high}" if high else ""


def load_findings(folder: Path) -> tuple[dict[str, Any], dict[str, list[Finding]]]:
    """Return the manifest and, by claim, the findings that were saved in ``folder/data``.

    Raises
    ------
    InputError
        If they are missing or unreadable.
    """
    data = Path(folder) / "data"
    try:
        manifest = json.loads((data / "manifest.json").read_text(encoding="utf-8"))
        table = pd.read_parquet(data / "findings.parquet")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=data) from None
    by_claim: dict[str, list[Finding]] = {}
    for row in table.to_dict("records"):
        claim = CLAIMS.get(row["claim"])
        effect = next((each for each in claim.effects if each.name == row["effect"]), None) if claim else None
        place = next((each for each in claim.places if each.label == row["place"]), None) if claim else None
        if claim is None or effect is None or place is None:
            raise InputError("saved by another version of the laboratory", file=data, key="claim", value=row["claim"])
        measured = Interval(row["mean"], row["ci_low"], row["ci_high"], row["n"])
        by_claim.setdefault(claim.name, []).append(Finding(effect, place, measured, row["verdict"]))
    return manifest, by_claim


def holds_and_fails(found: Sequence[Finding]) -> list[str]:
    """Return, for a claim's own effect, the places of each verdict in a sentence."""
    sentences = []
    own = [each for each in found if each.effect == found[0].effect]
    for verdict in ("supported", "not supported", "contrary", "undecided"):
        places = [f"{each.place.label}: {each.text}" for each in own if each.verdict == verdict]
        if places:
            sentences.append(f"{verdict.capitalize()} in {'; '.join(places)}.")
    return sentences


def picture(claim: Claim, found: Sequence[Finding]) -> Picture:
    """Draw the claim's own effect with its interval in each place, against what is claimed."""
    own = [each for each in found if each.effect == claim.effects[0]]
    effect, known = claim.effects[0], [each for each in own if each.measured.is_known]
    words = [f"{each.place.label}: {each.text}; {each.verdict}." for each in own]
    caption = f"{effect.label[0].upper()}{effect.label[1:]}; shaded: what is claimed ({claimed(effect)})."
    if not known:
        return Picture(claim.name, "Measured against claimed", "There is no bounded interval to draw.", words)
    ends = [end for each in known for end in (each.measured.low, each.measured.high)]
    ends += [end for end in (effect.low, effect.high, effect.null) if end is not None]
    margin = 0.08 * (max(ends) - min(ends)) or 1.0
    left, right = min(ends) - margin, max(ends) + margin
    figure, axes = canvas(46.0 + 34.0 * len(own), 8.0, 8.0, 4.0, 28.0)
    axes.axvspan(
        left if effect.low is None else effect.low, right if effect.high is None else effect.high, color=LIGHT["shade"]
    )
    if effect.null is not None:
        axes.axvline(effect.null, color=LIGHT["muted"], linewidth=0.8, linestyle=(0, (3, 2)))
    for row, each in enumerate(own):
        axes.text(left, row - 0.28, each.place.label, va="bottom", ha="left")
        if each.measured.is_known:
            axes.plot([each.measured.low, each.measured.high], [row, row], color=LIGHT["accent"], linewidth=2.4)
            axes.plot([each.measured.mean], [row], "o", color=LIGHT["accent"], markersize=6)
    axes.set_xlim(left, right)
    axes.set_ylim(len(own) - 0.6, -0.9)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    scale = 1.0 if effect.unit == "number" else 100.0
    sign = "%" if effect.unit == "percent" else ""
    axes.xaxis.set_major_formatter(lambda value, _: f"{number(round(scale * value, 6))}{sign}")
    axes.locator_params(axis="x", nbins=5)
    return Picture(claim.name, "Measured against claimed", caption, words, to_svg(figure, claim.name))


def write_claims(folder: Path) -> Path:
    """Write ``folder/claims.html`` from the findings saved in ``folder/data``.

    Raises
    ------
    InputError
        If the findings cannot be read, or the page cannot be written.
    """
    manifest, by_claim = load_findings(folder)
    with drawing():
        told = [
            {
                "claim": CLAIMS[name],
                "verdict": found[0].verdict,
                "found": found,
                "holds": holds_and_fails(found),
                "picture": picture(CLAIMS[name], found),
            }
            for name, found in by_claim.items()
        ]
    page = environment().get_template("claims.html.jinja")
    text = page.render(
        title="What textbooks claim, and what happens here", told=told, manifest=manifest, claimed=claimed
    )
    return write_page(Path(folder) / "claims.html", text)


def markdown(folder: Path) -> str:
    """Return the findings as a Markdown table, a row per claim and place, with date and version.

    Raises
    ------
    InputError
        If they cannot be read.
    """
    manifest, by_claim = load_findings(folder)
    lines = [
        f"Measured by `{manifest['command']}` on {manifest['date']}, version {manifest['version']}, "
        f"{len(manifest['seeds'])} seeds; 95% intervals over seeds.",
        "",
        "| claim | market | measured | claimed | found | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in by_claim.items():
        for each in found:
            if each.effect.is_judged:
                row = (name, each.place.label, each.effect.label, claimed(each.effect), each.text, each.verdict)
                lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def terminal_table(folder: Path) -> Table:
    """Return a row per claim and market, with each claim's own effect, for a terminal.

    Raises
    ------
    InputError
        If the findings cannot be read.
    """
    manifest, by_claim = load_findings(folder)
    table = Table(title=f"{len(manifest['seeds'])} seeds; mean and 95% interval", title_justify="left", show_lines=True)
    for column in ("claim", "market", "measured", "claimed", "found", "verdict"):
        table.add_column(column, overflow="fold")
    for name, found in by_claim.items():
        for each in found:
            if each.effect == found[0].effect:
                table.add_row(name, each.place.label, each.effect.label, claimed(each.effect), each.text, each.verdict)
    return table


def to_json(folder: Path) -> dict[str, Any]:
    """Return what was found as plain data; what is not known is None.

    Raises
    ------
    InputError
        If the findings cannot be read.
    """
    manifest, by_claim = load_findings(folder)
    claims = [
        {
            "name": name,
            "claim": CLAIMS[name].text,
            "source": CLAIMS[name].source,
            "design": CLAIMS[name].design,
            "caution": CLAIMS[name].caution,
            "verdict": found[0].verdict,
            "findings": [_plain(each) for each in found],
        }
        for name, found in by_claim.items()
    ]
    return {**manifest, "claims": claims}


def _plain(found: Finding) -> dict[str, Any]:
    numbers = {"mean": found.measured.mean, "ci_low": found.measured.low, "ci_high": found.measured.high}
    return {
        "market": found.place.label,
        "scenario": found.place.scenario,
        "settings": dict(found.place.changes),
        "effect": found.effect.name,
        "label": found.effect.label,
        "claimed": [found.effect.low, found.effect.high],
        **{key: value if math.isfinite(value) else None for key, value in numbers.items()},
        "seeds": found.measured.n,
        "verdict": found.verdict,
    }
