"""What the fine-tuned model reads: earlier turns, the question and its links; and nothing of the schema.

Schema and tasks live in the weights; names come with the question. Prompts stay under about 100 tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TURNS = 2
END = "\n"


@dataclass(frozen=True)
class Turn:
    """An earlier question of the chat and the program that answered it."""

    question: str
    program: str


def prompt(question: str, links: str = "", context: Sequence[Turn] = ()) -> str:
    """The text that the model completes with a program and END.

    Args:
        question: as asked.
        links: as `Links.shown()` gives them.
        context: earlier turns, oldest first; the last few are kept.
    """
    turns = [f"Q: {flat(turn.question)}\nA: {flat(turn.program)}\n" for turn in context[-TURNS:]]
    shown = f"{links}\n" if links else ""
    return f"{''.join(turns)}Q: {flat(question)}\n{shown}A:"


def flat(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())
