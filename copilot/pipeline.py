"""From a question to an answer: link, write, check, run, show; each stage is timed and tells of itself.

What this wall covers: the length of a question; the time, the rows and the drafts that all of it may come to; answers
that a model makes up without asking the application; texts of more than a line. What it does not: what is under way
when the time is over, which ends by its own limit; a good program for another question than was asked.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

import sqlalchemy as sa

from copilot.answer import Answer, Cell, Declined, Result, Timings, Unclear, Unsupported
from copilot.app import App, Context
from copilot.choices import choices
from copilot.database import Database
from copilot.deadline import Deadline
from copilot.errors import (
    Ambiguous,
    CopilotError,
    Doubtful,
    GivenUp,
    LimitReached,
    NameMistake,
    Nothing,
    ProgramError,
    QuestionError,
    Refused,
    TypeMistake,
)
from copilot.link import Linker, Links
from copilot.model.prompt import Turn
from copilot.model.writer import Request, Writer, Written
from copilot.names import Names
from copilot.printable import one_line
from copilot.program import check, runtime, sandbox
from copilot.program.mistake import explained
from copilot.program.stub import stub
from copilot.progress import Stopped, never
from copilot.query import Query
from copilot.readings import doubtful, readings
from copilot.show import Shown, looked_for, show
from copilot.spelling import NO_SPELLING
from copilot.suggest import drafts, nearest, suggestions
from copilot.wording import worded

LONGEST_QUESTION = 2_000
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Characters that would act on a terminal, or end the line on which a model is asked."""
LONGEST_TEXT = 2_000
MOST_READINGS = 2
"""Ways to read a question between which a person chooses."""
MOST_DRAFTS = 20
"""Plans that one question may have saved."""
ROWS_TOGETHER = 10
"""Results of the largest size that one question may come to."""
T = TypeVar("T")


@dataclass(frozen=True)
class Stage:
    """A stage began or, with its time, ended.

    Args:
        name: link, write, check, run or show.
        ms: what it took; None when it begins.
        shows: what it found: linked names, the program.
    """

    name: str
    ms: float | None = None
    shows: str = ""


@dataclass(frozen=True)
class World:
    """What is known of the database while a question is answered."""

    app: App
    names: Names
    linker: Linker
    today: date


