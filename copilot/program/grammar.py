"""The grammar: a GBNF of the programs that an app understands, to which llama.cpp can hold a model.

It is for models that were not fine-tuned. It bounds the form alone: which columns, lookups and arguments there are, not
how many arguments, nor whether a column is still there after an aggregate; the check settles these as ever.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Iterator
from typing import Any, Literal, Union, get_args, get_origin

from copilot.app import App, Task
from copilot.query import BUCKETS, COMPARISONS, NUMERIC, TEMPORAL, View

BASICS = r"""
value ::= query | task | listing | outcome | "[" task (", " task)* "]" | loop | sum
loop ::= "[" task " for " letter " in " (listing | "(" items ")" | "[" items "]") "]"
sum ::= operand (" " [-+*/] " " operand)+
operand ::= cell | number | "(" sum ")"
cell ::= "number(" query ")"
outcome ::= "decline()" | "unsupported(" text ")" | "clarify(" text ")"
texts ::= [[(] text (", " text)* [)\]]
numbers ::= [[(] number (", " number)* [)\]]
items ::= text (", " text)* | number (", " number)*
text ::= "\"" ([^"\\\n] | "\\" ["\\])* "\""
number ::= "-"? [0-9]+ ("." [0-9]+)? (" " [-/] " " [0-9]+)?
whole ::= "-"? [0-9]+
truth ::= "True" | "False"
letter ::= [a-z]
column ::= "col(" text ")"
""".strip()
OPERANDS = {"isnull": "truth", "contains": "text", "next": "whole", "last": "whole", "weeks": "whole", "month": "text",
            "week": "text"}  # fmt: skip
TYPES: dict[Any, str] = {str: "(text | letter)", int: "(number | letter)", float: "(number | cell | letter)",
                         bool: "truth", types.NoneType: '"None"'}  # fmt: skip


def grammar(app: App) -> str:
    """The GBNF; its root is one program on one line."""
    rules = ["root ::= value", BASICS, *_lookup_rules(), *(rule for view in app.views.values() for rule in _view(view))]
    rules += [_named("query", map(_rule, app.views)), *_functions(app)]
    return "\n".join(rules) + "\n"


def _functions(app: App) -> Iterator[str]:
    tasks = app.tasks.values()
    yield from (f"{_task_rule(task)} ::= {_call(task.name, task.signature.parameters.values(), app)}" for task in tasks)
    yield _named("task", map(_task_rule, tasks))
    yield _named("listing", (_listing(app, kind.plural, kind.narrowed) for kind in app.kinds.values() if kind.plural))


def _listing(app: App, plural: str, narrowed: str | None) -> str:
    kind = next(kind for kind in app.kinds.values() if kind.plural == plural)
    column = app.narrowing(kind) if narrowed else None
    return f'"{plural}(" ("{column.names or column.name}="? text)? ")"' if column else f'"{plural}()"'


def _call(name: str, parameters: Iterable[inspect.Parameter], app: App) -> str:
    """A call: what it must have, in order, and then any of the rest."""
    due, rest = list[str](), list[str]()
    for parameter in parameters:
        value = _argument(parameter, app)
        several = parameter.kind is inspect.Parameter.VAR_POSITIONAL
        (due if parameter.default is parameter.empty and not several else rest).append(value)
    more = f"({' | '.join(rest)})" if rest else ""
    if due:
        tail = f' (", " {more})*' if more else ""
        return f'"{name}(" {""" ", " """.join(due)}{tail} ")"'
    return f'"{name}(" ({more} (", " {more})*)? ")"' if more else f'"{name}()"'


def _argument(parameter: inspect.Parameter, app: App) -> str:
    value = _of_type(parameter.annotation, app)
    return value if parameter.kind is inspect.Parameter.VAR_POSITIONAL else f'"{parameter.name}="? {value}'


def _of_type(annotation: Any, app: App) -> str:
    """What may stand for an argument of a type: a literal, or a task that gives it."""
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Union:
        return f"({' | '.join(_of_type(item, app) for item in get_args(annotation))})"
    if get_origin(annotation) is Literal:
        return _choice(str(item) for item in get_args(annotation))
    if annotation in TYPES:
        return TYPES[annotation]
    given = [_task_rule(task) for task in app.tasks.values() if _gives(task, annotation)]
    return f"({' | '.join(given)})" if given else "value"


def _gives(task: Task, wanted: Any) -> bool:
    given = task.signature.return_annotation
    return isinstance(given, type) and isinstance(wanted, type) and issubclass(given, wanted)


def _lookup_rules() -> Iterator[str]:
    """What follows a column's name in a condition, by its type."""
    for kind, literal, several in (("text", "text", "texts"), ("int", "number", "numbers"), ("date", "text", "texts")):
        operand = f'({literal} | column | "None"{" | cell" if kind == "int" else ""})'
        tails = [f'"=" {operand}', *(_tail(lookup, operand, several) for lookup in COMPARISONS[kind])]
        yield _named(f"of-{kind}", tails)


