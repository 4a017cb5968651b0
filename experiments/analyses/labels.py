"""Labels that fit: settings by the shortest name that is theirs alone, and names beside points, clear of each other."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.report.words import width

LETTER = 0.6  # width of a letter over the size of the type
STEPS = (5.0, -12.0, 16.0, -23.0, 27.0, -34.0)  # of a label above or below its point, in points
BESIDE = 6.0

Box = tuple[float, float, float, float]


def short(paths: Sequence[str]) -> list[str]:
    """Return settings by the end of their paths, or in full where two would be called alike.

    Examples
    --------
    >>> short(["customers.behaviour.praise_rate", "customers.mix.price", "firms.Aurora.tiers.gold.service"])
    ['praise_rate', 'mix.price', 'Aurora.gold.service']
    """
    names = [_ending(path.split(".")) for path in paths]
    return [path if names.count(name) > 1 else name for path, name in zip(paths, names, strict=True)]


def _ending(keys: list[str]) -> str:
    if keys[0] == "firms":
        return ".".join(key for key in keys[1:] if key != "tiers")
    return ".".join(keys[-2:]) if "mix" in keys else keys[-1]


def apart(points: Sequence[tuple[float, float]], texts: Sequence[str], size: float, across: float) -> list[Box]:
    """Return where names stand beside points, clear of other names and points as far as that goes.

    Parameters
    ----------
    points : sequence of (x, y)
        In points of the drawing, from its lower left.
    texts : sequence of str
        A name for each point.
    size : float
        Size of the type.
    across : float
        Width of the drawing, beyond which no name reaches.

    Returns
    -------
    list of (left, bottom, right, top)
        A box for each name.
    """
    placed: list[Box] = []
    marks = [(x - 3, y - 3, x + 3, y + 3) for x, y in points]
    for (x, y), text in zip(points, texts, strict=True):
        long = width(text) * LETTER * size
        tried = [
            (left, y + step, left + long, y + step + size)
            for step in STEPS
            for left in ((x - BESIDE - long, x + BESIDE) if x > across / 2 else (x + BESIDE, x - BESIDE - long))
            if left >= 0 and left + long <= across
        ] or [(x, y, x + long, y + size)]
        placed.append(min(tried, key=lambda box: sum(_meet(box, other) for other in (*placed, *marks))))
    return placed


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
