"""The check of a program before it runs: its form, and its names against the database.

What this wall covers: the syntax that a program may use (a list of what may, all else may not), its length and depth,
literal names, and answers that a model makes up by itself. What it does not: argument types (the type check in
sandbox.py, which reads the same text that runs: `code`), names and numbers that are computed (checked again when they
arrive at a query or a task), and how long a program runs (the sandbox).
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from copilot.app import App
from copilot.errors import Ambiguous, NameMistake, ProgramError
from copilot.names import Found, Names

MAX_CHARACTERS = 4_000
MAX_DEPTH = 40
MADE_OF = "`copilot stub` shows what one is made of"
FILE = "<program>"
warnings.filterwarnings("ignore", module=FILE)  # what Python thinks of a program's style is nothing to an operator
RUNS_TEXT = {"eval", "exec", "compile"}
"""What would run a text that this check has not seen; the sandbox would hold it, its names would go unchecked."""
OUTCOMES = {"decline", "unsupported", "clarify"}
"""The words for a question that nothing of the application answers."""
ALLOWED = (
    *(ast.Module, ast.Expr, ast.Assign, ast.AugAssign, ast.For, ast.While, ast.If, ast.Break, ast.Continue, ast.Pass),
    *(ast.FunctionDef, ast.Return, ast.arguments, ast.arg, ast.Lambda, ast.Call, ast.keyword, ast.Starred),
    *(ast.Name, ast.Attribute, ast.Constant, ast.JoinedStr, ast.FormattedValue, ast.expr_context),
    *(ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Subscript, ast.Slice, ast.NamedExpr, ast.IfExp),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)
"""The syntax of programs: values, calls, loops and small functions. No classes, exceptions, imports or files."""


@dataclass(frozen=True)
class Mention:
    """A literal name in a program: where it stands, what kind of name is due there, and whether several may stand."""

    node: ast.Constant
    kind: str
    several: bool = False

    @property
    def text(self) -> str:
        return str(self.node.value)


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
        tree = ast.parse(program.strip(), FILE)
    except SyntaxError as error:
        place = f"line {error.lineno or 1}, column {max(error.offset or 1, 1)}"
        raise ProgramError(f"{place}: this is not a program: {error.msg}; {MADE_OF}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ProgramError(f"this is not a program: it cannot be read; {MADE_OF}") from error
    if not tree.body:
        raise ProgramError(f"there is no program; {MADE_OF}")
    if _depth(tree) > MAX_DEPTH:
        raise ProgramError(f"the program is nested more than {MAX_DEPTH} deep")
    for node in ast.walk(tree):
        _refuse(node)
    return tree


def code(program: str) -> str:
    """The text that is type-checked and run: the tree's own, so that no comment or odd space can tell them apart.

    Raises ProgramError as `parse` does.
    """
    return _text(parse(program))


def asks(app: App, program: str) -> bool:
    """Whether a program asks the application anything, or is only what its writer says by itself."""
    tree = parse(program)
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    called = {func.id for func in calls if isinstance(func, ast.Name)}
    listings = {kind.plural for kind in app.kinds.values()}
    return bool(views_used(app, tree) or called & (listings | set(app.tasks) | OUTCOMES))


def settle(app: App, names: Names, program: str) -> Settled:
    """Resolve every literal name of a program.

    Raises:
        NameMistake: a name that is not in the database.
        Ambiguous: a name that fits several where one is due.
    """
    tree = parse(program)
    found = [(mention, _meant(names, mention)) for mention in mentions(app, tree)]
    mended = tuple(NameMistake(m.kind, m.text, f.names) for m, f in found if f.mended)
    if all(f.names == (m.text,) for m, f in found):
        return Settled(program.strip())
    meant = {id(m.node): f.names for m, f in found}
    return Settled(_text(ast.fix_missing_locations(_Renamed(meant).visit(tree))), mended)


def mentions(app: App, tree: ast.AST) -> Iterator[Mention]:
    """Every literal in the tree that stands where a name is due."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        yield from _in_step(app, call)
        yield from _in_call(app, call)


