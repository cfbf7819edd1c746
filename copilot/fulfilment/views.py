"""The SQL behind the read surface: one flat view for each `View` of surface.py, on SQLite and PostgreSQL alike."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    FromClause,
    Integer,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    select,
    union_all,
)

from copilot.fulfilment.surface import VIEWS
from copilot.fulfilment.tables import Base
from copilot.query import week_start

Element = ColumnElement[Any]

_TABLE = Base.metadata.tables
_order, _plan, _line, _served = (_TABLE[name] for name in ("customer_order", "plan", "plan_line", "plan_order"))
_warehouse, _datacenter, _supplier, _sku = (_TABLE[name] for name in ("warehouse", "datacenter", "supplier", "sku"))
_stock, _delivery, _consignment = (_TABLE[name] for name in ("stock", "delivery", "consignment"))
_lane, _dock, _approval, _rate = (_TABLE[name] for name in ("lane", "dock_capacity", "approval", "rate"))

_CURRENT = select(_plan.c.plan_id).where(_plan.c.status == "current").scalar_subquery()
_UNMET = select(_rate.c.usd).where(_rate.c.name == "unmet").scalar_subquery()


def create_views(connection: Connection) -> None:
    """Create every view of the read surface. The tables must be there, and none of the views."""
    for view in VIEWS:
        statement = _SELECTS[view.name]()
        columns = statement.selected_columns
        ordered = statement.with_only_columns(*(columns[c.name] for c in view.columns), maintain_column_froms=True)
        sql = ordered.compile(connection, compile_kwargs={"literal_binds": True})
        connection.exec_driver_sql(f"CREATE VIEW {view.name} AS {sql}")


def drop_views(connection: Connection) -> None:
    """Drop those views of the read surface that are there."""
    for view in VIEWS:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {view.name}")


def _racks(column: Element) -> Element:
    """A sum of racks as an integer: PostgreSQL widens sums."""
    return cast(func.coalesce(func.sum(column), 0), Integer)


def _count(column: Element) -> Element:
    return func.coalesce(column, 0)


def _site() -> tuple[Element, ...]:
    return (_datacenter.c.name.label("datacenter"), _datacenter.c.city, _datacenter.c.region)


def _rack() -> tuple[Element, ...]:
    return _sku.c.name.label("sku"), _sku.c.category


def _inbound(*by: Element) -> Subquery:
    arriving = func.min(_delivery.c.arrival_date).label("next_arrival")
    return select(*by, _racks(_delivery.c.quantity).label("racks"), arriving).group_by(*by).subquery("inbound")


def _inventory() -> Select[Any]:
    key = ("warehouse", "supplier", "sku")
    inbound = _inbound(*(_delivery.c[name] for name in key))
    source = (
        _stock.join(_warehouse, _warehouse.c.name == _stock.c.warehouse)
        .join(_sku, _sku.c.name == _stock.c.sku)
        .outerjoin(inbound, and_(*(inbound.c[name] == _stock.c[name] for name in key)))
    )
    return select(
        *(_stock.c.warehouse, _warehouse.c.region, *_rack(), _stock.c.supplier, _stock.c.on_hand, _stock.c.reserved),
        (_stock.c.on_hand - _stock.c.reserved).label("available"),
        _count(inbound.c.racks).label("inbound"),
        inbound.c.next_arrival,
    ).select_from(source)


def _orders() -> Select[Any]:
    is_open = _order.c.status == "open"
    served = select(_served).where(_served.c.plan_id == _CURRENT).subquery("served")
    source = (
        _order.join(_datacenter, _datacenter.c.name == _order.c.datacenter)
        .join(_sku, _sku.c.name == _order.c.sku)
        .outerjoin(served, and_(is_open, served.c.order_id == _order.c.order_id))
    )
    left = _order.c.quantity - _count(served.c.quantity)
    unmet = case((and_(is_open, left > 0), left), else_=0)
    return select(
        *(_order.c[name] for name in ("order_id", "quantity", "priority", "created_date", "due_date")),
        *(*_site(), *_rack(), unmet.label("racks_unmet")),
        case((served.c.order_id.is_not(None), "planned"), else_=_order.c.status).label("status"),
        *(func.coalesce(served.c[name], _order.c[name]).label(name) for name in _FIGURES),
        _order_total(served, unmet).label("total_cost"),
    ).select_from(source)


_COSTS = ("shipping_cost", "lateness_cost", "early_cost")
_FIGURES = ("warehouse", "supplier", "ship_date", "dock_date", "days_late", *_COSTS)


def _order_total(served: Subquery, unmet: Element) -> Element:
    """Open orders cost what is planned and what is unmet, so that they sum to the plan; cancelled ones nothing."""
    planned = func.coalesce(_sum_costs(served), 0.0) + unmet * _UNMET
    return case((_order.c.status == "open", planned), else_=_sum_costs(_order))


def _sum_costs(source: FromClause) -> Element:
    return source.c.shipping_cost + source.c.lateness_cost + source.c.early_cost


def _shipments() -> Select[Any]:
    source = (
        _consignment.join(_order, _order.c.order_id == _consignment.c.order_id)
        .join(_datacenter, _datacenter.c.name == _order.c.datacenter)
        .join(_sku, _sku.c.name == _order.c.sku)
    )
    return select(*_consignment.c, *_site(), *_rack()).select_from(source)


def _deliveries() -> Select[Any]:
    source = _delivery.join(_warehouse, _warehouse.c.name == _delivery.c.warehouse).join(
        _sku, _sku.c.name == _delivery.c.sku
    )
    own = (c for c in _delivery.c if c.name != "sku")
    return select(*own, _warehouse.c.region, *_rack()).select_from(source)


def _approvals() -> Select[Any]:
    source = _approval.join(_datacenter, _datacenter.c.name == _approval.c.datacenter)
    return select(_approval.c.supplier, *_site()).select_from(source)


def _suppliers() -> Select[Any]:
    held = select(_stock.c.supplier, _racks(_stock.c.on_hand).label("racks")).group_by(_stock.c.supplier).subquery()
    inbound = _inbound(_delivery.c.supplier)
    source = _supplier.outerjoin(held, held.c.supplier == _supplier.c.name).outerjoin(
        inbound, inbound.c.supplier == _supplier.c.name
    )
    return select(
        *(*_supplier.c, _supplier.c.name.label("supplier")),
        _count(held.c.racks).label("racks_on_hand"),
        _count(inbound.c.racks).label("racks_inbound"),
    ).select_from(source)


def _lanes() -> Select[Any]:
    source = _lane.join(_warehouse, _warehouse.c.name == _lane.c.warehouse).join(
        _datacenter, _datacenter.c.name == _lane.c.datacenter
    )
    own = (c for c in _lane.c if c.name != "datacenter")
    return select(*own, _warehouse.c.region.label("warehouse_region"), *_site()).select_from(source)


def booked_by_week(*, planned: bool) -> Select[Any]:
    """Racks that a dock has to take, by `datacenter` and `week` (Monday): what is under way, and the current plan's."""
    coming = select(
        _order.c.datacenter, week_start(_consignment.c.expected_date).label("week"), _consignment.c.quantity
    )
    under_way = coming.join(_order, _order.c.order_id == _consignment.c.order_id).where(
        _consignment.c.status != "delivered"
    )
    lines = select(_line.c.datacenter, week_start(_line.c.dock_date).label("week"), _line.c.quantity)
    current = lines.where(_line.c.plan_id == _CURRENT)
    racks = (union_all(under_way, current) if planned else under_way).subquery("racks")
    by = (racks.c.datacenter, racks.c.week)
    return select(*by, _racks(racks.c.quantity).label("booked")).group_by(*by)


