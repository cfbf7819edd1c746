"""The copilot: ask it a question, get a checked and executed answer."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pydantic import BaseModel
from rapidfuzz import fuzz

from copilot.answer import Answer, Result, Timings
from copilot.app import Adoption, App, Context
from copilot.database import Database, reason, writable
from copilot.doctor import versions
from copilot.errors import SetupError
from copilot.history import Entry, Feedback, History, Verdict
from copilot.link import Linker
from copilot.model.prompt import Turn
from copilot.model.weights import parts
from copilot.model.writer import Warming, Writer
from copilot.names import Names, plain
from copilot.pace import Pace
from copilot.pipeline import Asking, Stage, World
from copilot.program import runtime, sandbox
from copilot.progress import Progress, Stopped, never, silent
from copilot.query import Column
from copilot.settings import Settings
from copilot.show import Shown, label, show, unit
from copilot.suggest import suggestions

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool

logger = logging.getLogger(__name__)
NAMES_ARE_FRESH = 15.0
"""Seconds for which the names of the database are not read again."""


class Info(BaseModel):
    """What is in use.

    Args:
        model: the base that writes, or the file.
        adapter: what it was fine-tuned with; empty if nothing.
        gpu_layers: how many are offloaded, -1 for all; None where the model is not in this process.
        versions: of the packages that matter.
    """

    app: str
    model: str
    adapter: str
    gpu_layers: int | None
    database: str
    today: str
    home: str
    versions: dict[str, str]


class Copilot:
    """Answers questions about an app's database.

    Args:
        app: its views, tasks and names.
        database_url: an SQLAlchemy URL; `COPILOT_DATABASE_URL` or the demo world if not given.
        model: a GGUF path, a named model, a writer of your own or a LangChain chat model; the one that ships if not
            given.
        settings: those of the environment if not given.
        progress: told what is being prepared: a base fetched, an adapter merged.

    Raises:
        SetupError: the database, the model or a setting is missing or wrong.

    Example:
        >>> copilot = Copilot.open()  # doctest: +SKIP
        >>> copilot.ask("Which orders dock late in Dublin?").rows  # doctest: +SKIP
    """

    def __init__(
        self,
        app: App,
        *,
        database_url: str | None = None,
        model: Any = None,
        settings: Settings | None = None,
        progress: Progress = silent,
    ) -> None:
        self.app, self._progress = app, progress
        self.settings = settings or Settings.load()
        self.database = Database(
            database_url or self.settings.database, self.settings.query_seconds, self.settings.max_rows
        )
        self._history = History(self.settings.home)
        self._model = model if model is not None else self.settings.model
        self._writer: Writer | None = None
        self._lock = threading.Lock()
        self._world: tuple[float, World] | None = None

    @classmethod
    def open(cls, progress: Progress = silent) -> Copilot:
        """The fulfilment app on `COPILOT_DATABASE_URL`, or on the demo world, which is built if it is not there.

        Args:
            progress: told what is being prepared and how far it is, 0..1.
        """
        from copilot.fulfilment.app import app
        from copilot.fulfilment.demo import prepare

        settings = Settings.load()
        if settings.database_url is None:
            prepare(settings.database, progress)
        return cls(app, settings=settings, progress=progress)

    def ready(self) -> Info:
        """Load the model and start the sandbox now, so that the first question does not wait for them."""
        self.world.linker.link("warm up")
        sandbox.check_types("1", "")
        if isinstance(self.writer, Warming):
            self.writer.warm_up(self.app)
        return self.info()

    def ask(self, question: str) -> Answer:
        """Answer a question. Raises SetupError if the model or the database cannot be used."""
        return _last(self.stream(question))

    def run(self, program: str) -> Answer:
        """Check and run a program written by hand."""
        return _last(self.stream_run(program))

    def stream(self, question: str, context: Sequence[Turn] = (), stopped: Stopped = never) -> Iterator[Stage | Answer]:
        """Answer a question, telling each stage as it begins and ends; the answer comes last.

        Args:
            stopped: asked now and then, between two tokens and before each task: whether to give up.

        Raises:
            GivenUp: it was stopped; nothing was saved.
        """
        yield from self._told(self._asking(stopped).ask(question, self.writer, context), context)

    def stream_run(self, program: str, stopped: Stopped = never) -> Iterator[Stage | Answer]:
        """As `stream`, of a program written by hand."""
        yield from self._told(self._asking(stopped).run(program))

    def chat(self) -> Chat:
        """A conversation, in which a question may follow on from earlier ones."""
        return Chat(self)

    def as_tool(self) -> BaseTool:
        """A LangChain tool that answers a question as text."""
        from copilot.chain import tool

        return tool(self)

    def as_runnable(self) -> Runnable[str, Answer]:
        """A LangChain Runnable from a question to an Answer."""
        from copilot.chain import runnable

        return runnable(self)

    def feedback(
        self, answer_id: str, verdict: Verdict, program: str | None = None, comment: str | None = None
    ) -> None:
        """Record what a person says of an answer: accepted, corrected (with the program meant) or rejected."""
        self._history.judge(answer_id, verdict, program, comment)

    def history(self, limit: int = 50, matching: str = "", outcome: str | None = None) -> list[Entry]:
        """The latest questions and what became of them, newest first; see `History.last`."""
        return self._history.last(limit, matching, outcome)

    def browse(self, view: str, **lookups: Any) -> Shown:
        """The rows of a view for which every lookup holds, as in a program's `where`; it is not logged."""
        asking = self._asking()
        with self.database.reading() as connection:
            context = Context(connection, asking.world.today)
            query = runtime.values(self.app, asking.world.names, context)[view].where(**lookups)
            return show(query, lambda query: asking.fetch(connection, query), self.app.units)

    def values_of(self, column: Column) -> tuple[str, ...]:
        """What a column of text can hold: its closed set, or the names of its kind; empty if it is neither."""
        return column.values or self.world.names.by_kind.get(column.names or "", ())

    def label(self, column: str) -> str:
        """A result's column in words: ``sum_available`` is Total available, ``count`` Number."""
        return self.app.labels.get(column) or label(column, "").removesuffix(" of ")

    def unit(self, column: str) -> str:
        """What the numbers of a result's column are counted in: ``USD``, ``share`` (0..1); empty if not told."""
        return unit(column, self.app.units)

    def examples(self, about: str = "") -> list[str]:
        """Questions that can be answered; a few about one view or task, if given."""
        return suggestions(self.app, about) if about else list(self.app.examples)

    def judged(self) -> list[tuple[Entry, Feedback]]:
        """The answers that people judged, oldest first, each with the last judgement of it."""
        return self._history.judged(self.app.name)

    def adopt(self, plan_id: str, *, by: str, anyway: bool = False) -> None:
        """Make a draft plan the current one.

        Args:
            by: the person who says so; recorded with the time.
            anyway: even if the draft was made on older data.

        Raises:
            NameMistake: there is no such plan.
            QuestionError: the app refuses it, such as a draft made on older data.
            SetupError: the app has no plans, or the database cannot be written to.
        """
        if self.app.adopt is None:
            raise SetupError(f"{self.app.name} has no plans to adopt")
        with self._writing() as connection:
            self.app.adopt(connection, plan_id, by, anyway)

    def adoptions(self) -> list[Adoption]:
        """Who made which plan the current one, and when; the latest first."""
        with self.database.reading() as connection:
            return self.app.adoptions(connection) if self.app.adoptions else []

    def info(self) -> Info:
        """What is in use."""
        base, adapter = parts(self.writer.name, self.settings)
        return Info(
            app=self.app.name, model=base, adapter=adapter, gpu_layers=getattr(self.writer, "gpu_layers", None),
            database=self.database.url.render_as_string(), today=self.world.today.isoformat(),
            home=str(self.settings.home), versions=versions(),
        )  # fmt: skip

    @property
    def writer(self) -> Writer:
        """The model, loaded when first needed."""
        with self._lock:
            if self._writer is None:
                from copilot.model.weights import opened

                self._writer = opened(self._model, self.settings, self._progress)
            return self._writer

    @property
    def world(self) -> World:
        """The names in the database and its today, read again when they may have changed."""
        known = self._world
        if known is None or time.monotonic() - known[0] > NAMES_ARE_FRESH:
            known = self._world = time.monotonic(), self._read_world(known[1] if known else None)
        return known[1]

    def _read_world(self, known: World | None) -> World:
        with self.database.reading() as connection:
            today = self.app.today(connection)
            names = Names.read(self.app, connection)
        if known and known.names == names and known.today == today:
            return known
        words = {plain(word): meaning for word, meaning in self.app.words.items()}
        return World(self.app, names, Linker(names, words, today), today)

    def _asking(self, stopped: Stopped = never) -> Asking:
        return Asking(self.world, self.database, self._keep, stopped, self.settings.ask_below)

    def _keep(self, result: Result) -> str:
        with self._writing() as connection:
            return result.save(connection) if result.save else ""

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        try:
            with writable(self.database.url).connect() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise SetupError(f"the database cannot be written to: {reason(error)}") from error
        finally:
            self._world = None  # a plan that was saved or adopted is known at once

    def _told(self, events: Iterator[Stage | Answer], context: Sequence[Turn] = ()) -> Iterator[Stage | Answer]:
        for event in events:
            if isinstance(event, Answer):
                self._history.record(event, self.app.name, self._writer.name if self._writer else "", context)
            yield event


