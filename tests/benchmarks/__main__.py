"""`make bench`: what things take on this machine, side by side in one run; ratios travel, milliseconds do not.

One table: programs, re-plans, other solvers, where the milliseconds of an answer go, what the UI adds. It is printed,
and written to runs/bench.md.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from copilot import Copilot
from copilot.fulfilment import changes, store
from copilot.fulfilment.app import app
from copilot.fulfilment.planner import solve
from copilot.settings import Settings
from copilot.testing import Scripted
from fixtures.build import build
from tests.benchmarks import large, solvers, speed
from tests.benchmarks.table import Row, shown
from tests.browser import measure

Work = Callable[[], object]
RUNS = 5
OUT = Path("runs/bench.md")
PROGRAM = 'inventory.where(sku="GPU-H100").by("warehouse").sum("available").top(3)'
WHAT_IF = 'what_if(close_warehouse("Memphis"), scale_demand(20, region="Europe", category="GPU"))'


def programs(copilot: Copilot) -> dict[str, Work]:
    """A checked query, and what-ifs of one and two changes."""
    return {
        "a query, checked and run": lambda: copilot.run(PROGRAM),
        "a what-if without a change": lambda: copilot.run("what_if()"),
        "a what-if of two changes": lambda: copilot.run(WHAT_IF),
    }


def planning(copilot: Copilot) -> dict[str, Work]:
    """A re-plan with the arcs pruned and with all of them."""
    with copilot.database.reading() as connection:
        problem = store.load_problem(connection)
    closed = changes.close_warehouse("Memphis")(problem)
    return {
        "a re-plan, arcs generated": lambda: solve(closed),
        "a re-plan, all arcs": lambda: solve(closed, prune=False),
    }


def median_ms(work: Work) -> float:
    """The median of some runs after one that warms up, in milliseconds."""
    times = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times[1:])


def medians() -> Iterator[Row]:
    """The median of each work; ratios are to the first of its group."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'demo.db'}"
        build(url, "demo")
        copilot = Copilot(app, database_url=url, model=Scripted({}), settings=Settings(home=Path(folder)))
        for group, works in {"programs": programs(copilot), "planning": planning(copilot)}.items():
            took = {name: median_ms(work) for name, work in works.items()}
            first = next(iter(took.values()))
            yield from (Row(group, name, f"{ms:,.1f} ms", f"{ms / first:.2f}") for name, ms in took.items())


def rows() -> Iterator[Row]:
    """Every measurement."""
    yield from medians()
    yield from solvers.rows("demo")
    yield from large.rows()
    yield from speed.rows(speed.UNSEEN)
    yield from measure.rows()


if __name__ == "__main__":
    shown(rows(), OUT)