def _docks() -> Select[Any]:
    taken = booked_by_week(planned=True).subquery("taken")
    booked = _count(taken.c.booked)
    source = _dock.join(_datacenter, _datacenter.c.name == _dock.c.datacenter).outerjoin(
        taken, and_(taken.c.datacenter == _dock.c.datacenter, taken.c.week == _dock.c.week)
    )
    return select(
        *(*_site(), _dock.c.week, _dock.c.capacity, booked.label("booked")),
        (_dock.c.capacity - booked).label("free"),
        (cast(booked, Float) / func.nullif(_dock.c.capacity, 0)).label("utilisation"),
    ).select_from(source)


def _plans() -> Select[Any]:
    return select(*_plan.c, (_sum_costs(_plan) + _plan.c.unmet_cost).label("total_cost"))


def _plan_lines() -> Select[Any]:
    source = _line.join(_datacenter, _datacenter.c.name == _line.c.datacenter).join(_sku, _sku.c.name == _line.c.sku)
    own = (c for c in _line.c if c.name not in ("datacenter", "sku"))
    return select(*own, *_site(), *_rack(), _sum_costs(_line).label("total_cost")).select_from(source)


_SELECTS: dict[str, Callable[[], Select[Any]]] = {
    "inventory": _inventory,
    "orders": _orders,
    "shipments": _shipments,
    "deliveries": _deliveries,
    "approvals": _approvals,
    "suppliers": _suppliers,
    "lanes": _lanes,
    "docks": _docks,
    "plans": _plans,
    "plan_lines": _plan_lines,
}
