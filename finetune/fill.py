"""Slots to text: how a name or value is written in a question, and the literal that stands for it in the program."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from copilot.names import Names, plain
from copilot.query import monday

SLOT = re.compile(r"\{([a-z_]+)(\d*)\}")
SLOT_NAME = re.compile(r"([a-z_]+)(\d*)")
DOZENS = {6: "half a dozen", 12: "a dozen", 24: "two dozen", 36: "three dozen"}
ANY_NUMBER = 0.15
"""The part of quantities and amounts of money that are drawn from all numbers of up to five digits."""
SLIPS = 0.2
"""The part of questions with slips of the finger."""
RANGE = re.compile(r"\b([a-z_]+)__gte?=\{([a-z_]+\d*)\}, \1__lte?=\{([a-z_]+\d*)\}")
NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()

TITLES = """alpha amber autumn backup base bold bridge budget bravo calm case city cold cost delta draft dry early east
fallback fast first fresh gamma green harbour high holiday hybrid ice iron key late lean light low march mild minimum
monday new night no north november orange peak pilot plain plus quick rainy red relief rescue rush safe second short
silver slim slow south split spring squeeze storm strike summer surge target tight trial two ultra v2 v3 west winter
worst year zero B C Q1 Q3 Q4 2027""".split()
COUNTRIES = """Germany France Poland Italy Spain Taiwan Japan Vietnam India China Mexico Brazil Canada Chile Ireland
Finland Sweden Norway Malaysia Thailand Israel Turkey Austria Hungary Portugal Denmark Belgium Netherlands
Switzerland Singapore""".split()


@dataclass
class Filler:
    """Draws one value for each slot of a pair and keeps it for all of the pair's places.

    Args:
        names: of the world that values are drawn from.
        today: of that world.
        unclear: kinds of which a name that stands for several is drawn.
    """

    names: Names
    today: date
    rng: random.Random
    unclear: frozenset[str] = frozenset()
    chosen: dict[str, tuple[str, str]] = field(default_factory=dict)

    def question(self, text: str) -> str:
        """The text with every slot as a person would write it."""
        return SLOT.sub(lambda m: self._surface(m, text), text)

    def order(self, program: str) -> None:
        """Put the two ends of every range of the program in ascending order."""
        for _, low, high in RANGE.findall(program):
            ends = [self._value(*SLOT_NAME.fullmatch(end).groups()) for end in (low, high)]  # type: ignore[union-attr]
            self.chosen[low], self.chosen[high] = sorted(ends, key=lambda end: json.loads(end[1]))

    def retitle(self, question: str) -> None:
        """A plan is called as the question, which may have lost its capitals, has it."""
        for key, (said, _) in self.chosen.items():
            if key.startswith("title") and said not in question:
                self.chosen[key] = (said.lower(), json.dumps(said.lower()))

    def program(self, text: str) -> str:
        """The program with every slot as a literal."""
        return SLOT.sub(lambda m: self._value(m.group(1), m.group(2))[1], text)

    def _surface(self, match: re.Match[str], text: str) -> str:
        kind, number = match.groups()
        said, literal = self._value(kind, number)
        if kind in NUMBERED and text[: match.start()].lower().rstrip(" #").endswith(NUMBERED[kind]):
            said = said.split(" ", 1)[-1]
        if text[match.end() : match.end() + 1].isalpha() and literal.isdigit():
            said = literal
        return self._noisy(said, kind)

    def _value(self, kind: str, number: str) -> tuple[str, str]:
        key = kind + number
        if key not in self.chosen:
            self.chosen[key] = self._fresh(kind)
        return self.chosen[key]

    def _fresh(self, kind: str) -> tuple[str, str]:
        taken = {literal for slot, (_, literal) in self.chosen.items() if slot.rstrip("0123456789") == kind}
        for _ in range(50):
            said, literal = VALUES[kind](self) if kind in VALUES else self._named(kind)
            if literal not in taken:
                break
        return said, literal

    def _named(self, kind: str) -> tuple[str, str]:
        name = self.rng.choice(self._several(kind) if kind in self.unclear else self.names.by_kind[kind])
        return self.rng.choice(self._ways(kind, name)), json.dumps(name)

    def _several(self, kind: str) -> list[str]:
        """Names that stand for several, such as a city with two sites."""
        return [name for name, members in self.names.members[kind].items() if len(members) > 1]

    def _ways(self, kind: str, name: str) -> list[str]:
        aliases = list(self.names.kinds[kind].aliases(name))
        if kind == "datacenter":
            aliases = self._cities(name) * 3
        if kind in NUMBERED:
            prefix, _, digits = name.partition("-")
            aliases = [a for a in aliases if "number" not in a] + [f"{prefix.lower()} {digits}", name.lower()]
        return [name, name, name.lower(), *aliases, *(a.lower() for a in aliases)]

    def _cities(self, name: str) -> list[str]:
        for city, codes in self.names.members["city"].items():
            if name in codes:
                return (
                    [city]
                    if len(codes) == 1 and city not in self.names.by_kind["warehouse"]
                    else ([f"{city} {codes.index(name) + 1}"] if len(codes) > 1 else [])
                )
        return []

    def _noisy(self, said: str, kind: str) -> str:
        if kind in self.names.kinds and len(said) > 5 and said.isalpha() and self.rng.random() < 0.07:
            return typo(said, self.rng)
        return said

    # Values ---------------------------------------------------------------------------------------------------

    def count(self, low: int, high: int) -> tuple[str, str]:
        """A whole number, now and then in words."""
        value = self.rng.randint(low, high)
        if value in DOZENS and self.rng.random() < 0.5:
            return DOZENS[value], str(value)
        words = value <= 20 and self.rng.random() < 0.2
        return (NUMBER_WORDS[value] if words else str(value)), str(value)

    def quantity(self) -> tuple[str, str]:
        """So many racks."""
        return self.any_number() if self.rng.random() < ANY_NUMBER else self.count(1, 60)

    def any_number(self) -> tuple[str, str]:
        """A number of up to five digits, for the model to copy: none that it has met."""
        value = self.rng.randrange(10 ** self.rng.randint(2, 5))
        return self.rng.choice([str(value), str(value), f"{value:,}"]), str(value)

    def percent(self) -> tuple[str, str]:
        """A percentage, round as a rule."""
        value = self.rng.choice([5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 90, self.rng.randint(1, 95)])
        return str(value), str(value)

    def money(self) -> tuple[str, str]:
        """Dollars; "2.5k" at times."""
        if self.rng.random() < ANY_NUMBER:
            return self.any_number()
        value = self.rng.choice([50, 100, 200, 250, 300, 500, 750, 1000, 1200, 1500, 2000, 2500, 5000, 10000, 20000])
        ways = [str(value), f"{value:,}"] + ([f"{value / 1000:g}k"] if value >= 1000 else [])
        return self.rng.choice(ways), str(value)

    def rate(self) -> tuple[str, str]:
        """A fraction, as a percentage as a rule."""
        percent = self.rng.choice([1, 2, 3, 5, 10, 20, 25, 50, 75, 80, 85, 90, 92, 95, 98, self.rng.randint(1, 99)])
        literal = f"{percent / 100:g}"
        return self.rng.choice([f"{percent}%", f"{percent}%", f"{percent} percent", literal]), literal

    def span(self) -> tuple[str, str]:
        """A duration in days, weeks as a rule; the literal is in days."""
        weeks = self.rng.choice([1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 8])
        days = self.rng.randint(2, 30)
        worded = NUMBER_WORDS[weeks]
        ways = {
            "day": ([f"{days} days", f"{days} days", f"{NUMBER_WORDS[days] if days <= 20 else days} days"], days),
            "week": ([f"{weeks} weeks", f"{worded} weeks", f"{weeks} wks", f"{weeks} weeks"], 7 * weeks),
        }
        if weeks == 1:
            ways["week"] = (["a week", "one week", "1 week", "1 wk"], 7)
        if weeks == 2 and self.rng.random() < 0.3:
            ways["week"] = (["a fortnight", "a couple of weeks", "two weeks"], 14)
        said, literal = ways[self.rng.choice(["day", "week", "week"])]
        return self.rng.choice(said), str(literal)

    def kept(self) -> tuple[str, str]:
        """The percentage that remains; the program subtracts it, as a small model had better not."""
        value = self.rng.choice([10, 20, 25, 40, 50, 60, 70, 75, 80, 85, 90, 95, self.rng.randint(2, 98)])
        return str(value), f"100 - {value}"

    def title(self) -> tuple[str, str]:
        """A name for a plan, of one to three words."""
        said = " ".join(self.rng.sample(TITLES, self.rng.choice((1, 2, 2, 3))))
        said = self.rng.choice([said, said, said.capitalize(), said.title()])
        return said, json.dumps(said)

    def country(self) -> tuple[str, str]:
        """A country of a supplier."""
        said = self.rng.choice(COUNTRIES)
        return said, json.dumps(said)

    def place(self) -> tuple[str, str]:
        """A name that two kinds share, such as a city that has a warehouse and a data center."""
        every = Counter(name for names in self.names.by_kind.values() for name in names)
        name = self.rng.choice([name for name, kinds in every.items() if kinds > 1])
        return self.rng.choice([name, name, name.lower()]), json.dumps(name)

    def day(self) -> tuple[str, str]:
        """A day within the horizon, in many forms."""
        when = self.today + timedelta(days=self.rng.randint(-40, 75))
        return self._written(when), json.dumps(when.isoformat())

    def week(self) -> tuple[str, str]:
        """The Monday of a week."""
        when = monday(self.today + timedelta(days=self.rng.randint(-14, 75)))
        return self._written(when), json.dumps(when.isoformat())

    def month(self) -> tuple[str, str]:
        """A month near today."""
        when = self.today + timedelta(days=30 * self.rng.randint(-4, 4))
        short = self.rng.random() < 0.4
        said = f"{when:%b}" if short else f"{when:%B}"
        return self.rng.choice([said, said.lower()]) if when.month != 5 else f"{when:%B}", json.dumps(f"{when:%Y-%m}")

    def _written(self, when: date) -> str:
        ordinal = f"{when.day}{_suffix(when.day)}"
        ways = [
            f"{when.day} {when:%b}",
            f"{when.day} {when:%B}",
            f"{when:%b} {when.day}",
            f"{ordinal} of {when:%B}",
            f"{when:%B} {ordinal}",
            when.isoformat(),
            f"{when.day} {when:%b}".lower(),
            f"{when.day}/{when.month}",
        ]
        if 0 <= (when - self.today).days < 27:
            ways += [f"the {ordinal}"]
        return self.rng.choice(ways)


NUMBERED = {
    "order": ("order", "orders"),
    "shipment": ("shipment", "shipments", "consignment"),
    "delivery": ("delivery", "deliveries"),
    "plan": ("plan", "plans", "draft", "drafts"),
}
"""Kinds whose names are numbers, and the words after which the number alone is said."""
VALUES: dict[str, Callable[[Filler], tuple[str, str]]] = {
    "n": lambda f: f.count(1, 20),
    "quantity": lambda f: f.quantity(),
    "percent": lambda f: f.percent(),
    "days": lambda f: f.count(2, 60),
    "weeks": lambda f: f.count(2, 8),
    "money": lambda f: f.money(),
    "rate": lambda f: f.rate(),
    "date": lambda f: f.day(),
    "week": lambda f: f.week(),
    "month": lambda f: f.month(),
    "span": lambda f: f.span(),
    "kept": lambda f: f.kept(),
    "title": lambda f: f.title(),
    "country": lambda f: f.country(),
    "place": lambda f: f.place(),
}


def typo(word: str, rng: random.Random) -> str:
    """One slip of the finger: two letters swapped, one dropped, one doubled."""
    at = rng.randint(1, len(word) - 2)
    slips = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
    )
    return rng.choice(slips)


def roughen(question: str, rng: random.Random) -> str:
    """A question as it is typed in a hurry: lower case, no final mark, a slip or two in plain words."""
    if rng.random() < 0.25:
        question = question.lower()
    if rng.random() < 0.3:
        question = question.rstrip(".?! ")
    if rng.random() < SLIPS:
        question = slipped(question, rng, rng.choice((1, 1, 2)))
    return question


def slipped(question: str, rng: random.Random, slips: int) -> str:
    """A question with a slip of the finger in so many of its longer words in small letters, names among them."""
    words = question.split(" ")
    long = [at for at, word in enumerate(words) if word.isalpha() and len(word) > 4 and word.islower()]
    for at in rng.sample(long, min(slips, len(long))):
        words[at] = typo(words[at], rng)
    return " ".join(words)


def _suffix(day: int) -> str:
    return "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


__all__ = ["Filler", "plain", "roughen", "slipped", "typo"]
