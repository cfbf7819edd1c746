"""Guesses how a program goes on, so that a model reads several tokens at once instead of writing them one by one.

What is guessed is read by the model in one pass, and kept as far as the model would have written the same: drafts
change how long a program takes, and nothing else (speculative decoding, Leviathan et al. 2023, for greedy decoding).
Programs that answer an app's questions are much alike, so the drafts come from counting: after these few tokens, that
one followed. Names and numbers are told by their kind there, and copied from the question.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from copilot.errors import SetupError
from copilot.files import whole

Piece = int | str
"""A token, or the kind of a name or value that stands there: ``<sku>``."""
Named = tuple[tuple[int, ...], frozenset[str]]
"""The tokens of a name or value of the question, and the kinds that it may be of."""
Tokenise = Callable[[str], list[int]]
LONGEST = 4
"""Pieces that are looked back upon."""
FEWEST = 4
"""How often pieces must have been seen to be drafted from."""
LIKELY = 0.45
"""A draft ends where it holds with a smaller probability than this."""
NEAR = 0.1
"""Shares that differ by less are not told apart."""
DUE = "due"
MOST = 12
NUMBER = re.compile(r"\d+(?:\.\d+)?")
START = -1


@dataclass(frozen=True)
class Drafter:
    """Drafts programs.

    Args:
        follows: by the last few pieces, what follows most often, and in what share of the cases.
    """

    follows: dict[tuple[Piece, ...], tuple[Piece, float]] = field(default_factory=dict)

    def draft(self, written: Sequence[int], names: Sequence[Named]) -> list[int]:
        """The tokens that may follow those written; empty if nothing is likely."""
        rest, used = _begun(written, names)
        pieces = told([*written, *rest], names)
        drafted, chance = list(rest), 1.0
        while len(drafted) < MOST and (found := self._next(pieces, _due(names, used))):
            piece, share = found
            chance *= share
            if chance < LIKELY:
                break
            pieces.append(piece)
            if isinstance(piece, int):
                drafted.append(piece)
                continue
            fitting = [name for name in names if piece in name[1] and name not in used]
            if not fitting:
                break
            used.append(fitting[0])
            drafted += fitting[0][0]
        return drafted[:MOST]

    def differs(self, tail: tuple[Piece, ...], piece: Piece, share: float) -> bool:
        """Whether what follows a tail is not already known from a shorter one."""
        due, pieces = (tail[0], tail[1:]) if _is_due(tail) else ("", tail)
        known = self._next(pieces, due)
        return known is None or known[0] != piece or abs(known[1] - share) > NEAR

    def _next(self, pieces: Sequence[Piece], due: Piece) -> tuple[Piece, float] | None:
        tails = [tuple(pieces[-length:]) for length in range(min(LONGEST, len(pieces)), 0, -1)]
        keys = (key for tail in tails for key in ((due, *tail), tail))
        return next((self.follows[key] for key in keys if key in self.follows), None)


NO_DRAFTS = Drafter()


def named(links: str, question: str, earlier: Sequence[str], tokenise: Tokenise) -> list[Named]:
    """What of a question a program may copy: linked names and amounts, numbers, and the texts of earlier programs.

    Args:
        links: as `Links.shown()` gives them.
        earlier: the programs of the turns before.
    """
    found: dict[str, frozenset[str]] = {}
    for part in re.split(r"; |, ", links.strip("[]")):
        name, _, kinds = part.rpartition(" = ")
        if name:
            found.setdefault(name, frozenset(f"<{kind}>" for kind in kinds.split("/")))
    for text in (*NUMBER.findall(question), *(t for program in earlier for t in re.findall(r'"([^"]+)"', program))):
        found.setdefault(text, frozenset({"<number>"} if NUMBER.fullmatch(text) else {"<text>"}))
    return [(tuple(tokenise(name)), kinds) for name, kinds in found.items()]


def told(tokens: Sequence[int], names: Sequence[Named]) -> list[Piece]:
    """The tokens, with the kind of each name or value in its place; after a mark of the beginning."""
    pieces, at = list[Piece]([START]), 0
    longest_first = sorted(names, key=lambda name: -len(name[0]))
    while at < len(tokens):
        here = next((n for n in longest_first if n[0] and tuple(tokens[at : at + len(n[0])]) == n[0]), None)
        pieces.append(min(here[1]) if here else tokens[at])
        at += len(here[0]) if here else 1
    return pieces


def counted(programs: Iterable[tuple[Sequence[int], Sequence[Named]]]) -> Drafter:
    """A drafter that has seen these programs: each its tokens, with that of its end, and its names."""
    seen: dict[tuple[Piece, ...], Counter[Piece]] = defaultdict(Counter)
    for tokens, names in programs:
        pieces, due = told(tokens, names), list(names)
        for at in range(1, len(pieces)):
            for length in range(1, min(LONGEST, at) + 1):
                tail = tuple(pieces[at - length : at])
                seen[tail][pieces[at]] += 1
                seen[(_due(due, ()), *tail)][pieces[at]] += 1
            done = next((name for name in due if pieces[at] in name[1]), None)
            if done:
                due.remove(done)
    drafter = Drafter({})
    for tail in sorted(seen, key=lambda tail: (_length(tail), len(tail))):
        (piece, times), total = seen[tail].most_common(1)[0], seen[tail].total()
        if total >= FEWEST and drafter.differs(tail, piece, times / total):
            drafter.follows[tail] = piece, round(times / total, 2)
    return drafter


def write(drafter: Drafter, path: Path) -> None:
    """Write a drafter's counts."""
    rows = [[*tail, piece, share] for tail, (piece, share) in drafter.follows.items()]
    with whole(path) as part:
        part.write_text("[" + ",\n".join(json.dumps(row) for row in rows) + "]\n", encoding="utf-8")


def read(path: Path) -> Drafter:
    """The drafter of a file; one that drafts nothing if there is none. Raises SetupError if it is no such file."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        return Drafter({tuple(row[:-2]): (row[-2], float(row[-1])) for row in rows})
    except (ValueError, TypeError, LookupError) as error:
        raise SetupError(f"{path} is cut short or no file of drafts; delete it, or export the adapter again") from error


def _is_due(tail: tuple[Piece, ...]) -> bool:
    return isinstance(tail[0], str) and tail[0].startswith(DUE)


def _length(tail: tuple[Piece, ...]) -> int:
    return len(tail) - _is_due(tail)


def _due(names: Sequence[Named], used: Sequence[Named]) -> Piece:
    """A mark for the kind of the first name of the question that is yet to be written."""
    return next((f"{DUE} {min(kinds)}" for tokens, kinds in names if (tokens, kinds) not in used), DUE)


def _begun(written: Sequence[int], names: Sequence[Named]) -> tuple[list[int], list[Named]]:
    """What is left of a name that has been begun, and the names that have been written or begun."""
    whole_text = tuple(written)
    used = [name for name in names if _holds(whole_text, name[0])]
    for name in names:
        for length in range(len(name[0]) - 1, 0, -1):
            if name not in used and whole_text[-length:] == name[0][:length]:
                return list(name[0][length:]), [*used, name]
    return [], used


def _holds(text: tuple[int, ...], part: tuple[int, ...]) -> bool:
    return any(text[at : at + len(part)] == part for at in range(len(text) - len(part) + 1))
