"""Spoilt programs and questions by the thousand, and what must be so after each of them.

    python -m tests.fuzz --programs 10000 --questions 1000 --seed 1

Prints the figures, and each finding with the input that brought it about; the exit status is 1 if there is any.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy.exc import SAWarning

from copilot import Answer
from copilot.fulfilment.app import app
from copilot.settings import Settings
from copilot.testing import Scripted
from finetune.fill import Filler
from finetune.synthesize import UNCLEAR, read_pairs
from fixtures.build import build
from tests import mutate
from tests.unharmed import Scene, Watched, answers, complaint

VOICES = Path(__file__).parent.parent / "finetune" / "voices"
SLOW = 90.0
"""Seconds from which an answer counts as a hang."""


@dataclass
class Figures:
    """What a run of the fuzzing came to.

    Args:
        ran: programs that passed the check and ran.
        findings: what went wrong, with the input.
        slowest: of all answers, in seconds.
    """

    inputs: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    ran: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Ground:
    """A copilot on a world of its own, under attack.

    Args:
        database: the world, of which nothing may change.
        folder: where it lies alone.
    """

    copilot: Watched
    database: Path
    folder: Path

    @classmethod
    def open(cls, world: Path, place: Path) -> Ground:
        """On a copy of a world, made in `place`; drafts go to a twin of it."""
        folder, home = place / "world", place / "home"
        folder.mkdir(), home.mkdir()
        database, twin = (Path(shutil.copy(world, at / f"{at.name}.db")) for at in (folder, home))
        copilot = Watched(app, database_url=f"sqlite:///{database}", model=Scripted({}), settings=Settings(home=home))
        copilot.twin = f"sqlite:///{twin}"
        return cls(copilot, database, folder)

    def scene(self) -> Scene:
        """The database, its folder and the processes as they are now."""
        return Scene.of(self.database, self.folder)

    def ask(self, question: str, program: str) -> Answer:
        """A question through the whole path; the model answers with the program."""
        self.copilot._writer = Scripted({}, otherwise=program)
        return self.copilot.ask(question)


def good(copilot: Watched, rng: random.Random) -> tuple[list[str], list[str]]:
    """Questions and their programs, of all voices, filled with names of the world."""
    world = copilot.world
    pairs = [pair for voice in sorted(VOICES.glob("*.jsonl")) for pair in read_pairs(voice)]
    filled = [(Filler(world.names, world.today, rng, frozenset(UNCLEAR.findall(pair.p))), pair) for pair in pairs]
    return [filler.question(pair.q) for filler, pair in filled], [filler.program(pair.p) for filler, pair in filled]


def programs(ground: Ground, count: int, seed: int) -> Figures:
    """Spoilt programs, run by hand."""
    rng = random.Random(seed)
    _, written = good(ground.copilot, rng)
    spoilt = (mutate.program(rng, written) for _ in range(count))
    return _attack(ground, ((text, partial(ground.copilot.run, text)) for text in spoilt))


def questions(ground: Ground, count: int, seed: int) -> Figures:
    """Spoilt questions through the whole path; the model answers half of them with a spoilt program."""
    rng = random.Random(seed)
    asked, written = good(ground.copilot, rng)
    pairs = ((mutate.question(rng, asked), _answered(rng, written)) for _ in range(count))
    return _attack(ground, ((f"{q!r} -> {p}", partial(ground.ask, q, p)) for q, p in pairs))


def _answered(rng: random.Random, written: Sequence[str]) -> str:
    return mutate.program(rng, written) if rng.random() < 0.5 else rng.choice(written)


def _attack(ground: Ground, inputs: Iterator[tuple[str, Callable[[], Answer]]]) -> Figures:
    """Try each input, and look for harm after it."""
    figures, before, began = Figures(), ground.scene(), time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("error", SAWarning)
        for said, ask in inputs:
            figures.inputs += 1
            if wrong := _tried(figures, ask) or _harm(ground, before):
                figures.findings.append((wrong, said))
    figures.seconds = time.monotonic() - began
    return figures


def _tried(figures: Figures, ask: Callable[[], Answer]) -> str:
    began = time.monotonic()
    try:
        answer = ask()
        wrong = complaint(answer)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    took = time.monotonic() - began
    figures.slowest = max(figures.slowest, took)
    figures.outcomes[answer.outcome] += 1
    figures.ran += answer.timings.run > 0
    return wrong or (f"took {took:.0f} s" if took > SLOW else "")


def _harm(ground: Ground, before: Scene) -> str:
    after = ground.scene()
    changed = [name for name in ("database", "files", "strangers") if getattr(before, name) != getattr(after, name)]
    if changed:
        return f"changed: {', '.join(changed)}"
    return "" if answers(ground.copilot) else "the next question is not answered"


def main() -> None:
    """The whole fuzzing, with its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        ground = Ground.open(_world(Path(name)), Path(name))
        runs = {"programs": programs(ground, given.programs, given.seed)}
        runs["questions"] = questions(ground, given.questions, given.seed)
    for kind, figures in runs.items():
        _print(kind, figures)
    raise SystemExit(any(figures.findings for figures in runs.values()))


def _world(folder: Path) -> Path:
    build(f"sqlite:///{folder / 'small.db'}", "small")
    return folder / "small.db"


def _print(kind: str, figures: Figures) -> None:
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in figures.outcomes.most_common())
    print(
        f"{figures.inputs:,} {kind} in {figures.seconds:,.0f} s, slowest {figures.slowest:.1f} s: {outcomes}; ", end=""
    )
    print(f"{figures.ran:,} ran; {len(figures.findings)} findings")
    for wrong, said in figures.findings:
        print(f"  {wrong}\n    {said[:500]!r}")


if __name__ == "__main__":
    main()
