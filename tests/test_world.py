"""The demo world: its views, its names, and what it promises about them."""

import os
import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection, create_engine, func, insert, select, text

from copilot.errors import NameMistake, QuestionError, SetupError
from copilot.fulfilment import store
from copilot.fulfilment.problem import Costs, Line, Plan
from copilot.fulfilment.surface import VIEWS
from copilot.fulfilment.tables import SCHEMA_VERSION, Base
from fixtures.build import build
from fixtures.world import CARRIERS, DATACENTERS, SKUS, SUPPLIERS, TODAY, WAREHOUSES, generate

COLUMNS = {
    "inventory": "warehouse region sku category supplier on_hand reserved available inbound next_arrival",
    "orders": "order_id datacenter city region sku category quantity priority status created_date due_date racks_unmet "
    "warehouse supplier ship_date dock_date days_late shipping_cost lateness_cost early_cost total_cost",
    "shipments": "shipment_id order_id datacenter city region warehouse supplier sku category quantity carrier status "
    "ship_date expected_date arrival_date days_late cost",
    "deliveries": "delivery_id warehouse region sku category supplier quantity arrival_date",
    "approvals": "supplier datacenter city region",
    "suppliers": "supplier country region lead_time_days on_time_rate defect_rate racks_on_hand racks_inbound",
    "lanes": "warehouse warehouse_region datacenter city region transit_days cost_per_rack weekly_capacity",
    "docks": "datacenter city region week capacity booked free utilisation",
    "plans": "plan_id name status created_at total_cost shipping_cost lateness_cost early_cost unmet_cost "
    "orders_planned orders_late racks_unmet solve_seconds",
    "plan_lines": "plan_id order_id datacenter region sku category quantity warehouse supplier ship_date dock_date "
    "due_date days_late shipping_cost lateness_cost early_cost total_cost",
}
POSTGRES = os.environ.get("COPILOT_TEST_POSTGRES", "postgresql+psycopg://127.0.0.1:5432/test")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('world') / 'small.db'}"
    build(url, "small")
    return url


@pytest.fixture
def world(url: str) -> Iterator[Connection]:
    """A connection to the small world; what a test changes and does not commit is undone."""
    engine = create_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def own(tmp_path: Path, url: str) -> Iterator[Connection]:
    """A copy of the small world that a test may change."""
    copy = tmp_path / "own.db"
    copy.write_bytes(Path(url.removeprefix("sqlite:///")).read_bytes())
    engine = create_engine(f"sqlite:///{copy}")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def one(connection: Connection, sql: str) -> object:
    return connection.execute(text(sql)).scalar_one()


def column(connection: Connection, sql: str) -> list[object]:
    return list(connection.execute(text(sql)).scalars())


