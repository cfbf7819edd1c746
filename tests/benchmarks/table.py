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
    """Print the rows as one table, and write them to a file; each is told on stderr as soon as it is there."""
    table, found, told = Table(*COLUMNS), list[Row](), Console(stderr=True)
    for _, group in groupby(rows, lambda row: row.group):
        for row in group:
            told.print(*row, style="dim", highlight=False, soft_wrap=True)
            table.add_row(*row)
            found.append(row)
        table.add_section()
    Console(file=sys.stdout, width=140).print(table)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"| {' | '.join(line)} |" for line in (COLUMNS, ("---",) * len(COLUMNS), *found)]
        file.write_text("\n".join(lines) + "\n")
