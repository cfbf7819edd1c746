"""A view's typed, read-only queries, compiled to SQLAlchemy.

A query is immutable; each step returns a new one, and steps apply in the order they are written.

What this wall covers: a query reads the columns of one view and of those named in its `__in`, never joins and never
writes; every value is bound or checked, never pasted into SQL; its conditions and its SELECTs within SELECTs are
counted, so that a short program cannot build an endless statement. What it does not: how long the database takes over
it, and how many rows come back (the connection's limits); which rows an operator may see (the database's rights).
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from copilot.errors import Ambiguous, LimitReached, ProgramError
from copilot.near import did_you_mean
from copilot.printable import quoted

ColumnType = Literal["text", "int", "float", "date", "datetime"]
NUMERIC = ("int", "float")
TEMPORAL = ("date", "datetime")
WEEK = timedelta(days=7)
MOST_SAID = 10
"""Values of a list that a sentence names."""
LARGEST = 2**63
MOST_CONDITIONS = 100
"""In one statement, those of the queries within it included."""
DEEPEST = 8
"""SELECTs within SELECTs; SQLite's parser gives up at about 12."""
Names = Callable[[str, str], tuple[str, ...]]
"""From a kind and a text to the names meant."""

COMPARISONS: dict[str, tuple[str, ...]] = {
    "text": ("ne", "in", "contains", "isnull"),
    "int": ("ne", "lt", "lte", "gt", "gte", "in", "isnull"),
    "float": ("ne", "lt", "lte", "gt", "gte", "in", "isnull"),
    "date": ("ne", "lt", "lte", "gt", "gte", "in", "isnull", "next", "last", "weeks", "month", "week"),
    "datetime": ("ne", "lt", "lte", "gt", "gte", "in", "isnull", "next", "last", "weeks", "month", "week"),
}
"""Which lookups a column of each type takes, equality aside."""

SQL_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "text": sa.String(),
    "int": sa.Integer(),
    "float": sa.Float(),
    "date": sa.Date(),
    "datetime": sa.DateTime(),
}


@dataclass(frozen=True)
class Column:
    """A column of a view.

    Args:
        name: as programs and SQL say it.
        type: what it holds; money and rates are floats, quantities ints.
        doc: its meaning, in a few words, with the unit.
        names: the kind of name that it holds (``"warehouse"``), if any: checked against the database.
        values: the closed set that it takes its values from, if any.
        unit: what its numbers are counted in, as they are shown: ``USD``, ``racks``, ``share`` (0..1).
    """

    name: str
    type: ColumnType
    doc: str
    names: str | None = None
    values: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True)
class View:
    """A flat, read-only SQL view that programs may query.

    Args:
        name: of the SQL view.
        doc: what one row is.
        columns: in the order of the view.
        key: the column or columns that say what a row is of, if any do.
    """

    name: str
    doc: str
    columns: tuple[Column, ...]
    key: str | tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of its key."""
        return (self.key,) if isinstance(self.key, str) else self.key

    def column(self, name: str) -> Column:
        """The column of that name. Raises ProgramError if the view has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise ProgramError(f"{self.name} has no column {name!r}{did_you_mean(name, (c.name for c in self.columns))}")


@dataclass(frozen=True)
class ColumnRef:
    """Another column of the same row, as a value: ``col("capacity")``."""

    name: str


class week_start(FunctionElement[date]):
    """The Monday of a date's week."""

    type = sa.Date()
    inherit_cache = True


@compiles(week_start)
def _week_start(element: Any, compiler: Any, **kw: Any) -> str:
    return f"CAST(date_trunc('week', {compiler.process(element.clauses, **kw)}) AS DATE)"


@compiles(week_start, "sqlite")
def _week_start_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return f"date({compiler.process(element.clauses, **kw)}, 'weekday 0', '-6 days')"


class month_of(FunctionElement[str]):
    """A date's month as ``YYYY-MM``."""

    type = sa.String()
    inherit_cache = True


