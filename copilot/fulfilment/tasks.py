"""What the fulfilment app can do beyond its views: plans, what-ifs, comparisons, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from copilot.answer import Chart, Result
from copilot.app import Context
from copilot.errors import ProgramError
from copilot.fulfilment import bottlenecks as binding
from copilot.fulfilment import changes as change
from copilot.fulfilment import store, why
from copilot.fulfilment.basis import basis
from copilot.fulfilment.changes import Change
from copilot.fulfilment.planner import Line, Plan, Problem, plan_of, solve
from copilot.printable import one_line

SECONDS = 55.0
"""How long one re-plan may take."""

MEASURES = ("total cost", "shipping cost", "lateness cost", "early cost", "unmet cost", "orders late", "racks unmet")
COLUMNS = ("measure", "before", "after", "difference")
CHANGED = ("order_id", "warehouse", "new_warehouse", "supplier", "new_supplier", "dock_date", "new_dock_date",
           "days_late", "new_days_late", "cost_difference")  # fmt: skip
MOST_CHANGED = 50
MOST_PAYING = 3
LONGEST_NAME = 100


@dataclass(frozen=True)
class Figures:
    """A plan in seven numbers, in the order of MEASURES, and its lines."""

    values: tuple[float, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class WhatIf(Result):
    """A re-plan under changes, compared with the current plan."""

    figures: Figures | None = None


def plan(context: Context, *changes: Change, name: str | None = None) -> Result:
    """A new plan for all open orders under some changes, saved as a draft."""
    known = store.load_problem(context.connection)
    problem = change.apply_all(known, changes)
    made = solve(problem, deadline_seconds=SECONDS)
    called = one_line(name or _said(changes) or "Re-plan", LONGEST_NAME)

    def save(connection: sa.Connection) -> str:
        now = datetime.combine(context.today, datetime.now().time().replace(microsecond=0))
        return store.save_plan(connection, made, called, problem.orders, basis=basis(known), created_at=now)

    rows = [[measure, value] for measure, value in zip(MEASURES, _figures(made).values, strict=True)]
    total, late, unmet = _money(made.costs.total), made.orders_late, made.racks_unmet
    text = f'Draft "{called}": {total} in all, {late} orders late, {unmet} racks unmet.'
    return Result(text, ("measure", "value"), rows, save=save, varied=called)


def what_if(context: Context, *changes: Change) -> WhatIf:
    """Re-plan under some changes and compare with the current plan."""
    problem = store.load_problem(context.connection)
    changed = change.apply_all(problem, changes)
    before = _figures(_current(problem))
    after = _figures(solve(changed, deadline_seconds=SECONDS))
    said = _said(changes) or "nothing changed"
    return _compared(before, after, f"With {said}, the plan", varied=said)


def compare(context: Context, a: str | WhatIf, b: str | WhatIf) -> Result:
    """Put two plans, or two what-ifs, side by side."""
    first, second = (_looked_up(context, side) for side in (a, b))
    return _compared(first, second, f"Against {_called(a)}, {_called(b)}")


def explain(context: Context, order_id: str) -> Result:
    """Why an order is planned as it is."""
    problem = store.load_problem(context.connection)
    told = why.explain(problem, _current(problem), order_id)
    columns = ("warehouse", "supplier", "quantity", "ship_date", "dock_date", "days_late", "cost")
    lines = [[getattr(line, name) for name in columns] for line in told.lines]
    others = [[o.warehouse, o.supplier, o.dock_date, o.extra_per_rack, o.limit] for o in told.alternatives]
    details = {
        "next best": (("warehouse", "supplier", "dock_date", "extra_per_rack", "what stands in the way"), others)
    }
    return Result(told.text, columns, lines, details, varied=order_id)


def why_not(
    context: Context, order_id: str, warehouse: str | None = None, supplier: str | None = None, week: str | None = None
) -> Result:
    """What it would cost to serve an order from another warehouse or supplier, or in another dock week."""
    problem = store.load_problem(context.connection)
    current = _current(problem)
    forced = why.why_not(problem, current, order_id, warehouse=warehouse, supplier=supplier, week=week)
    if forced.plan is None:
        return Result(forced.text, ("order_id", "reason"), [[order_id, forced.reason]], varied=forced.asked)
    compared = _compared(_figures(current), _figures(forced.plan), forced.text, varied=forced.asked)
    return replace(compared, text=f"{compared.text}{_payers(compared, order_id)}")


def bottlenecks(context: Context, top: int = 5) -> Result:
    """What binds the plan: the docks, lanes and stock where one more rack would save most."""
    problem = store.load_problem(context.connection)
    found = binding.bottlenecks(problem, top)
    rows = [[limit.kind, limit.where, limit.week, limit.saves, ", ".join(limit.gaining)] for limit in found]
    text = f"The tightest limit is {found[0].text}." if found else "Nothing binds the current plan."
    return Result(text, ("limit", "where", "week", "saves_per_rack", "orders_gaining"), rows)


TASKS = (
    plan, what_if, compare, explain, why_not, bottlenecks,
    change.exclude_supplier, change.close_warehouse, change.scale_demand, change.add_order, change.cancel_order,
    change.delay_order, change.set_due_date, change.prioritise, change.add_stock, change.cut_supply,
    change.delay_supply, change.change_lane_cost, change.close_lane, change.limit_dock,
)  # fmt: skip


def _current(problem: Problem) -> Plan:
    return plan_of(problem, problem.current)


def _figures(made: Plan) -> Figures:
    costs = made.costs
    money = (costs.total, costs.shipping, costs.lateness, costs.early, costs.unmet)
    return Figures((*money, made.orders_late, made.racks_unmet), made.lines)


def _looked_up(context: Context, side: str | WhatIf) -> Figures:
    if isinstance(side, WhatIf) and side.figures:
        return side.figures
    if not isinstance(side, str):
        raise ProgramError("compare() takes two plan ids or two what-ifs")
    columns = "total_cost, shipping_cost, lateness_cost, early_cost, unmet_cost, orders_late, racks_unmet"
    picked = sa.text(f"SELECT {columns} FROM plans WHERE plan_id = :id")
    row = context.connection.execute(picked, {"id": side}).one()
    return Figures(tuple(row), tuple(store.read_plan(context.connection, side)))


def _compared(before: Figures, after: Figures, subject: str, varied: str = "") -> WhatIf:
    pairs = list(zip(MEASURES, before.values, after.values, strict=True))
    rows = [[measure, b, a, a - b] for measure, b, a in pairs]
    moved = _moved(before.lines, after.lines)
    details = {
        "orders that change most": (CHANGED, moved[:MOST_CHANGED]),
        "orders docking on time": (("docking", "before", "after"), _on_time(before.lines, after.lines)),
    }
    text = f"{subject} {_difference(pairs)}. {len(moved)} {'order changes' if len(moved) == 1 else 'orders change'}."
    return WhatIf(text, COLUMNS, rows, details, Chart(kind="before_after", x="measure", y=["before", "after"]),
                  varied=varied, figures=after)  # fmt: skip


def _payers(compared: WhatIf, but: str) -> str:
    """The other orders that cost more than before, the one that pays most first."""
    moved = compared.details["orders that change most"][1]
    paying = sorted((row for row in moved if row[0] != but and row[-1] >= 1), key=lambda row: -row[-1])
    said = ", ".join(f"{row[0]} ({_money(row[-1])} more)" for row in paying[:MOST_PAYING])
    return f" Who pays: {said}." if said else ""


def _on_time(before: Iterable[Line], after: Iterable[Line]) -> list[list[Any]]:
    """How many of the orders that are planned dock on time, and how many late: by the line that docks last."""
    old, new = (
        [max(line.days_late for line in lines) for lines in _by_order(side).values()] for side in (before, after)
    )
    late = [sum(days > 0 for days in side) for side in (old, new)]
    return [["on time", len(old) - late[0], len(new) - late[1]], ["late", *late]]


def _difference(pairs: Sequence[tuple[str, float, float]]) -> str:
    _, before, after = pairs[0]
    cost = "costs the same" if abs(after - before) < 0.005 else (
        f"costs {_money(abs(after - before))} {'more' if after > before else 'less'}"
    )  # fmt: skip
    late, unmet = pairs[5], pairs[6]
    return (
        f"{cost} ({_money(before)} to {_money(after)}); orders late {late[1]:,.0f} to {late[2]:,.0f}, "
        f"racks unmet {unmet[1]:,.0f} to {unmet[2]:,.0f}"
    )


def _moved(before: Iterable[Line], after: Iterable[Line]) -> list[list[Any]]:
    old, new = _by_order(before), _by_order(after)
    changed = [order for order in dict.fromkeys([*old, *new]) if _served(old.get(order)) != _served(new.get(order))]
    rows = [_row(order, old.get(order, []), new.get(order, [])) for order in changed]
    return sorted(rows, key=lambda row: -abs(row[-1]))


def _row(order: str, old: list[Line], new: list[Line]) -> list[Any]:
    was, now = (max(lines, key=lambda line: line.dock_date, default=None) for lines in (old, new))
    pairs = [
        (getattr(was, name, None), getattr(now, name, None))
        for name in ("warehouse", "supplier", "dock_date", "days_late")
    ]
    return [order, *(value for pair in pairs for value in pair), _cost(new) - _cost(old)]


def _by_order(lines: Iterable[Line]) -> dict[str, list[Line]]:
    grouped: dict[str, list[Line]] = {}
    for line in lines:
        grouped.setdefault(line.order_id, []).append(line)
    return grouped


def _served(lines: list[Line] | None) -> set[tuple[Any, ...]]:
    return {(line.lot_id, line.quantity, line.dock_date) for line in lines or ()}


def _cost(lines: list[Line]) -> float:
    return sum(line.cost for line in lines)


def _said(changes: Sequence[Change]) -> str:
    texts = [item.text for item in changes]
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _called(side: str | WhatIf) -> str:
    return side if isinstance(side, str) else side.varied


def _money(amount: float) -> str:
    return f"${amount:,.0f}"
