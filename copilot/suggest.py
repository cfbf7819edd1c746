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
    """Questions that go on from a program: the app's examples of the same views and tasks."""
    used = {node.id for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Name)}
    words = {word for name in used for word in (name, name.rstrip("s"), name.replace("_", " "))}
    near = [question for question in app.examples if any(word in question.lower() for word in words)]
    return [*near, *(q for q in app.examples if q not in near)][:OFFERED]
