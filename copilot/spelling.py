"""Slips of the finger: a word that a model has not met, one slip away from one that it has, is read as that one.

Words are learnt from the questions of its training, and lie beside its adapter. What the model's tokenizer keeps whole
is a word of its language, and left as it is: `plants` is no slip of `plans`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA

from copilot.errors import SetupError
from copilot.files import whole

WORD = re.compile(r"[^\W\d_]+")
SHORTEST = 5
FEWEST = 3
"""Questions that a word is in, for it to be known."""
DWARFED = 30
"""So many times as common as its neighbour, a word makes that neighbour a slip."""


@dataclass(frozen=True)
class Spelling:
    """Words, each with how many questions it was in.

    Args:
        is_word: whether a word that was not met is one all the same.
    """

    words: Mapping[str, int] = field(default_factory=dict)
    is_word: Callable[[str], bool] = lambda word: False

    def mended(self, question: str, names: Sequence[tuple[int, int]] = ()) -> str:
        """The question with its slips mended; the spans of names are left as they are."""
        if not self.words:
            return question

        def spelt(found: re.Match[str]) -> str:
            start, end = found.span()
            named = any(begin < end and start < stop for begin, stop in names)
            return found.group() if named else self._meant(found.group())

        return WORD.sub(spelt, question)

    def knows(self, form: str) -> bool:
        """Whether a word was met or is one of the language; any is where no words were learnt."""
        return not self.words or form in self.words or self.is_word(form)

    def _meant(self, word: str) -> str:
        form = word.lower()
        if len(form) < SHORTEST or self.knows(form):
            return word
        near = [known for known in _neighbours(form, self.words) if known[0] == form[0] and not _inflected(form, known)]
        meant = max(near, key=lambda known: (not _substituted(form, known), self.words[known]), default=form)
        return word if meant == form else meant.capitalize() if word[0].isupper() else meant


NO_SPELLING = Spelling()


def learnt(questions: Iterable[str]) -> dict[str, int]:
    """The words of questions and how many of them each is in; rare twins of common words are taken for slips."""
    counts = Counter(word for question in questions for word in set(WORD.findall(question.lower())))
    known = {word: count for word, count in counts.items() if count >= FEWEST}
    return {word: known[word] for word in sorted(known) if not _is_slip(word, known)}


def write(words: Mapping[str, int], path: Path) -> None:
    """Write words to a file."""
    with whole(path) as part:
        part.write_text(json.dumps(words, ensure_ascii=False, indent=0), encoding="utf-8")


def read(path: Path) -> dict[str, int]:
    """The words of a file; none if there is no file. Raises SetupError if it is no such file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return {str(word): int(count) for word, count in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise SetupError(f"{path} is cut short or no file of words; delete it, or export the adapter again") from error


def _is_slip(word: str, known: Mapping[str, int]) -> bool:
    near = _neighbours(word, known) if len(word) >= SHORTEST else []
    return any(known[other] >= DWARFED * known[word] for other in near)


def _neighbours(word: str, known: Mapping[str, int]) -> list[str]:
    """Known words one slip away: a letter more, a letter less, another letter, two of them swapped."""
    found = process.extract(word, known.keys(), scorer=OSA.distance, score_cutoff=1, limit=None)
    return [other for other, _, _ in found if other != word]


def _inflected(word: str, known: str) -> bool:
    """Whether the two differ by a last s alone: a plural, or an apostrophe that was left out."""
    return word == f"{known}s" or known == f"{word}s"


def _substituted(word: str, known: str) -> bool:
    """Whether a letter stands for another: fingers swap, drop and double letters more often."""
    return len(word) == len(known) and sorted(word) != sorted(known)
