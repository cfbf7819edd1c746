"""A new model takes the old one's place only if it is not worse: both are asked the same, and compared in pairs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from copilot.errors import SetupError
from copilot.files import whole
from copilot.model import weights
from copilot.settings import Settings
from finetune.judged import Judged
from finetune.significance import chance_of_worse


class Pairs(BaseModel):
    """How two models did on the same questions.

    Args:
        lost: right of the old, wrong of the new; `won` the other way round.
    """

    questions: int = 0
    old_right: int = 0
    new_right: int = 0
    lost: int = 0
    won: int = 0


class Comparison(BaseModel):
    """Two models on the same questions.

    Args:
        chance: how likely a new model that is as good as the old one loses this often (McNemar's exact test).
        worse: whether that is less likely than the level asked for.
        lost_questions: those that the new model gets wrong and the old one right.
    """

    pairs: Pairs
    chance: float
    worse: bool
    by_family: dict[str, Pairs]
    lost_questions: list[str]


def compare(old: Sequence[Judged], new: Sequence[Judged], level: float = 0.05) -> Comparison:
    """Compare two models over all questions; families are told, not tested.

    Args:
        old, new: the same questions in the same order, as each model answered them.
        level: a new model is worse if losing so often by chance is less likely than this.
    """
    both = list(zip(old, new, strict=True))
    families = dict.fromkeys(item.example.family or "other" for item in old)
    pairs = _pairs(both)
    chance = chance_of_worse(pairs.lost, pairs.won)
    return Comparison(
        pairs=pairs,
        chance=round(chance, 4),
        worse=chance < level,
        by_family={name: _pairs([b for b in both if (b[0].example.family or "other") == name]) for name in families},
        lost_questions=[before.example.question for before, after in both if after.why and not before.why],
    )


def _pairs(both: Sequence[tuple[Judged, Judged]]) -> Pairs:
    return Pairs(
        questions=len(both),
        old_right=sum(not old.why for old, _ in both),
        new_right=sum(not new.why for _, new in both),
        lost=sum(bool(new.why) and not old.why for old, new in both),
        won=sum(bool(old.why) and not new.why for old, new in both),
    )


def install(model: str, name: str, settings: Settings) -> Path:
    """Make a model the one in use under a name; the one before can be put back. Returns where it is now.

    Args:
        model: a GGUF file, an adapter with its card beside it, or a name.
        name: what the copilot calls it: `weights.DEFAULT` for the one that it takes if it is told nothing else.

    Raises:
        SetupError: there is no such model, or nothing can be written.
    """
    source = weights.adapter_of(model) or weights.located(model, settings)
    place = weights.installed(name, settings)
    _move(place, _previous(place))
    place.parent.mkdir(parents=True, exist_ok=True)
    for found, wanted in zip(_files(source), _files(place), strict=True):
        if found.exists():
            with whole(wanted) as part:
                shutil.copy(found, part)
    return place


def roll_back(name: str, settings: Settings) -> str:
    """Put back what was in use before the last install; says what that is.

    Raises:
        SetupError: nothing was installed.
    """
    place = weights.installed(name, settings)
    if not place.exists():
        raise SetupError(f"nothing is installed as {name}, so there is nothing to put back")
    for file in _files(place):
        file.unlink(missing_ok=True)
    _move(_previous(place), place)
    return f"{name} as installed before" if place.exists() else f"{name} as it ships"


def _previous(place: Path) -> Path:
    return place.parent / "previous" / place.name


def _files(model: Path) -> Iterator[Path]:
    """The card first: an adapter is never there without it."""
    yield model.with_suffix(".json")
    yield weights.drafts_of(model)
    yield weights.words_of(model)
    yield model


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    for found, wanted in zip(_files(source), _files(target), strict=True):
        wanted.unlink(missing_ok=True)
        if found.exists():
            found.replace(wanted)
