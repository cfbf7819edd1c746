"""The demo world: its views, its names, and what it promises about them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, func, select, text

from copilot.database import writable
from copilot.fulfilment import store
from copilot.fulfilment.surface import VIEWS
from copilot.fulfilment.tables import Base
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


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('world') / 'small.db'}"
    build(url, "small")
    return url


@pytest.fixture
def world(url: str) -> Iterator[Connection]:
    """A connection to the small world."""
    with connected(url) as connection:
        yield connection


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
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
    rows = [tuple(row) for row in world.execute(text(f"SELECT {', '.join(view.keys)} FROM {view.name}"))]
    split = view.name == "plan_lines"  # an order that is split has a line for each part
    assert rows and (len(set(rows)) < len(rows)) == split
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


def test_another_process_builds_the_same_bytes(url: str, tmp_path: Path) -> None:
    again = tmp_path / "again.db"
    program = f"from fixtures.build import build; build('sqlite:///{again}', 'small')"
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root, env={**os.environ, "PYTHONHASHSEED": "7"})
    assert again.read_bytes() == Path(url.removeprefix("sqlite:///")).read_bytes()


def test_two_builds_are_the_same_and_another_seed_is_not(world: Connection, tmp_path: Path) -> None:
    again = f"sqlite:///{tmp_path / 'again.db'}"
    build(again, "small")
    with connected(again) as connection:
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


@pytest.mark.parametrize(("size", "seed"), [("small", 1), ("small", 2), ("small", 3), ("demo", 1)])
def test_there_is_something_to_ask_about(size: str, seed: int, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'world.db'}"
    build(url, size, seed)
    with connected(url) as world:
        late = float(str(one(world, "SELECT AVG(days_late > 0) FROM orders WHERE status = 'planned'")))
        book = "FROM orders WHERE status IN ('open', 'planned')"
        unmet = float(str(one(world, f"SELECT SUM(racks_unmet) * 1.0 / SUM(quantity) {book}")))
        assert 0.1 < late < (0.25 if size == "demo" else 0.35)
        assert 0.005 < unmet < 0.06
        for sql in THERE_IS:
            assert int(str(one(world, f"SELECT COUNT(*) FROM {sql}"))) > 0, sql


THERE_IS = (
    "orders WHERE status = 'open'",
    "orders WHERE status = 'planned' AND racks_unmet > 0",
    "orders WHERE status = 'planned' AND due_date < '2026-11-02'",
    "orders WHERE status = 'planned' AND days_late = 0 AND early_cost > 0",
    "docks WHERE utilisation = 1",
    "docks WHERE free < 0",
    "docks WHERE utilisation < 0.5 AND booked > 0",
    "inventory WHERE available = 0",
    "inventory WHERE reserved > 0 AND available > 0",
    "inventory WHERE next_arrival IS NULL",
    "inventory WHERE inbound > available",
    "deliveries WHERE arrival_date BETWEEN '2026-11-02' AND '2026-11-08'",
    "suppliers WHERE on_time_rate < 0.9",
    "suppliers WHERE on_time_rate >= 0.9",
    "suppliers WHERE defect_rate > 0.02",
    "shipments WHERE status = 'delayed' AND arrival_date IS NULL",
    "shipments WHERE status = 'delivered' AND days_late > 0",
    "(SELECT order_id FROM plan_lines WHERE plan_id = 'PLN-1' GROUP BY 1 HAVING COUNT(*) > 1)",
    "(SELECT order_id FROM shipments GROUP BY 1 HAVING COUNT(*) > 1)",
    "plans d JOIN plans c ON c.status = 'current' WHERE d.status = 'draft' AND d.total_cost > c.total_cost",
    "plans d JOIN plans c ON c.status = 'current' WHERE d.status = 'draft' AND d.total_cost < c.total_cost",
)
"""Rows that every world has, whatever its seed."""


def test_a_far_lane_costs_more_and_takes_longer(world: Connection) -> None:
    means = "SELECT AVG(cost_per_rack), AVG(transit_days) FROM lanes WHERE warehouse_region"
    near, far = (world.execute(text(f"{means} {sign} region")).one() for sign in ("=", "<>"))
    assert all(here < there for here, there in zip(near, far, strict=True))
    assert one(world, "SELECT COUNT(*) FROM approvals") < 16 * 8  # type: ignore[operator]


def test_empty_is_where_the_contract_says(world: Connection) -> None:
    figures = ("warehouse", "supplier", "ship_date", "dock_date", "days_late", "shipping_cost")
    for name in figures:
        empty = set(column(world, f"SELECT DISTINCT status FROM orders WHERE {name} IS NULL"))
        assert empty == {"open", "cancelled"}, name
        assert not empty & set(column(world, f"SELECT DISTINCT status FROM orders WHERE {name} IS NOT NULL"))
    assert set(column(world, "SELECT DISTINCT status FROM shipments WHERE arrival_date IS NULL")) == {
        "in_transit",
        "delayed",
    }
    assert one(world, "SELECT COUNT(*) FROM inventory WHERE (next_arrival IS NULL) <> (inbound = 0)") == 0


def test_the_plan_keeps_to_docks_lanes_and_stock(world: Connection) -> None:
    lots = "SELECT SUM(quantity) AS racks FROM plan_line WHERE plan_id = 'PLN-1' AND lot_id = :lot"
    for lot in store.load_problem(world).lots:
        used = world.execute(text(lots), {"lot": lot.lot_id}).scalar_one() or 0
        assert used <= lot.quantity, lot
    monday = "date(ship_date, 'weekday 0', '-6 days')"
    lanes = f"SELECT warehouse, datacenter, {monday} AS week, SUM(quantity) AS racks FROM plan_lines"
    over = f"({lanes} WHERE plan_id = 'PLN-1' GROUP BY 1, 2, 3) JOIN lanes USING (warehouse, datacenter)"
    assert one(world, f"SELECT COUNT(*) FROM {over} WHERE racks > weekly_capacity") == 0
    coming = "SELECT COUNT(*) FROM docks WHERE free < 0 AND datacenter || week NOT IN"
    site = "SELECT datacenter || date(expected_date, 'weekday 0', '-6 days') FROM shipments WHERE status <> 'delivered'"
    assert one(world, f"{coming} ({site})") == 0, "only what is under way may overbook a dock"


def test_a_split_order_shows_the_line_that_docks_last(world: Connection) -> None:
    lines = "SELECT * FROM plan_lines WHERE plan_id = 'PLN-1' ORDER BY order_id, dock_date"
    by_order: dict[str, list[dict[str, object]]] = {}
    for row in world.execute(text(lines)).mappings():
        by_order.setdefault(row["order_id"], []).append(dict(row))
    for order_id, parts in by_order.items():
        order = world.execute(text("SELECT * FROM orders WHERE order_id = :id"), {"id": order_id}).mappings().one()
        last = [part for part in parts if part["dock_date"] == parts[-1]["dock_date"]]
        seen = tuple(order[name] for name in ("warehouse", "supplier", "ship_date", "dock_date", "days_late"))
        assert seen in [
            tuple(p[n] for n in ("warehouse", "supplier", "ship_date", "dock_date", "days_late")) for p in last
        ]
        assert order["racks_unmet"] == order["quantity"] - sum(int(str(part["quantity"])) for part in parts)
        assert order["shipping_cost"] == pytest.approx(sum(float(str(part["shipping_cost"])) for part in parts))


def test_orders_come_to_the_current_plan(world: Connection) -> None:
    book = world.execute(
        text("SELECT SUM(total_cost), SUM(racks_unmet) FROM orders WHERE status IN ('open', 'planned')")
    ).one()
    plan = world.execute(text("SELECT total_cost, racks_unmet FROM plans WHERE status = 'current'")).one()
    assert book == pytest.approx(plan)
    lines = one(world, "SELECT COUNT(DISTINCT order_id) FROM plan_lines WHERE plan_id = 'PLN-1'")
    assert lines == one(world, "SELECT COUNT(*) FROM orders WHERE status = 'planned'")


def test_shipped_and_docked_orders_keep_their_figures(world: Connection) -> None:
    gone = "status IN ('shipped', 'docked')"
    assert one(world, f"SELECT COUNT(*) FROM orders WHERE {gone} AND (days_late IS NULL OR total_cost IS NULL)") == 0
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


def test_the_same_world_on_postgresql(world: Connection, postgres_world: str) -> None:
    with writable(postgres_world).connect() as connection:
        assert dump(connection) == dump(world)
        for view in VIEWS:
            assert_same_rows(connection, world, view.name)


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
