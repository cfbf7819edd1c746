"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float | None], None]
"""Told what is being done and, where that is known, how far it is: 0..1."""


def silent(doing: str, share: float | None = None) -> None:
    """Tells nobody."""
