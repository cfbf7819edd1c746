"""Numbers said in words, as digits: "twenty five" is 25, "eleven oh seven" is 1107, "one hundred" is 100."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

UNITS = {w: i for i, w in enumerate("zero one two three four five six seven eight nine".split())} | {"oh": 0}
TEENS = {
    w: i
    for i, w in enumerate(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(), start=10
    )
}
TENS = {w: 10 * i for i, w in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)}
SCALES = {"hundred": 100, "thousand": 1000}
WORDS = UNITS | TEENS | TENS | SCALES


def merged(tokens: Sequence[Any], make: Callable[..., Any]) -> Iterator[Any]:
    """The tokens with each run of number words made one token of digits.

    Args:
        tokens: with `form`, `start` and `end`.
        make: builds a token from form, start and end.
    """
    at = 0
    while at < len(tokens):
        run = _run(tokens, at)
        if run:
            yield make(digits([t.form for t in run]), run[0].start, run[-1].end)
        else:
            yield tokens[at]
        at += max(1, len(run))


def digits(words: Sequence[str]) -> str:
    """The digits of a run of number words."""
    if any(word in SCALES for word in words):
        return str(_scaled(words))
    return "".join(str(value) for value in _pairs(words))


def _run(tokens: Sequence[Any], at: int) -> list[Any]:
    end = at
    while end < len(tokens) and tokens[end].form in WORDS:
        end += 1
    run = list(tokens[at:end])
    return run if run and run[0].form != "oh" and run[0].form not in SCALES else []


def _scaled(words: Sequence[str]) -> int:
    total, current = 0, 0
    for word in words:
        if word in SCALES:
            current = max(1, current) * SCALES[word]
            total, current = (total + current, 0) if word == "thousand" else (total, current)
        else:
            current += WORDS[word]
    return total + current


def _pairs(words: Sequence[str]) -> Iterator[int]:
    at = 0
    while at < len(words):
        value = WORDS[words[at]]
        joins = words[at] in TENS and at + 1 < len(words) and UNITS.get(words[at + 1], 0) > 0
        yield value + (UNITS[words[at + 1]] if joins else 0)
        at += 2 if joins else 1
