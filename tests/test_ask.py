"""From a question to an answer, through the public face, with a model that writes what it is told to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from copilot import Answer, Copilot, CopilotError
from copilot.fulfilment.app import app
from copilot.pipeline import Stage
from copilot.settings import Settings
from copilot.testing import Scripted

STAGES = ["link", "write", "check", "run", "show"]


def told(copilot: Copilot, program: str, question: str = "the question") -> Answer:
    """The answer where the model writes this program."""
    copilot._writer = Scripted({question: program})
    return copilot.ask(question)


def test_a_question_is_answered_with_its_table_program_and_sql(copilot: Copilot) -> None:
    answer = told(copilot, 'orders.where(days_late__gt=0).by("region").count()', "late orders by region?")
    assert answer.outcome == "answered"
    assert answer.columns == ["region", "count"]
    assert answer.program == 'orders.where(days_late__gt=0).by("region").count()'
    assert "FROM orders" in answer.sql[0] and "days_late > 0" in answer.sql[0]
    assert answer.chart is not None and (answer.chart.x, answer.chart.y) == ("region", ["count"])
    assert answer.text.startswith("Number of orders by region with days late over 0:")


def test_every_number_of_a_sentence_is_in_the_result(copilot: Copilot) -> None:
    answer = told(copilot, "orders.count()")
    assert f"{answer.rows[0][0]:,}" in answer.text


def test_the_stages_are_told_and_timed(copilot: Copilot) -> None:
    copilot._writer = Scripted({"how many orders": "orders.count()"})
    events = list(copilot.stream("how many orders"))
    assert [e.name for e in events[:-1] if isinstance(e, Stage) and e.ms is None] == STAGES
    assert isinstance(events[-1], Answer)
    timings = events[-1].timings
    assert timings.total == pytest.approx(timings.link + timings.write + timings.check + timings.run + timings.show)
    assert timings.run > 0


def test_an_empty_result_says_what_was_looked_for(copilot: Copilot) -> None:
    answer = told(copilot, "orders.where(days_late__gt=5000)")
    assert (answer.outcome, answer.rows) == ("empty", [])
    assert answer.text == "There are no orders with days late over 5000."


@pytest.mark.parametrize(("program", "outcome"), [
    ("decline()", "declined"), ('unsupported("forecast")', "steered"), ('clarify("plan")', "clarify"),
])  # fmt: skip
def test_other_outcomes(copilot: Copilot, program: str, outcome: str) -> None:
    answer = told(copilot, program)
    assert answer.outcome == outcome
    assert not answer.rows
    assert answer.suggestions or answer.choices


def test_what_cannot_be_done_is_answered_with_the_nearest_that_can(copilot: Copilot) -> None:
    answer = told(copilot, 'unsupported("forecast")')
    assert answer.suggestions[0] == "What if GPU demand in Europe rises by 20%?"
    assert answer.suggestions[0] in answer.text


@pytest.mark.parametrize(("what", "choices"), [
    ("Dublin", ["DUB1", "DUB2"]),
    ("which plan", ["PLN-1", "PLN-2", "PLN-3", "PLN-4", "PLN-5"]),
    ("Toronto", ["Toronto", "YYZ1"]),
    ("GPU", ["GPU-H100", "GPU-B200"]),
])  # fmt: skip
def test_choices_of_what_is_unclear(copilot: Copilot, what: str, choices: list[str]) -> None:
    assert set(told(copilot, f'clarify("{what}")').choices) == set(choices)


def test_a_city_with_two_sites_is_asked_back_where_one_is_due(copilot: Copilot) -> None:
    answer = told(copilot, 'what_if(limit_dock("Dublin", 10))')
    assert (answer.outcome, answer.choices) == ("clarify", ["DUB1", "DUB2"])


def test_a_city_means_all_of_its_sites_where_several_may_stand(copilot: Copilot) -> None:
    answer = told(copilot, 'docks.where(datacenter="Dublin").count()')
    assert answer.program == 'docks.where(datacenter__in=["DUB1", "DUB2"]).count()'
    assert answer.rows == copilot.run('docks.where(city="Dublin").count()').rows


def test_a_city_in_a_list_stands_for_all_of_its_sites(copilot: Copilot) -> None:
    answer = copilot.run('docks.where(datacenter__in=["Dublin", "FRA1"]).by("datacenter").count()')
    assert [row[0] for row in answer.rows] == ["DUB1", "DUB2", "FRA1"]
    assert "fits several" in copilot.run('docks.where(datacenter__ne="Dublin").count()').text


def test_a_near_miss_is_asked_back_and_never_taken(copilot: Copilot) -> None:
    answer = told(copilot, 'inventory.where(warehouse="Rotterdan").sum("available")')
    assert (answer.outcome, answer.choices) == ("clarify", ["Rotterdam"])


def test_a_program_of_the_model_that_fails_the_check_is_asked_back(copilot: Copilot) -> None:
    answer = told(copilot, 'orders.by("vendor").count()', "orders by vendor")
    assert answer.outcome == "clarify"
    assert answer.choices and not answer.rows


@pytest.mark.parametrize(("question", "says"), [
    ("", "the question is empty"), ("   \n", "the question is empty"), ("why " * 1000, "4,000 characters"),
])  # fmt: skip
def test_a_question_that_cannot_be_taken_fails_in_one_line(copilot: Copilot, question: str, says: str) -> None:
    answer = copilot.ask(question)
    assert answer.outcome == "failed"
    assert says in answer.text and "\n" not in answer.text


@pytest.mark.parametrize(("program", "says"), [
    ("import os", "imports nothing"),
    ("orders.by('vendor').count()", "vendor"),
    ("orders.where(color='red').count()", "color"),
    ("while True: pass", "it ran longer than 2 s"),
    ("x = 'a' * (1 << 30)\nx", "it needs more than 64 MB"),
    ("def f(n):\n    return f(n + 1)\nf(0)", "too deeply"),
    ("[orders.count() for n in range(10000)]", "more than 500 times"),
    ("orders.count(", "not a program"),
    ("", "no program"),
    ("(" * 300 + ")" * 300, "program"),
    ("x = 1", "gives no result"),
    ("open('/etc/passwd').read()", "open"),
    ("eval('1')", "eval"),
    ("().__class__.__bases__", "__"),
])  # fmt: skip
def test_a_wrong_program_by_hand_fails_in_one_line(copilot: Copilot, program: str, says: str) -> None:
    answer = copilot.run(program)
    assert answer.outcome == "failed"
    assert says in answer.text and "\n" not in answer.text
    assert copilot.run("orders.count()").outcome == "answered"


def test_a_follow_up_is_read_with_the_turns_before(copilot: Copilot) -> None:
    seen = []

    class Listening(Scripted):
        def write(self, request):  # type: ignore[no-untyped-def]
            seen.append([turn.program for turn in request.context])
            return super().write(request)

    copilot._writer = Listening({"orders?": "orders.count()", "and plans?": "plans.count()"})
    chat = copilot.chat()
    chat.ask("orders?"), chat.ask("and plans?"), chat.ask("bye")
    assert seen == [[], ["orders.count()"], ["orders.count()", "plans.count()"]]


def test_a_choice_completes_the_question_that_was_asked_back(copilot: Copilot) -> None:
    first = "limit the Dublin dock to 10"
    copilot._writer = Scripted(
        {first: 'clarify("Dublin")', "limit the DUB2 dock to 10": 'what_if(limit_dock("DUB2", 10))'}
    )
    chat = copilot.chat()
    assert chat.ask(first).choices == ["DUB1", "DUB2"]
    assert chat.ask("DUB2").program == 'what_if(limit_dock("DUB2", 10))'


def test_every_question_is_logged_and_can_be_judged(copilot: Copilot) -> None:
    answer = told(copilot, "orders.count()", "how many orders")
    copilot.feedback(answer.id, "accepted")
    entry = copilot.history(1)[0]
    assert (entry.id, entry.question, entry.program, entry.outcome) == (
        answer.id, "how many orders", "orders.count()", "answered",
    )  # fmt: skip
    with pytest.raises(CopilotError, match="no answer 'nobody'"):
        copilot.feedback("nobody", "rejected")


def test_the_wire_format_is_json(copilot: Copilot) -> None:
    answer = told(copilot, 'plan_lines.where(plan_id="current").top(1)')
    again = Answer.model_validate(json.loads(answer.model_dump_json()))
    assert again.rows == answer.rows and again.timings == answer.timings


def test_it_is_a_tool_and_a_runnable(copilot: Copilot) -> None:
    copilot._writer = Scripted({"how many orders": "orders.count()"})
    answer = copilot.as_runnable().invoke("how many orders")
    assert answer.outcome == "answered"
    assert copilot.as_tool().invoke("how many orders") == answer.text


def test_a_draft_is_saved_once_and_never_by_a_what_if(small_world: Path, tmp_path: Path, home: Path) -> None:
    path = Path(shutil.copy(small_world, tmp_path / "own.db"))
    copilot = Copilot(app, database_url=f"sqlite:///{path}", model=Scripted({}), settings=Settings(home=home))
    before = path.read_bytes()
    assert copilot.run('what_if(close_warehouse("Memphis"))').outcome == "answered"
    assert path.read_bytes() == before
    answer = copilot.run('plan(close_warehouse("Memphis"), name="No Memphis")')
    assert "Saved as PLN-6" in answer.text
    assert copilot.run('plans.where(name="No Memphis").select("plan_id", "status")').rows == [["PLN-6", "draft"]]
    copilot.adopt("PLN-6", by="Ada")
    assert copilot.run('plans.where(status="current").select("plan_id")').rows == [["PLN-6"]]
