"""What a program can reach while it runs: the app's views and tasks, and the few words of the language itself.

What this wall covers: names that a program computed are looked up here, as literal ones were before; what a task cannot
take is one line; tasks that may take long are counted. What it does not: types and sizes, which arrival.py has looked
at; what the task itself makes of them.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from copilot.answer import Declined, Unclear, Unsupported
from copilot.app import App, Context, NameKind, Task
from copilot.errors import Ambiguous, LimitReached, NameMistake, ProgramError, Refused
from copilot.names import Names
from copilot.query import ColumnRef, Query, any_of

Number = Callable[[Query], float]
MOST_TASKS = 50
"""Tasks on the data (plans, what-ifs) that one program may call; each may take long."""


def values(app: App, names: Names, context: Context) -> dict[str, Query]:
    """Every view, as a query over all its rows."""

    def meant(kind: str, text: str) -> tuple[str, ...]:
        found = names.resolve(kind, text)
        if found.mended:
            raise NameMistake(kind, text, found.names)
        return found.names

    return {name: Query.over(view, context.today, meant) for name, view in app.views.items()}


def functions(app: App, names: Names, context: Context, number: Number) -> dict[str, Callable[..., Any]]:
    """Everything that a program may call.

    Args:
        number: runs a query of one cell.
    """
    language: dict[str, Callable[..., Any]] = {
        "col": ColumnRef, "number": number, "any_of": any_of,
        "decline": Declined, "unsupported": Unsupported, "clarify": Unclear,
    }  # fmt: skip
    listings = {kind.plural: _listing(app, names, context, kind) for kind in app.kinds.values() if kind.plural}
    calls = itertools.count(1)
    return language | listings | {task.name: _task(app, names, context, task, calls) for task in app.tasks.values()}


def _task(app: App, names: Names, context: Context, task: Task, calls: Iterator[int]) -> Callable[..., Any]:
    @functools.wraps(task.call)
    def call(*args: Any, **kwargs: Any) -> Any:
        if task.wants_context and next(calls) > MOST_TASKS:
            raise LimitReached(f"a program plans and compares at most {MOST_TASKS} times; ask for less at once")
        given = task.signature.bind(*args, **kwargs)
        for parameter, value in given.arguments.items():
            if (kind := app.kind_of(parameter)) and isinstance(value, str):
                given.arguments[parameter] = _known(names, kind, value)
        before = (context,) if task.wants_context else ()
        try:
            return task.call(*before, *given.args, **given.kwargs)
        except (NameMistake, Ambiguous, LimitReached):
            raise
        except (ProgramError, ValueError) as error:
            raise Refused(str(error)) from error
        except (TypeError, ArithmeticError, LookupError) as error:
            raise Refused(f"{task.name}() cannot take these values; are they of a sensible size?") from error

    call.__signature__ = task.signature  # type: ignore[attr-defined]
    return call


def _known(names: Names, kind: str, value: str) -> str:
    found = names.resolve(kind, value)
    if found.mended or len(found.names) != 1:
        raise NameMistake(kind, value, found.names)
    return found.names[0]


def _listing(app: App, names: Names, context: Context, kind: NameKind) -> Callable[..., list[str]]:
    view, column = kind.source.split(".")
    narrowing = app.narrowing(kind)

    def listed(*among: str | None, **keyword: str | None) -> list[str]:
        value = next((value for value in (*among, *keyword.values()) if value is not None), None)
        if value is None or narrowing is None:
            return list(names.by_kind[kind.kind])
        wanted = _known(names, narrowing.names or narrowing.name, value)
        query = Query.over(app.views[view], context.today).where(**{narrowing.name: wanted}).by(column)
        rows = context.connection.execute(query.count().select(column).select_statement())
        return [str(name) for (name,) in rows]

    return listed
