"""Text from a question, a program or the database, made fit to be shown.

What this wall covers: characters that act on a terminal (escapes), hide (zero width), or turn the order of what is
read around; sentences of several lines, or without end. What it does not: letters that only look alike, which show as
they are; and rows, which carry the data unchanged: whoever draws them makes them printable.
"""

from __future__ import annotations

import unicodedata
from typing import Any

UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of characters without a form of their own: controls, formats, halves, separators of lines."""
REPLACED = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """The text with its lines, each character that cannot be seen replaced by one that can."""
    if text.isprintable():
        return text
    return "".join(REPLACED if c != "\n" and unicodedata.category(c) in UNSEEN else c for c in text)


def one_line(text: str, most: int) -> str:
    """The text on one line, printable, cut to `most` characters."""
    line = printable(" ".join(text[: 4 * most].split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def quoted(value: Any, most: int = 60) -> str:
    """A value in a message: plain ones as a program writes them, others by what they are; cut to `most` characters."""
    if value is None or isinstance(value, str | int | float):
        return one_line(repr(value), most)
    return f"a {type(value).__name__.lower()}"
