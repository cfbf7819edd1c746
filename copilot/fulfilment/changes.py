"""The changes of a what-if: each turns a problem into another, and they compose in any number and order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import floor

from copilot.fulfilment.problem import ANY_SUPPLIER, Bar, Lane, Lot, Order, Problem

_SET, _EDIT, _CANCEL, _SCALE, _ADD = range(5)


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        name: the function that made it, such as ``"close_warehouse"``.
        text: what it means, for a sentence: ``"Memphis closed"``.
        apply: the changed problem; raises ValueError, in one line, where the problem does not allow it.
        phase: when it applies among others, so that their order does not matter: due dates are set, orders are
            edited, then cancelled, what is left is scaled, then orders and stock are added.
    """

    name: str
    text: str
    apply: Callable[[Problem], Problem]
    phase: int = _EDIT

    def __call__(self, problem: Problem) -> Problem:
        return self.apply(problem)


def apply_all(problem: Problem, changes: Iterable[Change]) -> Problem:
    """The problem under all of the changes."""
    for change in sorted(changes, key=lambda change: change.phase):
        problem = change.apply(problem)
    return problem


def exclude_supplier(
    supplier: str, region: str | None = None, datacenter: str | None = None, sku: str | None = None
) -> Change:
    """Plan without a supplier's racks.

    Args:
        supplier: the supplier to do without.
        region: only for data centers of this region.
        datacenter: only for this data center.
        sku: only its racks of this SKU.
    """

    def apply(problem: Problem) -> Problem:
        sites = _sites(problem, region, datacenter)
        return replace(problem, barred=problem.barred | {Bar(supplier, site, sku) for site in sites})

    return Change("exclude_supplier", f"no {_of(sku, 'racks')} from {supplier}{_where(region, datacenter)}", apply)


def close_warehouse(warehouse: str) -> Change:
    """Plan as if nothing could leave a warehouse.

    Args:
        warehouse: the warehouse that closes.
    """

    def apply(problem: Problem) -> Problem:
        return _lanes(problem, lambda lane: lane.warehouse == warehouse, lambda lane: replace(lane, weekly_capacity=0))

    return Change("close_warehouse", f"{warehouse} closed", apply)


def scale_demand(
    percent: float,
    region: str | None = None,
    datacenter: str | None = None,
    sku: str | None = None,
    category: str | None = None,
) -> Change:
    """Order more or fewer racks, in whole racks (half up).

    Args:
        percent: by how much: 20 is 20% more, -50 is half.
        region: only orders of data centers of this region.
        datacenter: only orders of this data center.
        sku: only orders of this SKU.
        category: only orders of SKUs of this category.
    """
    _at_least_minus_100("scale_demand", percent)
    _sensible("scale_demand", percent, 1000)

    def apply(problem: Problem) -> Problem:
        _sites(problem, region, datacenter)
        if sku and category and category != _category(problem, sku):
            raise ValueError(f"{sku} is not of category {category}")

        def scaled(order: Order) -> Order:
            hit = _is(order.region, region) and _is(order.datacenter, datacenter)
            hit = hit and _is(order.sku, sku) and _is(order.category, category)
            return replace(order, quantity=_scaled(order.quantity, percent)) if hit else order

        orders = (scaled(order) for order in problem.orders)
        return replace(problem, orders=tuple(order for order in orders if order.quantity > 0))

    what = _of(sku or category, "demand")
    return Change("scale_demand", f"{what}{_where(region, datacenter)} {percent:+g}%", apply, _SCALE)


def add_order(datacenter: str, sku: str, quantity: int, due_date: str) -> Change:
    """Add an order of priority 2, called NEW-1, NEW-2, … as they are added.

    Args:
        datacenter: the data center that orders.
        sku: the SKU it orders.
        quantity: racks, at least 1.
        due_date: the day it is due, as 2026-11-30.
    """
    due = _day(due_date)
    _positive("add_order", quantity)
    _sensible("add_order", quantity, 1e6)

    def apply(problem: Problem) -> Problem:
        regions = problem.regions | {order.datacenter: order.region for order in problem.orders}
        categories = problem.categories | {lot.sku: lot.category for lot in problem.lots}
        _known("data center", datacenter, regions)
        _known("SKU", sku, categories)
        order_id = _next(order.order_id for order in problem.orders)
        order = Order(order_id, datacenter, regions[datacenter], sku, categories[sku], quantity, 2, due)
        return replace(problem, orders=(*problem.orders, order))

    return Change("add_order", f"an order of {quantity} {sku} for {datacenter} due {due}", apply, _ADD)


def cancel_order(order_id: str) -> Change:
    """Plan without an order.

    Args:
        order_id: the order, open or planned.
    """

    def apply(problem: Problem) -> Problem:
        gone = problem.order(order_id)
        return replace(problem, orders=tuple(order for order in problem.orders if order is not gone))

    return Change("cancel_order", f"{order_id} cancelled", apply, _CANCEL)


