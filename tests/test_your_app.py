"""Training text of an app that the package does not know, made from its description and a few voices of its own."""

from __future__ import annotations

import random
import re
from itertools import chain
from pathlib import Path

import pytest

from copilot import App, Copilot
from copilot.errors import SetupError
from copilot.model.weights import sha256
from copilot.names import Names
from finetune.cli import cli, main
from finetune.compose import composed_pairs
from finetune.derived import Calls, bank, read_derived
from finetune.evaluate import check_gold
from finetune.examples import Example, read, task_of
from finetune.invented import invent
from finetune.pairs import read_pairs
from finetune.right import Bench
from finetune.synthesize import Report, spoken, synthesize
from tests import clinics

VOICES = Path(__file__).parent / "clinics_voices"
QUESTIONS = Path(__file__).parent.parent / "fixtures" / "questions"
TASKS = {*clinics.app.views, *clinics.app.tasks}


def made(count: int, seed: int = 1, avoid: tuple[str, ...] = (), report: Report | None = None) -> list[Example]:
    pairs = chain(spoken(sorted(VOICES.glob("*.jsonl"))), composed_pairs(clinics.app, count, seed))
    return list(synthesize(clinics.app, pairs, 1, seed, avoid, report))


def test_every_view_and_task_gets_examples_that_pass_the_checks() -> None:
    report = Report()
    found = made(250, report=report)
    assert not {reason for reason in report.dropped if "check" in reason or "canonical" in reason}, report.bad
    assert {task_of(example) for example in found} == {*TASKS, "decline", "unsupported", "clarify"}
    assert {"queries", "calls", "undone", "outside"} <= set(report.made)
    composed = [e for e in found if e.note == "queries"]
    for step in (".by(", ".sum(", ".top(", ".share(", ".sort(", "__week=", "__in=", ".select(", ".count("):
        assert any(step in (example.program or "") for example in composed), step
    assert any(example.context for example in composed)


def test_the_same_seed_makes_the_same_examples_of_other_names() -> None:
    first, second, other = ([e.question for e in made(40, seed)] for seed in (1, 1, 2))
    assert first == second != other


def test_nothing_comes_near_the_questions_to_avoid() -> None:
    some = tuple(example.question for example in made(60)[::7])
    report = Report()
    assert not {e.question for e in made(60, avoid=some, report=report)} & set(some)
    assert report.dropped["too near an evaluation question"] >= len(some)


def test_calls_say_which_way_and_are_made_for_two_names_and_for_each_of_a_group() -> None:
    calls = Calls(clinics.app, ["<task> <args>"], random.Random(1))
    pairs = [calls.pair() for _ in range(400)]
    ways = [re.search(r"transfer\([^,]*, [^,]*, ({clinic\d?}), ({clinic\d?})\)$", pair.p) for pair in pairs]
    found = [(pair.q, *way.groups()) for pair, way in zip(pairs, ways, strict=True) if way]
    assert len(found) > 20
    for question, source, target in found:
        assert re.search(rf"(from|out of) {source}", question) and re.search(rf"\b(to|into) {target}", question), (
            question
        )
    programs = {pair.p for pair in pairs}
    assert "[close({clinic}), close({clinic2})]" in programs
    assert "[close(c) for c in clinics({area})]" in programs
    assert all("{area}" in pair.q and "{clinic}" not in pair.q for pair in pairs if pair.p.startswith("[close(c)"))


def test_how_many_there_are_is_a_sum_where_a_column_counts_them() -> None:
    said = read_derived()
    doses, visits = (bank(clinics.app, clinics.app.views[name], said) for name in ("doses", "visits"))
    assert doses.counted == "left" and 'sum("left")' in {m.p for m in doses.measures}
    assert "count()" in {m.p for m in visits.measures} and "count()" not in {m.p for m in doses.measures}
    assert {"doses", "jabs", "shots"} == set(doses.rows)


def test_names_are_invented_and_those_of_a_database_mixed_in() -> None:
    own = Names({"clinic": ("V-1", "V-2"), "area": ("North", "South"), "vaccine": ("Flu",)}, kinds=clinics.app.kinds)
    names = [invent(clinics.app, random.Random(seed), own) for seed in range(20)]
    assert all(re.fullmatch(r"V-\d+", name) for world in names for name in world.by_kind["clinic"])
    assert any("Flu" in world.by_kind["vaccine"] for world in names)
    assert all(len(set(world.by_kind["area"]) - {"North", "South"}) >= 5 for world in names)


def test_an_app_without_views_is_told_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="empty has no views to compose questions about"):
        list(composed_pairs(App("empty"), 1, 1))
    with pytest.raises(SystemExit):
        main(lambda: cli(["synthesize", str(tmp_path / "x.jsonl"), "--app", "tests.test_your_app:EMPTY"]))
    assert "empty has no views" in capsys.readouterr().err


EMPTY = App("empty")


def test_its_voices_are_twenty_examples_a_task() -> None:
    counts = {path.stem: len(read_pairs(path)) for path in VOICES.glob("*.jsonl")}
    assert counts == dict.fromkeys([*TASKS, "followups", "outside"], 20)


def test_its_questions_are_frozen_and_their_golds_pass(clinic_copilot: Copilot) -> None:
    assert sha256(QUESTIONS / "clinics.jsonl") in (QUESTIONS / "README.md").read_text()
    questions = read(QUESTIONS / "clinics.jsonl")
    assert len(questions) == 100
    assert check_gold(questions, Bench(clinic_copilot.world, clinic_copilot.database)) == []
