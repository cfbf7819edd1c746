"""A model that answers what it is told to: for tests and demonstrations, yours and ours, without weights."""

from __future__ import annotations

from dataclasses import dataclass

from copilot.model.writer import Request, Written


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
