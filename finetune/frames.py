"""Frames filled and nouns put in the plural: what composed questions and their follow-ups share."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from finetune.fill import SLOT
from finetune.fragments import Named

LOOKUP = re.compile(r"(?:^|, )([a-z_]+?)(?:__[a-z]+)?=")
"""The columns of lookups written in a row."""


def framed(frames: Sequence[str], rng: random.Random, **parts: str) -> str:
    """A frame with its places filled, drawn from those whose places are all given."""
    fitting = [f for f in frames if {m[1] + m[2] for m in SLOT.finditer(f)} <= {*parts, "n"}]
    text = rng.choice(fitting)
    for place, said in parts.items():
        text = text.replace(f"{{{place}}}", said)
    return text


def grouping(rng: random.Random, group: Named) -> dict[str, str]:
    """A column to group by, as ``group`` and ``groups``."""
    said = rng.choice(group.said)
    return {"group": said, "groups": _plural(said)}


def _plural(noun: str) -> str:
    """``country`` to ``countries``; of a phrase the word before "of", "in", "that" …"""
    head, space, rest = noun, "", ""
    if match := re.search(r" (of|in|on|for|that|they|it|to|from|where|when|we)\b", noun):
        head, space, rest = noun[: match.start()], " ", noun[match.start() + 1 :]
    if re.search(r"[^aeiou]y$", head):
        head = head[:-1] + "ie"
    return f"{head}{'es' if re.search(r'(s|x|ch|sh)$', head) else 's'}{space}{rest}"


def quoted(text: str) -> str:
    """A text as programs write it."""
    return f'"{text}"'
