"""The nearest of some words to one that is none of them."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz import fuzz, process

NEAR = 60.0
"""Similarity (0..100) from which a word is worth offering."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like this one, in any case; empty if none is near."""
    found = process.extractOne(word, list(known), scorer=fuzz.ratio, processor=str.lower, score_cutoff=NEAR)
    return found[0] if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean count?``, or else all the known words."""
    known = list(dict.fromkeys(known))
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else f"; there is {', '.join(known)}" if known else ""
