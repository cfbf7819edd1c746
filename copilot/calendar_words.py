"""Dates and months as people write them, as ISO text: "20 Nov", "Nov 20th", "the 27th", "2026-11-20", "20/11"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

MONTHS = "january february march april may june july august september october november december".split()
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>20\d\d))?"
ORDINALS = {
    w: i
    for i, w in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
        "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth".split(),
        start=1,
    )
}
_ORDINAL = rf"(?P<ordinal>(?:twenty|thirty)[- ](?:{'|'.join(list(ORDINALS)[:9])})|{'|'.join(ORDINALS)}|thirtieth)"
PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?P<iso>20\d\d-[01]\d-[0-3]\d)\b",
        rf"\b{_DAY}\s*(?:of\s+)?{_MONTH}{_YEAR}",
        rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}\b(?!\s*(?:%|percent|racks?|orders?|days?)){_YEAR}",
        rf"\b(?:the\s+)?{_ORDINAL}\s+(?:of\s+)?{_MONTH}{_YEAR}",
        rf"\b{_MONTH}\s+(?:the\s+)?{_ORDINAL}\b{_YEAR}",
        r"\b(?!24/7\b)(?P<day>[0-3]?\d)/(?P<number>[01]?\d)(?:/(?P<year>20\d\d))?\b(?!\s+of\b)",
        r"\bthe\s+(?P<day>[0-3]?\d)(?:st|nd|rd|th)\b",
        rf"(?<!may )(?<!might )\b{_MONTH}{_YEAR}",
    )
)
_VERB_MAY = re.compile(
    r"\b(in|of|by|for|since|until|till|during|before|after|due|this|next|last|over)\s+$", re.IGNORECASE
)


@dataclass(frozen=True)
class Found:
    """A date (`2026-11-20`) or month (`2026-11`) in a text, and where it stands."""

    value: str
    kind: str
    start: int
    end: int


def find(text: str, today: date) -> Iterator[Found]:
    """Every date and month in a text; without a year, the one nearest to `today`."""
    taken: list[tuple[int, int]] = []
    for pattern in PATTERNS:
        for match in pattern.finditer(text):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            found = _read(match, text, today)
            if found or _impossible(match):
                taken.append(match.span())
            if found:
                yield found


def _impossible(match: re.Match[str]) -> bool:
    """Whether it names a day that its month does not have, such as 31 Nov: no date, and no month either."""
    parts = match.groupdict()
    return bool(parts.get("month") and (parts.get("day") or parts.get("ordinal")))


def _read(match: re.Match[str], text: str, today: date) -> Found | None:
    parts = match.groupdict()
    try:
        if parts.get("iso"):
            return Found(date.fromisoformat(parts["iso"]).isoformat(), "date", *match.span())
        return _spoken(match, parts, text, today)
    except ValueError:
        return None


def _spoken(match: re.Match[str], parts: dict[str, str], text: str, today: date) -> Found | None:
    day = _day(parts)
    month = _month(parts)
    year = int(parts["year"]) if parts.get("year") else None
    if day is None:
        if match.group().lower() == "may" and not _VERB_MAY.search(text[: match.start()]):
            return None
        return Found(f"{_nearest(1, month or 1, year, today):%Y-%m}", "month", *match.span())
    when = _nearest(day, month, year, today) if month else _coming(day, today)
    return Found(when.isoformat(), "date", *match.span())


def _day(parts: dict[str, str]) -> int | None:
    if parts.get("day"):
        return int(parts["day"])
    if not parts.get("ordinal"):
        return None
    words = re.split(r"[- ]", parts["ordinal"].lower())
    tens = {"twenty": 20, "thirty": 30, "thirtieth": 30}
    return sum(tens.get(word, ORDINALS.get(word, 0)) for word in words)


def _month(parts: dict[str, str]) -> int | None:
    if parts.get("number"):
        return int(parts["number"])
    name = (parts.get("month") or "").lower()
    return next((i for i, full in enumerate(MONTHS, start=1) if full.startswith(name[:3])), None) if name else None


def _nearest(day: int, month: int, year: int | None, today: date) -> date:
    if year:
        return date(year, month, day)
    return min(
        (date(y, month, day) for y in (today.year - 1, today.year, today.year + 1)), key=lambda d: abs(d - today)
    )


def _coming(day: int, today: date) -> date:
    if day >= today.day:
        return today.replace(day=day)
    return (today.replace(day=1) + timedelta(days=32)).replace(day=day)
