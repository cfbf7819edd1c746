"""What of a model is trained: an adapter beside its weights, or the weights themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model

from copilot.errors import SetupError
from finetune.adapter import from_gguf, lora
from finetune.recipe import Recipe


def trainable(model: Any, recipe: Recipe, start: Path | None = None) -> Any:
    """The model, with what the recipe trains set to be trained.

    Args:
        start: an adapter to train further: a GGUF file, or the folder that `finetune train` wrote.

    Raises:
        SetupError: there is no such adapter, or it does not fit the model or the method.
    """
    torch.manual_seed(recipe.seed)
    if recipe.method == "full":
        if start is not None:
            raise SetupError("--start goes on from an adapter: leave out --method full")
        return _whole(model, recipe.freeze_embeddings)
    if start is None:
        return get_peft_model(model, lora(recipe.rank, recipe.alpha))
    if start.is_file():
        return from_gguf(model, start)
    if not (start / "adapter_config.json").exists():
        raise SetupError(f"there is no adapter in {start}; give a GGUF adapter or the folder that train wrote it to")
    return PeftModel.from_pretrained(model, str(start), is_trainable=True)


def _whole(model: Any, freeze_embeddings: bool) -> Any:
    model.requires_grad_(True)
    if freeze_embeddings:
        model.get_input_embeddings().requires_grad_(False)
        model.get_output_embeddings().requires_grad_(False)
    return model
