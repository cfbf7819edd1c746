"""What binds a plan: its limits by what one rack more of each would save, and who would gain.

The duals of the relaxation rank the limits; each is then priced by solving again with one rack more, as a dual may
hold for less than a whole rack.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from copilot.errors import ProgramError
from copilot.fulfilment.arcs import Floats
from copilot.fulfilment.columns import Model, model_of
from copilot.fulfilment.planner import Relaxation
from copilot.fulfilment.problem import Problem

PRICING_SECONDS = 5.0
"""How long the limits may be priced by solving again; what is left keeps its dual."""
CENT = 0.01
"""US dollars a rack below which a limit does not count as standing in the way."""
MOST_GAINING = 3


@dataclass(frozen=True)
class Limit:
    """A limit that binds.

    Args:
        kind: stock, dock or lane.
        where: of what, in words.
        week: its Monday; None for stock.
        saves: US dollars that one rack more of it would save.
        gaining: the orders that would then cost less, the one that gains most first; empty if it was not priced.
    """

    kind: str
    where: str
    week: date | None
    saves: float
    gaining: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        if self.kind == "stock":
            return f"the stock of {self.where}"
        return f"the {self.kind} {'of' if self.kind == 'dock' else 'from'} {self.where} in the week of {self.week}"

    @property
    def text(self) -> str:
        gaining = f", mostly to {', '.join(self.gaining)}" if self.gaining else ""
        return f"{self.name}: one more rack would save ${self.saves:,.0f}{gaining}"


def bottlenecks(problem: Problem, top: int = 5) -> list[Limit]:
    """The limits where one more rack would save most, dearest first; of the stock of a SKU only the dearest.

    Args:
        problem: what the plan at hand decides about.
        top: how many, 1 or more.

    Raises:
        ProgramError: `top` is less than 1.
    """
    if top < 1:
        raise ProgramError(f"bottlenecks takes 1 or more, not {top}")
    model = model_of(problem)
    relaxed = Relaxation(model).optimise()
    ranked = _tightest(model, -relaxed.duals[len(model.need) :])[: 2 * top]
    until, before = time.perf_counter() + PRICING_SECONDS, model.order_costs(relaxed.whole()[0])
    priced = [
        _priced(problem, relaxed, row, limit, before) if time.perf_counter() < until else limit for row, limit in ranked
    ]
    binding = [limit for limit in priced if limit.saves >= CENT]
    return sorted(binding, key=lambda limit: -limit.saves)[:top]


def _priced(problem: Problem, relaxed: Relaxation, row: int, limit: Limit, before: Floats) -> Limit:
    """The limit with what one rack more saves, and to which orders; `before` is what each costs without it."""
    gains = before - relaxed.model.order_costs(relaxed.with_one_more(row))
    most = [int(place) for place in np.argsort(-gains, kind="stable")[:MOST_GAINING] if gains[place] >= CENT]
    return replace(limit, saves=float(gains.sum()), gaining=tuple(problem.orders[place].order_id for place in most))


def _tightest(model: Model, prices: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[tuple[int, Limit]]:
    """The rows that bind and their limits, dearest first; the lots of a SKU stand in for each other, so only one."""
    first = len(model.need)
    found: dict[tuple[str, ...], tuple[int, Limit]] = {}
    for place in np.argsort(-prices, kind="stable"):
        if prices[place] < CENT:
            break
        limit = limit_of(model, first + int(place), float(prices[place]))
        key = ("stock", model.problem.lots[place].sku) if limit.kind == "stock" else (limit.where, str(limit.week))
        found.setdefault(key, (first + int(place), limit))
    return list(found.values())


def limit_of(model: Model, row: int, saves: float) -> Limit:
    """What a row of the model stands for."""
    place, problem, weeks = row - len(model.need), model.problem, model.limits.weeks
    if place < len(model.limits.lot):
        lot = problem.lots[place]
        arriving = f", arriving on {lot.available_from}" if lot.inbound else ""
        return Limit("stock", f"{lot.sku} of {lot.supplier} in {lot.warehouse}{arriving}", None, saves)
    place -= len(model.limits.lot)
    if place < len(model.limits.dock):
        return Limit("dock", model.limits.datacenters[place // weeks], problem.weeks[place % weeks], saves)
    place -= len(model.limits.dock)
    lane = problem.lanes[place // weeks]
    return Limit("lane", f"{lane.warehouse} to {lane.datacenter}", problem.weeks[place % weeks], saves)
