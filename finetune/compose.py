"""Questions composed of fragments: a view's filters, grouping, measure, ranking, share; changes in any number.

A composed question comes as a pair with slots, as a voice's does, and is filled and checked in the same way.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from copilot.app import App
from copilot.errors import SetupError
from copilot.query import View
from finetune import derived
from finetune.followups import FollowUps
from finetune.fragments import Bank, Filter, Frames, Measure, Named, Rank, read_banks, read_changes, read_frames
from finetune.frames import LOOKUP, framed, grouping, quoted
from finetune.pairs import Pair
from finetune.scenarios import Scenarios
from finetune.slots import Slots

LIMITS = {
    "__gt": ("more than {}", "over {}", "above {}", "upwards of {}", "in excess of {}", "greater than {}"),
    "__lt": ("fewer than {}", "less than {}", "under {}", "below {}"),
    "__gte": ("at least {}", "{} or more", "no less than {}", "a minimum of {}"),
    "__lte": ("at most {}", "{} or less", "no more than {}", "up to {}"),
}
PREPOSITION = re.compile(r"(in|of|from|for|at|to|with|by|on|across|outside|under|over|where|into|out|through)\b")
MOST_COLUMNS = 5


@dataclass(frozen=True)
class Picked:
    """Filters of one question: their lookups, and the noun with what stands before and after it."""

    lookups: tuple[str, ...]
    rows: str
    of: str

    @property
    def columns(self) -> set[str]:
        return {column for text in self.lookups for column in LOOKUP.findall(text)}

    @property
    def where(self) -> str:
        return f".where({', '.join(self.lookups)})" if self.lookups else ""


class Composer:
    """Draws pairs about one view.

    Args:
        app: whose view it is.
        bank: how people speak of it.
        frames: by shape of question.
        rng: decides everything.
    """

    def __init__(self, app: App, bank: Bank, frames: Frames, rng: random.Random) -> None:
        self.bank, self.frames, self.rng = bank, frames, rng
        self.kinds = {column.name: column.names for column in app.views[bank.view].columns if column.names}
        self.within = {kind.kind: kind.within for kind in app.kinds.values()}
        self.weights = [self._weight(one) for one in bank.filters]
        self._weight_of_share = f"{quoted(bank.counted)}, " if bank.counted else ""
        self.follow_ups = FollowUps(bank, frames, self.kinds, rng)

    def pair(self) -> Pair:
        """One question of a shape drawn by its weight, now and then with a follow-up."""
        self.slots = Slots()
        shapes = [s for s in SHAPES if self._can(s)]
        shape = self.rng.choices(shapes, [SHAPES[s] for s in shapes])[0]
        pair: Pair = getattr(self, f"_{shape}")()
        return self.follow_ups.after(pair, self.slots) if self.rng.random() < FOLLOWED else pair

    def rows(self) -> str:
        """Rows of the view, as one speaks of them."""
        self.slots = Slots()
        return self._picked(1).rows

    def _can(self, shape: str) -> bool:
        """Whether the bank holds what the shape needs."""
        bank = self.bank
        if shape in ("both", "both_by") and not any(measure.short for measure in bank.measures[1:]):
            return False
        if shape == "versus" and not any(self._is_grouped(column) for column in self.kinds):
            return False
        if shape in RANKED:
            return any(getattr(rank, RANKED[shape]) for rank in bank.ranks)
        grouped = len(bank.groups) > (shape == "grouped2")
        return (grouped or shape not in GROUPED) and bool(shape in LISTS or bank.measures)

    # Parts ------------------------------------------------------------------------------------------------

    def _picked(self, most: int = 3, free: str = "") -> Picked:
        """Some filters, on different columns, none of them on `free`."""
        taken, chosen = {free}, self._needed(free)
        taken |= {column for one in chosen for column in LOOKUP.findall(one.p)}
        wanted = self.rng.choice(range(most + 1))
        for one in self.rng.choices(self.bank.filters, self.weights, k=12):
            columns = set(LOOKUP.findall(one.p))
            if len(chosen) < wanted + bool(self.bank.needs) and not columns & taken:
                taken |= columns | {twin for column in columns for twin in self._twins(column)}
                chosen.append(one)
        return self._said(chosen)

    def _twins(self, column: str) -> set[str]:
        """Columns that say the same more or less finely, as city and data center do; a question names one of them."""
        pairs = {(finer, wider) for finer, wider in self.within.items() if wider}
        kind = self.kinds.get(column)
        return {other for other, its in self.kinds.items() if {(its, kind), (kind, its)} & pairs}

    def _weight(self, one: Filter) -> float:
        """Names, and what many ways of speaking were found for, come up more often."""
        named = any(one.p == f"{column}={{{kind}}}" for column, kind in self.kinds.items())
        return len(one.pre) + len(one.post) + len(one.pred) + (30 if named else 0)

    def _needed(self, free: str) -> list[Filter]:
        """The filter without which a question about this view says too little."""
        columns = [(one, LOOKUP.findall(one.p)) for one in self.bank.filters]
        ways = [one for one, its in columns if self.bank.needs in its and free not in its]
        return [self.rng.choice(ways)] if self.bank.needs and self.bank.needs != free else []

    def _said(self, filters: Sequence[Filter]) -> Picked:
        """The filters in words: lookups in the order in which the words say them."""
        before, after = list[tuple[str, str]](), list[tuple[str, str]]()
        for one in filters:
            early = bool(one.pre) and len(before) < 2 and self.rng.random() < 0.5
            ways = one.pre if early else one.post or [f"that {way}" for way in one.pred] or one.pre
            if not early and one.pred and self.rng.random() < 0.15:
                ways = [f"that {way}" for way in one.pred]
            said, lookup = self.slots.apart(self.rng.choice(ways), one.p)
            (before if early or not (one.post or one.pred) else after).append((said, lookup))
        noun = self.rng.choice(self.bank.rows[:1] * 3 + self.bank.rows)
        tail = self._joined([said for said, _ in after])
        rows = " ".join([*(said for said, _ in before), noun, *([tail] if tail else [])])
        of = tail if not before and all(PREPOSITION.match(said) for said, _ in after) else ""
        return Picked(tuple(lookup for _, lookup in (*before, *after)), rows, of)

    def _joined(self, parts: list[str]) -> str:
        return self.rng.choice([" ", " ", " ", ", ", " and "]).join(parts)

    def _measure(self, noun_only: bool = False, of: str = "") -> Measure:
        """A measure, counts and sums as a rule; none of the groups `of` which it is."""
        fitting = [m for m in self.bank.measures if not (noun_only and m.p.startswith(("min", "max")))]
        fitting = [m for m in fitting if not (of and f'"{of}"' in m.p)]
        usual = [m for m in fitting if m.p.startswith(("count()", "sum"))]
        return self.rng.choice(usual * 2 + fitting)

    def _group(self, picked: Picked) -> Named:
        free = [g for g in self.bank.groups if g.p.partition("__")[0] not in picked.columns]
        return self.rng.choice(free or self.bank.groups)

    def _frame(self, shape: str, **parts: str) -> str:
        return framed(self.frames[shape], self.rng, **parts)

    def _spoken(self, measure: Measure, picked: Picked) -> dict[str, str]:
        """The measure as ``noun``, ``ask`` and ``short`` with its rows."""
        parts = {"rows": picked.rows}
        bare = [way for way in measure.bare if picked.of or not picked.lookups]
        for place, ways in (("noun", measure.noun), ("ask", measure.ask)):
            asks = [w for w in bare if _is_question(w) == (place == "ask")]
            way = self.rng.choice((*ways, *asks * 2) if ways or asks else [""])
            if way:
                parts[place] = " ".join(way.replace("{rows}", picked.rows).replace("{of}", picked.of).split())
        if measure.short:
            parts["short"] = self.rng.choice(measure.short)
        return parts

    def _select(self, picked: Picked, *more: str) -> str:
        """The key, what was asked for, and what a range was asked of."""
        if self.bank.whole and not more:
            return ""
        ranged = [c for text in picked.lookups for c in re.findall(r"([a-z_]+)__(?:gte?|lte?|next|last)=", text)]
        known = {c.p for c in self.bank.columns} | set(self.bank.key)
        columns = [c for c in dict.fromkeys([*self.bank.key, *more, *ranged]) if c in known]
        return f".select({', '.join(map(quoted, columns[:MOST_COLUMNS]))})"

    def _pair(self, question: str, *steps: str) -> Pair:
        if self.rng.random() < 0.3:
            question = question[:1].upper() + question[1:]
        return Pair(q=question, p=self.bank.view + "".join(steps))

    # Shapes -----------------------------------------------------------------------------------------------

    def _measure_shape(self, shape: str, tail: Callable[[str], str], most: int = 2) -> Pair:
        measure = self._measure(noun_only=True)
        picked = self._picked(most)
        group = self._group(picked)
        parts = self._spoken(measure, picked) | grouping(self.rng, group)
        question = self._frame(shape, **parts)
        self.slots.apart(*(["{n}"] if "{n}" in question else []))
        return self._pair(question, picked.where, f".by({quoted(group.p)}).{measure.p}{tail(_alias(measure))}")

    def _measured(self) -> Pair:
        measure, picked = self._measure(), self._picked(3)
        return self._pair(self._frame("measure", **self._spoken(measure, picked)), picked.where, f".{measure.p}")

    def _grouped(self) -> Pair:
        return self._measure_shape("grouped", lambda alias: "")

    def _grouped2(self) -> Pair:
        measure, picked = self._measure(), self._picked(2)
        first, second = self.rng.sample(self.bank.groups, 2)
        parts = self._spoken(measure, picked) | {
            "group": self.rng.choice(first.said), "group2": self.rng.choice(second.said)
        }  # fmt: skip
        by = f".by({quoted(first.p)}, {quoted(second.p)})"
        return self._pair(self._frame("grouped2", **parts), picked.where, f"{by}.{measure.p}")

    def _both(self) -> Pair:
        """Two figures of the same rows."""
        first, second = self._two_measures()
        picked = self._picked(2)
        parts = self._spoken(first, picked) | {"short2": self.rng.choice(second.short)}
        return self._pair(self._frame("both", **parts), picked.where, f".{first.p}.{second.p}")

    def _both_by(self) -> Pair:
        first, second = self._two_measures()
        picked = self._picked(2)
        group = self._group(picked)
        parts = self._spoken(first, picked) | {"short2": self.rng.choice(second.short)} | grouping(self.rng, group)
        return self._pair(self._frame("both_by", **parts), picked.where, f".by({quoted(group.p)}).{first.p}.{second.p}")

    def _two_measures(self) -> tuple[Measure, Measure]:
        first = self._measure(noun_only=True)
        return first, self.rng.choice([m for m in self.bank.measures if m.short and m.p != first.p])

    def _versus(self) -> Pair:
        """A figure of two things of a kind."""
        column = self.rng.choice([column for column, kind in self.kinds.items() if self._is_grouped(column)])
        measure, picked = self._measure(of=column), self._picked(1, free=column)
        kind = f"{{{self.kinds[column]}}}"
        one, other = (self.slots.apart(kind)[0] for _ in range(2))
        question = self._frame("versus", value=one, value2=other, **self._spoken(measure, picked))
        lookups = [*picked.lookups]
        lookups.insert(0 if question.find(one) < question.find(picked.rows) else 1, f"{column}__in=[{one}, {other}]")
        return self._pair(question, f".where({', '.join(lookups)}).by({quoted(column)}).{measure.p}")

    def _is_grouped(self, column: str) -> bool:
        return any(group.p == column for group in self.bank.groups)

    def _most(self) -> Pair:
        return self._measure_shape("most", lambda alias: ".top(1)")

    def _least(self) -> Pair:
        return self._measure_shape("least", lambda alias: f".sort({quoted(alias)}).top(1)")

    def _top(self) -> Pair:
        return self._measure_shape("top", lambda alias: ".top({n})")

    def _bottom(self) -> Pair:
        return self._measure_shape("bottom", lambda alias: f".sort({quoted(alias)}).top({{n}})")

    def _sorted(self) -> Pair:
        return self._measure_shape("sorted", lambda alias: f".sort({quoted('-' + alias)})")

    def _having(self) -> Pair:
        measure, picked = self._measure(noun_only=True), self._picked(2)
        group, (lookup, ways) = self._group(picked), self.rng.choice(list(LIMITS.items()))
        slot, sign = _bound(measure)
        (numbered,) = self.slots.apart(slot)
        parts = self._spoken(measure, picked) | grouping(self.rng, group)
        question = self._frame("having", limit=self.rng.choice(ways).format(sign + numbered), **parts)
        steps = f".by({quoted(group.p)}).{measure.p}.where({_alias(measure)}{lookup}={numbered})"
        return self._pair(question, picked.where, steps)

    def _share(self) -> Pair:
        said, lookups, picked = self._part()
        return self._pair(
            self._frame("share", rows=picked.rows, pred=said), picked.where, f".share({self._weight_of_share}{lookups})"
        )

    def _share_by(self) -> Pair:
        said, lookups, picked = self._part()
        group = self._group(picked)
        question = self._frame("share_by", rows=picked.rows, pred=said, **grouping(self.rng, group))
        return self._pair(question, picked.where, f".by({quoted(group.p)}).share({self._weight_of_share}{lookups})")

    def _part(self) -> tuple[str, str, Picked]:
        """What a share is of: a verb phrase, its lookups, and the rows that make the whole."""
        part = self.rng.choice([f for f in self.bank.filters if f.pred])
        picked = self._picked(2, free=LOOKUP.findall(part.p)[0])
        said, lookups = self.slots.apart(self.rng.choice(part.pred), part.p)
        return said, lookups, picked

    def _list(self) -> Pair:
        picked = self._picked(3)
        shape = "exists" if self.rng.random() < 0.2 else "list"
        return self._pair(self._frame(shape, rows=picked.rows), picked.where, self._select(picked))

    def _list_columns(self) -> Pair:
        picked = self._picked(3)
        asked = self.rng.sample(self.bank.columns, min(len(self.bank.columns), self.rng.choice((1, 2, 2, 3))))
        said = [self.rng.choice(column.said) for column in asked]
        spoken = " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
        question = self._frame("list_columns", rows=picked.rows, columns=spoken)
        return self._pair(question, picked.where, self._select(picked, *(column.p for column in asked)))

    def _list_best(self) -> Pair:
        rank, picked = self._rank("best"), self._picked(2)
        question = self._frame("list_best", rows=picked.rows, best=self.rng.choice(rank.best))
        self.slots.apart("{n}")
        return self._ranked_pair(question, picked, rank, ".top({n})")

    def _list_one(self) -> Pair:
        rank, picked = self._rank("best"), self._picked(2)
        question = self._frame("list_one", rows=picked.rows, best=self.rng.choice(rank.best))
        return self._ranked_pair(question, picked, rank, ".top(1)")

    def _list_ranked(self) -> Pair:
        rank, picked = self._rank("said"), self._picked(3)
        question = self._frame("list_ranked", rows=picked.rows, rank=self.rng.choice(rank.said))
        return self._ranked_pair(question, picked, rank, "")

    def _rank(self, way: str) -> Rank:
        return self.rng.choice([rank for rank in self.bank.ranks if getattr(rank, way)])

    def _ranked_pair(self, question: str, picked: Picked, rank: Rank, top: str) -> Pair:
        select = "" if self.bank.whole else self._select(picked, rank.p.lstrip("-"))
        return self._pair(question, picked.where, f".sort({quoted(rank.p)}){top}{select}")


SHAPES = {
    "measured": 14, "grouped": 14, "grouped2": 4, "most": 7, "least": 3, "top": 7, "bottom": 3, "sorted": 5,
    "having": 6, "share": 8, "share_by": 4, "list": 10, "list_columns": 12, "list_best": 6, "list_one": 4,
    "list_ranked": 5, "both": 5, "both_by": 4, "versus": 6,
}  # fmt: skip
"""Shapes of question and their weights."""
RANKED = {"list_best": "best", "list_one": "best", "list_ranked": "said"}
LISTS = {"list", "list_columns", "list_best", "list_one", "list_ranked"}
GROUPED = {"grouped", "grouped2", "both_by", "most", "least", "top", "bottom", "sorted", "having", "share_by"}
FOLLOWED = 0.25
SCENARIOS = 0.3
"""The part of composed questions that is about changes, or else calls a task or asks for what cannot be done."""


def composed_pairs(app: App, count: int, seed: int) -> Iterator[tuple[str, Pair]]:
    """So many pairs of fragments, those that the package holds or else derived ones, each with what it is as its voice.

    Raises:
        SetupError: the app has no views to ask about.
    """
    rng, frames, said, written = random.Random(seed), read_frames(), derived.read_derived(), read_banks()
    banks = [_written(written, view) or derived.bank(app, view, said) for view in app.views.values()]
    if count and not banks:
        raise SetupError(f"{app.name} has no views to compose questions about; write --voices, and --composed 0")
    composers = [Composer(app, bank, frames, rng) for bank in banks]
    others = derived.Others(app, said, rng)
    scenarios = Scenarios(read_changes(), rng) if "what_if" in app.tasks else None
    for _ in range(count):
        composer = rng.choices(composers, [composer.bank.weight for composer in composers])[0]
        if rng.random() > SCENARIOS:
            yield "queries", composer.pair()
        else:
            yield ("changes", scenarios.pair()) if scenarios else others.pair(composer.rows())


def _written(banks: Sequence[Bank], view: View) -> Bank | None:
    """The fragments written by hand for a view of these columns, if there are any."""
    columns = {column.name for column in view.columns}
    return next((b for b in banks if b.view == view.name and {*b.key, *(c.p for c in b.columns)} <= columns), None)


def _alias(measure: Measure) -> str:
    """The column that an aggregate comes back as."""
    name, column = re.match(r'(\w+)\((?:"(\w+)")?', measure.p).groups()  # type: ignore[union-attr]
    return f"{name}_{column}" if column else name


def _bound(measure: Measure) -> tuple[str, str]:
    """The slot for a bound on a measure, and the sign before it."""
    alias = _alias(measure)
    if "cost" in alias:
        return "{money}", "$"
    if "rate" in alias or "utilisation" in alias:
        return "{rate}", ""
    return ("{days}" if "days" in alias else "{quantity}"), ""


def _is_question(text: str) -> bool:
    return bool(
        re.match(r"(how|what|which|who|when|where|at what|in how|across how|do|does|is|are|on how)\b", text, re.I)
    )
