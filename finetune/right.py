"""When an answer is right: a query when its rows are, a task when its call is, an outcome when it is the same."""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

import sqlalchemy as sa

from copilot.answer import Answer, Declined, Unclear, Unsupported
from copilot.app import App, Context, Task
from copilot.database import Database
from copilot.errors import CopilotError
from copilot.names import Names
from copilot.pipeline import World
from copilot.program import check, runtime, sandbox
from copilot.query import Query, monday, parse_date
from finetune.examples import Example

TOLERANCE = 1e-6
MOST_MAPPINGS = 2_000
"""Ways of matching columns that are tried before two results are taken to differ."""
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?")
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Bench:
    """A world to try programs in: its database and its names."""

    world: World
    database: Database


@dataclass(frozen=True)
class Meaning:
    """What a program comes to: rows of a query, calls of tasks, or another answer.

    Args:
        must, may: rows that have to be among the answer's, and rows tied with them at a cut.
        count: how many rows there are.
        keys: in the order of the rows, each with the values that it is sorted by.
    """

    calls: Any = None
    columns: int = 0
    must: tuple[Row, ...] = ()
    may: tuple[Row, ...] = ()
    count: int = 0
    keys: tuple[tuple[Row, Row], ...] = ()


def right(example: Example, answer: Answer, benches: Sequence[Bench]) -> str:
    """Why an answer is wrong; empty if it is right."""
    gold = example.outcome or "answered"
    unnamed = gold not in ("answered", "empty") or (gold == "empty" and not example.program)
    if answer.outcome in example.accept or (unnamed and answer.outcome == gold):
        return _lacks_choices(example, answer)
    if answer.outcome not in ("answered", "empty"):
        return f"{answer.outcome}, where {gold} is due"
    own = [example.program] if example.program and gold in ("answered", "empty") else []
    programs = [*own, *(p for p in example.accept if p not in OUTCOMES)]
    if any(same(program, answer.program, benches, example.ordered) for program in programs):
        return ""
    return "another meaning" if programs else f"{answer.outcome}, where {gold} is due"


OUTCOMES = ("answered", "clarify", "steered", "declined", "empty", "failed")


def same(gold: str, program: str, benches: Sequence[Bench], ordered: bool = False) -> bool:
    """Whether two programs mean the same: on every world, and not because all are empty.

    Where no world has rows to tell them apart by, the lookups must be the same and the columns shown among the other's.
    """
    try:
        pairs = [(meaning(gold, bench), meaning(program, bench)) for bench in benches]
    except CopilotError:
        return False
    if all(wanted.calls is None and not wanted.must and not wanted.may for wanted, _ in pairs):
        wanted, found = (_unordered(text, benches[0]) for text in (gold, program))
        return wanted[0] == found[0] and _shows(found[1], wanted[1])
    return all(_agree(wanted, found, ordered) for wanted, found in pairs)


def gives(meant: Meaning, rows: Sequence[Row]) -> bool:
    """Whether a query comes to these rows; either may show columns that the other does not."""
    width = len(rows[0]) if rows else 0
    other = Meaning(columns=width, must=tuple(tuple(map(_value, row)) for row in rows), count=len(rows))
    return _agree(meant, other, False) if meant.columns <= width else _agree(other, meant, False)


def meaning(program: str, bench: Bench) -> Meaning:
    """What a program comes to in a world; tasks are named, not run. Raises CopilotError if it does not pass."""
    world = bench.world
    settled = check.settle(world.app, world.names, program).program
    with bench.database.reading() as connection:
        value = _run(settled, world, connection, bench.database)
        if isinstance(value, Query):
            return _rows_of(value, connection)
        if isinstance(value, list | tuple) and value and all(isinstance(v, Query) for v in value):
            rows = [row for v in value for row in _fetch(v, connection)]
            return Meaning(columns=len(rows[0]) if rows else 0, must=tuple(rows), count=len(rows))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Meaning(columns=1, must=((float(value),),), count=1)
    return Meaning(calls=_as_set(value))


def _run(program: str, world: World, connection: sa.Connection, database: Database) -> Any:
    context = Context(connection, world.today)

    def number(query: Query) -> float:
        rows = _fetch(query, connection)
        return float(rows[0][0] or 0) if rows else 0.0

    functions = runtime.functions(world.app, world.names, context, number)
    functions |= {name: _named(world.app, world.names, task) for name, task in world.app.tasks.items()}
    return sandbox.run(program, functions, runtime.values(world.app, world.names, context))


def _named(app: App, names: Names, task: Task) -> Callable[..., str]:
    """The call itself as text: names resolved, defaults dropped, keywords for positions, changes as a set."""

    def call(*args: Any, **kwargs: Any) -> str:
        given = task.signature.bind(*args, **kwargs)
        said = [_argument(app, names, task, name, value) for name, value in given.arguments.items()]
        if task.name == "compare":
            said = [text.partition("=")[2] for text in said]
        parts = sorted(text for text in said if text)
        return f"{task.name}({', '.join(parts)})"

    return call


def _argument(app: App, names: Names, task: Task, name: str, value: Any) -> str:
    parameter = task.signature.parameters[name]
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return ", ".join(sorted(map(str, value)))
    if value == parameter.default or value is None:
        return ""
    return f"{name}={_normal(app, names, name, value)}"


