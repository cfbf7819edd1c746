"""What prevents an order from being served as wished: the first limit in the way, or those that are in conflict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from copilot.fulfilment.bottlenecks import CENT, limit_of
from copilot.fulfilment.columns import Model
from copilot.fulfilment.planner import Relaxation
from copilot.fulfilment.problem import Line, Lot, Order, Problem, approved, monday

MOST_NAMED = 3


@dataclass(frozen=True)
class Wish:
    """How an order is asked to be served; None leaves it open. `week` is a Monday."""

    warehouse: str | None = None
    supplier: str | None = None
    week: date | None = None

    @property
    def said(self) -> str:
        parts = (
            self.warehouse and f"from {self.warehouse}",
            self.supplier and f"with racks of {self.supplier}",
            self.week and f"docking in the week of {self.week}",
        )
        return " ".join(part for part in parts if part)

    def fits(self, warehouse: str, supplier: str) -> bool:
        return self.warehouse in (None, warehouse) and self.supplier in (None, supplier)

    def fits_line(self, line: Line) -> bool:
        return self.fits(line.warehouse, line.supplier) and self.week in (None, monday(line.dock_date))


def obstacle(problem: Problem, order: Order, wish: Wish) -> str:
    """The first limit that alone prevents an order from being served as wished, in words; empty if none does."""
    for test in (_no_week, _not_approved, _no_stock, _no_lane, _not_in_time, _no_dock):
        if found := test(problem, order, wish):
            return found
    return ""


def conflict(model: Model, order: Order) -> str:
    """The limits that together leave less than an order needs, in words: the dearest on the ways that it has left.

    Args:
        model: of a problem in which the order is forced, and would rather be served than any other.
    """
    relaxed = Relaxation(model).optimise()
    own = model.arcs.order[: model.choices] == model.problem.orders.index(order)
    rows = np.unique(model.rows[1:, : model.choices][:, own])
    dearest = [int(row) for row in rows[np.argsort(relaxed.duals[rows])] if -relaxed.duals[row] >= CENT]
    names = [limit_of(model, row, -float(relaxed.duals[row])).name for row in dearest[:MOST_NAMED]]
    return f"{' and '.join(names) or 'limits'} together leave less than its {order.quantity} racks"


def _no_week(problem: Problem, order: Order, wish: Wish) -> str:
    if wish.week in (None, *problem.weeks):
        return ""
    first, last = problem.weeks[0], problem.weeks[-1]
    return f"the week of {wish.week} is outside the plan, which goes from the week of {first} to that of {last}"


def _not_approved(problem: Problem, order: Order, wish: Wish) -> str:
    able = wish.supplier is None or approved(problem, wish.supplier, order.datacenter, order.sku)
    return "" if able else f"{wish.supplier} is not approved for {order.sku} at {order.datacenter}"


def _stock(problem: Problem, order: Order, wish: Wish) -> list[Lot]:
    """The lots of the order's SKU that fit."""
    return [
        lot for lot in problem.lots if lot.sku == order.sku and lot.quantity and wish.fits(lot.warehouse, lot.supplier)
    ]


def _allowed(problem: Problem, order: Order, wish: Wish) -> list[Lot]:
    """Those of them whose supplier is approved."""
    lots = _stock(problem, order, wish)
    return [lot for lot in lots if approved(problem, lot.supplier, order.datacenter, order.sku)]


def _no_stock(problem: Problem, order: Order, wish: Wish) -> str:
    lots, allowed = _stock(problem, order, wish), _allowed(problem, order, wish)
    where = f"{wish.supplier or 'any supplier'} in {wish.warehouse or 'any warehouse'}"
    racks = sum(lot.quantity for lot in allowed)
    if not lots:
        return f"there is no {order.sku} of {where}, now or inbound"
    if not allowed:
        names = ", ".join(sorted({lot.supplier for lot in lots}))
        return f"the {order.sku} there is of {names}, not approved for {order.datacenter}"
    return "" if racks >= order.quantity else f"there are {racks} racks of {order.sku} of {where}, not {order.quantity}"


def _no_lane(problem: Problem, order: Order, wish: Wish) -> str:
    transit = _transit(problem, order)
    houses = {lot.warehouse for lot in _allowed(problem, order, wish)}
    if houses & transit.keys():
        return ""
    return f"there is no open lane from {' or '.join(sorted(houses))} to {order.datacenter}"


def _transit(problem: Problem, order: Order) -> dict[str, int]:
    """Days by warehouse, on the open lanes to the order's data center."""
    lanes = (lane for lane in problem.lanes if lane.datacenter == order.datacenter and lane.weekly_capacity > 0)
    return {lane.warehouse: lane.transit_days for lane in lanes}


def _not_in_time(problem: Problem, order: Order, wish: Wish) -> str:
    """Too few racks can be at the dock by the end of the week asked for, or of the horizon."""
    last = (wish.week or problem.weeks[-1]) + timedelta(days=6)
    transit = _transit(problem, order)
    lots = [lot for lot in _allowed(problem, order, wish) if lot.warehouse in transit]
    day = {lot.lot_id: lot.available_from + timedelta(days=transit[lot.warehouse]) for lot in lots}
    racks = sum(lot.quantity for lot in lots if day[lot.lot_id] <= last)
    if racks >= order.quantity:
        return ""
    return f"{racks} of its {order.quantity} racks can be there by {last}; the first can dock on {min(day.values())}"


def _no_dock(problem: Problem, order: Order, wish: Wish) -> str:
    weeks = problem.weeks if wish.week is None else (wish.week,)
    room = sum(max(0, problem.dock_free.get((order.datacenter, week), 0)) for week in weeks)
    when = f"in the week of {wish.week}" if wish.week else "in all weeks"
    return "" if room >= order.quantity else f"the dock of {order.datacenter} has room for {room} racks {when}"
