"""How a result becomes a table, a chart and a sentence. Every number in a sentence comes from the result."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from copilot.answer import Cell, Chart, Result, Table
from copilot.errors import ProgramError
from copilot.query import Query

NAMED = 3
"""How many groups a sentence names."""
MOST_BARS = 30
AGGREGATES = {
    "count_distinct": "Number of different",
    "sum": "Total",
    "avg": "Average",
    "min": "Lowest",
    "max": "Highest",
}
LOOKUPS = {
    "ne": "not",
    "lt": "under",
    "lte": "at most",
    "gt": "over",
    "gte": "at least",
    "in": "one of",
    "contains": "containing",
    "next": "in the next",
    "last": "in the last",
    "weeks": "in the next",
    "month": "in",
    "week": "in the week",
}
UNITS = {"next": "day", "last": "day", "weeks": "week"}

Fetch = Callable[[Query], tuple[list[str], list[list[Cell]], bool]]
"""Runs a query: its columns, its rows, and whether there were more."""
Units = Mapping[str, str]
NONE: Units = {}


@dataclass(frozen=True)
class Shown:
    """A result as it is looked at; `empty` if there is nothing in it."""

    text: str
    columns: list[str] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    details: dict[str, Table] = field(default_factory=dict)
    chart: Chart | None = None
    empty: bool = False


def show(value: Any, fetch: Fetch, units: Units = NONE) -> Shown:
    """A program's value as a table, a chart and a sentence.

    Args:
        units: what the numbers of a column are counted in, as `App.units` says.

    Raises:
        ProgramError: the value is nothing that can be shown.
    """
    if isinstance(value, Query):
        return _query(value, fetch, units)
    if isinstance(value, Result):
        return _result(value)
    if isinstance(value, list | tuple | set | dict):
        return _several(list(value.items() if isinstance(value, dict) else value), fetch)
    if value is None:
        raise ProgramError("the program gives no result; its last line must be a query, a task or a value")
    return Shown(f"{_said(_plain(value, fetch))}.", ["value"], [[_plain(value, fetch)]])


def _result(result: Result) -> Shown:
    details = {title: _as_table(columns, rows) for title, (columns, rows) in result.details.items()}
    table = _as_table(result.columns, result.rows)
    return Shown(result.text, table.columns, table.rows, details, result.chart)


def _query(query: Query, fetch: Fetch, units: Units) -> Shown:
    columns, raw, more = _told_apart(query, fetch)
    rows = [[_cell(cell) for cell in row] for row in raw]
    where = looked_for(query)
    if not rows:
        return Shown(f"There are no {_noun(query)}{where}.", columns, [], empty=True)
    if all(cell is None for row in rows for cell in row):
        asked = " or ".join(label(name, _noun(query)).lower() for name in columns)
        return Shown(f"There is no {asked} for {_noun(query)}{where}.", columns, [], empty=True)
    return Shown(_sentence(query, columns, rows, where, more, units), columns, rows, chart=_chart(query, columns, rows))


def _told_apart(query: Query, fetch: Fetch) -> tuple[list[str], list[list[Cell]], bool]:
    """A query's columns and rows, with what differs of its view's key: several numbers without a name say nothing."""
    columns, rows, more = fetch(query.told_apart())
    added = len(columns) - len(query.columns)
    kept = [at for at in range(len(columns)) if at >= added or any(row[at] != rows[0][at] for row in rows)]
    return [columns[at] for at in kept], [[row[at] for at in kept] for row in rows], more


def looked_for(query: Query) -> str:
    """What a query looked for, in words: `` with status planned and days late over 0``."""
    phrases = [phrase(said) for said in query.said]
    within = f" with {' and '.join(phrases)}" if phrases else ""
    parts = [phrase(said) for said in query.parts]
    return f" with {' and '.join(parts)} among {_noun(query)}{within}" if parts else within


def _sentence(query: Query, columns: list[str], rows: list[list[Cell]], where: str, more: bool, units: Units) -> str:
    if len(rows) == 1 and len(columns) == 1:
        return f"{label(columns[0], _noun(query))}{where}: {_counted(rows[0][0], columns[0], units)}."
    if query.groups and query.aggregates:
        return _grouped(query, columns, rows, where, units)
    if query.aggregates:
        figures = (f"{label(c, _noun(query))} {_said(v, c, units)}" for c, v in zip(columns, rows[0], strict=True))
        return f"{', '.join(figures)}{where}."
    if groups := query.groups or query.grouped:
        return f"{len(rows):,} {' and '.join(map(_words, groups))} groups of {_noun(query)}{where}."
    if len(rows) == 1:
        return f"One of the {_noun(query)}{where}: {_listed(columns, rows[0], units)}."
    count = f"More than {len(rows):,}" if more else f"{len(rows):,}"
    return f"{count} {'' if _noun(query).endswith('s') else 'rows of '}{_noun(query)}{where}."


def _grouped(query: Query, columns: list[str], rows: list[list[Cell]], where: str, units: Units) -> str:
    width = len(columns) - len(query.aggregates)
    named = [f"{' '.join(_said(c) for c in row[:width])} {_said(row[-1], columns[-1], units)}" for row in rows[:NAMED]]
    rest = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    by = " and ".join(_words(name) for name in columns[:width])
    return f"{label(columns[-1], _noun(query))} by {by}{where}: {', '.join(named)}{rest}."


def _listed(columns: Sequence[str], row: Sequence[Cell], units: Units) -> str:
    return ", ".join(f"{_words(name)} {_said(cell, name, units)}" for name, cell in zip(columns, row, strict=True))


def _chart(query: Query, columns: list[str], rows: list[list[Cell]]) -> Chart | None:
    numbers = [name for name in columns[1:] if name in query.aggregates]
    if not (2 <= len(rows) <= MOST_BARS and query.groups and numbers and len(query.groups) == 1):
        return None
    over_time = columns[0].endswith(("_week", "_month", "week", "date"))
    title = f"{' and '.join(label(name, _noun(query)) for name in numbers)} by {_words(columns[0])}"
    return Chart(kind="line" if over_time else "bars", x=columns[0], y=numbers, title=title)


def _several(values: list[Any], fetch: Fetch) -> Shown:
    if values and all(isinstance(value, Result) for value in values):
        return _cases(values)
    if values and all(isinstance(value, Query) for value in values):
        return _queries(values, fetch)
    rows = [
        [_plain(c, fetch) for c in value] if isinstance(value, list | tuple) else [_plain(value, fetch)]
        for value in values
    ]
    return _table(rows) if rows else Shown("The list is empty.", empty=True)


def _cases(results: list[Result]) -> Shown:
    """One row each where all have the same measures, such as what-ifs; otherwise their rows, one after another."""
    cases = [result.varied or str(at) for at, result in enumerate(results, start=1)]
    if len({tuple(result.columns) for result in results}) > 1:
        return _table([[case, result.text] for case, result in zip(cases, results, strict=True)])
    measures = [[row[0] for row in result.rows] for result in results]
    if len(measures[0]) < 2 or any(other != measures[0] for other in measures):
        return _one_after_another(cases, results)
    last = results[0].columns[-1]
    columns = ["case", *(f"{measure} ({last})" for measure in measures[0])]
    rows = [[case, *(_cell(row[-1]) for row in result.rows)] for case, result in zip(cases, results, strict=True)]
    text = "; ".join(f"{row[0]}: {columns[1]} {_said(row[1])}" for row in rows[:NAMED])
    return Shown(f"{len(rows)} cases: {text}.", columns, rows, chart=Chart(kind="bars", x="case", y=columns[1:2]))


def _one_after_another(cases: list[str], results: list[Result]) -> Shown:
    rows = [[case, *map(_cell, row)] for case, result in zip(cases, results, strict=True) for row in result.rows]
    text = " ".join(result.text for result in results[:NAMED])
    return Shown(text, ["case", *results[0].columns], rows)


def _queries(queries: list[Query], fetch: Fetch) -> Shown:
    rows: list[list[Cell]] = []
    columns: list[str] = []
    every: set[tuple[str, ...]] = set()
    for query in queries:
        columns, found, _ = fetch(query)
        every.add(tuple(columns))
        case = ", ".join(phrase(said) for said in query.said) or _noun(query)
        rows += [[case, *(_cell(cell) for cell in row)] for row in found]
    if len(every) > 1:
        return _table([[_title(query), _plain(query, fetch)] for query in queries])
    if not rows:
        return Shown(f"There are no {_noun(queries[0])} for any of them.", ["case", *columns], empty=True)
    return Shown(f"{len(rows)} rows for {len(queries)} cases.", ["case", *columns], rows)


def _title(query: Query) -> str:
    return f"{', '.join(label(name, _noun(query)) for name in query.columns)}{looked_for(query)}"


def _table(rows: list[list[Cell]]) -> Shown:
    width = max((len(row) for row in rows), default=0)
    columns = ["value"] if width == 1 else [f"column_{at}" for at in range(1, width + 1)]
    rows = [row + [None] * (width - len(row)) for row in rows]
    said = "; ".join(" ".join(_said(cell) for cell in row) for row in rows[:NAMED])
    return Shown(f"{said}{'; …' if len(rows) > NAMED else ''}.", columns, rows)


def paired(table: Table) -> Table:
    """A column and its new value in one, so that what changes is seen at once: ``Memphis → Busan``."""
    columns = table.columns
    pairs = [(at, columns.index(f"new_{c}") if f"new_{c}" in columns else None) for at, c in enumerate(columns)]
    kept = [(old, new) for old, new in pairs if not columns[old].startswith("new_")]
    rows = [[row[old] if new is None else _change(row[old], row[new]) for old, new in kept] for row in table.rows]
    return Table(columns=[columns[old] for old, _ in kept], rows=rows)


def _change(old: Cell, new: Cell) -> str:
    before, after = ("none" if value is None else str(value) for value in (old, new))
    return before if before == after else f"{before} → {after}"


def _plain(value: Any, fetch: Fetch) -> Cell:
    if isinstance(value, Query):
        _, rows, _ = fetch(value)
        return _cell(rows[0][0]) if len(rows) == 1 and len(rows[0]) == 1 else f"{len(rows)} rows"
    if isinstance(value, Result):
        return value.text
    if not isinstance(value, str | int | float | bool | date | None):
        raise ProgramError("the program's result cannot be shown; end with a query, a task or a number")
    return _cell(value)


def _as_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Table:
    return Table(columns=list(columns), rows=[[_cell(cell) for cell in row] for row in rows])


def _cell(value: Any) -> Cell:
    if isinstance(value, float):
        return round(value, 10)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value


def _noun(query: Query) -> str:
    return query.view.name.replace("_", " ")


def _words(name: str) -> str:
    return name.replace("_", " ")


def label(column: str, noun: str) -> str:
    """A result's column in words: ``sum_available`` is Total available, ``count`` Number of orders."""
    if column == "count":
        return f"Number of {noun}"
    for prefix, words in AGGREGATES.items():
        if column.startswith(f"{prefix}_"):
            return f"{words} {_words(column.removeprefix(f'{prefix}_'))}"
    return _words(column).capitalize()


