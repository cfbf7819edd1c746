"""The log of every question and its answer, and what people said of it: SQLite under COPILOT_HOME."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from sqlalchemy import Engine, Table, inspect
from sqlalchemy.exc import DatabaseError
from sqlmodel import Field, Session, SQLModel, col, create_engine, or_, select

from copilot.answer import Answer
from copilot.database import reason
from copilot.errors import SetupError
from copilot.files import no_writing
from copilot.model.prompt import Turn

logger = logging.getLogger(__name__)

Verdict = Literal["accepted", "corrected", "rejected"]


class Entry(SQLModel, table=True):
    """One question and what became of it; `context` holds the turns it followed on from, as JSON."""

    __tablename__ = "history"

    number: int | None = Field(default=None, primary_key=True)
    id: str = Field(index=True)
    at: datetime
    question: str
    outcome: str
    program: str
    text: str
    links: str
    total_ms: float
    app: str
    model: str
    context: str = ""


class Feedback(SQLModel, table=True):
    """What a person said of an answer."""

    __tablename__ = "feedback"

    number: int | None = Field(default=None, primary_key=True)
    answer_id: str = Field(index=True)
    at: datetime
    verdict: str
    program: str | None = None
    comment: str | None = None


class History:
    """Appends to and reads from the log.

    Args:
        home: the folder; made if missing.

    Raises:
        SetupError: nothing can be written there.
    """

    def __init__(self, home: Path) -> None:
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SetupError(no_writing(home, error)) from error
        self.path = home / "history.db"
        self._engine = create_engine(f"sqlite:///{self.path}", connect_args={"timeout": 10})
        with self._kept():
            SQLModel.metadata.create_all(self._engine, tables=[_table(Entry), _table(Feedback)])
            _with_context(self._engine)

    def record(self, answer: Answer, app: str, model: str, context: Sequence[Turn] = ()) -> None:
        """Append an answer and what it followed on from. One that cannot be kept is still given: a warning says so."""
        entry = Entry(
            id=answer.id, at=_now(), question=answer.question, outcome=answer.outcome, program=answer.program,
            text=answer.text, links=answer.links, total_ms=answer.timings.total, app=app, model=model,
            context=json.dumps([asdict(turn) for turn in context]) if context else "",
        )  # fmt: skip
        try:
            with self._kept(), Session(self._engine) as session:
                session.add(entry)
                session.commit()
        except SetupError as error:
            logger.warning("this answer is not in the history: %s", error)

    def judge(self, answer_id: str, verdict: Verdict, program: str | None, comment: str | None) -> None:
        """Append what a person said of an answer.

        Raises:
            SetupError: there is no such answer or verdict, or nothing can be written.
        """
        if verdict not in get_args(Verdict):
            raise SetupError(f"{verdict!r} is no verdict; it is one of {', '.join(get_args(Verdict))}")
        with self._kept(), Session(self._engine) as session:
            if session.exec(select(Entry).where(Entry.id == answer_id)).first() is None:
                raise SetupError(f"there is no answer {answer_id!r} in the history")
            session.add(Feedback(answer_id=answer_id, at=_now(), verdict=verdict, program=program, comment=comment))
            session.commit()

    def judged(self, app: str) -> list[tuple[Entry, Feedback]]:
        """An app's answers that people judged, oldest first, each with the last judgement of it."""
        both = select(Entry, Feedback).where(Entry.id == Feedback.answer_id, Entry.app == app)
        with self._kept(), Session(self._engine) as session:
            rows = session.exec(both.order_by(col(Entry.number), col(Feedback.number))).all()
        return list({entry.id: (entry, feedback) for entry, feedback in rows}.values())

    def last(self, limit: int, matching: str = "", outcome: str | None = None) -> list[Entry]:
        """The latest entries, newest first: of an outcome, and with a text in the question, program or answer."""
        wanted = select(Entry).order_by(col(Entry.number).desc()).limit(limit)
        if outcome:
            wanted = wanted.where(Entry.outcome == outcome)
        if matching:
            texts = (Entry.question, Entry.program, Entry.text)
            wanted = wanted.where(or_(*(col(text).icontains(matching, autoescape=True) for text in texts)))
        with self._kept(), Session(self._engine) as session:
            return list(session.exec(wanted))

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """What the database cannot do is told in one line."""
        try:
            yield
        except DatabaseError as error:
            todo = "make room, move it away, or set COPILOT_HOME to a folder of yours"
            raise SetupError(f"{self.path} cannot be used: {reason(error)}; {todo}") from error


def _with_context(engine: Engine) -> None:
    """A history from before turns were kept gets the column that it lacks."""
    if "context" not in {column["name"] for column in inspect(engine).get_columns("history")}:
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE history ADD COLUMN context VARCHAR NOT NULL DEFAULT ''")


def _table(model: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]


def _now() -> datetime:
    return datetime.now(UTC)