@compiles(month_of)
def _month_of(element: Any, compiler: Any, **kw: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **kw)}, 'YYYY-MM')"


@compiles(month_of, "sqlite")
def _month_of_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return f"strftime('%Y-%m', {compiler.process(element.clauses, **kw)})"


class by_code(FunctionElement[str]):
    """A text as it is put in order: by code point, whatever collation the database has."""

    type = sa.String()
    inherit_cache = True


@compiles(by_code)
def _by_code(element: Any, compiler: Any, **kw: Any) -> str:
    return f'{compiler.process(element.clauses, **kw)} COLLATE "C"'


@compiles(by_code, "sqlite")
def _by_code_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return str(compiler.process(element.clauses, **kw))


BUCKETS: dict[str, tuple[Callable[..., sa.ColumnElement[Any]], str]] = {
    "week": (week_start, "date"),
    "month": (month_of, "text"),
}


@dataclass(frozen=True)
class Cell:
    """A column that a step can use: its SQL, its type, and the view's column behind it."""

    sql: sa.ColumnElement[Any]
    type: str
    column: Column | None = None


@dataclass(frozen=True)
class Query:
    """One view, narrowed, grouped, counted and ranked.

    Public methods are the steps of the program language; each returns a new query. All raise ProgramError with one
    clear line when a column, a lookup or a value does not fit.

    Args:
        ranked, grouped: once groups have been filtered, the aggregate that `top` ranks them by and their columns.
        said, parts: its conditions, and those of a share, for the sentence of an answer.
        names: what a text means as a name of a kind; raises NameMistake if nothing.
        conditions, depth: how large its statement is: the lookups in it, and the SELECTs within one another.
    """

    view: View
    today: date
    source: sa.FromClause
    cells: dict[str, Cell]
    filters: tuple[sa.ColumnElement[bool], ...] = ()
    groups: tuple[str, ...] = ()
    aggregates: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    limit: int | None = None
    shown: tuple[str, ...] = ()
    ranked: str | None = None
    grouped: tuple[str, ...] = ()
    said: tuple[str, ...] = field(default=(), compare=False)
    parts: tuple[str, ...] = field(default=(), compare=False)
    names: Names = field(default=lambda kind, text: (text,), compare=False)
    conditions: int = field(default=0, compare=False)
    depth: int = field(default=1, compare=False)

    def __post_init__(self) -> None:
        if self.conditions > MOST_CONDITIONS:
            raise LimitReached(f"a query has more than {MOST_CONDITIONS} conditions; ask for less at once")
        if self.depth > DEEPEST:
            raise LimitReached(f"queries are nested more than {DEEPEST} deep; ask for less at once")

    @classmethod
    def over(cls, view: View, today: date, names: Names | None = None) -> Query:
        """All rows of a view; `today` anchors the relative dates."""
        table = sa.table(view.name, *(sa.column(c.name, SQL_TYPES[c.type]) for c in view.columns))
        cells = {c.name: Cell(table.c[c.name], c.type, c) for c in view.columns}
        query = cls(view, today, table, cells)
        return replace(query, names=names) if names else query

    # Steps ------------------------------------------------------------------------------------------------

    def where(self, **lookups: Any) -> Query:
        """Keep the rows (after an aggregate: the groups) for which every lookup holds."""
        query = self._wrapped() if self.limit is not None or self.aggregates else self
        conditions = tuple(query._condition(key, value) for key, value in lookups.items())
        said = tuple(f"{key}={_say(value)}" for key, value in lookups.items())
        return replace(query._grown(lookups), filters=query.filters + conditions, said=query.said + said)

    def by(self, *fields: str) -> Query:
        """Group by columns, or by `date__week` and `date__month`."""
        if not fields:
            raise ProgramError("by() needs at least one column")
        query = self._wrapped() if self.limit is not None or self.aggregates or self.groups else self
        cells = dict(query.cells)
        labels = tuple(dict.fromkeys(query._group(cells, name) for name in fields))
        return replace(query, cells=cells, groups=labels, shown=(), order=(), ranked=None, grouped=())

    def count(self) -> Query:
        """The number of rows."""
        return self._aggregate("count", lambda q: (sa.func.count(), "int"))

    def count_distinct(self, field: str) -> Query:
        """The number of different values of a column, NULL aside."""
        return self._aggregate(
            f"count_distinct_{field}", lambda q: (sa.func.count(sa.distinct(q._cell(field).sql)), "int")
        )

    def sum(self, field: str) -> Query:
        """The sum of a column; 0 over no rows."""
        return self._aggregate(f"sum_{field}", lambda q: q._sum(field), of=field)

    def avg(self, field: str) -> Query:
        """The mean of a column; empty over no rows."""
        return self._aggregate(f"avg_{field}", lambda q: (sa.func.avg(q._number(field).sql * 1.0), "float"), of=field)

    def min(self, field: str) -> Query:
        """The smallest value of a column."""
        return self._aggregate(
            f"min_{field}", lambda q: (sa.func.min(_ordered(q._cell(field))), q._cell(field).type), of=field
        )

    def max(self, field: str) -> Query:
        """The largest value of a column."""
        return self._aggregate(
            f"max_{field}", lambda q: (sa.func.max(_ordered(q._cell(field))), q._cell(field).type), of=field
        )

    def share(self, of: str | None = None, **lookups: Any) -> Query:
        """The part (0..1) of the rows, or of the sum of `of`, that the lookups pick; by group if grouped."""
        if not lookups and not self.groups:
            raise ProgramError("share() needs a condition, or a by() before it")
        said = tuple(f"{key}={_say(value)}" for key, value in lookups.items())
        query = self._aggregate("share", lambda q: (q._share(of, lookups), "float"), of=of)
        return replace(query._grown(lookups), parts=said)

    def select(self, *fields: str) -> Query:
        """Show these columns, in this order."""
        for name in fields:
            self._own(name)
        return replace(self, shown=tuple(dict.fromkeys(fields)))

    def sort(self, *fields: str) -> Query:
        """Order by columns, `-` for largest first; NULLs last."""
        query = self._wrapped() if self.limit is not None else self
        for name in fields:
            query._own(name.removeprefix("-"))
        return replace(query, order=fields)

    def top(self, n: int) -> Query:
        """The first n rows; after an aggregate and without a sort, the n largest by the last aggregate."""
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n < LARGEST:
            raise ProgramError(f"top() takes a whole number from 1, not {quoted(n)}")
        query = self._wrapped() if self.limit is not None else self
        last = query.aggregates[-1] if query.aggregates else query.ranked
        if last in query.cells and not query.order:
            query = query.sort(f"-{last}")
        return replace(query, limit=n)

    # What it compiles to ----------------------------------------------------------------------------------

    @property
    def columns(self) -> dict[str, str]:
        """The result's columns and their types, in order."""
        return {name: self.cells[name].type for name in self._output()}

    def select_statement(self) -> sa.Select[Any]:
        """The SQLAlchemy SELECT of this query; two databases with the same rows give them in the same order."""
        return self._unordered().order_by(*map(self._ordering, self._total_order())).limit(self.limit)

    def told_apart(self) -> Query:
        """With the columns of the view's key before those selected, where its rows are the view's."""
        own = isinstance(self.source, sa.TableClause) and not (self.groups or self.aggregates)
        missing = tuple(name for name in self.view.keys if name not in self.shown)
        return replace(self, shown=missing + self.shown) if own and self.shown else self

    def one_column(self) -> sa.Select[Any]:
        """The SELECT of a query that yields one column, for `__in`. Raises ProgramError otherwise."""
        if len(self.columns) != 1:
            raise ProgramError("a query given to __in must select one column")
        return self._nested()

    # The pieces -------------------------------------------------------------------------------------------

    def _output(self) -> tuple[str, ...]:
        if self.shown:
            return self.shown
        if self.groups or self.aggregates:
            return self.groups + self.aggregates
        return tuple(self.cells)

    def _unordered(self) -> sa.Select[Any]:
        statement = sa.select(*(self.cells[name].sql.label(name) for name in self._output()))
        statement = statement.select_from(self.source).where(*self.filters)
        return statement.group_by(*(self.cells[name].sql for name in self.groups)) if self.groups else statement

    def _nested(self) -> sa.Select[Any]:
        """The SELECT inside another, where an order matters only to what is cut."""
        return self._unordered() if self.limit is None else self.select_statement()

    def _total_order(self) -> tuple[str, ...]:
        """What was asked for, then what tells rows apart that tie: groups, or the view's key and all that is shown."""
        if self.aggregates and not self.groups:
            return ()
        keyed = self.view.keys if isinstance(self.source, sa.TableClause) else ()
        apart = self.groups or tuple(dict.fromkeys((*keyed, *self._output())))
        return (*self.order, *(name for name in apart if not {name, f"-{name}"} & {*self.order}))

    def _wrapped(self) -> Query:
        table = self._nested().subquery()
        cells = {name: Cell(table.c[name], self.cells[name].type, self.cells[name].column) for name in self.columns}
        order = tuple(name for name in self.order if name.removeprefix("-") in cells)
        ranked = self.aggregates[-1] if self.aggregates else self.ranked
        wrapped = Query(self.view, self.today, table, cells, order=order, said=self.said, names=self.names)
        wrapped = replace(wrapped, conditions=self.conditions, depth=self.depth + 1)
        return replace(wrapped, ranked=ranked, grouped=self.groups or self.grouped)

    def _grown(self, lookups: dict[str, Any]) -> Query:
        """Larger by these lookups and the queries in them."""
        within = [value for value in lookups.values() if isinstance(value, Query)]
        conditions = self.conditions + len(lookups) + sum(query.conditions for query in within)
        depth = max([self.depth, *(query.depth + 1 for query in within)])
        return replace(self, conditions=conditions, depth=depth)

    def _cell(self, name: str) -> Cell:
        if name in self.cells:
            return self.cells[name]
        raise ProgramError(f"{self.view.name} has no column {name!r}{did_you_mean(name, self.cells)}")

    def _own(self, name: str) -> Cell:
        """A column of the result: once rows are grouped or counted, their other columns are gone."""
        own = self.groups + self.aggregates
        if own and name not in own:
            raise ProgramError(f"after by() and an aggregate there is no column {name!r}; there is {', '.join(own)}")
        return self._cell(name)

    def _number(self, name: str) -> Cell:
        cell = self._cell(name)
        if cell.type not in NUMERIC:
            raise ProgramError(f"{name} of {self.view.name} is not a number")
        return cell

    def _sum(self, name: str) -> tuple[sa.ColumnElement[Any], str]:
        cell = self._number(name)
        return sa.func.coalesce(sa.func.sum(cell.sql), 0), cell.type

    def _aggregate(self, label: str, make: Any, of: str | None = None) -> Query:
        again = of in self.aggregates or label in self.aggregates
        derived = self.limit is not None or (self.shown and not self.aggregates) or again
        query = self._wrapped() if derived else self
        expression, kind = make(query)
        cells = {**query.cells, label: Cell(expression, kind)}
        return replace(query, cells=cells, aggregates=(*query.aggregates, label), shown=(), order=())

    def _share(self, of: str | None, lookups: dict[str, Any]) -> sa.ColumnElement[Any]:
        weight = self._number(of).sql if of else sa.literal(1)
        if not lookups:
            part = sa.func.sum(weight) * 1.0
            return part / sa.func.nullif(sa.func.sum(sa.func.sum(weight)).over(), 0)
        picked = sa.and_(*(self._condition(key, value) for key, value in lookups.items()))
        part = sa.func.sum(sa.case((picked, weight), else_=0)) * 1.0
        return part / sa.func.nullif(sa.func.sum(weight), 0)

    def _group(self, cells: dict[str, Cell], name: str) -> str:
        base, _, bucket = name.rpartition("__")
        if not base:
            self._cell(name)
            return name
        cell = self._cell(base)
        if bucket not in BUCKETS or cell.type not in TEMPORAL:
            raise ProgramError(f"cannot group by {name!r}; dates group by __week or __month")
        function, kind = BUCKETS[bucket]
        label = f"{base}_{bucket}"
        cells[label] = Cell(function(cell.sql), kind)
        return label

    def _ordering(self, name: str) -> sa.ColumnElement[Any]:
        sql = _ordered(self._cell(name.removeprefix("-")))
        return (sql.desc() if name.startswith("-") else sql.asc()).nulls_last()

    def _condition(self, key: str, value: Any) -> sa.ColumnElement[bool]:
        name, _, lookup = key.partition("__")
        cell = self._cell(name)
        if lookup and lookup not in COMPARISONS[cell.type]:
            raise ProgramError(f"{name} is {_article(cell.type)}: it takes no __{lookup}")
        if lookup in PERIODS:
            return _within(cell, *PERIODS[lookup](value, self.today))
        return self._comparison(cell, *self._named(cell, lookup, value))

    def _named(self, cell: Cell, lookup: str, value: Any) -> tuple[str, Any]:
        """The lookup and value with names as the database has them; where one means several, any of them."""
        kind = cell.column.names if cell.column else None
        if kind is None or lookup not in ("", "ne", "in") or not isinstance(value, str | list | tuple):
            return lookup, value
        found = [name for text in ([value] if isinstance(value, str) else value) for name in self._meant(kind, text)]
        if isinstance(value, str) and len(found) == 1:
            return lookup, found[0]
        if lookup == "ne":
            raise Ambiguous(kind, str(value), tuple(found))
        return "in", found

    def _meant(self, kind: str, text: Any) -> tuple[Any, ...]:
        return self.names(kind, text) if isinstance(text, str) else (text,)

    def _comparison(self, cell: Cell, lookup: str, value: Any) -> sa.ColumnElement[bool]:
        if cell.type == "datetime" and isinstance(value, str) and lookup in WHOLE_DAYS:
            return WHOLE_DAYS[lookup](cell, parse_date(value))
        if lookup == "isnull":
            return cell.sql.is_(None) if value else cell.sql.is_not(None)
        if lookup == "in":
            return cell.sql.in_(self._members(cell, value))
        if lookup == "contains":
            return cell.sql.icontains(_text(str(value)), autoescape=True)
        if value is None:
            return cell.sql.is_not(None) if lookup == "ne" else cell.sql.is_(None)
        return OPERATORS[lookup](cell.sql, self._operand(cell, value))

    def _members(self, cell: Cell, value: Any) -> Any:
        if isinstance(value, Query):
            return value.one_column()
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise ProgramError("__in takes a list or a one-column query")
        return [_literal(cell, item) for item in value]

    def _operand(self, cell: Cell, value: Any) -> Any:
        if isinstance(value, ColumnRef):
            return self._cell(value.name).sql
        return _literal(cell, value)


