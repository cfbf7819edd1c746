"""The stub: a `.pyi` text of all that a program may call, made from the app.

It is what the type check reads, what `copilot stub` prints, and what a model that was not fine-tuned is shown.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable
from typing import Any, Literal, Union, get_args, get_origin

from copilot.app import App, NameKind, Task
from copilot.query import COMPARISONS, NUMERIC, TEMPORAL, Column, View

PYTHON_TYPES = {"text": "str", "int": "int", "float": "float", "date": "str", "datetime": "str"}
WEEKS = 'Literal["this", "next", "last"] | str'

HEADER = '''from typing import Any, Literal, TypeVar

Rows = TypeVar("Rows")

class Column: ...
class Outcome: ...
class Table:
    """What an aggregate or a select gives; its columns are named after it."""
    def where(self, **lookups: Any) -> "Table": ...
    def by(self, *fields: str) -> "Table": ...
    def count(self) -> "Table": ...
    def count_distinct(self, field: str) -> "Table": ...
    def sum(self, field: str) -> "Table": ...
    def avg(self, field: str) -> "Table": ...
    def min(self, field: str) -> "Table": ...
    def max(self, field: str) -> "Table": ...
    def share(self, of: str | None = None, **lookups: Any) -> "Table": ...
    def select(self, *fields: str) -> "Table": ...
    def sort(self, *fields: str) -> "Table": ...
    def top(self, n: int) -> "Table": ...

def col(name: str) -> Column: ...  # another column of the same row, as a value
def number(query: Any) -> float: ...  # a one-cell result, for arithmetic
def any_of(first: Rows, second: Rows) -> Rows: ...  # the rows of either query
def decline() -> Outcome: ...  # the question is outside this application
def unsupported(asked: str) -> Outcome: ...  # about this application, but nothing here does it
def clarify(what: str) -> Outcome: ...  # something is missing, or fits several names
'''


def stub(app: App, only: Iterable[str] | None = None) -> str:
    """The stub of an app; of the views named in `only`, if given, and all its tasks."""
    views = [view for name, view in app.views.items() if only is None or name in set(only)]
    parts = [HEADER, *(f"class {name}: ..." for name in sorted(app.opaque)), ""]
    parts += [_view(view) for view in views]
    parts += [*listings(app), *(task_line(task) for task in app.tasks.values())]
    return "\n".join(part for part in parts if part) + "\n"


def listings(app: App) -> list[str]:
    """The functions that list names, each as a line of the stub."""
    return [
        f"def {kind.plural}({_narrowing(app, kind)}) -> list[str]: ...  # their names, to loop over"
        for kind in app.kinds.values()
        if kind.plural
    ]


def _narrowing(app: App, kind: NameKind) -> str:
    column = app.narrowing(kind)
    return f"{column.names or column.name}: str | None = None" if column else ""


def _view(view: View) -> str:
    name = f"{view.name.title().replace('_', '')}Query"
    fields = _literals(c.name for c in view.columns)
    buckets = _literals(f"{c.name}__{b}" for c in view.columns if c.type in TEMPORAL for b in ("week", "month"))
    numbers = _literals(c.name for c in view.columns if c.type in NUMERIC) or "str"
    sorts = _literals([c.name for c in view.columns] + [f"-{c.name}" for c in view.columns])
    groups = f"{fields} | {buckets}" if buckets else fields
    lookups = ", ".join(item for column in view.columns for item in _lookups(column))
    return f'''class {name}:
    """{view.doc}: {"; ".join(_described(c) for c in view.columns)}"""
    def where(self, *, {lookups}) -> "{name}": ...
    def by(self, *fields: {groups}) -> Table: ...
    def count(self) -> Table: ...
    def count_distinct(self, field: {fields}) -> Table: ...
    def sum(self, field: {numbers}) -> Table: ...
    def avg(self, field: {numbers}) -> Table: ...
    def min(self, field: {fields}) -> Table: ...
    def max(self, field: {fields}) -> Table: ...
    def share(self, of: {numbers} | None = None, *, {lookups}) -> Table: ...
    def select(self, *fields: {fields}) -> "{name}": ...
    def sort(self, *fields: {sorts}) -> "{name}": ...
    def top(self, n: int) -> "{name}": ...
{view.name}: {name}
'''


def _described(column: Column) -> str:
    return f"{column.name} ({column.doc})"


def _literals(names: Iterable[str]) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"Literal[{quoted}]" if quoted else ""


def _lookups(column: Column) -> Iterable[str]:
    kind = _literals(column.values) or PYTHON_TYPES[column.type]
    yield f"{column.name}: {kind} | Column | None = ..."
    for lookup in COMPARISONS[column.type]:
        yield f"{column.name}__{lookup}: {_operand(lookup, kind)} = ..."


def _operand(lookup: str, kind: str) -> str:
    special = {
        "isnull": "bool",
        "contains": "str",
        "next": "int",
        "last": "int",
        "weeks": "int",
        "month": "str",
        "week": WEEKS,
        "in": f"list[{kind}] | tuple[{kind}, ...] | Any"
        if kind in PYTHON_TYPES.values()
        else f"list[{kind}] | tuple[{kind}, ...] | Table",
    }
    # a whole number may be compared with an average
    compared = "float" if kind == "int" and lookup != "ne" else kind
    return special.get(lookup, f"{compared} | Column | None")


def task_line(task: Task) -> str:
    """A task as a line of the stub."""
    parameters = ", ".join(_parameter(p) for p in task.signature.parameters.values())
    comment = f"  # {task.doc}" if task.doc else ""
    return f"def {task.name}({parameters}) -> {_annotation(task.signature.return_annotation)}: ...{comment}"


def _parameter(parameter: inspect.Parameter) -> str:
    star = "*" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else ""
    text = f"{star}{parameter.name}: {_annotation(parameter.annotation)}"
    return text if parameter.default is inspect.Parameter.empty else f"{text} = {parameter.default!r}"


def _annotation(annotation: Any) -> str:
    if annotation in (inspect.Parameter.empty, Any):
        return "Any"
    if annotation is None or annotation is types.NoneType:
        return "None"
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Union:
        return " | ".join(_annotation(item) for item in get_args(annotation))
    if get_origin(annotation) is Literal:
        return f"Literal[{', '.join(map(repr, get_args(annotation)))}]"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
