"""A model that answers what it is told to: for tests and demonstrations, yours and ours, without weights."""

from __future__ import annotations

from dataclasses import dataclass

from copilot.model.writer import Beginning, Request, Written


@dataclass(frozen=True)
class Scripted:
    """A model that knows its programs beforehand.

    Args:
        programs: by question, in any case.
        otherwise: for a question that is not among them.
    """

    programs: dict[str, str]
    otherwise: str = "decline()"
    name: str = "scripted"

    def write(self, request: Request) -> Written:
        known = {question.lower(): program for question, program in self.programs.items()}
        return Written(known.get(request.question.lower(), self.otherwise))


@dataclass(frozen=True)
class Hesitant:
    """A model that holds several programs likely: the first it writes, the others it can begin.

    Args:
        programs: each with the probability of the least sure of its tokens, 0..1.
    """

    programs: tuple[tuple[str, float], ...]
    name: str = "hesitant"

    def write(self, request: Request) -> Written:
        program, sure = self.programs[0]
        others = tuple(Beginning((at,), chance) for at, (_, chance) in enumerate(self.programs) if at)
        return Written(program, confidence=sure, others=others)

    def write_from(self, request: Request, beginning: Beginning) -> Written:
        program, sure = self.programs[beginning.tokens[0]]
        return Written(program, confidence=sure)
