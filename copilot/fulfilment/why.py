"""Why a plan is as it is: what stands behind an order's lines, what another choice would cost, and what binds.

All of it is read from the planner's own model. The duals of its relaxation say what one more rack of a limit would
save, the reduced costs what one rack on another arc would cost over all orders.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from copilot.errors import ProgramError
from copilot.fulfilment.arcs import Mask
from copilot.fulfilment.planner import Model, Relaxation, model_of, solve_model
from copilot.fulfilment.problem import Line, Lot, Order, Plan, Problem, approved, monday

SECONDS = 55.0
"""How long a forced re-plan may take."""
PRICING_SECONDS = 5.0
"""How long the limits of `bottlenecks` may be priced by solving again; what is left keeps its dual."""
ALTERNATIVES = 3
CENT = 0.01
"""US dollars a rack below which a limit does not count as standing in the way."""
FORCE = 100.0
"""How many times dearer than any other order's racks those of a forced order are to leave out."""


@dataclass(frozen=True)
class Alternative:
    """Another way to serve an order: its best dock day, US dollars a rack more in all, and what prevents it."""

    warehouse: str
    supplier: str
    dock_date: date
    extra_per_rack: float
    limit: str


@dataclass(frozen=True)
class Explanation:
    """An order's lines in the plan, the next best ways (cheapest first), and both in a sentence or two."""

    text: str
    lines: tuple[Line, ...]
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True)
class Forced:
    """What came of forcing an order as `asked`: a plan and its price in US dollars, or the reason why not."""

    text: str
    plan: Plan | None = None
    price: float = 0.0
    reason: str = ""
    asked: str = ""


@dataclass(frozen=True)
class Limit:
    """A limit that binds (stock, dock or lane), its Monday (None for stock), and the US dollars a rack more saves."""

    kind: str
    where: str
    week: date | None
    saves: float

    @property
    def name(self) -> str:
        if self.kind == "stock":
            return f"the stock of {self.where}"
        return f"the {self.kind} {'of' if self.kind == 'dock' else 'from'} {self.where} in the week of {self.week}"

    @property
    def text(self) -> str:
        return f"{self.name}: one more rack would save ${self.saves:,.0f}"


def explain(problem: Problem, current: Plan, order_id: str) -> Explanation:
    """Why the plan at hand serves an order as it does.

    Raises:
        ProgramError: the order is not open.
    """
    order = problem.order(order_id)
    lines = tuple(line for line in current.lines if line.order_id == order_id)
    others = _alternatives(problem, order, lines)
    text = [_planned(order, lines, current.unmet.get(order_id, 0))]
    if others:
        best = others[0]
        text.append(f"Next best: {_way(best)}, {_more(best.extra_per_rack)} a rack; {best.limit}.")
    elif not lines:
        text.append(f"Nothing can serve it: {_obstacle(problem, order, _Wish())}.")
    return Explanation(" ".join(text), lines, others)


def why_not(
    problem: Problem,
    current: Plan,
    order_id: str,
    *,
    warehouse: str | None = None,
    supplier: str | None = None,
    week: str | None = None,
) -> Forced:
    """What it would cost to serve an order only so: forced and re-planned, all other orders free to move.

    Args:
        problem: what the plan at hand decides about.
        current: the plan at hand.
        order_id: the order, open or planned.
        warehouse, supplier: where its racks are to come from.
        week: any date in the week that they are to dock, as 2026-11-30.

    Raises:
        ProgramError: the order is not open, or nothing is asked for, or the week is not a date.
    """
    order, wish = problem.order(order_id), _Wish(warehouse, supplier, _week(week))
    if wish == _Wish():
        raise ProgramError("why_not() takes a warehouse, a supplier or a week")
    asked = f"{order_id} {wish.said}"
    lines = [line for line in current.lines if line.order_id == order_id]
    if lines and order_id not in current.unmet and all(wish.fits_line(line) for line in lines):
        return Forced(f"{order_id} is planned {wish.said} already; the plan", current, asked=asked)
    plan = _forced(problem, order, wish)
    if plan is None or order_id in plan.unmet:
        reason = _obstacle(problem, order, wish)
        return Forced(f"{order_id} cannot be served {wish.said}: {reason}.", reason=reason, asked=asked)
    return Forced(f"With {asked}, the plan", plan, plan.costs.total - current.costs.total, asked=asked)


def bottlenecks(problem: Problem, current: Plan, top: int = 5) -> list[Limit]:
    """The limits where one more rack would save most, dearest first; of the stock of a SKU only the dearest.

    Args:
        problem: what the plan at hand decides about.
        current: the plan at hand.
        top: how many, 1 or more.

    Raises:
        ProgramError: `top` is less than 1.
    """
    if top < 1:
        raise ProgramError(f"bottlenecks takes 1 or more, not {top}")
    model = model_of(problem)
    relaxed = Relaxation(model).optimise()
    ranked = _tightest(model, -relaxed.duals[len(model.need) :])[: 2 * top]
    until = time.perf_counter() + PRICING_SECONDS
    priced = [
        replace(limit, saves=relaxed.saving(row)) if time.perf_counter() < until else limit for row, limit in ranked
    ]
    binding = [limit for limit in priced if limit.saves >= CENT]
    return sorted(binding, key=lambda limit: -limit.saves)[:top]


