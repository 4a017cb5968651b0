"""How a number, an interval and a name are written for a reader who is not a statistician.

Three significant digits, thousands separators, a true minus sign, and never scientific notation.
"""

from __future__ import annotations

import math
import os.path
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from experiments.report.intervals import Interval

MINUS = "\N{MINUS SIGN}"
UNKNOWN = "not known"

Unit = Literal["percent", "points", "money", "people", "score"]  # points: percentage points, in which shares differ


@dataclass(frozen=True, slots=True)
class Metric:
    """One outcome as a reader meets it: its name in the data, its label, its unit and what it means."""

    name: str
    label: str
    unit: Unit
    meaning: str


def metric(name: str, horizon: int) -> Metric:
    """Return how the outcome ``name`` is told, for a long-run window of ``horizon`` periods."""
    window = f"the last {horizon} periods"
    known: dict[str, tuple[str, Unit, str]] = {
        "retention": (
            "Retention",
            "percent",
            f"share of the firm's customers at the start of {window} who are still its customers at the end "
            "and never lapsed in between",
        ),
        "profit": ("Profit", "money", f"revenue less all costs, added up over {window}"),
        "customers": ("Customers", "people", "customers of the firm"),
        "share": ("Market share", "percent", "the firm's share of all purchases"),
        "repeat_rate": ("Repeat rate", "percent", "share of purchases made at the firm bought from before"),
        "satisfaction": ("Satisfaction", "score", "mean satisfaction of the firm's customers"),
        "attachment": ("Attachment", "score", "mean attachment of the firm's customers"),
        "revenue": ("Revenue", "money", f"what customers paid, added up over {window}"),
        "equity": ("Customer equity", "money", "what the firm's customers are worth to it at the end of the run"),
        "top20_share": (
            "Share of the top 20%",
            "percent",
            "share that comes from the best fifth of the customers; heavy-tailed demand alone gives 48% to 64%",
        ),
    }
    label, unit, meaning = known.get(name, (name.replace("_", " ").capitalize(), "score", ""))
    return Metric(name, label, unit, meaning)


def number(value: float) -> str:
    """Write ``value`` with three significant digits, in words from a million up.

    >>> number(12345.6), number(0.04567), number(8.0), number(2_345_678.0)
    ('12,300', '0.0457', '8', '2.35 million')
    """
    if not math.isfinite(value):
        return UNKNOWN
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if abs(value) >= size:
            return f"{_three_digits(value / size)} {word}"
    return _three_digits(value)


