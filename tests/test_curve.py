"""The learning curve: which examples each point sees, that it goes on where it was stopped, and the command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from copilot import Answer
from finetune.cli import cli, main
from finetune.curve import FEWEST_STEPS, curve, few, scaled
from finetune.examples import Example, write
from finetune.judged import Judged
from finetune.recipe import Recipe
from tests import clinics, tiny

EXAMPLES = [Example(question=f"{view} {n}", program=f"{view}.top({n})") for view in ("a", "b") for n in range(1, 9)]


def test_each_point_has_so_many_of_each_task_and_those_of_the_one_before() -> None:
    one, three, all_ = (few(EXAMPLES, count, 1) for count in (1, 3, 50))
    assert [len(one), len(three), len(all_)] == [2, 6, 16]
    assert {e.question[0] for e in one} == {"a", "b"}
    assert {e.question for e in one} < {e.question for e in three}


@pytest.mark.parametrize("examples", [1, 7, 60, 5000])
def test_few_examples_are_read_often_enough(examples: int) -> None:
    recipe = scaled(Recipe(), examples)
    assert recipe.steps(examples) >= FEWEST_STEPS and recipe.batch <= 32


def test_points_that_were_reached_are_not_made_again(tmp_path: Path) -> None:
    made: list[int] = []

    def point(examples: Sequence[Example], recipe: Recipe, folder: Path) -> list[Judged]:
        made.append(len(examples))
        if len(made) == 2:
            raise KeyboardInterrupt
        answer = Answer(as_of=date(2026, 1, 1), outcome="answered", text="")
        return [Judged(example, answer, "" if at % 2 else "no") for at, example in enumerate(EXAMPLES)]

    with pytest.raises(KeyboardInterrupt):
        list(curve(EXAMPLES, [1, 3], Recipe(), tmp_path, point))
    points = list(curve(EXAMPLES, [3, 1], Recipe(), tmp_path, point))
    assert made == [2, 6, 6]
    assert [(p.per_task, p.examples, p.right) for p in points] == [(1, 2, 0.5), (3, 6, 0.5)]


def test_the_command_trains_asks_and_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tiny model that learns two questions by heart gets them right."""
    data, out = tmp_path / "data.jsonl", tmp_path / "curve"
    write(data, [Example(question="doses", program="doses.count()"), Example(question="jabs?", program="doses.count()"),
                 Example(question="visits", program="visits.count()")])  # fmt: skip
    options = ["--app", "tests.clinics:app", "--database-url", clinics.create(tmp_path / "clinics.db"), "--json"]
    command = ["curve", data, "--test", data, "--out", out, "--counts", "2", "--base", tiny.base(tmp_path / "b.gguf")]
    main(lambda: cli([str(part) for part in [*command, "--lr", "1e-2", *options]], standalone_mode=False))
    (point,) = json.loads(capsys.readouterr().out)
    assert (point["per_task"], point["examples"], point["questions"], point["right"]) == (2, 3, 3, 1.0)
    assert (out / "curve.svg").read_text().startswith("<svg") and not (out / "2" / "merged.gguf").exists()
