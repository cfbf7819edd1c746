"""The check of a program before it runs: its form, its types against the stub, its names against the database.

What this wall covers: syntax, what may be called, argument types, literal names. What it does not: names and numbers
that are computed (checked again when they arrive at a task), and how long a program runs (the sandbox).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from copilot.app import App
from copilot.errors import Ambiguous, NameMistake, ProgramError
from copilot.names import Names

MAX_CHARACTERS = 4_000
MAX_DEPTH = 40


@dataclass(frozen=True)
class Mention:
    """A literal name in a program: where it stands and what kind of name is due there."""

    node: ast.Constant
    kind: str


@dataclass(frozen=True)
class Settled:
    """A program with its names settled.

    Args:
        program: its text, each name as the database has it.
        mended: names that were found only by nearness, each with what it was taken for.
    """

    program: str
    mended: tuple[NameMistake, ...] = ()


def parse(program: str) -> ast.Module:
    """The program's syntax tree. Raises ProgramError if it is none, too long or too deep."""
    if len(program) > MAX_CHARACTERS:
        raise ProgramError(f"a program is at most {MAX_CHARACTERS} characters long; this one has {len(program)}")
    try:
        tree = ast.parse(program.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ProgramError(f"this is not a program: {getattr(error, 'msg', None) or 'it cannot be read'}") from error
    if not tree.body:
        raise ProgramError("there is no program; try: orders.count()")
    if _depth(tree) > MAX_DEPTH:
        raise ProgramError(f"the program is nested more than {MAX_DEPTH} deep")
    for node in ast.walk(tree):
        _refuse(node)
    return tree


def settle(app: App, names: Names, program: str) -> Settled:
    """Resolve every literal name of a program.

    Raises:
        NameMistake: a name that is not in the database.
        Ambiguous: a name that fits several where one is due.
    """
    tree = parse(program)
    edits, mended = [], []
    for mention in mentions(app, tree):
        meant, guessed = _meant(app, names, mention, tree)
        if guessed:
            mended.append(NameMistake(mention.kind, mention.node.value, meant))
        edits.append((mention.node, meant))
    return Settled(_rewritten(program.strip(), edits), tuple(mended))


def mentions(app: App, tree: ast.AST) -> Iterator[Mention]:
    """Every literal in the tree that stands where a name is due."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        yield from _in_step(app, call)
        yield from _in_task(app, call)


def views_used(app: App, tree: ast.AST) -> set[str]:
    """The views that a program names."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in app.views}


def _refuse(node: ast.AST) -> None:
    if isinstance(node, ast.Import | ast.ImportFrom):
        raise ProgramError("a program imports nothing; `copilot stub` shows what it may call")
    name = getattr(node, "attr", None) or getattr(node, "id", None) or ""
    if isinstance(name, str) and name.startswith("__"):
        raise ProgramError(f"a program may not use {name}; `copilot stub` shows what it may call")


def _in_step(app: App, call: ast.Call) -> Iterator[Mention]:
    view = _view_behind(call.func)
    if view not in app.views:
        return
    kinds = {column.name: column.names for column in app.views[view].columns}
    for keyword in call.keywords:
        name, _, lookup = (keyword.arg or "").partition("__")
        kind = kinds.get(name)
        if kind and lookup in ("", "ne", "in"):
            yield from (Mention(node, kind) for node in _texts(keyword.value))


def _in_task(app: App, call: ast.Call) -> Iterator[Mention]:
    if not isinstance(call.func, ast.Name):
        return
    plurals = {kind.plural for kind in app.kinds.values() if kind.plural}
    if call.func.id in plurals:
        yield from (Mention(node, "region") for a in [*call.args, *(k.value for k in call.keywords)] for node in _texts(a))
    if call.func.id not in app.tasks:
        return
    parameters = list(app.tasks[call.func.id].signature.parameters)
    positional = zip(parameters, call.args, strict=False)
    written = [*positional, *((k.arg or "", k.value) for k in call.keywords)]
    for parameter, value in written:
        if kind := app.kind_of(parameter):
            yield from (Mention(node, kind) for node in _texts(value))


def _view_behind(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else None


def _texts(node: ast.expr) -> Iterator[ast.Constant]:
    items = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else [node]
    yield from (item for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str))


def _meant(app: App, names: Names, mention: Mention, tree: ast.AST) -> tuple[tuple[str, ...], bool]:
    text = mention.node.value
    found = names.resolve(mention.kind, text)
    if len(found.names) > 1 and not _takes_several(mention, tree):
        raise Ambiguous(mention.kind, text, found.names)
    return found.names, found.mended


def _takes_several(mention: Mention, tree: ast.AST) -> bool:
    """Whether the literal is the value of a lookup in a view, where `x="a"` can become `x__in=["a", "b"]`."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and any(
            mention.node in list(_texts(k.value)) for k in node.keywords
        )
        for node in ast.walk(tree)
    )


def _rewritten(program: str, edits: list[tuple[ast.Constant, tuple[str, ...]]]) -> str:
    tree = ast.parse(program)
    places = {(node.lineno, node.col_offset): meant for node, meant in edits}
    changed = False
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        for keyword in call.keywords:
            changed |= _widen(keyword, places)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and (meant := places.get((node.lineno, node.col_offset))):
            changed |= node.value != meant[0]
            node.value = meant[0]
    return ast.unparse(tree).replace("'", '"') if changed and '"' not in ast.unparse(tree) else (
        ast.unparse(tree) if changed else program
    )


def _widen(keyword: ast.keyword, places: dict[tuple[int, int], tuple[str, ...]]) -> bool:
    value = keyword.value
    meant = places.get((value.lineno, value.col_offset), ()) if isinstance(value, ast.Constant) else ()
    if len(meant) < 2 or keyword.arg is None:
        return False
    negated = keyword.arg.endswith("__ne")
    if negated:
        raise Ambiguous(keyword.arg.partition("__")[0], value.value, meant)
    keyword.arg = keyword.arg.partition("__")[0] + "__in"
    keyword.value = ast.List([ast.Constant(name, lineno=0, col_offset=0) for name in meant], ast.Load(), lineno=0, col_offset=0)
    return True


def _depth(tree: ast.AST) -> int:
    deepest, level = 0, [tree]
    while level:
        deepest += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return deepest