def compact(value: float) -> str:
    """Write ``value`` in little room, for the axis of a picture: 12.3k, 2.35m.

    >>> compact(12345.6), compact(2_345_678.0), compact(950.0)
    ('12.3k', '2.35m', '950')
    """
    if not math.isfinite(value):
        return "\N{EN DASH}"
    for size, letter in ((1e12, "t"), (1e9, "b"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return _three_digits(value / size) + letter
    return _three_digits(value)


def without_zeros(text: str) -> str:
    """Drop the zeros that end a number's decimals, as an axis writes it.

    >>> without_zeros("+2.50k"), without_zeros("60.0%"), without_zeros("100")
    ('+2.5k', '60%', '100')
    """
    return re.sub(r"\.(\d*?)0+(?=\D*$)", lambda match: f".{match[1]}" if match[1] else "", text)


def percent(value: float) -> str:
    """Write the fraction ``value`` as a percentage; a fraction that is not known has no sign."""
    return f"{number(100 * value)}%" if math.isfinite(value) else UNKNOWN


def points(value: float) -> str:
    """Write the fraction ``value`` in percentage points.

    >>> points(0.0312), points(0.01)
    ('3.12 points', '1 point')
    """
    if not math.isfinite(value):
        return UNKNOWN
    size = number(100 * value)
    return f"{size} point" if size in ("1", f"{MINUS}1") else f"{size} points"


def signed(text: str) -> str:
    """Put a plus sign before the number written in ``text``, unless it is negative, zero or not known."""
    return text if text[0] == MINUS or not text.strip("0.% ") or not text[0].isdigit() else f"+{text}"


def in_unit(value: float, unit: Unit) -> str:
    """Write a level in its unit."""
    if unit == "points":
        return points(value)
    return percent(value) if unit == "percent" else number(value)


def unit_of_difference(unit: Unit) -> Unit:
    """Return the unit in which levels of a unit differ."""
    return "points" if unit == "percent" else unit


def difference_in_unit(value: float, unit: Unit) -> str:
    """Write a difference with its sign; shares differ by percentage points, not by per cent."""
    return signed(number(100 * value if unit in ("percent", "points") else value))


def range_of(interval: Interval, unit: Unit, *, is_difference: bool = False) -> str:
    """Write the ends of an interval, or say that one run has none."""
    if interval.n == 0:
        return UNKNOWN
    if not interval.is_known:
        return "one run: no interval" if interval.n == 1 else "no interval"
    if unit == "points" and not is_difference:
        return f"{number(100 * interval.low)} to {points(interval.high)}"
    write = difference_in_unit if is_difference else in_unit
    return f"{write(interval.low, unit)} to {write(interval.high, unit)}"


def level(interval: Interval, unit: Unit) -> str:
    """Write a mean with its interval: ``61.2% (60.1% to 62.3%)``."""
    if interval.n == 0:
        return UNKNOWN
    return f"{in_unit(interval.mean, unit)} ({range_of(interval, unit)})"


def count(n: int, one: str, many: str | None = None) -> str:
    """Write a number of things: ``1 seed``, ``8 seeds``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(names: Iterable[str]) -> str:
    """Join names as a sentence does: ``a, b and c``."""
    *head, last = names
    return f"{', '.join(head)} and {last}" if head else last


def labels(arms: Sequence[str]) -> Mapping[str, str]:
    """Return a readable label for each arm: no shared ``scenario:`` prefix, spaces for underscores.

    Arms whose labels would coincide keep the names they have.
    """
    prefixes = {arm.partition(":")[0] if ":" in arm else None for arm in arms}
    is_shared = len(prefixes) == 1 and None not in prefixes
    readable = {arm: (arm.partition(":")[2] if is_shared else arm).replace("_", " ").strip() or arm for arm in arms}
    return readable if len(set(readable.values())) == len(arms) else {arm: arm for arm in arms}


def width(text: str) -> float:
    """Return about how many digits wide ``text`` is; wide and full-width characters count almost double."""
    return sum(1.75 if unicodedata.east_asian_width(letter) in "WF" else 1.0 for letter in text)


def shortened(text: str, most: float) -> str:
    """Cut the middle out of a text wider than ``most`` digits, since names often differ at their ends."""
    if width(text) <= most:
        return text
    head = tail = ""
    while width(head + tail) + 2 < most:
        if len(head) <= len(tail):
            head += text[len(head)]
        else:
            tail = text[-len(tail) - 1] + tail
    return f"{head.rstrip()}\N{HORIZONTAL ELLIPSIS}{tail.lstrip()}"


def shortened_apart(texts: Sequence[str], most: float) -> list[str]:
    """Shorten texts so that they stay different from each other: by the middle, by what they share, or by number."""
    shared = os.path.commonprefix(list(texts))  # noqa: RUF071 - letters are what is meant
    rests = [f"\N{HORIZONTAL ELLIPSIS}{text[len(shared) :].lstrip()}" for text in texts]
    numbered = [f"{place}. {text}" for place, text in enumerate(texts, 1)]
    for candidates in (texts, rests, numbered):
        short = [shortened(text, most) for text in candidates]
        if len(set(short)) == len(set(texts)):
            break
    return short


def _three_digits(value: float) -> str:
    if abs(value) < 1e-12:
        return "0"
    n_decimals = 2 - math.floor(math.log10(abs(value)))
    rounded = round(value, n_decimals)
    n_decimals = 2 - math.floor(math.log10(abs(rounded)))  # 9.999 has become 10.00, one digit more
    is_whole = math.isclose(value, round(value), rel_tol=1e-9)
    return f"{rounded:,.{0 if is_whole else max(n_decimals, 0)}f}".replace("-", MINUS)
