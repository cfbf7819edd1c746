"""Each wall of the read-only connection, attacked on its own."""

import sqlite3
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from copilot.database import Database, writable
from copilot.errors import LimitReached, SetupError

NUMBERS = sa.table("numbers", sa.column("n"))
ENDLESS = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT COUNT(*) FROM t"
WRITES = (
    "INSERT INTO numbers VALUES (1)",
    "UPDATE numbers SET n = 0",
    "DELETE FROM numbers",
    "DROP TABLE numbers",
    "ALTER TABLE numbers ADD COLUMN m INTEGER",
    "CREATE TABLE more (n INTEGER)",
    "CREATE TEMP TABLE more (n INTEGER)",
    "CREATE VIEW more AS SELECT 1",
)
SQLITE_ONLY = (
    "REPLACE INTO numbers VALUES (1)",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA user_version = 7",
    "SELECT * FROM pragma_table_info('numbers')",
    "VACUUM INTO '/tmp/copilot-stolen.db'",
    "ANALYZE",
    "BEGIN IMMEDIATE",
    "SELECT load_extension('x')",
    "CREATE VIRTUAL TABLE more USING fts5(n)",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "odd name #1?.db"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE numbers (n INTEGER)")
    raw.executemany("INSERT INTO numbers VALUES (?)", [(n,) for n in range(100)])
    raw.commit()
    raw.close()
    return path


def opened(path: Path, seconds: float = 5.0, max_rows: int = 1000) -> Database:
    return Database(sa.URL.create("sqlite", database=str(path)).render_as_string(), seconds, max_rows)


def raw_of(connection: sa.Connection) -> sqlite3.Connection:
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


@pytest.mark.parametrize("sql", [*WRITES, *SQLITE_ONLY])
def test_sqlite_refuses_it_even_on_the_raw_connection(path: Path, sql: str) -> None:
    before = path.read_bytes()
    with (
        pytest.raises(SetupError, match=r"not authorized|prohibited|authorization denied"),
        opened(path).reading() as connection,
    ):
        connection.exec_driver_sql(sql)
    with opened(path).reading() as connection, pytest.raises(sqlite3.DatabaseError):
        raw_of(connection).execute(sql)
    assert path.read_bytes() == before
    assert not Path("/tmp/copilot-stolen.db").exists()


def test_sqlite_cannot_attach_another_file(path: Path, tmp_path: Path) -> None:
    with opened(path).reading() as connection, pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        raw_of(connection).execute(f"ATTACH DATABASE '{tmp_path / 'new.db'}' AS other")
    assert not (tmp_path / "new.db").exists()


def test_sqlite_is_read_only_even_without_the_authorizer(path: Path) -> None:
    with opened(path).reading() as connection:
        raw = raw_of(connection)
        raw.set_authorizer(None)
        raw.execute("PRAGMA query_only = OFF")
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            raw.execute("INSERT INTO numbers VALUES (1)")


def test_reading_is_not_hindered(path: Path) -> None:
    database = opened(path)
    with database.reading() as connection:
        columns, rows, more = database.rows(connection, sa.select(sa.func.sum(NUMBERS.c.n).label("total")))
        assert (columns, rows, more) == (["total"], [[4950]], False)
        assert sa.inspect(connection).get_table_names() == ["numbers"]


def test_an_endless_query_is_stopped(path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(LimitReached, match=r"0\.2 s"), opened(path, seconds=0.2).reading() as connection:
        connection.exec_driver_sql(ENDLESS).all()
    assert 0.15 < time.monotonic() - start < 2


def test_an_endless_result_is_stopped_too(path: Path) -> None:
    endless = ENDLESS.replace("SELECT COUNT(*)", "SELECT n")
    with pytest.raises(LimitReached), opened(path, seconds=0.2).reading() as connection:
        for _ in connection.exec_driver_sql(endless):
            pass


def test_each_statement_has_the_whole_time(path: Path) -> None:
    with opened(path, seconds=0.2).reading() as connection:
        for _ in range(3):
            time.sleep(0.15)
            slow = (
                "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 20000) SELECT COUNT(*) FROM t"
            )
            assert connection.exec_driver_sql(slow).scalar() == 20000


def test_the_database_is_usable_after_a_query_was_stopped(path: Path) -> None:
    database = opened(path, seconds=0.2)
    with pytest.raises(LimitReached), database.reading() as connection:
        connection.exec_driver_sql(ENDLESS)
    with database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(NUMBERS)) == 100


@pytest.mark.parametrize(("most", "found", "more"), [(10, 10, True), (99, 99, True), (100, 100, False)])
def test_no_result_outgrows_the_row_limit(path: Path, most: int, found: int, more: bool) -> None:
    database = opened(path, max_rows=most)
    with database.reading() as connection:
        _, rows, cut = database.rows(connection, sa.select(NUMBERS.c.n))
    assert (len(rows), cut) == (found, more)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "not one"),
        ("mysql://h/d", "mysql"),
        ("oracle+nothing://h/d", "not"),
        ("sqlite:////nowhere/at/all.db", "no database at"),
        ("sqlite://", "no database"),
    ],
)
def test_a_wrong_url_is_told_in_one_line(url: str, says: str) -> None:
    with pytest.raises(SetupError, match=says) as told:
        Database(url)
    assert "\n" not in str(told.value)


def test_a_server_that_is_not_there_is_told_in_one_line_without_the_password() -> None:
    with (
        pytest.raises(SetupError) as told,
        Database("postgresql://ana:secret@127.0.0.1:1/none").reading() as connection,
    ):
        connection.exec_driver_sql("SELECT 1")
    assert "\n" not in str(told.value) and "secret" not in str(told.value)


@pytest.fixture
def server(postgres: str) -> str:
    """The URL of a schema on PostgreSQL with the table of numbers."""
    with writable(postgres).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE numbers AS SELECT n FROM generate_series(0, 99) AS n")
    return postgres


@pytest.mark.parametrize(
    "sql",
    [
        *(sql for sql in WRITES if "TEMP" not in sql),
        "TRUNCATE numbers",
        "COPY numbers FROM PROGRAM 'echo 1'",
        "SELECT n INTO more FROM numbers",
        "CREATE SEQUENCE more",
    ],
)
def test_postgresql_refuses_to_write(server: str, sql: str) -> None:
    database = Database(server)
    with pytest.raises(SetupError, match="read-only"), database.reading() as connection:
        connection.exec_driver_sql(sql)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM numbers").scalar() == 100


def test_postgresql_cannot_be_made_writable_once_it_was_read(server: str) -> None:
    with pytest.raises(SetupError, match="read-write"), Database(server).reading() as connection:
        connection.exec_driver_sql("SELECT 1")
        connection.exec_driver_sql("SET TRANSACTION READ WRITE")


def test_postgresql_stops_an_endless_query_and_a_large_result(server: str) -> None:
    database = Database(server, seconds=0.3, max_rows=10)
    start = time.monotonic()
    with pytest.raises(LimitReached), database.reading() as connection:
        connection.exec_driver_sql(ENDLESS)
    assert time.monotonic() - start < 3
    with database.reading() as connection:
        _, rows, more = database.rows(connection, sa.select(NUMBERS.c.n))
    assert (len(rows), more) == (10, True)


def test_what_people_do_may_write(path: Path, server: str) -> None:
    for url in (sa.URL.create("sqlite", database=str(path)), sa.make_url(server)):
        with writable(url).begin() as connection:
            connection.execute(sa.insert(NUMBERS).values(n=7))
            assert connection.scalar(sa.select(sa.func.count()).where(NUMBERS.c.n == 7)) == 2