def delay_order(order_id: str, days: int) -> Change:
    """Move an order's due date.

    Args:
        order_id: the order, open or planned.
        days: calendar days later; negative is earlier.
    """
    _sensible("delay_order", days, 3650)

    def apply(problem: Problem) -> Problem:
        return _order(problem, order_id, lambda order: replace(order, due_date=order.due_date + timedelta(days)))

    how = "later" if days >= 0 else "earlier"
    return Change("delay_order", f"{order_id} due {_days(days)} {how}", apply)


def set_due_date(order_id: str, date: str) -> Change:
    """Set an order's due date.

    Args:
        order_id: the order, open or planned.
        date: the day it is due, as 2026-11-30.
    """
    due = _day(date)

    def apply(problem: Problem) -> Problem:
        return _order(problem, order_id, lambda order: replace(order, due_date=due))

    return Change("set_due_date", f"{order_id} due {due}", apply, _SET)


def prioritise(order_id: str, priority: int) -> Change:
    """Set an order's priority.

    Args:
        order_id: the order, open or planned.
        priority: 1 is highest, 3 lowest.
    """
    if priority not in (1, 2, 3):
        raise ValueError(f"a priority is 1, 2 or 3, not {priority}")

    def apply(problem: Problem) -> Problem:
        return _order(problem, order_id, lambda order: replace(order, priority=priority))

    return Change("prioritise", f"{order_id} at priority {priority}", apply)


def add_stock(warehouse: str, sku: str, quantity: int, supplier: str | None = None) -> Change:
    """Add racks to a warehouse, there today.

    Args:
        warehouse: the warehouse they are in.
        sku: the SKU they are.
        quantity: racks, at least 1.
        supplier: whose racks they are; racks of no named supplier are taken by every data center.
    """
    _positive("add_stock", quantity)
    _sensible("add_stock", quantity, 1e6)

    def apply(problem: Problem) -> Problem:
        known: tuple[Order | Lot, ...] = (*problem.orders, *problem.lots)
        categories = problem.categories | {other.sku: other.category for other in known}
        _known("SKU", sku, categories)
        lot_id = _next(lot.lot_id for lot in problem.lots)
        lot = Lot(lot_id, warehouse, supplier or ANY_SUPPLIER, sku, categories[sku], quantity, problem.today)
        return replace(problem, lots=(*problem.lots, lot))

    whose = f" of {supplier}" if supplier else ""
    return Change("add_stock", f"{quantity} more {sku}{whose} in {warehouse}", apply, _ADD)


def cut_supply(
    percent: float, supplier: str | None = None, warehouse: str | None = None, sku: str | None = None
) -> Change:
    """Have fewer racks, in stock and inbound, in whole racks (half up).

    Args:
        percent: by how much, from 0 to 100: 30 leaves 70% of each lot.
        supplier: only racks of this supplier.
        warehouse: only racks in or on their way into this warehouse.
        sku: only racks of this SKU.
    """
    if not 0 <= percent <= 100:
        raise ValueError(f"cut_supply takes 0 to 100 percent, not {percent:g}")

    def apply(problem: Problem) -> Problem:
        return _lots(
            problem,
            lambda lot: _is(lot.supplier, supplier) and _is(lot.warehouse, warehouse) and _is(lot.sku, sku),
            lambda lot: replace(lot, quantity=_scaled(lot.quantity, -percent)),
        )

    return Change("cut_supply", f"{_supply(supplier, warehouse, sku)} -{percent:g}%", apply)


def delay_supply(
    days: int, supplier: str | None = None, warehouse: str | None = None, sku: str | None = None
) -> Change:
    """Move deliveries on their way in; what is in stock stays.

    Args:
        days: calendar days later; negative is earlier, though not before today.
        supplier: only racks of this supplier.
        warehouse: only racks on their way into this warehouse.
        sku: only racks of this SKU.
    """
    _sensible("delay_supply", days, 3650)

    def apply(problem: Problem) -> Problem:
        def inbound(lot: Lot) -> bool:
            hit = _is(lot.supplier, supplier) and _is(lot.warehouse, warehouse) and _is(lot.sku, sku)
            return hit and lot.inbound

        def moved(lot: Lot) -> Lot:
            return replace(lot, available_from=max(problem.today, lot.available_from + timedelta(days)))

        return _lots(problem, inbound, moved)

    how = "later" if days >= 0 else "earlier"
    return Change("delay_supply", f"deliveries of {_supply(supplier, warehouse, sku)} {_days(days)} {how}", apply)


