"""The fulfilment plan: a mixed-integer program over every choice of order, lot and dock week, solved with HiGHS.

Racks of an order that go unserved cost `Rates.unmet`, so every problem has a plan. The linear relaxation is nearly a
transportation problem and mostly comes out whole; where it does not, an integer program over the arcs that can
still matter finishes it (reduced-cost fixing: Wolsey, Integer Programming, section 7.4). Which arcs the relaxation
starts from, the prices in a smaller problem much like it tell: orders that are alike taken as one.
"""

from __future__ import annotations

import time
from dataclasses import replace

import highspy
import numpy as np
from highspy._core import _Highs

from copilot.fulfilment.arcs import Floats, Ints, Mask
from copilot.fulfilment.columns import Model, Places, Racks, model_of
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
    "Order",
    "Plan",
    "Problem",
    "Rates",
    "Relaxation",
    "approved",
    "monday",
    "plan_of",
    "solve",
    "solve_model",
]

CHEAPEST = 12
"""Arcs of each order that the relaxation starts with, at prices that are guessed."""
TOGETHER = 5
"""Orders that are taken as one in the smaller problem that those prices come from."""
LESS = 0.3
"""A smaller problem has less than this part of the orders, or is not worth solving first."""
APART = 100.0
"""US dollars a rack within which chance decides what is cheapest: else orders alike all start from the same arcs."""
EQUAL = 0.005
"""US dollars within which two plans cost the same."""
TIGHT = 1e-6
"""The gap that an integer program is solved to, as a part of the cost, as long as its nodes last."""
REACH = 1.0
"""US dollars a rack of reduced cost up to which arcs enter the first integer program; more, only if it falls short."""
NEARBY = 100.0
"""The same, where the orders that the relaxation splits into parts of racks are decided among themselves."""
WHOLE = 1e-6
"""Racks by which a whole number may be missed."""
NODES = 500
"""Nodes it may search for that: a count and not a time, so that an answer does not depend on the machine."""
_NEGATIVE = -1e-7
_PRIMAL = int(highspy.simplex_constants.SimplexStrategy.kSimplexStrategyPrimal)


def solve(problem: Problem, *, gap: float = 1e-3, prune: bool = True, deadline_seconds: float | None = None) -> Plan:
    """The cheapest plan; among plans of equal cost the one nearest `problem.current`.

    Args:
        gap: how far from the optimum, as a part of the cost, is good enough where the integer program is hard.
        prune: consider only the arcs that can be in an optimal plan; False takes all of them, for comparison.
        deadline_seconds: stop improving after so long; the plan is then the best found.
    """
    start = time.perf_counter()
    model = model_of(problem)
    return solve_model(model, gap=gap, prune=prune, deadline_seconds=deadline_seconds, start=start)


