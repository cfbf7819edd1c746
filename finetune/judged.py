"""A question that was asked, and whether its answer is right."""

from __future__ import annotations

from dataclasses import dataclass

from copilot.answer import Answer
from finetune.examples import Example


@dataclass(frozen=True)
class Judged:
    """A question, its answer, and why that is wrong (empty if right).

    Args:
        asked_right: the question was asked back, and the best reading offered is right.
    """

    example: Example
    answer: Answer
    why: str
    asked_right: bool = False

    @property
    def meant(self) -> bool:
        """Whether the program that the model holds likeliest is right, asked back or not."""
        return self.asked_right or not self.why
