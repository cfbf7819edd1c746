"""What a model knows already: examples whose program it would write anyway teach it little, and cost as much as any.

Leaving most of them out of a further training is hard example mining (Shrivastava et al. 2016); a part of them stays,
so that what is known is not forgotten.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from copilot.app import App
from copilot.model.writer import Request
from finetune.examples import Example

TOGETHER = 8
"""Examples that are read in one pass."""


class Knowing(Protocol):
    """A model that says how sure it is of a program."""

    def sure_of(self, request: Request, program: str) -> float:
        """0..1; 0 for a program that it would not write."""
        ...


@dataclass
class Sifted:
    """What became of the examples, by their note, such as the voice that they come from.

    Args:
        of: how many there were.
        known: how many of them the model knows.
    """

    of: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)

    def hardest(self) -> list[tuple[str, float]]:
        """The notes and the share of their examples that the model knows, 0..1, the least known first."""
        return sorted(((note, self.known[note] / count) for note, count in self.of.items()), key=lambda one: one[1])


def sift(
    examples: Sequence[Example], writer: Knowing, app: App, sure: float, keep: float, seed: int, report: Sifted
) -> Iterator[Example | None]:
    """Each example that is worth training on, in turn; None in the place of one that is left out.

    Args:
        sure: an example is known if each token of its program is at least so likely, 0..1.
        keep: the part of the known ones that stays, 0..1.
        report: counts what is known.
    """
    rng = random.Random(seed)
    for example, chance in _asked(examples, writer, app):
        report.of[example.note] += 1
        report.known[example.note] += chance >= sure
        yield example if chance < sure or rng.random() < keep else None


def _asked(examples: Sequence[Example], writer: Knowing, app: App) -> Iterator[tuple[Example, float]]:
    def chance(example: Example) -> float:
        request = Request(example.question, example.links, example.context, app)
        return writer.sure_of(request, example.program or "")

    with ThreadPoolExecutor(TOGETHER) as pool:
        yield from zip(examples, pool.map(chance, examples), strict=True)
