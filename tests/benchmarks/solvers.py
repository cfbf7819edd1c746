"""The planner against other solvers, on one model at one gap: time to build, time to solve, objective.

`python -m tests.benchmarks.solvers demo` (or large, which takes long); needs the `bench` extra. Ours starts from
nothing here, as the others do: with no current plan to keep.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pulp
import sqlalchemy as sa
from scipy import optimize, sparse

from copilot.fulfilment import store
from copilot.fulfilment.columns import Model, model_of
from copilot.fulfilment.planner import TIGHT, solve_model
from copilot.fulfilment.problem import Problem
from fixtures.world import generate
from tests.benchmarks.table import Row, shown

LIMIT = 1_500
"""Seconds that a solver may take."""


@dataclass(frozen=True)
class Matrix:
    """The whole program: what each order goes without, then the arcs; shape of `rows`: (rows, columns).

    Args:
        cost: US dollars a rack, by column.
        low, high: bounds of each row; orders are met exactly, the rest at most.
        most: racks that a column may take.
    """

    cost: np.ndarray
    rows: sparse.csc_matrix
    low: np.ndarray
    high: np.ndarray
    most: np.ndarray


def matrix(model: Model) -> Matrix:
    """A model without a current plan, as one sparse matrix."""
    orders, arcs = len(model.need), len(model.arcs)
    height = orders + len(model.room)
    places = np.concatenate([np.arange(orders), model.rows.T.ravel()])
    starts = np.concatenate([np.arange(orders), orders + np.arange(0, 4 * arcs + 1, 4)])
    rows = sparse.csc_matrix((np.ones(len(places)), places, starts), shape=(height, orders + arcs))
    low = np.concatenate([model.need, np.full(len(model.room), -np.inf)])
    cost, most = np.concatenate([model.unmet, model.price]), np.concatenate([model.need, model.most])
    return Matrix(cost, rows, low, np.concatenate([model.need, model.room]), most)


def ours(problem: Problem) -> tuple[float, float, float]:
    """Seconds to build, seconds to solve, US dollars."""
    began = time.perf_counter()
    model = model_of(problem)
    built = time.perf_counter()
    plan = solve_model(model)
    return built - began, time.perf_counter() - built, plan.costs.total


def scipy_milp(problem: Problem) -> tuple[float, float, float]:
    """HiGHS as scipy calls it: all arcs at once."""
    began = time.perf_counter()
    whole = matrix(model_of(problem))
    built = time.perf_counter()
    found = optimize.milp(
        whole.cost,
        integrality=np.ones(len(whole.cost)),
        bounds=optimize.Bounds(0, whole.most),
        constraints=optimize.LinearConstraint(whole.rows, whole.low, whole.high),
        options={"mip_rel_gap": TIGHT, "time_limit": LIMIT},
    )
    return built - began, time.perf_counter() - built, float(found.fun) if found.fun is not None else np.inf


def cbc(problem: Problem) -> tuple[float, float, float]:
    """COIN-OR's branch and cut, from a file in MPS format; writing the file counts as building."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.mps"
        began = time.perf_counter()
        write_mps(matrix(model_of(problem)), file)
        built = time.perf_counter()
        options = ["-ratioGap", str(TIGHT), "-sec", str(LIMIT), "-solve", "-quit"]
        run = subprocess.run(
            [pulp.PULP_CBC_CMD().path, str(file), *options], capture_output=True, text=True, check=True
        )
        found = re.findall(r"Objective value:\s+([-\d.e+]+)", run.stdout)
    return built - began, time.perf_counter() - built, float(found[-1]) if found else np.inf


def write_mps(whole: Matrix, file: Path) -> None:
    """A program of whole numbers in free MPS format."""
    height, width = whole.rows.shape
    exact = np.isfinite(whole.low)
    with file.open("w") as out:
        out.write("NAME plan FREE\nROWS\n N cost\n")
        out.writelines(f" {'E' if exact[row] else 'L'} r{row}\n" for row in range(height))
        out.write("COLUMNS\n m1 'MARKER' 'INTORG'\n")
        for column in range(width):
            out.write(f" c{column} cost {whole.cost[column]:.10g}\n")
            places = whole.rows.indices[whole.rows.indptr[column] : whole.rows.indptr[column + 1]]
            out.writelines(f" c{column} r{row} 1\n" for row in places)
        out.write(" m2 'MARKER' 'INTEND'\nRHS\n")
        out.writelines(f" rhs r{row} {value:.10g}\n" for row, value in enumerate(whole.high) if value)
        out.write("BOUNDS\n")
        out.writelines(f" UP b c{column} {value:.10g}\n" for column, value in enumerate(whole.most))
        out.write("ENDATA\n")


SOLVERS: dict[str, Callable[[Problem], tuple[float, float, float]]] = {
    "this planner": ours,
    "scipy.milp": scipy_milp,
    "CBC": cbc,
}


def world(size: str) -> Problem:
    """The problem of a demo world before it has a plan."""
    made = generate(size, 1)
    with sa.create_engine("sqlite://").connect() as connection:
        store.create(connection, made.tables)
        return replace(store.load_problem(connection, made.today), current=())


def rows(size: str) -> Iterator[Row]:
    """Each solver on one world: seconds to build the model and to solve it; ratios are to ours."""
    problem, first = world(size), 0.0
    group = f"the {size} world, {len(problem.orders):,} orders"
    for name, solver in SOLVERS.items():
        built, solved, cost = solver(problem)
        first = first or built + solved
        yield Row(group, name, f"{built:.2f} + {solved:.2f} s, ${cost:,.2f}", f"{(built + solved) / first:.2f}")


if __name__ == "__main__":
    shown(rows(sys.argv[1] if len(sys.argv) > 1 else "demo"))