class Relaxation:
    """The linear relaxation, solved by generating columns: exact over all arcs, though it holds few of them.

    After `optimise`: `bound` (US dollars), `used` (columns it holds), `racks` (by those columns) and `duals` (by
    row: orders, lots, docks, lanes; what one rack more would change the cost by).
    """

    def __init__(self, model: Model, *, prune: bool = True) -> None:
        self.model, self.rows = model, model.rows
        self.held = np.zeros(len(model.arcs), bool)
        self.used: Places = np.empty(0, np.int64)
        self.solver = _solver()
        _pass_rows(self.solver, model)
        self._add(np.flatnonzero(self._first(prune)))

    def _first(self, prune: bool) -> Mask:
        if not prune:
            return np.ones(len(self.held), bool)
        model = self.model
        price = _reduced(model, self.rows, _guessed(model)) + APART * np.random.default_rng(1).random(len(self.held))
        first = _cheapest(model.arcs.order[: model.choices], price[: model.choices], CHEAPEST)
        return np.concatenate([first, np.ones(len(self.held) - model.choices, bool)])

    def _add(self, which: Places) -> None:
        self.held[which] = True
        self.used = np.concatenate([self.used, which])
        _add_columns(self.solver, self.model, self.rows, which)

    def optimise(self) -> Relaxation:
        """Solve, price the arcs left out, add those that would pay, until none would."""
        while True:
            self.solver.run()
            solution = self.solver.getSolution()
            self.duals: Floats = np.array(solution.row_dual)
            self.reduced = _reduced(self.model, self.rows, self.duals)
            pays = np.flatnonzero(~self.held & (self.reduced < _NEGATIVE))
            if not len(pays):
                break
            if len(pays) < np.count_nonzero(self.model.need):
                # few columns left to add: the primal simplex goes on from where it stands, the dual starts over
                self.solver.setOptionValue("simplex_strategy", _PRIMAL)
            best = _cheapest(self.model.arcs.order[pays], self.reduced[pays], CHEAPEST)
            self._add(pays[best])
        self.bound = float(self.solver.getInfo().objective_function_value)
        self.racks: Floats = np.array(solution.col_value)[len(self.model.need) :]
        return self

    def whole(self, gap: float = TIGHT, until: float | None = None) -> tuple[Racks, float]:
        """Whole racks by column of the model, and how many US dollars below their cost the optimum may lie."""
        racks = np.zeros(len(self.held), np.int64)
        racks[self.used] = np.rint(self.racks)
        if np.abs(self.racks - racks[self.used]).max(initial=0.0) < WHOLE:
            return racks, EQUAL
        racks, cost = self._mended(gap, until)
        if cost - self.bound <= TIGHT / 2 * abs(self.bound):
            return racks, max(EQUAL, cost - self.bound)
        reach = min(REACH, TIGHT * abs(self.bound))
        while True:
            # an arc whose reduced cost is beyond what a plan costs over the bound is in no better plan
            among = (self.reduced <= reach) | (racks > 0)
            racks, cost, bound = _integer(self.model, self.rows, among, racks, gap, until)
            over = cost - self.bound
            if over <= reach or (until is not None and time.perf_counter() > until):
                return racks, max(EQUAL, cost - max(bound, self.bound), TIGHT * abs(cost))
            reach = over

    def _mended(self, gap: float, until: float | None) -> tuple[Racks, float]:
        """Whole racks and their price: the orders that came out whole keep theirs, the others share what is left."""
        model, nearest = self.model, np.rint(self.racks)
        broken = np.zeros(len(model.need), bool)
        broken[model.arcs.order[self.used[np.abs(self.racks - nearest) >= WHOLE]]] = True
        torn = broken[model.arcs.order[self.used]]
        kept, start = np.zeros((2, len(self.held)), np.int64)
        kept[self.used[~torn]], start[self.used[torn]] = nearest[~torn], np.floor(self.racks[torn] + WHOLE)
        among = broken[model.arcs.order] & ((self.reduced <= NEARBY) | (start > 0))
        found, _, _ = _integer(model.without(kept, broken), self.rows, among, start, gap, until)
        racks = kept + found
        return racks, model.price_of(racks)

    def with_one_more(self, row: int) -> Racks:
        """The best plan's racks by column, had a row room for one rack more; what was found before is gone."""
        model, room = self.model, self.model.room.copy()
        room[row - len(model.need)] += 1
        self._limit(row, room)
        self.model = replace(model, room=room)
        found, _ = self.optimise().whole()
        self._limit(row, model.room)
        self.model = model
        return found

    def _limit(self, row: int, room: Floats) -> None:
        self.solver.changeRowBounds(row, -highspy.kHighsInf, float(room[row - len(self.model.need)]))


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
    racks, slack = relaxed.whole(gap, None if deadline_seconds is None else start + deadline_seconds)
    lines = model.lines(_settled(model, racks, slack))
    return plan_of(model.problem, lines, seconds=time.perf_counter() - start, arcs=model.choices)


