"""A base and its adapter made one quantised file: read faster than an adapter applied at every token.

W' = W + (alpha / rank) * B A for each adapted weight; see Hu et al., LoRA (2021), section 4.1.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gguf
import numpy as np

from copilot.errors import SetupError
from copilot.files import WORK, whole
from copilot.progress import Progress, silent

FOUR_BITS = ("Q4_0", "IQ4_NL")
"""Forms in which the table of tokens, the last layer too, stays in BF16: the Q8_0 that llama.cpp would keep it in reads
several tokens no faster than one after the other, and four bits of it cost right answers (docs/speed.md)."""

Deltas = dict[str, tuple[Any, Any, float]]
"""By tensor: A (rank, in), B (out, rank) and the scale alpha / rank."""


def merge(base: Path, adapter: Path, out: Path, quantisation: str = "Q8_0", progress: Progress = silent) -> None:
    """Write the base with the adapter merged in, quantised, to `out`; whole or not at all.

    Args:
        quantisation: as llama.cpp names its file types: Q8_0, Q5_0, Q4_0, IQ4_NL, BF16, …

    Raises:
        SetupError: the adapter does not fit the base, or llama.cpp cannot quantise it.
    """
    model, adapted = read_gguf(base), deltas(adapter)
    _must_fit(model, {name: (len(b), a.shape[-1]) for name, (a, b, _) in adapted.items()})
    _write_quantised(model, lambda tensor: _merged(tensor, adapted), out, quantisation, progress)


def rewrite(base: Path, weights: dict[str, Any], out: Path, quantisation: str, progress: Progress = silent) -> None:
    """Write the base with other weights, by tensor, quantised, to `out`; whole or not at all.

    Raises:
        SetupError: the weights do not fit the base, or llama.cpp cannot quantise them.
    """
    model = read_gguf(base)
    _must_fit(model, {name: weight.shape for name, weight in weights.items()})
    _write_quantised(model, lambda tensor: _replaced(tensor, weights), out, quantisation, progress)


def _write_quantised(
    model: gguf.GGUFReader, weigh: Callable[[Any], Any], out: Path, quantisation: str, progress: Progress
) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=WORK) as folder, whole(out) as part:
        large = Path(folder) / "merged.gguf"
        _write_changed(model, weigh, large, progress)
        progress(f"quantising to {quantisation}", None)
        _quantise(large, part, quantisation)


def deltas(adapter: Path) -> Deltas:
    """The adapter's matrices by the tensor that each belongs to. Raises SetupError if it is no adapter."""
    reader = read_gguf(adapter)
    if "adapter.lora.alpha" not in reader.fields:
        raise SetupError(f"{adapter} is a model and no adapter; a model has no card beside it")
    alpha = float(reader.fields["adapter.lora.alpha"].contents())
    tensors = {tensor.name: np.asarray(tensor.data, dtype=np.float32) for tensor in reader.tensors}
    names = {name.removesuffix(".lora_a") for name in tensors if name.endswith(".lora_a")}
    return {n: (tensors[f"{n}.lora_a"], tensors[f"{n}.lora_b"], alpha / len(tensors[f"{n}.lora_a"])) for n in names}


def read_gguf(path: Path) -> gguf.GGUFReader:
    """A GGUF file, to be read from. Raises SetupError if it is cut short or none."""
    try:
        return gguf.GGUFReader(str(path))
    except (ValueError, IndexError, KeyError, OSError) as error:
        raise SetupError(f"{path} is cut short or no GGUF file; delete it, and fetch or make it again") from error


def _write_changed(reader: gguf.GGUFReader, weigh: Callable[[Any], Any], out: Path, progress: Progress) -> None:
    writer = gguf.GGUFWriter(str(out), reader.fields["general.architecture"].contents())
    _copy_metadata(reader, writer)
    for at, tensor in enumerate(reader.tensors):
        writer.add_tensor(tensor.name, weigh(tensor))
        progress("merging the adapter into its base", at / len(reader.tensors))
    finish(writer)


def finish(writer: gguf.GGUFWriter) -> None:
    """Write all that a writer was given, and close its file."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _must_fit(reader: gguf.GGUFReader, changed: dict[str, tuple[int, ...]]) -> None:
    shapes = {tensor.name: tuple(int(size) for size in reversed(tensor.shape)) for tensor in reader.tensors}
    for name, shape in sorted(changed.items()):
        if name not in shapes:
            raise SetupError(f"the adapter is for another base: this one has no {name}")
        if shape != shapes[name]:
            raise SetupError(f"the adapter is for another base: {name} is {shapes[name]} here, {shape} there")


def _merged(tensor: Any, adapted: Deltas) -> Any:
    weights = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    if tensor.name in adapted:
        a, b, scale = adapted[tensor.name]
        weights = weights + scale * (b @ a)
    return _halved(weights)


def _replaced(tensor: Any, weights: dict[str, Any]) -> Any:
    found = weights.get(tensor.name)
    return _halved(gguf.quants.dequantize(tensor.data, tensor.tensor_type) if found is None else found)


def _halved(weights: Any) -> Any:
    return np.ascontiguousarray(weights.astype(np.float32 if weights.ndim == 1 else np.float16))


def _copy_metadata(reader: gguf.GGUFReader, writer: gguf.GGUFWriter) -> None:
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in ("general.architecture", "general.file_type"):
            continue
        nested = field.types[-1] if field.types[0] is gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=nested)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)


def file_type(quantisation: str) -> int:
    """llama.cpp's number for a quantisation. Raises SetupError if it is none."""
    import llama_cpp

    kind: int | None = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{quantisation}", None)
    if kind is None:
        raise SetupError(f"{quantisation} is not a quantisation; try Q8_0, Q5_0, Q4_0 or IQ4_NL")
    return kind


def _quantise(whole: Path, out: Path, quantisation: str) -> None:
    import llama_cpp

    kind = file_type(quantisation)
    logging.getLogger("llama-cpp-python").setLevel(logging.ERROR)
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize, params.nthread = kind, True, 0
    if quantisation in FOUR_BITS:
        params.token_embedding_type = gguf.GGMLQuantizationType.BF16
    if llama_cpp.llama_model_quantize(str(whole).encode(), str(out).encode(), ctypes.byref(params)) != 0:
        raise SetupError("llama.cpp could not quantise the merged model; is there room on the disk?")
