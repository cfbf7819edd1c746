"""What the type checker says of a program, as a person would say it: what is wrong, and what may be meant."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from copilot.near import did_you_mean, nearest

KINDS = {"float": "a number", "int": "a whole number", "str": "a text", "bool": "True or False"}
CALLABLE = r"(?:bound method|function) `([\w.]+)`"


def explained(complaint: str, stub: str) -> str:
    """The type checker's complaint in plain words, with a suggestion from the stub; as it is if its form is not known.

    Args:
        complaint: one line, after its place.
        stub: all that a program may call.
    """
    known = _Stub(stub)
    for pattern, told in FORMS.items():
        if found := re.fullmatch(pattern, complaint):
            try:
                return told(known, *found.groups())
            except LookupError:  # it is about one of Python's own functions
                return complaint
    return complaint


class _Stub:
    """The stub, to be asked what there is."""

    def __init__(self, text: str) -> None:
        self._tree = ast.parse(text)

    def names(self, of: str = "") -> list[str]:
        """What a program may say at the top, or the steps of a class."""
        body = self._class(of).body if of else self._tree.body
        return [node.name for node in body if isinstance(node, ast.FunctionDef)] + ([] if of else [*self._views()])

    def noun(self, of: str) -> str:
        """How a class is spoken of: a query by its view."""
        return next((view for view, kind in self._views().items() if kind == of), f"a {of.lower()}")

    def function(self, path: str) -> ast.FunctionDef:
        """A function, or a method as ``OrdersQuery.where``. Raises LookupError if there is none."""
        of, _, name = path.rpartition(".")
        body = self._class(of).body if of else self._tree.body
        functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
        return functions[name]

    def literals(self, path: str = "") -> list[str]:
        """The texts that a function takes, or any of them."""
        texts = ast.walk(self.function(path).args if path else self._tree)
        return [node.value for node in texts if isinstance(node, ast.Constant) and isinstance(node.value, str)]

    def _views(self) -> dict[str, str]:
        """The class of each view."""
        told = (node for node in self._tree.body if isinstance(node, ast.AnnAssign))
        return {node.target.id: ast.unparse(node.annotation) for node in told if isinstance(node.target, ast.Name)}

    def _class(self, name: str) -> ast.ClassDef:
        return {node.name: node for node in self._tree.body if isinstance(node, ast.ClassDef)}[name]


def _name(stub: _Stub, word: str) -> str:
    if word in stub.literals():
        return f'there is no {word}; a text stands in quotes: "{word}"'
    near = nearest(word, stub.names())
    return f"there is no {word}; {f'did you mean {near}?' if near else '`copilot stub` shows what there is'}"


def _attribute(stub: _Stub, of: str, word: str) -> str:
    return f"{stub.noun(of)} has no step {word}{did_you_mean(word, stub.names(of))}"


def _keyword(stub: _Stub, word: str, path: str) -> str:
    of, _, name = path.rpartition(".")
    takes = [argument.arg for argument in _arguments(stub.function(path))]
    if not of:
        return f"{name}() takes no {word}{did_you_mean(word, takes)}"
    near = nearest(word, takes)
    columns = (take for take in takes if "__" not in take)
    what = f"; did you mean {near}?" if near else f"; there is {', '.join(columns)}"
    return f"{stub.noun(of)} has no {word}{what}"


def _value(stub: _Stub, path: str, expected: str, found: str) -> str:
    name = path.rpartition(".")[2]
    given = re.sub(r"^Literal\[(.*)\]$", r"\1", found)
    listed = stub.literals(path) if "omitted" in expected else re.findall(r'"([^"]*)"', expected)
    if listed and given.startswith('"'):
        return f"{name}() takes no {given}{did_you_mean(given.strip(chr(34)), listed)}"
    kinds = [KINDS.get(kind, f"a {kind.lower()}") for kind in expected.split(" | ") if kind not in ("None", "Column")]
    return f"{name}() takes {' or '.join(kinds)}, not {given}"


def _missing(stub: _Stub, which: str, path: str) -> str:
    return f"{path.rpartition('.')[2]}() needs {which.replace('`', '')}; write {_written(stub.function(path))}"


def _too_many(stub: _Stub, path: str) -> str:
    return f"too many values for {path.rpartition('.')[2]}(); write {_written(stub.function(path))}"


def _arguments(function: ast.FunctionDef) -> Iterator[ast.arg]:
    yield from (argument for argument in function.args.args if argument.arg != "self")
    yield from function.args.kwonlyargs


def _written(function: ast.FunctionDef) -> str:
    """How a call is written: ``delay_order(order_id, days)``; of many keywords, the first."""
    by_place = [argument.arg for argument in function.args.args if argument.arg != "self"]
    every = [f"*{function.args.vararg.arg}"] if function.args.vararg else []
    keywords = [f"{argument.arg}=…" for argument in function.args.kwonlyargs[:1]]
    return f"{function.name}({', '.join([*by_place, *every, *keywords])})"


FORMS: dict[str, Callable[..., str]] = {
    r"Name `(\w+)` used when not defined": _name,
    r"Object of type `(\w+)` has no attribute `(\w+)`": _attribute,
    rf"Argument `(\w+)` does not match any known parameter of {CALLABLE}": _keyword,
    rf"Argument to {CALLABLE} is incorrect: Expected `(.+)`, found `(.+)`": _value,
    rf"No arguments? provided for required parameters? (.+) of {CALLABLE}": _missing,
    rf"Too many positional arguments to {CALLABLE}: expected \d+, got \d+": _too_many,
}
"""The forms of the checker's complaints, and what each comes to."""
