"""The planner against brute force, against itself unpruned, and against what it promises about re-planning."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from math import inf
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copilot.app import Context
from copilot.database import Database
from copilot.fulfilment import changes as change
from copilot.fulfilment import store, tasks, why
from copilot.fulfilment.arcs import build, limits, lines_of
from copilot.fulfilment.bottlenecks import bottlenecks, limit_of
from copilot.fulfilment.columns import model_of
from copilot.fulfilment.planner import Relaxation, solve
from copilot.fulfilment.problem import Lane, Line, Lot, Order, Problem, Rates, monday, plan_of

TODAY = date(2026, 11, 2)
NO_CHANGES = {"plan", "what_if", "compare", "explain", "why_not", "bottlenecks"}
RATES = Rates(late_per_day={1: 300.0, 2: 100.0, 3: 50.0}, early_per_day=7.0, unmet=20_000.0)


@pytest.fixture(scope="module")
def problem(small_world: Path) -> Iterator[Problem]:
    with Database(f"sqlite:///{small_world}").reading() as connection:
        yield store.load_problem(connection)


WORLDS = int(os.environ.get("TINY_WORLDS", "60"))
"""How many tiny worlds are tried; 2,000 take some minutes."""


def tiny(seed: int) -> Problem:
    """A problem of up to six orders of one or two racks, in two weeks, with its cheapest plan as the current one."""
    rng = random.Random(seed)
    sites, houses = ("AAA1", "BBB1"), ("North", "South")
    orders = tuple(
        Order(f"ORD-{n}", rng.choice(sites), "Here", "X", "Y", rng.randint(1, 2), rng.randint(1, 3),
              TODAY + timedelta(days=rng.randint(0, 13)))
        for n in range(rng.randint(1, 6))
    )  # fmt: skip
    lots = tuple(
        Lot(f"LOT-{n}", rng.choice(houses), rng.choice(("Ace", "Bee")), "X", "Y", rng.randint(1, 3),
            TODAY + timedelta(days=days), inbound=days > 0)
        for n, days in enumerate(rng.choices((0, 0, 4, 9), k=rng.randint(1, 3)))
    )  # fmt: skip
    lanes = tuple(
        Lane(house, site, rng.randint(1, 6), float(rng.randint(100, 900)), rng.randint(1, 3))
        for house in houses for site in sites
    )  # fmt: skip
    weeks = (TODAY, TODAY + timedelta(weeks=1))
    docks = {(site, week): rng.randint(0, 3) for site in sites for week in weeks}
    approvals = frozenset((name, site) for name in ("Ace", "Bee") for site in sites if rng.random() < 0.8)
    problem = Problem(TODAY, orders, lots, lanes, docks, approvals, RATES, horizon_weeks=2)
    return replace(problem, current=solve(problem).lines)


class Enumeration:
    """The cheapest of all plans of a problem, by trying them: an oracle that shares the arcs with the planner only.

    Args:
        forced: an order that has to be served in full, and only by the arcs that pass the test.
        more: a row (lot, dock week or lane week, by its place among all) with room for one rack more.
    """

    def __init__(
        self, problem: Problem, forced: str = "", fits: Callable[[Line], bool] = lambda line: True, more: int = -1
    ) -> None:
        bounds = limits(problem)
        arcs = build(problem, bounds)
        lines = lines_of(problem, arcs, np.ones(len(arcs), np.int64))
        self.unmet, self.best = problem.rates.unmet, inf
        self.room = [*bounds.lot, *bounds.dock, *bounds.lane]
        if more >= 0:
            self.room[more] += 1
        dock, lane = len(bounds.lot), len(bounds.lot) + len(bounds.dock)
        self.steps = []
        for place, order in enumerate(problem.orders):
            must = order.order_id == forced
            own = [
                (line.cost, (int(arcs.lot[a]), dock + int(arcs.dock_row[a]), lane + int(arcs.lane_row[a])))
                for a, line in enumerate(lines) if arcs.order[a] == place and (not must or fits(line))
            ]  # fmt: skip
            self.steps += [(sorted(own), must, number > 0) for number in range(order.quantity)]
        least = [
            min([cost for cost, _ in own] + ([] if must else [self.unmet]), default=inf) for own, must, _ in self.steps
        ]
        self.rest = [sum(least[at:]) for at in range(len(least) + 1)]

    def cheapest(self, at: int = 0, cost: float = 0.0, first: int = 0) -> float:
        """US dollars of the best plan; infinite if the forced order cannot be served."""
        # a branch that cannot come to less than the best so far holds no better plan
        if cost + self.rest[at] >= self.best:
            return self.best
        if at == len(self.steps):
            self.best = cost
            return cost
        own, must, again = self.steps[at]
        for place in range(first if again else 0, len(own)):
            price, rows = own[place]
            if all(self.room[row] > 0 for row in rows):
                self._take(rows, 1)
                self.cheapest(at + 1, cost + price, place)
                self._take(rows, -1)
        if not must:
            self.cheapest(at + 1, cost + self.unmet, len(own))
        return self.best

    def _take(self, rows: tuple[int, ...], racks: int) -> None:
        for row in rows:
            self.room[row] -= racks


TINY = settings(max_examples=WORLDS, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(st.integers(0, 1_000_000))
@TINY
def test_the_plan_is_as_cheap_as_the_best_of_all(seed: int) -> None:
    problem = tiny(seed)
    assert plan_of(problem, problem.current).costs.total == pytest.approx(Enumeration(problem).cheapest())


@given(st.integers(0, 1_000_000))
@TINY
def test_what_is_forced_costs_what_the_best_of_all_such_plans_costs(seed: int) -> None:
    problem = tiny(seed)
    current = plan_of(problem, problem.current)
    order = problem.orders[seed % len(problem.orders)]
    week = str(TODAY + timedelta(weeks=seed % 2))
    for wish in ({"warehouse": "North"}, {"warehouse": "South", "supplier": "Bee"}, {"week": week}):
        forced = why.why_not(problem, current, order.order_id, **wish)
        best = Enumeration(problem, order.order_id, lambda line, wish=wish: _as_wished(line, **wish)).cheapest()
        assert (forced.plan is None) == (best == inf), forced.text
        if forced.plan is not None:
            assert forced.price == pytest.approx(best - current.costs.total, abs=0.01)
        else:
            assert forced.reason and forced.reason in forced.text
            assert not forced.reason.startswith("limits together"), "the limits in conflict are named"


@given(st.integers(0, 1_000_000))
@TINY
def test_a_rack_more_of_what_binds_saves_what_the_best_of_all_plans_would(seed: int) -> None:
    problem = tiny(seed)
    before, model = plan_of(problem, problem.current).costs.total, model_of(problem)
    found = {limit.name: limit for limit in bottlenecks(problem, 50)}
    for row in range(len(model.room)):
        limit = found.get(limit_of(model, len(model.need) + row, 0.0).name)
        if limit is not None:
            saved = before - Enumeration(problem, more=row).cheapest()
            assert limit.saves == pytest.approx(saved, abs=0.01)
            assert limit.gaining


def _as_wished(line: Line, warehouse: str = "", supplier: str = "", week: str = "") -> bool:
    docked = not week or monday(line.dock_date) == date.fromisoformat(week)
    return warehouse in ("", line.warehouse) and supplier in ("", line.supplier) and docked


def test_pruning_does_not_lose_the_optimum(problem: Problem) -> None:
    pruned, whole = solve(problem), solve(problem, prune=False)
    assert pruned.costs.total == pytest.approx(whole.costs.total, rel=1e-9)


def test_a_replan_without_a_change_moves_nothing(problem: Problem) -> None:
    again = solve(problem)
    assert set(again.lines) == set(problem.current)


def test_a_replan_stays_near_the_current_plan(problem: Problem) -> None:
    changed = change.close_warehouse("Memphis")(problem)
    near, anew = solve(changed), solve(replace(changed, current=()))
    assert not [line for line in near.lines if line.warehouse == "Memphis"]
    assert near.costs.total == pytest.approx(anew.costs.total, rel=1e-3)
    assert near.costs.total >= plan_of(problem, problem.current).costs.total
    current = set(problem.current)
    assert len(current & set(near.lines)) > len(current & set(anew.lines))


def all_changes(problem: Problem) -> list[change.Change]:
    first, second = problem.orders[0].order_id, problem.orders[1].order_id
    return [
        change.exclude_supplier("Halden", region="Europe"), change.close_warehouse("Memphis"),
        change.scale_demand(20, category="GPU", region="Europe"), change.add_order("DUB1", "GPU-H100", 5, "2026-11-30"),
        change.cancel_order(first), change.delay_order(second, 7), change.set_due_date(second, "2026-12-01"),
        change.prioritise(second, 1), change.add_stock("Leipzig", "GPU-H100", 10),
        change.cut_supply(30, supplier="Corvane"),
        change.delay_supply(14, warehouse="Rotterdam"), change.change_lane_cost(15, warehouse="Gdansk"),
        change.close_lane("Leipzig", "FRA1"), change.limit_dock("DUB1", 10),
    ]  # fmt: skip


def test_every_change_can_be_made_and_all_at_once(problem: Problem) -> None:
    made = all_changes(problem)
    assert {item.name for item in made} == {task.__name__ for task in tasks.TASKS} - NO_CHANGES
    for item in made:
        assert solve(change.apply_all(problem, [item])).costs.total > 0
    assert solve(change.apply_all(problem, made)).costs.total > 0


def test_the_order_of_changes_does_not_matter(problem: Problem) -> None:
    first = problem.orders[0].order_id
    some = [change.scale_demand(50), change.cancel_order(first), change.add_order("DUB1", "GPU-H100", 5, "2026-11-30")]
    results = [change.apply_all(problem, order) for order in permutations(some)]
    assert all(result.orders == results[0].orders for result in results)
    assert all(result.lots == results[0].lots for result in results)


@pytest.mark.parametrize(
    ("quantity", "percent", "scaled"), [(5, 10, 6), (5, -50, 3), (1, -60, 0), (10, 100, 20), (3, 0, 3)]
)
def test_scaled_demand_is_whole_racks_half_up(quantity: int, percent: float, scaled: int) -> None:
    one = Order("ORD-1", "AAA1", "Here", "X", "Y", quantity, 2, TODAY)
    before = Problem(TODAY, (one,), (), (), {}, frozenset(), RATES)
    after = change.scale_demand(percent)(before)
    assert sum(order.quantity for order in after.orders) == scaled


def test_a_plan_keeps_to_every_limit_under_every_change(problem: Problem) -> None:
    for item in all_changes(problem):
        changed = change.apply_all(problem, [item])
        plan = solve(changed)
        for lot in changed.lots:
            assert sum(line.quantity for line in plan.lines if line.lot_id == lot.lot_id) <= lot.quantity
        for order in changed.orders:
            served = sum(line.quantity for line in plan.lines if line.order_id == order.order_id)
            assert served + plan.unmet.get(order.order_id, 0) == order.quantity


def test_a_forced_order_is_served_as_asked_and_costs_no_less(problem: Problem) -> None:
    current = plan_of(problem, problem.current)
    for line in _first_lines(current.lines, 6):
        for warehouse in ("Leipzig", "Busan", "Reno"):
            forced = why.why_not(problem, current, line.order_id, warehouse=warehouse)
            if forced.plan is None:
                assert forced.reason in forced.text
            else:
                own = [part for part in forced.plan.lines if part.order_id == line.order_id]
                assert own and all(part.warehouse == warehouse for part in own)
                assert forced.price >= -0.01 * abs(current.costs.total) / 1000


def test_what_binds_saves_what_it_says(problem: Problem) -> None:
    found = bottlenecks(problem, 3)
    assert 0 < len(found) <= 3
    assert [limit.saves for limit in found] == sorted((limit.saves for limit in found), reverse=True)
    assert all(limit.saves > 0 for limit in found)


def test_an_explanation_tells_the_lines_and_dearer_ways(problem: Problem) -> None:
    current = plan_of(problem, problem.current)
    order_id = current.lines[0].order_id
    told = why.explain(problem, current, order_id)
    assert told.lines == tuple(line for line in current.lines if line.order_id == order_id)
    assert all(other.extra_per_rack >= 0 for other in told.alternatives)
    assert order_id in told.text and told.lines[0].warehouse in told.text


def test_the_matrix_has_a_column_an_arc_and_a_kept_line(problem: Problem) -> None:
    model = model_of(problem)
    assert len(model.arcs) == model.choices + len(model.kept)
    assert model.rows.shape == (4, len(model.arcs))


@pytest.fixture(scope="module")
def many(problem: Problem) -> Problem:
    """Each order twelve times, due a day later each time; with the current plan of the first."""
    copies = tuple(
        replace(
            order, order_id=f"{order.order_id}{f'-{copy}' if copy else ''}", due_date=order.due_date + timedelta(copy)
        )
        for order in problem.orders
        for copy in range(12)
    )
    return replace(problem, orders=copies)


def test_a_smaller_problem_asks_for_the_same_racks_of_each_sku_at_each_data_center(many: Problem) -> None:
    model = model_of(many)
    fewer = model.grouped(5)
    alike = [(order.sku, order.datacenter) for order in many.orders]
    assert racks_by(alike, fewer.need) == racks_by(alike, model.need)
    assert 4 * np.count_nonzero(fewer.need) < np.count_nonzero(model.need)
    assert len(model.kept) and not len(fewer.kept)


def racks_by(keys: list[tuple[str, str]], racks: np.ndarray) -> dict[tuple[str, str], float]:
    return {key: float(sum(n for k, n in zip(keys, racks, strict=True) if k == key)) for key in set(keys)}


def test_many_orders_alike_cost_the_same_from_few_columns(many: Problem) -> None:
    relaxed = Relaxation(model_of(many))
    at_first = relaxed.held.sum()
    assert relaxed.optimise().held.sum() < 1.1 * at_first < 0.5 * len(relaxed.held)
    assert solve(many).costs.total == pytest.approx(solve(many, prune=False).costs.total, rel=1e-6)


def test_where_nothing_is_asked_for_a_plan_costs_nothing(problem: Problem) -> None:
    for orders in ((), tuple(replace(order, quantity=0) for order in problem.orders)):
        assert solve(replace(problem, orders=orders)).costs.total == 0
        assert solve(replace(problem, orders=orders, current=())).lines == ()


def _first_lines(lines: tuple[Line, ...], count: int) -> list[Line]:
    return list({line.order_id: line for line in lines}.values())[:count]


def test_a_what_if_says_cost_by_kind_and_who_moves(small_world: Path) -> None:
    with Database(f"sqlite:///{small_world}").reading() as connection:
        total = connection.execute(sa.text("SELECT total_cost FROM plans WHERE status = 'current'")).scalar_one()
        context = Context(connection, TODAY)
        same = tasks.what_if(context)
        closed = tasks.what_if(context, change.close_warehouse("Memphis"), change.scale_demand(20, category="GPU"))
    assert [row[0] for row in same.rows] == list(tasks.MEASURES)
    assert same.rows[0][1] == pytest.approx(total)
    assert all(row[3] == 0 for row in same.rows) and not same.details["orders that change most"][1]
    assert closed.rows[0][3] == pytest.approx(closed.rows[0][2] - closed.rows[0][1])
    assert closed.rows[0][1] == pytest.approx(sum(row[1] for row in closed.rows[1:5]))
    moved = closed.details["orders that change most"][1]
    assert moved and "Memphis" not in [row[2] for row in moved]
    assert [abs(row[-1]) for row in moved] == sorted((abs(row[-1]) for row in moved), reverse=True)
