"""The names that a database holds, and which of them a piece of text means.

A name is looked up exactly, then in any case and without accents, then among its aliases, then by nearness. What was
found only by nearness is a mend: it counts as doubtful.

What this wall covers: a text where a name is due is one that the database holds, or it is refused; two names that only
look alike share their form, so that neither takes the other's place. What it does not: whether the name is the one
that the operator meant; letters of other alphabets that look the same on a screen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import sqlalchemy as sa
from rapidfuzz import fuzz, process

from copilot.app import App, NameKind
from copilot.errors import NameMistake

NEAR = 84.0
"""Similarity (0..100) from which two names may be the same with a typo."""


FOLDED = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ß": "ss", "æ": "ae", "Æ": "AE"})
"""Letters that Unicode does not take apart into a plain one and an accent."""


def plain(text: str) -> str:
    """Lower case, without accents, punctuation as spaces: the form in which names are compared."""
    flat = unicodedata.normalize("NFKD", text.translate(FOLDED))
    flat = "".join(c for c in flat if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", " ", flat.lower()).strip()


@dataclass(frozen=True)
class Found:
    """What a text means as a name: its canonical forms (several if ambiguous), and whether it had to be mended."""

    names: tuple[str, ...]
    mended: bool = False


@dataclass(frozen=True)
class Names:
    """All names of an app's database.

    Args:
        by_kind: canonical names of each kind, in the order of the view.
        members: for a kind that groups another (a city), the names it groups.
        kinds: the app's description of each kind.
        also: for some kinds, further names that programs may use, in their plain form, and what each stands for.
    """

    by_kind: dict[str, tuple[str, ...]]
    members: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    kinds: dict[str, NameKind] = field(default_factory=dict)
    also: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, app: App, connection: sa.Connection) -> Names:
        """Read every name that the app says it has."""
        by_kind = {kind.kind: _distinct(connection, kind.source) for kind in app.kinds.values()}
        members = {
            kind.kind: _members(connection, kind.source, kind.within) for kind in app.kinds.values() if kind.within
        }
        also = {k.kind: {plain(n): m for n, m in k.also(connection).items()} for k in app.kinds.values()}
        return cls(by_kind, members, dict(app.kinds), also)

    @cached_property
    def forms(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """For each kind: every plain form of a name or alias, and the names that it means."""
        return {kind: self._forms_of(kind) for kind in self.by_kind}

    def resolve(self, kind: str, text: str) -> Found:
        """What `text` means where a name of `kind` stands.

        Raises:
            NameMistake: nothing is near, or only things too far to be taken; with the nearest as choices.
        """
        if text in self.by_kind[kind]:
            return Found((text,))
        form = plain(text)
        if known := self.forms[kind].get(form):
            return Found(known)
        if stands_for := self.also.get(kind, {}).get(form) or self._group_of(kind, form):
            return Found((stands_for,))
        return self._nearest(kind, text, form)

    def _group_of(self, kind: str, form: str) -> str | None:
        """The group that a name is the only member of: the category of the one memory SKU."""
        groups = self.members.get(kind, {}).items()
        return next((group for group, names in groups if len(names) == 1 and plain(names[0]) == form), None)

    def _nearest(self, kind: str, text: str, form: str) -> Found:
        if any(c.isdigit() for c in form):
            raise NameMistake(kind, text, self._near(kind, form))
        best = process.extractOne(form, self.forms[kind].keys(), scorer=fuzz.ratio, score_cutoff=NEAR)
        if best is None:
            raise NameMistake(kind, text, self._near(kind, form))
        return Found(self.forms[kind][best[0]], mended=True)

    def _near(self, kind: str, form: str, limit: int = 3) -> tuple[str, ...]:
        found = process.extract(form, self.forms[kind].keys(), scorer=fuzz.WRatio, score_cutoff=60, limit=limit)
        return tuple(dict.fromkeys(name for form, *_ in found for name in self.forms[kind][form]))

    def _forms_of(self, kind: str) -> dict[str, tuple[str, ...]]:
        forms: dict[str, tuple[str, ...]] = {}
        aliases = self.kinds[kind].aliases if kind in self.kinds else (lambda name: ())
        for name in self.by_kind[kind]:
            for form in {plain(name), *(plain(alias) for alias in aliases(name))} - {""}:
                forms[form] = (*forms.get(form, ()), name)
        for group, names in self._groups(kind):
            forms.setdefault(plain(group), names)
            if len(names) > 1:
                for number, name in enumerate(names, start=1):
                    if name.endswith(str(number)):
                        forms.setdefault(f"{plain(group)} {number}", (name,))
        exact: dict[str, tuple[str, ...]] = {}
        for name in self.by_kind[kind]:  # two that only look alike share a form: neither takes the other's place
            exact[plain(name)] = (*exact.get(plain(name), ()), name)
        return {**forms, **exact}

    def _groups(self, kind: str) -> Iterable[tuple[str, tuple[str, ...]]]:
        for group_kind, members in self.members.items():
            if self.kinds[group_kind].within == kind:
                yield from members.items()


def _distinct(connection: sa.Connection, source: str) -> tuple[str, ...]:
    view, column = source.split(".")
    name: sa.ColumnClause[str] = sa.column(column)
    rows = connection.execute(sa.select(name).select_from(sa.table(view)).distinct())
    return tuple(sorted(str(found) for (found,) in rows if found is not None))


def _members(connection: sa.Connection, source: str, within: str) -> dict[str, tuple[str, ...]]:
    view, column = source.split(".")
    both = sa.table(view, sa.column(column, sa.String()), sa.column(within, sa.String()))
    rows = connection.execute(sa.select(both).distinct())
    members: dict[str, tuple[str, ...]] = {}
    for group, name in sorted((group, name) for group, name in rows if None not in (group, name)):
        members[group] = (*members.get(group, ()), name)
    return members
