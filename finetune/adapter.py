"""A GGUF adapter as a PEFT adapter again, so that what ships can be trained further."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from copilot.errors import SetupError
from copilot.model.merge import deltas
from finetune.layout import Layout


def lora(rank: int, alpha: int) -> LoraConfig:
    """LoRA on every linear layer of a model's blocks."""
    return LoraConfig(r=rank, lora_alpha=alpha, target_modules="all-linear", task_type="CAUSAL_LM")


def from_gguf(model: Any, path: Path) -> Any:
    """The PEFT model with the adapter of a GGUF file, to be trained further.

    Raises:
        SetupError: the file is no adapter, or one for another model.
    """
    found = deltas(path)
    a, _, scale = next(iter(found.values()))
    layout = Layout.of_config(model.config)
    adapted: Any = get_peft_model(model, lora(len(a), round(scale * len(a))))
    for name, module in adapted.base_model.model.named_modules():
        if hasattr(module, "lora_A"):
            tensor = f"{layout.name(name)}.weight"
            if tensor not in found or found[tensor][0].shape != module.lora_A["default"].weight.shape:
                raise SetupError(f"{path} is an adapter for another model: it has no {tensor} of this shape")
            a, b, _ = found[tensor]
            _put(module.lora_A["default"], a)
            _put(module.lora_B["default"], layout.from_gguf(name, b))
    return adapted


def _put(linear: Any, matrix: Any) -> None:
    linear.weight.data.copy_(torch.from_numpy(matrix.copy()))
