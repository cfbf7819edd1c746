"""Amounts said in words, as the numbers that programs take: "two weeks" is 14 days, "a third" 33 percent, a dozen 12.

A small model copies a number well and calculates badly, so the sums are done here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.calendar_words import Found
from copilot.number_words import WORDS, digits

DAYS = {"week": 7, "wk": 7, "fortnight": 14, "month": 30}
PERCENT = {"half": 50, "third": 33, "quarter": 25, "fifth": 20, "tenth": 10}
GROWTH = {
    "doubl": 100, "twofold": 100, "twice as": 100, "two times": 100, "tripl": 200, "trebl": 200, "threefold": 200,
    "three times": 200, "quadrupl": 300, "halv": 50,
}  # fmt: skip
_COUNT = rf"\d+|{'|'.join(WORDS)}"
_DURATION = re.compile(
    rf"\b(?P<count>{_COUNT}|a couple of|couple of|an?|another)[ -]+(?P<unit>weeks?|wks?|fortnights?|months?)\b",
    re.IGNORECASE,
)
_DOZENS = re.compile(rf"\b(?P<half>half )?(?P<count>{_COUNT}|a couple of|couple of|an?)[ -]+dozens?\b", re.IGNORECASE)
_LONE = re.compile(
    r"\b(?:by|within|than|for|after|slips?|another|about|just|only|extra|full|of|off|up|back)\s+$", re.IGNORECASE
)
"""What stands before "a week" when it is a duration; "10 racks a week" is a rate."""
_LATE = re.compile(r"\s+(?:late|later|behind|early|earlier|sooner|more|longer|delay|overdue)\b", re.IGNORECASE)
_PART = re.compile(
    rf"\b(?:(?P<count>a|an|one|two|three|four)[ -])?(?P<part>{'|'.join(PERCENT)})s?\b"
    rf"|\b(?P<growth>{'|'.join(GROWTH)})\w*",
    re.IGNORECASE,
)


def find(text: str) -> Iterator[Found]:
    """Every duration (kind ``days``), part (``percent``) and dozen (``number``) in a text, with where it stands."""
    for match in _DURATION.finditer(text):
        if match["count"].lower() not in ("a", "an") or _stands_alone(text, match):
            unit = match["unit"].lower().rstrip("s")
            yield Found(str(_number(match["count"]) * DAYS[unit]), "days", *match.span())
    dozens = list(_DOZENS.finditer(text))
    for match in dozens:
        yield Found(str(_number(match["count"]) * (6 if match["half"] else 12)), "number", *match.span())
    for match in _PART.finditer(text):
        if any(dozen.start() <= match.start() < dozen.end() for dozen in dozens):
            continue
        if percent := _percent(match):
            yield Found(str(percent), "percent", *match.span())


def _stands_alone(text: str, match: re.Match[str]) -> bool:
    fortnight = match["unit"].lower().startswith("fortnight")
    return fortnight or bool(_LONE.search(text[: match.start()]) or _LATE.match(text[match.end() :]))


def _number(count: str) -> int:
    word = count.lower()
    if word.isdigit():
        return int(word)
    return int(digits([word])) if word in WORDS else 2 if "couple" in word else 1


def _percent(match: re.Match[str]) -> int:
    """Per cent of a whole; 0 where the words are no part: "this quarter", "the third"."""
    if match["growth"]:
        return GROWTH[match["growth"].lower()]
    part, count = match["part"].lower(), (match["count"] or "").lower()
    if not count and part != "half":
        return 0
    times = {"two": 2, "three": 3, "four": 4}.get(count, 1)
    return round(times * (100 / 3 if part == "third" else PERCENT[part]))
