"""The seam between the copilot and a model: a question with its links goes in, a program comes out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from copilot.app import App
from copilot.model.prompt import Turn
from copilot.progress import Stopped, never


@dataclass(frozen=True)
class Request:
    """What a model is asked to write a program for.

    Args:
        links: as `Links.shown()` gives them.
        context: earlier turns, oldest first.
        stopped: a model that writes by pieces asks between two of them, and raises GivenUp.
        since: when it came to the model, by `time.monotonic`: of several questions the first is read first.
    """

    question: str
    links: str
    context: Sequence[Turn]
    app: App
    stopped: Stopped = never
    since: float = field(default_factory=time.monotonic, compare=False)


@dataclass(frozen=True)
class Beginning:
    """Where another program leaves the one that was written.

    Args:
        tokens: of the model, up to and with the first that differs.
        chance: the probability of that token there, 0..1.
        whole: that of all of them together.
    """

    tokens: tuple[int, ...]
    chance: float
    whole: float = 1.0


@dataclass(frozen=True)
class Written:
    """A program as a model wrote it.

    Args:
        confidence: 0..1; the probability of the least sure of its tokens, 1 where a model tells none.
        whole: 0..1; the probability of all of its tokens together.
        others: how likely other programs begin, the likeliest first.
    """

    program: str
    tokens_in: int = 0
    tokens_out: int = 0
    confidence: float = 1.0
    whole: float = 1.0
    others: tuple[Beginning, ...] = ()


class Writer(Protocol):
    """Anything that writes programs."""

    @property
    def name(self) -> str:
        """What it is called in logs and in `copilot doctor`."""
        ...

    def write(self, request: Request) -> Written:
        """Write a program. Raises SetupError if the model cannot be used."""
        ...


@runtime_checkable
class Doubting(Writer, Protocol):
    """A writer that can go on from another beginning than the likeliest."""

    def write_from(self, request: Request, beginning: Beginning) -> Written:
        """The likeliest program that begins so."""
        ...


@runtime_checkable
class Warming(Writer, Protocol):
    """A writer that reads of an app before it can write."""

    def warm_up(self, app: App) -> None:
        """Read of the app, unless that was done. Raises SetupError if it cannot."""
        ...
