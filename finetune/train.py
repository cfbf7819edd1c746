"""Fine-tuning, one straight line: read, tokenise, train a LoRA adapter, save. The same on a CPU and on a GPU.

Loss only on the answer's tokens; logits only where there is loss. Batches hold examples of like length. A run can be
stopped at any moment and resumed from its last checkpoint.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch.nn import functional

from copilot.errors import SetupError
from copilot.model.prompt import END, prompt
from finetune.examples import Example

IGNORED = -100


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Args:
        rank, alpha: of LoRA, on every linear layer.
        lr: the peak; warmed up over 3% of the steps, then down a cosine to a tenth.
        epochs: passes over the data.
        batch: examples a step.
        every: optimizer steps between checkpoints.
    """

    rank: int = 32
    alpha: int = 64
    lr: float = 1e-3
    epochs: float = 2.0
    batch: int = 32
    seed: int = 1
    every: int = 200
    max_tokens: int = 320


Pair = tuple[list[int], int]
"""Token ids of an example, and how many of them are prompt."""


def encode(tokenizer: Any, example: Example) -> Pair:
    """The example's token ids; the answer ends with END and the end-of-text token."""
    question = tokenizer.encode(prompt(example.question, example.links, example.context), add_special_tokens=False)
    answer = tokenizer.encode(f" {example.program}{END}", add_special_tokens=False)
    return question + answer, len(question)


def batches(pairs: Sequence[Pair], size: int, seed: int) -> list[list[Pair]]:
    """Batches of like length, in an order drawn from the seed."""
    rng = random.Random(seed)
    order = sorted(pairs, key=lambda pair: len(pair[0]) + rng.random() * 8)
    groups = [order[at : at + size] for at in range(0, len(order), size)]
    rng.shuffle(groups)
    return groups


def collate(batch: Sequence[Pair], pad: int, device: torch.device) -> dict[str, torch.Tensor]:
    """Right-padded ids (batch, length), their mask, and labels shifted to the position that predicts them."""
    length = max(len(ids) for ids, _ in batch)
    ids = torch.full((len(batch), length), pad, dtype=torch.long)
    labels = torch.full((len(batch), length), IGNORED, dtype=torch.long)
    mask = torch.zeros((len(batch), length), dtype=torch.long)
    for row, (tokens, start) in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
        labels[row, start - 1 : len(tokens) - 1] = torch.tensor(tokens[start:])
    return {"ids": ids.to(device), "mask": mask.to(device), "labels": labels.to(device)}


