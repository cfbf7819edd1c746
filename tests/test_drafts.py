"""Drafts are saved whole or not at all, two writers lose nothing, and a draft on older data is not adopted unasked."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from copilot import Copilot
from copilot.database import writable
from copilot.errors import NameMistake, QuestionError, SetupError
from copilot.fulfilment import store
from copilot.fulfilment.app import app
from copilot.fulfilment.planner import plan_of
from copilot.fulfilment.tables import SCHEMA_VERSION
from copilot.settings import Settings
from copilot.testing import Scripted
from fixtures.build import build

ROOT = Path(__file__).parent.parent
KILLED = """
import os, signal, sys
from copilot.database import writable
from copilot.fulfilment import store
from copilot.fulfilment.planner import plan_of

def killed(*args):
    work(*args)
    if {when}:
        print("in the middle", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

work, store.{where} = store.{where}, killed
with writable(sys.argv[1]).connect() as connection:
    problem = store.load_problem(connection)
    {does}
"""
SAVE = 'store.save_plan(connection, plan_of(problem, problem.current), "mine", problem.orders)'


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, small_world: Path, tmp_path: Path) -> str:
    """The small world in a place of its own, which a test may change."""
    if request.param == "postgresql":
        place: str = request.getfixturevalue("postgres")
        build(place, "small")
        return place
    return f"sqlite:///{shutil.copy(small_world, tmp_path / 'own.db')}"


@pytest.fixture
def own(url: str) -> Iterator[Connection]:
    with writable(url).connect() as connection:
        yield connection


@pytest.fixture
def copilot(url: str, home: Path) -> Iterator[Copilot]:
    opened = Copilot(app, database_url=url, model=Scripted({}), settings=Settings(home=home))
    yield opened
    opened.database.engine.dispose()


def every_row(url: str) -> list[list[object]]:
    """All that the tables of plans hold."""
    with writable(url).connect() as connection:
        tables = ("plan", "plan_line", "plan_order")
        return [sorted(map(str, connection.execute(text(f"SELECT * FROM {name}")))) for name in tables]


@pytest.mark.parametrize(("where", "when", "does"), [
    ("_insert", 'args[1].name == "plan_line"', SAVE),
    ("_insert_plan", "True", SAVE),
    ("_refuse_strangers", "True", 'store.adopt(connection, "PLN-3", "ana")'),
])  # fmt: skip
def test_a_process_killed_in_the_middle_leaves_the_plans_as_they_were(
    url: str, where: str, when: str, does: str
) -> None:
    before = every_row(url)
    code = KILLED.format(where=where, when=when, does=does)
    ended = subprocess.run([sys.executable, "-c", code, url], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "in the middle\n"), ended.stderr
    assert every_row(url) == before
    with writable(url).connect() as connection:
        problem = store.load_problem(connection)
        assert store.save_plan(connection, plan_of(problem, ()), "after", problem.orders) == "PLN-6"
        store.adopt(connection, "PLN-3", "ben")


def test_two_writers_at_once_lose_nothing(url: str) -> None:
    code = f"""
import sys
from copilot.database import writable
from copilot.fulfilment import store
from copilot.fulfilment.planner import plan_of
for n in range(4):
    with writable(sys.argv[1]).connect() as connection:
        problem = store.load_problem(connection)
        print({SAVE}, flush=True)
"""
    command = [sys.executable, "-c", code, url]
    writers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    saved = [line for writer in writers for line in writer.communicate()[0].split()]
    assert sorted(saved, key=lambda plan_id: int(plan_id[4:])) == [f"PLN-{n}" for n in range(6, 14)]
    with writable(url).connect() as connection:
        current = store.read_plan(connection, "current")
        assert all(store.read_plan(connection, plan_id) == current for plan_id in saved)


def test_of_plans_adopted_at_once_one_is_current_and_each_person_is_told(url: str) -> None:
    def adopt(plan_id: str) -> str:
        with writable(url).connect() as connection:
            try:
                store.adopt(connection, plan_id, f"who took {plan_id}")
            except QuestionError as error:
                return str(error)
        return ""

    drafts = ["PLN-2", "PLN-3", "PLN-4", "PLN-5"]
    with ThreadPoolExecutor(len(drafts)) as pool:
        told = dict(zip(drafts, pool.map(adopt, drafts), strict=True))
    assert all("at the same moment" in complaint for complaint in told.values() if complaint)
    with writable(url).connect() as connection:
        rows = connection.execute(text("SELECT plan_id, status, adopted_by FROM plan ORDER BY plan_id")).all()
    (current,) = [row.plan_id for row in rows if row.status == "current"]
    assert told[current] == ""
    assert {row.plan_id: row.adopted_by for row in rows[1:]} == {
        plan_id: None if told[plan_id] else f"who took {plan_id}" for plan_id in drafts
    }


@pytest.mark.parametrize(("change", "part"), [
    ("UPDATE customer_order SET quantity = quantity + 1 WHERE order_id = 'ORD-1001'", "orders"),
    ("UPDATE customer_order SET status = 'cancelled' WHERE order_id = 'ORD-1001'", "orders"),
    ("UPDATE stock SET on_hand = on_hand + 5", "supply"),
    ("UPDATE delivery SET arrival_date = '2026-12-24' WHERE delivery_id = 'DLV-1'", "supply"),
    ("UPDATE lane SET cost_per_rack = cost_per_rack + 0.01 WHERE warehouse = 'Reno'", "lanes"),
    ("UPDATE dock_capacity SET capacity = 99 WHERE datacenter = 'DUB1'", "docks"),
    ("DELETE FROM approval WHERE supplier = 'Halden'", "approvals"),
    ("UPDATE rate SET usd = usd + 1 WHERE name = 'early'", "rates"),
    ("UPDATE world SET today = '2026-11-03'", "the day"),
])  # fmt: skip
def test_a_draft_made_on_older_data_is_refused_with_what_changed(
    small_world: Path, tmp_path: Path, change: str, part: str
) -> None:
    with writable(f"sqlite:///{shutil.copy(small_world, tmp_path / 'own.db')}").connect() as own:
        own.execute(text(change))
        own.commit()
        with pytest.raises(QuestionError, match=rf"PLN-3 was made on older data \(.*{part}.* changed since\)"):
            store.adopt(own, "PLN-3", "ana")
        assert store.plan_names(own)["current"] == "PLN-1"
        store.adopt(own, "PLN-3", "ana", anyway=True)
        assert store.plan_names(own)["current"] == "PLN-3"


def test_a_draft_of_the_copilot_is_adopted_by_a_person_while_its_data_are_the_same(
    copilot: Copilot, own: Connection
) -> None:
    made = copilot.run('plan(close_warehouse("Memphis"), name="mine")')
    assert made.text.endswith("Saved as PLN-6.")
    with pytest.raises(QuestionError, match="who adopts PLN-6"):
        copilot.adopt("PLN-6", by=" ")
    with pytest.raises(NameMistake, match="PLN-7"):
        copilot.adopt("PLN-7", by="ana")
    copilot.adopt("PLN-6", by="ana")
    adopted = text("SELECT status, adopted_by, adopted_at IS NOT NULL FROM plan WHERE plan_id = 'PLN-6'")
    assert tuple(own.execute(adopted).one()) == ("current", "ana", True)
    own.commit()
    copilot.run("plan()")
    own.execute(text("UPDATE stock SET reserved = on_hand"))
    own.commit()
    with pytest.raises(QuestionError, match=r"PLN-7 was made on older data \(supply changed since\)"):
        copilot.adopt("PLN-7", by="ben")
    copilot.adopt("PLN-7", by="ben", anyway=True)
    assert copilot.run('plans.where(status="current").select("plan_id")').rows == [["PLN-7"]]


@pytest.mark.parametrize(("change", "says"), [
    (f"UPDATE world SET schema_version = {SCHEMA_VERSION - 1}", "build it again: copilot world demo .* --overwrite"),
    (f"UPDATE world SET schema_version = {SCHEMA_VERSION + 1}", "install a newer copilot"),
    ("DELETE FROM world", "half built: its making was cut off; build it again"),
    ("DROP VIEW lanes", "lacks lanes of its world; build it again"),
    ("ALTER TABLE world RENAME TO universe", "holds other tables .* and no fulfilment world; set COPILOT_DATABASE_URL"),
    ("ALTER TABLE world RENAME COLUMN schema_version TO v", "a table world of another making and no fulfilment world"),
])  # fmt: skip
@pytest.mark.parametrize("where", ["small_world", "postgres_world"])
def test_every_wrong_database_is_told_apart_with_what_to_do(
    request: pytest.FixtureRequest, where: str, change: str, says: str
) -> None:
    place = request.getfixturevalue(where)
    with writable(place if "postgres" in where else f"sqlite:///{place}").connect() as connection:
        connection.exec_driver_sql("BEGIN" if where == "small_world" else "SELECT 1")
        connection.execute(text(change))
        with pytest.raises(SetupError, match=says) as told:
            store.require(connection)
        connection.rollback()
        store.require(connection)
    assert "\n" not in str(told.value)


def test_an_empty_schema_is_told_what_to_build(postgres: str, home: Path) -> None:
    with pytest.raises(SetupError, match=r"holds no fulfilment world; .*copilot world demo"):
        Copilot(app, database_url=postgres, model=Scripted({}), settings=Settings(home=home)).run("orders.count()")


def test_a_world_half_built_on_postgresql_is_built_again(postgres: str) -> None:
    code = """
import os, signal, sys
from fixtures import build
build._plan = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
build.build(sys.argv[1], "small")
"""
    ended = subprocess.run([sys.executable, "-c", code, postgres], cwd=ROOT, check=False, env=dict(os.environ))
    assert ended.returncode == -signal.SIGKILL
    with writable(postgres).connect() as connection, pytest.raises(SetupError, match="half built"):
        store.require(connection)
    build(postgres, "small")
    with writable(postgres).connect() as connection:
        store.require(connection)
