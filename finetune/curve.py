"""How right a model is against how many examples of each task it saw: one training and one evaluation a point."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path

import altair as alt
from markupsafe import Markup
from pydantic import BaseModel

from copilot.files import whole
from finetune.examples import Example, task_of
from finetune.judged import Judged
from finetune.recipe import Recipe
from finetune.report import drawn
from finetune.significance import wilson

COUNTS = (1, 5, 20, 50, 100)
FEWEST_STEPS = 60
"""Optimizer steps that a point is trained at least, however few its examples are."""
FEWEST_READ = 4

Point = Callable[[Sequence[Example], Recipe, Path], Sequence[Judged]]
"""Trains on examples in a folder, asks the test's questions, and gives the answers judged."""


class Reached(BaseModel):
    """A point of the curve.

    Args:
        per_task: examples of each task at most; `examples` is how many that came to.
        right, low, high: the share right of the test's questions, and its 95% interval; 0..1.
    """

    per_task: int
    examples: int
    questions: int
    right: float
    low: float
    high: float


def curve(
    examples: Sequence[Example], counts: Sequence[int], recipe: Recipe, folder: Path, point: Point
) -> Iterator[Reached]:
    """The points of the curve, as each is reached; those that the folder holds are not made again.

    Args:
        counts: how many examples of each task; a smaller number's examples are among a larger one's.
        recipe: for the largest number; fewer examples are read more often.
    """
    for per_task in sorted(set(counts)):
        place = folder / str(per_task)
        done = place / "point.json"
        if not done.exists():
            place.mkdir(parents=True, exist_ok=True)
            chosen = few(examples, per_task, recipe.seed)
            reached = _reached(per_task, chosen, point(chosen, scaled(recipe, len(chosen)), place))
            with whole(done) as part:
                part.write_text(reached.model_dump_json(indent=1), encoding="utf-8")
        yield Reached.model_validate_json(done.read_text(encoding="utf-8"))


def few(examples: Sequence[Example], per_task: int, seed: int) -> list[Example]:
    """So many examples of each task at most, drawn from the seed."""
    order, taken, chosen = random.Random(seed).sample(examples, len(examples)), dict[str, int](), []
    for example in order:
        task = task_of(example)
        taken[task] = taken.get(task, 0) + 1
        if taken[task] <= per_task:
            chosen.append(example)
    return chosen


def scaled(recipe: Recipe, examples: int) -> Recipe:
    """The recipe for few examples: smaller batches, and passes enough for the fewest steps."""
    batch = min(recipe.batch, max(FEWEST_READ, ceil(examples / 8)))
    return replace(recipe, batch=batch, epochs=max(recipe.epochs, FEWEST_STEPS * batch / examples))


def picture(points: Sequence[Reached]) -> Markup:
    """The curve as SVG: the share right with its interval, over examples per task."""
    rows = [point.model_dump() for point in points]
    x = alt.X("per_task:Q", title="examples of each task", scale=alt.Scale(type="log"))
    y = alt.Scale(domain=[0, 1])
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x)
    line = base.mark_line(point=True).encode(y=alt.Y("right:Q", title="right", scale=y, axis=alt.Axis(format="%")))
    return drawn(base.mark_rule().encode(y=alt.Y("low:Q", scale=y), y2="high:Q") + line)


def _reached(per_task: int, chosen: Sequence[Example], judged: Sequence[Judged]) -> Reached:
    count, right = len(judged), sum(not item.why for item in judged)
    low, high = wilson(right, count)
    share = round(right / count, 4) if count else 0.0
    return Reached(per_task=per_task, examples=len(chosen), questions=count, right=share, low=low, high=high)
