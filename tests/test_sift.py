"""What a model knows already is left out of its further training, but for a part."""

from __future__ import annotations

from pathlib import Path

import pytest

from copilot.fulfilment.app import app
from copilot.model.llama import LlamaWriter
from copilot.model.writer import Request
from finetune.cli import cli, main
from finetune.examples import Example, read, write
from finetune.sift import Sifted, sift

KNOWN = Example(question="how many orders are late?", program="orders.where(days_late__gt=0).count()", note="plain")
UNKNOWN = Example(question="how many orders are late?", program='plans.select("plan_id")', note="odd")


class Sure:
    """A model that is as sure of a program as its question says."""

    def sure_of(self, request: Request, program: str) -> float:
        return float(request.question)


def test_known_examples_are_left_out_but_for_a_part() -> None:
    examples = [Example(question=f"{at / 1000}", program="decline()", note=f"{at // 500}") for at in range(1000)]
    report = Sifted()
    found = list(sift(examples, Sure(), app, 0.75, 0.2, 1, report))
    assert found[:750] == examples[:750], "what is not known stays, in its place"
    assert len(found) == 1000 and 20 < sum(one is not None for one in found[750:]) < 80
    assert report.hardest() == [("0", 0.0), ("1", 0.5)]


def test_the_model_that_ships_says_what_it_knows(writer: LlamaWriter) -> None:
    request = Request(KNOWN.question, "", (), app)
    written = writer.write(request)
    assert writer.sure_of(request, written.program) == pytest.approx(written.confidence, abs=0.02)
    assert writer.sure_of(request, str(UNKNOWN.program)) == 0.0


def test_a_file_is_sifted(
    writer: LlamaWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("copilot.model.weights.opened", lambda *_: writer)
    write(tmp_path / "all.jsonl", [KNOWN, UNKNOWN])
    arguments = ["sift", str(tmp_path / "all.jsonl"), str(tmp_path / "hard.jsonl"), "--keep", "0", "--sure", "0.5"]
    main(lambda: cli(arguments, standalone_mode=False))
    assert read(tmp_path / "hard.jsonl") == [UNKNOWN]
    assert "1 of 2 examples" in capsys.readouterr().err
