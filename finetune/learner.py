"""A model that learns: gradients of a batch in bounded reads, one optimizer step, held-out scores.

The same on one CPU, on a GPU and in several processes under torchrun: each process reads its part of a batch, and the
gradients of all are added up. The loss is the mean over the batch's answer tokens, however it is cut into reads.
"""

from __future__ import annotations

import atexit
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from peft import PeftModel
from torch.nn import functional

from finetune.adapted import Adapted
from finetune.batches import IGNORED, Batch, Pair, answer_tokens, collate, reads
from finetune.recipe import Recipe
from finetune.rounding import ROUNDINGS, unrounded

LONGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class Score:
    """How well held-out examples are known.

    Args:
        loss: mean cross-entropy, in nats an answer token; 0 over no examples.
        exact: the share of answers that greedy decoding writes token for token, 0..1.
    """

    loss: float
    exact: float


def precision() -> str:
    """bf16 where the processor multiplies in it, else none."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "no"
    able = torch.cpu.get_capabilities()
    return "bf16" if able.get("avx512_bf16") or able.get("amx_bf16") else "no"


class Learner:
    """A model and its optimizer.

    Args:
        model: a causal language model of transformers, or a PEFT model around one.
        pad: the token id that fills short rows.
    """

    def __init__(self, model: Any, recipe: Recipe, pad: int) -> None:
        self.machine = Accelerator(cpu=not torch.accelerator.is_available(), mixed_precision=precision())
        if self.machine.num_processes > 1:
            atexit.register(self.machine.end_training)  # or a thread of the process group may abort the exit
        self.model, self.recipe, self.pad = model.to(self.machine.device), recipe, pad
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.adapted = self._adapted() if isinstance(self.model, PeftModel) else None
        self.reset()

    def reset(self) -> None:
        """Begin with a fresh optimizer."""
        if self.recipe.optimizer == "sgd":
            self.optimizer: torch.optim.Optimizer = torch.optim.SGD(self.weights, lr=0.0)
        else:
            self.optimizer = torch.optim.AdamW(self.weights, lr=0.0, weight_decay=0.0, betas=(0.9, 0.99))

    def update(self, batch: Batch, lr: float) -> float:
        """One optimizer step at a learning rate; returns the batch's loss before it, infinite if it has no gradient."""
        self._refresh()
        count, loss = answer_tokens(batch), torch.zeros((), device=self.machine.device)
        for part in self._mine(batch):
            part_loss = self._losses(part)[0].sum() / count
            part_loss.backward()  # type: ignore[no-untyped-call]
            loss += part_loss.detach()
        self._add_up_gradients()
        length = torch.nn.utils.clip_grad_norm_(self.weights, LONGEST_GRADIENT)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        if finite := bool(length.isfinite()):
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(self._sum(loss)) if finite else math.inf

    @torch.no_grad()
    def score(self, pairs: Sequence[Pair]) -> Score:
        """The loss over held-out pairs, and how many answers are exactly right."""
        self._refresh()
        self.model.eval()
        found = torch.zeros(2, device=self.machine.device)
        for part in self._mine(pairs):
            losses, hits, rows = self._losses(part)
            missed = torch.zeros(len(part), device=hits.device).index_add(0, rows, (~hits).float())
            found += torch.stack([losses.sum(), missed.eq(0).sum()])
        self.model.train()
        loss, exact = self._sum(found).tolist()
        return Score(loss / max(1, answer_tokens(pairs)), exact / max(1, len(pairs)))

    def _adapted(self) -> Adapted:
        dtype = torch.bfloat16 if self.machine.mixed_precision == "bf16" else torch.float32
        return Adapted(self.model, ROUNDINGS.get(self.recipe.quantisation, unrounded), dtype)

    def _refresh(self) -> None:
        if self.adapted:
            self.adapted.refresh()

    def _mine(self, batch: Sequence[Pair]) -> Sequence[Batch]:
        """This process's share of a batch, in reads."""
        share = batch[self.machine.process_index :: self.machine.num_processes]
        return list(reads(share, self.recipe.micro_tokens))

    def _losses(self, part: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Of each answer token: its loss in nats, whether it is the likeliest, and its row. Logits only there."""
        tensors = collate(part, self.pad, self.machine.device)
        rows, columns = tensors["labels"].ne(IGNORED).nonzero(as_tuple=True)
        labels = tensors["labels"][rows, columns]
        base: Any = self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model
        with self.machine.autocast():
            hidden = base.model(input_ids=tensors["ids"], attention_mask=tensors["mask"]).last_hidden_state
            logits = base.lm_head(hidden[rows, columns]).float()
        return functional.cross_entropy(logits, labels, reduction="none"), logits.argmax(-1).eq(labels), rows

    def _add_up_gradients(self) -> None:
        if self.machine.num_processes > 1:
            for weight in self.weights:
                weight.grad = self._sum(torch.zeros_like(weight) if weight.grad is None else weight.grad)

    def _sum(self, part: torch.Tensor) -> torch.Tensor:
        total: torch.Tensor = self.machine.reduce(part, reduction="sum")
        return total
