"""What is worked out only if somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Later(Generic[Made]):
    """Something, a table say, that is made when it is first asked for, of what was noted for it at the time.

    Sent to another process or kept in a file, it is what is made alone: what it is made of may be large.

    Parameters
    ----------
    make : callable
        Makes it. It is called once at most, and then let go of with all that it holds.
    """

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make: Callable[[], Made] | None = make

    @property
    def made(self) -> Made:
        """What is made; every time the same."""
        if self._make is not None:
            self._made, self._make = self._make(), None
        return self._made

    def __reduce__(self) -> tuple[Callable[[Made], Later[Made]], tuple[Made]]:
        return already, (self.made,)


def already(made: Made) -> Later[Made]:
    """Return what is made already as something made later."""
    later = Later(lambda: made)
    later.made  # noqa: B018 - so that it holds nothing else
    return later
