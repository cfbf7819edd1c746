"""What-ifs on the large world: ten thousand orders re-planned, each change once, from the question's program on.

`python -m tests.benchmarks.large`; building the world takes a minute first.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from copilot import Copilot
from copilot.fulfilment import store
from copilot.fulfilment.app import app
from copilot.fulfilment.columns import model_of
from copilot.settings import Settings
from copilot.testing import Scripted
from fixtures.build import build
from tests.benchmarks.table import Row, shown

CHANGES = (
    'delay_order("ORD-1006", 7)',
    'close_warehouse("Memphis")',
    'close_warehouse("Reno")',
    'scale_demand(20, category="GPU", region="Europe")',
    "scale_demand(10)",
    'exclude_supplier("Corvane")',
    'limit_dock("DUB1", 10)',
    'change_lane_cost(20, warehouse="Rotterdam")',
    'delay_supply(14, supplier="Halden")',
    'cut_supply(30, warehouse="Penang")',
    'close_warehouse("Memphis"), scale_demand(20, category="GPU", region="Europe")',
)


def rows() -> Iterator[Row]:
    """The median and each what-if, in seconds from program to answer; ratios are to the median."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'large.db'}"
        build(url, "large")
        copilot = Copilot(app, database_url=url, model=Scripted({}), settings=Settings(home=Path(folder)))
        with copilot.database.reading() as connection:
            problem = store.load_problem(connection)
        group = f"the large world, {len(problem.orders):,} orders, {model_of(problem).choices / 1e6:.1f} million arcs"
        took = {f"what_if({changes})": _seconds(copilot, f"what_if({changes})") for changes in CHANGES}
        median = statistics.median(took.values())
        yield Row(group, f"p50 of {len(took)} what-ifs", f"{median:.1f} s", "1.00")
        yield from (
            Row(group, program, f"{seconds:.1f} s", f"{seconds / median:.2f}") for program, seconds in took.items()
        )


def _seconds(copilot: Copilot, program: str) -> float:
    began = time.perf_counter()
    answer = copilot.run(program)
    assert answer.outcome == "answered", answer.text
    return time.perf_counter() - began


if __name__ == "__main__":
    shown(rows())
