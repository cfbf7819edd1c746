"""Between the database and the planner: create a world, load the problem, save, read and adopt plans.

Nothing here is reached by a program that a model wrote. `save_plan` and `adopt` commit: whole, or not at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    create_engine,
    delete,
    func,
    insert,
    inspect,
    select,
    update,
)

from copilot.errors import NameMistake, QuestionError, SetupError
from copilot.fulfilment.problem import Lane, Line, Lot, Order, Plan, Problem, Rates
from copilot.fulfilment.tables import SCHEMA_VERSION, Base
from copilot.fulfilment.views import booked_by_week, create_views, drop_views

Rows = Sequence[Mapping[str, Any]]

_TABLE = Base.metadata.tables
_order, _plan, _line, _served = (_TABLE[name] for name in ("customer_order", "plan", "plan_line", "plan_order"))
_stock, _delivery, _dock, _world = (_TABLE[name] for name in ("stock", "delivery", "dock_capacity", "world"))
_rate, _lane, _approval, _sku, _site = (_TABLE[name] for name in ("rate", "lane", "approval", "sku", "datacenter"))


def create(url: str, tables: Mapping[str, Rows], *, replace: bool = False) -> None:
    """Create tables and views, and insert the rows of each table. The world is complete only once `seal`ed.

    A half-built world is replaced; a complete one only if told to.

    Raises:
        SetupError: a complete world is there and `replace` is not given.
    """
    engine = create_engine(url)
    with engine.begin() as connection:
        if version(connection) is not None and not replace:
            raise SetupError("the database holds a world already; say so to replace it")
        drop_views(connection)
        Base.metadata.drop_all(connection)
        Base.metadata.create_all(connection)
        create_views(connection)
        for table in Base.metadata.sorted_tables:
            _insert(connection, table, tables.get(table.name, ()))
    engine.dispose()


def _insert(connection: Connection, table: Table, rows: Rows) -> None:
    if rows:
        connection.execute(insert(table), [dict(row) for row in rows])


def seal(connection: Connection, size: str, seed: int, on: date | None) -> None:
    """Write the row that says the world is complete; `on` is its today, None for the real date."""
    with _whole(connection):
        connection.execute(delete(_world))
        row = {"id": 1, "schema_version": SCHEMA_VERSION, "size": size, "seed": seed, "today": on}
        connection.execute(insert(_world).values(**row))


def version(connection: Connection) -> int | None:
    """The schema version of a complete world; None if there is none, or it is half built."""
    if not inspect(connection).has_table(_world.name):
        return None
    return connection.scalar(select(_world.c.schema_version))


def today(connection: Connection) -> date:
    """The day it is in this world: the one stored with it, or else the real one."""
    return connection.scalar(select(_world.c.today)) or date.today()


def load_problem(connection: Connection, on: date | None = None) -> Problem:
    """What the planner decides on `on` (the world's today): open orders, supply, lanes, docks and the current plan."""
    on = on or today(connection)
    capacity = _by_week(connection, select(_dock.c.datacenter, _dock.c.week, _dock.c.capacity))
    taken = _by_week(connection, booked_by_week(planned=False))
    return Problem(
        today=on,
        orders=_orders(connection),
        lots=_lots(connection, on),
        lanes=tuple(Lane(**row) for row in connection.execute(select(_lane)).mappings()),
        dock_free={slot: max(0, racks - taken.get(slot, 0)) for slot, racks in capacity.items()},
        dock_taken=taken,
        categories=_pairs(connection, _sku.c.name, _sku.c.category),
        regions=_pairs(connection, _site.c.name, _site.c.region),
        approvals=frozenset((row.supplier, row.datacenter) for row in connection.execute(select(_approval))),
        rates=rates(connection),
        current=tuple(_current(connection)),
    )


def _orders(connection: Connection) -> tuple[Order, ...]:
    rows = connection.execute(
        select(
            *(_order.c[name] for name in ("order_id", "datacenter", "sku", "quantity", "priority", "due_date")),
            *(_site.c.region, _sku.c.category),
        )
        .join_from(_order, _site, _site.c.name == _order.c.datacenter)
        .join(_sku, _sku.c.name == _order.c.sku)
        .where(_order.c.status == "open")
        .order_by(func.length(_order.c.order_id), _order.c.order_id)
    )
    return tuple(Order(**row) for row in rows.mappings())


def _lots(connection: Connection, on: date) -> tuple[Lot, ...]:
    """Stock, named by warehouse, supplier and SKU, is there today; a delivery, by its id, from the day it arrives."""
    category = _pairs(connection, _sku.c.name, _sku.c.category)
    held = select(_stock).where(_stock.c.on_hand > _stock.c.reserved)
    held = held.order_by(_stock.c.warehouse, _stock.c.supplier, _stock.c.sku)
    lots = [
        _lot(row, category, "/".join((row.warehouse, row.supplier, row.sku)), row.on_hand - row.reserved, on)
        for row in connection.execute(held)
    ]
    coming = select(_delivery).order_by(func.length(_delivery.c.delivery_id), _delivery.c.delivery_id)
    for row in connection.execute(coming):
        lots.append(_lot(row, category, row.delivery_id, row.quantity, max(on, row.arrival_date)))
    return tuple(lots)


def _pairs(connection: Connection, key: ColumnElement[str], value: ColumnElement[Any]) -> dict[str, Any]:
    return {name: found for name, found in connection.execute(select(key, value))}


def _lot(row: Any, category: Mapping[str, str], lot_id: str, quantity: int, available_from: date) -> Lot:
    return Lot(lot_id, row.warehouse, row.supplier, row.sku, category[row.sku], quantity, available_from)


def _by_week(connection: Connection, racks: Select[Any]) -> dict[tuple[str, date], int]:
    """Racks by data center and Monday."""
    return {(datacenter, week): number for datacenter, week, number in connection.execute(racks)}


def rates(connection: Connection) -> Rates:
    """What a rack costs late (a day, by priority), early (a day) and unmet, in US dollars."""
    usd = _pairs(connection, _rate.c.name, _rate.c.usd)
    late = {int(name.removeprefix("late_")): value for name, value in usd.items() if name.startswith("late_")}
    return Rates(late_per_day=late, early_per_day=usd["early"], unmet=usd["unmet"])


def _current(connection: Connection) -> list[Line]:
    """The current plan's lines for orders that are still open."""
    plan_id = connection.scalar(select(_plan.c.plan_id).where(_plan.c.status == "current"))
    if plan_id is None:
        return []
    is_open = set(connection.scalars(select(_order.c.order_id).where(_order.c.status == "open")))
    return [line for line in read_plan(connection, plan_id) if line.order_id in is_open]


def read_plan(connection: Connection, plan_id: str) -> list[Line]:
    """The lines of a plan, in the order they were saved; "current" is the current plan.

    Raises:
        NameMistake: there is no such plan.
    """
    names = [column.name for column in _line.c if column.name in Line.__dataclass_fields__]
    chosen = select(*(_line.c[name] for name in names)).where(_line.c.plan_id == _plan_id(connection, plan_id))
    return [Line(**row) for row in connection.execute(chosen.order_by(_line.c.line)).mappings()]


def _plan_id(connection: Connection, plan_id: str) -> str:
    wanted = _plan.c.status == "current" if plan_id == "current" else _plan.c.plan_id == plan_id
    found: str | None = connection.scalar(select(_plan.c.plan_id).where(wanted))
    if found is None:
        raise NameMistake("plan", plan_id, tuple(connection.scalars(select(_plan.c.plan_id))))
    return found


def save_plan(
    connection: Connection,
    plan: Plan,
    name: str,
    orders: Sequence[Order],
    *,
    status: str = "draft",
    created_at: datetime | None = None,
) -> str:
    """Save a plan and its lines, and commit.

    Args:
        connection: nothing else is under way on it.
        plan: what the planner decided.
        name: what people call it.
        orders: of the problem that was solved, which may hold orders that the book does not.
        status: draft; or current, where there is none yet.
        created_at: now, unless given.

    Returns:
        The next free id, such as PLN-6.
    """
    by_id = {order.order_id: order for order in orders}
    with _whole(connection):
        plan_id = _next_id(connection)
        figures = {**_plan_figures(plan), "name": name, "status": status}
        when = created_at or datetime.now().replace(microsecond=0)
        connection.execute(insert(_plan).values(plan_id=plan_id, created_at=when, **figures))
        lines = ((n, line, by_id[line.order_id]) for n, line in enumerate(plan.lines, 1))
        _insert(connection, _line, [_line_row(plan_id, n, line, order) for n, line, order in lines])
        served = _served_by(plan_id)
        connection.execute(insert(_served).from_select(served.selected_columns.keys(), served))
    return plan_id


def _plan_figures(plan: Plan) -> dict[str, Any]:
    return {
        "shipping_cost": plan.costs.shipping,
        "lateness_cost": plan.costs.lateness,
        "early_cost": plan.costs.early,
        "unmet_cost": plan.costs.unmet,
        "orders_planned": plan.orders_planned,
        "orders_late": plan.orders_late,
        "racks_unmet": plan.racks_unmet,
        "solve_seconds": plan.solve_seconds,
    }


def _line_row(plan_id: str, number: int, line: Line, order: Order) -> dict[str, Any]:
    scenario = {"datacenter": order.datacenter, "sku": order.sku, "due_date": order.due_date}
    return {"plan_id": plan_id, "line": number, **scenario, **vars(line)}


def _served_by(plan_id: str) -> Select[Any]:
    """The rows of plan_order that the lines of a plan come to."""
    sums = ("quantity", "shipping_cost", "lateness_cost", "early_cost")
    own = _line.c.order_id
    last = (_line.c.dock_date.desc(), _line.c.quantity.desc(), _line.c.line)
    ranked = (
        select(
            *(column for column in _line.c if column.name not in sums),
            *(func.sum(_line.c[name]).over(partition_by=own).label(name) for name in sums),
            func.row_number().over(partition_by=own, order_by=last).label("place"),
        )
        .where(_line.c.plan_id == plan_id)
        .subquery()
    )
    return select(*(ranked.c[column.name] for column in _served.c)).where(ranked.c.place == 1)


def _next_id(connection: Connection) -> str:
    numbers = [int(plan_id.rpartition("-")[2]) for plan_id in connection.scalars(select(_plan.c.plan_id))]
    return f"PLN-{max(numbers, default=0) + 1}"


def adopt(connection: Connection, plan_id: str, by: str) -> None:
    """Make a plan the current one, record who and when, and commit; the one before is superseded.

    Which orders are open and which planned follows from it. Adopting the current plan changes nothing.

    Raises:
        NameMistake: there is no such plan.
        QuestionError: it holds orders that the book does not, such as added ones.
    """
    with _whole(connection):
        plan_id = _plan_id(connection, plan_id)
        _refuse_strangers(connection, plan_id)
        if connection.scalar(select(_plan.c.status).where(_plan.c.plan_id == plan_id)) == "current":
            return
        connection.execute(update(_plan).where(_plan.c.status == "current").values(status="superseded"))
        adopted = {"status": "current", "adopted_by": by, "adopted_at": datetime.now().replace(microsecond=0)}
        connection.execute(update(_plan).where(_plan.c.plan_id == plan_id).values(**adopted))


def _refuse_strangers(connection: Connection, plan_id: str) -> None:
    known = select(_order.c.order_id)
    strange = select(_line.c.order_id).where(_line.c.plan_id == plan_id, _line.c.order_id.not_in(known)).distinct()
    found = sorted(connection.scalars(strange))
    if found:
        raise QuestionError(f"{plan_id} cannot be adopted: the order book does not hold {', '.join(found)}")


@contextmanager
def _whole(connection: Connection) -> Iterator[None]:
    """Commit what is done inside, or roll it back if anything goes wrong."""
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
