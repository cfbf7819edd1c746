"""What may cross between a program and the application: values of the types that the stub says, of a bounded size.

What this wall covers: whatever the type check could not see (a value of type Any, a computed one), and what would be
too much for the application, the database or the screen: endless texts and lists, numbers that no column holds. What
it does not: whether a value makes sense, which the query or the task says.
"""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from copilot.errors import LimitReached, ProgramError
from copilot.printable import quoted
from copilot.query import LARGEST

MOST_ITEMS = 2_000
"""Values in one call or result, those within lists counted one by one."""
MOST_CHARACTERS = 10_000
T = TypeVar("T")


def call(name: str, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Call a function of the application with what a program gave it.

    Args:
        name: what programs call it.

    Raises:
        ProgramError: an argument is missing, too much, or not of the type that the function says.
        LimitReached: they are too large.
    """
    must_be_bounded([args, kwargs])
    _must_fit(name, function, args, kwargs)
    return function(*args, **kwargs)


def must_be_bounded(value: Any) -> None:
    """Raises LimitReached if a value is larger than can be handled, ProgramError if a number in it is none."""
    for count, item in enumerate(_items(value), start=1):
        if count > MOST_ITEMS:
            raise LimitReached(f"a list holds more than {MOST_ITEMS:,} values; ask for less at once")
        if isinstance(item, str | bytes) and len(item) > MOST_CHARACTERS:
            raise LimitReached(f"a text is at most {MOST_CHARACTERS:,} characters long; this one has {len(item):,}")
        if isinstance(item, int) and not -LARGEST < item < LARGEST:
            raise LimitReached("a number is larger than any that the database holds")
        if isinstance(item, float) and not math.isfinite(item):
            raise ProgramError("a calculation gives no number: it is infinite, or undefined")


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value is of an annotated type; a whole number is a float too, a truth value is no number."""
    if annotation in (Any, inspect.Parameter.empty):
        return True
    if annotation in (None, types.NoneType):
        return value is None
    if get_origin(annotation) in (Union, types.UnionType):
        return any(fits(value, option) for option in get_args(annotation))
    if get_origin(annotation) is Literal:
        return value in get_args(annotation)
    if annotation in (int, float):
        return isinstance(value, int | annotation) and not isinstance(value, bool)
    kind = get_origin(annotation) or annotation
    return not isinstance(kind, type) or isinstance(value, kind)


def _must_fit(name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    signature = inspect.signature(function, eval_str=True)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        raise ProgramError(f"{name}(): {error}") from error
    for parameter, value in _each(signature, given):
        if not fits(value, parameter.annotation):
            raise ProgramError(f"{name}() does not take {quoted(value)} as {parameter.name}")


def _each(signature: inspect.Signature, given: dict[str, Any]) -> Iterator[tuple[inspect.Parameter, Any]]:
    for name, value in given.items():
        parameter = signature.parameters[name]
        if parameter.kind is parameter.VAR_KEYWORD:
            value = tuple(value.values())
        several = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        yield from ((parameter, one) for one in (value if several else [value]))


def _items(value: Any) -> Iterator[Any]:
    """A value and those within it, however nested."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        yield item
        if isinstance(item, list | tuple | set | frozenset):
            waiting.extend(item)
        elif isinstance(item, dict):
            waiting.extend([*item.keys(), *item.values()])
