"""From PyTorch to llama.cpp and back, on tiny random models of each architecture, compared by logits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from copilot.errors import DataError, SetupError
from copilot.model import weights
from copilot.model.llama import LlamaWriter
from copilot.model.merge import merge, read_gguf
from copilot.settings import Settings
from finetune import bases, methods
from finetune.adapted import Adapted
from finetune.adapter import from_gguf
from finetune.examples import Example, write
from finetune.export import export_adapter, export_model, export_run
from finetune.recipe import Recipe
from finetune.rounding import q4_0, unrounded
from finetune.train import train
from tests import tiny
from tests.test_model import _logits

TEXT = "Q: Which orders are late in Dublin?\nA:"
IDS = tiny.Bytes().encode(TEXT)
RECIPE = Recipe(rank=4, alpha=8)
ARCHITECTURES = sorted(tiny.MODELS)


def logits(model: Any) -> Any:
    """PyTorch's logits of the token after TEXT."""
    with torch.no_grad():
        return model(torch.tensor([IDS])).logits[0, -1].float().numpy()


def alike(one: Any, other: Any) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def adapted(architecture: str) -> Any:
    """A tiny model with an adapter that changes what it says."""
    model = methods.trainable(tiny.model(architecture), RECIPE)
    torch.manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    return model


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_adapter_says_the_same_in_llama_cpp_and_comes_back(architecture: str, tmp_path: Path) -> None:
    base, model = tiny.base(tmp_path / "base.gguf", architecture), adapted(architecture)
    model.save_pretrained(tmp_path / "adapter")
    export_adapter(tmp_path / "adapter", base, tmp_path / "a.gguf")
    merge(base, tmp_path / "a.gguf", tmp_path / "merged.gguf", "F16")
    found = _logits(LlamaWriter(tmp_path / "merged.gguf", gpu_layers=0), IDS)
    assert alike(found, logits(model)) > 0.9999
    assert alike(found, logits(tiny.model(architecture))) < 0.99
    again = from_gguf(tiny.model(architecture), tmp_path / "a.gguf")
    assert np.abs(logits(again) - logits(model)).max() < 0.02 * np.abs(logits(model)).max()
    assert (tmp_path / "a.peft" / "adapter_model.safetensors").exists()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_whole_model_says_the_same_in_llama_cpp(architecture: str, tmp_path: Path) -> None:
    base, model = tiny.base(tmp_path / "base.gguf", architecture), tiny.model(architecture)
    torch.manual_seed(2)
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    model.save_pretrained(tmp_path / "model")
    export_model(tmp_path / "model", base, tmp_path / "whole.gguf", "F16")
    assert alike(_logits(LlamaWriter(tmp_path / "whole.gguf", gpu_layers=0), IDS), logits(model)) > 0.9999
    export_model(tmp_path / "model", base, tmp_path / "small.gguf", "Q8_0")
    assert alike(_logits(LlamaWriter(tmp_path / "small.gguf", gpu_layers=0), IDS), logits(model)) > 0.99


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_gguf_file_is_read_back_for_training(architecture: str, tmp_path: Path) -> None:
    model, tokenizer = bases.load(tiny.base(tmp_path / "base.gguf", architecture))
    assert tokenizer.encode(TEXT, add_special_tokens=False) == IDS
    assert alike(logits(model), logits(tiny.model(architecture))) > 0.99999


def test_a_trained_run_becomes_an_adapter_that_the_copilot_opens(tmp_path: Path, home: Path) -> None:
    base, data = tiny.base(tmp_path / "base.gguf"), tmp_path / "data.jsonl"
    examples = [Example(question=f"late {n}", program=f"orders.top({n})", note="tiny") for n in range(4)]
    write(data, examples)
    recipe = Recipe(rank=32, alpha=64, lr=1e-2, epochs=60, batch=4)
    train(tiny.model(), tiny.Bytes(), examples, [], tmp_path / "run", recipe, say=lambda line: None)
    out = tmp_path / "out" / "my.gguf"
    export_run(tmp_path / "run", base, str(base), out, "Q8_0", data, merged=tmp_path / "out" / "merged.gguf")
    writer = weights.opened(str(out), Settings(home=home))
    assert isinstance(writer, LlamaWriter)
    assert writer.drafter.follows and writer.spelling.words == {"late": 4}
    assert [writer.complete(f"Q: late {n}\nA:").program for n in range(4)] == [e.program for e in examples]
    assert LlamaWriter(tmp_path / "out" / "merged.gguf").complete("Q: late 3\nA:").program == "orders.top(3)"
    assert len(weights.read_card(out).checks) == 3
    base.unlink()
    with pytest.raises(SetupError, match="which is no file"):
        weights.opened(str(out), Settings(home=tmp_path / "elsewhere"))


