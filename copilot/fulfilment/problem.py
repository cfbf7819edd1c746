"""What the planner decides about, and what it decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from copilot.errors import ProgramError

ANY_SUPPLIER = "any"
"""The supplier of racks that every data center takes (stock that a what-if adds without naming one)."""


@dataclass(frozen=True)
class Order:
    """Racks that a data center asks for. Priority 1 is highest, 3 lowest."""

    order_id: str
    datacenter: str
    region: str
    sku: str
    category: str
    quantity: int
    priority: int
    due_date: date


@dataclass(frozen=True)
class Lot:
    """Racks of one SKU of one supplier in one warehouse: there today, or `inbound` from the day a delivery arrives."""

    lot_id: str
    warehouse: str
    supplier: str
    sku: str
    category: str
    quantity: int
    available_from: date
    inbound: bool = False


@dataclass(frozen=True)
class Lane:
    """A route. Transit in calendar days, cost in US dollars, capacity in racks a week; 0 is closed."""

    warehouse: str
    datacenter: str
    transit_days: int
    cost_per_rack: float
    weekly_capacity: int


@dataclass(frozen=True)
class Line:
    """Racks of an order served from one lot in one dock week. Costs in US dollars for the whole line."""

    order_id: str
    lot_id: str
    warehouse: str
    supplier: str
    quantity: int
    ship_date: date
    dock_date: date
    days_late: int
    shipping_cost: float
    lateness_cost: float
    early_cost: float

    @property
    def cost(self) -> float:
        return self.shipping_cost + self.lateness_cost + self.early_cost


@dataclass(frozen=True)
class Rates:
    """US dollars a rack: for each day late (by priority), for each day early, for not being served at all."""

    late_per_day: dict[int, float]
    early_per_day: float
    unmet: float


@dataclass(frozen=True)
class Bar:
    """A supplier that may not serve: a data center (None: any) with a SKU (None: any)."""

    supplier: str
    datacenter: str | None = None
    sku: str | None = None


@dataclass(frozen=True)
class Problem:
    """Everything a plan depends on.

    Attributes:
        dock_free: racks that a dock can still take, by data center and Monday; a week not listed takes none.
        dock_taken: racks under way that already hold the dock; only `limit_dock` reads it (free = limit - taken).
        approvals: pairs of supplier and data center.
        current: lines to keep among plans of equal cost; lines of orders or lots that are gone are passed over.
        categories, regions: the category of a SKU, the region of a data center; for orders that a what-if adds.
    """

    today: date
    orders: tuple[Order, ...]
    lots: tuple[Lot, ...]
    lanes: tuple[Lane, ...]
    dock_free: dict[tuple[str, date], int]
    approvals: frozenset[tuple[str, str]]
    rates: Rates
    current: tuple[Line, ...] = ()
    horizon_weeks: int = 12
    barred: frozenset[Bar] = frozenset()
    categories: dict[str, str] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)
    dock_taken: dict[tuple[str, date], int] = field(default_factory=dict)

    @property
    def weeks(self) -> tuple[date, ...]:
        """The Mondays of the horizon, this week's first."""
        first = monday(self.today)
        return tuple(first + timedelta(weeks=week) for week in range(self.horizon_weeks))

    def order(self, order_id: str) -> Order:
        """The order; raises ProgramError if it is not open."""
        for order in self.orders:
            if order.order_id == order_id:
                return order
        raise ProgramError(
            f"{order_id} is not an open order: it is not in the order book, or shipped, docked or cancelled"
        )


@dataclass(frozen=True)
class Costs:
    """US dollars."""

    shipping: float
    lateness: float
    early: float
    unmet: float

    @property
    def total(self) -> float:
        return self.shipping + self.lateness + self.early + self.unmet


@dataclass(frozen=True)
class Plan:
    """A decision for all orders.

    Attributes:
        lines: in the order of the problem's orders, then by dock date.
        unmet: racks not served, by order; orders served in full are not in it.
        orders_late: orders with a line that docks after the due date.
        orders_planned: orders with at least one line.
        solve_seconds: building the model and solving it.
        arcs: the choices of order, lot and dock week there were.
    """

    lines: tuple[Line, ...]
    unmet: dict[str, int]
    costs: Costs
    orders_late: int
    orders_planned: int
    racks_unmet: int
    solve_seconds: float
    arcs: int


def monday(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())


def approved(problem: Problem, supplier: str, datacenter: str, sku: str) -> bool:
    """Whether the supplier's racks of this SKU may go there."""
    if supplier != ANY_SUPPLIER and (supplier, datacenter) not in problem.approvals:
        return False
    return not any(
        bar.supplier == supplier and bar.datacenter in (None, datacenter) and bar.sku in (None, sku)
        for bar in problem.barred
    )


def plan_of(problem: Problem, lines: Iterable[Line], *, seconds: float = 0.0, arcs: int = 0) -> Plan:
    """The plan that these lines make: what they leave unmet and what all of it costs."""
    place = {order.order_id: row for row, order in enumerate(problem.orders)}
    kept = tuple(sorted(lines, key=lambda line: (place[line.order_id], line.dock_date, line.lot_id)))
    served: dict[str, int] = {}
    for line in kept:
        served[line.order_id] = served.get(line.order_id, 0) + line.quantity
    left = {order.order_id: order.quantity - served.get(order.order_id, 0) for order in problem.orders}
    unmet = {order_id: racks for order_id, racks in left.items() if racks}
    racks_unmet = sum(unmet.values())
    return Plan(
        lines=kept,
        unmet=unmet,
        costs=Costs(
            shipping=sum(line.shipping_cost for line in kept),
            lateness=sum(line.lateness_cost for line in kept),
            early=sum(line.early_cost for line in kept),
            unmet=racks_unmet * problem.rates.unmet,
        ),
        orders_late=len({line.order_id for line in kept if line.days_late > 0}),
        orders_planned=len(served),
        racks_unmet=racks_unmet,
        solve_seconds=seconds,
        arcs=arcs,
    )
