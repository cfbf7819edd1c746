"""Between the database and the planner: create a world, load the problem, save, read and adopt plans.

Nothing here is reached by a program that a model wrote. `save_plan` and `adopt` commit: whole, or not at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    delete,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.schema import CreateIndex, CreateTable

from copilot.app import Adoption
from copilot.errors import NameMistake, QuestionError, SetupError
from copilot.fulfilment.basis import changed
from copilot.fulfilment.problem import Lane, Line, Lot, Order, Plan, Problem, Rates
from copilot.fulfilment.surface import VIEWS
from copilot.fulfilment.tables import SCHEMA_VERSION, Base
from copilot.fulfilment.views import booked_by_week, create_views, drop_views
from copilot.query import by_code

Rows = Sequence[Mapping[str, Any]]

_TABLE = Base.metadata.tables
_order, _plan, _line, _served = (_TABLE[name] for name in ("customer_order", "plan", "plan_line", "plan_order"))
_stock, _delivery, _dock, _world = (_TABLE[name] for name in ("stock", "delivery", "dock_capacity", "world"))
_rate, _lane, _approval, _sku, _site = (_TABLE[name] for name in ("rate", "lane", "approval", "sku", "datacenter"))


def create(connection: Connection, tables: Mapping[str, Rows], *, replace: bool = False) -> None:
    """Create tables and views, insert the rows of each table, and commit. The world is complete only once `seal`ed.

    Raises:
        SetupError: what is there may not be replaced, as `make_room` says.
    """
    make_room(connection, replace=replace)
    with _whole(connection):
        drop_views(connection)
        Base.metadata.drop_all(connection)
        for table in Base.metadata.sorted_tables:
            _create_table(connection, table)
            _insert(connection, table, tables.get(table.name, ()))
        create_views(connection)


def _create_table(connection: Connection, table: Table) -> None:
    """With its indexes by name: `create_all` takes them from a set, in an order of its own in every process."""
    connection.execute(CreateTable(table))
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        connection.execute(CreateIndex(index))


def make_room(connection: Connection, *, replace: bool = False) -> None:
    """Make sure that a world may be created: in a place that is empty, or holds one that is half built.

    Args:
        replace: a complete world may go too.

    Raises:
        SetupError: a complete world is there, or tables or views of somebody else's under the names of ours.
    """
    found = _found(connection)
    if _world.name in found:
        if _sealed(connection) is not None and not replace:
            raise SetupError("the database holds a world already; build it with --overwrite to replace it")
        return
    theirs = sorted(found if connection.dialect.name == "sqlite" else found & _OURS)
    if theirs:
        raise SetupError(f"the database holds {theirs[0]}, which is not a world's; a world needs a place of its own")


_OURS = {*_TABLE, *(view.name for view in VIEWS)}


def _found(connection: Connection) -> set[str]:
    looking = inspect(connection)
    return {*looking.get_table_names(), *looking.get_view_names()}


def _sealed(connection: Connection) -> int | None:
    """The version in the table of the world; None if it has no row. Raises SetupError if it is somebody else's."""
    try:
        return connection.scalar(select(_world.c.schema_version))
    except DBAPIError as error:
        raise SetupError(_NO_WORLD.format(f"a table {_world.name} of another making and no")) from error


_BUILD = "copilot world demo --database-url URL"
_NO_WORLD = f"the database holds {{}} fulfilment world; set COPILOT_DATABASE_URL to one, or build one: {_BUILD}"


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
    return _sealed(connection) if _world.name in _found(connection) else None


