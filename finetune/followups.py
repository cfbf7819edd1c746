"""A second turn that changes the first: one filter more, one name for another, a grouping, how many."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

from finetune.fill import SLOT
from finetune.fragments import Bank, Frames
from finetune.frames import LOOKUP, framed, grouping, quoted
from finetune.pairs import Pair
from finetune.slots import Slots


class FollowUps:
    """Draws what may be asked next about a view.

    Args:
        bank: how people speak of it.
        frames: by shape of follow-up.
        kinds: the kind of name that each of its columns holds.
    """

    def __init__(self, bank: Bank, frames: Frames, kinds: Mapping[str, str], rng: random.Random) -> None:
        self.bank, self.frames, self.kinds, self.rng = bank, frames, kinds, rng

    def _framed(self, shape: str, **parts: str) -> str:
        return framed(self.frames[shape], self.rng, **parts)

    def after(self, first: Pair, slots: Slots) -> Pair:
        """The second turn, with the first as its context; the first alone if nothing can follow it.

        Args:
            slots: those of the first.
        """
        self.slots = slots
        ways = [self._only, self._instead, self._without, self._by, self._count, self._cut, self._best, self._part]
        self.rng.shuffle(ways)
        return next((pair for way in ways if (pair := way(first))), first)

    def _turn(self, first: Pair, question: str, program: str) -> Pair:
        return Pair(q=question, p=program, context=(first,))

    def _only(self, first: Pair) -> Pair | None:
        columns = set(LOOKUP.findall(where_of(first.p)))
        free = [f for f in self.bank.filters if not set(LOOKUP.findall(f.p)) & columns]
        if not free or (".where(" in first.p and not where_of(first.p)):
            return None
        one = self.rng.choice(free)
        place, ways = self.rng.choice([(n, w) for n, w in vars(one).items() if n in ("pre", "post", "pred") and w])
        said, lookup = self.slots.apart(self.rng.choice(ways), one.p)
        question = self._framed("only", **{place: said})
        return self._turn(first, question, added(first.p, self.bank.view, lookup))

    def _instead(self, first: Pair) -> Pair | None:
        if not (slot := self._only_name(first)):
            return None
        (other,) = self.slots.apart(f"{{{slot.strip('{}').rstrip('0123456789')}}}")
        return self._turn(first, self._framed("instead", value=other), first.p.replace(slot, other))

    def _without(self, first: Pair) -> Pair | None:
        grouped = re.search(r'\.by\("([a-z]+)"\)', first.p)
        if not grouped or grouped[1] not in self.kinds or grouped[1] in LOOKUP.findall(where_of(first.p)):
            return None
        (name,) = self.slots.apart(f"{{{self.kinds[grouped[1]]}}}")
        question = self._framed("without", value=name)
        return self._turn(first, question, added(first.p, self.bank.view, f"{grouped[1]}__ne={name}"))

    def _by(self, first: Pair) -> Pair | None:
        plain = re.fullmatch(rf"{self.bank.view}(\.where\(.*\))?(\.(?:count|sum|avg)\([^)]*\))", first.p)
        if not plain or not self.bank.groups or "(" in (plain[1] or "")[7:]:
            return None
        group = self.rng.choice(self.bank.groups)
        question = self._framed("by", **grouping(self.rng, group))
        return self._turn(first, question, f"{self.bank.view}{plain[1] or ''}.by({quoted(group.p)}){plain[2]}")

    def _count(self, first: Pair) -> Pair | None:
        if not self._is_list(first):
            return None
        rows, _ = _apart(first.p)
        count = f"sum({quoted(self.bank.counted)})" if self.bank.counted else "count()"
        return self._turn(first, self._framed("count"), f"{rows}.{count}")

    def _cut(self, first: Pair) -> Pair | None:
        """So many of what is ranked or grouped."""
        rows, select = _apart(first.p)
        if ".top(" in rows or not re.search(r"\.sort\(|\.by\(", rows) or ".share(" in rows:
            return None
        (n,) = self.slots.apart("{n}")
        question = self._framed("cut").replace("{n}", n)
        return self._turn(first, question, f"{rows}.top({n}){select}")

    def _best(self, first: Pair) -> Pair | None:
        """The first of a list, by a column that it need not have shown."""
        rows, select = _apart(first.p)
        ranks = [rank for rank in self.bank.ranks if rank.best]
        if not self._is_list(first) or not ranks:
            return None
        rank, shape = self.rng.choice(ranks), self.rng.choice(("best_of", "best_of", "best_one"))
        (n,) = self.slots.apart("{n}") if shape == "best_of" else ("1",)
        column = quoted(rank.p.lstrip("-"))
        if select and column not in select:
            select = f"{select[:-1]}, {column})"
        question = self._framed(shape, best=self.rng.choice(rank.best)).replace("{n}", n)
        return self._turn(first, question, f"{rows}.sort({quoted(rank.p)}).top({n}){select}")

    def _part(self, first: Pair) -> Pair | None:
        """What share of all rows, or of what is in them, a count or a total is."""
        own = where_of(first.p)
        counted = re.fullmatch(r"\w+\.where\(.*\)\.(count\(\)|sum\((\"\w+\")\))", first.p)
        if not own or not counted or first.p.count(".where(") > 1 or self.bank.needs:
            return None
        of = f"of={counted[2]}, " if counted[2] else ""
        return self._turn(first, self._framed("part"), f"{self.bank.view}.share({of}{own})")

    def _is_list(self, pair: Pair) -> bool:
        """Whether it is rows as they are, neither grouped, counted nor ranked."""
        own = where_of(pair.p)
        return _apart(pair.p)[0] == self.bank.view + (f".where({own})" if own else "")

    def _only_name(self, pair: Pair) -> str:
        named = [m[0] for m in SLOT.finditer(pair.p) if m[1] in self.kinds.values()]
        return named[0] if len(named) == 1 else ""


def _apart(program: str) -> tuple[str, str]:
    """A program without its last select, and that."""
    match = re.fullmatch(r"(.*?)(\.select\([^()]*\))?", program)
    return (match[1], match[2] or "") if match else (program, "")


def where_of(program: str) -> str:
    """The lookups of a program's first where, as text."""
    match = re.match(r"\w+\.where\(((?:[^()]|\([^()]*\))*)\)", program)
    return match[1] if match else ""


def added(program: str, view: str, lookup: str) -> str:
    """The program with one lookup more."""
    if program.startswith(f"{view}.where("):
        own = where_of(program)
        return program.replace(f"{view}.where({own})", f"{view}.where({own}, {lookup})", 1)
    return program.replace(view, f"{view}.where({lookup})", 1)
