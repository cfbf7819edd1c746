"""`--lr auto`: short runs from the same start, each at a higher rate, up to where the loss diverges; then below it.

The idea of Smith, Cyclical Learning Rates (2017), section 3.3, with a run of its own for each rate, so that what one
rate spoils is not blamed on the next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from copilot.errors import SetupError
from finetune.batches import Batch
from finetune.learner import Learner
from finetune.standing import wild

RATES = tuple(3e-5 * 10 ** (n / 2) for n in range(12))
STEPS = 12
EXAMPLES = 8
"""How many examples of a batch a short run reads: enough to tell rates apart."""
BELOW = 10
"""The rate taken is at most this part of the first that diverged: a whole run is longer than a short one."""
WARM_UP = 3


def rate(learner: Learner, plan: Sequence[Batch], say: Callable[[str], None]) -> float:
    """The best peak learning rate for a run; the learner is left as it was.

    Raises:
        SetupError: no rate makes the loss fall.
    """
    batches = [batch[:EXAMPLES] for batch in plan[:STEPS]]
    before = [weight.detach().clone() for weight in learner.weights]
    untrained = learner.score([pair for batch in batches for pair in batch]).loss
    best, lowest, highest = 0.0, untrained, math.inf
    for lr in RATES:
        loss = _short_run(learner, batches, lr)
        _restore(learner, before)
        say(f"rate {lr:.1e}: loss {untrained:.3f} to {loss:.3f}")
        if not loss <= untrained or wild(loss, lowest):
            highest = lr / BELOW
            break
        if loss < lowest:
            best, lowest = lr, loss
    if not best:
        raise SetupError("no learning rate makes the loss fall; are the answers the questions' own?")
    return min(best, highest)


def _short_run(learner: Learner, batches: Sequence[Batch], lr: float) -> float:
    """The loss over all batches after one step on each."""
    learner.reset()
    for step, batch in enumerate(batches, start=1):
        if not math.isfinite(learner.update(batch, lr * min(1.0, step / WARM_UP))):
            return math.inf
    return learner.score([pair for batch in batches for pair in batch]).loss


def _restore(learner: Learner, before: Sequence[object]) -> None:
    for weight, saved in zip(learner.weights, before, strict=True):
        weight.data.copy_(saved)
    learner.reset()
