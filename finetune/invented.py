"""Names invented for any app's kinds, so that a model copies what it is asked about and never recalls it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from copilot.app import App
from copilot.link import COMMON
from copilot.names import Names, plain

FEWEST, MOST = 5, 12
"""Names of a kind in one invented world."""
TWO_WORDS = 0.15
ONSETS = "b br c ch d dr f fl g gr h j k kl l m n p pr qu r s sh st t tr v w z".split()
VOWELS = "a e i o u a e i o ai ea ie ou".split()
CODAS = "b ck d l ll m n nd ng r rt s sk st t x".split()
CODE = re.compile(r"([A-Za-z]+-?)(\d+)")
"""An identifier, such as ``V-17``."""


def invent(app: App, rng: random.Random, own: Names | None = None) -> Names:
    """A world of invented names, as many of each kind as a small database has.

    Args:
        own: the names of a real database: half of a kind's come from it then, and its identifiers set the form.
    """
    taken = {plain(word) for word in app.words} | COMMON
    by_kind = {kind: _names(rng, own.by_kind[kind] if own else (), taken) for kind in app.kinds}
    members = {k.kind: _split(rng, by_kind[k.kind], by_kind[k.within]) for k in app.kinds.values() if k.within}
    return Names(by_kind, members, dict(app.kinds))


def _names(rng: random.Random, own: Sequence[str], taken: set[str]) -> tuple[str, ...]:
    kept = rng.sample(own, min(len(own), rng.randint(0, MOST // 2))) if own else []
    code = CODE.fullmatch(own[0]) if own else None
    make = _code(code[1]) if code else _name
    names = dict.fromkeys(kept)
    wanted = len(names) + rng.randint(FEWEST, MOST)
    while len(names) < wanted:
        name = make(rng)
        if plain(name) not in taken:
            names[name] = None
    taken |= {plain(name) for name in names}
    return tuple(names)


def _name(rng: random.Random) -> str:
    words = [_word(rng) for _ in range(2 if rng.random() < TWO_WORDS else 1)]
    return " ".join(words)


def _word(rng: random.Random) -> str:
    syllables = [rng.choice(ONSETS) + rng.choice(VOWELS) for _ in range(rng.choice((1, 2, 2, 3)))]
    ending = rng.choice(CODAS) if len(syllables) == 1 or rng.random() < 0.4 else ""
    return ("".join(syllables) + ending).capitalize()


def _code(prefix: str) -> Callable[[random.Random], str]:
    return lambda rng: f"{prefix}{rng.randint(1, 9999)}"


def _split(rng: random.Random, groups: Sequence[str], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The names dealt out to the groups, one to each at least as far as they go."""
    dealt: dict[str, tuple[str, ...]] = {group: () for group in groups}
    for at, name in enumerate(names):
        group = groups[at] if at < len(groups) else rng.choice(groups)
        dealt[group] = (*dealt[group], name)
    return {group: held for group, held in dealt.items() if held}