def change_lane_cost(percent: float, warehouse: str | None = None, datacenter: str | None = None) -> Change:
    """Make lanes dearer or cheaper.

    Args:
        percent: by how much: 20 is 20% dearer, -10 is 10% cheaper.
        warehouse: only lanes from this warehouse.
        datacenter: only lanes to this data center.
    """
    _at_least_minus_100("change_lane_cost", percent)
    _sensible("change_lane_cost", percent, 1000)

    def apply(problem: Problem) -> Problem:
        return _lanes(
            problem,
            lambda lane: _is(lane.warehouse, warehouse) and _is(lane.datacenter, datacenter),
            lambda lane: replace(lane, cost_per_rack=lane.cost_per_rack * (1 + percent / 100)),
        )

    ends = (f" from {warehouse}" if warehouse else "") + (f" to {datacenter}" if datacenter else "")
    return Change("change_lane_cost", f"lane costs{ends} {percent:+g}%", apply)


def close_lane(warehouse: str, datacenter: str) -> Change:
    """Plan without a lane.

    Args:
        warehouse: where it starts.
        datacenter: where it ends.
    """

    def apply(problem: Problem) -> Problem:
        def hit(lane: Lane) -> bool:
            return lane.warehouse == warehouse and lane.datacenter == datacenter

        if not any(hit(lane) for lane in problem.lanes):
            raise ValueError(f"there is no lane from {warehouse} to {datacenter}")
        return _lanes(problem, hit, lambda lane: replace(lane, weekly_capacity=0))

    return Change("close_lane", f"the lane from {warehouse} to {datacenter} closed", apply)


def limit_dock(datacenter: str, racks_per_week: int) -> Change:
    """Set what a dock takes, in every week of the horizon, up or down.

    Args:
        datacenter: the data center whose dock it is.
        racks_per_week: racks a week, 0 or more; racks under way count first.
    """
    if racks_per_week < 0:
        raise ValueError(f"limit_dock takes 0 or more racks a week, not {racks_per_week}")
    _sensible("limit_dock", racks_per_week, 1e6)

    def apply(problem: Problem) -> Problem:
        weeks = ((datacenter, week) for week in problem.weeks)
        free = {key: max(0, racks_per_week - problem.dock_taken.get(key, 0)) for key in weeks}
        return replace(problem, dock_free=problem.dock_free | free)

    return Change("limit_dock", f"the dock of {datacenter} at {racks_per_week} racks a week", apply)


def _order(problem: Problem, order_id: str, change: Callable[[Order], Order]) -> Problem:
    old = problem.order(order_id)
    return replace(problem, orders=tuple(change(order) if order is old else order for order in problem.orders))


def _lots(problem: Problem, hit: Callable[[Lot], bool], change: Callable[[Lot], Lot]) -> Problem:
    return replace(problem, lots=tuple(change(lot) if hit(lot) else lot for lot in problem.lots))


def _lanes(problem: Problem, hit: Callable[[Lane], bool], change: Callable[[Lane], Lane]) -> Problem:
    return replace(problem, lanes=tuple(change(lane) if hit(lane) else lane for lane in problem.lanes))


def _sites(problem: Problem, region: str | None, datacenter: str | None) -> set[str | None]:
    """The data centers meant; None for all of them."""
    if region is None:
        return {datacenter}
    regions = problem.regions | {order.datacenter: order.region for order in problem.orders}
    sites: set[str | None] = {site for site, where in regions.items() if where == region and _is(site, datacenter)}
    if not sites:
        raise ValueError(f"{datacenter} is not in {region}")
    return sites


def _category(problem: Problem, sku: str) -> str | None:
    known: tuple[Order | Lot, ...] = (*problem.orders, *problem.lots)
    return next((other.category for other in known if other.sku == sku), problem.categories.get(sku))


def _is(value: str, wanted: str | None) -> bool:
    return wanted is None or value == wanted


def _scaled(racks: int, percent: float) -> int:
    return floor(racks * (100 + percent) / 100 + 0.5)


def _next(taken: Iterable[str]) -> str:
    used = set(taken)
    return next(name for number in range(1, len(used) + 2) if (name := f"NEW-{number}") not in used)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date such as 2026-11-30") from None


def _days(count: int) -> str:
    return f"{abs(count)} {'day' if abs(count) == 1 else 'days'}"


def _sensible(name: str, value: float, most: float) -> None:
    if not -most <= value <= most:
        raise ValueError(f"{name} takes {most:,.0f} at most, not {value:g}")


def _positive(name: str, quantity: int) -> None:
    if quantity < 1:
        raise ValueError(f"{name} takes 1 rack or more, not {quantity}")


def _at_least_minus_100(name: str, percent: float) -> None:
    if percent < -100:
        raise ValueError(f"{name} cannot take away more than 100 percent ({percent:g} was asked)")


def _known(kind: str, name: str, names: dict[str, str]) -> None:
    if name not in names:
        raise ValueError(f"there is no {kind} {name!r}")


def _of(what: str | None, noun: str) -> str:
    return f"{what} {noun}" if what else noun


def _where(region: str | None, datacenter: str | None) -> str:
    place = datacenter or region
    return f" in {place}" if place else ""


def _supply(supplier: str | None, warehouse: str | None, sku: str | None) -> str:
    return " ".join(filter(None, [sku or "supply", supplier and f"of {supplier}", warehouse and f"at {warehouse}"]))
