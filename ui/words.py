"""Numbers, dates and texts as people read them."""

from __future__ import annotations

import re
from datetime import date, datetime

STAGES = {"link": "names", "write": "program", "check": "check", "run": "run", "show": "answer"}
"""What the stages are called where a planner reads."""

OUTCOMES = {
    "answered": "answered",
    "clarify": "asked back",
    "steered": "cannot be done",
    "declined": "outside",
    "empty": "nothing found",
    "failed": "failed",
}
"""What became of a question, in words."""


def literal(text: str) -> str:
    """A text as Markdown that shows it as it is: dollars are no formula, stars no emphasis."""
    return re.sub(r"([\\`*_{}\[\]()#+!$~|<>:-])", r"\\\1", text)


def day(value: date) -> str:
    """``Mon 2 Nov 2026``."""
    return f"{value:%a} {_short(value)}"


def dated(text: str) -> str:
    """A text with its ISO dates as people read them: ``9 Nov 2026 → 4 Nov 2026``."""
    return re.sub(r"\b\d{4}-\d\d-\d\d\b", lambda found: _short(date.fromisoformat(found[0])), text)


def _short(value: date) -> str:
    return f"{value.day} {value:%b %Y}"


def moment(value: datetime) -> str:
    """``Mon 2 Nov 2026, 14:03``."""
    return f"{day(value)}, {value:%H:%M}"


def milliseconds(ms: float) -> str:
    """``348 ms``, ``2.1 s``; under a millisecond ``<1 ms``."""
    if ms >= 1000:
        return f"{ms / 1000:.1f} s"
    return f"{ms:.0f} ms" if ms >= 1 else "<1 ms"


def amount(value: float, unit: str = "") -> str:
    """A number with its unit: ``$1,234``, ``12%``, ``1,234 racks``."""
    if unit == "USD":
        return f"{'-' if value < 0 else ''}${abs(value):,.0f}"
    if unit == "share":
        return f"{value:.1%}"
    return f"{value:,.0f} {unit}".strip()


def change(value: float, unit: str = "") -> str:
    """A difference, with its sign."""
    return f"{'+' if value > 0 else ''}{amount(value, unit)}" if value else "no change"
