"""Programs are type-checked, and run in a worker process of Monty: no files, no network; time and memory bounded.

What the type check covers: what may be called, with which arguments. What it does not: values without a type, such as
what a lambda gives (checked on arrival). It trusts a text's comments, so it is given a text that has none.

What the sandbox covers: whatever a program computes by itself, its time, memory, recursion and number of calls; which
methods of a lent object it may call; the size of what crosses (arrival.py); the time of all its calls together. What it
does not: the host functions that it calls (queries have the connection's deadline, the planner its own), the modules
that Monty has itself (the check lets nothing be imported), and the worker's processor time beside other programs.
"""

from __future__ import annotations

import atexit
import functools
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pydantic_monty as monty

from copilot.deadline import Deadline
from copilot.errors import LimitReached, Nothing, ProgramError, TypeMistake
from copilot.program import arrival
from copilot.query import Query

SECONDS = 2.0
MEMORY = 64 * 1024 * 1024
CALLS = 500
TOGETHER = 300.0
"""Seconds for all that a question calls, queries and plans together."""
LIMITS: monty.ResourceLimits = {
    "max_feed_duration_secs": SECONDS,
    "max_memory": MEMORY,
    "max_recursion_depth": 100,
    "max_suspensions": CALLS,
}
STEPS = frozenset(
    ["where", "by", "count", "count_distinct", "sum", "avg", "min", "max", "share", "select", "sort", "top"]
)
INDENT = "    "
REQUEST_SECONDS = 120.0
STOPPED: dict[type, str] = {
    TimeoutError: f"it ran longer than {SECONDS:g} s",
    MemoryError: f"it needs more than {MEMORY >> 20} MB",
    RecursionError: "its functions call each other too deeply",
}
"""What Monty raises when a limit fires, and what that means to a person."""
SUSPENSIONS = "RuntimeError: suspension limit"


class Failure:
    """Carries the last host error past the sandbox, which would keep only its text.

    Args:
        deadline: after it, no host function is called any more.
    """

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.error: BaseException | None = None

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call a host function; what it returns is lent to the sandbox."""
        try:
            self.deadline.check()
            return lend(function(*args, **kwargs), self)
        except (AttributeError, TypeError, ValueError, ArithmeticError) as error:
            self.error = ProgramError(_key(error))
        except BaseException as error:  # Ctrl-C too: the sandbox would take it for an error of the program
            self.error = error
        raise ValueError(_key(self.error)) from None

    def behind(self, error: monty.MontyError) -> BaseException | None:
        """The host error that ended the program; None if the program caught it and failed of itself later."""
        interrupted = self.error is not None and not isinstance(self.error, Exception)
        return self.error if interrupted or (self.error and _key(self.error) in str(error)) else None


class Lent(monty.ClassInstance):
    """A host object in the sandbox: only its listed methods can be called, and what they return is lent likewise."""

    failure: Failure

    def call_method(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.failure.call(self._called, name, args, kwargs)

    def _called(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return arrival.call(name, self.get_attr(name, self.allowed_methods), *args, **kwargs)


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


def run(
    program: str,
    functions: Mapping[str, Callable[..., Any]],
    values: Mapping[str, Any],
    deadline: Deadline | None = None,
) -> Any:
    """Run a program and return the value of its last expression.

    Args:
        program: Python, as `check_types` let it pass.
        functions: host functions by name.
        values: host objects by name.
        deadline: of all that it calls; TOGETHER seconds if not given.

    Raises:
        ProgramError: it fails.
        LimitReached: it ran too long, grew too large, recursed or called too much, or its result is too large.
    """
    failure = Failure(deadline or Deadline(TOGETHER))
    lookup = {name: functools.partial(failure.call, arrival.call, name, call) for name, call in functions.items()}
    lookup |= {name: lend(value, failure) for name, value in values.items()}
    value = _fed(program, lookup, failure)
    arrival.must_be_bounded(value)
    return value


def _fed(program: str, lookup: Mapping[str, Any], failure: Failure) -> Any:
    try:
        with _pool().checkout(limits=LIMITS) as running:
            return running.feed_run(program, external_lookup=dict(lookup), print_callback=monty.CollectString(10_000))
    except monty.MontyError as error:
        raise failure.behind(error) or _told(error) from error
    except (ValueError, OverflowError) as error:  # the result does not cross: a number of thousands of digits
        raise LimitReached("the program's result is larger than can be shown") from error


def _mistake(text: str) -> TypeMistake:
    first = next(line for line in text.splitlines() if line.strip())
    found = re.match(r"main\.py:(\d+):(\d+): error\[[\w-]+\]:? ?(.*)", first)
    if found is None:
        return TypeMistake(first, 1, 1)
    line, column, complaint = found.groups()
    return TypeMistake(complaint, int(line) - 1, int(column) - len(INDENT))


def _key(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _told(error: monty.MontyError) -> ProgramError:
    text = str(error).strip()
    if isinstance(error, monty.MontyCrashedError):
        return LimitReached("the program was stopped: it ran too long or grew too large")
    if isinstance(error.exception(), ZeroDivisionError):
        return Nothing("there is nothing to divide by: a sum or count in the calculation is 0")
    if why := STOPPED.get(type(error.exception())):
        return LimitReached(f"the program was stopped: {why}")
    if text.startswith(SUSPENSIONS):
        return LimitReached(f"the program was stopped: it calls the application more than {CALLS} times")
    return ProgramError(_first_line(error, text))


def _first_line(error: monty.MontyError, text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    if isinstance(error, monty.MontyTypingError):
        return str(_mistake(text))
    said = re.sub(r"^[\w.]+: ", "", lines[-1]) if lines else ""
    return f"the program fails: {said or 'no reason is given'}"


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
