"""From a trained run to the files that ship: a GGUF adapter with its PEFT form and its card, or a merged GGUF model."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import load_file
from transformers import AutoConfig

from copilot import spelling
from copilot.errors import DataError, SetupError
from copilot.files import whole
from copilot.model import drafting
from copilot.model.llama import LlamaWriter
from copilot.model.merge import finish, merge, rewrite
from copilot.model.prompt import END, prompt
from copilot.model.weights import Card, drafts_of, sha256, words_of
from finetune.examples import Example, read
from finetune.layout import Layout
from finetune.recipe import Recipe
from finetune.run import COMMAND

PREFIX = "base_model.model."
CHECKS = 3


def export_adapter(adapter: Path, base: Path, out: Path) -> None:
    """Write a PEFT adapter folder as a GGUF adapter for `base`, in half precision; the folder is copied beside it.

    Args:
        base: a GGUF file, or a folder of transformers.

    Raises:
        DataError: the folder holds no adapter.
    """
    if not (adapter / "adapter_config.json").exists():
        raise DataError(0, f"{adapter} holds no adapter; train one first: finetune train DATA --out FOLDER")
    config = json.loads((adapter / "adapter_config.json").read_text())
    layout = layout_of(base)
    matrices = _matrices(load_file(str(adapter / "adapter_model.safetensors")), layout)
    with whole(out) as part:
        _write(gguf.GGUFWriter(str(part), layout.architecture), float(config["lora_alpha"]), matrices)
    shutil.copytree(adapter, out.with_suffix(".peft"), dirs_exist_ok=True)


def export_model(model: Path, base: Path, out: Path, quantisation: str) -> None:
    """Write a model whose own weights were trained as a GGUF file, quantised; the rest of it is the base's.

    Raises:
        SetupError: the base is no GGUF file, or another model.
    """
    if not base.is_file():
        raise SetupError(f"{base} is a folder; give --base as a GGUF file, from which the tokenizer is taken")
    layout = layout_of(base)
    shards = [load_file(str(path)) for path in sorted(model.glob("*.safetensors"))]
    weights = {name: weight for shard in shards for name, weight in shard.items()}
    rewrite(base, dict(_weights(weights, layout)), out, quantisation)


def export_run(
    run: Path,
    base: Path,
    base_name: str,
    out: Path,
    quantisation: str | None = None,
    data: Path | None = None,
    merged: Path | None = None,
    evaluation: Path | None = None,
) -> None:
    """Write what a run trained to `out`; see `export_adapter`, `write_card` and `export_model`.

    Args:
        quantisation: of the merged file; that which the run was trained for if not given.
        merged: where the adapter's merged model goes, if that is wanted.

    Raises:
        DataError, SetupError: as theirs.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    quantisation = quantisation or Recipe.read(run / "recipe.json").quantisation
    if (run / "model").exists():
        export_model(run / "model", base, out, quantisation)
        return
    export_adapter(run / "adapter", base, out)
    if merged is not None:
        merge(base, out, merged, quantisation)
    if data is not None:
        write_card(out, base, base_name, data, run, quantisation, evaluation)


def layout_of(base: Path) -> Layout:
    """The layout of a base: a GGUF file or a folder of transformers."""
    if base.is_dir():
        return Layout.of_config(AutoConfig.from_pretrained(base))
    return Layout.of_file(gguf.GGUFReader(str(base)))


def write_card(
    adapter: Path, base: Path, base_name: str, data: Path, run: Path, quantisation: str, evaluation: Path | None = None
) -> None:
    """Write the card, the drafts and the words beside a GGUF adapter.

    The card's checks are a few examples that the merged model gets right.

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
        writer = LlamaWriter(Path(folder) / "merged.gguf", gpu_layers=0)
        checks = list(_checks(writer, examples))
        drafting.write(drafting.counted(_programs(writer, examples)), drafts_of(adapter))
    spelling.write(spelling.learnt(example.question for example in examples), words_of(adapter))
    card = Card(base=base_name, base_sha256=sha256(base), quantisation=quantisation, checks=checks)
    made: dict[str, Any] = {
        "made": date.today().isoformat(),
        "data": {"examples": len(examples), "sha256": sha256(data), "voices": dict(Counter(e.note for e in examples))},
        "command": (run / COMMAND).read_text().strip() if (run / COMMAND).exists() else "",
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


def _programs(writer: LlamaWriter, examples: list[Example]) -> Iterator[tuple[list[int], list[drafting.Named]]]:
    """The tokens of each program, and the names and values that its question gave it."""
    for example in examples:
        if example.program:
            earlier = [turn.program for turn in example.context]
            names = drafting.named(example.links, example.question, earlier, writer.tokenised)
            yield writer.tokenised(f" {example.program}{END}"), names


def _matrices(adapter: dict[str, Any], layout: Layout) -> Iterator[tuple[str, Any]]:
    for key, matrix in sorted(adapter.items()):
        module, _, kind = key.removeprefix(PREFIX).removesuffix(".weight").rpartition(".")
        ordered = layout.to_gguf(module, matrix) if kind == "lora_B" else matrix
        yield f"{layout.name(module)}.weight.{kind.lower()}", np.ascontiguousarray(ordered)


def _weights(model: dict[str, Any], layout: Layout) -> Iterator[tuple[str, Any]]:
    for key, weight in model.items():
        module, _, part = key.rpartition(".")
        yield f"{layout.name(module)}.{part}", layout.to_gguf(module, weight)


def _write(writer: gguf.GGUFWriter, alpha: float, matrices: Iterable[tuple[str, Any]]) -> None:
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    for name, matrix in matrices:
        writer.add_tensor(name, matrix.astype(np.float16))
    finish(writer)