def require(connection: Connection) -> None:
    """Make sure that a complete world of this schema is there. It only reads.

    Raises:
        SetupError: the database is empty, holds other tables, is half built, damaged, or of another version.
    """
    there = _found(connection)
    if _world.name not in there:
        others = f"other tables ({', '.join(sorted(there)[:3])}) and no" if there else "no"
        raise SetupError(_NO_WORLD.format(others))
    found = _sealed(connection)
    if found is None:
        raise SetupError(f"the database is half built: its making was cut off; build it again: {_BUILD}")
    if found != SCHEMA_VERSION:
        todo = f"build it again: {_BUILD} --overwrite" if found < SCHEMA_VERSION else "install a newer copilot"
        raise SetupError(f"the database is of schema version {found}, this copilot reads {SCHEMA_VERSION}; {todo}")
    if lacking := sorted(_OURS - there):
        raise SetupError(
            f"the database lacks {', '.join(lacking[:3])} of its world; build it again: {_BUILD} --overwrite"
        )


def try_saving(connection: Connection) -> None:
    """Write to the plans and take it back. Raises the database's own error if no draft could be saved."""
    try:
        connection.execute(update(_plan).values(name=_plan.c.name))
    finally:
        connection.rollback()


def today(connection: Connection) -> date:
    """The day it is in this world: the one stored with it, or else the real one.

    Raises:
        SetupError: there is no world that can be read, as `require` says.
    """
    require(connection)
    return connection.scalar(select(_world.c.today)) or date.today()


def load_problem(connection: Connection, on: date | None = None) -> Problem:
    """What the planner decides on `on`: open orders, supply, lanes, docks and the current plan.

    A dock that is overbooked has none free.

    Args:
        on: the world's today if not given.

    Raises:
        SetupError: `on` is not given and there is no world that can be read.
    """
    on = on or today(connection)
    capacity = _by_week(connection, select(_dock.c.datacenter, _dock.c.week, _dock.c.capacity))
    taken = _by_week(connection, booked_by_week(planned=False))
    return Problem(
        today=on,
        orders=_orders(connection),
        lots=_lots(connection, on),
        lanes=_lanes(connection),
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
        .order_by(func.length(_order.c.order_id), by_code(_order.c.order_id))
    )
    return tuple(Order(**row) for row in rows.mappings())


def _lanes(connection: Connection) -> tuple[Lane, ...]:
    rows = connection.execute(select(_lane).order_by(by_code(_lane.c.warehouse), by_code(_lane.c.datacenter)))
    return tuple(Lane(**row) for row in rows.mappings())


def _lots(connection: Connection, on: date) -> tuple[Lot, ...]:
    """Stock, named by warehouse, supplier and SKU, is there today; a delivery, by its id, from the day it arrives."""
    category = _pairs(connection, _sku.c.name, _sku.c.category)
    held = select(_stock).where(_stock.c.on_hand > _stock.c.reserved)
    held = held.order_by(*map(by_code, (_stock.c.warehouse, _stock.c.supplier, _stock.c.sku)))
    lots = [
        _lot(row, category, "/".join((row.warehouse, row.supplier, row.sku)), row.on_hand - row.reserved, on)
        for row in connection.execute(held)
    ]
    coming = select(_delivery).order_by(func.length(_delivery.c.delivery_id), by_code(_delivery.c.delivery_id))
    for row in connection.execute(coming):
        lot = _lot(row, category, row.delivery_id, row.quantity, max(on, row.arrival_date))
        lots.append(replace(lot, inbound=True))
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
    basis: Mapping[str, str] = MappingProxyType({}),
    status: str = "draft",
    created_at: datetime | None = None,
) -> str:
    """Save a plan and its lines, whole or not at all, and commit.

    Args:
        connection: nothing else is under way on it.
        plan: what the planner decided.
        name: what people call it.
        orders: of the problem that was solved, which may hold orders that the book does not.
        basis: what it was made on; without it, no data counts as newer.
        status: draft; or current, where there is none yet.
        created_at: now, unless given.

    Returns:
        The next free id, such as PLN-6.

    Raises:
        KeyError: a line's order is not in `orders`.
        IntegrityError: there is a current plan already, and `status` is current.
    """
    by_id = {order.order_id: order for order in orders}
    lines = [_line_row(n, line, by_id[line.order_id]) for n, line in enumerate(plan.lines, 1)]
    when = created_at or datetime.now().replace(microsecond=0)
    row = {**_plan_figures(plan), "name": name, "status": status, "created_at": when, "basis": dict(basis)}
    for attempt in range(_ATTEMPTS):
        try:
            with _whole(connection):
                return _insert_plan(connection, row, lines)
        except IntegrityError:  # another writer took the id
            if status == "current" or attempt + 1 == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