@dataclass
class Asking:
    """One question on its way, or one program run by hand.

    Args:
        keep: saves what a task made (a draft plan); returns its id.
        stopped: asked before each stage and each task, and by the model between two tokens.
        sure: a reading of a question less likely than this, 0..1, is asked back.
    """

    world: World
    database: Database
    keep: Callable[[Result], str]
    stopped: Stopped = never
    sure: float = 0.0
    confidence: float = 1.0
    signs: dict[str, float] = field(default_factory=dict)
    timings: Timings = field(default_factory=Timings)
    sql: list[str] = field(default_factory=list)
    links: Links = field(default_factory=lambda: Links("", ()))
    written: Written = field(default_factory=lambda: Written(""))
    program: str = ""
    code: str = ""
    rows: int = 0
    deadline: Deadline = field(default_factory=lambda: Deadline(sandbox.TOGETHER))

    def ask(self, question: str, writer: Writer, context: Sequence[Turn]) -> Iterator[Stage | Answer]:
        """Answer a question, telling each stage; the answer comes last."""
        question = CONTROL.sub(" ", _readable(question))
        try:
            _must_be_a_question(question)
            yield from self._stage("link", lambda: self._link(question, writer))
            request = Request(self.links.question, self.links.shown(), context, self.world.app, self.stopped)
            yield from self._stage("write", lambda: self._write(request, writer))
            yield from self._stage("check", lambda: self._read(request, writer))
            yield from self._finish(question)
        except CopilotError as error:
            yield self._failed(question, error)

    def run(self, program: str) -> Iterator[Stage | Answer]:
        """Check and run a program, telling each stage; the answer comes last."""
        self.program = _readable(program)
        try:
            yield from self._stage("check", self._check)
            yield from self._finish("")
        except CopilotError as error:
            yield self._failed("", error)

    def _finish(self, question: str) -> Iterator[Stage | Answer]:
        with self.database.reading() as connection:
            value = yield from self._stage("run", lambda: self._run(connection))
            answer = yield from self._stage("show", lambda: self._show(question, value, connection))
        yield self._ended(answer)

    def _stage(self, name: str, work: Callable[[], T]) -> Generator[Stage, None, T]:
        self._go_on()
        yield Stage(name)
        began = time.perf_counter()
        try:
            value = work()
        finally:
            ms = 1000 * (time.perf_counter() - began)
            setattr(self.timings, name, ms)
        yield Stage(name, ms, {"link": self.links.shown(), "write": self.program}.get(name, ""))
        return value

    def _go_on(self) -> None:
        if self.stopped():
            raise GivenUp("stopped")

    def _link(self, question: str, writer: Writer) -> None:
        self.links = self.world.linker.link(question, getattr(writer, "spelling", NO_SPELLING))

    def _write(self, request: Request, writer: Writer) -> None:
        self.written = writer.write(request)
        self.program, self.confidence = _readable(self.written.program), self.written.confidence
        self.timings.tokens_in, self.timings.tokens_out = self.written.tokens_in, self.written.tokens_out

    def _read(self, request: Request, writer: Writer) -> None:
        """Take the best reading of the question. Raises Doubtful if that is not likely enough."""
        names, links = self.world.names, self.links
        found = readings(writer, request, self.written, names, links, self._asked, self.sure)
        best = found[0]
        self.program, self.code, self.signs, self.confidence = best.program, best.code, asdict(best.signs), best.chance
        if doubtful(self.code, self.confidence, self.sure):
            raise Doubtful(tuple(reading.program for reading in found[:MOST_READINGS]))

    def _asked(self, program: str) -> tuple[str, str]:
        """A program of the model as it is settled, and its code, which asks the application something."""
        program, code = self._passed(_readable(program))
        if not check.asks(self.world.app, code):
            raise ProgramError("the model answers by itself and asks nothing of the application")
        return program, code

    def _check(self) -> None:
        self.program, self.code = self._passed(self.program)

    def _passed(self, program: str) -> tuple[str, str]:
        settled = check.settle(self.world.app, self.world.names, program)
        if settled.mended:
            raise settled.mended[0]
        code = check.code(settled.program)
        # what is told has the place in the text as written; what counts is the text that runs
        for text in dict.fromkeys((settled.program, code)):
            self._check_types(text)
        return settled.program, code

    def _check_types(self, text: str) -> None:
        app = self.world.app
        try:
            sandbox.check_types(text, stub(app, check.views_used(app, check.parse(text))))
        except TypeMistake as error:
            raise TypeMistake(explained(error.complaint, stub(app)), error.line, error.column) from error

    def _run(self, connection: sa.Connection) -> Any:
        context = Context(connection, self.world.today)
        functions = runtime.functions(self.world.app, self.world.names, context, lambda q: self._number(connection, q))
        values = runtime.values(self.world.app, self.world.names, context)
        wanted = {name: self._if_wanted(call) for name, call in functions.items()}
        return sandbox.run(self.code, wanted, values, self.deadline)

    def _if_wanted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def wanted(*args: Any, **kwargs: Any) -> Any:
            self._go_on()
            return call(*args, **kwargs)

        return wanted

    def _number(self, connection: sa.Connection, query: Any) -> float:
        if not isinstance(query, Query):
            raise ProgramError("number() takes a query of one cell, such as the count of a view's rows")
        columns, rows, _ = self.fetch(connection, query)
        if len(rows) != 1 or len(columns) != 1:
            raise ProgramError(f"number() takes a query of one number; this one has {len(rows)} rows of {len(columns)}")
        if rows[0][0] is None:
            raise Nothing(f"there are no {query.view.name.replace('_', ' ')}{looked_for(query)} to calculate with")
        if not isinstance(rows[0][0], int | float | Decimal):
            raise ProgramError("number() takes a query of one number; this one gives text or a date")
        return float(rows[0][0])

    def fetch(self, connection: sa.Connection, query: Query) -> tuple[list[str], list[list[Cell]], bool]:
        """Run a query: its columns, its rows, and whether there were more."""
        self.deadline.check()
        statement = query.select_statement()
        self.sql.append(self.database.shown(statement))
        found = self.database.rows(connection, statement)
        self.rows += len(found[1])
        if self.rows > ROWS_TOGETHER * self.database.max_rows:
            raise LimitReached(f"the answer has more than {self.rows - 1:,} rows in all; ask for less at once")
        return found

    def _show(self, question: str, value: Any, connection: sa.Connection) -> Answer:
        if isinstance(value, Declined | Unsupported | Unclear):
            return self._other(question, value)
        shown = show(value, lambda query: self.fetch(connection, query), self.world.app.units)
        made = {id(result): result for result in _results(value) if result.save}
        if len(made) > MOST_DRAFTS:
            raise LimitReached(f"a question saves at most {MOST_DRAFTS} plans; this one makes {len(made):,}")
        saved = [self.keep(result) for result in made.values()]
        return self._answered(question, shown, saved)

    def _answered(self, question: str, shown: Shown, saved: list[str]) -> Answer:
        text = f"{shown.text} Saved as {', '.join(saved)}." if saved else shown.text
        return self._answer(
            question, "empty" if shown.empty else "answered", text, columns=shown.columns, rows=shown.rows,
            details=shown.details, chart=shown.chart, suggestions=suggestions(self.world.app, self.code),
            saved=saved, drafts=drafts(self.world.app, self.code),
        )  # fmt: skip

    def _other(self, question: str, value: Declined | Unsupported | Unclear) -> Answer:
        app = self.world.app
        if isinstance(value, Declined):
            text = f"That is outside of what I can do. I answer questions about {app.about}."
            return self._answer(question, "declined", text, suggestions=app.examples[:3])
        if isinstance(value, Unsupported):
            offers = nearest(app, value.asked)
            text = f"I cannot do that ({value.asked}): I only read and plan."
            nearby = f" The nearest that I can do: {offers[0]}" if offers else ""
            return self._answer(question, "steered", text + nearby, suggestions=offers)
        offered = choices(app, self.world.names, self.world.linker, value.what)
        return self._answer(question, "clarify", _asking(value.what), choices=offered)

    def _failed(self, question: str, error: CopilotError) -> Answer:
        if not isinstance(error, ProgramError | QuestionError):
            raise error
        if isinstance(error, NameMistake | Ambiguous):
            return self._ended(self._asked_back(question, error))
        if isinstance(error, Doubtful):
            return self._ended(self._which(question, error))
        if isinstance(error, Nothing):
            return self._ended(self._answer(question, "empty", f"{str(error)[0].upper()}{str(error)[1:]}."))
        if question and self.written.program and not isinstance(error, LimitReached | Refused):
            text = "I am not sure that I understand. Could you say it differently, or is it one of these?"
            return self._ended(self._answer(question, "clarify", text, choices=nearest(self.world.app, question)))
        return self._ended(self._answer(question, "failed", str(error)))

    def _which(self, question: str, error: Doubtful) -> Answer:
        readings = dict[str, str]()
        for program in error.readings:
            readings.setdefault(worded(self.world.app, program), program)  # said alike, the likelier is meant
        text = "I am not sure. Which do you mean?" if len(readings) > 1 else "I am not sure. Do you mean this?"
        return self._answer(question, "clarify", text, choices=list(readings), readings=readings)

    def _asked_back(self, question: str, error: NameMistake | Ambiguous) -> Answer:
        world = self.world
        offered = list(error.choices) or choices(world.app, world.names, world.linker, f"{error.kind} {error.value}")
        if not offered and not question:
            return self._answer(question, "failed", str(error))
        return self._answer(question, "clarify", _asking_back(error), choices=offered)

    def _answer(self, question: str, outcome: Any, text: str, **rest: Any) -> Answer:
        return Answer(
            as_of=self.world.today, question=question[:LONGEST_QUESTION], outcome=outcome,
            text=one_line(text, LONGEST_TEXT), program=self.program[: check.MAX_CHARACTERS], sql=self.sql,
            links=self.links.shown(), confidence=self.confidence, signs=self.signs, timings=self.timings, **rest,
        )  # fmt: skip

    def _ended(self, answer: Answer) -> Answer:
        t = self.timings
        t.total = t.link + t.write + t.check + t.run + t.show
        return answer.model_copy(update={"timings": t})


def _results(value: Any) -> Iterator[Result]:
    """Every task's result in a program's value, however it is nested."""
    if isinstance(value, Result):
        yield value
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple | set) else ()
    for item in items:
        yield from _results(item)


def _readable(text: str) -> str:
    """The text without the halves of characters that a terminal or a model may hand over."""
    return text.encode("utf-8", "replace").decode()


def _must_be_a_question(question: str) -> None:
    if not question.strip():
        raise QuestionError("the question is empty; ask something like: which orders are late?")
    if len(question) > LONGEST_QUESTION:
        raise QuestionError(f"the question has {len(question):,} characters; at most {LONGEST_QUESTION:,} are read")


def _asking(what: str) -> str:
    whole = what.lower().startswith(("which", "what", "how", "by ", "when", "where"))
    return f"{what[:1].upper()}{what[1:]}?" if whole else f"Which do you mean: {what}?"


def _asking_back(error: NameMistake | Ambiguous) -> str:
    text = str(error)
    return text if text.endswith("?") else f"{text}. Which do you mean?"
