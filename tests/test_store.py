"""What is kept: plans whole or not at all, one current plan, and a database that says what is wrong with it."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text, update

from copilot.database import Database, writable
from copilot.errors import NameMistake, QuestionError, SetupError
from copilot.fulfilment import store
from copilot.fulfilment.problem import Costs, Line, Plan
from copilot.fulfilment.tables import SCHEMA_VERSION, Base
from fixtures import build as building
from fixtures.build import build
from fixtures.world import TODAY, generate

PLAN, LINE, WORLD = (Base.metadata.tables[name] for name in ("plan", "plan_line", "world"))


@pytest.fixture
def path(small_world: Path, tmp_path: Path) -> Path:
    """A copy of the small world that a test may change."""
    return Path(shutil.copy(small_world, tmp_path / "own.db"))


@pytest.fixture
def own(path: Path) -> Iterator[Connection]:
    with writable(f"sqlite:///{path}").connect() as connection:
        yield connection


def one(connection: Connection, sql: str) -> object:
    return connection.execute(text(sql)).scalar_one()


def column(connection: Connection, sql: str) -> list[object]:
    return list(connection.execute(text(sql)).scalars())


def a_plan(*lines: Line) -> Plan:
    return Plan(lines, {}, Costs(1.0, 2.0, 3.0, 4.0), 0, len(lines), 0, 0.1, 1)


def test_a_plan_is_saved_under_the_next_id_and_read_back(own: Connection) -> None:
    problem, line = store.load_problem(own), store.read_plan(own, "current")[0]
    assert store.save_plan(own, a_plan(line), "mine", problem.orders) == "PLN-6"
    assert store.read_plan(own, "PLN-6") == [line]
    row = own.execute(text("SELECT name, status, total_cost FROM plans WHERE plan_id = 'PLN-6'")).one()
    assert tuple(row) == ("mine", "draft", 10.0)
    with pytest.raises(NameMistake):
        store.read_plan(own, "PLN-7")


def test_a_plan_without_lines_is_saved(own: Connection) -> None:
    plan_id = store.save_plan(own, a_plan(), "nothing", [])
    assert store.read_plan(own, plan_id) == []


def test_a_plan_is_saved_whole_or_not_at_all(own: Connection) -> None:
    problem, line = store.load_problem(own), store.read_plan(own, "current")[0]
    broken = replace(line, order_id="ORD-1002", warehouse=None)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="NOT NULL"):
        store.save_plan(own, a_plan(line, broken), "mine", problem.orders)
    with pytest.raises(KeyError):
        store.save_plan(own, a_plan(line), "mine", [])
    assert one(own, "SELECT COUNT(*) FROM plans") == 5
    assert one(own, "SELECT COUNT(*) FROM plan_lines WHERE plan_id = 'PLN-6'") == 0


def test_plans_saved_at_once_get_ids_of_their_own(path: Path) -> None:
    def save(n: int) -> str:
        with writable(f"sqlite:///{path}").connect() as connection:
            return store.save_plan(connection, a_plan(), f"plan {n}", [])

    with ThreadPoolExecutor(4) as pool:
        saved = sorted(pool.map(save, range(8)), key=lambda plan_id: int(plan_id[4:]))
    assert saved == [f"PLN-{n}" for n in range(6, 14)]


def test_adopting_makes_orders_planned_and_records_who(own: Connection) -> None:
    problem, line = store.load_problem(own), store.read_plan(own, "current")[0]
    plan_id = store.save_plan(own, a_plan(line), "mine", problem.orders)
    store.adopt(own, plan_id, "ana")
    assert column(own, "SELECT order_id FROM orders WHERE status = 'planned'") == [line.order_id]
    assert column(own, "SELECT plan_id FROM plans WHERE status = 'superseded'") == ["PLN-1"]
    assert store.read_plan(own, "current") == [line] == list(store.load_problem(own).current)
    who, when = own.execute(select(PLAN.c.adopted_by, PLAN.c.adopted_at).where(PLAN.c.status == "current")).one()
    assert who == "ana" and isinstance(when, datetime)
    store.adopt(own, "PLN-1", "ben")
    assert column(own, "SELECT plan_id FROM plans WHERE status = 'current'") == ["PLN-1"]


def test_adopting_what_cannot_be_changes_nothing(own: Connection) -> None:
    with pytest.raises(NameMistake):
        store.adopt(own, "PLN-99", "ana")
    row = own.execute(select(LINE).limit(1)).mappings().one()
    own.execute(insert(LINE).values({**row, "plan_id": "PLN-2", "line": 9999, "order_id": "NEW-1"}))
    own.commit()
    with pytest.raises(QuestionError, match="NEW-1"):
        store.adopt(own, "PLN-2", "ana")
    assert one(own, "SELECT plan_id FROM plans WHERE status = 'current'") == "PLN-1"


def test_there_is_never_a_second_current_plan(own: Connection) -> None:
    with pytest.raises(Exception, match="UNIQUE"):
        own.execute(update(PLAN).where(PLAN.c.plan_id == "PLN-2").values(status="current"))
    own.rollback()
    with pytest.raises(Exception, match="UNIQUE"):
        store.save_plan(own, a_plan(), "another", [], status="current")
    assert one(own, "SELECT COUNT(*) FROM plans") == 5


def test_plans_are_found_by_what_they_are_called(own: Connection) -> None:
    names = store.plan_names(own)
    assert names["current"] == "PLN-1" and names["Memphis closed"] == "PLN-3"


def complaint(path: Path) -> str:
    """What a reader is told about the database, through the read-only connection."""
    with pytest.raises(SetupError) as told, Database(f"sqlite:///{path}").reading() as connection:
        store.today(connection)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_a_database_that_cannot_be_read_says_why(path: Path, own: Connection, tmp_path: Path) -> None:
    empty, text_file = tmp_path / "empty.db", tmp_path / "text.db"
    empty.touch()
    text_file.write_text("these are not the pages of a database " * 100)
    assert "no database at" in complaint(tmp_path / "missing.db")
    assert "no fulfilment world" in complaint(empty)
    assert "not a database" in complaint(text_file)
    own.execute(update(WORLD).values(schema_version=SCHEMA_VERSION + 1))
    own.commit()
    assert f"version {SCHEMA_VERSION + 1}" in complaint(path)
    own.execute(WORLD.delete())
    own.commit()
    assert "half built" in complaint(path)


def test_a_real_database_uses_the_real_date(own: Connection) -> None:
    assert store.today(own) == TODAY
    own.execute(update(WORLD).values(today=None))
    assert store.today(own) == date.today()


def test_a_half_built_world_is_replaced_and_a_complete_one_only_on_demand(path: Path, own: Connection) -> None:
    with pytest.raises(SetupError, match="holds a world already"):
        store.create(own, generate("small").tables)
    with pytest.raises(SetupError, match="holds a world already"):
        build(f"sqlite:///{path}", "small")
    own.execute(WORLD.delete())
    own.commit()
    assert store.version(own) is None
    store.create(own, generate("small", 2).tables)
    assert one(own, "SELECT COUNT(*) FROM plans") == 0
    store.seal(own, "small", 2, None)
    assert store.version(own) == SCHEMA_VERSION
    build(f"sqlite:///{path}", "small", overwrite=True)
    with writable(f"sqlite:///{path}").connect() as fresh:
        assert one(fresh, "SELECT COUNT(*) FROM plans") == 5


def test_somebody_elses_database_is_not_touched(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'theirs.db'}"
    with writable(url).begin() as connection:
        connection.execute(text("CREATE TABLE payroll (name TEXT)"))
    for overwrite in (False, True):
        with pytest.raises(SetupError, match="payroll"):
            build(url, "small", overwrite=overwrite)
    assert [file.name for file in tmp_path.iterdir()] == ["theirs.db"]


def test_a_build_that_is_cut_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "solve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(f"sqlite:///{tmp_path / 'home' / 'demo.db'}", "small")
    assert list((tmp_path / "home").iterdir()) == []


def test_a_build_says_how_far_it_is_and_what_it_cannot_do(tmp_path: Path) -> None:
    said: list[float | None] = []
    build(f"sqlite:///{tmp_path / 'told.db'}", "small", progress=lambda _, share: said.append(share))
    shares = [share for share in said if share is not None]
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) > 5
    with pytest.raises(SetupError, match="small, demo, large"):
        build(f"sqlite:///{tmp_path / 'x.db'}", "huge")
    with pytest.raises(SetupError, match="URL"):
        build("no url at all", "small")
    with pytest.raises(SetupError, match="nothing can be written"):
        build("sqlite:////proc/nowhere/x.db", "small")
