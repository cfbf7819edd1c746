"""The read-only connection.

What these walls cover: nothing can be written (SQLite: opened `mode=ro`, and an authorizer that lets only reads
pass; PostgreSQL: a read-only transaction), no statement outlives its deadline, no result outgrows the row limit, no
value of SQLite's making its memory. What they do not: which tables are read; the query compiler sees to it that only
views are. The deadline is looked at between steps: one long step (a pattern with many wildcards, which no query has)
ends by itself. A PostgreSQL session could lift its own limits with SET; no program can say SET, and a role that may
only SELECT closes that too.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from copilot.errors import LimitReached, SetupError

READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
HARMFUL = {"load_extension", "fts3_tokenizer", "writefile", "readfile", "edit"}
STEPS_BETWEEN_LOOKS = 2000
CONNECT_SECONDS = 5
DEADLINE = "deadline"
LONGEST_VALUE = 10_000_000
"""Bytes of a text that SQLite may make; its own limit would fill a machine's memory in one step."""
TOO_LARGE = ("too large", "too complex", "too many", "too big", "stack overflow", "stack depth", "integer overflow")
"""How SQLite and PostgreSQL refuse a statement for its size, not for what it asks."""


class Database:
    """A database that can only be read.

    Args:
        url: an SQLAlchemy URL of SQLite or PostgreSQL.
        seconds: how long one statement may take, its rows included.
        max_rows: how many rows of a result are read.

    Raises:
        SetupError: the URL is wrong, or nothing is there.
    """

    def __init__(self, url: str, seconds: float = 5.0, max_rows: int = 1000) -> None:
        self.url, self.seconds, self.max_rows = _parsed(url), seconds, max_rows
        self.engine = self._sqlite() if self.url.get_backend_name() == "sqlite" else self._postgresql()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection on which nothing can be written, and each statement has the deadline.

        Raises:
            LimitReached: a statement outlived its deadline.
            SetupError: the server cannot be reached, or the statement cannot be run there.
        """
        info: dict[Any, Any] = {}
        try:
            with self.engine.connect() as connection:
                info = connection.info
                yield connection
        except DBAPIError as error:
            if "interrupted" in str(error.orig) and time.monotonic() < info.get(DEADLINE, 0):
                raise KeyboardInterrupt from None  # SQLite stops at a Ctrl-C as it does at the deadline
            raise _told(error, self.seconds) from error

    def rows(self, connection: sa.Connection, statement: sa.Select[Any]) -> tuple[list[str], list[list[Any]], bool]:
        """A statement's columns, its rows up to the limit, and whether there were more."""
        result = connection.execute(statement, execution_options={"stream_results": True})
        columns, rows = list(result.keys()), [list(map(_plain, row)) for row in result.fetchmany(self.max_rows + 1)]
        result.close()
        return columns, rows[: self.max_rows], len(rows) > self.max_rows

    def shown(self, statement: sa.Select[Any]) -> str:
        """A statement as SQL text, its values in place."""
        compiled = statement.compile(dialect=self.engine.dialect, compile_kwargs={"literal_binds": True})
        return str(compiled).replace(" \n", "\n").replace("\n LIMIT", "\nLIMIT").replace(" OFFSET 0", "")

    def _sqlite(self) -> sa.Engine:
        path = Path(self.url.database or "")
        if not self.url.database or not path.is_file():
            raise SetupError(f"there is no database at {path}; build one: copilot world demo --database-url {self.url}")
        uri = f"{path.resolve().as_uri()}?mode=ro"

        def connect() -> sqlite3.Connection:
            raw = sqlite3.connect(uri, uri=True, check_same_thread=False)
            raw.create_function("lower", 1, _lower, deterministic=True)
            raw.execute("PRAGMA query_only = ON")
            raw.set_authorizer(_only_reads)
            raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
            return raw

        engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.QueuePool)
        sa.event.listen(engine, "before_cursor_execute", self._start_clock)
        return engine

    def _start_clock(self, connection: sa.Connection, *_: Any) -> None:
        end = time.monotonic() + self.seconds
        connection.info[DEADLINE] = end
        raw: Any = connection.connection.dbapi_connection
        raw.set_progress_handler(lambda: time.monotonic() > end, STEPS_BETWEEN_LOOKS)

    def _postgresql(self) -> sa.Engine:
        limits = f"-c default_transaction_read_only=on -c statement_timeout={int(self.seconds * 1000)}"
        given = self.url.query.get("options", "")
        options = " ".join([*([given] if isinstance(given, str) else given), limits])
        url = _with_driver(self.url).difference_update_query(["options"])
        arguments = {"options": options.strip(), "connect_timeout": CONNECT_SECONDS}
        engine = sa.create_engine(url, connect_args=arguments, pool_pre_ping=True)
        return engine.execution_options(postgresql_readonly=True)


def writable(url: str | sa.URL) -> sa.Engine:
    """An engine that can write, for what people do: build a world, save a plan, adopt one. It keeps no connection.

    Raises:
        SetupError: the URL is wrong.
    """
    parsed = _with_driver(_parsed(url))
    arguments = {} if parsed.get_backend_name() == "sqlite" else {"connect_timeout": CONNECT_SECONDS}
    return sa.create_engine(parsed, connect_args=arguments, poolclass=sa.pool.NullPool)


def reason(error: DBAPIError) -> str:
    """What the database says is wrong, in one line."""
    text = str(error.orig).strip()
    return text.splitlines()[0] if text else type(error.orig).__name__


def _plain(value: Any) -> Any:
    """A whole number as one: PostgreSQL sums whole numbers into its numeric type."""
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value


def _lower(text: Any) -> Any:
    """Lower case in every alphabet, as on PostgreSQL; SQLite's own knows A to Z only."""
    return text.lower() if isinstance(text, str) else text


def _only_reads(action: int, first: str | None, second: str | None, *_: Any) -> int:
    """The authorizer: reads pass, with every function that is harmless, and what SQLAlchemy asks as it connects."""
    harmful = action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in HARMFUL
    asked = (action, first, second) == (sqlite3.SQLITE_PRAGMA, "read_uncommitted", None)
    return sqlite3.SQLITE_OK if asked or (action in READS and not harmful) else sqlite3.SQLITE_DENY


def _with_driver(url: sa.URL) -> sa.URL:
    return url.set(drivername="postgresql+psycopg" if url.get_backend_name() == "postgresql" else "sqlite")


def _parsed(url: str | sa.URL) -> sa.URL:
    try:
        parsed = sa.make_url(url)
        name = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise SetupError("the database URL is not one; write sqlite:///path.db or postgresql://host/name") from error
    if name not in ("sqlite", "postgresql"):
        raise SetupError(f"{name} is not supported; use SQLite or PostgreSQL")
    return parsed


def _told(error: DBAPIError, seconds: float) -> LimitReached | SetupError:
    text = reason(error)
    if "interrupted" in text or "statement timeout" in text:
        return LimitReached(f"a query took longer than {seconds:g} s and was stopped; ask for less at once")
    if any(words in text for words in TOO_LARGE):
        return LimitReached("a query is larger than the database takes; ask for less at once")
    todo = "is the server running, and COPILOT_DATABASE_URL right?"
    return SetupError(f"the database cannot be used: {text}" + (f"; {todo}" if "connect" in text else ""))
