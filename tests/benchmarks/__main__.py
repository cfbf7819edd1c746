"""`make bench`: what things take on this machine, side by side in one run; ratios travel, milliseconds do not.

Each row is the median of several runs; its ratio is to the first row of its group.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from copilot import Copilot
from copilot.fulfilment import changes, store
from copilot.fulfilment.app import app
from copilot.fulfilment.planner import solve
from copilot.settings import Settings
from copilot.testing import Scripted
from fixtures.build import build

Work = Callable[[], object]
RUNS = 5
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


def main() -> None:
    """Measure every group and print one table."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'demo.db'}"
        build(url, "demo")
        copilot = Copilot(app, database_url=url, model=Scripted({}), settings=Settings(home=Path(folder)))
        groups = (programs(copilot), planning(copilot))
        table = Table("what", "median ms", "ratio")
        for group in track(groups, "measuring", console=Console(stderr=True), transient=True):
            first = 0.0
            for name, work in group.items():
                took = median_ms(work)
                first = first or took
                table.add_row(name, f"{took:,.1f}", f"{took / first:.2f}")
            table.add_section()
    Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
