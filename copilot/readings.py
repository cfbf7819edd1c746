"""The ways in which a model reads a question: the likeliest first, others where that one is in doubt.

What this wall covers: a program that the model was unsure of, or that leaves out what the question says, is not run
but asked back. What it does not: a wrong program of which the model is sure, and whose names and numbers are all in the
question; `finetune evaluate` counts these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from copilot.confidence import UNCALIBRATED, Calibration, Signs, signs
from copilot.errors import Ambiguous, LimitReached, NameMistake, ProgramError
from copilot.link import Links
from copilot.model.writer import Doubting, Request, Writer, Written
from copilot.names import Names

MOST_TRIED = 3
"""Other programs that are written out where the first is in doubt; each takes as long as the first."""
UNLIKELY = 0.02
"""A beginning less likely than this is no other reading."""


@dataclass(frozen=True)
class Reading:
    """A program that passes the check.

    Args:
        code: the text that runs.
        signs: what speaks for and against it.
        chance: the probability that it is what was meant, 0..1.
    """

    program: str
    code: str
    signs: Signs
    chance: float


def doubtful(program: str, chance: float, sure: float) -> bool:
    """Whether a program is to be asked back rather than run; one that asks back by itself is run."""
    return chance < sure and not program.startswith("clarify(")


Check = Callable[[str], tuple[str, str]]
"""Gives a program as it is settled, and its code. Raises ProgramError if it does not pass."""


def readings(writer: Writer, request: Request, written: Written, names: Names, links: Links, passed: Check,
             sure: float) -> list[Reading]:  # fmt: skip
    """The readings of a question, the best first; a single one if its chance is at least `sure`.

    Raises:
        ProgramError: no program that the model writes passes the check; what is wrong with the likeliest.
    """
    calibration: Calibration = getattr(writer, "calibration", UNCALIBRATED)
    earlier = [text for turn in request.context for text in (turn.question, turn.program)]
    found, failed, first = dict[str, Reading](), 0, None
    for one in _written(writer, request, written):
        try:
            program, code = passed(one.program)
        except (NameMistake, Ambiguous, LimitReached):
            if one is written:
                raise
        except ProgramError as error:
            first, failed = first or error, failed + 1
        else:
            of_it = signs(request.app, names, links, earlier, one, program, failed)
            reading = found.setdefault(code, Reading(program, code, of_it, calibration.chance(of_it)))
            if reading.chance >= sure:
                break
    if not found:
        assert first is not None
        raise first
    return sorted(found.values(), key=lambda reading: -reading.chance)


def _written(writer: Writer, request: Request, written: Written) -> Iterator[Written]:
    yield written
    if isinstance(writer, Doubting):
        for beginning in written.others[:MOST_TRIED]:
            if beginning.chance >= UNLIKELY:
                yield writer.write_from(request, beginning)