_ATTEMPTS = 10


def _insert_plan(connection: Connection, row: Mapping[str, Any], lines: Rows) -> str:
    plan_id = _next_id(connection)
    connection.execute(insert(_plan).values(plan_id=plan_id, **row))
    _insert(connection, _line, [{"plan_id": plan_id, **line} for line in lines])
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


def _line_row(number: int, line: Line, order: Order) -> dict[str, Any]:
    scenario = {"datacenter": order.datacenter, "sku": order.sku, "due_date": order.due_date}
    return {"line": number, **scenario, **vars(line)}


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


def adopt(connection: Connection, plan_id: str, by: str, anyway: bool = False) -> None:
    """Make a plan the current one, record who and when, and commit; the one before is superseded.

    Which orders are open and which planned follows from it. Adopting the current plan changes nothing.

    Args:
        by: who adopts it.
        anyway: even if it was made on older data.

    Raises:
        NameMistake: there is no such plan.
        QuestionError: nobody is named; it was made on older data; it holds orders that the book does not, such as
            added ones; or another plan was adopted at the same moment.
    """
    if not by.strip():
        raise QuestionError(f"a plan is adopted by somebody; say who adopts {plan_id}")
    try:
        with _whole(connection):
            _adopt(connection, _plan_id(connection, plan_id), by.strip(), anyway)
    except IntegrityError as error:
        raise QuestionError(f"another plan was adopted at the same moment as {plan_id}; look again") from error


def _adopt(connection: Connection, plan_id: str, by: str, anyway: bool) -> None:
    if connection.scalar(select(_plan.c.status).where(_plan.c.plan_id == plan_id)) == "current":
        return
    connection.execute(update(_plan).where(_plan.c.status == "current").values(status="superseded"))
    adopted = {"status": "current", "adopted_by": by, "adopted_at": datetime.now().replace(microsecond=0)}
    connection.execute(update(_plan).where(_plan.c.plan_id == plan_id).values(**adopted))
    _refuse_strangers(connection, plan_id)  # looked at last: from the first update on, no other writer comes between
    if not anyway:
        _refuse_stale(connection, plan_id)


def _refuse_stale(connection: Connection, plan_id: str) -> None:
    made_on = connection.scalar(select(_plan.c.basis).where(_plan.c.plan_id == plan_id)) or {}
    if newer := changed(made_on, load_problem(connection)):
        what = " and ".join([", ".join(newer[:-1]), newer[-1]] if len(newer) > 1 else newer)
        raise QuestionError(f"{plan_id} was made on older data ({what} changed since); plan again, or adopt it anyway")


def adoptions(connection: Connection) -> list[Adoption]:
    """Who adopted which plan, and when; the latest first."""
    columns = (_plan.c.plan_id, _plan.c.adopted_by.label("by"), _plan.c.adopted_at.label("at"))
    adopted = select(*columns).where(_plan.c.adopted_at.is_not(None)).order_by(_plan.c.adopted_at.desc())
    return [Adoption(**row) for row in connection.execute(adopted).mappings()]


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


def plan_names(connection: Connection) -> dict[str, str]:
    """What plans are called, and their ids; ``current`` stands for the current one."""
    rows = connection.execute(select(_plan.c.plan_id, _plan.c.name, _plan.c.status).order_by(_plan.c.plan_id)).all()
    called = [(row.name, row.plan_id) for row in rows]
    return dict(called + [("current", row.plan_id) for row in rows if row.status == "current"])
