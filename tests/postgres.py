"""A real PostgreSQL, each test run in a schema of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
import sqlalchemy as sa

SERVER = os.environ.get("POSTGRES_URL", "postgresql://127.0.0.1:5432/test")


@contextmanager
def schema() -> Iterator[str]:
    """The URL of a new schema, dropped at the end. Without a server: skipped; where CI runs, a failure."""
    name = f"copilot_{uuid4().hex[:12]}"
    admin = sa.create_engine(SERVER.replace("postgresql:", "postgresql+psycopg:"), connect_args={"connect_timeout": 3})
    try:
        _say(admin, f"CREATE SCHEMA {name}")
    except sa.exc.OperationalError as error:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing(f"no PostgreSQL at {SERVER}: {str(error.orig).splitlines()[0]}")
    try:
        yield f"{SERVER}?options=-csearch_path%3D{name}"
    finally:
        _say(admin, f"DROP SCHEMA {name} CASCADE")
        admin.dispose()


def _say(admin: sa.Engine, sql: str) -> None:
    with admin.begin() as connection:
        connection.exec_driver_sql(sql)
