"""How people may speak of any app's views and tasks, derived from what the app says of them itself.

Views that have no fragments written by hand get these: each column by what it holds, a name, one of a few values, a
number or a date. They are plainer than what people say; an app's own voices bring that.
"""

from __future__ import annotations

import inspect
import json
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict

from copilot.app import App, Task
from copilot.query import NUMERIC, TEMPORAL, Column, View
from finetune.fill import SLOT
from finetune.fragments import FOLDER, Bank, Filter, Measure, Named, Rank
from finetune.pairs import VOICES, Pair, read_pairs
from finetune.slots import Slots

OUTSIDE, UNDONE = 0.3, 0.3
"""Parts of what is no query; the rest calls tasks."""
PLAIN = re.compile("<said>|{<kind>")
"""What says which column is meant."""
INCOMPLETE = 0.2
"""The part of calls that lack an argument, which is then asked for."""
SEVERAL = 0.2
"""The part of calls that are made for several names."""
DIRECTIONS = {"source": ("from", "out of", "taken from"), "target": ("to", "over to", "into")}
"""How people say which name something comes from or goes to, by the parameter that takes it."""
QUOTE = '"'


class Part(BaseModel):
    """What a column, or the rows, bring to a view's fragments; ``<column>``, ``<said>`` and the like to be put in."""

    model_config = ConfigDict(extra="forbid")

    filters: list[Filter] = []
    groups: list[Named] = []
    measures: list[Measure] = []
    ranks: list[Rank] = []


class Derived(BaseModel):
    """Fragments for whatever a column may hold, ways to call a task, and what is asked in vain of any app."""

    model_config = ConfigDict(extra="forbid")

    rows: Part
    named: Part
    closed: Part
    number: Part
    empty: Part
    date: Part
    calls: list[str]
    undone: dict[str, list[str]]


def read_derived() -> Derived:
    """The fragments that serve any app."""
    return Derived.model_validate_json((FOLDER / "derived.json").read_text(encoding="utf-8"))


def bank(app: App, view: View, said: Derived) -> Bank:
    """How people may speak of a view, from its columns and the app's words."""
    rows, counted = _ways(app, view.name), _counted(view)
    parts = [_filled(said.rows, {"rows": rows}, {"count()": f'sum("{counted}")'} if counted else {})]
    parts += [part for column in view.columns for part in _parts(app, view, column, said)]
    measures = [measure for part in parts for measure in part.measures]
    return Bank(
        view=view.name, rows=rows, whole=True, counted=counted, key=[*view.keys],
        filters=[one for part in parts for one in part.filters],
        groups=[one for part in parts for one in part.groups if (one.p,) != view.keys],
        measures=measures, ranks=[one for part in parts for one in part.ranks],
        columns=[Named(p=column.name, said=_ways(app, column.name)) for column in view.columns],
    )  # fmt: skip


def _counted(view: View) -> str:
    """The column that counts what the view is called after (doses left, of doses): how many there are is its sum."""
    own = [c for c in view.columns if c.type == "int" and c.doc.partition(";")[0] == view.name.replace("_", " ")]
    return own[0].name if own else ""


def _parts(app: App, view: View, column: Column, said: Derived) -> Iterator[Part]:
    """The fragments of a column; what does not say the column is left out where another holds the like."""
    alike = [c for c in view.columns if _holds(c) == _holds(column)]
    texts = {"column": [column.name], "kind": [column.names or ""], "value": list(column.values)}
    texts |= {"said": _ways(app, column.name), "slot": ["money" if column.type == "float" else "quantity"]}
    for name in _holds(column)[:1]:
        yield _filled(getattr(said, name), texts, clear=len(alike) == 1)
    if "empty" in column.doc:
        yield _filled(said.empty, texts)


def _holds(column: Column) -> tuple[str, ...]:
    """The part of the fragments that fits a column, and of which kind of name; nothing of free text."""
    if column.names:
        return ("named", column.names)
    kinds = {**dict.fromkeys(NUMERIC, "number"), **dict.fromkeys(TEMPORAL, "date")}
    kind = "closed" if column.values else kinds.get(column.type)
    return (kind,) if kind else ()


def _ways(app: App, name: str) -> list[str]:
    """What a view or column is called: its name, its label, and the operator's words for it."""
    words = [word for word, meant in app.words.items() if meant == name]
    return list(dict.fromkeys([name.replace("_", " "), *([app.labels[name]] if name in app.labels else []), *words]))


def _filled(
    part: Part, texts: dict[str, list[str]], programs: dict[str, str] | None = None, clear: bool = True
) -> Part:
    """The part with its places filled: a fragment for each program, a wording for each way of speaking.

    Args:
        programs: pieces of program in the place of others.
        clear: whether a wording is clear that does not say which column it means.
    """
    return Part.model_validate({
        name: [made for one in fragments for made in _fragments(one, texts, programs or {}, clear)]
        for name, fragments in part.model_dump().items()
    })  # fmt: skip


def _fragments(
    one: dict[str, Any], texts: dict[str, list[str]], programs: dict[str, str], clear: bool
) -> Iterator[dict[str, Any]]:
    for value in texts["value"] if "<value>" in one["p"] else [""]:
        own = texts | {"value": [value]}
        (program,) = _spelt(programs.get(one["p"], one["p"]), own)
        ways = {name: [w for w in said if clear or PLAIN.search(w)] for name, said in one.items() if name != "p"}
        yield {"p": program, **{name: [s for w in said for s in _spelt(w, own)] for name, said in ways.items()}}