@dataclass(frozen=True)
class _Wish:
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


def _week(text: str | None) -> date | None:
    try:
        return None if text is None else monday(date.fromisoformat(text))
    except ValueError:
        raise ProgramError(f"{text!r} is not a date such as 2026-11-30") from None


def _forced(problem: Problem, order: Order, wish: _Wish) -> Plan | None:
    """The best plan that serves the order only as wished; None where no arc does."""
    model = model_of(problem)
    place = problem.orders.index(order)
    own = model.arcs.order == place
    fitting = own & _wished(problem, model, wish)
    if not fitting.any():
        return None
    unmet = model.unmet.copy()
    # served before any other order, or the cheapest way to force it would be to leave it out
    unmet[place] *= FORCE
    return solve_model(replace(model, unmet=unmet).only(~own | fitting), deadline_seconds=SECONDS)


def _wished(problem: Problem, model: Model, wish: _Wish) -> Mask:
    """Whether each column serves as wished, whatever its order."""
    lots = np.array([wish.fits(lot.warehouse, lot.supplier) for lot in problem.lots], bool)
    weeks = np.array([wish.week in (None, week) for week in problem.weeks], bool)
    fits: Mask = lots[model.arcs.lot] & weeks[model.arcs.dock_row % problem.horizon_weeks]
    return fits


def _obstacle(problem: Problem, order: Order, wish: _Wish) -> str:
    """The first limit in the way of an order being served as wished, in words."""
    for test in (_no_week, _not_approved, _no_stock, _no_lane, _not_in_time, _no_dock):
        if found := test(problem, order, wish):
            return found
    return f"limits together leave less than its {order.quantity} racks"


def _no_week(problem: Problem, order: Order, wish: _Wish) -> str:
    if wish.week in (None, *problem.weeks):
        return ""
    first, last = problem.weeks[0], problem.weeks[-1]
    return f"the week of {wish.week} is outside the plan, which goes from the week of {first} to that of {last}"


def _not_approved(problem: Problem, order: Order, wish: _Wish) -> str:
    able = wish.supplier is None or approved(problem, wish.supplier, order.datacenter, order.sku)
    return "" if able else f"{wish.supplier} is not approved for {order.sku} at {order.datacenter}"


def _stock(problem: Problem, order: Order, wish: _Wish) -> list[Lot]:
    """The lots of the order's SKU that fit."""
    return [
        lot for lot in problem.lots if lot.sku == order.sku and lot.quantity and wish.fits(lot.warehouse, lot.supplier)
    ]


def _allowed(problem: Problem, order: Order, wish: _Wish) -> list[Lot]:
    """Those of them whose supplier is approved."""
    lots = _stock(problem, order, wish)
    return [lot for lot in lots if approved(problem, lot.supplier, order.datacenter, order.sku)]


def _no_stock(problem: Problem, order: Order, wish: _Wish) -> str:
    lots, allowed = _stock(problem, order, wish), _allowed(problem, order, wish)
    where = f"{wish.supplier or 'any supplier'} in {wish.warehouse or 'any warehouse'}"
    racks = sum(lot.quantity for lot in allowed)
    if not lots:
        return f"there is no {order.sku} of {where}, now or inbound"
    if not allowed:
        names = ", ".join(sorted({lot.supplier for lot in lots}))
        return f"the {order.sku} there is of {names}, not approved for {order.datacenter}"
    return "" if racks >= order.quantity else f"there are {racks} racks of {order.sku} of {where}, not {order.quantity}"


def _no_lane(problem: Problem, order: Order, wish: _Wish) -> str:
    transit = _transit(problem, order)
    houses = {lot.warehouse for lot in _allowed(problem, order, wish)}
    if houses & transit.keys():
        return ""
    return f"there is no open lane from {' or '.join(sorted(houses))} to {order.datacenter}"


def _transit(problem: Problem, order: Order) -> dict[str, int]:
    """Days by warehouse, on the open lanes to the order's data center."""
    lanes = (lane for lane in problem.lanes if lane.datacenter == order.datacenter and lane.weekly_capacity > 0)
    return {lane.warehouse: lane.transit_days for lane in lanes}


def _not_in_time(problem: Problem, order: Order, wish: _Wish) -> str:
    """Too few racks can be at the dock by the end of the week asked for, or of the horizon."""
    last = (wish.week or problem.weeks[-1]) + timedelta(days=6)
    transit = _transit(problem, order)
    lots = [lot for lot in _allowed(problem, order, wish) if lot.warehouse in transit]
    day = {lot.lot_id: lot.available_from + timedelta(days=transit[lot.warehouse]) for lot in lots}
    racks = sum(lot.quantity for lot in lots if day[lot.lot_id] <= last)
    if racks >= order.quantity:
        return ""
    return f"{racks} of its {order.quantity} racks can be there by {last}; the first can dock on {min(day.values())}"


