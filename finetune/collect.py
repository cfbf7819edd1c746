"""What operators said of answers, made into examples that a person looks through."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from copilot.history import Entry, Feedback
from copilot.model.prompt import Turn
from finetune.examples import Example

ACCEPTABLE = ("answered", "empty", "steered", "declined")

Review = Callable[[Example, str], Example | None]
"""Shown an example and what the operator said; returns it, mended or not, or None to leave it out."""


def feedback(judged: Iterable[tuple[Entry, Feedback]]) -> Iterator[tuple[Example, str]]:
    """An example from each judged answer, with what the operator said.

    An accepted answer gives the program that was run, a corrected one the program meant. A rejected one, and a
    corrected one without a program, give an example without an answer: its program is empty.
    """
    for entry, said in judged:
        program = entry.program if _stands(entry, said) else (said.program or "")
        turns = tuple(Turn(**turn) for turn in json.loads(entry.context or "[]"))
        example = Example(
            question=entry.question, program=program, id=entry.id, note=said.verdict, context=turns, links=entry.links
        )
        yield example, ": ".join(filter(None, (said.verdict, said.comment)))


def collect(
    found: Iterable[tuple[Example, str]], known: Sequence[Example], review: Review, judge: Callable[[Example], str]
) -> Iterator[Example]:
    """The examples that a person keeps, without those that are known already.

    Args:
        judge: says what is wrong with an example; its reviewer is told, and what stays wrong is left out.
    """
    seen = {_key(example) for example in known}
    for example, said in found:
        if not example.question or _key(example) in seen:
            continue
        wrong = judge(example)
        kept = review(example, f"{said}; {wrong}" if wrong else said)
        if kept is not None and kept.program and not judge(kept):
            seen.add(_key(kept))
            yield kept


def _stands(entry: Entry, said: Feedback) -> bool:
    """Whether what was run is what was meant."""
    asked_back = entry.outcome == "clarify" and entry.program.startswith("clarify(")
    return said.verdict == "accepted" and (entry.outcome in ACCEPTABLE or asked_back)


def _key(example: Example) -> tuple[str, str]:
    return example.question, json.dumps([turn.program for turn in example.context])
