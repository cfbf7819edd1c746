"""Why a plan is as it is: what stands behind an order's lines, and what another choice would cost.

All of it is read from the planner's own model. The duals of its relaxation say what one more rack of a limit would
save, the reduced costs what one rack on another arc would cost over all orders.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from copilot.errors import ProgramError
from copilot.fulfilment.arcs import Mask
from copilot.fulfilment.bottlenecks import CENT, limit_of
from copilot.fulfilment.columns import Model, model_of
from copilot.fulfilment.obstacles import Wish, conflict, obstacle
from copilot.fulfilment.planner import Relaxation, solve_model
from copilot.fulfilment.problem import Line, Lot, Order, Plan, Problem, monday

SECONDS = 55.0
"""How long a forced re-plan may take."""
ALTERNATIVES = 3
NOTHING = "no way to serve it is worth its cost"
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
        text.append(f"Nothing can serve it: {obstacle(problem, order, Wish()) or NOTHING}.")
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
    order, wish = problem.order(order_id), Wish(warehouse, supplier, _week(week))
    if wish == Wish():
        raise ProgramError("why_not() takes a warehouse, a supplier or a week")
    asked = f"{order_id} {wish.said}"
    lines = [line for line in current.lines if line.order_id == order_id]
    if lines and order_id not in current.unmet and all(wish.fits_line(line) for line in lines):
        return Forced(f"{order_id} is planned {wish.said} already; the plan", current, asked=asked)
    model = _forced(problem, order, wish)
    plan = solve_model(model, deadline_seconds=SECONDS) if model else None
    if model is None or plan is None or order_id in plan.unmet:
        reason = obstacle(problem, order, wish) or (conflict(model, order) if model else NOTHING)
        return Forced(f"{order_id} cannot be served {wish.said}: {reason}.", reason=reason, asked=asked)
    return Forced(f"With {asked}, the plan", plan, plan.costs.total - current.costs.total, asked=asked)


def _week(text: str | None) -> date | None:
    try:
        return None if text is None else monday(date.fromisoformat(text))
    except ValueError:
        raise ProgramError(f"{text!r} is not a date such as 2026-11-30") from None


def _forced(problem: Problem, order: Order, wish: Wish) -> Model | None:
    """The model in which the order is served only as wished, and before any other; None where no arc does."""
    model = model_of(problem)
    place = problem.orders.index(order)
    own = model.arcs.order == place
    fitting = own & _wished(problem, model, wish)
    if not fitting.any():
        return None
    unmet = model.unmet.copy()
    # or the cheapest way to force it would be to leave it out
    unmet[place] *= FORCE
    return replace(model, unmet=unmet).only(~own | fitting)


def _wished(problem: Problem, model: Model, wish: Wish) -> Mask:
    """Whether each column serves as wished, whatever its order."""
    lots = np.array([wish.fits(lot.warehouse, lot.supplier) for lot in problem.lots], bool)
    weeks = np.array([wish.week in (None, week) for week in problem.weeks], bool)
    fits: Mask = lots[model.arcs.lot] & weeks[model.arcs.dock_row % problem.horizon_weeks]
    return fits


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
    rows = model.rows[1:, arc]
    dearest = int(rows[np.argmin(relaxed.duals[rows])])
    taken = -float(relaxed.duals[dearest])
    if taken >= CENT:
        return f"{limit_of(model, dearest, taken).name} is taken, and worth ${taken:,.0f} a rack to other orders"
    late, ship = int(model.arcs.late[arc]), model.problem.lanes[model.arcs.lane[arc]].cost_per_rack
    when = f"{abs(late)} days {'late' if late > 0 else 'early'}" if late else "on the day"
    return f"no limit stands in the way: it docks {when} and ships at ${ship:,.0f} a rack"


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
