"""The folder of a training run: its recipe, what it was trained on, its log, its checkpoint and what came of it."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from copilot.errors import SetupError
from finetune.batches import Pair
from finetune.learner import Learner
from finetune.recipe import Recipe
from finetune.standing import Standing

COMMAND = "command.txt"
"""What was typed to begin a run; the model card tells it."""


class Run:
    """A run's folder. Of several processes under torchrun only the first writes; all read.

    Args:
        folder: made if it is not there.
        learner: whose weights are kept.
    """

    def __init__(self, folder: Path, learner: Learner) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.learner = folder, learner
        self.writes = learner.machine.is_main_process

    @property
    def checkpoint(self) -> Path:
        """Weights, optimizer and standing, from which the run can go on."""
        return self.folder / "checkpoint.pt"

    @property
    def best(self) -> Path:
        """The weights of the lowest held-out loss."""
        return self.folder / "best.pt"

    def begin(self, recipe: Recipe, data: Sequence[Pair]) -> Standing:
        """Write down the recipe and the first checkpoint, over what was there; returns the standing of no step."""
        standing = Standing()
        self.learner.machine.wait_for_everyone()  # until each has seen what was there
        if self.writes:
            clear(self.folder)
            (self.folder / COMMAND).write_text(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]) + "\n")
            recipe.write(self.folder / "recipe.json")
            (self.folder / "data.sha256").write_text(digest(data))
            (self.folder / "log.jsonl").write_text("")
        self.save(standing)
        return standing

    def resume(self, data: Sequence[Pair]) -> Standing:
        """Go on from the last checkpoint. Raises SetupError if the examples are not those of before."""
        if (self.folder / "data.sha256").read_text() != digest(data):
            raise SetupError(f"the run in {self.folder} was made with other examples; train into another folder")
        return self.load()

    def load(self) -> Standing:
        """Set weights and optimizer back to the last checkpoint, and forget what the log says of later steps."""
        state = torch.load(self.checkpoint, weights_only=True, map_location="cpu")
        self._put(state["weights"])
        self.learner.reset()
        self.learner.optimizer.load_state_dict(state["optimizer"])
        standing = Standing(**state["standing"])
        self.learner.machine.wait_for_everyone()
        if self.writes:
            self._forget_after(standing.step)
        return standing

    def save(self, standing: Standing, best: bool = False) -> None:
        """Write the checkpoint, whole or not at all; the best weights are kept beside it."""
        if self.writes:
            if best:
                _write(self.best, self.learner.weights)
            optimizer = self.learner.optimizer.state_dict()
            state = {"standing": asdict(standing), "weights": self.learner.weights, "optimizer": optimizer}
            _write(self.checkpoint, state)
        self.learner.machine.wait_for_everyone()

    def finish(self, tokenizer: Any) -> Path:
        """Take the best weights; write the adapter, or the whole model, for others to open. Returns its folder."""
        if self.best.exists():
            self._put(torch.load(self.best, weights_only=True, map_location="cpu"))
        out = self.folder / ("adapter" if self.learner.recipe.method == "lora" else "model")
        if self.writes:
            self.learner.model.save_pretrained(str(out))
            if out.name == "model":
                tokenizer.save_pretrained(str(out))
        return out

    def log(self, standing: Standing, **figures: Any) -> None:
        """Append a line of figures to the run's log."""
        if self.writes:
            with (self.folder / "log.jsonl").open("a") as file:
                file.write(json.dumps({"step": standing.step, **figures}) + "\n")

    def _put(self, weights: Sequence[torch.Tensor]) -> None:
        for weight, saved in zip(self.learner.weights, weights, strict=True):
            weight.data.copy_(saved)

    def _forget_after(self, step: int) -> None:
        path = self.folder / "log.jsonl"
        lines = [line for line in path.read_text().splitlines() if line.endswith("}")]
        path.write_text("".join(f"{line}\n" for line in lines if json.loads(line)["step"] <= step))


def resumes(folder: Path, resume: bool, overwrite: bool) -> bool:
    """Whether a run in a folder goes on from a checkpoint.

    Raises:
        SetupError: there is a run that is neither to be resumed nor overwritten.
    """
    there = (folder / "checkpoint.pt").exists()
    if there and not resume and not overwrite:
        raise SetupError(f"{folder} holds a run: --resume goes on with it, --overwrite replaces it")
    return there and resume and not overwrite


def clear(folder: Path) -> None:
    """Remove what an earlier run left in a folder."""
    for name in ("checkpoint.pt", "best.pt", "log.jsonl", "recipe.json", "data.sha256", COMMAND):
        (folder / name).unlink(missing_ok=True)
    for name in ("adapter", "model"):
        shutil.rmtree(folder / name, ignore_errors=True)


def digest(data: Sequence[Pair]) -> str:
    """A SHA-256 of tokenised examples in their order."""
    return hashlib.sha256(json.dumps(list(data)).encode()).hexdigest()


def _write(path: Path, state: Any) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)
