"""How llama.cpp names and orders the weights that transformers keeps: both ways.

llama.cpp keeps the rows of q and k of Llama models in another order than transformers (its rotary embedding pairs
neighbours), so these rows are permuted as its own converter permutes them. Other architectures keep their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gguf

from copilot.errors import SetupError

PERMUTED = "llama"


@dataclass(frozen=True)
class Layout:
    """The layout of one model.

    Args:
        architecture: as llama.cpp calls it: llama, qwen2, phi3, …
        blocks: its layers.
        heads, kv_heads: of its attention.
    """

    architecture: str
    blocks: int
    heads: int
    kv_heads: int

    @classmethod
    def of_file(cls, reader: gguf.GGUFReader) -> Layout:
        """That of a GGUF file."""
        name = str(reader.fields["general.architecture"].contents())
        heads = int(_field(reader, f"{name}.attention.head_count"))
        kv_heads = int(_field(reader, f"{name}.attention.head_count_kv", heads))
        return cls(name, int(_field(reader, f"{name}.block_count")), heads, kv_heads)

    @classmethod
    def of_config(cls, config: Any) -> Layout:
        """That of a model of transformers, by its config."""
        name = PERMUTED if config.model_type == "mistral" else config.model_type
        kv_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        return cls(name, config.num_hidden_layers, config.num_attention_heads, kv_heads)

    def name(self, module: str) -> str:
        """llama.cpp's name of a module, without ``.weight``. Raises SetupError if it has none."""
        found = self._names.get_name(module)
        if found is None:
            raise SetupError(f"{module} has no place in llama.cpp's {self.architecture}")
        return str(found)

    def to_gguf(self, module: str, rows: Any) -> Any:
        """Rows of a weight, (out, …), from transformers' order (halves) to llama.cpp's (neighbours)."""
        return self._reordered(module, rows, lambda count: (count, 2, -1))

    def from_gguf(self, module: str, rows: Any) -> Any:
        """Rows of a weight, (out, …), from llama.cpp's order to transformers'."""
        return self._reordered(module, rows, lambda count: (count, -1, 2))

    def _reordered(self, module: str, rows: Any, shape: Any) -> Any:
        count = {"q_proj": self.heads, "k_proj": self.kv_heads}.get(module.rpartition(".")[2])
        if self.architecture != PERMUTED or count is None:
            return rows
        return rows.reshape(*shape(count), *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)

    @cached_property
    def _names(self) -> gguf.TensorNameMap:
        known = {name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}
        if self.architecture not in known:
            raise SetupError(f"llama.cpp knows no architecture {self.architecture!r}")
        return gguf.get_tensor_name_map(known[self.architecture], self.blocks)


def _field(reader: gguf.GGUFReader, name: str, otherwise: Any = None) -> Any:
    field = reader.fields.get(name)
    return otherwise if field is None else field.contents()