def any_of(first: Query, second: Query) -> Query:
    """The rows of either of two plain queries on one view.

    Raises ProgramError if they are on two views, or one of them is grouped or cut.
    """
    cut = any(query.aggregates or query.groups or query.limit is not None for query in (first, second))
    if cut or first.source is not second.source:  # two sources, however alike, would be a product of their rows
        raise ProgramError("any_of() takes two queries on one view that only filter")
    either = sa.or_(sa.and_(sa.true(), *first.filters), sa.and_(sa.true(), *second.filters))
    said = (f"{', '.join(first.said) or 'any'} or {', '.join(second.said) or 'any'}",)
    conditions, depth = first.conditions + second.conditions + 1, max(first.depth, second.depth)
    return replace(first, filters=(either,), said=said, conditions=conditions, depth=depth)


OPERATORS: dict[str, Callable[[Any, Any], sa.ColumnElement[bool]]] = {
    "": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
}


def monday(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def parse_date(text: Any) -> date:
    """An ISO date. Raises ProgramError if it is none."""
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise ProgramError(f"{quoted(text)} is not a date; write it as 2026-11-20") from error


def _days(value: Any) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 36500:
        raise ProgramError(f"a number of days or weeks is a whole number from 0, not {quoted(value)}")
    return timedelta(days=value)


def _next(value: Any, today: date) -> tuple[date, date]:
    return today, today + _days(value)


def _last(value: Any, today: date) -> tuple[date, date]:
    return today - _days(value), today


def _weeks(value: Any, today: date) -> tuple[date, date]:
    start = monday(today)
    return start, start + 7 * _days(value) - timedelta(days=1)


def _month(value: Any, today: date) -> tuple[date, date]:
    try:
        first = date.fromisoformat(f"{value}-01")
    except ValueError as error:
        raise ProgramError(f"{quoted(value)} is not a month; write it as 2026-11") from error
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _week(value: Any, today: date) -> tuple[date, date]:
    shift = {"this": 0, "next": 1, "last": -1}
    start = monday(today) + shift[value] * WEEK if value in shift else monday(parse_date(value))
    return start, start + timedelta(days=6)


PERIODS: dict[str, Any] = {"next": _next, "last": _last, "weeks": _weeks, "month": _month, "week": _week}


def _within(cell: Cell, first: date, last: date) -> sa.ColumnElement[bool]:
    if cell.type == "datetime":
        return sa.and_(cell.sql >= _midnight(first), cell.sql < _midnight(last + timedelta(days=1)))
    return cell.sql.between(first, last)


WHOLE_DAYS: dict[str, Callable[[Cell, date], sa.ColumnElement[bool]]] = {
    "": lambda cell, day: _within(cell, day, day),
    "ne": lambda cell, day: sa.not_(_within(cell, day, day)),
    "lte": lambda cell, day: cell.sql < _midnight(day + timedelta(days=1)),
    "gt": lambda cell, day: cell.sql >= _midnight(day + timedelta(days=1)),
}
"""Comparisons of a moment with a day, where the day counts as a whole."""


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _literal(cell: Cell, value: Any) -> Any:
    if cell.type == "date":
        return parse_date(value)
    if cell.type == "datetime":
        return _midnight(parse_date(value))
    if cell.type in NUMERIC and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ProgramError(f"a number is compared with a number, not with {quoted(value)}")
    if cell.type in NUMERIC and not -LARGEST < value < LARGEST:
        raise ProgramError("that number is larger than any that the database holds")
    if cell.type in NUMERIC:  # as wide as the value: PostgreSQL would round it to the column's type, or refuse it
        return sa.literal(value, sa.BigInteger() if isinstance(value, int) else sa.Float())
    if not isinstance(value, str):
        raise ProgramError(f"text is compared with text, not with {quoted(value)}")
    return _text(value)


def _text(value: str) -> str:
    """A text as databases hold it; SQLite would stop reading at a NUL, PostgreSQL refuses it."""
    if "\0" in value:
        raise ProgramError("a text in the database holds no NUL character; leave it out")
    return value


def _ordered(cell: Cell) -> sa.ColumnElement[Any]:
    """A column as its values are put in order."""
    return by_code(cell.sql) if cell.type == "text" else cell.sql


def _article(kind: str) -> str:
    return "an int" if kind == "int" else f"a {kind}"


def _say(value: Any) -> str:
    if isinstance(value, ColumnRef):
        return value.name
    if isinstance(value, list | tuple):
        rest = f" or {len(value) - MOST_SAID} more" if len(value) > MOST_SAID else ""
        return " or ".join(map(_say, value[:MOST_SAID])) + rest
    if isinstance(value, Query):
        return f"those of the {value.view.name.replace('_', ' ')} asked for"
    return f"{value:g}" if isinstance(value, float) else str(value)
