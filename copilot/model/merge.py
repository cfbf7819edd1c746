"""A base and its adapter made one quantised file: read faster than an adapter applied at every token.

W' = W + (alpha / rank) * B A for each adapted weight; see Hu et al., LoRA (2021), section 4.1.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Set
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from copilot.errors import SetupError
from copilot.progress import Progress, silent

Deltas = dict[str, tuple[Any, Any, float]]
"""By tensor: A (rank, in), B (out, rank) and the scale alpha / rank."""


def merge(base: Path, adapter: Path, out: Path, quantisation: str = "Q8_0", progress: Progress = silent) -> None:
    """Write the base with the adapter merged in, quantised, to `out`; whole or not at all.

    Args:
        quantisation: as llama.cpp names its file types: Q8_0, Q5_0, Q4_0, IQ4_NL, BF16, …

    Raises:
        SetupError: the adapter does not fit the base, or llama.cpp cannot quantise it.
    """
    adapted = deltas(adapter)
    _write_quantised(base, adapted.keys(), lambda tensor: _merged(tensor, adapted), out, quantisation, progress)


def rewrite(base: Path, weights: dict[str, Any], out: Path, quantisation: str, progress: Progress = silent) -> None:
    """Write the base with other weights, by tensor, quantised, to `out`; whole or not at all.

    Raises:
        SetupError: the weights do not fit the base, or llama.cpp cannot quantise them.
    """
    _write_quantised(base, weights.keys(), lambda tensor: _replaced(tensor, weights), out, quantisation, progress)


def _write_quantised(
    base: Path, changed: Set[str], weigh: Callable[[Any], Any], out: Path, quantisation: str, progress: Progress
) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    whole, part = out.with_suffix(".f16"), out.with_suffix(".part")
    try:
        _write_changed(gguf.GGUFReader(str(base)), changed, weigh, whole, progress)
        progress(f"quantising to {quantisation}", None)
        _quantise(whole, part, quantisation)
        part.replace(out)
    finally:
        whole.unlink(missing_ok=True)
        part.unlink(missing_ok=True)


def deltas(adapter: Path) -> Deltas:
    """The adapter's matrices by the tensor that each belongs to."""
    reader = gguf.GGUFReader(str(adapter))
    alpha = float(reader.fields["adapter.lora.alpha"].contents())
    tensors = {tensor.name: np.asarray(tensor.data, dtype=np.float32) for tensor in reader.tensors}
    names = {name.removesuffix(".lora_a") for name in tensors if name.endswith(".lora_a")}
    return {n: (tensors[f"{n}.lora_a"], tensors[f"{n}.lora_b"], alpha / len(tensors[f"{n}.lora_a"])) for n in names}


def _write_changed(
    reader: gguf.GGUFReader, changed: Set[str], weigh: Callable[[Any], Any], out: Path, progress: Progress
) -> None:
    unknown = changed - {tensor.name for tensor in reader.tensors}
    if unknown:
        raise SetupError(f"the adapter is for another base: this one has no {sorted(unknown)[0]}")
    writer = gguf.GGUFWriter(str(out), reader.fields["general.architecture"].contents())
    _copy_metadata(reader, writer)
    for at, tensor in enumerate(reader.tensors):
        writer.add_tensor(tensor.name, weigh(tensor))
        progress("merging the adapter into its base", at / len(reader.tensors))
    for write in (
        writer.write_header_to_file,
        writer.write_kv_data_to_file,
        writer.write_tensors_to_file,
        writer.close,
    ):
        write()


def _merged(tensor: Any, adapted: Deltas) -> Any:
    weights = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    if tensor.name in adapted:
        a, b, scale = adapted[tensor.name]
        weights = weights + scale * (b @ a)
    return _halved(weights)


def _replaced(tensor: Any, weights: dict[str, Any]) -> Any:
    own = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    found = weights.get(tensor.name, own)
    if found.shape != own.shape:
        raise SetupError(f"the model was trained from another base: {tensor.name} has another shape")
    return _halved(found)


def _halved(weights: Any) -> Any:
    return np.ascontiguousarray(weights.astype(np.float32 if weights.ndim == 1 else np.float16))


def _copy_metadata(reader: gguf.GGUFReader, writer: gguf.GGUFWriter) -> None:
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in ("general.architecture", "general.file_type"):
            continue
        nested = field.types[-1] if field.types[0] is gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=nested)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)


def _quantise(whole: Path, out: Path, quantisation: str) -> None:
    import llama_cpp

    kind = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{quantisation}", None)
    if kind is None:
        raise SetupError(f"{quantisation} is not a quantisation; try Q8_0, Q5_0, Q4_0 or IQ4_NL")
    logging.getLogger("llama-cpp-python").setLevel(logging.ERROR)
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize, params.nthread = kind, True, 0
    if llama_cpp.llama_model_quantize(str(whole).encode(), str(out).encode(), ctypes.byref(params)) != 0:
        raise SetupError("llama.cpp could not quantise the merged model; is there room on the disk?")
