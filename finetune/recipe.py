"""How to train: what is trained, how long, how fast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from copilot.errors import SetupError

Method = Literal["lora", "full"]
OptimizerName = Literal["adamw", "sgd"]


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Args:
        method: an adapter beside frozen weights (lora), or the weights themselves (full).
        freeze_embeddings: with full, leave the table of token embeddings as it is.
        rank, alpha: of LoRA, on every linear layer.
        lr: the peak; warmed up over 3% of the steps, then down a cosine to a tenth. None: found by short runs.
        epochs: passes over the data.
        batch: examples an optimizer step.
        micro_tokens: tokens read at once, padding among them; a step's gradients add up over as many reads as it takes.
        every: optimizer steps between checkpoints, at most; a run has five checkpoints at least.
        patience: checkpoints without a better held-out loss after which the run ends; 0 for never.
        max_tokens: longer examples are left out.
        quantisation: the form in which the merged model ships; an adapter learns around the rounding of Q4_0.
    """

    method: Method = "lora"
    optimizer: OptimizerName = "adamw"
    freeze_embeddings: bool = False
    rank: int = 32
    alpha: int = 64
    lr: float | None = 1e-3
    epochs: float = 2.0
    batch: int = 32
    micro_tokens: int = 700
    seed: int = 1
    every: int = 200
    patience: int = 5
    max_tokens: int = 600
    quantisation: str = "Q8_0"

    def steps(self, examples: int) -> int:
        """Optimizer steps of a whole run."""
        return math.ceil(examples / self.batch * self.epochs)

    def between_checkpoints(self, examples: int) -> int:
        """Optimizer steps from one checkpoint to the next."""
        return max(1, min(self.every, math.ceil(self.steps(examples) / 5)))

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step: linear warm-up, then a cosine down to a tenth of the peak."""
        assert self.lr is not None
        warm = max(1, math.ceil(0.03 * steps))
        if step < warm:
            return self.lr * (step + 1) / warm
        done = (step - warm) / max(1, steps - warm)
        return self.lr * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_bytes(TypeAdapter(Recipe).dump_json(self, indent=1))

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """What `write` wrote. Raises SetupError if it is not there or is no recipe."""
        try:
            return TypeAdapter(Recipe).validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise SetupError(f"{path} is missing or no recipe; train again without --resume") from error


def usual_rate(method: Method, optimizer: OptimizerName) -> float:
    """A peak learning rate to begin with where none is given: see each method's paper, or let `--lr auto` find it."""
    return {("lora", "adamw"): 1e-3, ("full", "adamw"): 1e-4}.get((method, optimizer), 0.1)