def dump(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    tables = Base.metadata.sorted_tables
    return {table.name: sorted(map(tuple, connection.execute(select(table))), key=repr) for table in tables}


def test_views_have_the_columns_of_the_contract(world: Connection) -> None:
    assert [view.name for view in VIEWS] == list(COLUMNS)
    for view in VIEWS:
        found = list(world.execute(text(f"SELECT * FROM {view.name}")).keys())
        assert found == COLUMNS[view.name].split() == [c.name for c in view.columns]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_key_tells_rows_apart_and_values_are_of_the_closed_set(world: Connection, view) -> None:  # type: ignore[no-untyped-def]
    if view.key:
        assert one(world, f"SELECT COUNT(*) - COUNT(DISTINCT {view.key}) FROM {view.name}") == 0
    for described in view.columns:
        found = set(column(world, f"SELECT DISTINCT {described.name} FROM {view.name}"))
        assert not described.values or found <= set(described.values)


def test_values_are_of_the_types_described(world: Connection) -> None:
    kinds = {"text": str, "int": int, "float": float, "date": str, "datetime": str}
    for view in VIEWS:
        for row in world.execute(text(f"SELECT * FROM {view.name}")).mappings():
            for described in view.columns:
                assert row[described.name] is None or type(row[described.name]) is kinds[described.type], described
                assert described.type != "date" or re.fullmatch(r"\d{4}-\d\d-\d\d", row[described.name] or "2026-11-02")


def test_two_builds_are_the_same_and_another_seed_is_not(world: Connection, tmp_path: Path) -> None:
    again = f"sqlite:///{tmp_path / 'again.db'}"
    build(again, "small")
    with create_engine(again).connect() as connection:
        assert dump(connection) == dump(world)
    assert generate("small", 1).tables == generate("small", 1).tables != generate("small", 2).tables


def test_every_name_is_there(world: Connection) -> None:
    assert set(column(world, "SELECT supplier FROM suppliers")) == set(SUPPLIERS)
    assert set(column(world, "SELECT sku FROM orders")) == set(column(world, "SELECT sku FROM inventory")) == set(SKUS)
    assert set(column(world, "SELECT warehouse FROM lanes")) == {place.name for place in WAREHOUSES}
    assert set(column(world, "SELECT datacenter FROM docks")) == {place.name for place in DATACENTERS}
    assert set(column(world, "SELECT carrier FROM shipments")) == set(CARRIERS)
    assert len(set(column(world, "SELECT region FROM orders"))) == 4
    assert set(column(world, "SELECT warehouse FROM inventory")) == {place.name for place in WAREHOUSES}
    assert one(world, "SELECT COUNT(*) FROM lanes") == 160


def test_every_status_is_there(world: Connection) -> None:
    statuses = {"open", "planned", "shipped", "docked", "cancelled"}
    assert set(column(world, "SELECT status FROM orders")) == statuses
    assert set(column(world, "SELECT status FROM shipments")) == {"in_transit", "delivered", "delayed"}
    assert set(column(world, "SELECT status FROM plans")) == {"current", "draft"}


def test_ids_are_as_said(world: Connection) -> None:
    open_ids = column(world, "SELECT order_id FROM orders WHERE status IN ('open', 'planned')")
    assert sorted(map(str, open_ids)) == [f"ORD-{n}" for n in range(1001, 1061)]
    assert "ORD-1061" in column(world, "SELECT order_id FROM orders WHERE status = 'shipped'")
    assert column(world, "SELECT shipment_id FROM shipments ORDER BY 1 LIMIT 1") == ["SHP-5001"]
    assert "DLV-1" in column(world, "SELECT delivery_id FROM deliveries")
    plans = world.execute(text("SELECT plan_id, status FROM plans ORDER BY 1")).all()
    assert [tuple(row) for row in plans] == [("PLN-1", "current"), *((f"PLN-{n}", "draft") for n in range(2, 6))]


def test_there_is_something_to_plan_for(world: Connection) -> None:
    late = one(world, "SELECT AVG(days_late > 0) FROM orders WHERE status = 'planned'")
    unmet = one(world, "SELECT SUM(racks_unmet) * 1.0 / SUM(quantity) FROM orders WHERE status IN ('open', 'planned')")
    assert 0.05 < float(str(late)) < 0.5
    assert 0.005 < float(str(unmet)) < 0.06
    assert one(world, "SELECT COUNT(*) FROM docks WHERE free <= 0") > 0  # type: ignore[operator]
    assert one(world, "SELECT COUNT(*) FROM orders WHERE due_date < '2026-11-02' AND status = 'planned'") > 0  # type: ignore[operator]
    assert one(world, "SELECT COUNT(*) FROM docks WHERE free < 0") == 0


def test_orders_come_to_the_current_plan(world: Connection) -> None:
    book = world.execute(
        text("SELECT SUM(total_cost), SUM(racks_unmet) FROM orders WHERE status IN ('open', 'planned')")
    ).one()
    plan = world.execute(text("SELECT total_cost, racks_unmet FROM plans WHERE status = 'current'")).one()
    assert book == pytest.approx(plan)
    lines = one(world, "SELECT COUNT(DISTINCT order_id) FROM plan_lines WHERE plan_id = 'PLN-1'")
    assert lines == one(world, "SELECT COUNT(*) FROM orders WHERE status = 'planned'")


def test_shipped_and_docked_orders_keep_their_figures(world: Connection) -> None:
    sql = "SELECT COUNT(*) FROM orders WHERE status IN ('shipped', 'docked') AND (days_late IS NULL OR total_cost IS NULL)"
    assert one(world, sql) == 0
    sql = "SELECT order_id, SUM(cost), MAX(date(expected_date, days_late || ' days')) FROM shipments GROUP BY 1"
    for order_id, cost, docked in world.execute(text(sql)):
        order = world.execute(
            text("SELECT shipping_cost, dock_date FROM orders WHERE order_id = :id"), {"id": order_id}
        )
        assert tuple(order.one()) == (pytest.approx(cost), docked)


def test_no_shipment_arrives_before_it_left_or_after_today(world: Connection) -> None:
    sql = (
        "SELECT COUNT(*) FROM shipments WHERE arrival_date < ship_date OR arrival_date > '2026-11-02' OR days_late < 0"
    )
    assert one(world, sql) == 0
    assert one(world, "SELECT COUNT(*) FROM orders WHERE created_date > '2026-11-02'") == 0


def test_the_problem_is_what_the_views_show(world: Connection) -> None:
    problem = store.load_problem(world)
    assert problem.today == store.today(world) == TODAY
    assert len(problem.orders) == 60
    assert len(problem.dock_free) == 16 * 12
    stock = sum(lot.quantity for lot in problem.lots if lot.available_from == TODAY)
    assert stock == one(world, "SELECT SUM(available) FROM inventory")
    coming = sum(lot.quantity for lot in problem.lots if lot.available_from > TODAY)
    assert coming == one(world, "SELECT SUM(quantity) FROM deliveries")
    assert list(problem.current) == store.read_plan(world, "current") == store.read_plan(world, "PLN-1")


def a_plan(line: Line) -> Plan:
    return Plan((line,), {}, Costs(1.0, 2.0, 3.0, 4.0), 0, 1, 0, 0.1, 1)


def test_a_plan_is_saved_under_the_next_id_and_read_back(own: Connection) -> None:
    problem, line = store.load_problem(own), store.read_plan(own, "current")[0]
    assert store.save_plan(own, a_plan(line), "mine", problem.orders) == "PLN-6"
    assert store.read_plan(own, "PLN-6") == [line]
    assert one(own, "SELECT total_cost FROM plans WHERE plan_id = 'PLN-6'") == 10.0
    with pytest.raises(NameMistake):
        store.read_plan(own, "PLN-7")


def test_a_plan_is_saved_whole_or_not_at_all(own: Connection) -> None:
    line = store.read_plan(own, "current")[0]
    with pytest.raises(KeyError):
        store.save_plan(own, a_plan(line), "mine", [])
    assert one(own, "SELECT COUNT(*) FROM plans") == 5


def test_adopting_makes_orders_planned_and_records_who(own: Connection) -> None:
    problem, line = store.load_problem(own), store.read_plan(own, "current")[0]
    plan_id = store.save_plan(own, a_plan(line), "mine", problem.orders)
    store.adopt(own, plan_id, "ana")
    assert column(own, "SELECT order_id FROM orders WHERE status = 'planned'") == [line.order_id]
    assert column(own, "SELECT plan_id FROM plans WHERE status = 'superseded'") == ["PLN-1"]
    plan = Base.metadata.tables["plan"]
    who, when = own.execute(select(plan.c.adopted_by, plan.c.adopted_at).where(plan.c.status == "current")).one()
    assert who == "ana" and isinstance(when, datetime)
    with pytest.raises(NameMistake):
        store.adopt(own, "PLN-99", "ana")


def test_a_plan_with_orders_that_the_book_lacks_is_not_adopted(own: Connection) -> None:
    row = own.execute(select(Base.metadata.tables["plan_line"]).limit(1)).mappings().one()
    own.execute(
        insert(Base.metadata.tables["plan_line"]).values({**row, "plan_id": "PLN-2", "line": 9999, "order_id": "NEW-1"})
    )
    own.commit()
    with pytest.raises(QuestionError, match="NEW-1"):
        store.adopt(own, "PLN-2", "ana")
    assert one(own, "SELECT plan_id FROM plans WHERE status = 'current'") == "PLN-1"


def test_a_half_built_world_is_recognised_and_replaced(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'half.db'}"
    store.create(url, generate("small").tables)
    with create_engine(url).connect() as connection:
        assert store.version(connection) is None
        store.create(url, generate("small").tables)
        store.seal(connection, "small", 1, None)
        assert store.version(connection) == SCHEMA_VERSION
        assert store.today(connection) == date.today()
    with pytest.raises(SetupError):
        store.create(url, generate("small").tables)


def test_the_same_world_on_postgresql(world: Connection) -> None:
    admin = create_engine(POSTGRES, connect_args={"connect_timeout": 3})
    schema = f"world_{uuid4().hex[:12]}"
    try:
        with admin.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except Exception as error:
        pytest.skip(f"no PostgreSQL at {POSTGRES}: {type(error).__name__}")
    try:
        build(f"{POSTGRES}?options=-csearch_path%3D{schema}", "small")
        engine = create_engine(f"{POSTGRES}?options=-csearch_path%3D{schema}")
        with engine.connect() as connection:
            assert dump(connection) == dump(world)
            for view in VIEWS:
                assert_same_rows(connection, world, view.name)
        engine.dispose()
    finally:
        with admin.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        admin.dispose()


def assert_same_rows(one: Connection, other: Connection, view: str) -> None:
    """Both databases show the same rows; PostgreSQL has dates where SQLite has text."""
    left, right = (
        sorted(
            [str(value).removesuffix(".000000") for value in row]
            for row in connection.execute(text(f"SELECT * FROM {view}"))
        )
        for connection in (one, other)
    )
    assert left == right
    assert one.execute(select(func.count()).select_from(text(view))).scalar_one() == len(right)
