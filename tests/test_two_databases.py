"""SQLite and PostgreSQL: the same world, the same program, the same answer, cell by cell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
import sqlalchemy as sa

from copilot import Answer, Copilot
from copilot.answer import Result
from copilot.app import App
from copilot.database import Database, writable
from copilot.errors import LimitReached
from copilot.fulfilment.app import app
from copilot.names import Names
from copilot.query import Column, View
from copilot.settings import Settings
from copilot.testing import Scripted
from finetune import examples

QUESTIONS = Path(__file__).parent.parent.parent / "shared" / "questions" / "public.jsonl"
PROGRAMS = (
    # dates
    'orders.where(due_date__week="this").select("order_id", "due_date")',
    'orders.where(due_date__next=14, due_date__lt="2026-11-12").count()',
    'orders.where(dock_date__weeks=3).by("dock_date__week").count().avg("days_late")',
    'orders.by("due_date__month").sum("total_cost").share(of="total_cost")',
    'shipments.by("arrival_date__week").count()',
    'shipments.where(arrival_date__last=30, expected_date__month="2026-10").count()',
    'shipments.where(arrival_date__gt=col("expected_date")).select("shipment_id", "arrival_date", "expected_date")',
    'orders.min("due_date").max("dock_date").min("created_date")',
    'orders.where(due_date__lt="0001-01-01").count()',
    'plans.where(created_at__gt="2026-10-30").select("plan_id", "created_at")',
    'plans.where(created_at="2026-10-30").count()',
    'plans.where(created_at__lte="2026-10-31").by("created_at__week", "created_at__month").count()',
    'plans.min("created_at").max("created_at")',
    # NULLs
    'orders.sort("dock_date").select("order_id", "dock_date")',
    'orders.sort("-dock_date").select("order_id", "dock_date")',
    'orders.by("warehouse").count().sort("warehouse")',
    "orders.where(warehouse=None).count()",
    'orders.where(warehouse__ne="Memphis").count()',
    'orders.where(days_late__isnull=False).avg("days_late").count_distinct("warehouse")',
    'orders.where(quantity__gte=1000).avg("quantity")',
    'orders.where(quantity__gte=1000).sum("quantity").max("due_date")',
    'orders.by("region").share(of="lateness_cost", status="planned")',
    # text
    'plans.where(name__contains="MEMPHIS")',
    'plans.where(name__contains="%").count()',
    'plans.where(name__contains="_").count()',
    'plans.sort("-name").select("name", "plan_id")',
    'plans.by("status").min("name").max("name")',
    'suppliers.where(country__contains="AN").sort("country").select("supplier", "country")',
    # numbers and their rounding
    "orders.where(quantity__lt=3000000000).count()",
    "orders.where(quantity__in=[1, 2.5, 3]).count()",
    "orders.where(quantity__gt=9223372036854775807).count()",
    "lanes.where(cost_per_rack__gt=512.5, transit_days__lte=9).count()",
    'docks.where(booked__gte=col("capacity")).select("datacenter", "week", "utilisation")',
    'docks.where(utilisation__gte=0.5).avg("utilisation")',
    'orders.by("sku").sum("quantity").avg("sum_quantity").sum("sum_quantity").max("sum_quantity")',
    'orders.avg("quantity").avg("total_cost").sum("days_late")',
    'suppliers.avg("on_time_rate").sum("racks_on_hand").min("defect_rate")',
    'number(orders.sum("quantity")) / number(orders.count())',
    'number(orders.where(status="planned").avg("days_late")) * 2',
    # which rows are left where some tie
    'orders.where(status="planned").top(5)',
    "inventory.top(7)",
    'inventory.sort("available").select("warehouse", "available")',
    'orders.sort("-quantity").select("city").top(7)',
    'orders.by("city").count().top(4)',
    'orders.by("city").count().sort("count").top(4)',
    'orders.top(9).by("region").count()',
    'orders.by("city").count().where(count__gt=2).top(2)',
    'orders.where(order_id__in=orders.sort("-quantity").top(3).select("order_id"))',
    'plan_lines.where(plan_id="PLN-2").sort("-days_late").top(9)',
    "orders.top(3000000000).count()",
    # several at once, and what the planner says
    "orders.where(datacenter__in=[]).count()",
    'any_of(orders.where(priority=1), orders.where(status="open")).count()',
    'orders.where(supplier__in=suppliers.where(on_time_rate__lt=0.9).select("supplier")).count()',
    '[inventory.where(region=r).sum("available") for r in ("Europe", "Asia Pacific")]',
    'warehouses(region="Europe")',
    'what_if(close_warehouse("Memphis"), scale_demand(20, region="Europe"))',
    'plan(exclude_supplier("Halden"), name="no Halden")',
    'compare("current", "PLN-3")',
    'explain("ORD-1001")',
    'why_not("ORD-1001", warehouse="Leipzig")',
    "bottlenecks()",
)


class Unsaved(Copilot):
    """A copilot whose drafts are not saved: the worlds are shared."""

    def _keep(self, result: Result) -> str:
        return "PLN-X"


@pytest.fixture(scope="module")
def both(small_world: Path, postgres_world: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Copilot, Copilot]:
    home = tmp_path_factory.mktemp("both")
    urls = f"sqlite:///{small_world}", postgres_world
    one, other = (Unsaved(app, database_url=u, model=Scripted({}), settings=Settings(home=home)) for u in urls)
    return one, other


def assert_same(one: Answer, other: Answer) -> None:
    """Outcome, sentence, and every table, cell by cell: of one type, floats to 1e-6."""
    assert (one.outcome, one.text, one.columns, one.chart) == (other.outcome, other.text, other.columns, other.chart)
    assert one.details.keys() == other.details.keys()
    tables = [(one.rows, other.rows), *((one.details[title].rows, other.details[title].rows) for title in one.details)]
    for left, right in tables:
        assert [len(row) for row in left] == [len(row) for row in right]
        for a, b in zip(chain(*left), chain(*right), strict=True):
            same = math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6) if isinstance(a, float) else a == b
            assert type(a) is type(b) and same, (a, b)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_gives_the_same_answer(both: tuple[Copilot, Copilot], program: str) -> None:
    one, other = (copilot.run(program) for copilot in both)
    assert one.outcome in ("answered", "empty"), one.text
    assert_same(one, other)


def test_every_gold_program_gives_the_same_answer(both: tuple[Copilot, Copilot]) -> None:
    if not QUESTIONS.exists():
        pytest.skip(f"the public questions are not at {QUESTIONS}")
    programs = {example.program for example in examples.read(QUESTIONS) if example.program}
    assert len(programs) > 70
    for program in sorted(programs):
        assert_same(*(copilot.run(program) for copilot in both))


NAMES = App("names")
NAMES.view(View("people", "a person", (Column("name", "text", "who", names="person"), Column("age", "int", "years"))))
NAMES.names("person", "people.name")
PEOPLE = [("Ångström", 3), ("ana", 1), ("Zoe", 2), ("Łukasz", 5), ("Ana", 4), ("a-b", 6), ("ab", 7), ("ÉMILE", None)]


@pytest.fixture
def people(postgres: str, tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    """People whose names the server would put in the order of a dictionary."""
    urls = f"sqlite:///{tmp_path / 'people.db'}", postgres
    for url, kind in zip(urls, ("TEXT", 'TEXT COLLATE "en-x-icu"'), strict=True):
        with writable(url).begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE people (name {kind}, age INTEGER)")
            table = sa.table("people", sa.column("name"), sa.column("age"))
            connection.execute(sa.insert(table), [{"name": name, "age": age} for name, age in PEOPLE])
    one, other = map(Database, urls)
    yield one, other
    one.engine.dispose()
    other.engine.dispose()


@pytest.mark.parametrize("program", [
    'people.sort("name").select("name")', 'people.sort("-name").top(3)', 'people.min("name").max("name")',
    'people.where(name__contains="łUK")', 'people.where(name__contains="émi")', 'people.where(name__contains="ANA")',
    'people.by("name").count()', 'people.sort("age").select("name")',
])  # fmt: skip
def test_text_is_ordered_and_folded_alike_whatever_the_servers_collation(
    people: tuple[Database, Database], home: Path, program: str
) -> None:
    settings = Settings(home=home)
    urls = [database.url.render_as_string(hide_password=False) for database in people]
    assert_same(*(Copilot(NAMES, database_url=u, model=Scripted({}), settings=settings).run(program) for u in urls))


def test_names_are_read_alike(people: tuple[Database, Database]) -> None:
    found = []
    for database in people:
        with database.reading() as connection:
            found.append(Names.read(NAMES, connection).by_kind)
    assert found[0] == found[1]


def test_an_answer_that_takes_too_long_says_so_on_both(both: tuple[Copilot, Copilot]) -> None:
    slow = "SELECT COUNT(*) FROM orders a, orders b, orders c, orders d"
    for copilot in both:
        url = copilot.database.url.render_as_string(hide_password=False)
        hasty = Database(url, seconds=0.2)
        with pytest.raises(LimitReached, match=r"0\.2 s"), hasty.reading() as connection:
            connection.exec_driver_sql(slow).all()
        hasty.engine.dispose()
