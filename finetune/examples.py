"""The data set: questions with the program that answers each, in JSON Lines.

A line is ``{"question", "program"}`` or ``{"question", "outcome"}``, optionally with ``id``, ``task``, ``family``,
``note``, ``context``, ``choices``, ``accept``, and for evaluation ``sql`` and ``ordered``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from copilot.errors import DataError
from copilot.files import whole
from copilot.model.prompt import Turn

OutcomeName = Literal["answered", "clarify", "steered", "declined", "empty", "failed"]


class Example(BaseModel):
    """One question and what is right for it."""

    model_config = ConfigDict(extra="forbid")

    question: str
    program: str | None = None
    outcome: OutcomeName | None = None
    id: str | None = None
    task: str | None = None
    family: str | None = None
    note: str = ""
    context: tuple[Turn, ...] = ()
    choices: tuple[str, ...] | None = None
    accept: tuple[str, ...] = ()
    sql: str | None = None
    ordered: bool = False
    links: str = ""

    @model_validator(mode="after")
    def _says_what_is_right(self) -> Example:
        if self.program is None and self.outcome is None:
            raise ValueError("needs a program or an outcome")
        return self


def read(path: Path, skip_bad: bool = False) -> list[Example]:
    """All examples of a file.

    Raises:
        DataError: the first bad line, unless `skip_bad`; or there is no file, or nothing in it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(0, f"cannot read {path}: {error}") from error
    examples = list(_parsed(lines, skip_bad))
    if not examples:
        raise DataError(0, f"{path} holds no examples")
    return examples


def write(path: Path, examples: Sequence[Example]) -> None:
    """Write examples as JSON Lines, whole or not at all."""
    with whole(path) as part:
        part.write_text("".join(e.model_dump_json(exclude_defaults=True) + "\n" for e in examples), encoding="utf-8")


def _parsed(lines: Sequence[str], skip_bad: bool) -> Iterator[Example]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield Example.model_validate_json(line)
        except ValidationError as error:
            if not skip_bad:
                first = error.errors()[0]
                place = ".".join(map(str, first["loc"]))
                raise DataError(number, f"{place or 'the line'}: {first['msg']}") from error
