"""From what operators say of answers to a reviewed examples file, with their names or with drawn ones."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from copilot import Copilot
from copilot.history import History
from copilot.testing import Scripted
from finetune.cli import cli, main
from finetune.examples import Example, read
from finetune.redact import Left, Redactor

PROGRAMS = {
    "flu doses in alma": 'doses.where(clinic="Alma", vaccine="Flu").sum("left")',
    "and in Cleo?": 'doses.where(clinic="Cleo", vaccine="Flu").sum("left")',
    "visits at berit": "visits.count()",
    "who is the queen": "doses.count()",
}


@pytest.fixture
def judged(clinic_copilot: Copilot) -> Copilot:
    """A clinics' copilot, some of whose answers were judged."""
    clinic_copilot._writer = Scripted(PROGRAMS)
    chat = clinic_copilot.chat()
    clinic_copilot.feedback(chat.ask("flu doses in alma").id, "rejected")
    clinic_copilot.feedback(clinic_copilot.history()[0].id, "accepted")
    clinic_copilot.feedback(chat.ask("and in Cleo?").id, "accepted")
    meant = 'visits.where(clinic="Berit").count()'
    clinic_copilot.feedback(clinic_copilot.ask("visits at berit").id, "corrected", meant)
    clinic_copilot.feedback(clinic_copilot.ask("who is the queen").id, "rejected", comment="not ours")
    clinic_copilot.ask("never judged")
    return clinic_copilot


def collected(copilot: Copilot, out: Path, *options: str) -> list[Example]:
    url = copilot.database.url.render_as_string()
    arguments = ["collect", str(out), "--app", "tests.clinics:app", "--database-url", url, *options]
    main(lambda: cli(arguments, standalone_mode=False))
    return read(out)


def test_what_was_accepted_or_corrected_becomes_an_example(judged: Copilot, tmp_path: Path) -> None:
    found = collected(judged, tmp_path / "data.jsonl", "--yes")
    assert [(e.question, e.program, e.note) for e in found] == [
        ("flu doses in alma", PROGRAMS["flu doses in alma"], "accepted"),
        ("and in Cleo?", PROGRAMS["and in Cleo?"], "accepted"),
        ("visits at berit", 'visits.where(clinic="Berit").count()', "corrected"),
    ]
    assert [turn.question for turn in found[1].context] == ["flu doses in alma"]
    assert found[0].links == "[Flu = vaccine; Alma = clinic]"
    assert collected(judged, tmp_path / "data.jsonl", "--yes") == found, "nothing is added twice"


def test_a_reviewer_keeps_drops_and_mends(judged: Copilot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["k", "d", 'visits.sum("gone")', "decline()"])
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(answers))
    found = collected(judged, tmp_path / "data.jsonl")
    assert [(e.question, e.program) for e in found] == [
        ("flu doses in alma", PROGRAMS["flu doses in alma"]),
        ("who is the queen", "decline()"),
    ], "what does not pass the check is not taken from a reviewer either"


def test_names_are_replaced_on_request_and_none_is_left(judged: Copilot, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    found = collected(judged, path, "--yes", "--redact")
    assert len(found) == 3
    assert not any(name in path.read_text().lower() for name in ("alma", "berit", "cleo", "flu"))
    for example in found:
        assert example.program and all(name in example.question + str(example.context) for name in _names(example))
    assert found[0].program == found[1].context[0].program, "one name stands for another everywhere"


def _names(example: Example) -> list[str]:
    return [text for text in (example.program or "").split('"')[1::2] if text != "left"]


def test_names_with_digits_keep_their_shape(copilot: Copilot) -> None:
    redactor = Redactor.drawn(copilot.world.linker, random.Random(1))
    order = next(name for name in redactor.new if name.startswith("ORD-"))
    assert redactor.new[order].startswith("ORD-") and redactor.new[order][4:].isdigit()
    assert not set(redactor.new.values()) & set(redactor.new)
    assert len(set(redactor.new.values())) == len(redactor.new)
    example = Example(question="H100s in Dublin 2?", program='orders.where(sku="GPU-H100", datacenter="DUB2").count()')
    changed = redactor.redact(example)
    assert redactor.new["GPU-H100"] in changed.question and "DUB2" not in changed.model_dump_json()
    with pytest.raises(Left):
        redactor.redact(Example(question="how many there?", program='orders.where(sku="GPU-H100").count()'))


def test_a_history_of_before_gets_its_column(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "history.db") as old:
        old.execute(
            "CREATE TABLE history (number INTEGER PRIMARY KEY, id VARCHAR, at DATETIME, question VARCHAR, "
            "outcome VARCHAR, program VARCHAR, text VARCHAR, links VARCHAR, total_ms FLOAT, app VARCHAR, model VARCHAR)"
        )
        old.execute("INSERT INTO history VALUES (1, 'a', '2026-01-01 00:00:00', 'q', 'empty', '', '', '', 1, 'x', 'm')")
    assert [entry.context for entry in History(tmp_path).last(5)] == [""]
    assert History(tmp_path).last(5)[0].question == "q"
