"""Rows of a benchmark, and how they are shown: one table on the terminal, the same as Markdown in a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

COLUMNS = ("group", "what", "took", "ratio")


class Row(NamedTuple):
    """One measurement.

    Args:
        took: with its unit.
        ratio: to the first row of its group, as a rule.
    """

    group: str
    what: str
    took: str
    ratio: str = ""


def shown(rows: Iterable[Row], file: Path | None = None) -> None:
    """Print the rows as one table, and write them to a file."""
    table, found = Table(*COLUMNS), list[Row]()
    for _, group in groupby(rows, lambda row: row.group):
        members = list(group)
        found += members
        for row in members:
            table.add_row(*row)
        table.add_section()
    Console(file=sys.stdout, width=140).print(table)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"| {' | '.join(line)} |" for line in (COLUMNS, ("---",) * len(COLUMNS), *found)]
        file.write_text("\n".join(lines) + "\n")