def unit(column: str, units: Units) -> str:
    """What a result's column is counted in: that of the column it sums, averages or ranks; empty if not told."""
    if column == "share" or column.startswith("share_"):
        return "share"
    return units.get(re.sub(r"^(sum|avg|min|max)_", "", column), "")


def _counted(value: Cell, column: str, units: Units) -> str:
    """A single figure, with its unit if that is not said by its form: ``$1,234``, ``12.5%``, ``367 racks``."""
    said, counted = _said(value, column, units), unit(column, units)
    return said if counted in ("", "USD", "share") or value is None else f"{said} {counted}"


def _said(value: Cell, column: str = "", units: Units = NONE) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if unit(column, units) == "share":
        return f"{value:.1%}"
    if unit(column, units) == "USD":
        return f"{'-' if value < 0 else ''}${number_said(abs(value))}"
    return number_said(value)


def number_said(value: float) -> str:
    """A number as it is read: two decimals at most, but never so few that it looks like 0."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}" if 0 < abs(value) < 1 else f"{value:,.2f}".rstrip("0").rstrip(".")


def phrase(said: str) -> str:
    """A lookup in words: ``days_late__gt=0`` is days late over 0."""
    match = re.match(r"(.+?)(?:__(\w+))?=(.*)", said, re.DOTALL)
    if not match:
        return said
    name, lookup, value = match.groups()
    words = _words(name)
    if lookup == "isnull" or value == "None":
        missing = (value != "False") ^ (lookup == "ne")
        return f"{'no' if missing else 'a'} {words}"
    if lookup == "week" and value in ("this", "next", "last"):
        return f"{words} {value} week"
    if lookup in UNITS:
        return f"{words} {LOOKUPS[lookup]} {value} {UNITS[lookup]}{'' if value == '1' else 's'}"
    dated = {"lt": "before", "gt": "after"}.get(lookup or "") if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else None
    return " ".join(part for part in (words, dated or LOOKUPS.get(lookup or "", ""), value) if part)