class Chat:
    """A conversation: each question is read with the ones before it.

    A reply that is one of the choices just offered, or its number, completes the question that was asked back. Which
    reading of a question was chosen is kept as feedback, from which `finetune collect` makes an example.
    """

    def __init__(self, copilot: Copilot) -> None:
        self._copilot = copilot
        self._turns: list[Turn] = []
        self._last: Answer | None = None
        self._timings: list[Timings] = []

    def ask(self, question: str) -> Answer:
        """Answer a question in the light of those before it."""
        return _last(self.stream(question))

    def stream(self, question: str, stopped: Stopped = never) -> Iterator[Stage | Answer]:
        """As `Copilot.stream`, in the light of the questions before."""
        question = self._picked(question)
        if self._last and (reading := self._last.readings.get(question)):
            self._learn(self._last, reading)
            yield from self.stream_run(reading, self._last.question, stopped)
        elif program := self._settled(question):
            yield from self.stream_run(program, stopped=stopped)
        else:
            yield from self._remembered(self._copilot.stream(self._completed(question), self._turns, stopped))

    def stream_run(self, program: str, question: str = "", stopped: Stopped = never) -> Iterator[Stage | Answer]:
        """As `Copilot.stream_run`, of a program that corrects the answer to a question; what comes may follow on."""
        yield from self._remembered(self._copilot.stream_run(program, stopped), question)

    def pace(self) -> Pace:
        """How fast the questions of this conversation were answered."""
        return Pace.of(self._timings)

    def _remembered(self, events: Iterator[Stage | Answer], question: str = "") -> Iterator[Stage | Answer]:
        for event in events:
            if isinstance(event, Answer):
                self._remember(event, event.question or question)
            yield event

    def _settled(self, reply: str) -> str:
        """The program that was asked back, if a person wrote it, with what was unclear in it replaced by the choice."""
        asked = self._asked_back(reply)
        if asked is None or asked.question:
            return ""
        unclear = _unclear(asked, reply)
        return asked.program.replace(f'"{unclear[0]}"', f'"{reply}"') if unclear else ""

    def _learn(self, asked: Answer, reading: str) -> None:
        """Keep what was chosen as feedback. If it cannot be kept, the question is answered all the same."""
        try:
            self._copilot.feedback(asked.id, "corrected", program=reading, comment="chosen when asked back")
        except SetupError as error:
            logger.warning("what was chosen is not in the history: %s", error)

    def _picked(self, reply: str) -> str:
        """The choice that a reply names by its number, from 1; or else the reply."""
        offered = self._last.choices if self._last else []
        by_number = {str(number): choice for number, choice in enumerate(offered, start=1)}
        return reply if reply in offered else by_number.get(reply.strip(" .)"), reply)

    def _asked_back(self, reply: str) -> Answer | None:
        """The answer that offered this reply as a choice, if the last one did."""
        asked = self._last
        return asked if asked and asked.outcome == "clarify" and reply in asked.choices else None

    def _completed(self, reply: str) -> str:
        asked = self._asked_back(reply)
        if asked is None:
            return reply
        for word in _unclear(asked, reply):
            if found := re.search(re.escape(word), asked.question, re.IGNORECASE):
                return f"{asked.question[: found.start()]}{reply}{asked.question[found.end() :]}"
        return f"{asked.question.rstrip(' .?!')} ({reply})" if len(reply.split()) < 4 else reply

    def _remember(self, answer: Answer, question: str) -> None:
        self._last = answer
        self._timings.append(answer.timings)
        if question and answer.outcome in ("answered", "empty"):
            self._turns = [*self._turns[-1:], Turn(question, answer.program)]


def _unclear(answer: Answer, reply: str) -> list[str]:
    """The literals of the program that was asked back, those most like the reply first: one is what was unclear."""
    literals = re.findall(r'"([^"]+)"', answer.program)
    return sorted(literals, key=lambda word: -fuzz.partial_ratio(plain(word), plain(reply)))


def _last(events: Iterator[Stage | Answer]) -> Answer:
    *_, answer = events
    if not isinstance(answer, Answer):
        raise RuntimeError("a question ended without an answer")
    return answer