def _spelt(text: str, texts: dict[str, list[str]]) -> list[str]:
    spelt = [text]
    for place, ways in texts.items():
        spelt = [s.replace(f"<{place}>", way) for s in spelt for way in (ways if f"<{place}>" in s else [""])]
    return spelt


class Calls:
    """Draws questions that call a task of an app: with all it needs, without one thing, for two names or a group."""

    def __init__(self, app: App, said: Sequence[str], rng: random.Random) -> None:
        self.app, self.said, self.rng = app, said, rng
        self.tasks = [task for task in app.tasks.values() if all(map(self._value, _required(task)))]

    def pair(self) -> Pair:
        """One question. Needs a task whose arguments can be said."""
        task, slots = self.rng.choice(self.tasks), Slots()
        given = [p for p in _parameters(task) if self._value(p) and (p in _required(task) or self.rng.random() < 0.4)]
        values = {p.name: slots.apart(self._value(p))[0] for p in given}
        needed, drawn = [p.name for p in _required(task)], self.rng.random()
        if len(needed) > 1 and drawn < INCOMPLETE:
            missing = self.rng.choice(needed)
            del values[missing]
            return Pair(q=self._question(task, values), p=f'clarify("{self._called(missing)}")')
        named = [name for name in values if self.app.kind_of(name)]
        if named and drawn > 1 - SEVERAL:
            return self._several(task, values, self.rng.choice(named), slots)
        return Pair(q=self._question(task, values), p=_call(task, values))

    def _several(self, task: Task, values: dict[str, str], name: str, slots: Slots) -> Pair:
        """The call for two names, or for each of a group's where the app can list them."""
        kind = self.app.kinds[str(self.app.kind_of(name))]
        column = self.app.narrowing(kind) if kind.plural else None
        if column and column.names and self.rng.random() < 0.5:
            group = slots.apart(f"{{{column.names}}}")[0]
            spoken = self.rng.choice([f"each {kind.kind} in", f"every {kind.kind} of", f"all {kind.plural} in"])
            one = kind.kind[0]
            question = self._question(task, values | {name: f"{spoken} {group}"})
            call = _call(task, values | {name: one})
            return Pair(q=question, p=f"[{call} for {one} in {kind.plural}({group})]")
        other = slots.apart(f"{{{kind.kind}}}")[0]
        joint = self.rng.choice([" and ", " and then ", " or ", ", then "])
        calls = ", ".join(_call(task, values | {name: each}) for each in (values[name], other))
        return Pair(q=self._question(task, values | {name: f"{values[name]}{joint}{other}"}), p=f"[{calls}]")

    def _question(self, task: Task, values: dict[str, str]) -> str:
        spoken = [self._spoken(name, value.replace(QUOTE, "")) for name, value in values.items()]
        self.rng.shuffle(spoken)
        joined = self.rng.choice([" ", " ", ", "]).join(spoken)
        frame = self.rng.choice(self.said).replace("<task>", task.name.replace("_", " "))
        return frame.replace("<args>", joined).strip()

    def _spoken(self, name: str, value: str) -> str:
        """An argument as people say it: which way it goes, its name, or itself alone where its kind tells."""
        if name in DIRECTIONS:
            return f"{self.rng.choice(DIRECTIONS[name])} {value}"
        called = self._called(name)
        if self.app.kind_of(name):
            return self.rng.choice([value, value, f"{called} {value}"])
        return self.rng.choice([f"{called} {value}", f"{value} {called}", f"{value} {called}"])

    def _value(self, parameter: inspect.Parameter) -> str:
        """What is written for a parameter: a slot, or one of its few values; empty if it takes neither."""
        if kind := self.app.kind_of(parameter.name):
            return f"{{{kind}}}"
        if get_origin(parameter.annotation) is Literal:
            return json.dumps(self.rng.choice(get_args(parameter.annotation)))
        return {int: "{quantity}", float: "{money}"}.get(parameter.annotation, "")

    def _called(self, name: str) -> str:
        kind = self.app.kind_of(name)
        return name.replace("_", " ") if not kind or name == kind else f"{name.replace('_', ' ')} {kind}"


class Others:
    """Draws what is no query: calls of an app's tasks, what no app of this kind does, and what is outside any."""

    def __init__(self, app: App, said: Derived, rng: random.Random) -> None:
        self.said, self.rng, self.calls = said, rng, Calls(app, said.calls, rng)
        spoken = [pair for path in sorted(VOICES.glob("*.jsonl")) for pair in read_pairs(path)]
        self.outside = [p for p in spoken if p.p == "decline()" and not p.context and not SLOT.search(p.q)]

    def pair(self, rows: str) -> tuple[str, Pair]:
        """One of them, with what it is; `rows` are some that it may be about, with slots."""
        drawn = self.rng.random()
        if drawn < OUTSIDE:
            return "outside", self.rng.choice(self.outside)
        if drawn < OUTSIDE + UNDONE or not self.calls.tasks:
            return "undone", self._undone(rows)
        return "calls", self.calls.pair()

    def _undone(self, rows: str) -> Pair:
        act, ways = self.rng.choice(list(self.said.undone.items()))
        return Pair(q=self.rng.choice(ways).replace("{rows}", rows), p=f'unsupported("{act}")')


def _parameters(task: Task) -> list[inspect.Parameter]:
    return list(task.signature.parameters.values())


def _required(task: Task) -> list[inspect.Parameter]:
    return [p for p in _parameters(task) if p.default is inspect.Parameter.empty]


def _call(task: Task, values: dict[str, str]) -> str:
    """The call: what it needs by position, the rest by name."""
    needed = {p.name for p in _required(task)}
    return f"{task.name}({', '.join(v if n in needed else f'{n}={v}' for n, v in values.items())})"
