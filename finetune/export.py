"""From a trained PEFT adapter to the file that ships: a GGUF adapter and its card.

llama.cpp keeps the rows of q and k of Llama models in another order than transformers (its rotary embedding pairs
neighbours), so the rows of their B matrices are permuted as its own converter permutes the weights.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import load_file

from copilot.errors import DataError
from copilot.files import whole
from copilot.model.llama import LlamaWriter
from copilot.model.merge import merge
from copilot.model.prompt import prompt
from copilot.model.weights import Card, sha256
from finetune.examples import Example, read

PREFIX = "base_model.model."
CHECKS = 3


def export_adapter(adapter: Path, base: Path, out: Path) -> None:
    """Write a PEFT adapter folder as a GGUF adapter for `base`, in half precision.

    Raises:
        DataError: the folder holds no adapter.
    """
    if not (adapter / "adapter_config.json").exists():
        raise DataError(0, f"{adapter} holds no adapter; train one first: finetune train DATA --out FOLDER")
    config = json.loads((adapter / "adapter_config.json").read_text())
    reader = gguf.GGUFReader(str(base))
    architecture = str(reader.fields["general.architecture"].contents())
    tensors = _tensors(load_file(str(adapter / "adapter_model.safetensors")), reader, architecture)
    with whole(out) as part:
        _write(gguf.GGUFWriter(str(part), architecture), float(config["lora_alpha"]), tensors)


def _write(writer: gguf.GGUFWriter, alpha: float, tensors: Iterable[tuple[str, Any]]) -> None:
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    for name, matrix in tensors:
        writer.add_tensor(name, matrix.astype(np.float16))
    for write in (
        writer.write_header_to_file,
        writer.write_kv_data_to_file,
        writer.write_tensors_to_file,
        writer.close,
    ):
        write()


def write_card(
    adapter: Path, base: Path, base_name: str, data: Path, run: Path, quantisation: str, evaluation: Path | None = None
) -> None:
    """Write the card beside a GGUF adapter; its checks are a few examples that the merged model gets right.

    Args:
        data: the examples it was trained on.
        run: the folder of the training run, with its recipe and log.
        evaluation: what `finetune evaluate --json` printed; its figures go into the card, its misses do not.

    Raises:
        SetupError: the merged file cannot be made.
    """
    examples = read(data)
    with TemporaryDirectory(dir=adapter.parent) as folder:
        merge(base, adapter, Path(folder) / "merged.gguf", quantisation)
        checks = list(_checks(LlamaWriter(Path(folder) / "merged.gguf", gpu_layers=0), examples))
    card = Card(base=base_name, base_sha256=sha256(base), quantisation=quantisation, checks=checks)
    made: dict[str, Any] = {
        "made": date.today().isoformat(),
        "data": {"examples": len(examples), "sha256": sha256(data), "voices": dict(Counter(e.note for e in examples))},
        "recipe": json.loads((run / "recipe.json").read_text()),
        "last": json.loads((run / "log.jsonl").read_text().splitlines()[-1]),
    }
    if evaluation is not None:
        made["evaluation"] = {k: v for k, v in json.loads(evaluation.read_text()).items() if k != "misses"}
    text = json.dumps({**card.model_dump(), **made}, indent=1, ensure_ascii=False)
    with whole(adapter.with_suffix(".json")) as part:
        part.write_text(text + "\n", encoding="utf-8")


def _checks(writer: LlamaWriter, examples: list[Example]) -> Iterator[tuple[str, str]]:
    found = 0
    for example in examples:
        text = prompt(example.question, example.links, example.context)
        if found < CHECKS and example.program and writer.complete(text).program == example.program:
            found += 1
            yield text, example.program


def _tensors(weights: dict[str, Any], reader: gguf.GGUFReader, architecture: str) -> Iterator[tuple[str, Any]]:
    blocks = int(reader.fields[f"{architecture}.block_count"].contents())
    names = gguf.get_tensor_name_map(_arch(architecture), blocks)
    heads = int(reader.fields[f"{architecture}.attention.head_count"].contents())
    kv_heads = int(reader.fields[f"{architecture}.attention.head_count_kv"].contents())
    for key, matrix in sorted(weights.items()):
        module, _, kind = key.removeprefix(PREFIX).removesuffix(".weight").rpartition(".")
        name = names.get_name(module)
        if name is None:
            raise DataError(0, f"the adapter's {module} has no place in {architecture}")
        if architecture == "llama" and kind == "lora_B":
            matrix = _permuted(module, matrix, heads, kv_heads)
        yield f"{name}.weight.{kind.lower()}", np.ascontiguousarray(matrix)


def _arch(name: str) -> Any:
    return next(arch for arch, known in gguf.MODEL_ARCH_NAMES.items() if known == name)


def _permuted(module: str, matrix: Any, heads: int, kv_heads: int) -> Any:
    """Rows of q and k from transformers' order (halves) to llama.cpp's (neighbours)."""
    if not module.endswith(("q_proj", "k_proj")):
        return matrix
    count = heads if module.endswith("q_proj") else kv_heads
    rows = matrix.reshape(count, 2, matrix.shape[0] // count // 2, *matrix.shape[1:])
    return rows.swapaxes(1, 2).reshape(matrix.shape)
