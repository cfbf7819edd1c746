"""The brief: the app on a page, for a model that was not fine-tuned. It says what the stub says, each thing once.

The stub is for a type checker: of an app like the one that ships it has a hundred thousand characters, more than most
contexts hold. The brief has a tenth of that.
"""

from __future__ import annotations

from collections.abc import Iterator

from copilot.app import App
from copilot.program.stub import HEADER, listings, task_line
from copilot.query import COMPARISONS, NUMERIC, TEMPORAL, Column, View

LANGUAGE = """Programs are Python expressions on one line. A query is a view and steps, each with a dot:
.where(column=value, column__lookup=value) keeps rows; after an aggregate, groups: .where(count__gt=5)
.by("column", …) groups; a date also by "date__week" or "date__month"
.count() .sum("column") .avg("column") .min("column") .max("column") .count_distinct("column") aggregate; what they
give is called count, sum_column, avg_column and so on
.share(column__lookup=value) is the part (0..1) of the rows that fit; .share("column", …) of that column's sum
.select("column", …) shows these columns; .sort("column", "-column") orders, - is largest first
.top(n) keeps n rows: after an aggregate without a sort, the n largest"""

PERIODS = """Dates are "YYYY-MM-DD"; of a date, __next=n and __last=n are the days from or up to today, __weeks=n
the coming weeks, __month="YYYY-MM", __week="this", "next", "last" or a day of it.
__in takes a list, or a query of one column. __isnull=True means empty."""


def brief(app: App) -> str:
    """What a program may call, as text for a prompt: the language, the views, the tasks."""
    functions = [line for line in HEADER.splitlines() if line.startswith("def ")]
    calls = [*functions, *listings(app), *(task_line(task) for task in app.tasks.values())]
    views = list(_views(app))
    told = [_told(line) for line in calls]
    return "\n".join([LANGUAGE, *_lookups(), PERIODS, "", "Views and their columns:", *views, "", "Functions:", *told])


def _lookups() -> Iterator[str]:
    kinds = {"text": "text", "numbers": "int", "dates": "date"}
    told = (f"{name}: {', '.join(lookup for lookup in COMPARISONS[kind])}" for name, kind in kinds.items())
    yield f"Lookups, {'; '.join(told)}."


def _views(app: App) -> Iterator[str]:
    known: set[Column] = set()
    for view in app.views.values():
        yield f"{view.name} ({view.doc}): {', '.join(_column(column, known) for column in view.columns)}"
        known.update(view.columns)


def _column(column: Column, known: set[Column]) -> str:
    """A column with its type and meaning; of one that an earlier view has, the name alone."""
    if column in known:
        return column.name
    kind = " number" if column.type in NUMERIC else " date" if column.type in TEMPORAL else ""
    values = f" {'|'.join(column.values)}" if column.values else ""
    doc = f" ({column.doc})" if column.doc.replace(" ", "_") != column.name and not column.values else ""
    return f"{column.name}{kind}{values}{doc}"


def _told(line: str) -> str:
    """A line of the stub as a person would write it."""
    return line.removeprefix("def ").replace(" | None = None", "=None").replace(": ...", "")


def example(view: View) -> str:
    """A program over a view, to show the form of one."""
    text = next(column.name for column in view.columns if column.type == "text")
    number = next((column.name for column in view.columns if column.type in NUMERIC), None)
    return f'{view.name}.by("{text}").{f"""sum("{number}")""" if number else "count()"}.top(3)'
