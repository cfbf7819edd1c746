"""The choices of a plan: an order served from a lot in a dock week, all of them at once as arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copilot.fulfilment.problem import Line, Problem, approved, monday

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Arcs:
    """One entry an arc, sorted by order; all arrays have the same length.

    Attributes:
        order, lot, lane: positions in the problem.
        dock_row: data center and dock week, ``datacenter * weeks + week`` (see `Limits`).
        lane_row: lane and week of shipping, ``lane * weeks + week``.
        ship, dock: days, as proleptic ordinals.
        late: days after the due date, negative if before it.
        cost: US dollars a rack.
    """

    order: Ints
    lot: Ints
    lane: Ints
    dock_row: Ints
    lane_row: Ints
    ship: Ints
    dock: Ints
    late: Ints
    cost: Floats

    def __len__(self) -> int:
        return len(self.order)

    def pick(self, which: Mask | NDArray[np.int64]) -> Arcs:
        """The arcs of a mask or of positions."""
        return Arcs(*(getattr(self, field.name)[which] for field in fields(self)))


@dataclass(frozen=True)
class Limits:
    """What the rows of the model stand for, and how many racks each takes.

    Attributes:
        datacenters: the data centers that docks are counted for, in the order of `Arcs.dock_row`.
        weeks: how many.
        lot, dock, lane: racks, by position of the lot, by dock row and by lane row.
    """

    datacenters: tuple[str, ...]
    weeks: int
    lot: Floats
    dock: Floats
    lane: Floats


def limits(problem: Problem) -> Limits:
    """The limits of a problem."""
    names = tuple(sorted({lane.datacenter for lane in problem.lanes}))
    dock = [max(0, problem.dock_free.get((name, week), 0)) for name in names for week in problem.weeks]
    lane = np.array([lane.weekly_capacity for lane in problem.lanes], float)
    return Limits(
        datacenters=names,
        weeks=problem.horizon_weeks,
        lot=np.array([lot.quantity for lot in problem.lots], float),
        dock=np.array(dock, float),
        lane=np.repeat(lane, problem.horizon_weeks),
    )


def build(problem: Problem, bounds: Limits) -> Arcs:
    """Every arc that could be worth using: allowed, in time for the horizon, and no dearer than going unserved."""
    tables = _Tables.of(problem, bounds)
    parts = [_of_sku(problem, bounds, tables, sku) for sku in sorted({order.sku for order in problem.orders})]
    joined = [
        np.concatenate([getattr(part, field.name) for part in parts] or [np.empty(0, field_type(field.name))])
        for field in fields(Arcs)
    ]
    arcs = Arcs(*joined)
    return arcs.pick(np.argsort(arcs.order, kind="stable"))


def field_type(name: str) -> Any:
    """The number type of an array of `Arcs`."""
    return np.float64 if name == "cost" else np.int32


def lines_of(problem: Problem, arcs: Arcs, racks: NDArray[np.int64]) -> list[Line]:
    """The lines of a decision: racks by arc."""
    used = np.flatnonzero(racks)
    return [_line(problem, arcs, int(arc), int(racks[arc])) for arc in used]


def _line(problem: Problem, arcs: Arcs, arc: int, racks: int) -> Line:
    order, lot = problem.orders[arcs.order[arc]], problem.lots[arcs.lot[arc]]
    late = int(arcs.late[arc])
    return Line(
        order_id=order.order_id,
        lot_id=lot.lot_id,
        warehouse=lot.warehouse,
        supplier=lot.supplier,
        quantity=racks,
        ship_date=date.fromordinal(int(arcs.ship[arc])),
        dock_date=date.fromordinal(int(arcs.dock[arc])),
        days_late=max(0, late),
        shipping_cost=racks * problem.lanes[arcs.lane[arc]].cost_per_rack,
        lateness_cost=racks * max(0, late) * problem.rates.late_per_day[order.priority],
        early_cost=racks * max(0, -late) * problem.rates.early_per_day,
    )


@dataclass(frozen=True)
class _Tables:
    """The problem's columns as arrays, so that a SKU's arcs are one broadcast."""

    due: Ints
    late_rate: Floats
    datacenter: Ints
    ready: Ints
    warehouse: Ints
    lane_of: Ints  # by warehouse and data center; -1 where there is none
    transit: Ints
    lane_cost: Floats

    @staticmethod
    def of(problem: Problem, bounds: Limits) -> _Tables:
        sites = {name: row for row, name in enumerate(bounds.datacenters)}
        houses = {name: row for row, name in enumerate(sorted({lot.warehouse for lot in problem.lots}))}
        lane_of = np.full((len(houses) + 1, len(sites) + 1), -1, np.int32)
        for row, lane in enumerate(problem.lanes):
            if lane.weekly_capacity > 0 and lane.warehouse in houses:
                lane_of[houses[lane.warehouse], sites[lane.datacenter]] = row
        today = problem.today.toordinal()
        return _Tables(
            due=_ints([order.due_date.toordinal() for order in problem.orders]),
            late_rate=np.array([problem.rates.late_per_day[order.priority] for order in problem.orders], float),
            datacenter=_ints([sites.get(order.datacenter, len(sites)) for order in problem.orders]),
            ready=_ints([max(today, lot.available_from.toordinal()) for lot in problem.lots]),
            warehouse=_ints([houses[lot.warehouse] for lot in problem.lots]),
            lane_of=lane_of,
            transit=_ints([lane.transit_days for lane in problem.lanes]),
            lane_cost=np.array([lane.cost_per_rack for lane in problem.lanes], float),
        )


def _ints(values: list[int]) -> Ints:
    return np.array(values, np.int32)


def _of_sku(problem: Problem, bounds: Limits, tables: _Tables, sku: str) -> Arcs:
    """The arcs of one SKU: its orders crossed with its lots, what is allowed of that crossed with the weeks."""
    orders = _ints([row for row, order in enumerate(problem.orders) if order.sku == sku and order.quantity > 0])
    lots = _ints([row for row, lot in enumerate(problem.lots) if lot.sku == sku and lot.quantity > 0])
    lane = tables.lane_of[tables.warehouse[lots][None, :], tables.datacenter[orders][:, None]]
    allowed = (lane >= 0) & _approved(problem, bounds, lots, sku)[tables.datacenter[orders]]
    at_order, at_lot = np.nonzero(allowed)
    return _in_weeks(problem, bounds, tables, orders[at_order], lots[at_lot], lane[at_order, at_lot])


def _approved(problem: Problem, bounds: Limits, lots: Ints, sku: str) -> Mask:
    """Whether a data center (one row more: unknown) takes a lot's supplier."""
    suppliers = [problem.lots[lot].supplier for lot in lots]
    known = {(name, site): approved(problem, name, site, sku) for name in set(suppliers) for site in bounds.datacenters}
    rows = [[known[name, site] for name in suppliers] for site in bounds.datacenters]
    return np.array([*rows, [False] * len(suppliers)], bool).reshape(len(rows) + 1, len(suppliers))


