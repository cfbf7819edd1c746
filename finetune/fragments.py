"""Fragments of questions: how people say a filter, a measure, a grouping or a change, each with its program's piece."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from copilot.errors import DataError

FOLDER = Path(__file__).parent / "fragments"


class Fragment(BaseModel):
    """A piece of program; subclasses say how people put it."""

    model_config = ConfigDict(extra="forbid")

    p: str


class Filter(Fragment):
    """Lookups: an adjective before the noun, a phrase after it, a verb phrase about several."""

    pre: list[str] = []
    post: list[str] = []
    pred: list[str] = []


class Named(Fragment):
    """A column, and what it is called."""

    said: list[str]


class Measure(Fragment):
    """An aggregate: a noun phrase and a question with ``{rows}``, a short name; with filters only: ``{of}``."""

    noun: list[str]
    ask: list[str]
    short: list[str] = []
    bare: list[str] = []


class Rank(Fragment):
    """An order of rows: a superlative before the noun, a phrase after it."""

    best: list[str] = []
    said: list[str] = []


class Bank(BaseModel):
    """How people speak of one view.

    Args:
        key: columns that a list of its rows shows in any case.
        needs: a column that every question says something about, such as the plan of a plan's lines.
        weight: how often planners ask of this view, against the others.
        whole: a list of its rows shows every column, unless some are asked for.
        counted: the column whose sum tells how many there are, if it is not the number of rows.
    """

    model_config = ConfigDict(extra="forbid")

    view: str
    rows: list[str]
    filters: list[Filter]
    groups: list[Named] = []
    measures: list[Measure]
    columns: list[Named] = []
    key: list[str] = []
    needs: str = ""
    weight: float = 1.0
    whole: bool = False
    counted: str = ""
    ranks: list[Rank] = []


class Change(Fragment):
    """A change of a what-if: a clause (present tense), a noun phrase, an imperative."""

    clause: list[str]
    noun: list[str]
    do: list[str]


class Changes(BaseModel):
    """How people speak of changes, and the frames and joins around them."""

    model_config = ConfigDict(extra="forbid")

    changes: list[Change]
    what_if: list[str]
    plan: list[str]
    named: list[str]
    joins: list[str]
    alone: list[str]
    also: list[str] = Field(default_factory=list)
    undo: list[str] = Field(default_factory=list)
    amount: list[str] = Field(default_factory=list)
    other: list[str] = Field(default_factory=list)


Frames = dict[str, list[str]]
Model = TypeVar("Model", bound=BaseModel)


def read_banks(folder: Path = FOLDER) -> list[Bank]:
    """The fragments of every view that has a file. Raises DataError where a file is not as it should be."""
    files = sorted(folder.glob("*.json"))
    return [_read(path, Bank) for path in files if path.stem not in ("frames", "changes", "derived")]


def read_changes(folder: Path = FOLDER) -> Changes:
    """The fragments of changes."""
    return _read(folder / "changes.json", Changes)


def read_frames(folder: Path = FOLDER) -> Frames:
    """The frames that hold for every view, by shape of question."""
    frames: Frames = json.loads((folder / "frames.json").read_text(encoding="utf-8"))
    return frames


def _read(path: Path, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise DataError(0, f"{path.name}: {error}") from error
