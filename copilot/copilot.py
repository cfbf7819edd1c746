"""The copilot: ask it a question, get a checked and executed answer."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pydantic import BaseModel
from rapidfuzz import fuzz

from copilot.answer import Answer, Result
from copilot.app import App
from copilot.database import Database, reason, writable
from copilot.errors import SetupError
from copilot.history import Entry, History, Verdict
from copilot.link import Linker
from copilot.model.prompt import Turn
from copilot.model.writer import Writer
from copilot.names import Names, plain
from copilot.pipeline import Asking, Stage, World
from copilot.progress import Progress, silent
from copilot.settings import Settings

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool

NAMES_ARE_FRESH = 15.0
"""Seconds for which the names of the database are not read again."""


class Info(BaseModel):
    """What is in use."""

    app: str
    model: str
    database: str
    today: str
    home: str


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

    def ask(self, question: str) -> Answer:
        """Answer a question. Raises SetupError if the model or the database cannot be used."""
        return _last(self.stream(question))

    def run(self, program: str) -> Answer:
        """Check and run a program written by hand."""
        return self._logged(_last(self._asking().run(program)))

    def stream(self, question: str, context: Sequence[Turn] = ()) -> Iterator[Stage | Answer]:
        """Answer a question, telling each stage as it begins and ends; the answer comes last."""
        for event in self._asking().ask(question, self.writer, context):
            yield self._logged(event) if isinstance(event, Answer) else event

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

    def history(self, limit: int = 50) -> list[Entry]:
        """The latest questions and what became of them, newest first."""
        return self._history.last(limit)

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

    def info(self) -> Info:
        """What is in use."""
        return Info(
            app=self.app.name, model=self.writer.name, database=self.database.url.render_as_string(),
            today=self.world.today.isoformat(), home=str(self.settings.home),
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
        if self._world is None or time.monotonic() - self._world[0] > NAMES_ARE_FRESH:
            self._world = time.monotonic(), self._read_world()
        return self._world[1]

    def _read_world(self) -> World:
        with self.database.reading() as connection:
            today = self.app.today(connection)
            names = Names.read(self.app, connection)
        if self._world and self._world[1].names == names and self._world[1].today == today:
            return self._world[1]
        words = {plain(word): meaning for word, meaning in self.app.words.items()}
        return World(self.app, names, Linker(names, words, today), today)

    def _asking(self) -> Asking:
        return Asking(self.world, self.database, self._keep)

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

    def _logged(self, answer: Answer) -> Answer:
        self._history.record(answer, self.app.name, self._writer.name if self._writer else "")
        return answer


class Chat:
    """A conversation: each question is read with the ones before it.

    A reply that is one of the choices just offered completes the question that was asked back.
    """

    def __init__(self, copilot: Copilot) -> None:
        self._copilot = copilot
        self._turns: list[Turn] = []
        self._last: Answer | None = None

    def ask(self, question: str) -> Answer:
        """Answer a question in the light of those before it."""
        return _last(self.stream(question))

    def stream(self, question: str) -> Iterator[Stage | Answer]:
        """As `Copilot.stream`, in the light of the questions before."""
        for event in self._copilot.stream(self._completed(question), self._turns):
            if isinstance(event, Answer):
                self._remember(event)
            yield event

    def _completed(self, reply: str) -> str:
        asked = self._last
        if asked is None or asked.outcome != "clarify" or reply not in asked.choices:
            return reply
        for word in _unclear(asked, reply):
            if found := re.search(re.escape(word), asked.question, re.IGNORECASE):
                return f"{asked.question[: found.start()]}{reply}{asked.question[found.end() :]}"
        return f"{asked.question.rstrip(' .?!')} ({reply})" if len(reply.split()) < 4 else reply

    def _remember(self, answer: Answer) -> None:
        self._last = answer
        if answer.outcome in ("answered", "empty"):
            self._turns = [*self._turns[-1:], Turn(answer.question, answer.program)]


def _unclear(answer: Answer, reply: str) -> list[str]:
    """The literals of the program that was asked back, those most like the reply first: one is what was unclear."""
    literals = re.findall(r'"([^"]+)"', answer.program)
    return sorted(literals, key=lambda word: -fuzz.partial_ratio(plain(word), plain(reply)))


def _last(events: Iterator[Stage | Answer]) -> Answer:
    *_, answer = events
    if not isinstance(answer, Answer):
        raise RuntimeError("a question ended without an answer")
    return answer
