"""What an application hands over: its views, its tasks, and where its names live.

An `App` is the single description from which the stub, the check, the links, the help and the training data follow.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from copilot.query import Column, View


@dataclass(frozen=True)
class NameKind:
    """A kind of name that questions mention and programs carry, such as ``warehouse``.

    Args:
        kind: its name; also the parameter of tasks that takes one.
        source: the view and column that hold all of them, ``"lanes.warehouse"``.
        parameters: further parameter names that take one (``order_id`` takes an order).
        aliases: other ways people write one of them, from its canonical form; lower case.
        within: the kind that this one groups (a ``city`` groups data centers), with the view that tells which.
        plural: how one speaks of several; also the function that lists them.
        narrowed: the column of the source's view that narrows that list: ``warehouses(region="Europe")``.
        also: reads further names that programs may use for one of them (``current`` for the current plan); these are
            understood, but not looked for in questions.
    """

    kind: str
    source: str
    parameters: tuple[str, ...] = ()
    aliases: Callable[[str], Iterable[str]] = lambda name: ()
    within: str | None = None
    plural: str = ""
    narrowed: str | None = None
    also: Callable[[sa.Connection], dict[str, str]] = lambda connection: {}


@dataclass(frozen=True)
class Context:
    """What a task may use while it runs.

    Args:
        connection: read-only, with a deadline.
        today: the day that relative dates start from.
    """

    connection: sa.Connection
    today: date


@dataclass(frozen=True)
class Task:
    """A function that programs may call.

    Args:
        call: the function; a first parameter annotated `Context` is handed in, not written by programs.
        signature: what programs write.
        doc: its first line, for the help.
    """

    name: str
    call: Callable[..., Any]
    signature: inspect.Signature
    doc: str
    wants_context: bool


@dataclass(frozen=True)
class Adoption:
    """Who made which plan the current one, and when."""

    plan_id: str
    by: str
    at: datetime


@dataclass
class App:
    """An application: name it, then add views, names and tasks.

    Args:
        about: what it answers questions about, as a list in words.
        words: the operator's words, and what the app calls it.
        nearest: for a word of what cannot be done, the nearest question that can be answered.
        examples: questions that it answers, one of each kind.
        today: the day that relative dates start from.
        adopt: makes a plan the current one, and records by whom; adoptions tells who did, the latest first.
        saves: for a task that only tries something, the one of the same arguments that saves it as a draft.
        measures: what the numbers of a task's table are counted in, by column: ``USD``, ``racks``.
        labels: what a column is called where its name alone, without underscores, reads badly.

    Example:
        >>> app = App("clinics")
        >>> app.view(View("doses", "doses in a clinic", (Column("clinic", "text", "its name", names="clinic"),)))
        >>> app.names("clinic", "doses.clinic")
        >>> @app.task
        ... def restock(context: Context, clinic: str, doses: int) -> str:
        ...     "Plan a delivery."
        ...     return f"{doses} doses to {clinic}"
        >>> sorted(app.tasks)
        ['restock']
    """

    name: str
    about: str = ""
    views: dict[str, View] = field(default_factory=dict)
    kinds: dict[str, NameKind] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    opaque: dict[str, type] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    nearest: dict[str, str] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    today: Callable[[sa.Connection], date] = lambda connection: date.today()
    adopt: Callable[[sa.Connection, str, str, bool], None] | None = None
    adoptions: Callable[[sa.Connection], list[Adoption]] | None = None
    saves: dict[str, str] = field(default_factory=dict)
    measures: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def view(self, view: View) -> View:
        """Add a view that programs may query."""
        self.views[view.name] = view
        return view

    def names(self, kind: str, source: str, **options: Any) -> NameKind:
        """Add a kind of name; see NameKind for the options."""
        self.kinds[kind] = NameKind(kind, source, **options)
        return self.kinds[kind]

    def task(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Add a function that programs may call; its docstring and annotations are what the model is told."""
        signature = inspect.signature(call, eval_str=True)
        parameters = list(signature.parameters.values())
        wants_context = bool(parameters) and parameters[0].annotation is Context
        written = signature.replace(parameters=parameters[1:] if wants_context else parameters)
        doc = (inspect.getdoc(call) or "").split("\n")[0]
        self.tasks[call.__name__] = Task(call.__name__, call, written, doc, wants_context)
        for kind in (signature.return_annotation, *(p.annotation for p in parameters)):
            self._remember(kind)
        return call

    def kind_of(self, parameter: str) -> str | None:
        """The kind of name that a task's parameter takes, if any."""
        for kind in self.kinds.values():
            if parameter == kind.kind or parameter in kind.parameters:
                return kind.kind
        return None

    def narrowing(self, kind: NameKind) -> Column | None:
        """The column that narrows the list of a kind's names; its own kind of name is the parameter."""
        view, _, _ = kind.source.partition(".")
        return self.views[view].column(kind.narrowed) if kind.narrowed else None

    def column(self, path: str) -> tuple[View, Column]:
        """The view and column behind ``"view.column"``."""
        view, _, column = path.partition(".")
        return self.views[view], self.views[view].column(column)

    @property
    def units(self) -> dict[str, str]:
        """What numbers are counted in, by the name of their column: those of the views, and of the tasks' tables."""
        columns = (column for view in self.views.values() for column in view.columns)
        return {column.name: column.unit for column in columns if column.unit} | self.measures

    def _remember(self, annotation: Any) -> None:
        if isinstance(annotation, type) and annotation.__module__ != "builtins" and annotation is not Context:
            self.opaque[annotation.__name__] = annotation