def _normal(app: App, names: Names, name: str, value: Any) -> str:
    if name == "week" and str(value)[:1].isdigit():  # not "next"
        return str(monday(parse_date(value)))
    if name in ("name",):
        return str(value).strip().lower()
    kind = app.kind_of(name)
    if kind and isinstance(value, str) and "(" not in value:
        return names.resolve(kind, value).names[0]
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _as_set(value: Any) -> Any:
    if isinstance(value, Declined | Unsupported | Unclear):
        return type(value).__name__
    if isinstance(value, dict):
        value = list(value.items())
    return tuple(sorted(map(str, map(_as_set, value)))) if isinstance(value, list | tuple) else value


def _unordered(program: str, bench: Bench) -> tuple[str, set[str] | None]:
    """A program with its lookups in one order, without what it shows; and the columns that it shows, None for all."""
    tree = InOrder().visit(ast.parse(check.settle(bench.world.app, bench.world.names, program).program))
    match tree.body:
        case [ast.Expr(ast.Call(func=ast.Attribute(value=rows, attr="select"), args=shown))]:
            return ast.unparse(rows), {ast.unparse(column) for column in shown}
    return ast.unparse(tree), None


def _shows(found: set[str] | None, wanted: set[str] | None) -> bool:
    return found is None or (wanted is not None and wanted <= found)


class InOrder(ast.NodeTransformer):
    """Puts the keywords of every call into one order."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        node.keywords.sort(key=lambda keyword: keyword.arg or "")
        return node


def _rows_of(query: Query, connection: sa.Connection) -> Meaning:
    width = len(query.columns)
    keyed = [(row[:width], row[width:]) for row in _fetch(_with_keys(query), connection)]
    kept = keyed if query.limit is None else keyed[: query.limit]
    if all(cell is None for row, _ in kept for cell in row):
        return Meaning(columns=width)
    cut = kept[-1][1] if len(kept) < len(keyed) else None
    must = tuple(row for row, key in kept if key != cut)
    may = tuple(row for row, key in keyed if key == cut)
    return Meaning(None, width, must, may, len(kept), tuple(kept))


def _with_keys(query: Query) -> Query:
    shown = tuple(query.columns)
    keys = tuple(name.removeprefix("-") for name in query.order)
    cells = dict(query.cells)
    for at, key in enumerate(keys):
        cells[f"_key{at}"] = cells[key]
    return replace(query, limit=None, shown=(*shown, *(f"_key{at}" for at in range(len(keys)))), cells=cells)


def _fetch(query: Query, connection: sa.Connection) -> list[Row]:
    rows = [tuple(map(_value, row)) for row in connection.execute(query.select_statement())]
    return [] if all(cell is None for row in rows for cell in row) else rows


def _value(cell: Any) -> Any:
    if isinstance(cell, bool) or cell is None:
        return cell
    if isinstance(cell, int | float | Decimal):
        return round(float(cell), 6)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, str) and MOMENT.fullmatch(cell):
        return cell[:19].replace("T", " ")
    return cell.isoformat() if isinstance(cell, date) else cell


def _agree(wanted: Meaning, found: Meaning, ordered: bool) -> bool:
    if wanted.calls is not None or found.calls is not None:
        return bool(wanted.calls == found.calls)
    rows = _all(found)
    if not wanted.must and not wanted.may:
        return not rows or rows == [(0.0,)]
    if len(rows) != wanted.count and wanted.count:
        return False
    tried = islice(_mappings(wanted, rows), MOST_MAPPINGS)
    projected = ([tuple(row[at] for at in picked) for row in rows] for picked in tried)
    return any(
        _holds(wanted, found_rows) and (not ordered or _in_order(wanted, found_rows)) for found_rows in projected
    )


def _all(found: Meaning) -> list[Row]:
    return [row for row, _ in found.keys] or list(found.must)


def _in_order(wanted: Meaning, rows: list[Row]) -> bool:
    key_of = {tuple(map(_key, row)): key for row, key in wanted.keys}
    keys = [key_of.get(tuple(map(_key, row))) for row in rows]
    return all(found in (None, key) for found, (_, key) in zip(keys, wanted.keys, strict=False))


def _mappings(wanted: Meaning, rows: list[Row]) -> Any:
    """Ways to find the wanted columns among those of the rows."""
    if not rows:
        return
    width = len(rows[0])
    allowed = [{_key(row[at]) for row in (*wanted.must, *wanted.may)} for at in range(wanted.columns)]
    options = [[at for at in range(width) if {_key(row[at]) for row in rows} <= good] for good in allowed]
    yield from _distinct(options)


def _distinct(options: list[list[int]], taken: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Ways to take a different column each time, the one in the same place first."""
    if len(taken) == len(options):
        yield taken
        return
    for at in sorted(options[len(taken)], key=lambda at: at != len(taken)):
        if at not in taken:
            yield from _distinct(options, (*taken, at))


def _holds(wanted: Meaning, rows: list[Row]) -> bool:
    found = Counter(tuple(map(_key, row)) for row in rows)
    must = Counter(tuple(map(_key, row)) for row in wanted.must)
    may = Counter(tuple(map(_key, row)) for row in wanted.may)
    return not (must - found) and not (found - must - may)


def _key(cell: Any) -> Any:
    return round(cell / TOLERANCE) if isinstance(cell, float) else (0 if cell is None else cell)


def _lacks_choices(example: Example, answer: Answer) -> str:
    lacking = sorted(set(example.choices or ()) - set(answer.choices)) if answer.outcome == "clarify" else []
    return f"the choices lack {', '.join(lacking)}" if lacking else ""
