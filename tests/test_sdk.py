"""What a face of the copilot stands on: stopping, browsing, drafts, the log, who adopted what, how fast it was."""

from __future__ import annotations

import pytest

from copilot import Copilot, GivenUp
from copilot.answer import Timings
from copilot.errors import ProgramError
from copilot.pace import Pace
from tests import clinics


def test_a_question_that_is_stopped_has_no_answer_and_no_trace(copilot: Copilot) -> None:
    asked = iter([False, True])
    with pytest.raises(GivenUp):
        list(copilot.stream("how many orders", stopped=lambda: next(asked)))
    assert copilot.history() == []


def test_a_task_is_not_begun_once_nobody_waits(own: Copilot) -> None:
    stages: list[str] = []
    with pytest.raises(GivenUp):
        for event in own.stream_run("plan()", stopped=lambda: "run" in stages):
            stages.append(getattr(event, "name", ""))
    assert len(own.browse("plans").rows) == 5


def test_browsing_is_not_logged_and_takes_what_where_takes(copilot: Copilot) -> None:
    shown = copilot.browse("orders", status="planned", region__in=["Europe"])
    assert {row[shown.columns.index("status")] for row in shown.rows} == {"planned"}
    assert shown.text == f"{len(shown.rows)} orders with status planned and region one of Europe."
    assert copilot.history() == []
    with pytest.raises(ProgramError, match="no column 'colour'"):
        copilot.browse("orders", colour="red")


def test_a_column_tells_what_it_can_hold(copilot: Copilot) -> None:
    orders = copilot.app.views["orders"]
    assert "planned" in copilot.values_of(orders.column("status"))
    assert "Memphis" in copilot.values_of(orders.column("warehouse"))
    assert copilot.values_of(orders.column("quantity")) == ()


@pytest.mark.parametrize(("column", "unit"), [
    ("sum_available", "racks"), ("avg_days_late", "days"), ("total_cost", "USD"), ("share", "share"), ("count", ""),
])  # fmt: skip
def test_the_unit_of_a_column_is_that_of_what_it_sums(copilot: Copilot, column: str, unit: str) -> None:
    assert copilot.unit(column) == unit


def test_a_what_if_says_which_programs_save_it(copilot: Copilot) -> None:
    tried = copilot.run('compare(what_if(close_warehouse("Memphis")), what_if(cancel_order("ORD-1001")))')
    assert tried.drafts == ['plan(close_warehouse("Memphis"))', 'plan(cancel_order("ORD-1001"))']
    assert copilot.run('[what_if(close_warehouse(w)) for w in ("Memphis", "Reno")]').drafts == []
    assert copilot.run("orders.count()").drafts == []


def test_a_saved_plan_is_known_at_once_and_its_adoption_is_recorded(own: Copilot) -> None:
    assert own.adoptions() == []
    assert "PLN-6" in own.run('plan(close_warehouse("Memphis"))').text
    own.adopt("PLN-6", by="Ana")
    assert [(a.plan_id, a.by) for a in own.adoptions()] == [("PLN-6", "Ana")]
    compared = own.run('compare("current", "PLN-6")')
    assert {row[-1] for row in compared.rows} == {0}


def test_an_app_without_plans_has_no_adoptions(clinic_copilot: Copilot) -> None:
    assert clinic_copilot.adoptions() == []
    assert clinic_copilot.unit(next(iter(clinics.app.views.values())).columns[0].name) == ""
    assert clinic_copilot.unit("sum_left") == "doses"


def test_the_log_is_searched_by_text_and_outcome(copilot: Copilot) -> None:
    copilot.ask("Tell me a joke, 100% funny")
    copilot.run("orders.count()")
    assert [e.question for e in copilot.history(matching="JOKE")] == ["Tell me a joke, 100% funny"]
    assert [e.program for e in copilot.history(outcome="answered")] == ["orders.count()"]
    assert len(copilot.history(matching="100%")) == 1
    assert copilot.history(matching="100_") == []


def test_pace_is_of_all_answers_and_zero_of_none() -> None:
    pace = Pace.of([Timings(total=ms, write=100, tokens_out=10) for ms in (100, 200, 300)])
    assert (pace.questions, pace.p50, pace.p95, pace.tokens_per_second) == (3, 200, 290, 100)
    assert Pace.of([]) == Pace()


def test_a_conversation_goes_on_from_a_program_corrected_by_hand(copilot: Copilot) -> None:
    chat = copilot.chat()
    chat.ask("how many late orders")
    *_, answer = chat.stream_run("orders.where(days_late__gt=0).count()", "how many late orders")
    assert [turn.program for turn in chat._turns] == ["orders.where(days_late__gt=0).count()"]
    assert chat.pace().questions == 2
    assert answer.outcome == "answered"


def test_a_choice_settles_what_was_unclear_in_a_program_by_hand(copilot: Copilot) -> None:
    chat = copilot.chat()
    *_, asked = chat.stream_run('what_if(limit_dock("Dublin", 20))')
    assert asked.choices == ["DUB1", "DUB2"]
    settled = chat.ask("DUB2")
    assert (settled.outcome, settled.program) == ("answered", 'what_if(limit_dock("DUB2", 20))')


def test_what_is_in_use_is_told(copilot: Copilot) -> None:
    info = copilot.info()
    assert (info.model, info.adapter, info.gpu_layers) == ("scripted", "", None)
    assert info.today == "2026-11-02" and "python" in info.versions