def _no_dock(problem: Problem, order: Order, wish: _Wish) -> str:
    weeks = problem.weeks if wish.week is None else (wish.week,)
    room = sum(max(0, problem.dock_free.get((order.datacenter, week), 0)) for week in weeks)
    when = f"in the week of {wish.week}" if wish.week else "in all weeks"
    return "" if room >= order.quantity else f"the dock of {order.datacenter} has room for {room} racks {when}"


def _alternatives(problem: Problem, order: Order, lines: tuple[Line, ...]) -> tuple[Alternative, ...]:
    """The best arc of each warehouse and supplier that the plan does not use, cheapest over all orders first."""
    model = model_of(problem)
    relaxed = Relaxation(model).optimise()
    own = np.flatnonzero(model.arcs.order[: model.choices] == problem.orders.index(order))
    used = {(line.warehouse, line.supplier, monday(line.dock_date)) for line in lines}
    best: dict[tuple[str, str], Alternative] = {}
    for arc in own[np.argsort(relaxed.reduced[own], kind="stable")]:
        lot, week = problem.lots[model.arcs.lot[arc]], problem.weeks[model.arcs.dock_row[arc] % problem.horizon_weeks]
        if (lot.warehouse, lot.supplier, week) not in used and (lot.warehouse, lot.supplier) not in best:
            best[lot.warehouse, lot.supplier] = _alternative(model, relaxed, int(arc), lot)
        if len(best) == ALTERNATIVES:
            break
    return tuple(best.values())


def _alternative(model: Model, relaxed: Relaxation, arc: int, lot: Lot) -> Alternative:
    extra = max(0.0, float(relaxed.reduced[arc]))
    docked = date.fromordinal(int(model.arcs.dock[arc]))
    return Alternative(lot.warehouse, lot.supplier, docked, round(extra, 2), _in_the_way(model, relaxed, arc))


def _in_the_way(model: Model, relaxed: Relaxation, arc: int) -> str:
    """The dearest limit that the arc would use, or else what of its own cost tells against it."""
    rows = model.rows[arc, 1:]
    dearest = int(rows[np.argmin(relaxed.duals[rows])])
    taken = -float(relaxed.duals[dearest])
    if taken >= CENT:
        return f"{_limit(model, dearest, taken).name} is taken, and worth ${taken:,.0f} a rack to other orders"
    late, ship = int(model.arcs.late[arc]), model.problem.lanes[model.arcs.lane[arc]].cost_per_rack
    when = f"{abs(late)} days {'late' if late > 0 else 'early'}" if late else "on the day"
    return f"no limit stands in the way: it docks {when} and ships at ${ship:,.0f} a rack"


def _tightest(model: Model, prices: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[tuple[int, Limit]]:
    """The rows that bind and their limits, dearest first; the lots of a SKU stand in for each other, so only one."""
    first = len(model.need)
    found: dict[tuple[str, ...], tuple[int, Limit]] = {}
    for place in np.argsort(-prices, kind="stable"):
        if prices[place] < CENT:
            break
        limit = _limit(model, first + int(place), float(prices[place]))
        key = ("stock", model.problem.lots[place].sku) if limit.kind == "stock" else (limit.where, str(limit.week))
        found.setdefault(key, (first + int(place), limit))
    return list(found.values())


def _limit(model: Model, row: int, saves: float) -> Limit:
    """What a row of the model stands for."""
    place, problem, weeks = row - len(model.need), model.problem, model.limits.weeks
    if place < len(model.limits.lot):
        lot = problem.lots[place]
        return Limit("stock", f"{lot.sku} of {lot.supplier} in {lot.warehouse}", None, saves)
    place -= len(model.limits.lot)
    if place < len(model.limits.dock):
        return Limit("dock", model.limits.datacenters[place // weeks], problem.weeks[place % weeks], saves)
    place -= len(model.limits.dock)
    lane = problem.lanes[place // weeks]
    return Limit("lane", f"{lane.warehouse} to {lane.datacenter}", problem.weeks[place % weeks], saves)


def _planned(order: Order, lines: tuple[Line, ...], unmet: int) -> str:
    asked = f"{order.order_id} ({order.quantity} {order.sku} for {order.datacenter}, due {order.due_date})"
    if not lines:
        return f"{asked} is not planned."
    ways = ", and ".join(f"{line.quantity} from {_way(line)}{_late(line)}" for line in lines)
    return f"{asked} gets {ways}{f'; {unmet} go unmet' if unmet else ''}."


def _way(line: Line | Alternative) -> str:
    return f"{line.warehouse} ({line.supplier}), docking {line.dock_date}"


def _late(line: Line) -> str:
    return f", {line.days_late} days late" if line.days_late else ""


def _more(dollars: float) -> str:
    return f"${dollars:,.0f} more" if dollars >= CENT else "at the same cost"
