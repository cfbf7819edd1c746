"""What a model's confidence is worth: fitted on questions that it has not seen, and shown against what came true."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from copilot.confidence import Calibration, Signs, features
from copilot.errors import DataError
from copilot.files import whole
from copilot.readings import doubtful
from finetune.judged import Judged

FEWEST = 30
STIFF = 0.3
"""Of the ridge that keeps the weights small where there are few questions."""
ROUNDS = 50
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(20))
BINS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)


class Bin(BaseModel):
    """Questions of like confidence: its mean, and the share of them that is right; both 0..1."""

    questions: int
    confidence: float
    right: float


class Price(BaseModel):
    """What a threshold costs and gains, as shares of all questions, 0..1."""

    ask_below: float
    right: float
    silently_wrong: float
    asked_needlessly: float


def fit(judged: Sequence[Judged]) -> Calibration:
    """The weights under which the signs of the answers tell best which were right.

    Logistic regression with a ridge, by Newton's method (iteratively reweighted least squares).

    Raises:
        DataError: there are too few answers with signs to tell.
    """
    known = [item for item in judged if item.answer.signs]
    if len(known) < FEWEST:
        raise DataError(0, f"{len(known)} questions came to a program; at least {FEWEST} are needed to calibrate")
    x = np.array([features(Signs(**item.answer.signs)) for item in known])  # type: ignore[arg-type]
    y = np.array([float(item.meant) for item in known])
    ridge = STIFF * np.eye(x.shape[1])
    ridge[0, 0] = 1e-6
    weights = np.zeros(x.shape[1])
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        curvature = (x.T * (chance * (1 - chance))) @ x + ridge
        weights = weights + np.linalg.solve(curvature, x.T @ (y - chance) - ridge @ weights)
    return Calibration(tuple(round(float(weight), 4) for weight in weights))


def write(calibration: Calibration, adapter: Path) -> None:
    """Put a calibration into the card beside an adapter."""
    path = adapter.with_suffix(".json")
    card = json.loads(path.read_text(encoding="utf-8")) | {"calibration": calibration.weights}
    with whole(path) as part:
        part.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def recalibrated(item: Judged, calibration: Calibration) -> Judged:
    """The same, as confident as this calibration has it."""
    if not item.answer.signs:
        return item
    chance = calibration.chance(Signs(**item.answer.signs))  # type: ignore[arg-type]
    return replace(item, answer=item.answer.model_copy(update={"confidence": chance}))


def curve(judged: Sequence[Judged]) -> list[Bin]:
    """How often answers of like confidence are right."""
    known = [item for item in judged if item.answer.signs]
    bins = []
    for low, high in zip(BINS, (*BINS[1:-1], 1.01), strict=False):
        group = [item for item in known if low <= item.answer.confidence < high]
        if group:
            mean = sum(item.answer.confidence for item in group) / len(group)
            share = sum(item.meant for item in group) / len(group)
            bins.append(Bin(questions=len(group), confidence=round(mean, 4), right=round(share, 4)))
    return bins


def prices(judged: Sequence[Judged]) -> list[Price]:
    """What each threshold would cost and gain on these questions."""
    return [_price(judged, below) for below in THRESHOLDS]


def _price(judged: Sequence[Judged], below: float) -> Price:
    count, right, wrong, needless = max(1, len(judged)), 0, 0, 0
    for item in judged:
        answer = item.answer
        asked = bool(answer.signs) and doubtful(answer.program, answer.confidence, below)
        run = bool(answer.readings) and not asked
        good = item.meant if run else not item.why
        due = item.example.outcome == "clarify"
        right += due and not item.example.choices if asked else good
        wrong += not asked and not good and (run or answer.outcome in ("answered", "empty"))
        needless += (asked and not due) or (not asked and not run and not good and answer.outcome == "clarify")
    shares = (round(part / count, 4) for part in (right, wrong, needless))
    return Price(ask_below=below, **dict(zip(("right", "silently_wrong", "asked_needlessly"), shares, strict=True)))
