"""An app's names in examples replaced by drawn ones, so that what operators asked can be shared and trained on.

What this covers: every name of the database that stands in a question, in a program or in an earlier turn, in any form
that the linker knows; an example in which one is left is not given out. What it does not: names that the database does
not hold, and numbers.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from copilot.link import Link, Linker
from copilot.model.prompt import Turn
from copilot.names import Names, plain
from finetune.drawn import CITIES, HEADS, TAILS
from finetune.examples import Example

LITERAL = re.compile(r'"[^"]*"|\'[^\']*\'')


TRIES = 20
"""Names of one shape that are tried before a longer one is."""


class Left(Exception):
    """A name that could not be replaced; says which example."""


@dataclass(frozen=True)
class Redactor:
    """Replaces the names of one database.

    Args:
        linker: of the database.
        new: by name, the drawn one that stands for it, in every kind alike.
    """

    linker: Linker
    new: dict[str, str]

    @classmethod
    def drawn(cls, linker: Linker, rng: random.Random) -> Redactor:
        """One with names drawn anew; a name with digits keeps its shape, and its beginning.

        A drawn name is none of the database's, and no part of it is.
        """
        pool, new, taken = _pool(rng), dict[str, str](), set[str]()
        for name in sorted({name for names in linker.names.by_kind.values() for name in names}):
            made = _like(name, pool, rng, lambda text: not any(_named(linker, text)))
            new[name] = next(n for n in made if plain(n) not in taken)
            taken.add(plain(new[name]))
        return cls(linker, new)

    def redact(self, example: Example) -> Example:
        """The example with other names, its links made anew. Raises Left if a name stays, or cannot be linked."""
        question, program = self._question(example.question), self._program(example.program or "")
        turns = tuple(Turn(self._question(turn.question), self._program(turn.program)) for turn in example.context)
        links = self._renamed.link(question)
        literals = {literal.strip("\"'") for literal in LITERAL.findall(program)} & set(self.new.values())
        seen = links.shown() + "".join(turn.question + turn.program for turn in turns)
        if any(name not in seen for name in literals):
            raise Left(example.question)
        return example.model_copy(
            update={"question": question, "program": program, "context": turns, "links": links.shown(), "id": None}
        )

    def _question(self, text: str) -> str:
        at, parts = 0, []
        for link in _named(self.linker, text):
            parts += [text[at : link.start], self.new[link.meanings[0][0]]]
            at = link.end
        changed = "".join([*parts, text[at:]])
        if any(_named(self.linker, changed)):
            raise Left(text)
        return changed

    def _program(self, text: str) -> str:
        return LITERAL.sub(lambda match: self._known.sub(lambda m: self.new[m.group()], match.group()), text)

    @cached_property
    def _known(self) -> re.Pattern[str]:
        longest_first = sorted(map(re.escape, self.new), key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)")

    @cached_property
    def _renamed(self) -> Linker:
        """The linker of a database that holds the drawn names instead."""
        old, new = self.linker.names, self.new
        by_kind = {kind: tuple(new[name] for name in names) for kind, names in old.by_kind.items()}
        members = {
            kind: {new.get(group, group): tuple(new[name] for name in names) for group, names in groups.items()}
            for kind, groups in old.members.items()
        }
        return Linker(Names(by_kind, members, old.kinds), self.linker.words, self.linker.today)


def _named(linker: Linker, text: str) -> Iterator[Link]:
    """The mentions of names of the database in a text."""
    kinds = linker.names.by_kind
    return (link for link in linker.link(text).links if any(kind in kinds for _, kind in link.meanings))


def _pool(rng: random.Random) -> Iterator[str]:
    words = [*CITIES, *(head + tail for head in HEADS for tail in TAILS)]
    return iter(rng.sample(words, len(words)))


def _like(name: str, pool: Iterator[str], rng: random.Random, free: Callable[[str], bool]) -> Iterator[str]:
    """Drawn names for one that is to be replaced, in which no name of the database stands."""
    if not any(c.isdigit() for c in name):
        yield from filter(free, pool)
    head = name[: name.rfind("-") + 1]
    kept = head if free(head) else ""
    for tried in count():
        shape = name.removeprefix(kept) + "0" * (tried // TRIES)
        if free(made := kept + "".join(_other(c, rng) for c in shape)):
            yield made


def _other(character: str, rng: random.Random) -> str:
    for kind in (string.digits, string.ascii_uppercase, string.ascii_lowercase):
        if character in kind:
            return rng.choice(kind)
    return character
