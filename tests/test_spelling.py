"""Slips of the finger: read as what was meant, and nothing else is touched."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.copilot import Copilot
from copilot.errors import SetupError
from copilot.model.weights import DEFAULT, habits
from copilot.model.writer import Request, Written
from copilot.settings import Settings
from copilot.spelling import NO_SPELLING, Spelling, learnt, read, write
from finetune.fill import typo

WORDS = dict.fromkeys("orders shipments warehouse available december average vendors delivered delivery".split(), 10)
ENGLISH = {"plants", "border"}
SPELLING = Spelling(WORDS, ENGLISH.__contains__)


@pytest.mark.parametrize(("asked", "read"), [
    ("Shipmets in Decmber?", "Shipments in December?"),
    ("avrage ordrs", "average orders"),
    ("deliverd", "delivered"),
    ("the border plants", "the border plants"),
    ("vndr", "vndr"),
    ("per order, by vendor", "per order, by vendor"),
    ("", ""),
])  # fmt: skip
def test_slips_are_read_as_what_was_meant(asked: str, read: str) -> None:
    assert SPELLING.mended(asked) == read
    assert NO_SPELLING.mended(asked) == asked


@given(st.sampled_from(sorted(WORDS)), st.integers())
def test_one_slip_in_a_long_word_is_mended(word: str, seed: int) -> None:
    slipped = typo(word, random.Random(seed))
    assert SPELLING.mended(f"which {slipped}, now?") == f"which {word}, now?"


@given(st.lists(st.sampled_from([*WORDS, *ENGLISH, "of", "42", "ORD-1001"])))
def test_what_is_known_is_left_alone(words: list[str]) -> None:
    assert SPELLING.mended(" ".join(words)) == " ".join(words)


def test_names_are_left_alone() -> None:
    text = "ordres of Ordres Ltd"
    assert SPELLING.mended(text, [(10, 20)]) == "orders of Ordres Ltd"


def test_words_are_learnt_from_questions_and_their_slips_are_not(tmp_path: Path) -> None:
    questions = ["which orders are late"] * 200 + ["ordres by week"] * 4 + ["colossal"]
    words = learnt(questions)
    assert words == {"which": 200, "orders": 200, "are": 200, "late": 200, "by": 4, "week": 4}
    write(words, tmp_path / "a.words.json")
    assert read(tmp_path / "a.words.json") == words
    assert read(tmp_path / "none.words.json") == {}
    for spoilt in ('{"a": ', "[1]", '{"a": "b"}'):
        (tmp_path / "a.words.json").write_text(spoilt)
        with pytest.raises(SetupError, match="cut short or no file of words"):
            read(tmp_path / "a.words.json")


@dataclass
class Heard:
    """A model that keeps what it was asked."""

    name: str = "heard"
    spelling: Spelling = SPELLING
    requests: list[Request] = field(default_factory=list)

    def write(self, request: Request) -> Written:
        self.requests.append(request)
        return Written("orders.count()")


def test_a_slip_is_mended_before_names_and_dates_are_looked_for(small_world: Path, home: Path) -> None:
    from copilot.fulfilment.app import app

    writer = Heard()
    copilot = Copilot(app, database_url=f"sqlite:///{small_world}", model=writer, settings=Settings(home=home))
    answer = copilot.ask("Ordres in Decmber for Roterdam")
    (asked,) = writer.requests
    assert (asked.question, asked.links) == (
        "Orders in December for Roterdam",
        "[2026-12 = month; Rotterdam = warehouse]",
    )
    assert answer.outcome == "answered" and copilot.history()[0].question == "Ordres in Decmber for Roterdam"


def test_the_model_that_ships_knows_its_words() -> None:
    words = habits(DEFAULT, Settings()).words
    assert len(words) > 2000 and {"orders", "warehouse", "december"} <= words.keys()
