"""The gate: a new model is compared in pairs, installed if not worse, and can be taken back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from copilot import Answer
from copilot.errors import SetupError
from copilot.model import weights
from copilot.settings import Settings
from finetune import gate
from finetune.cli import cli, main
from finetune.examples import Example, write
from finetune.judged import Judged
from tests import tiny


def judged(*rights: bool) -> list[Judged]:
    """Questions of two families in turn, answered right or wrong."""
    answer = Answer(as_of=date(2026, 1, 1), outcome="answered", text="")
    return [
        Judged(
            Example(question=f"q{at}", program="a", family=("even", "odd")[at % 2]), answer, "" if is_right else "no"
        )
        for at, is_right in enumerate(rights)
    ]


def test_models_are_compared_in_pairs() -> None:
    found = gate.compare(judged(True, True, True, False), judged(True, False, True, True))
    assert (found.pairs.old_right, found.pairs.new_right, found.pairs.lost, found.pairs.won) == (3, 3, 1, 1)
    assert found.by_family["odd"].model_dump() == {"questions": 2, "old_right": 1, "new_right": 1, "lost": 1, "won": 1}
    assert found.lost_questions == ["q1"] and not found.worse and found.chance == 0.75


def test_a_model_that_loses_more_than_chance_would_is_worse() -> None:
    old, new = judged(*[True] * 20), judged(*[False] * 5, *[True] * 15)
    assert gate.compare(old, new).worse
    assert not gate.compare(old, new, level=0.01).worse
    assert not gate.compare(new, old).worse
    assert not gate.compare(old, judged(*[False] * 4, *[True] * 16)).worse, "four of four is chance: 1 in 16"


def test_what_is_installed_is_what_the_copilot_takes_and_can_be_taken_back(tmp_path: Path, home: Path) -> None:
    settings = Settings(home=home)
    first, second = tiny.base(tmp_path / "first.gguf"), tiny.base(tmp_path / "second.gguf", "qwen2")
    place = gate.install(str(first), "mine", settings)
    assert weights.located("mine", settings) == place and place.read_bytes() == first.read_bytes()
    gate.install(str(second), "mine", settings)
    assert weights.opened("mine", settings).name == "mine" and place.read_bytes() == second.read_bytes()
    assert gate.roll_back("mine", settings) == "mine as installed before"
    assert place.read_bytes() == first.read_bytes()
    assert gate.roll_back("mine", settings) == "mine as it ships"
    with pytest.raises(SetupError, match="there is no model 'mine'"):
        weights.located("mine", settings)
    with pytest.raises(SetupError, match="nothing to put back"):
        gate.roll_back("mine", settings)


def test_the_command_installs_and_rolls_back(
    small_world: Path, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "questions.jsonl"
    write(questions, [Example(question="how many orders?", program="orders.count()", family="data")])
    old, new = tiny.base(tmp_path / "old.gguf"), tiny.base(tmp_path / "new.gguf", "qwen2")
    finetune("gate", old, new, "--questions", questions, "--database-url", f"sqlite:///{small_world}")
    said = capsys.readouterr()
    assert "data             old    0  new    0  of    1" in said.out
    assert (home / "installed" / "fulfilment.gguf").read_bytes() == new.read_bytes()
    finetune("gate", "--rollback")
    assert "in use again: fulfilment as it ships" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        finetune("gate", "--rollback")


def test_a_worse_model_is_not_installed(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worse = gate.compare(judged(*[True] * 9), judged(*[False] * 9))
    monkeypatch.setattr("finetune.cli._compared", lambda *_: worse)
    questions = tmp_path / "questions.jsonl"
    write(questions, [Example(question="q", program="a")])
    with pytest.raises(SystemExit) as caught:
        finetune("gate", "old", "new", "--questions", questions)
    assert caught.value.code == 1 and "was not installed" in capsys.readouterr().err
    assert not (home / "installed").exists()


def finetune(*arguments: str | Path) -> None:
    """The command, as the shell calls it."""
    main(lambda: cli([str(a) for a in arguments], standalone_mode=False))
