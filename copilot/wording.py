"""A program in plain words: what a person chooses between when a question can be read in two ways."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from copilot.app import App
from copilot.show import label, phrase

SIGNS = {ast.Add: "plus", ast.Sub: "minus", ast.Mult: "times", ast.Div: "divided by"}
ASIDE = {
    "decline": "Something else, that is not about {about}",
    "unsupported": "Something that I cannot do: {0}",
    "clarify": "Something that I have to ask first: {0}",
}


def worded(app: App, program: str) -> str:
    """What a checked program asks for, in words; its own text where that is plainer."""
    *_, last = ast.parse(program).body
    text = _Wording(app).of(last.value) if isinstance(last, ast.Expr) else program
    return f"{text[:1].upper()}{text[1:]}"


class _Wording:
    def __init__(self, app: App) -> None:
        self.app = app

    def of(self, node: ast.expr) -> str:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._call(node, node.func.id)
        if _base(node) in self.app.views:
            return self._query(node)
        if isinstance(node, ast.List | ast.Tuple):
            return "; ".join(map(self.of, node.elts))
        if isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
            return f"{self.of(node.left)} {SIGNS[type(node.op)]} {self.of(node.right)}"
        return _value(node)

    def _call(self, node: ast.Call, name: str) -> str:
        given = [self.of(value) for value in node.args]
        if name in ASIDE:
            return ASIDE[name].format(*given, about=self.app.about)
        if name == "number":
            return given[0]
        given += [f"{_spaced(k.arg or '')} {self.of(k.value)}" for k in node.keywords]
        lead = self.app.labels.get(name) or _spaced(name)
        nested = any(isinstance(value, ast.Call) for value in node.args)
        return f"{lead}{':' if nested else ''} {(' and ' if nested else ', ').join(given)}".strip()

    def _query(self, node: ast.expr) -> str:
        steps = list(_steps(node))
        noun = _spaced(_base(node))
        said = [self._step(noun, name, call) for name, call in steps]
        measures = [text for (name, _), text in zip(steps, said, strict=True) if name in MEASURES]
        what = f"{' and '.join(measures)} of {noun}" if measures else self._shown(noun, steps)
        rest = [text for (name, _), text in zip(steps, said, strict=True) if name not in MEASURES and text]
        return " ".join([what, *rest])

    def _shown(self, noun: str, steps: list[tuple[str, ast.Call]]) -> str:
        columns = [_value(arg) for name, call in steps if name == "select" for arg in call.args]
        return f"{', '.join(map(_spaced, columns))} of {noun}" if columns else f"all of {noun}"

    def _step(self, noun: str, name: str, call: ast.Call) -> str:
        given = [_value(arg) for arg in call.args]
        filters = " and ".join(phrase(f"{k.arg}={self._filter(k.value)}") for k in call.keywords)
        match name:
            case "where":
                return f"with {filters}"
            case "by":
                return f"by {' and '.join(map(_spaced, given))}"
            case "share":
                return f"share{f' of {_spaced(given[0])}' if given else ''}{f' with {filters}' if filters else ''}"
            case "count":
                return "number"
            case "sort":
                return f"sorted by {' and '.join(map(_sorted, given))}"
            case "top":
                return f"(the first {given[0]})"
            case "select":
                return ""
        return label("_".join([name, *given]), noun).lower()

    def _filter(self, node: ast.expr) -> str:
        if isinstance(node, ast.List | ast.Tuple):
            return " or ".join(map(_value, node.elts))
        return f"({self.of(node)})" if isinstance(node, ast.Call) else _value(node)


MEASURES = {"count", "count_distinct", "sum", "avg", "min", "max", "share"}


def _steps(node: ast.expr) -> Iterator[tuple[str, ast.Call]]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield from _steps(node.func.value)
        yield node.func.attr, node


def _base(node: ast.expr) -> str:
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _sorted(column: str) -> str:
    return f"{_spaced(column[1:])}, highest first" if column.startswith("-") else _spaced(column)


def _value(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node).replace("'", '"')


def _spaced(name: str) -> str:
    return name.replace("__", " ").replace("_", " ")
