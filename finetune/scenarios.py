"""Questions about changes, composed of how people speak of each: what-ifs, plans and follow-ups of any number."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from finetune.fragments import Change, Changes
from finetune.frames import framed
from finetune.pairs import Pair
from finetune.slots import Slots

_NAMED = re.compile(r"\{(order|warehouse|supplier|datacenter)\}")
_NAME = re.compile(r"\{(order|warehouse|supplier|datacenter|sku|region|category)\d*\}")
_AMOUNT = re.compile(r"\{(percent|days|span|quantity)\d*\}")
_UNITS = {"percent": "%", "days": " days", "span": "", "quantity": " racks"}
_FOLLOWED = 0.3
"""The part of scenarios that change an earlier one."""


class Scenarios:
    """Draws what-ifs, plans and comparisons of one to `most` changes."""

    def __init__(self, said: Changes, rng: random.Random, most: int = 6) -> None:
        self.said, self.rng, self.most = said, rng, most
        self.functions: dict[str, list[Change]] = {}
        for change in said.changes:
            self.functions.setdefault(change.p.partition("(")[0] + "(", []).append(change)

    def pair(self, changes: int | None = None) -> Pair:
        """One question; of so many changes, if given."""
        self.slots = Slots()
        count = changes or self.rng.choices(range(1, self.most + 1), [3, 4, 4, 4, 4, 3][: self.most])[0]
        made = self._apart(self._drawn(count))
        shape = self.rng.random()
        if shape < 0.25:
            return self._plan(made)
        if shape < 0.33 and count == 2 and self.said.alone:
            return self._alone(made)
        after = self._after(made) if shape > 1 - _FOLLOWED else None
        return after or self._what_if(made)

    def _what_if(self, made: Sequence[Change]) -> Pair:
        return Pair(q=self._framed(self.rng.choice(self.said.what_if), made), p=_what_if(made))

    def _after(self, made: Sequence[Change]) -> Pair | None:
        """A what-if, and what is asked next to change it; None if nothing can follow it."""
        ways = [self._also, self._undo, self._amount, self._other]
        self.rng.shuffle(ways)
        return next((pair for way in ways if (pair := way(made))), None)

    def _drawn(self, count: int) -> list[Change]:
        """Changes of different functions as a rule; twice the same only where it can be about another name."""
        drawn: list[Change] = []
        while len(drawn) < count:
            function = self.rng.choice(list(self.functions))
            again = [c for c in drawn if c.p.startswith(function)]
            one = again[0] if again else self.rng.choice(self.functions[function])
            if not again or (len(again) == 1 and _NAMED.search(one.p) and self.rng.random() < 0.4):
                drawn.append(one)
        return drawn

    def _apart(self, changes: Sequence[Change]) -> list[Change]:
        """One way of saying each, slots numbered apart."""
        made = []
        for change in changes:
            ways = [self.rng.choice(ways) for ways in (change.clause, change.noun, change.do)]
            p, clause, noun, do = self.slots.apart(change.p, *ways)
            made.append(Change(p=p, clause=[clause], noun=[noun], do=[do]))
        return made

    def _framed(self, frame: str, made: Sequence[Change]) -> str:
        for place, way in (("clauses", "clause"), ("nouns", "noun"), ("dos", "do")):
            if f"{{{place}}}" in frame:
                frame = frame.replace(f"{{{place}}}", self._joined([getattr(c, way)[0] for c in made]))
        return frame[:1].upper() + frame[1:] if self.rng.random() < 0.3 else frame

    def _joined(self, parts: Sequence[str]) -> str:
        join = self.rng.choice(self.said.joins)
        if len(parts) > 2 and self.rng.random() < 0.5:
            return f"{', '.join(parts[:-1])}{join}{parts[-1]}"
        return join.join(parts)

    def _plan(self, made: Sequence[Change]) -> Pair:
        text, calls = self._framed(self.rng.choice(self.said.plan), made), [c.p for c in made]
        if self.rng.random() < 0.4:
            text = text.rstrip(".?! ") + self.rng.choice(self.said.named)
            calls.append("name={title}")
        return Pair(q=text, p=f"plan({', '.join(calls)})")

    def _alone(self, made: Sequence[Change]) -> Pair:
        frame = self.rng.choice(self.said.alone)
        for place, way in (("clauses", "clause"), ("nouns", "noun"), ("dos", "do")):
            for number, change in zip(("", "2"), made, strict=True):
                frame = frame.replace(f"{{{place}{number}}}", getattr(change, way)[0])
        return Pair(q=frame, p=f"[{', '.join(f'what_if({c.p})' for c in made)}]")

    def _also(self, made: Sequence[Change]) -> Pair | None:
        """One change more."""
        *first, last = made
        if not first or not self.said.also:
            return None
        text = self._framed(self.rng.choice(self.said.also), [last])
        return Pair(q=text, p=_what_if(made), context=(self._what_if(first),))

    def _undo(self, made: Sequence[Change]) -> Pair | None:
        """One change less."""
        if len(made) < 2 or not self.said.undo:
            return None
        gone = self.rng.choice(made)
        kept = [change for change in made if change is not gone]
        parts = {"noun": gone.noun[0]}
        if (names := _names(gone)) and not any(names[0] in change.p for change in kept):
            parts["value"] = names[0]
        return Pair(q=framed(self.said.undo, self.rng, **parts), p=_what_if(kept), context=(self._what_if(made),))

    def _amount(self, made: Sequence[Change]) -> Pair | None:
        """Another amount, where there is only one."""
        amounts = [match for change in made for match in _AMOUNT.finditer(change.p)]
        if len(amounts) != 1 or not self.said.amount:
            return None
        (other,) = self.slots.apart(f"{{{amounts[0][1]}}}")
        text = framed(self.said.amount, self.rng, value=other + _UNITS[amounts[0][1]])
        return Pair(q=text, p=_what_if(made).replace(amounts[0][0], other), context=(self._what_if(made),))

    def _other(self, made: Sequence[Change]) -> Pair | None:
        """Another name in the place of one."""
        names = [name for change in made for name in _names(change)]
        if not names or not self.said.other:
            return None
        old = self.rng.choice(names)
        (new,) = self.slots.apart(f"{{{old.strip('{}').rstrip('0123456789')}}}")
        text = framed(self.said.other, self.rng, value=old, value2=new)
        return Pair(q=text, p=_what_if(made).replace(old, new), context=(self._what_if(made),))


def _what_if(made: Sequence[Change]) -> str:
    return f"what_if({', '.join(change.p for change in made)})"


def _names(change: Change) -> list[str]:
    return [match[0] for match in _NAME.finditer(change.p)]
