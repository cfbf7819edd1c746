"""A problem as the columns of a program: what each choice costs and which limits it takes from, as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from copilot.fulfilment.arcs import Arcs, Floats, Ints, Limits, Mask, build, limits, lines_of
from copilot.fulfilment.problem import Line, Problem, monday

KEEP = 1e-4
"""US dollars a rack that a line of the current plan is favoured by: decides ties, far less than a cent."""
Places = NDArray[np.int64]
Racks = NDArray[np.int64]


@dataclass(frozen=True)
class Model:
    """A problem as columns: its arcs, then the current plan's lines again, `KEEP` cheaper and bounded by their racks.

    Attributes:
        arcs: all columns; ``cost`` is the true cost.
        price: what the solver sees: cost, less `KEEP` for a kept line.
        most: racks a column may take.
        kept: for each line of the current plan, the arc that it repeats.
        need: racks by order.
        unmet: US dollars a rack that an order goes without.
        room: racks by row: lots, then docks, then lanes.
    """

    problem: Problem
    limits: Limits
    arcs: Arcs
    price: Floats
    most: Floats
    kept: Places
    need: Floats
    unmet: Floats
    room: Floats

    @property
    def choices(self) -> int:
        """How many of the columns are arcs proper."""
        return len(self.arcs) - len(self.kept)

    @property
    def rows(self) -> Ints:
        """The four rows of each column, shape (4, columns): order, lot, dock, lane; orders come first."""
        lot = len(self.need)
        dock = lot + len(self.limits.lot)
        lane = dock + len(self.limits.dock)
        arcs = self.arcs
        parts = (arcs.order, arcs.lot + lot, arcs.dock_row + dock, arcs.lane_row + lane)
        return np.stack(parts).astype(np.int32, copy=False)

    def only(self, keep: Mask) -> Model:
        """The same problem with fewer columns; a mask treats a kept line as it treats its arc."""
        kept = (np.cumsum(keep) - 1)[self.kept[keep[self.choices :]]]
        return replace(self, arcs=self.arcs.pick(keep), price=self.price[keep], most=self.most[keep], kept=kept)

    def grouped(self, together: int) -> Model:
        """A smaller problem much like it: groups of like orders, each as its middle one, and no plan to keep."""
        need = np.zeros(len(self.need))
        for group in self._alike(together):
            need[group[len(group) // 2]] = self.need[group].sum()
        keep = need[self.arcs.order] > 0
        keep[self.choices :] = False
        fewer = self.only(keep)
        return replace(fewer, need=need, most=need[fewer.arcs.order])

    def _alike(self, most: int) -> Iterator[list[int]]:
        """Orders of a SKU for a data center, as dear to leave out, so many at a time by priority and due date."""
        orders = self.problem.orders
        key = {
            int(row): (orders[row].sku, orders[row].datacenter, self.unmet[row]) for row in np.flatnonzero(self.need)
        }
        asking = sorted(key, key=lambda row: (*key[row], orders[row].priority, orders[row].due_date))
        for _, alike in groupby(asking, key=key.__getitem__):
            rows = list(alike)
            yield from (rows[at : at + most] for at in range(0, len(rows), most))

    def without(self, racks: Racks, orders: Mask) -> Model:
        """What is left to decide for some orders once a decision for the others has taken its racks."""
        room = self.room - self._used(racks)[len(self.need) :]
        return replace(self, need=np.where(orders, self.need, 0.0), room=room)

    def lines(self, racks: Racks) -> list[Line]:
        """The lines of a decision: racks by column."""
        whole = racks[: self.choices].copy()
        np.add.at(whole, self.kept, racks[self.choices :])
        return lines_of(self.problem, self.arcs, whole)

    def cost(self, racks: Racks) -> float:
        """US dollars of a decision, with what it leaves unserved."""
        return float(self.arcs.cost @ racks + self.unmet @ self.unserved(racks))

    def price_of(self, racks: Racks) -> float:
        """The same, as the solver sees it: kept lines a trifle cheaper."""
        return float(self.price @ racks + self.unmet @ self.unserved(racks))

    def order_costs(self, racks: Racks) -> Floats:
        """US dollars of a decision by order."""
        served = np.bincount(self.arcs.order, weights=racks * self.arcs.cost, minlength=len(self.need))
        costs: Floats = served.astype(float) + self.unmet * self.unserved(racks)
        return costs

    def unserved(self, racks: Racks) -> Floats:
        """Racks that a decision leaves out, by order."""
        served: Floats = np.bincount(self.arcs.order, weights=racks, minlength=len(self.need)).astype(float)
        left: Floats = self.need - served
        return left

    def holds(self, racks: Racks) -> bool:
        """Whether a decision keeps to every limit."""
        return bool((self._used(racks) <= np.concatenate([self.need, self.room])).all())

    def _used(self, racks: Racks) -> Floats:
        """Racks that a decision takes, by row."""
        height = len(self.need) + len(self.room)
        used: Floats = np.bincount(self.rows.ravel(), weights=np.tile(racks, 4), minlength=height).astype(float)
        return used


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
    unmet = np.full(len(need), problem.rates.unmet)
    room = np.concatenate([bounds.lot, bounds.dock, bounds.lane])
    return Model(problem, bounds, arcs.pick(every), price, most, kept, need, unmet, room)


def _kept(problem: Problem, arcs: Arcs) -> tuple[Places, Floats]:
    """The arcs that the current plan uses, where they still exist, and the racks it puts on them."""
    orders = {order.order_id: row for row, order in enumerate(problem.orders)}
    lots = {lot.lot_id: row for row, lot in enumerate(problem.lots)}
    racks: dict[tuple[int, int, int], int] = {}
    for line in problem.current:
        if line.order_id in orders and line.lot_id in lots:
            week = (monday(line.dock_date) - monday(problem.today)).days // 7
            key = orders[line.order_id], lots[line.lot_id], week
            racks[key] = racks.get(key, 0) + line.quantity
    wanted = np.array(list(racks), np.int64).reshape(-1, 3)
    scale = np.array([len(lots) * problem.horizon_weeks, problem.horizon_weeks, 1])
    arc = np.stack([arcs.order, arcs.lot, arcs.dock_row % problem.horizon_weeks], axis=1) @ scale
    known = np.flatnonzero(np.isin(arc, wanted @ scale))
    place = {int(arc[row]): int(row) for row in known}
    pairs = [(place[key], count) for key, count in zip(wanted @ scale, racks.values(), strict=True) if key in place]
    return np.array([row for row, _ in pairs], np.int64), np.array([count for _, count in pairs], float)
