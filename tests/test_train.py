"""Training, on tiny random models: that it learns, that it can be cut off, that it says what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from copilot.errors import DataError, SetupError
from finetune import bases, batches, search
from finetune.batches import Pair
from finetune.cli import cli, main
from finetune.examples import Example, write
from finetune.learner import Learner
from finetune.methods import trainable
from finetune.recipe import Recipe
from finetune.train import train
from finetune.training_set import read_examples, split
from tests import clinics, tiny

EXAMPLES = [Example(question=f"how many of {n}", program=f"orders.top({n})") for n in range(40)]
RECIPE = Recipe(rank=8, alpha=16, lr=1e-2, epochs=4, batch=8, every=4)
ROOT = Path(__file__).parent.parent
Log = list[dict[str, Any]]


def quiet(line: str) -> None:
    """Say nothing."""


def log(folder: Path) -> Log:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def losses(folder: Path) -> list[tuple[float, ...]]:
    """What must be the same, whatever happened on the way: each step's loss and each checkpoint's held-out loss."""
    return [tuple(line[key] for key in ("step", "loss", "held_out") if key in line) for line in log(folder)]


def trained(folder: Path, recipe: Recipe = RECIPE, resume: bool = False, say: Callable[[str], None] = quiet) -> Log:
    train(tiny.model(), tiny.Bytes(), EXAMPLES[4:], EXAMPLES[:4], folder, recipe, resume, say)
    return log(folder)


# Batches and gradients --------------------------------------------------------------------------------------------


def test_only_the_answer_counts() -> None:
    pair = batches.encode(tiny.Bytes(), EXAMPLES[0])
    labels = batches.collate([pair], 0, torch.device("cpu"))["labels"]
    assert bytes(int(t) for t in labels[labels.ne(batches.IGNORED)]) == b" orders.top(0)\n"


def test_reads_are_bounded_and_lose_nothing() -> None:
    pairs = [Pair(list(range(n)), 1) for n in (5, 300, 7, 40, 41, 9)]
    reads = list(batches.reads(pairs, 100))
    assert sorted(len(pair.ids) for read in reads for pair in read) == [5, 7, 9, 40, 41, 300]
    shapes = [batches.collate(read, 0, torch.device("cpu"))["ids"].shape for read in reads]
    assert all(rows == 1 or rows * length <= 100 for rows, length in shapes)
    assert all(length % 8 == 0 for _, length in shapes), "few sizes: the processor's library keeps code for each"


def test_a_step_is_the_same_however_it_is_cut_into_reads() -> None:
    pairs = [batches.encode(tiny.Bytes(), e) for e in (*EXAMPLES[:6], Example(question="a", program="b" * 60))]
    after = []
    for tokens in (10_000, 50):
        learner = Learner(trainable(tiny.model(), RECIPE), replace(RECIPE, micro_tokens=tokens), 0)
        loss = learner.update(pairs, 1e-2)
        after.append((loss, learner.score(pairs).loss))
    assert after[0] == pytest.approx(after[1], rel=2e-3)
    assert after[0][1] < after[0][0]


# Methods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [
    RECIPE,
    replace(RECIPE, method="full", lr=3e-3),
    replace(RECIPE, method="full", optimizer="sgd", freeze_embeddings=True, lr=0.1),
])  # fmt: skip
def test_every_method_learns(tmp_path: Path, recipe: Recipe) -> None:
    figures = [line for line in trained(tmp_path, recipe) if "held_out" in line]
    assert figures[-1]["held_out"] < 0.5 * figures[0]["loss"]


def test_frozen_embeddings_stay_as_they_are() -> None:
    recipe = replace(RECIPE, method="full", freeze_embeddings=True)
    learner = Learner(trainable(tiny.model(), recipe), recipe, 0)
    learner.update([batches.encode(tiny.Bytes(), e) for e in EXAMPLES[:4]], 0.1)
    before, after = tiny.model().state_dict(), learner.model.state_dict()
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed and not {name for name in changed if "embed" in name or "lm_head" in name}


# Stopping, resuming, diverging ------------------------------------------------------------------------------------


def test_kill_9_and_resume_end_as_an_undisturbed_run(tmp_path: Path) -> None:
    trained(tmp_path / "whole")
    cut = tmp_path / "cut"
    program = (
        "import sys; from pathlib import Path; from tests.test_train import trained, log; import time\n"
        "trained(Path(sys.argv[1]), say=lambda line: time.sleep(0.1))"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(cut)], cwd=ROOT, env=_environment())
    _wait_for(lambda: (cut / "log.jsonl").exists() and len(log(cut)) >= 8)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert 0 < max(line["step"] for line in log(cut)) < 18
    trained(cut, resume=True)
    assert losses(cut) == losses(tmp_path / "whole")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(torch.get_num_threads())}


def _wait_for(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came so far"
        time.sleep(0.02)


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    trained(tmp_path / "one")
    program = tmp_path / "two.py"
    program.write_text(
        "import sys; from pathlib import Path; from tests.test_train import trained\ntrained(Path(sys.argv[1]))\n"
    )
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=0", "--standalone"]
    command = [*torchrun, str(program), str(tmp_path / "two")]
    subprocess.run(command, cwd=ROOT, env={**_environment(), "OMP_NUM_THREADS": "1"}, check=True, capture_output=True)
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == len(two)
    assert [line[1:] for line in two[:4]] == [pytest.approx(line[1:], rel=0.02) for line in one[:4]]


def test_a_run_that_diverges_goes_back_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn, steps = Learner.update, []

    def spoilt(learner: Learner, batch: list[Pair], lr: float) -> float:
        steps.append(lr)
        return learn(learner, batch, 50.0 if len(steps) == 7 else lr)

    monkeypatch.setattr(Learner, "update", spoilt)
    said: list[str] = []
    figures = trained(tmp_path, say=said.append)
    back = next(line for line in figures if "diverged_at" in line)
    assert back["step"] == 4 < back["diverged_at"]
    assert any(line.startswith("diverged at step") and "back to step 4" in line for line in said)
    assert [line["step"] for line in figures if "rate" in line] == list(range(1, 19)), "forgotten, then done again"
    assert figures[-1]["held_out"] < figures[0]["loss"] / 2
    rates = {line["step"]: line["rate"] for line in figures if "rate" in line}
    assert rates[5] < 0.5 * rates[4]


def test_a_run_that_diverges_at_any_rate_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Learner, "update", lambda learner, batch, lr: float("nan"))
    with pytest.raises(SetupError, match="diverges even at"):
        trained(tmp_path)


def test_no_better_on_held_out_examples_ends_it_and_the_best_is_kept(tmp_path: Path) -> None:
    others = [e.model_copy(update={"program": "something else"}) for e in EXAMPLES[:4]]
    said: list[str] = []
    recipe = replace(RECIPE, epochs=40, patience=2)
    score = train(tiny.model(), tiny.Bytes(), EXAMPLES[4:], others, tmp_path, recipe, say=said.append)
    assert said[-1].startswith("stopped early")
    checked = [line["held_out"] for line in log(tmp_path) if "held_out" in line]
    assert score.loss == pytest.approx(min(checked)) and checked[-1] > min(checked)


def test_a_rate_is_found_below_the_one_that_diverges() -> None:
    learner = Learner(trainable(tiny.model(), RECIPE), RECIPE, 0)
    plan = batches.plan([batches.encode(tiny.Bytes(), e) for e in EXAMPLES], RECIPE)
    before = learner.score(plan[0])
    said: list[str] = []
    found = search.rate(learner, plan, said.append)
    tried = [float(line.split()[1].rstrip(":")) for line in said]
    assert 1e-3 < found <= 0.11 * tried[-1]
    assert learner.score(plan[0]) == before, "the learner is left as it was"


def test_a_run_is_not_resumed_with_other_examples(tmp_path: Path) -> None:
    trained(tmp_path, replace(RECIPE, epochs=1))
    with pytest.raises(SetupError, match="other examples"):
        train(tiny.model(), tiny.Bytes(), EXAMPLES[:8], [], tmp_path, RECIPE, resume=True, say=quiet)


# The command ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.base(tmp_path_factory.mktemp("base") / "tiny.gguf")


def finetune(*arguments: str | Path) -> None:
    """The command, as the shell calls it."""
    main(lambda: cli([str(a) for a in arguments], standalone_mode=False))


def plain(path: Path, lines: int = 30) -> Path:
    pairs = [{"question": f"what is {n}?", "answer": f"it is {n}"} for n in range(lines)]
    path.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    return path


def test_plain_questions_and_answers_train_without_an_app(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = plain(tmp_path / "plain.jsonl"), tmp_path / "run"
    finetune("train", data, "--base", base, "--out", out, "--epochs", "8", "--batch", "4", "--lr", "1e-2")
    said = capsys.readouterr().err
    assert "of 6 answers exactly right" in said and "tokens/s" in said and "min left" in said
    assert (out / "adapter" / "adapter_model.safetensors").exists()
    with pytest.raises(SystemExit):
        finetune("train", data, "--base", base, "--out", out)
    assert "holds a run" in capsys.readouterr().err
    finetune("train", data, "--base", base, "--out", out, "--resume")
    again = tmp_path / "again"
    finetune("train", data, "--base", base, "--out", again, "--start", out / "adapter", "--epochs", "1", "--batch", "4")
    assert log(again)[0]["loss"] < log(out)[0]["loss"] / 2


def test_an_apps_programs_are_checked_and_its_questions_linked(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out = tmp_path / "clinics.jsonl", tmp_path / "run"
    write(data, [Example(question=f"flu jabs in {c}", program=f'doses.where(clinic="{c}", vaccine="Flu").sum("left")')
                 for c in ("Alma", "Berit", "Cleo")])  # fmt: skip
    seen: list[Example] = []
    encode = batches.encode
    monkeypatch.setattr(batches, "encode", lambda t, e: seen.append(e) or encode(t, e))
    options = ["--app", "tests.clinics:app", "--base", base, "--epochs", "1"]
    finetune("train", data, *options, "--out", out, "--database-url", clinics.create(tmp_path / "clinics.db"))
    assert seen[0].links == "[Flu = vaccine; jabs = doses; Alma = clinic]"
    with data.open("a") as file:
        file.write('{"question": "how many?", "program": "doses.sum(\\"gone\\")"}\n{"question": "a"}\n')
    with pytest.raises(SystemExit):
        finetune("train", data, *options, "--out", tmp_path / "other")
    assert "line 4: program:" in capsys.readouterr().err and not (tmp_path / "other").exists()
    finetune("train", data, *options, "--out", tmp_path / "other", "--skip-bad")
    said = capsys.readouterr().err
    assert "left out: line 4" in said and "left out: line 5" in said and "no database at hand" in said


def test_what_is_no_learning_rate_is_wrong_usage(base: Path, tmp_path: Path) -> None:
    import typer

    with pytest.raises(typer.BadParameter, match="no learning rate"):
        finetune("train", plain(tmp_path / "p.jsonl"), "--base", base, "--lr", "fast")


# What is trained on -----------------------------------------------------------------------------------------------


def test_an_outcome_without_a_program_is_told_and_a_decline_is_known(tmp_path: Path) -> None:
    data, said = tmp_path / "data.jsonl", list[str]()
    write(data, [Example(question="sing", outcome="declined"), Example(question="which?", outcome="clarify")])
    assert [e.program for e in read_examples(data, tell=said.append)] == ["decline()"]
    assert "1 examples" in said[0]


def test_an_answer_of_several_lines_is_a_bad_line(tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text('{"question": "a", "answer": "b"}\n{"question": "a", "answer": "b\\nc"}\n')
    with pytest.raises(DataError, match="line 2: program: the answer has several lines"):
        read_examples(data)


@pytest.mark.parametrize(("count", "held"), [(4, 0), (5, 1), (30, 6), (100, 10), (400, 20), (10_000, 200)])
def test_held_out_examples_are_spread_over_the_file(count: int, held: int) -> None:
    examples = [Example(question=str(n), program="a") for n in range(count)]
    train_on, others = split(examples)
    assert len(others) == held and len(train_on) == count - held
    assert not {e.question for e in train_on} & {e.question for e in others}
    assert not held or int(others[-1].question) >= count * 0.9 - 1


def test_a_missing_base_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SetupError, match="cannot be opened for training"):
        bases.load(tmp_path / "empty")


def test_what_is_no_quantisation_is_told_before_the_training(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    data = tmp_path / "data.jsonl"
    data.write_text('{"question": "a", "answer": "b"}\n')
    status, _, said = run("finetune", "train", str(data), "--out", str(tmp_path / "run"), "--quantisation", "Q4_O")
    assert status == 1 and "Q4_O is not a quantisation; try Q8_0" in said
    assert not (tmp_path / "run").exists()
