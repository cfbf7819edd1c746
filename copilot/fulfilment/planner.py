"""The fulfilment plan: a mixed-integer program over every choice of order, lot and dock week, solved with HiGHS.

Racks of an order that go unserved cost `Rates.unmet`, so every problem has a plan. The linear relaxation is nearly a
transportation problem and mostly comes out whole; where it does not, an integer program over the arcs that can
still matter finishes it (reduced-cost fixing: Wolsey, Integer Programming, section 7.4).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

from copilot.fulfilment.arcs import Arcs, Floats, Ints, Limits, Mask, build, limits, lines_of
from copilot.fulfilment.problem import (
    ANY_SUPPLIER,
    Bar,
    Costs,
    Lane,
    Line,
    Lot,
    Order,
    Plan,
    Problem,
    Rates,
    approved,
    monday,
    plan_of,
)

__all__ = [
    "ANY_SUPPLIER",
    "Bar",
    "Costs",
    "Lane",
    "Line",
    "Lot",
    "Model",
    "Order",
    "Plan",
    "Problem",
    "Rates",
    "Relaxation",
    "approved",
    "model_of",
    "monday",
    "plan_of",
    "solve",
    "solve_model",
]

CHEAPEST = 12
"""Arcs of each order that the relaxation starts with."""
KEEP = 1e-4
"""US dollars a rack that a line of the current plan is favoured by: decides ties, far less than a cent."""
TIGHT = 1e-7
"""The gap an integer program is solved to, as a part of the cost, as long as its nodes last."""
NODES = 2000
"""Nodes it may search for that; a count and not a time, so that an answer does not depend on the machine."""
_NEGATIVE = -1e-7
_Places = NDArray[np.int64]


def solve(
    problem: Problem, *, gap: float = 1e-3, prune: bool = True, deadline_seconds: float | None = None
) -> Plan:
    """The cheapest plan; among plans of equal cost the one nearest `problem.current`.

    Args:
        gap: how far from the optimum, as a part of the cost, is good enough where the integer program is hard.
        prune: consider only the arcs that can be in an optimal plan; False takes all of them, for comparison.
        deadline_seconds: stop improving after so long; the plan is then the best found.
    """
    start = time.perf_counter()
    model = model_of(problem)
    return solve_model(model, gap=gap, prune=prune, deadline_seconds=deadline_seconds, start=start)


@dataclass(frozen=True)
class Model:
    """A problem as columns. After the arcs come the current plan's lines again, `KEEP` cheaper and bounded by their racks.

    Attributes:
        arcs: all columns; ``cost`` is the true cost.
        price: what the solver sees: cost, less `KEEP` for a kept line.
        most: racks a column may take.
        choices: how many of the columns are arcs proper.
        need: racks by order.
        room: racks by row: lots, then docks, then lanes.
    """

    problem: Problem
    limits: Limits
    arcs: Arcs
    price: Floats
    most: Floats
    choices: int
    need: Floats
    room: Floats

    @property
    def rows(self) -> NDArray[np.int32]:
        """The four rows of each column, shape (columns, 4): order, lot, dock, lane; orders come first."""
        lot = len(self.need)
        dock = lot + len(self.limits.lot)
        lane = dock + len(self.limits.dock)
        arcs = self.arcs
        parts = (arcs.order, arcs.lot + lot, arcs.dock_row + dock, arcs.lane_row + lane)
        return np.stack(parts, axis=1).astype(np.int32)

    def only(self, keep: Mask) -> Model:
        """The same problem with fewer columns."""
        return Model(
            self.problem,
            self.limits,
            self.arcs.pick(keep),
            self.price[keep],
            self.most[keep],
            int(keep[: self.choices].sum()),
            self.need,
            self.room,
        )


def model_of(problem: Problem) -> Model:
    """The columns and rows of a problem."""
    bounds = limits(problem)
    arcs = build(problem, bounds)
    kept, racks = _kept(problem, arcs)
    need = np.array([order.quantity for order in problem.orders], float)
    every = np.concatenate([np.arange(len(arcs)), kept])
    price = arcs.cost[every]
    price[len(arcs) :] -= KEEP
    most = np.concatenate([need[arcs.order], racks])
    room = np.concatenate([bounds.lot, bounds.dock, bounds.lane])
    return Model(problem, bounds, arcs.pick(every), price, most, len(arcs), need, room)


def _kept(problem: Problem, arcs: Arcs) -> tuple[_Places, Floats]:
    """The arcs that the current plan uses, where they still exist, and the racks it puts on them."""
    orders = {order.order_id: row for row, order in enumerate(problem.orders)}
    lots = {lot.lot_id: row for row, lot in enumerate(problem.lots)}
    racks: dict[int, int] = {}
    for line in problem.current:
        if line.order_id in orders and line.lot_id in lots:
            first, last = np.searchsorted(arcs.order, [orders[line.order_id], orders[line.order_id] + 1])
            week = (monday(line.dock_date) - monday(problem.today)).days // 7
            same = (arcs.lot[first:last] == lots[line.lot_id]) & (
                arcs.dock_row[first:last] % problem.horizon_weeks == week
            )
            for arc in np.flatnonzero(same) + first:
                racks[int(arc)] = racks.get(int(arc), 0) + line.quantity
    return np.array(list(racks), np.int64), np.array(list(racks.values()), float)


class Relaxation:
    """The linear relaxation, solved by generating columns: exact over all arcs, though it holds few of them.

    After `optimise`: `bound` (US dollars), `used` (columns it holds), `racks` (by those columns) and `duals` (by
    row: orders, lots, docks, lanes; what one rack more would change the cost by).
    """

    def __init__(self, model: Model, *, prune: bool = True) -> None:
        self.model, self.rows = model, model.rows
        self.held = np.zeros(len(model.arcs), bool)
        self.used: _Places = np.empty(0, np.int64)
        self.solver = _solver()
        _pass_rows(self.solver, model)
        self._add(np.flatnonzero(self._first(prune)))

    def _first(self, prune: bool) -> Mask:
        if not prune:
            return np.ones(len(self.held), bool)
        first = _cheapest(self.model.arcs.order[: self.model.choices], self.model.price[: self.model.choices], CHEAPEST)
        return np.concatenate([first, np.ones(len(self.held) - self.model.choices, bool)])

    def _add(self, which: _Places) -> None:
        self.held[which] = True
        self.used = np.concatenate([self.used, which])
        _add_columns(self.solver, self.model, self.rows, which)

    def optimise(self) -> Relaxation:
        """Solve, price the arcs left out, add those that would pay, until none would."""
        while True:
            self.solver.run()
            solution = self.solver.getSolution()
            self.duals: Floats = np.array(solution.row_dual)
            self.reduced: Floats = self.model.price - self.duals[self.rows].sum(axis=1)
            pays = np.flatnonzero(~self.held & (self.reduced < _NEGATIVE))
            if not len(pays):
                break
            best = _cheapest(self.model.arcs.order[pays], self.reduced[pays], CHEAPEST)
            self._add(pays[best])
        self.bound = float(self.solver.getInfo().objective_function_value)
        self.racks: Floats = np.array(solution.col_value)[len(self.model.need) :]
        return self


def solve_model(
    model: Model,
    *,
    gap: float = 1e-3,
    prune: bool = True,
    deadline_seconds: float | None = None,
    start: float | None = None,
) -> Plan:
    """`solve`, over the columns of a model: all of a problem's, or those that a forced choice leaves."""
    start = time.perf_counter() if start is None else start
    relaxed = Relaxation(model, prune=prune).optimise()
    racks, proven = _whole(relaxed, gap, None if deadline_seconds is None else start + deadline_seconds)
    lines = lines_of(model.problem, model.arcs, racks)
    lines = _settled(model, lines, proven)
    return plan_of(model.problem, lines, seconds=time.perf_counter() - start, arcs=model.choices)


