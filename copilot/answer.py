"""Answers: what a question comes to, as it is shown, logged and sent."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, Field

Outcome = Literal["answered", "clarify", "steered", "declined", "empty", "failed"]
Cell = Any
ChartKind = Literal["bars", "line", "before_after"]


class Chart(BaseModel):
    """How a result is best looked at.

    Args:
        kind: bars for groups, a line over time, before and after for a what-if.
        x: the column along.
        y: the columns up, numbers.
        title: what it shows, in words; empty if the kind says it.
    """

    kind: ChartKind
    x: str
    y: list[str]
    title: str = ""


class Timings(BaseModel):
    """What each stage took, in milliseconds, and the tokens that the model read and wrote."""

    link: float = 0.0
    write: float = 0.0
    check: float = 0.0
    run: float = 0.0
    show: float = 0.0
    total: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0


class Table(BaseModel):
    """Named columns and their rows."""

    columns: list[str]
    rows: list[list[Cell]]


class Answer(BaseModel):
    """What `ask` and `run` return; `model_dump_json()` is the wire format.

    Args:
        as_of: the day that relative dates were read from.
        outcome: answered; empty (answerable, nothing found); clarify (asked back, see choices); steered (cannot, the
            nearest is suggested); declined (outside the app); failed.
        text: a sentence; every number in it comes from the result.
        sql: every query that ran, with its values in place.
        choices: what to click when asked back.
        readings: where a choice is a way to read the question, its program.
        saved: ids of what was saved, such as a draft plan.
        drafts: programs that save what this one only tried, such as a what-if, as a draft.
        confidence: the probability that the program is what was meant, 0..1.
        signs: what speaks for and against it, by name; see `copilot.confidence.Signs`.
    """

    id: str = Field(default_factory=lambda: uuid.uuid4().hex[:12])
    as_of: date
    question: str = ""
    outcome: Outcome
    text: str
    columns: list[str] = []
    rows: list[list[Cell]] = []
    details: dict[str, Table] = {}
    chart: Chart | None = None
    program: str = ""
    sql: list[str] = []
    choices: list[str] = []
    readings: dict[str, str] = {}
    suggestions: list[str] = []
    saved: list[str] = []
    drafts: list[str] = []
    links: str = ""
    confidence: float = 1.0
    signs: dict[str, float] = {}
    timings: Timings = Timings()


@dataclass(frozen=True)
class Result:
    """What a task returns.

    Args:
        text: a sentence whose numbers are those of the rows.
        columns, rows: the table.
        details: further tables, by title.
        save: writes what the task made (a draft plan) once the program has ended, and returns its id.
        varied: what was varied, when it is one of a list.
    """

    text: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()
    details: Mapping[str, tuple[Sequence[str], Sequence[Sequence[Cell]]]] = field(default_factory=dict)
    chart: Chart | None = None
    save: Callable[[sa.Connection], str] | None = None
    varied: str = ""


@dataclass(frozen=True)
class Declined:
    """The question is outside the app."""


@dataclass(frozen=True)
class Unsupported:
    """The question is about the app, but nothing does what it asks for."""

    asked: str


@dataclass(frozen=True)
class Unclear:
    """Something is missing from the question, or fits several names."""

    what: str
