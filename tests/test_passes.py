"""Writing fast: drafts change no program, and several callers are read together, each as if alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.errors import GivenUp, SetupError
from copilot.fulfilment.app import app
from copilot.model import drafting, passes
from copilot.model.drafting import Drafter, counted, named, told
from copilot.model.llama import LlamaWriter
from copilot.model.passes import TOGETHER, Likeliest
from copilot.model.prompt import Turn
from copilot.model.writer import Request
from tests import tiny

LINKS = "[Memphis = warehouse/city; GPU-H100 = sku; 14 = days]"
LEARNT = [
    ('stock(warehouse="Reno")\n', "[Reno = warehouse]"),
    ('stock(warehouse="Santos")\n', "[Santos = warehouse]"),
    ('stock(warehouse="Busan", sku="NET-T1")\n', "[Busan = warehouse; NET-T1 = sku]"),
    ('stock(warehouse="Gdansk", sku="MEM-XL")\n', "[Gdansk = warehouse; MEM-XL = sku]"),
] * 3


def tokenise(text: str) -> list[int]:
    return list(text.encode())


def text(tokens: list[int]) -> str:
    return bytes(tokens).decode()


@pytest.fixture(scope="module")
def learnt() -> Drafter:
    return counted((tokenise(program), named(links, "", (), tokenise)) for program, links in LEARNT)


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> LlamaWriter:
    """A tiny model with random weights, whose programs are gibberish of many tokens."""
    return LlamaWriter(tiny.base(tmp_path_factory.mktemp("tiny") / "base.gguf"), threads=1, remembered=0)


def asked(question: str) -> Request:
    return Request(question, LINKS, (Turn("earlier", 'stock(sku="H")'),), app)


# Drafts -----------------------------------------------------------------------------------------------------------


def test_what_followed_before_is_drafted_with_the_names_of_the_question(learnt: Drafter) -> None:
    names = named("[Leipzig = warehouse; CPU-GEN9 = sku]", "", (), tokenise)
    assert text(learnt.draft(tokenise("sto"), names)) == 'ck(warehouse="Leipzig", sku="'[: drafting.MOST]
    assert text(learnt.draft(tokenise('stock(warehouse="Lei'), names)).startswith('pzig"')
    assert text(learnt.draft(tokenise('stock(warehouse="Leipzig", sku="'), names)).startswith("CPU-GEN9")


def test_what_is_due_decides_how_it_goes_on(learnt: Drafter) -> None:
    alone = named("[Leipzig = warehouse]", "", (), tokenise)
    assert text(learnt.draft(tokenise('stock(warehouse="Leipzig"'), alone)) == ")\n"
    both = named("[Leipzig = warehouse; CPU-GEN9 = sku]", "", (), tokenise)
    assert text(learnt.draft(tokenise('stock(warehouse="Leipzig"'), both)).startswith(", sku=")


def test_nothing_is_drafted_from_nothing() -> None:
    assert Drafter().draft(tokenise("stock("), ()) == []
    assert counted([]).draft([], ()) == []


def test_values_are_told_by_their_kind() -> None:
    names = named(LINKS, "over 20 racks", ('x(city="Oslo")',), tokenise)
    pieces = told(tokenise('"Memphis" 14 20 "Oslo"'), names)
    assert [piece for piece in pieces if isinstance(piece, str)] == ["<city>", "<days>", "<number>", "<text>"]


def test_drafts_are_kept_in_a_file(learnt: Drafter, tmp_path: Path) -> None:
    drafting.write(learnt, tmp_path / "a.drafts.json")
    assert drafting.read(tmp_path / "a.drafts.json") == learnt
    assert drafting.read(tmp_path / "none.drafts.json") == Drafter()
    for spoilt in ("[[1, 2", "[7]", '{"a": 1}'):
        (tmp_path / "a.drafts.json").write_text(spoilt)
        with pytest.raises(SetupError, match="cut short or no file of drafts"):
            drafting.read(tmp_path / "a.drafts.json")


class Guessing(Drafter):
    """Drafts what a test tells it to, right or wrong."""

    def __init__(self, guesses: Iterator[list[int]]) -> None:
        super().__init__({(0,): (0, 1.0)})
        object.__setattr__(self, "guesses", guesses)

    def draft(self, written, names):  # type: ignore[no-untyped-def]
        return next(self.guesses, [])  # type: ignore[attr-defined]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(97, 122), max_size=12), max_size=30), st.text("abc ?", max_size=30))
def test_wrong_drafts_change_nothing(writer: LlamaWriter, guesses: list[list[int]], question: str) -> None:
    plain = writer.write(asked(question))
    writer.drafter = Guessing(iter(guesses))
    drafted = writer.write(asked(question))
    writer.drafter = Drafter()
    assert drafted.program == plain.program
    assert drafted.confidence == pytest.approx(plain.confidence, rel=1e-3)


def test_right_drafts_take_fewer_passes(writer: LlamaWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    decode = writer._passes._decode
    monkeypatch.setattr(writer._passes, "_decode", lambda reads: made.append(1) or decode(reads))
    known = writer.write(asked("a"))
    assert len(made) == known.tokens_out > 9
    tokens = list(_tokens_of(writer, asked("a")))
    made.clear()
    writer.drafter = Guessing(iter([tokens[at : at + 8] for at in range(0, len(tokens), 9)]))
    assert writer.write(asked("a")).program == known.program
    assert len(made) <= known.tokens_out // 9 + 1
    writer.drafter = Drafter()


def _tokens_of(writer: LlamaWriter, request: Request) -> Iterator[int]:
    """The tokens that the model writes, one after the other."""
    seen: list[int] = []

    class Watching(Guessing):
        def draft(self, written, names):  # type: ignore[no-untyped-def]
            seen[:] = written
            return []

    writer.drafter = Watching(iter(()))
    writer.write(request)
    writer.drafter = Drafter()
    yield from seen


def test_what_was_just_asked_is_known_until_a_name_or_a_turn_differs(tmp_path: Path) -> None:
    own = LlamaWriter(tiny.base(tmp_path / "base.gguf"), threads=1, remembered=2)
    first = own.write(asked("a"))
    again = own.write(asked("a"))
    assert (again.program, again.tokens_out) == (first.program, 0) and first.tokens_out
    assert own.write(replace(asked("a"), links="[Reno = warehouse]")).tokens_out
    assert own.write(replace(asked("a"), context=())).tokens_out
    assert own.write(asked("a")).tokens_out, "only the last two are remembered"
    none = LlamaWriter(own.path, threads=1, remembered=0)
    assert none.write(asked("a")).tokens_out and none.write(asked("a")).tokens_out


def test_a_program_ends_where_its_line_does_in_whatever_token(
    writer: LlamaWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Qwen's tokenizer has one token for a bracket and the newline after it."""
    closing, plainly = 259, writer._llm.detokenize
    tokens = iter([*b" ok(", closing, *b"never"])

    def detokenize(found: list[int], special: bool = False) -> bytes:
        return b"".join(b")\n" if token == closing else plainly([token], special=special) for token in found)

    def told(text, room, *others):  # type: ignore[no-untyped-def]
        next(text)
        with pytest.raises(StopIteration) as ended:
            while True:
                text.send([Likeliest(next(tokens), 1.0, 0, 0.0)])
        return ended.value.value

    monkeypatch.setattr(writer._llm, "detokenize", detokenize)
    monkeypatch.setattr(writer._passes, "write", told)
    assert writer.write(asked("a")).program == "ok()"


