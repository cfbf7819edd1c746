"""The log of every question and its answer, and what people said of it: SQLite under COPILOT_HOME."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from sqlalchemy import Table
from sqlalchemy.exc import OperationalError
from sqlmodel import Field, Session, SQLModel, col, create_engine, or_, select

from copilot.answer import Answer
from copilot.errors import SetupError

Verdict = Literal["accepted", "corrected", "rejected"]


class Entry(SQLModel, table=True):
    """One question and what became of it."""

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
            self._engine = create_engine(f"sqlite:///{home / 'history.db'}", connect_args={"timeout": 10})
            SQLModel.metadata.create_all(self._engine, tables=[_table(Entry), _table(Feedback)])
        except (OSError, OperationalError) as error:
            raise SetupError(f"nothing can be written to {home}; set COPILOT_HOME to a folder of yours") from error

    def record(self, answer: Answer, app: str, model: str) -> None:
        """Append an answer."""
        with Session(self._engine) as session:
            session.add(
                Entry(
                    id=answer.id, at=_now(), question=answer.question, outcome=answer.outcome, program=answer.program,
                    text=answer.text, links=answer.links, total_ms=answer.timings.total, app=app, model=model,
                )
            )  # fmt: skip
            session.commit()

    def judge(self, answer_id: str, verdict: Verdict, program: str | None, comment: str | None) -> None:
        """Append what a person said of an answer. Raises SetupError if there is no such answer or verdict."""
        if verdict not in get_args(Verdict):
            raise SetupError(f"{verdict!r} is no verdict; it is one of {', '.join(get_args(Verdict))}")
        with Session(self._engine) as session:
            if session.exec(select(Entry).where(Entry.id == answer_id)).first() is None:
                raise SetupError(f"there is no answer {answer_id!r} in the history")
            session.add(Feedback(answer_id=answer_id, at=_now(), verdict=verdict, program=program, comment=comment))
            session.commit()

    def last(self, limit: int, matching: str = "", outcome: str | None = None) -> list[Entry]:
        """The latest entries, newest first: of an outcome, and with a text in the question, program or answer."""
        wanted = select(Entry).order_by(col(Entry.number).desc()).limit(limit)
        if outcome:
            wanted = wanted.where(Entry.outcome == outcome)
        if matching:
            texts = (Entry.question, Entry.program, Entry.text)
            wanted = wanted.where(or_(*(col(text).icontains(matching, autoescape=True) for text in texts)))
        with Session(self._engine) as session:
            return list(session.exec(wanted))


def _table(model: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]


def _now() -> datetime:
    return datetime.now(UTC)
