"""From examples to the tensors that a training step reads: token ids, batches of like length, bounded reads."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any, NamedTuple

import torch

from copilot.model.prompt import END, prompt
from finetune.examples import Example
from finetune.recipe import Recipe

IGNORED = -100
"""The label of a position that carries no loss."""
STEP = 8
"""Rows are filled up to a multiple of this: for each new size the processor's library makes, and keeps, new code."""


class Pair(NamedTuple):
    """An example's token ids, and how many of them are prompt."""

    ids: list[int]
    start: int


Batch = list[Pair]


def encode(tokenizer: Any, example: Example) -> Pair:
    """The example's token ids; the answer ends with END."""
    question = tokenizer.encode(prompt(example.question, example.links, example.context), add_special_tokens=False)
    answer = tokenizer.encode(f" {example.program}{END}", add_special_tokens=False)
    return Pair(question + answer, len(question))


def plan(pairs: Sequence[Pair], recipe: Recipe) -> list[Batch]:
    """Every batch of a run, in order; the same for the same seed, so that a resumed run goes on as it would have."""
    epochs = [_epoch(pairs, recipe.batch, recipe.seed + epoch) for epoch in range(ceil(recipe.epochs))]
    return [batch for epoch in epochs for batch in epoch][: recipe.steps(len(pairs))]


def _epoch(pairs: Sequence[Pair], size: int, seed: int) -> list[Batch]:
    """Batches of like length, in an order drawn from the seed."""
    rng = random.Random(seed)
    order = sorted(pairs, key=lambda pair: len(pair.ids) + rng.random() * 8)
    groups = [order[at : at + size] for at in range(0, len(order), size)]
    rng.shuffle(groups)
    return groups


def reads(batch: Sequence[Pair], tokens: int) -> Iterator[Batch]:
    """The batch in parts of at most so many tokens, padding among them; an example longer than that is read alone."""
    part: Batch = []
    for pair in sorted(batch, key=lambda pair: len(pair.ids)):
        if part and _filled(pair) * (len(part) + 1) > tokens:
            yield part
            part = []
        part.append(pair)
    if part:
        yield part


def _filled(pair: Pair) -> int:
    return ceil(len(pair.ids) / STEP) * STEP


def answer_tokens(batch: Sequence[Pair]) -> int:
    """How many tokens carry loss."""
    return sum(len(pair.ids) - pair.start for pair in batch)


def all_tokens(batch: Sequence[Pair]) -> int:
    """How many tokens are read, padding aside."""
    return sum(len(pair.ids) for pair in batch)


def collate(batch: Sequence[Pair], pad: int, device: torch.device) -> dict[str, torch.Tensor]:
    """Right-padded ids (batch, length), their mask, and labels shifted to the position that predicts them."""
    length = max(map(_filled, batch))
    ids = torch.full((len(batch), length), pad, dtype=torch.long)
    labels = torch.full((len(batch), length), IGNORED, dtype=torch.long)
    mask = torch.zeros((len(batch), length), dtype=torch.long)
    for row, (tokens, start) in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
        labels[row, start - 1 : len(tokens) - 1] = torch.tensor(tokens[start:])
    return {"ids": ids.to(device), "mask": mask.to(device), "labels": labels.to(device)}
