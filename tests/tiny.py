"""Tiny random models of each architecture, as transformers has them and as GGUF bases with a tokenizer of bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Phi3Config, Phi3ForCausalLM, Qwen2Config, Qwen2ForCausalLM

from finetune.layout import Layout

SIZES = {
    "vocab_size": 260, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 1024, "initializer_range": 0.3, "bos_token_id": 257,
    "eos_token_id": 256, "pad_token_id": 258, "tie_word_embeddings": True,
}  # fmt: skip
MODELS = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "phi3": (Phi3Config, Phi3ForCausalLM),
}


class Bytes:
    """A tokenizer of one token a byte, the same as `base` writes into a GGUF file."""

    pad_token_id = 258

    def encode(self, text: str, add_special_tokens: bool = False) -> list[int]:
        return list(text.encode())

    def save_pretrained(self, folder: str) -> None:
        """There is nothing to save."""


def model(architecture: str = "llama") -> Any:
    """A random model, the same each time."""
    torch.manual_seed(0)
    config, kind = MODELS[architecture]
    return kind(config(**SIZES)).eval()


def base(path: Path, architecture: str = "llama") -> Path:
    """The same model as a GGUF file."""
    made = model(architecture)
    writer = gguf.GGUFWriter(str(path), architecture)
    _describe(writer, made.config)
    _tokenise(writer)
    layout = Layout.of_config(made.config)
    for name, weight in made.named_parameters():
        module, _, part = name.rpartition(".")
        writer.add_tensor(f"{layout.name(module)}.{part}", layout.to_gguf(module, weight.detach().numpy()).copy())
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    return path


def _describe(writer: gguf.GGUFWriter, config: Any) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)


def _tokenise(writer: gguf.GGUFWriter) -> None:
    specials = ["<end>", "<begin>", "<pad>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*_letters(), *specials, "ĀĀ"])
    writer.add_token_types([gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.NORMAL])
    writer.add_token_merges(["Ā Ā"])
    writer.add_eos_token_id(256)
    writer.add_bos_token_id(257)
    writer.add_pad_token_id(258)


def _letters() -> list[str]:
    """GPT-2's letter for each byte: printable ones stand for themselves, the others for letters from U+0100 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
