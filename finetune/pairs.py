"""A phrasing and its program, with slots for names and values: what voices hold and fragments are composed to."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from copilot.errors import DataError

VOICES = Path(__file__).parent / "voices"
"""The voices that the package holds."""


class Pair(BaseModel):
    """A phrasing and its program, with slots; `context` holds the earlier turns of a follow-up."""

    model_config = ConfigDict(extra="forbid")

    q: str
    p: str
    context: tuple[Pair, ...] = ()


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a voice. Raises DataError with the first bad line."""
    pairs = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            pairs.append(Pair.model_validate(json.loads(line)))
        except (ValidationError, ValueError) as error:
            raise DataError(number, f"{path.name}: {str(error).splitlines()[0]}") from error
    return pairs
