"""Training text from people's phrasings: slots filled with drawn names, linked by the real linker, checked for real.

Each voice is a file of pairs, a question and its program, with slots for names and values. A pair is filled several
times, in worlds of names drawn anew, so that the model learns to copy and never to recall. What the linker would not
show the model, or the check would refuse, is dropped and counted.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from rapidfuzz import fuzz, process

from copilot.app import App
from copilot.errors import CopilotError
from copilot.link import Linker, Links
from copilot.model.prompt import Turn
from copilot.names import Names, plain
from copilot.program import check, sandbox
from copilot.program.stub import stub
from finetune import drawn
from finetune.examples import Example
from finetune.fill import SLOT, Filler, roughen
from finetune.invented import invent
from finetune.pairs import Pair, read_pairs

DEMO_SHARE = 0.3
WORLDS = 240
UNKNOWN_SHARE = 0.05
UNCLEAR = re.compile(r"clarify\(\{(city|category)\d*\}\)")
TOO_NEAR = 90.0
UNLINKED = ("title", "country")
"""Slots that are copied from the question as they stand: no names of the database."""
DEMO_TODAY = date(2026, 11, 2)


@dataclass
class Report:
    """What was made, by voice, and what was dropped, by reason."""

    made: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)


class Dropped(Exception):
    """A filled pair that is no good example; says why."""


@dataclass(frozen=True)
class World:
    """A drawn world: its names, its day and what finds them in a question."""

    names: Names
    today: date
    linker: Linker


def worlds(app: App, rng: random.Random, count: int = WORLDS, own: Names | None = None) -> list[World]:
    """So many drawn worlds; a part of them is the demo world, or holds names of the app's own database."""
    words = {plain(w): m for w, m in app.words.items()}
    made = []
    for number in range(count):
        demo = number < DEMO_SHARE * count
        names = _names(app, rng, demo, own)
        fixed = demo and drawn.draws(app)
        today = DEMO_TODAY if fixed else date(2026, 1, 5) + timedelta(days=rng.randrange(900))
        made.append(World(names, today, Linker(names, words, today)))
    return made


def _names(app: App, rng: random.Random, demo: bool = False, own: Names | None = None) -> Names:
    return drawn.draw(app, rng, demo) if drawn.draws(app) else invent(app, rng, own if demo else None)


def synthesize(
    app: App,
    pairs: Iterable[tuple[str, Pair]],
    fills: int,
    seed: int,
    avoid: Iterable[str] = (),
    report: Report | None = None,
    own: Names | None = None,
) -> Iterator[Example]:
    """Examples from pairs, each filled `fills` times at most.

    Args:
        pairs: each with the name of its voice.
        avoid: questions that nothing may come near: those of an evaluation.
        report: counts what is made and dropped.
        own: names of the app's own database, some of which are mixed with invented ones.
    """
    told, rng, seen = report or Report(), random.Random(seed), set[str]()
    near, made = [plain(question) for question in avoid], worlds(app, rng, own=own)
    for voice, pair in pairs:
        for _ in range(fills):
            try:
                example = fill(app, pair, rng.choice(made), rng)
                _must_be_new(example, seen, near)
                told.made[voice] += 1
                yield example.model_copy(update={"note": voice})
            except Dropped as why:
                told.dropped[str(why).split(":")[0]] += 1
                told.bad.append(f"{voice}: {pair.q} | {pair.p} | {why}")


def spoken(voices: Sequence[Path]) -> Iterator[tuple[str, Pair]]:
    """Every pair of the voices, with its voice. Raises DataError where a line is no pair."""
    return ((path.stem, pair) for path in voices for pair in read_pairs(path))


def fill(app: App, pair: Pair, world: World, rng: random.Random) -> Example:
    """The pair in a drawn world. Raises Dropped if it does not link or does not pass the check."""
    names, linker = world.names, world.linker
    filler = Filler(names, world.today, rng, frozenset(UNCLEAR.findall(pair.p)))
    filler.order(pair.p)
    unknown = _made_unknown(app, pair, filler, linker, rng)
    question = roughen(filler.question(pair.q), rng)
    filler.retitle(question)
    turns = tuple(Turn(filler.question(turn.q), filler.program(turn.p)) for turn in pair.context)
    program = unknown or filler.program(pair.p)
    links = linker.link(question)
    _must_be_linked(pair, filler, links, turns, unknown)
    _must_settle(app, names, program)
    _must_be_typed(app, unknown or pair.p, program)
    return Example(question=question, program=program, context=turns, links=links.shown())


def _made_unknown(app: App, pair: Pair, filler: Filler, linker: Linker, rng: random.Random) -> str:
    """Now and then a name that the database does not hold: the program then asks back with its kind."""
    unknowable = drawn.UNKNOWABLE if drawn.draws(app) else app.kinds
    slots = {m.group(0): m.group(1) for m in SLOT.finditer(pair.q) if m.group(1) in unknowable}
    if (
        pair.context
        or not slots
        or pair.p.startswith(("decline", "unsupported", "clarify"))
        or rng.random() > UNKNOWN_SHARE
    ):
        return ""
    slot, kind = rng.choice(list(slots.items()))
    stranger = rng.choice(draw_strangers(app, filler.names, kind, rng) or [""])
    if not stranger or linker.link(stranger).links:
        return ""
    filler.chosen[slot.strip("{}")] = (stranger, json.dumps(stranger))
    return f'clarify("{kind} {stranger}")'


def draw_strangers(app: App, names: Names, kind: str, rng: random.Random) -> list[str]:
    """Names of a kind that this world does not hold, as they would be said."""
    others = _names(app, rng).by_kind[kind]
    said = [name.partition("-")[2] if kind == "sku" and len(name.partition("-")[2]) > 2 else name for name in others]
    return [name for name, full in zip(said, others, strict=True) if full not in names.by_kind[kind]]


def _must_be_linked(pair: Pair, filler: Filler, links: Links, turns: tuple[Turn, ...], unknown: str) -> None:
    shown = links.shown() + "".join(turn.program for turn in turns)
    for match in SLOT.finditer("" if unknown else pair.p):
        kind, literal = match.group(1), filler.program(match.group(0))
        if literal.startswith('"') and kind not in UNLINKED and literal.strip('"') not in shown:
            raise Dropped(f"not linked: {kind} {literal} in {links.question}")


def _must_settle(app: App, names: Names, program: str) -> None:
    try:
        settled = check.settle(app, names, program)
    except CopilotError as error:
        raise Dropped(f"does not pass the check: {error}") from error
    if settled.mended or settled.program not in (program, program.replace('"current"', '"PLN-1"')):
        raise Dropped(f"not canonical: {settled.program}")


def _must_be_typed(app: App, template: str, program: str) -> None:
    """Type-check a template's first program; its others differ in names and numbers alone."""
    if (app.name, template) not in _TYPED:
        try:
            sandbox.check_types(program, stub(app, check.views_used(app, check.parse(program))))
        except CopilotError as error:
            raise Dropped(f"does not pass the type check: {error}") from error
        _TYPED.add((app.name, template))


_TYPED: set[tuple[str, str]] = set()


def _must_be_new(example: Example, seen: set[str], near: Sequence[str]) -> None:
    form = "|".join([plain(example.question), *(turn.program for turn in example.context)])
    if form in seen:
        raise Dropped("repeated")
    seen.add(form)
    if near and process.extractOne(plain(example.question), near, scorer=fuzz.ratio, score_cutoff=TOO_NEAR):
        raise Dropped("too near an evaluation question")