def _in_weeks(problem: Problem, bounds: Limits, tables: _Tables, order: Ints, lot: Ints, lane: Ints) -> Arcs:
    """Pairs crossed with weeks; in each the dock day is the feasible one nearest the due date."""
    start = monday(problem.today).toordinal()
    weeks = np.arange(bounds.weeks, dtype=np.int32)
    mondays = start + 7 * weeks
    first = np.maximum((tables.ready[lot] + tables.transit[lane])[:, None], mondays)
    due = tables.due[order][:, None]
    dock = np.minimum(np.maximum(due, first), mondays + 6)
    late = dock - due
    cost = tables.lane_cost[lane][:, None] + np.where(
        late > 0, late * tables.late_rate[order][:, None], -late * problem.rates.early_per_day
    )
    site = tables.datacenter[order][:, None]
    dock_row = site * np.int32(bounds.weeks) + weeks
    # an arc dearer than leaving the rack unserved is in no optimal plan: unserved uses no limit
    keep = (first <= mondays + 6) & (bounds.dock[dock_row] > 0) & (cost <= problem.rates.unmet)
    pair, week = np.nonzero(keep)
    dock, ship = dock[pair, week], dock[pair, week] - tables.transit[lane][pair]
    return Arcs(
        order=order[pair],
        lot=lot[pair],
        lane=lane[pair],
        dock_row=dock_row[pair, week],
        lane_row=lane[pair] * np.int32(bounds.weeks) + ((ship - start) // 7).astype(np.int32),
        ship=ship,
        dock=dock,
        late=late[pair, week],
        cost=cost[pair, week],
    )