# Many at once -----------------------------------------------------------------------------------------------------


def test_callers_together_are_told_what_each_is_told_alone(writer: LlamaWriter) -> None:
    questions = [f"question {n} {'x' * n}" for n in range(TOGETHER + 4)]
    alone = [writer.write(asked(question)).program for question in questions]
    with ThreadPoolExecutor(len(questions)) as pool:
        together = list(pool.map(lambda question: writer.write(asked(question)).program, questions))
    same = [_alike(*pair) for pair in zip(alone, together, strict=True)]
    assert sorted(same)[4] == 1, "but for a random model's ties: rounding told 0 to 3 of the 20 otherwise in 20 runs"
    assert min(same) > 0.05


def _alike(one: str, other: str) -> float:
    """The part of a text up to where another leaves it."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)) / len(one)


def test_what_was_asked_first_is_read_first(writer: LlamaWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "ABREAST", 2)
    ended, all_wait = list[int](), threading.Event()

    def ask(number: int) -> None:
        all_wait.wait()
        writer.write(replace(asked(f"question {number}"), since=float(number)))
        ended.append(number)

    with ThreadPoolExecutor(TOGETHER) as pool:
        for number in reversed(range(TOGETHER)):
            pool.submit(ask, number)
        all_wait.set()
    lag = [place - number for place, number in enumerate(ended)]
    assert sorted(ended) == list(range(TOGETHER))
    assert sum(abs(late) <= 3 for late in lag) >= TOGETHER - 3, f"all but those read before the others came: {ended}"


def test_who_gave_up_in_the_queue_is_not_read_for(writer: LlamaWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    decode, gone = writer._passes._decode, threading.Event()

    def counting(reads):  # type: ignore[no-untyped-def]
        gone.set()
        read.append(sum(len(one.tokens) > 20 for _, one in reads))
        return decode(reads)

    def leave(number: int) -> None:
        with pytest.raises(GivenUp):
            writer.write(replace(asked(f"never mind {number}"), since=1e12, stopped=gone.is_set))

    monkeypatch.setattr(passes, "ABREAST", 1)
    monkeypatch.setattr(writer._passes, "_decode", counting)
    with ThreadPoolExecutor(5) as pool:
        staying = pool.submit(lambda: writer.write(asked("stay")).program)
        assert gone.wait(10)
        leaving = [pool.submit(leave, number) for number in range(4)]
    assert staying.result() and all(one.result() is None for one in leaving)
    assert sum(read) == 1, "only the one question that somebody waited for"


def test_a_newer_text_takes_no_room_that_an_older_one_waits_for(
    writer: LlamaWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, ended = writer._passes, list[str]()
    decode = own._decode

    def waiting(reads):  # type: ignore[no-untyped-def]
        for _ in range(500):
            if ended or len(own._turns) == 3:
                break
            time.sleep(0.01)
        return decode(reads)

    def ask(since: float, question: str) -> None:
        writer.write(replace(asked(question), since=since))
        ended.append(question[:6])

    monkeypatch.setattr(own, "memory", 1000)
    monkeypatch.setattr(own, "_decode", waiting)
    with ThreadPoolExecutor(3) as pool:
        pool.submit(ask, 0.0, "oldest")
        while not own._turns:
            time.sleep(0.01)
        pool.submit(ask, 1.0, "longer " + "x" * 500)
        pool.submit(ask, 2.0, "newest")
    assert ended == ["oldest", "longer", "newest"]


def test_a_text_longer_than_the_model_reads_is_refused(writer: LlamaWriter) -> None:
    with pytest.raises(RuntimeError, match="more than the model reads"):
        writer.sure_of(asked("a"), "x" * 3000)


def test_one_who_gives_up_leaves_the_others_alone(writer: LlamaWriter) -> None:
    started = threading.Event()

    def stopped() -> bool:
        return started.is_set() or started.set() or False

    def give_up() -> str:
        with pytest.raises(GivenUp):
            writer.write(replace(asked("never mind"), stopped=stopped))
        return ""

    alone = writer.write(asked("go on")).program
    with ThreadPoolExecutor(5) as pool:
        gone = pool.submit(give_up)
        others = [pool.submit(lambda: writer.write(asked("go on")).program) for _ in range(4)]
    assert [other.result() for other in others] == [alone] * 4 and gone.result() == ""
    assert not writer._passes._turns


def test_ctrl_c_in_a_pass_leaves_nothing_behind(writer: LlamaWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = writer.write(asked("go on")).program
    decode, own = writer._passes._decode, writer._passes

    def interrupted(reads):  # type: ignore[no-untyped-def]
        decode(reads)
        raise KeyboardInterrupt

    for _ in range(TOGETHER + 1):
        with monkeypatch.context() as patched:
            patched.setattr(own, "_decode", interrupted)
            with pytest.raises(KeyboardInterrupt):
                writer.write(asked("never mind"))
    assert not own._turns and not own._reading
    assert writer.write(asked("go on")).program == alone


def test_one_who_leaves_before_the_first_pass_takes_nothing_from_the_others(writer: LlamaWriter) -> None:
    """A text without a place is no text to be forgotten: llama.cpp would take -1 for all of them."""
    alone, forgotten = writer.write(asked("go on")).program, list[int]()
    own = writer._passes
    forget = own._forget

    def watched(place: int, kept: int) -> None:
        forgotten.append(place)
        forget(place, kept)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(own, "_forget", watched)
        with pytest.raises(GivenUp):
            writer.write(replace(asked("never mind"), stopped=lambda: True))
        assert writer.write(asked("go on")).program == alone
    assert forgotten and min(forgotten) >= 0


def test_what_llama_cpp_cannot_read_is_told_to_each_who_asked(
    writer: LlamaWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(reads: object) -> None:
        raise RuntimeError("llama_decode returned -3")

    with monkeypatch.context() as patched:
        patched.setattr(writer._passes, "_decode", broken)
        with pytest.raises(RuntimeError, match="returned -3"):
            writer.complete("Q: a\nA:")
    assert writer.complete("Q: a\nA:").tokens_out


def test_the_longest_texts_of_many_callers_are_all_written(writer: LlamaWriter) -> None:
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(writer.complete, ["Q: " + "long " * 1000] * 4))
    assert len(set(written)) == 1 and written[0].tokens_in > 800


def test_another_reading_reads_the_question_no_second_time(
    writer: LlamaWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    decode = writer._passes._decode

    def counting(reads):  # type: ignore[no-untyped-def]
        read.extend(len(one.tokens) for _, one in reads)
        return decode(reads)

    monkeypatch.setattr(writer._passes, "_decode", counting)
    request = asked("another one, please")
    written = writer.write(request)
    question, others = read[0], written.others[:2]
    read.clear()
    programs = [writer.write_from(request, other).program for other in others]
    assert question > 20 and max(read) < 20
    for place in range(TOGETHER):
        writer._passes._forget(place, 0)
    assert [writer.write_from(request, other).program for other in others] == programs
    assert max(read) > question, "what is forgotten is read again"
