"""How a training run stands: how far it is, how its loss moves, and whether that still makes sense."""

from __future__ import annotations

import math
from dataclasses import dataclass

SMOOTHING = 0.9
MARGIN = 1.0
"""Nats by which the smoothed loss may rise above its lowest before the run counts as diverged."""
BLOWN = 5.0
"""Nats by which a held-out loss may rise above the best: overfitting raises it by less, a blown-up model by more."""
GENTLER = 1 / 3
FEWEST = 0.01
"""A run that still diverges at this part of its learning rate is given up."""


@dataclass
class Standing:
    """What changes in a run beside its weights; all of it is in the checkpoint.

    Args:
        step: optimizer steps done.
        tokens, seconds: read and spent so far.
        scale: of the learning rate: 1, less after each time the run had diverged.
        best: the lowest held-out loss.
        stale: checkpoints since then.
        smoothed, lowest: the running mean of the loss, and the lowest that it was.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    scale: float = 1.0
    best: float = math.inf
    stale: int = 0
    smoothed: float = math.nan
    lowest: float = math.inf

    def count(self, loss: float, tokens: int, seconds: float) -> None:
        """Count a step."""
        self.step, self.tokens, self.seconds = self.step + 1, self.tokens + tokens, self.seconds + seconds
        self.smoothed = loss if math.isnan(self.smoothed) else SMOOTHING * self.smoothed + (1 - SMOOTHING) * loss
        self.lowest = min(self.lowest, self.smoothed)

    @property
    def diverged(self) -> bool:
        """Whether the loss is no number any more, or rose far above its lowest."""
        return wild(self.smoothed, self.lowest)

    def blown(self, held_out: float) -> bool:
        """Whether a held-out loss shows that the weights are of no use any more."""
        return not math.isfinite(held_out) or held_out > self.best + BLOWN

    def judge(self, held_out: float) -> bool:
        """Count a checkpoint's held-out loss; returns whether it is the best so far."""
        better = held_out < self.best
        self.best, self.stale = min(held_out, self.best), 0 if better else self.stale + 1
        return better


def wild(loss: float, lowest: float) -> bool:
    """Whether a loss is no number, or far above the lowest."""
    return not math.isfinite(loss) or loss > lowest + max(MARGIN, lowest / 2)
