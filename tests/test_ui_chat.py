"""The chat page: every kind of answer, what can be clicked, stopping, correcting, and what a person says of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from copilot import Copilot, GivenUp, SetupError
from tests.ui import app, ask, drawn, go, press, said


def test_a_new_session_is_greeted_with_questions_to_click(pages: Copilot) -> None:
    running = app()
    assert running.header[0].value == "What would you like to know?"
    press(running, "Which orders are late, worst first?")
    assert "Which orders are late, worst first?" in said(running)
    assert not running.header


def test_groups_are_a_sentence_a_table_and_bars(pages: Copilot) -> None:
    running = ask(app(), "Stock by warehouse")
    assert "**Total available by warehouse:" in said(running)
    assert list(running.dataframe[0].value.columns) == ["warehouse", "sum_available"]
    (chart,) = running.get("vega_lite_chart")
    assert "Total available by warehouse (racks)" in chart.proto.spec


def test_weeks_are_a_line(pages: Copilot) -> None:
    (chart,) = ask(app(), "Late orders by week").get("vega_lite_chart")
    assert '"line"' in chart.proto.spec and '"temporal"' in chart.proto.spec


def test_a_number_needs_neither_table_nor_chart(pages: Copilot) -> None:
    running = ask(app(), "How many orders")
    assert "Number of orders:" in said(running)
    assert not running.dataframe and not running.get("vega_lite_chart")


def test_dates_and_money_are_dates_and_money(pages: Copilot) -> None:
    running = ask(app(), "Orders with their dates")
    table = running.dataframe[0]
    assert table.value["due_date"].map(lambda day: f"{day:%Y}").isin(["2026", "2027"]).all()
    assert '"Order"' in table.proto.columns and "$%,d" in table.proto.columns


def test_every_answer_says_what_each_stage_took_and_how_fresh_it_is(pages: Copilot) -> None:
    shown = drawn(ask(app(), "How many orders"))
    for stage in ("names", "program", "check", "run", "answer"):
        assert f"</span>{stage} " in shown
    assert "data of Mon 2 Nov 2026" in shown


def test_the_side_tells_what_is_in_use_and_how_fast_it_was(pages: Copilot) -> None:
    running = app()
    assert "none yet" in drawn(running) and "scripted" in drawn(running) and "own.db" in drawn(running)
    assert "none yet</dd><dt>tokens" not in drawn(ask(running, "How many orders"))


def test_a_what_if_is_a_picture_that_can_be_saved_as_a_draft(pages: Copilot) -> None:
    running = ask(app(), "What if Memphis closes?")
    assert [metric.label for metric in running.metric] == ["Total cost", "Orders late", "Racks unmet"]
    costs, on_time = (chart.proto.spec for chart in running.get("vega_lite_chart"))
    assert "Cost by kind (US dollars)" in costs and "Orders docking on time" in on_time
    assert "Orders that change most" in [expander.label for expander in running.expander]
    press(running, "Save as a draft")
    assert "Saved as PLN-6" in said(running)
    assert pages.browse("plans", plan_id="PLN-6").rows[0][1] == "Memphis closed"


def test_choices_are_clicked_when_asked_back(pages: Copilot) -> None:
    running = ask(app(), "Limit Dublin")
    assert "asked back" in said(running)
    press(running, "DUB2")
    assert "With the dock of DUB2 at 20 racks a week" in said(running)
    assert "DUB1" not in [button.label for button in running.button]


@pytest.mark.parametrize(("question", "outcome", "text"), [
    ("Tell me a joke", "outside", "That is outside of what I can do."),
    ("Mail them", "cannot be done", "I cannot do that (e-mail)"),
    ("Very late orders", "nothing found", "There are no orders with days late over 5000."),
    ("Wrong", "asked back", "I am not sure that I understand."),
])  # fmt: skip
def test_what_is_not_answered_says_so(pages: Copilot, question: str, outcome: str, text: str) -> None:
    running = ask(app(), question)
    assert outcome in said(running) and text in said(running)


def test_suggestions_go_on_from_the_latest_answer_only(pages: Copilot) -> None:
    running = ask(app(), "How many orders")
    assert [b for b in running.button if (b.key or "").startswith("next-")]
    ask(running, "Stock by warehouse")
    assert len({(b.key or "").split("-")[1] for b in running.button if (b.key or "").startswith("next-")}) == 1


def test_a_program_is_corrected_and_run_under_the_same_checks(pages: Copilot) -> None:
    running = ask(app(), "How many orders")
    running.text_area[0].set_value('orders.where(status="planned").count()')
    press(running, "Run it")
    assert "Number of orders with status planned:" in said(running)
    running.text_area[-1].set_value('orders.by("colour")')
    press(running, "Run it")
    assert "failed" in said(running) and "colour" in said(running)


def test_a_thumb_is_kept_at_once_and_what_was_meant_with_it(pages: Copilot) -> None:
    running = ask(app(), "How many orders")
    running.feedback[0].set_value(0).run()
    running.text_input[0].set_value("only the late ones")
    running.text_area[-1].set_value("orders.where(days_late__gt=0).count()")
    press(running, "Send")
    assert "kept, with what you meant" in said(running)
    assert judged(pages) == [
        ("rejected", None, None),
        ("corrected", "orders.where(days_late__gt=0).count()", "only the late ones"),
    ]


def test_a_thumb_up_is_kept(pages: Copilot) -> None:
    running = ask(app(), "How many orders")
    running.feedback[0].set_value(1).run()
    assert [verdict for verdict, *_ in judged(pages)] == ["accepted"]


def judged(copilot: Copilot) -> list[tuple[Any, ...]]:
    """What the log holds of what people said."""
    with copilot._history._engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("select verdict, program, comment from feedback")]


def test_what_cannot_be_used_is_one_line_and_the_chat_goes_on(pages: Copilot, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Iterator[Any]:
        raise SetupError("the database cannot be used: disk I/O error")
        yield

    running = app()
    with monkeypatch.context() as patched:
        patched.setattr("copilot.copilot.Chat.stream", broken)
        ask(running, "How many orders")
    assert "the database cannot be used: disk I/O error" in running.error[0].value.replace("\\", "")
    assert "Number of orders:" in said(ask(running, "How many orders"))


def test_a_page_left_in_the_middle_of_an_answer_stops_the_work(pages: Copilot) -> None:
    """What Streamlit does when a person clicks: an exception out of the next call on the page."""
    from ui import live

    told: list[bool] = []

    def events(stopped: Any) -> Iterator[Any]:
        while not stopped():
            yield live.Stage("run")
        told.append(True)
        raise GivenUp("stopped")

    class Page:
        def html(self, _: str) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        live.follow(events, Page())  # type: ignore[arg-type]
    for _ in range(100):
        if told:
            break
        live.time.sleep(0.02)
    assert told


def test_two_sessions_share_the_copilot_and_not_the_chat(pages: Copilot) -> None:
    mine, theirs = app(), app()
    ask(mine, "How many orders")
    ask(theirs, "Stock by warehouse")
    assert "Stock by warehouse" not in said(mine.run()) and "How many orders" not in said(theirs)
    assert len(pages.history()) == 2


def test_a_new_conversation_begins_empty(pages: Copilot) -> None:
    running = press(ask(app(), "How many orders"), "New conversation")
    assert running.header[0].value == "What would you like to know?"
    assert "How many orders" not in said(go(running, ""))


def test_markup_in_a_question_is_shown_as_it_was_typed(pages: Copilot) -> None:
    running = ask(app(), "What *costs* $5 or <b>$6</b>?")
    assert "What *costs* $5 or <b>$6</b>?" in said(running)
