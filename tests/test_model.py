"""The model that ships, for real: fetched, merged, checked, loaded, and asked."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel

from copilot import Copilot
from copilot.errors import SetupError
from copilot.fulfilment.app import app
from copilot.model import weights
from copilot.model.llama import LlamaWriter
from copilot.model.merge import deltas, merge
from copilot.settings import Settings

SMALL = "SmolLM2-135M-Instruct"


@pytest.mark.parametrize(("question", "program"), [
    ("how many orders are late in Frankfurt?", 'orders.where(days_late__gt=0, datacenter="FRA1").count()'),
    ("free H100 racks per warehouse", 'inventory.where(sku="GPU-H100").by("warehouse").sum("available")'),
    ("what if Memphis closes?", 'what_if(close_warehouse("Memphis"))'),
    ("what if Reno is shut and demand in asia is 10% up",
     'what_if(close_warehouse("Reno"), scale_demand(10, region="Asia Pacific"))'),
    ("explain ord 1042", 'explain("ORD-1042")'),
    ("tell me a joke", "decline()"),
])  # fmt: skip
def test_plain_questions_are_answered(writer: LlamaWriter, small_world: Path, question: str, program: str) -> None:
    copilot = Copilot(app, database_url=f"sqlite:///{small_world}", model=writer)
    answer = copilot.ask(question)
    assert copilot.run(program).rows == answer.rows
    assert answer.outcome in ("answered", "declined")
    assert answer.timings.tokens_in < 100 and answer.timings.write > 0


def test_the_same_question_gives_the_same_program(writer: LlamaWriter) -> None:
    first, _, again = (writer.complete(f"Q: {q}\nA:") for q in ("late orders", "draft plans", "late orders"))
    assert first == again
    assert 0 < first.confidence <= 1


def test_callers_together_are_answered_as_alone(writer: LlamaWriter) -> None:
    prompts = [f"Q: {question}\nA:" for question in ("late orders", "draft plans", "hello", "free H100 racks", "sing")]
    alone = [writer.complete(text).program for text in prompts]
    with ThreadPoolExecutor(5) as pool:
        assert [written.program for written in pool.map(writer.complete, prompts)] == alone


def test_a_long_question_is_cut_and_answered(writer: LlamaWriter) -> None:
    assert writer.complete("Q: " + "late orders " * 2000 + "\nA:").tokens_in < 1024


def test_a_merged_file_is_the_base_and_its_adapter(base: Path, shipped: Path, tmp_path: Path) -> None:
    """The weights of one adapted tensor, read back: W + scale B A, within what half precision loses."""
    import gguf

    adapter = weights.ADAPTERS / f"{weights.DEFAULT}.gguf"
    out = tmp_path / "merged.gguf"
    merge(base, adapter, out, "BF16")
    name, (a, b, scale) = sorted(deltas(adapter).items())[0]
    before, after = (_tensor(gguf.GGUFReader(str(path)), name) for path in (base, out))
    assert np.abs(after - (before + scale * (b @ a))).max() < 0.02 * np.abs(after).max()
    assert np.abs(after - before).max() > 0.01 * np.abs(after).max()
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob("*.f16"))


def _tensor(reader, name: str) -> np.ndarray:  # type: ignore[no-untyped-def, type-arg]
    import gguf

    tensor = next(t for t in reader.tensors if t.name == name)
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type)


def test_the_adapter_that_ships_can_be_trained_further(base: Path, tmp_path: Path) -> None:
    """PyTorch with the GGUF adapter put back, and llama.cpp with it merged, give the same logits of a next token."""
    import torch

    from finetune import bases
    from finetune.adapter import from_gguf

    adapter = weights.ADAPTERS / f"{weights.DEFAULT}.gguf"
    merge(base, adapter, tmp_path / "merged.gguf", "BF16")
    model, tokenizer = bases.load(base)
    adapted = from_gguf(model, adapter)
    ids = tokenizer.encode("Q: Which orders are late in Dublin?\nA:", add_special_tokens=False)
    with torch.no_grad():
        wanted = adapted(torch.tensor([ids])).logits[0, -1].float().numpy()
        with adapted.disable_adapter():
            plain = adapted(torch.tensor([ids])).logits[0, -1].float().numpy()
    found = _logits(LlamaWriter(tmp_path / "merged.gguf", gpu_layers=0), ids)
    assert np.corrcoef(wanted, found)[0, 1] > 0.999
    assert np.corrcoef(plain, found)[0, 1] < 0.99
    assert any(weight.requires_grad for weight in adapted.parameters())


def _logits(writer: LlamaWriter, ids: list[int]) -> np.ndarray:  # type: ignore[type-arg]
    import ctypes

    import llama_cpp

    llm = llama_cpp.Llama(str(writer.path), n_ctx=256, verbose=False)
    llm.eval(ids)
    pointer = llama_cpp.llama_get_logits_ith(llm.ctx, -1)
    return np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (llm.n_vocab(),)).copy()


# What can be wrong ------------------------------------------------------------------------------------------------


def test_a_file_cut_short_or_of_another_kind_is_one_line(shipped: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    with shipped.open("rb") as whole:
        cut.write_bytes(whole.read(5_000_000))
    (tmp_path / "text.gguf").write_text("no model")
    for path, says in (
        (cut, "cut short"),
        (tmp_path / "text.gguf", "not a GGUF file"),
        (tmp_path / "none.gguf", "no model at"),
    ):
        with pytest.raises(SetupError, match=says) as caught:
            LlamaWriter(path)
        assert "\n" not in str(caught.value)


def test_a_base_that_is_not_the_one_expected_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.gguf").write_bytes(b"GGUF something else")
    with pytest.raises(SetupError, match="SHA-256"):
        weights._must_match(tmp_path / "other.gguf", weights.BASES[SMALL])


def test_a_merge_that_was_cut_off_is_made_again(cache: Settings, base: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    shutil.copy(base, models)
    half = models / "fulfilment-half.unchecked.gguf"
    half.write_bytes(b"GGUF half")
    path = weights.located(weights.DEFAULT, cache.model_copy(update={"home": tmp_path}))
    assert LlamaWriter(path, gpu_layers=0).complete("Q: hello\nA:").program


def test_an_adapter_for_another_base_is_refused(base: Path, tmp_path: Path) -> None:
    import gguf

    writer = gguf.GGUFWriter(str(tmp_path / "other.gguf"), "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 8.0)
    for part in ("lora_a", "lora_b"):
        writer.add_tensor(f"blk.99.attn_q.weight.{part}", np.zeros((4, 4), np.float16))
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
        step()
    with pytest.raises(SetupError, match="for another base"):
        merge(base, tmp_path / "other.gguf", tmp_path / "out.gguf")
    assert not (tmp_path / "out.gguf").exists()


# Another model through the same seam ------------------------------------------------------------------------------


def test_a_langchain_chat_model_takes_its_place(small_world: Path) -> None:
    chat = FakeListChatModel(responses=["```python\norders.count()\n```", "decline()"])
    copilot = Copilot(app, database_url=f"sqlite:///{small_world}", model=chat)
    assert copilot.ask("how many orders?").columns == ["count"]
    assert copilot.ask("sing").outcome == "declined"


def test_what_is_no_model_is_said_to_be_none(small_world: Path) -> None:
    with pytest.raises(SetupError, match="is no model"):
        Copilot(app, database_url=f"sqlite:///{small_world}", model=3).ask("how many orders?")