def test_an_adapter_for_another_model_is_refused(tmp_path: Path) -> None:
    adapted("llama").save_pretrained(tmp_path / "adapter")
    export_adapter(tmp_path / "adapter", tiny.base(tmp_path / "base.gguf"), tmp_path / "a.gguf")
    with pytest.raises(SetupError, match="for another model"):
        from_gguf(tiny.model("phi3"), tmp_path / "a.gguf")
    (tmp_path / "no.gguf").write_text("nothing")
    with pytest.raises(SetupError, match="no GGUF file"):
        from_gguf(tiny.model(), tmp_path / "no.gguf")
    with pytest.raises(SetupError, match="leave out --method full"):
        methods.trainable(tiny.model(), Recipe(method="full"), tmp_path / "a.gguf")


def test_a_folder_without_an_adapter_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no adapter"):
        export_adapter(tmp_path, tmp_path / "base.gguf", tmp_path / "a.gguf")


def test_four_bits_are_rounded_as_llama_cpp_does() -> None:
    import gguf

    kind = gguf.GGMLQuantizationType.Q4_0
    weight = torch.randn(24, 96) * torch.logspace(-4, 1, 24)[:, None]
    weight[3] = 0
    wanted = gguf.quants.dequantize(gguf.quants.quantize(weight.numpy(), kind), kind)
    assert np.array_equal(q4_0(weight).numpy(), wanted)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_was_trained_for_four_bits_ships_as_it_was_trained(architecture: str, tmp_path: Path) -> None:
    base, model = tiny.base(tmp_path / "base.gguf", architecture), adapted(architecture)
    model.save_pretrained(tmp_path / "adapter")
    export_adapter(tmp_path / "adapter", base, tmp_path / "a.gguf")
    merge(base, tmp_path / "a.gguf", tmp_path / "merged.gguf", "Q4_0")
    plain = logits(model)
    Adapted(model, q4_0, torch.float32).refresh()
    rounded = logits(model)
    found = _logits(LlamaWriter(tmp_path / "merged.gguf", gpu_layers=0), IDS)
    kinds = {tensor.name: tensor.tensor_type.name for tensor in read_gguf(tmp_path / "merged.gguf").tensors}
    assert kinds["token_embd.weight"] == "BF16" and kinds["blk.0.ffn_up.weight"] == "Q4_0"
    assert alike(rounded, plain) < 0.999
    assert alike(found, rounded) > 0.99 > alike(found, plain)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_merged_layer_has_the_gradients_of_lora(architecture: str) -> None:
    gradients = []
    for merged in (False, True):
        model = adapted(architecture)
        if merged:
            Adapted(model, unrounded, torch.float32).refresh()
        model(torch.tensor([IDS, IDS[::-1]])).logits[:, -1].logsumexp(-1).sum().backward()
        gradients.append({name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad})
    plain, found = gradients
    assert len(found) == len(plain) >= 16
    for name, gradient in found.items():
        assert float((gradient - plain[name]).abs().max()) < 1e-3 * float(plain[name].abs().max()), name


def test_an_adapter_learns_around_the_rounding(tmp_path: Path) -> None:
    examples = [Example(question=f"late {n}", program=f"orders.top({n})") for n in range(4)]
    recipe = Recipe(rank=32, alpha=64, lr=5e-3, epochs=200, batch=4, quantisation="Q4_0")
    score = train(tiny.model(), tiny.Bytes(), examples, examples, tmp_path / "run", recipe, say=lambda line: None)
    assert score.exact == 1.0
    base = tiny.base(tmp_path / "base.gguf")
    export_run(tmp_path / "run", base, str(base), tmp_path / "my.gguf", merged=tmp_path / "merged.gguf")
    merged = LlamaWriter(tmp_path / "merged.gguf", gpu_layers=0)
    assert [merged.complete(f"Q: late {n}\nA:").program for n in range(4)] == [e.program for e in examples]
