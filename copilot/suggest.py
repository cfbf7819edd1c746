"""What else one could ask: after an answer, and instead of what the app cannot do."""

from __future__ import annotations

import ast

from rapidfuzz import fuzz, process

from copilot.app import App

OFFERED = 3


def nearest(app: App, asked: str) -> list[str]:
    """The questions of the app's own list that come nearest to what was asked, best first."""
    by_word = {word: question for word, question in app.nearest.items() if word in asked.lower()}
    ranked = process.extract(asked, app.examples, scorer=fuzz.token_set_ratio, limit=OFFERED)
    return list(dict.fromkeys([*by_word.values(), *(question for question, *_ in ranked)]))[:OFFERED]


def suggestions(app: App, program: str) -> list[str]:
    """Questions that go on from a program: the app's examples that name its views and tasks, then those nearest."""
    used = _names(ast.parse(program))
    words = {word for name in used for word in (name, name.rstrip("s"), name.replace("_", " "))}
    near = [question for question in app.examples if any(word in question.lower() for word in words)]
    described = [(app.views.get(name) or app.tasks.get(name)) for name in used]
    about = " ".join(thing.doc for thing in described if thing)
    ranked = process.extract(about, app.examples, scorer=fuzz.token_set_ratio, processor=str.lower, limit=None)
    return list(dict.fromkeys([*near, *(question for question, *_ in ranked)]))[:OFFERED]


def drafts(app: App, program: str) -> list[str]:
    """For each task in a program that only tries something, the program that saves it: plan(...) for what_if(...)."""
    calls = (node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Call))
    tried = [call for call in calls if _task(call) in app.saves and _names(call) <= app.tasks.keys()]
    return [app.saves[_task(call)] + _text(program, call).removeprefix(_task(call)) for call in tried]


def _text(program: str, call: ast.Call) -> str:
    return ast.get_source_segment(program, call) or ""


def _task(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