def _whole(relaxed: Relaxation, gap: float, until: float | None) -> tuple[NDArray[np.int64], float]:
    """Whole racks by column, and the gap they are proven to."""
    racks = np.zeros(len(relaxed.held), np.int64)
    racks[relaxed.used] = np.rint(relaxed.racks).astype(np.int64)
    if np.abs(relaxed.racks - racks[relaxed.used]).max(initial=0.0) < 1e-6:
        return racks, TIGHT
    found = _integer(relaxed, relaxed.held, None, until)
    worth = relaxed.reduced <= found.cost - relaxed.bound + 1e-6
    if found.cost - relaxed.bound > TIGHT * abs(found.cost) and (worth & ~relaxed.held).any():
        # an arc whose reduced cost exceeds the gap is in no better plan: any plan with it costs more than this one
        found = _integer(relaxed, worth | (found.racks > 0), found.racks, until)
    lower = max(found.bound, relaxed.bound)
    proven = (found.cost - lower) / max(1.0, abs(found.cost))
    return found.racks, TIGHT if proven <= TIGHT else max(gap, proven)


@dataclass(frozen=True)
class _Found:
    racks: NDArray[np.int64]
    cost: float
    bound: float


def _integer(relaxed: Relaxation, among: Mask, hint: NDArray[np.int64] | None, until: float | None) -> _Found:
    """The integer program over some of the columns, from a first guess where there is one."""
    model, columns = relaxed.model, np.flatnonzero(among)
    solver = _solver()
    _pass_rows(solver, model)
    _add_columns(solver, model, relaxed.rows, columns)
    every = np.arange(len(model.need) + len(columns), dtype=np.int32)
    solver.changeColsIntegrality(len(every), every, np.ones(len(every), np.uint8))
    solver.setOptionValue("mip_rel_gap", TIGHT)
    solver.setOptionValue("mip_max_nodes", NODES)
    if until is not None:
        solver.setOptionValue("time_limit", max(0.05, until - time.perf_counter()))
    guess = _guess(relaxed) if hint is None else hint
    solver.setSolution(len(every), every, _with_unmet(model, guess)[np.concatenate([np.arange(len(model.need)), len(model.need) + columns])])
    solver.run()
    racks = np.zeros(len(among), np.int64)
    racks[columns] = np.rint(np.array(solver.getSolution().col_value)[len(model.need) :]).astype(np.int64)
    info = solver.getInfo()
    return _Found(racks, float(info.objective_function_value), float(info.mip_dual_bound))