def _tail(lookup: str, operand: str, several: str) -> str:
    operand = f"({several} | query)" if lookup == "in" else OPERANDS.get(lookup, operand)
    return f'"__{lookup}=" {operand}'


def _view(view: View) -> Iterator[str]:
    """A view's rules: its columns, its conditions, and the steps before and after an aggregate."""
    name = _rule(view.name)
    yield f'{name} ::= ("{view.name}" | "any_of(" {name} ", " {name} ")") {name}-step* ({name}-group {name}-after*)?'
    yield _named(f"{name}-column", _quoted(column.name for column in view.columns))
    yield _named(f"{name}-number", _quoted(c.name for c in view.columns if c.type in NUMERIC) or ['"count"'])
    yield _named(f"{name}-label", _labels(view, name))
    yield _named(f"{name}-lookup", _lookups(view))
    yield _named(f"{name}-made", (f"{name}-label of-int", f"{name}-lookup"))
    yield _named(f"{name}-step", (_where(f"{name}-lookup"), *_order(f"{name}-column")))
    yield _named(f"{name}-group", _aggregates(name))
    yield _named(f"{name}-after", (_where(f"{name}-made"), *_order(f"({name}-label | {name}-column)"), f"{name}-group"))


def _labels(view: View, name: str) -> Iterator[str]:
    """What the columns of an aggregate are called."""
    buckets = (f"{column.name}__{bucket}" for column in view.columns if column.type in TEMPORAL for bucket in BUCKETS)
    yield from _quoted(("count", "share", *buckets))
    yield f'("sum_" | "avg_") {name}-number'
    yield f'("min_" | "max_" | "count_distinct_") {name}-column'


def _lookups(view: View) -> Iterator[str]:
    """A column and what may be asked of it, the columns of a type together."""
    for kind, of in (("text", ("text",)), ("int", NUMERIC), ("date", TEMPORAL)):
        if names := list(_quoted(column.name for column in view.columns if column.type in of)):
            yield f"({' | '.join(names)}) of-{kind}"


def _order(field: str) -> tuple[str, ...]:
    quoted = rf'"\"" {field} "\""'
    signed = rf'"\"" "-"? {field} "\""'
    return (f'".select(" {_several(quoted)} ")"', f'".sort(" {_several(signed)} ")"', '".top(" [0-9]+ ")"')


def _aggregates(name: str) -> Iterator[str]:
    column, number = rf'"\"" {name}-column "\""', rf'"\"" {name}-number "\""'
    group = rf'"\"" {name}-column ({_choice(f"__{bucket}" for bucket in BUCKETS)})? "\""'
    lookups = _several(f"{name}-lookup")
    yield f'".by(" {_several(group)} ")"'
    yield '".count()"'
    yield f'(".sum(" | ".avg(") {number} ")"'
    yield f'(".min(" | ".max(" | ".count_distinct(") {column} ")"'
    yield f'".share(" ("of="? {number} (", " {lookups})? | {lookups})? ")"'


def _where(lookup: str) -> str:
    return f'".where(" {_several(lookup)} ")"'


def _several(item: str) -> str:
    return f'{item} (", " {item})*'


def _named(name: str, choices: Iterable[str]) -> str:
    return f"{name} ::= {' | '.join(choices) or 'outcome'}"


def _choice(texts: Iterable[str]) -> str:
    return f"({' | '.join(_quoted(texts))})"


def _quoted(texts: Iterable[str]) -> list[str]:
    return [f'"{text}"' for text in texts]


def _rule(name: str) -> str:
    return f"view-{name.replace('_', '-')}"


def _task_rule(task: Task) -> str:
    return f"task-{task.name.replace('_', '-')}"