def loss_of(model: PeftModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Mean cross-entropy over the answers' tokens, in nats."""
    with torch.autocast(batch["ids"].device.type, dtype=torch.bfloat16):
        base: Any = model.get_base_model()
        hidden = base.model(input_ids=batch["ids"], attention_mask=batch["mask"]).last_hidden_state
        picked = batch["labels"].ne(IGNORED)
        logits = base.lm_head(hidden[picked])
    return functional.cross_entropy(logits.float(), batch["labels"][picked])


def rate(step: int, steps: int, peak: float) -> float:
    """The learning rate of a step: linear warm-up, then a cosine down to a tenth of the peak."""
    warm = max(1, math.ceil(0.03 * steps))
    if step < warm:
        return peak * (step + 1) / warm
    done = (step - warm) / max(1, steps - warm)
    return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


@torch.no_grad()
def held_out_loss(model: PeftModel, pairs: Sequence[Pair], size: int, pad: int, device: torch.device) -> float:
    """Mean loss over held-out examples, in nats an answer token."""
    model.eval()
    losses = [float(loss_of(model, collate(b, pad, device))) for b in batches(pairs, size, 0)]
    model.train()
    return sum(losses) / max(1, len(losses))


def schedule(pairs: Sequence[Pair], recipe: Recipe) -> Iterator[list[Pair]]:
    """Every batch of the run, in order; the same for the same seed, so that a resumed run goes on as it would have."""
    for epoch in range(math.ceil(recipe.epochs)):
        yield from batches(pairs, recipe.batch, recipe.seed + epoch)


def lora(model: Any, recipe: Recipe, start: Path | None = None) -> PeftModel:
    """The model with an adapter on every linear layer of its blocks: a fresh one, or the one to go on from.

    Raises:
        SetupError: there is no adapter to go on from.
    """
    torch.manual_seed(recipe.seed)
    if start is not None:
        if not (start / "adapter_config.json").exists():
            raise SetupError(f"there is no adapter in {start}; give the folder that `finetune train` wrote it to")
        return PeftModel.from_pretrained(model, str(start), is_trainable=True)
    config = LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(model, config)


class Run:
    """A training run in a folder: its recipe, checkpoints, log and adapter."""

    def __init__(self, folder: Path, model: PeftModel, recipe: Recipe) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.model, self.recipe, self.step = folder, model, recipe, 0
        self.weights = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.weights, lr=recipe.lr, weight_decay=0.0, betas=(0.9, 0.99))

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def resume(self) -> None:
        """Go on from the last checkpoint, if there is one."""
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, weights_only=True)
            self.step = state["step"]
            self.optimizer.load_state_dict(state["optimizer"])
            for weight, saved in zip(self.weights, state["weights"], strict=True):
                weight.data.copy_(saved)

    def save(self) -> None:
        """Write the checkpoint, whole or not at all, and the adapter as it stands."""
        part = self.checkpoint.with_suffix(".part")
        state = {"step": self.step, "weights": self.weights, "optimizer": self.optimizer.state_dict()}
        torch.save(state, part)
        part.replace(self.checkpoint)
        self.model.save_pretrained(str(self.folder / "adapter"))

    def log(self, **figures: Any) -> None:
        """Append a line of figures to the run's log."""
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps({"step": self.step, **figures}) + "\n")

    def update(self, batch: dict[str, torch.Tensor], lr: float) -> float:
        """One optimizer step; returns the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        loss = loss_of(self.model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return float(loss.detach())


def train(
    model: Any,
    tokenizer: Any,
    examples: Sequence[Example],
    held_out: Sequence[Example],
    folder: Path,
    recipe: Recipe,
    resume: bool = False,
    say: Any = print,
    start: Path | None = None,
) -> float:
    """Train a LoRA adapter into `folder/adapter`; returns the last held-out loss.

    Args:
        model, tokenizer: a causal language model of transformers and its tokenizer.
        resume: go on from the folder's checkpoint, if there is one.
        say: takes a progress line.
        start: an adapter to train further, such as for a few corrections.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    run = Run(folder, lora(model.to(device), recipe, start), recipe)
    (folder / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1))
    if resume:
        run.resume()
    pad = tokenizer.pad_token_id or 0
    pairs = [p for p in (encode(tokenizer, e) for e in examples) if len(p[0]) <= recipe.max_tokens]
    others = [encode(tokenizer, e) for e in held_out]
    plan = list(schedule(pairs, recipe))[: math.ceil(len(pairs) / recipe.batch * recipe.epochs)]
    started, tokens, first = time.monotonic(), 0, run.step
    for step in range(first, len(plan)):
        loss = run.update(collate(plan[step], pad, device), rate(step, len(plan), recipe.lr))
        tokens += sum(len(ids) for ids, _ in plan[step])
        if run.step % 10 == 0:
            say(_progress(run.step, len(plan), loss, tokens, time.monotonic() - started, first))
        if run.step % recipe.every == 0 or run.step == len(plan):
            held = held_out_loss(run.model, others, recipe.batch, pad, device)
            run.log(loss=loss, held_out=held, seconds=time.monotonic() - started, tokens=tokens)
            run.save()
            say(f"held-out loss {held:.4f}")
    return held_out_loss(run.model, others, recipe.batch, pad, device)


def _progress(step: int, steps: int, loss: float, tokens: int, seconds: float, first: int) -> str:
    left = seconds / max(1, step - first) * (steps - step)
    return f"step {step}/{steps}  loss {loss:.3f}  {tokens / seconds:.0f} tokens/s  {left / 60:.1f} min left"
