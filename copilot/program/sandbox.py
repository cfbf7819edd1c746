"""Programs run in a worker process of Monty: no files, no network, no imports beyond a few; time and memory bounded.

What this wall covers: whatever a program computes by itself. What it does not: the host functions that it calls
(queries have the connection's deadline, the planner its own), whose arguments are checked on arrival.
"""

from __future__ import annotations

import atexit
import functools
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pydantic_monty as monty

from copilot.errors import LimitReached, Nothing, ProgramError, TypeMistake
from copilot.query import Query

SECONDS = 2.0
MEMORY = 64 * 1024 * 1024
LIMITS: monty.ResourceLimits = {
    "max_feed_duration_secs": SECONDS,
    "max_memory": MEMORY,
    "max_recursion_depth": 100,
    "max_suspensions": 500,
}
STEPS = frozenset(
    ["where", "by", "count", "count_distinct", "sum", "avg", "min", "max", "share", "select", "sort", "top"]
)
INDENT = "    "
REQUEST_SECONDS = 120.0
STOPPED = {
    "TimeoutError": f"it ran longer than {SECONDS:g} s",
    "MemoryError": f"it needs more than {MEMORY >> 20} MB",
    "RecursionError": "its functions call each other too deeply",
    "suspension": f"it calls the application more than {LIMITS['max_suspensions']} times",
}
"""What Monty says when a limit fires, and what that means to a person."""


class Failure:
    """Carries the last host error past the sandbox, which would keep only its text."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a host function; what it returns is lent to the sandbox."""
        try:
            return lend(function(*args, **kwargs), self)
        except (AttributeError, TypeError, ValueError, ArithmeticError) as error:
            self.error = ProgramError(_key(error))
        except Exception as error:
            self.error = error
        raise ValueError(_key(self.error)) from None

    def behind(self, error: monty.MontyError) -> Exception | None:
        """The host error that ended the program; None if the program caught it and failed of itself later."""
        return self.error if self.error and _key(self.error) in str(error) else None


class Lent(monty.ClassInstance):
    """A host object in the sandbox: only its listed methods can be called, and what they return is lent likewise."""

    failure: Failure

    def call_method(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.failure.call(super().call_method, name, args, kwargs)


def lend(value: Any, failure: Failure) -> Any:
    """Wrap a host object for the sandbox; plain values cross as they are, lists item by item."""
    if value is None or isinstance(value, str | int | float | bool | monty.ClassInstance):
        return value
    if isinstance(value, list | tuple):
        return [lend(item, failure) for item in value]
    lent = Lent(value, allowed_methods=STEPS if isinstance(value, Query) else frozenset())
    lent.failure = failure
    return lent


def check_types(program: str, stub: str) -> None:
    """Type-check a program against a stub. Raises TypeMistake at the first mistake."""
    session = _pool().checkout(limits=LIMITS, type_check=True, type_check_stubs=stub, type_check_format="concise")
    with session as running:
        try:
            running.feed_run(f"def _program():\n{_indented(program)}")
        except monty.MontyTypingError as error:
            raise _mistake(str(error)) from error
        except monty.MontyError as error:
            raise _told(error) from error


def run(program: str, functions: Mapping[str, Callable[..., Any]], values: Mapping[str, Any], stub: str = "") -> Any:
    """Type-check a program, run it and return the value of its last expression.

    Args:
        program: Python, as the stub allows.
        functions: host functions by name.
        values: host objects by name.
        stub: what the program may call; empty to skip the type check.

    Raises:
        ProgramError: it does not pass the type check, or fails.
        LimitReached: it ran too long, grew too large, recursed or called too much.
    """
    failure = Failure()
    lookup = {name: functools.partial(failure.call, call) for name, call in functions.items()}
    lookup |= {name: lend(value, failure) for name, value in values.items()}
    session = _pool().checkout(
        limits=LIMITS, type_check=bool(stub), type_check_stubs=stub or None, type_check_format="concise"
    )
    try:
        with session as running:
            return running.feed_run(program, external_lookup=lookup, print_callback=monty.CollectString(10_000))
    except monty.MontyError as error:
        raise failure.behind(error) or _told(error) from error


def _mistake(text: str) -> TypeMistake:
    first = next(line for line in text.splitlines() if line.strip())
    found = re.match(r"main\.py:(\d+):(\d+): error\[[\w-]+\]:? ?(.*)", first)
    if found is None:
        return TypeMistake(first, 1, 1)
    line, column, complaint = found.groups()
    return TypeMistake(complaint, int(line) - 1, int(column) - len(INDENT))


def _key(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _told(error: monty.MontyError) -> ProgramError:
    text = str(error).strip()
    if "ZeroDivisionError" in text:
        return Nothing("there is nothing to divide by: a sum or count in the calculation is 0")
    if isinstance(error, monty.MontyCrashedError):
        return LimitReached("the program was stopped: it ran too long or grew too large")
    for word, why in STOPPED.items():
        if word in text:
            return LimitReached(f"the program was stopped: {why}")
    return ProgramError(_first_line(error, text))


def _first_line(error: monty.MontyError, text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    if isinstance(error, monty.MontyTypingError):
        return str(_mistake(text))
    return lines[-1] if lines else "the program failed"


def _indented(program: str) -> str:
    return "\n".join(f"{INDENT}{line}" for line in program.splitlines())


_LOCK = threading.Lock()


@functools.cache
def _opened() -> monty.Monty:
    pool = monty.Monty(min_processes=1, max_processes=4, request_timeout=REQUEST_SECONDS).__enter__()
    atexit.register(pool.__exit__, None, None, None)
    return pool


def _pool() -> monty.Monty:
    with _LOCK:
        return _opened()
