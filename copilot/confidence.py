"""How likely a program is what was meant: from the decoder's probabilities, the linker and the check.

A model's card holds the weights of its calibration, fitted by `finetune calibrate` on questions that the model has not
seen (logistic regression, Platt 1999). A model without any is taken at its word: the probability of the least sure of
the program's tokens.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

from copilot.app import App
from copilot.link import Links, tokenise
from copilot.model.writer import Written
from copilot.names import Names, plain
from copilot.program import check

DAY = re.compile(r"\d{4}-\d\d(-\d\d)?")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
UNSAID = {0.0, 1.0}
"""Numbers that questions have without saying them: none, the best."""
WHOLE = 100
SUREST = 1e-3
MOST = 3
"""Of a kind of sign; more say nothing more."""


@dataclass(frozen=True)
class Signs:
    """What speaks for and against a program.

    Args:
        doubt: the logarithm of how unsure the least sure token is; -7 (sure) to 0.
        unlikely: the same of all of its tokens together.
        unread: names and amounts that the question mentions, and the program leaves out.
        unfounded: names, days and numbers of the program that neither the question nor an earlier turn holds.
        aside: 1 where the program declines, steers or asks back; else 0.
        mended: how many readings that the model holds likelier do not pass the check.
    """

    doubt: float
    unlikely: float = 0.0
    unread: int = 0
    unfounded: int = 0
    aside: int = 0
    mended: int = 0


@dataclass(frozen=True)
class Calibration:
    """From signs to a probability.

    Args:
        weights: of a constant 1 and of each of the signs, in their order; empty for a model without a calibration.
    """

    weights: tuple[float, ...] = ()

    def chance(self, signs: Signs) -> float:
        """The probability that the program is right, 0..1."""
        if not self.weights:
            return 1.0 - max(0.0, math.exp(signs.doubt) - SUREST)
        logit = math.fsum(w * s for w, s in zip(self.weights, features(signs), strict=True))
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


UNCALIBRATED = Calibration()


def features(signs: Signs) -> tuple[float, ...]:
    """A constant 1 and the signs, as the calibration weighs them."""
    return (1.0, *map(float, astuple(signs)))


def signs(
    app: App, names: Names, links: Links, earlier: Sequence[str], written: Written, program: str, mended: int = 0
) -> Signs:
    """The signs of a program that passes the check.

    Args:
        earlier: the questions and programs of the turns before.
        written: as the model wrote it.
        program: as it was settled.
    """
    tree = check.parse(program)
    doubt, unlikely = (math.log(1.0 - chance + SUREST) for chance in (written.confidence, written.whole))
    if _aside(tree):
        return Signs(doubt, unlikely, aside=1, mended=mended)
    unread = sum(not _read(names, program, link) for link in _mentioned(app, names, links))
    unfounded = sum(1 for _ in _unfounded(app, names, links, "\n".join(earlier), tree))
    return Signs(doubt, unlikely, min(unread, MOST), min(unfounded, MOST), mended=mended)


def _aside(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.Name) and node.id in check.OUTCOMES for node in ast.walk(tree))


def _mentioned(app: App, names: Names, links: Links) -> Iterator[tuple[str, ...]]:
    """For each mention of a name, or of an amount, what it may stand for."""
    for link in links.links:
        meant = [
            name for name, kind in link.meanings if _is_name(app, names, name, kind) or kind in ("days", "percent")
        ]
        if meant and not link.guessed:
            yield tuple(meant)


def _is_name(app: App, names: Names, name: str, kind: str) -> bool:
    return kind in app.kinds and (name in names.by_kind[kind] or name in names.members.get(kind, {}))


def _read(names: Names, program: str, meant: tuple[str, ...]) -> bool:
    groups = [members for by_name in names.members.values() for members in by_name.items()]
    kin = {member for group, of in groups if group in meant for member in of}
    kin |= {group for group, of in groups if set(of) & set(meant)}
    return any(name in program for name in (*meant, *kin))


def _unfounded(app: App, names: Names, links: Links, earlier: str, tree: ast.AST) -> Iterator[str]:
    linked = {name for _, name in links.names()}
    said = f"{links.shown()}\n{earlier}"
    for mention in check.mentions(app, tree):
        stands_for = names.also.get(mention.kind, {})
        if (
            not _read(names, said, (mention.text,))
            and mention.text not in linked
            and plain(mention.text) not in stands_for
        ):
            yield mention.text
    wholes = {id(node.left) for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)}
    literals = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    constants = [node.value for node in literals if not (node.value == WHOLE and id(node) in wholes)]
    yield from (value for value in constants if isinstance(value, str) and DAY.fullmatch(value) and value not in said)
    numbers = [value for value in constants if isinstance(value, int | float) and not isinstance(value, bool)]
    words = " ".join(token.form for token in tokenise(links.question))
    known = {float(text) for text in NUMBER.findall(f"{links.question.replace(',', '')} {words} {said}")}
    yield from (str(number) for number in numbers if number not in UNSAID and not _said(number, known))


def _said(value: float, known: set[float]) -> bool:
    """Whether a number is among those known: as it is, as a percentage, in thousands, or as what is left of a whole."""
    ways = (value, 100 * value, value / 1000, WHOLE - value)
    return any(abs(way - one) < 1e-9 for way in ways for one in known)
