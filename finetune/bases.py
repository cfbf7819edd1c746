"""Opens a base for training: a named one, a GGUF file, or a folder in transformers' own format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
from transformers.utils import logging

from copilot.errors import SetupError
from copilot.model.weights import located
from copilot.progress import Progress, silent
from copilot.settings import Settings

ATTENTION = "eager" if not torch.cuda.is_available() else "sdpa"
"""On a CPU, the fused kernel's backward pass takes longer than all the rest of attention for sentences this short."""


def base_file(base: str, settings: Settings, progress: Progress = silent) -> Path:
    """The file or folder of a base. Raises SetupError if there is none."""
    path = Path(base).expanduser()
    return path if path.exists() else located(base, settings, progress)


def load(path: Path) -> tuple[Any, Any]:
    """The model, in 32 bits, and its tokenizer. Raises SetupError if transformers cannot read it."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        if path.is_dir():
            return AutoModelForCausalLM.from_pretrained(
                path, dtype=torch.float32, attn_implementation=ATTENTION
            ), AutoTokenizer.from_pretrained(path)
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        quantised = GgufConfig(dequantize=True)
        model = AutoModelForCausalLM.from_pretrained(
            path.parent,
            gguf_file=path.name,
            quantization_config=quantised,
            dtype=torch.float32,
            attn_implementation=ATTENTION,
        )
    except (OSError, ValueError) as error:
        raise SetupError(f"{path} cannot be opened for training: {str(error).splitlines()[0]}") from error
    return model, tokenizer
