"""The commands as their users run them: what they print, where, and with which exit status."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from copilot.database import writable

ROOT = Path(__file__).parent.parent


def test_a_program_is_run_and_its_table_printed(run) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = run("copilot", "run", 'orders.by("region").count()')
    assert status == 0
    assert "Europe" in out and 'orders.by("region").count()' in out


def test_json_is_the_answer_and_nothing_else(run) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = run("copilot", "run", "orders.count()", "--json")
    answer = json.loads(out)
    assert (status, answer["outcome"], answer["columns"]) == (0, "answered", ["count"])
    assert set(answer["timings"]) >= {"link", "write", "check", "run", "show", "total", "tokens_in", "tokens_out"}


@pytest.mark.parametrize(("words", "says"), [
    (["run", "import os"], "imports nothing"),
    (["run", "orders.sum('colour')"], "colour"),
    (["run", "x = 1"], "gives no result"),
    (["ui", "--host", "192.0.2.1"], "cannot listen on 192.0.2.1:8501"),
])  # fmt: skip
def test_what_fails_says_so_in_one_line_with_status_1(run, words: list[str], says: str) -> None:  # type: ignore[no-untyped-def]
    status, _, err = run("copilot", *words)
    assert (status, len(err.strip().splitlines())) == (1, 1)
    assert says in err


@pytest.mark.parametrize("words", [["run"], ["nothing"], ["world", "gigantic"], ["run", "--colour", "red"]])
def test_wrong_usage_is_status_2(run, words: list[str]) -> None:  # type: ignore[no-untyped-def]
    status, _, err = run("copilot", *words)
    assert status == 2
    assert "Traceback" not in err


@pytest.mark.parametrize(("name", "value", "says"), [
    ("COPILOT_DATABASE_URL", "sqlite:////nowhere/at/all.db", "there is no database at /nowhere/at/all.db"),
    ("COPILOT_DATABASE_URL", "nonsense", "the database URL is not one"),
    ("COPILOT_DATABASE_URL", "mysql://localhost/x", "use SQLite or PostgreSQL"),
    ("COPILOT_DATABASE_URL", "postgresql://127.0.0.1:1/none", "the database cannot be used"),
    ("COPILOT_COLOUR", "red", "COPILOT_COLOUR is not a setting"),
    ("COPILOT_GPU_LAYERS", "many", "COPILOT_GPU_LAYERS"),
    ("COPILOT_HOME", "/proc/nowhere", "COPILOT_HOME"),
])  # fmt: skip
def test_a_wrong_environment_is_one_line(run, monkeypatch, name: str, value: str, says: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv(name, value)
    status, _, err = run("copilot", "run", "orders.count()")
    assert (status, len(err.strip().splitlines())) == (1, 1)
    assert says in err


def test_a_model_that_is_not_there_is_one_line(run, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COPILOT_MODEL", "/nowhere/model.gguf")
    status, _, err = run("copilot", "ask", "how many orders are late?")
    assert (status, len(err.strip().splitlines())) == (1, 1)
    assert "there is no model '/nowhere/model.gguf'" in err


def test_doctor_tells_what_is_wrong_before_the_user_meets_it(run, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COPILOT_MODEL", "/nowhere/model.gguf")
    status, out, err = run("copilot", "doctor")
    assert status == 1
    assert "python" in out and "2026-11-02" in out
    assert "there is no model" in err


def test_the_stub_is_printed(run) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = run("copilot", "stub")
    assert status == 0 and "def what_if(*changes: Change)" in out


def test_a_world_is_built_once_and_not_replaced_unasked(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    url = f"sqlite:///{tmp_path / 'w.db'}"
    assert run("copilot", "world", "small", "--seed", "2", "--database-url", url)[0] == 0
    status, _, err = run("copilot", "world", "small", "--database-url", url)
    assert status == 1 and "overwrite" in err
    assert run("copilot", "world", "small", "--database-url", url, "--overwrite")[0] == 0


def test_a_draft_is_adopted_by_name_and_an_older_one_only_if_told_to(run, monkeypatch, small_world, tmp_path) -> None:  # type: ignore[no-untyped-def]
    url = f"sqlite:///{shutil.copy(small_world, tmp_path / 'own.db')}"
    monkeypatch.setenv("COPILOT_DATABASE_URL", url)
    assert run("copilot", "adopt", "PLN-3")[0] == 2
    status, _, err = run("copilot", "adopt", "PLN-9", "--by", "ana")
    assert (status, len(err.strip().splitlines())) == (1, 1) and "there is no plan 'PLN-9'" in err
    assert run("copilot", "adopt", "PLN-3", "--by", "ana")[:2] == (0, "PLN-3 is the current plan.\n")
    with writable(url).begin() as connection:
        connection.exec_driver_sql("UPDATE stock SET on_hand = on_hand + 1")
    status, _, err = run("copilot", "adopt", "PLN-4", "--by", "ben")
    assert (status, len(err.strip().splitlines())) == (1, 1) and "supply changed since" in err
    assert run("copilot", "adopt", "PLN-4", "--by", "ben", "--anyway")[0] == 0


@pytest.mark.parametrize("command", ["ask", "run", "chat", "adopt", "ui", "stub", "world", "doctor"])
def test_every_command_has_help_and_is_in_the_readme(run, command: str) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = run("copilot", command, "--help")
    assert status == 0 and "Usage" in out
    assert f"copilot {command}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("command", ["synthesize", "train", "export", "evaluate"])
def test_every_finetune_command_has_help_and_is_in_the_readme(run, command: str) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = run("finetune", command, "--help")
    assert status == 0 and "Usage" in out
    assert f"finetune {command}" in (ROOT / "README.md").read_text()


def test_a_bad_line_of_a_data_file_is_told_by_its_number(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "bad.jsonl"
    file.write_text('{"question": "a", "program": "orders.count()"}\n{"question": 3}\n')
    status, _, err = run("finetune", "train", str(file))
    assert (status, len(err.strip().splitlines())) == (1, 1)
    assert "line 2" in err and "question" in err


def test_an_app_that_is_not_there_is_one_line(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    status, _, err = run("finetune", "synthesize", str(tmp_path / "x.jsonl"), "--app", "nothing:app")
    assert status == 1 and "there is no app at 'nothing:app'" in err


def test_a_what_if_shows_what_changes_side_by_side(run) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = run("copilot", "run", 'what_if(close_warehouse("Memphis"))')
    assert status == 0
    assert "Memphis → " in out and "new warehouse" not in out
