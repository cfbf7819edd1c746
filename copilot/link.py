"""Mentions to names: which names of the database, dates and words of the app a question speaks of.

The model is shown each mention with the exact name beside it, so that it copies and never recalls; a name added to
the database today is linked today.

What this wall covers: a name of the database reaches a prompt only if the question mentions it, and as one line. What
it does not: what a model makes of a name that reads as an instruction; whatever it writes has all the walls before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise

from rapidfuzz import process
from rapidfuzz.distance import OSA

from copilot import amount_words, calendar_words, number_words
from copilot.names import Names, plain
from copilot.printable import one_line
from copilot.spelling import NO_SPELLING, Spelling

TOKEN = re.compile(r"\$?\d+(?:[.,]\d+)*%?|[^\W\d_]+(?:['’][^\W\d_]+)?|\d+")
LONGEST = 6
LONGEST_NAME = 200
SHORTEST_GUESS = 5
SHORTEST_START = 3
"""Letters of a name that stand for it, where they are no word."""
ALIKE = ((r"ph", "f"), (r"ck|ch|c|q", "k"), (r"z", "s"), (r"y|ie", "i"), (r"w", "v"), (r"th", "t"), (r"(.)\1+", r"\1"))
"""Letters that sound alike to most, and what is read for them; last, a double letter is read as one."""


@dataclass(frozen=True)
class Token:
    """A word or number of the question: its plain form and where it stands."""

    form: str
    start: int
    end: int
    amount: bool = False


@dataclass(frozen=True)
class Link:
    """A mention and what it means: `(name, kind)` pairs, several if it fits several."""

    text: str
    meanings: tuple[tuple[str, str], ...]
    start: int
    end: int
    guessed: bool = False

    def shown(self) -> str:
        """As the model reads it: ``GPU-H100 = sku``; on one line, for a name is data and makes no line of a prompt."""
        kinds: dict[str, list[str]] = {}
        for name, kind in self.meanings:
            kinds.setdefault(name, []).append(kind)
        return ", ".join(f"{one_line(name, LONGEST_NAME)} = {'/'.join(kinds[name])}" for name in kinds)


@dataclass(frozen=True)
class Links:
    """All that was found in a question, in its order.

    Args:
        question: as it was read, its slips mended.
    """

    question: str
    links: tuple[Link, ...]

    def shown(self) -> str:
        """One line for the prompt, empty if nothing was found."""
        parts = dict.fromkeys(link.shown() for link in self.links)
        return f"[{'; '.join(parts)}]" if parts else ""

    def names(self) -> set[tuple[str, str]]:
        """Every (kind, name) found."""
        return {(kind, name) for link in self.links for name, kind in link.meanings}


@dataclass(frozen=True)
class Linker:
    """Finds the mentions in questions.

    Args:
        names: those of the database.
        words: the operator's words for the app's, such as ``{"vendor": "supplier"}``; plain forms.
        today: the day from which a date without a year is read.
    """

    names: Names
    words: dict[str, str]
    today: date

    def link(self, question: str, spelling: Spelling = NO_SPELLING) -> Links:
        """Every name, date and word of the app that the question mentions, in its order.

        Args:
            spelling: mends the question's other words; the links then are those of the question so mended.
        """
        links = self._link(question, spelling)
        mended = spelling.mended(question, [(link.start, link.end) for link in links.links])
        return links if mended == question else self._link(mended, spelling)

    def _link(self, question: str, spelling: Spelling) -> Links:
        tokens = tokenise(question)
        named = list(self._exact(question, tokens))
        values = [value for value in self._values(question) if not any(_within(value, name) for name in named)]
        free = [t for t in tokens if not any(d.start < t.end and t.start < d.end for d in values)]
        found = [*values, *self._exact(question, free)]
        rest = [t for t in free if not any(f.start < t.end and t.start < f.end for f in found)]
        found += self._near(question, rest, spelling)
        return Links(question, tuple(sorted(found, key=lambda link: link.start)))

    def _values(self, question: str) -> Iterator[Link]:
        """Dates, durations and parts: what a program takes as a value."""
        for found in (*calendar_words.find(question, self.today), *amount_words.find(question)):
            yield Link(question[found.start : found.end], ((found.value, found.kind),), found.start, found.end)

    @cached_property
    def _index(self) -> dict[str, tuple[tuple[str, str], ...]]:
        index: dict[str, dict[tuple[str, str], None]] = {}
        for kind, forms in self.names.forms.items():
            for form, names in forms.items():
                if not (kind in self._grouped and form in self._group_forms):
                    index.setdefault(form.replace(" ", ""), {}).update({(name, kind): None for name in names})
        for word, meaning in self.words.items():
            index.setdefault(word.replace(" ", ""), {(meaning, ""): None})
        return {form: tuple(meanings) for form, meanings in index.items()}

    @cached_property
    def _grouped(self) -> set[str | None]:
        return {kind.within for kind in self.names.kinds.values()}

    @cached_property
    def _group_forms(self) -> set[str]:
        """Forms of groups with several members: they link to the group, not to each member."""
        return {plain(group) for members in self.names.members.values() for group, of in members.items() if len(of) > 1}

    @cached_property
    def _guessable(self) -> list[str]:
        return [
            form
            for form, meanings in self._index.items()
            if len(form) >= SHORTEST_GUESS and not any(c.isdigit() for c in form) and meanings[0][1]
        ]

    @cached_property
    def _lettered(self) -> list[str]:
        """The forms of names that are letters alone."""
        return [form for form, meanings in self._index.items() if form.isalpha() and meanings[0][1]]

    @cached_property
    def _sounding(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """By how a name sounds, what it may mean: several, if it sounds as another does."""
        meanings: dict[str, dict[tuple[str, str], None]] = {}
        for form in self._guessable:
            meanings.setdefault(sounded(form), {}).update(dict.fromkeys(self._index[form]))
        return {sound: tuple(found) for sound, found in meanings.items()}

    def _exact(self, question: str, tokens: list[Token]) -> Iterator[Link]:
        at = 0
        while at < len(tokens):
            link, width = self._longest(question, tokens, at)
            if link:
                yield link
            at += width

    def _longest(self, question: str, tokens: list[Token], at: int) -> tuple[Link | None, int]:
        for width in range(min(LONGEST, len(tokens) - at), 0, -1):
            run = tokens[at : at + width]
            if any(t.amount for t in run) or not _adjacent(question, run) or _counted(question, run):
                continue
            for form in _variants("".join(t.form for t in run)):
                if meanings := self._index.get(form):
                    return self._made(question, run, meanings), width
        return None, 1

    def _near(self, question: str, tokens: list[Token], spelling: Spelling) -> Iterator[Link]:
        for width in (2, 1):
            for at in range(len(tokens) - width + 1):
                run = tokens[at : at + width]
                if meanings := self._guess(question, run) or (width == 1 and self._clipped(run[0].form, spelling)):
                    yield self._made(question, run, meanings, guessed=True)

    def _clipped(self, form: str, spelling: Spelling) -> tuple[tuple[str, str], ...]:
        """What a short form that is no word means: the one name that begins so, or that is a slip away."""
        if len(form) < SHORTEST_START or not form.isalpha() or spelling.knows(form):
            return ()
        begun = sorted((name for name in self._lettered if name.startswith(form)), key=len)
        if begun:
            return self._index[begun[0]] if all(name.startswith(begun[0]) for name in begun) else ()
        near = process.extract(form, self._lettered, scorer=OSA.distance, score_cutoff=1, limit=None)
        alike = [name for name, *_ in near if name[0] == form[0]]
        return self._index[alike[0]] if len(alike) == 1 and len(form) > SHORTEST_START else ()

    def _guess(self, question: str, run: list[Token]) -> tuple[tuple[str, str], ...]:
        form = "".join(t.form for t in run)
        if len(form) < SHORTEST_GUESS or any(c.isdigit() for c in form) or not _adjacent(question, run):
            return ()
        if len(run) == 1 and form in COMMON:
            return ()
        allowed = 1 if len(form) < 8 else 2
        best = process.extractOne(form, self._guessable, scorer=OSA.distance, score_cutoff=allowed)
        near = self._index[best[0]] if best and best[0][0] == form[0] else ()
        return near or self._sounding.get(sounded(form), ())

    def _made(
        self, question: str, run: list[Token], meanings: tuple[tuple[str, str], ...], guessed: bool = False
    ) -> Link:
        start, end = run[0].start, run[-1].end
        named = tuple((name, kind) for name, kind in meanings if kind)
        words = tuple((name, question[start:end].lower()) for name, kind in meanings if not kind)
        return Link(question[start:end], named or tuple((word, name) for name, word in words), start, end, guessed)


def tokenise(question: str) -> list[Token]:
    """Words and numbers, number words as digits, amounts of money and percentages marked."""
    tokens = []
    for match in TOKEN.finditer(question):
        text = match.group()
        form = plain(re.sub(r"['’]s?$|['’]s$", "", text)).replace(" ", "")
        amount = text[0] == "$" or text.endswith("%")
        tokens.append(Token(form.replace(",", "") if text[0].isdigit() else form, match.start(), match.end(), amount))
    return list(number_words.merged(tokens, Token))


def sounded(form: str) -> str:
    """A word as it sounds, roughly: ``memfis`` for Memphis and for Memfis."""
    for letters, sound in ALIKE:
        form = re.sub(letters, sound, form)
    return form


def _within(part: Link, whole: Link) -> bool:
    """Whether one mention is only a part of another: the month in "Mar Systems"."""
    return whole.start <= part.start and part.end <= whole.end and len(part.text) < len(whole.text)


def _adjacent(question: str, run: list[Token]) -> bool:
    """Whether nothing but spaces, hyphens and the like stands between the tokens."""
    gaps = (question[a.end : b.start] for a, b in pairwise(run))
    return all(re.fullmatch(r"[\s\-_#./’']{0,3}", gap) for gap in gaps)


def _counted(question: str, run: list[Token]) -> bool:
    """Whether it is a number of something, as in "1001 racks", and no order's."""
    counts = len(run) == 1 and run[0].form.isdigit()
    return counts and bool(
        re.match(r"\s+(racks?|orders|dollars|usd|days|weeks)\b", question[run[0].end :], re.IGNORECASE)
    )


def _variants(form: str) -> Iterable[str]:
    yield form
    if form.endswith("s") and len(form) > 3:
        yield form[:-1]
    if form.endswith("ern"):  # northern
        yield form[:-3]


COMMON = frozenset(
    """about above after again against already although always another around because before being below between
    bring called check cheaper close closed coming could count delay delayed deliver delivery delivered docks doing
    during early every expected first found freight given going greater group having holding hours later least leave
    leaving lines listed looks major makes maybe means memory might money month months moved needs never network night
    number offer order orders other others outside period place plain plans please point price quick quite racks ready
    really remain report right route routes running scheduled seven share shall ship shipped should shows since small
    start started status stock still stop storage stuck supplier suppliers taken takes thanks their there these thing
    things think those three through today together tomorrow total under until urgent using value version waiting
    wanted warehouse weeks where which while whole without worst worse would years yesterday center centre compute
    planned santa rename golden harden render region regions random rather""".split()
)
"""Words of everyday questions that are never taken for a mistyped name."""
