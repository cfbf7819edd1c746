"""Fine-tuning, one straight line: tokenise, plan, learn, save. The same on a CPU, on a GPU and under torchrun.

Loss only on the answer's tokens; logits only where there is loss. A run can be stopped at any moment and resumed from
its last checkpoint, and then ends as an undisturbed run does. A run whose loss diverges goes back to its last good
checkpoint and on from there at a smaller rate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from copilot.errors import SetupError
from finetune import batches, methods, search
from finetune.examples import Example
from finetune.learner import Learner, Score
from finetune.recipe import Recipe
from finetune.run import Run
from finetune.standing import FEWEST, GENTLER, Standing

Say = Callable[[str], None]


def train(
    model: Any,
    tokenizer: Any,
    examples: Sequence[Example],
    held_out: Sequence[Example],
    folder: Path,
    recipe: Recipe,
    resume: bool = False,
    say: Say = print,
    start: Path | None = None,
) -> Score:
    """Train into `folder/adapter` (or `folder/model`); returns how well the best weights know the held-out examples.

    Args:
        model, tokenizer: a causal language model of transformers and its tokenizer.
        held_out: examples that are not trained on; without any, the last weights are the best.
        resume: go on from the folder's checkpoint.
        say: takes a progress line.
        start: an adapter to train further, such as for a few corrections.

    Raises:
        SetupError: the loss diverges at any rate, or there is nothing to train on or to go on from.
    """
    pairs, others = _encoded(tokenizer, examples, recipe, say), _encoded(tokenizer, held_out, recipe, say)
    learner = Learner(methods.trainable(model, recipe, start), recipe, tokenizer.pad_token_id or 0)
    run, plan = Run(folder, learner), batches.plan(pairs, recipe)
    if recipe.lr is None:
        recipe = replace(recipe, lr=search.rate(learner, plan, say))
    standing = run.resume(pairs) if resume else run.begin(recipe, pairs)
    while standing.step < len(plan) and not _stale(standing, recipe):
        _learn(learner, plan, standing, recipe, run, say)
        due = standing.step % recipe.between_checkpoints(len(pairs)) == 0 or standing.step == len(plan)
        score = learner.score(others) if due else None
        if standing.diverged or (score and standing.blown(score.loss)):
            standing = _roll_back(run, standing, say)
        elif score:
            _keep(run, standing, score, bool(others), say)
    if _stale(standing, recipe):
        say(f"stopped early: no better on the held-out examples for {standing.stale} checkpoints")
    run.finish(tokenizer)
    return learner.score(others)


def _encoded(tokenizer: Any, examples: Sequence[Example], recipe: Recipe, say: Say) -> list[batches.Pair]:
    pairs = [batches.encode(tokenizer, example) for example in examples]
    kept = [pair for pair in pairs if len(pair.ids) <= recipe.max_tokens]
    if len(kept) < len(pairs):
        say(f"{len(pairs) - len(kept)} examples are longer than {recipe.max_tokens} tokens and left out")
    if examples and not kept:
        raise SetupError(f"every example is longer than {recipe.max_tokens} tokens; raise --max-tokens")
    return kept


def _learn(
    learner: Learner, plan: Sequence[batches.Batch], standing: Standing, recipe: Recipe, run: Run, say: Say
) -> None:
    began, batch = time.monotonic(), plan[standing.step]
    rate = standing.scale * recipe.rate(standing.step, len(plan))
    loss = learner.update(batch, rate)
    standing.count(loss, batches.all_tokens(batch), time.monotonic() - began)
    run.log(standing, loss=loss, rate=rate)
    say(_progress(standing, len(plan)))


def _keep(run: Run, standing: Standing, score: Score, judged: bool, say: Say) -> None:
    best = standing.judge(score.loss) if judged else True
    figures = {"held_out": score.loss, "exact": score.exact} if judged else {}
    run.log(standing, loss=standing.smoothed, seconds=standing.seconds, tokens=standing.tokens, **figures)
    run.save(standing, best)
    if judged:
        say(f"held-out loss {score.loss:.4f}, {score.exact:.1%} of the answers exactly right")


def _roll_back(run: Run, diverged: Standing, say: Say) -> Standing:
    """Back to the last good checkpoint, at a smaller rate. Raises SetupError if the rate is down to nothing."""
    standing = run.load()
    standing.scale = diverged.scale * GENTLER
    if standing.scale < FEWEST:
        raise SetupError("the loss diverges even at a hundredth of the rate; try --lr auto and look at the data")
    run.log(standing, diverged_at=diverged.step, scale=standing.scale)
    run.save(standing)
    say(f"diverged at step {diverged.step}: back to step {standing.step}, at {standing.scale:.2f} of the rate")
    return standing


def _stale(standing: Standing, recipe: Recipe) -> bool:
    return 0 < recipe.patience <= standing.stale


def _progress(standing: Standing, steps: int) -> str:
    left = standing.seconds / standing.step * (steps - standing.step)
    speed = standing.tokens / max(standing.seconds, 1e-9)
    return f"step {standing.step}/{steps}  loss {standing.smoothed:.3f}  {speed:.0f} tokens/s  {left / 60:.1f} min left"
