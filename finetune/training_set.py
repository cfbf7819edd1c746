"""What a run is trained on: the examples of a file, checked and linked if there is an app, some of them held out."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from copilot.app import App
from copilot.errors import DataError, ProgramError
from copilot.link import Linker
from copilot.model.prompt import END
from copilot.program import check, sandbox
from copilot.program.stub import stub
from finetune.examples import Example, read

MOST_HELD_OUT = 200
SMALLEST = 5
"""A data set of fewer examples is trained on as a whole."""


@dataclass
class Judge:
    """Says what is wrong with an example to train on; empty if nothing.

    Args:
        app: whose stub a program must pass; None for plain text.
    """

    app: App | None = None
    _passed: set[str] = field(default_factory=set)

    def __call__(self, example: Example) -> str:
        answer = example.program or ""
        if END in answer.strip():
            return "program: the answer has several lines; a model writes one"
        if self.app is None or not answer:
            return ""
        try:
            self._check(self.app, answer)
        except ProgramError as error:
            return f"program: {error}"
        return ""

    def _check(self, app: App, program: str) -> None:
        """Type-check a program, unless another that differs in names and numbers alone has passed."""
        tree = check.parse(program)
        form = ast.dump(_Blank().visit(check.parse(program)))
        if form not in self._passed:
            sandbox.check_types(program, stub(app, check.views_used(app, tree)))
            self._passed.add(form)


class _Blank(ast.NodeTransformer):
    """Names and numbers without their values; column names, which are texts too, keep theirs in keywords alone."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.keywords = [ast.keyword(k.arg, _blank(k.value)) for k in node.keywords]
        self.generic_visit(node)
        return node


def _blank(value: ast.expr) -> ast.expr:
    return ast.Constant(type(value.value).__name__) if isinstance(value, ast.Constant) else value


def read_examples(
    path: Path, app: App | None = None, skip_bad: bool = False, tell: Callable[[str], None] = print
) -> list[Example]:
    """The examples of a file that can be trained on.

    Args:
        app: whose programs the answers are; None for plain text.
        skip_bad: tell the bad lines and go on, instead of raising the first.

    Raises:
        DataError: a line is bad, or nothing is left to train on.
    """
    found = read(path, skip_bad, lambda error: tell(f"left out: {error}"), Judge(app))
    known = [_with_program(example) for example in found]
    kept = [example for example in known if example.program]
    if len(kept) < len(known):
        tell(f"left out: {len(known) - len(kept)} examples that give an outcome, but no program that leads to it")
    if not kept:
        raise DataError(0, f"{path} holds nothing to train on: its examples give no programs")
    return kept


def linked(examples: Sequence[Example], linker: Linker) -> list[Example]:
    """The examples, each with the links of its question; those that have some keep them."""
    return [e if e.links else e.model_copy(update={"links": linker.link(e.question).shown()}) for e in examples]


def split(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Those to train on, and those held out, spread over the file: a twentieth of many, a fifth of few."""
    count = min(MOST_HELD_OUT, max(len(examples) // 20, min(10, len(examples) // SMALLEST)))
    if not count:
        return list(examples), []
    every = len(examples) // count
    held = set(list(range(every - 1, len(examples), every))[:count])
    return [e for at, e in enumerate(examples) if at not in held], [examples[at] for at in sorted(held)]


def _with_program(example: Example) -> Example:
    """What is outside an app has one program; what is asked back or steered to has many."""
    if example.program is None and example.outcome == "declined":
        return example.model_copy(update={"program": "decline()"})
    return example
