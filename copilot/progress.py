"""How long work tells how far it is, and asks whether to go on."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float | None], None]
"""Told what is being done and, where that is known, how far it is: 0..1."""


Stopped = Callable[[], bool]
"""Asked now and then: has the one who waits given up?"""


def silent(doing: str, share: float | None = None) -> None:
    """Tells nobody."""


def never() -> bool:
    """Nobody gives up."""
    return False