def views_used(app: App, tree: ast.AST) -> set[str]:
    """The views that a program names."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in app.views}


def _refuse(node: ast.AST) -> None:
    if isinstance(node, ast.Import | ast.ImportFrom):
        raise ProgramError(f"{_place(node)}: a program imports nothing; `copilot stub` shows what it may call")
    if not isinstance(node, ALLOWED) or getattr(node, "decorator_list", None):
        used = type(node).__name__.lower()
        raise ProgramError(f"{_place(node)}: a program may not use {used}; it is made of calls and their values")
    name = getattr(node, "attr", None) or getattr(node, "id", None) or ""
    if isinstance(name, str) and (name.startswith("__") or name in RUNS_TEXT):
        raise ProgramError(f"{_place(node)}: a program may not use {name}; `copilot stub` shows what it may call")


def _place(node: ast.AST) -> str:
    return f"line {getattr(node, 'lineno', 1)}, column {getattr(node, 'col_offset', 0) + 1}"


def _in_step(app: App, call: ast.Call) -> Iterator[Mention]:
    view = _view_behind(call.func)
    if view not in app.views:
        return
    kinds = {column.name: column.names for column in app.views[view].columns}
    for keyword in call.keywords:
        name, _, lookup = (keyword.arg or "").partition("__")
        kind = kinds.get(name)
        if kind and lookup in ("", "ne", "in"):
            yield from (Mention(node, kind, several=lookup != "ne") for node in _texts(keyword.value))


def _in_call(app: App, call: ast.Call) -> Iterator[Mention]:
    if not isinstance(call.func, ast.Name):
        return
    parameters = _parameters(app, call.func.id)
    written = [*zip(parameters, call.args, strict=False), *((k.arg or "", k.value) for k in call.keywords)]
    for parameter, value in written:
        if kind := app.kind_of(parameter):
            yield from (Mention(node, kind) for node in _texts(value))


def _parameters(app: App, function: str) -> list[str]:
    """The parameters of a task, or of a listing such as ``warehouses(region=None)``."""
    if function in app.tasks:
        return list(app.tasks[function].signature.parameters)
    listed = next((kind for kind in app.kinds.values() if kind.plural and kind.plural == function), None)
    narrowing = app.narrowing(listed) if listed else None
    return [narrowing.names or narrowing.name] if narrowing else []


def _view_behind(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else None


def _texts(node: ast.expr) -> Iterator[ast.Constant]:
    items = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else [node]
    yield from (item for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str))


def _meant(names: Names, mention: Mention) -> Found:
    found = names.resolve(mention.kind, mention.text)
    if len(found.names) > 1 and not mention.several:
        raise Ambiguous(mention.kind, mention.text, found.names)
    return found


class _Renamed(ast.NodeTransformer):
    """Puts the names meant in the place of those written; where one means several, equality becomes membership.

    Args:
        meant: the names by the identity of the literal.
    """

    def __init__(self, meant: dict[int, tuple[str, ...]]) -> None:
        self.meant = meant

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        names = self.meant.get(id(node.value), ())
        if len(names) > 1 and node.arg:
            listed = ast.List([ast.Constant(name) for name in names], ast.Load())
            return ast.keyword(f"{node.arg.partition('__')[0]}__in", listed)
        return self.generic_visit(node)

    def visit_List(self, node: ast.List) -> ast.AST:
        return ast.List([item for old in node.elts for item in self._items(old)], ast.Load())

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        return ast.Tuple([item for old in node.elts for item in self._items(old)], ast.Load())

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        names = self.meant.get(id(node))
        return ast.Constant(names[0]) if names else node

    def _items(self, old: ast.expr) -> list[ast.expr]:
        names = self.meant.get(id(old))
        return [ast.Constant(name) for name in names] if names else [self.visit(old)]


def _text(tree: ast.AST) -> str:
    """The tree as text, in double quotes where that is possible."""
    try:
        text = ast.unparse(tree)
    except ValueError as error:  # a number of thousands of digits, or quotes in an f-string that cannot be written
        raise ProgramError("the program holds a number or a text that cannot be written down") from error
    return text if '"' in text or "\\" in text else text.replace("'", '"')


def _depth(tree: ast.AST) -> int:
    deepest, level = 0, [tree]
    while level:
        deepest += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return deepest