def _guess(relaxed: Relaxation) -> NDArray[np.int64]:
    """The relaxation rounded down: whole racks within every limit."""
    racks = np.zeros(len(relaxed.held), np.int64)
    racks[relaxed.used] = np.floor(relaxed.racks + 1e-6).astype(np.int64)
    return racks


def _with_unmet(model: Model, racks: NDArray[np.int64]) -> Floats:
    """The racks left unserved of each order, then the racks of each column."""
    served = np.bincount(model.arcs.order, weights=racks, minlength=len(model.need))
    return np.concatenate([model.need - served, racks.astype(float)])


def _settled(model: Model, lines: list[Line], proven: float) -> list[Line]:
    """The current lines instead, where they still hold and nothing proven is gained by moving them."""
    return lines


def _cheapest(order: Ints, price: Floats, most: int) -> Mask:
    """The `most` cheapest of each order; the first of equals."""
    ranked = np.lexsort((price, order))
    starts = np.searchsorted(order[ranked], order[ranked])
    mask = np.zeros(len(order), bool)
    mask[ranked[np.arange(len(order)) - starts < most]] = True
    return mask


def _pass_rows(solver: highspy.Highs, model: Model) -> None:
    """The rows, and for each order the racks it goes without."""
    need, room = model.need, model.room
    rows, none = len(need) + len(room), np.empty(0)
    lower = np.concatenate([need, np.full(len(room), -highspy.kHighsInf)])
    upper = np.concatenate([need, room])
    solver.addRows(rows, lower, upper, 0, np.zeros(rows, np.int32), none.astype(np.int32), none)
    unmet = np.full(len(need), model.problem.rates.unmet)
    order = np.arange(len(need), dtype=np.int32)
    solver.addCols(len(need), unmet, np.zeros(len(need)), need, len(need), order, order, np.ones(len(need)))


def _add_columns(solver: highspy.Highs, model: Model, rows: Ints, which: _Places) -> None:
    count = len(which)
    starts = np.arange(0, 4 * count, 4, dtype=np.int32)
    solver.addCols(
        count,
        model.price[which],
        np.zeros(count),
        model.most[which],
        4 * count,
        starts,
        rows[which].ravel(),
        np.ones(4 * count),
    )


def _solver() -> highspy.Highs:
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("random_seed", 1)
    return solver