def _integer(
    model: Model, rows: Ints, among: Mask, start: Racks, gap: float, until: float | None
) -> tuple[Racks, float, float]:
    """The integer program over some of the columns: racks by column, their price, and the bound on it."""
    columns, solver, orders = np.flatnonzero(among), _solver(), len(model.need)
    _pass_rows(solver, model)
    _add_columns(solver, model, rows, columns)
    every = np.arange(orders + len(columns), dtype=np.int32)
    solver.changeColsIntegrality(len(every), every, np.ones(len(every), np.uint8))
    for tight, nodes in ((TIGHT / 2, NODES), (gap, highspy.kHighsIInf)):
        # no solution to start from is handed over: HiGHS 1.16 then prices what presolve fixes at nothing
        solver.setOptionValue("mip_rel_gap", tight)
        solver.setOptionValue("mip_max_nodes", nodes)
        if until is not None:
            solver.setOptionValue("time_limit", max(0.1, until - time.perf_counter()))
        solver.run()
        info = solver.getInfo()
        if info.mip_gap <= gap:
            break
    racks = start
    if info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
        found = np.zeros(len(among), np.int64)
        found[columns] = np.rint(np.array(solver.getSolution().col_value)[orders:])
        racks = min(found, start, key=model.price_of)
    return racks, model.price_of(racks), float(info.mip_dual_bound)


def _settled(model: Model, racks: Racks, slack: float) -> Racks:
    """The current plan instead, where it still holds and nothing proven is gained by moving it."""
    current = np.concatenate([np.zeros(model.choices), model.most[model.choices :]]).astype(np.int64)
    same = model.cost(current) <= model.cost(racks) + slack
    return current if same and model.holds(current) else racks


def _guessed(model: Model) -> Floats:
    """Duals by row, near those of the relaxation: of a smaller problem, or none where there is no much smaller one."""
    fewer = model.grouped(TOGETHER)
    if np.count_nonzero(fewer.need) >= LESS * np.count_nonzero(model.need):
        return np.zeros(len(model.need) + len(model.room))
    return Relaxation(fewer).optimise().duals


def _reduced(model: Model, rows: Ints, duals: Floats) -> Floats:
    """US dollars a rack by column that it costs beyond what its rows are worth."""
    order, lot, dock, lane = rows
    reduced: Floats = model.price - duals[order] - duals[lot] - duals[dock] - duals[lane]
    return reduced


def _cheapest(order: Ints, price: Floats, most: int) -> Mask:
    """The `most` cheapest of each order; the first of equals."""
    ranked = np.lexsort((price, order))
    starts = np.searchsorted(order[ranked], order[ranked])
    mask = np.zeros(len(order), bool)
    mask[ranked[np.arange(len(order)) - starts < most]] = True
    return mask


def _pass_rows(solver: _Highs, model: Model) -> None:
    """The rows, and for each order the racks it goes without."""
    need, room = model.need, model.room
    rows, none = len(need) + len(room), np.empty(0)
    lower = np.concatenate([need, np.full(len(room), -highspy.kHighsInf)])
    upper = np.concatenate([need, room])
    solver.addRows(rows, lower, upper, 0, np.zeros(rows, np.int32), none.astype(np.int32), none)
    order = np.arange(len(need), dtype=np.int32)
    solver.addCols(len(need), model.unmet, np.zeros(len(need)), need, len(need), order, order, np.ones(len(need)))


def _add_columns(solver: _Highs, model: Model, rows: Ints, which: Places) -> None:
    count = len(which)
    starts = np.arange(0, 4 * count, 4, dtype=np.int32)
    solver.addCols(
        count,
        model.price[which],
        np.zeros(count),
        model.most[which],
        4 * count,
        starts,
        rows[:, which].T.ravel(),
        np.ones(4 * count),
    )


def _solver() -> _Highs:
    # the binding itself: the class over it prints a banner to standard output, whatever its options say
    solver = _Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("random_seed", 1)
    # costs perturbed against stalling take the dual simplex several times as long here, at every round of columns
    solver.setOptionValue("dual_simplex_cost_perturbation_multiplier", 0.0)
    return solver
