"""The data set: questions with the program that answers each, in JSON Lines.

A line is ``{"question", "program"}`` or ``{"question", "outcome"}`` (``answer`` for ``program`` where there is no
app), optionally with ``id``, ``task``, ``family``,
``note``, ``context``, ``choices``, ``accept``, and for evaluation ``sql`` and ``ordered``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from copilot.errors import DataError
from copilot.files import whole
from copilot.model.prompt import Turn

OutcomeName = Literal["answered", "clarify", "steered", "declined", "empty", "failed"]


class Example(BaseModel):
    """One question and what is right for it."""

    model_config = ConfigDict(extra="forbid")

    question: str
    program: str | None = Field(default=None, validation_alias=AliasChoices("program", "answer"))
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


def task_of(example: Example) -> str:
    """The task that an example is of: as it says, or what its program begins with, or its outcome."""
    if example.task or not example.program:
        return example.task or str(example.outcome)
    try:
        names = (node.id for node in ast.walk(ast.parse(example.program)) if isinstance(node, ast.Name))
        return next(names, "value")
    except SyntaxError:
        return "text"


def read(
    path: Path,
    skip_bad: bool = False,
    tell: Callable[[DataError], None] = lambda error: None,
    judge: Callable[[Example], str] = lambda example: "",
) -> list[Example]:
    """All examples of a file.

    Args:
        skip_bad: leave out bad lines instead of raising the first.
        tell: told of each line left out.
        judge: says what else is wrong with an example; empty if nothing.

    Raises:
        DataError: the first bad line, unless `skip_bad`; or there is no file, or nothing in it.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(0, f"cannot read {path}: {error}") from error
    examples = []
    for number, line in enumerate(lines, start=1):
        try:
            examples += [_parsed(number, line, judge)] if line.strip() else []
        except DataError as error:
            if not skip_bad:
                raise
            tell(error)
    if not examples:
        raise DataError(0, f"{path} holds no examples")
    return examples


def write(path: Path, examples: Sequence[Example]) -> None:
    """Write examples as JSON Lines, whole or not at all."""
    with whole(path) as part:
        part.write_text("".join(e.model_dump_json(exclude_defaults=True) + "\n" for e in examples), encoding="utf-8")


def _parsed(number: int, line: str, judge: Callable[[Example], str]) -> Example:
    try:
        example = Example.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(number, f"{place or 'the line'}: {first['msg']}") from error
    if problem := judge(example):
        raise DataError(number, problem)
    return example
