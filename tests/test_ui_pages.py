"""The plans, the data, the history, and the first thing a browser meets."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from copilot import Copilot, SetupError
from tests.ui import EVENT, app, ask, clean, drawn, go, press, said


def test_plans_are_listed_and_the_current_one_told(pages: Copilot) -> None:
    running = app("plans")
    assert "PLN-1" in said(running) and "is the current plan." in said(running)
    assert list(running.dataframe[0].value["plan_id"]) == [f"PLN-{n}" for n in range(1, 6)]
    assert running.metric[0].value.startswith("$")


def test_any_two_plans_are_compared(pages: Copilot) -> None:
    running = app("plans")
    running.selectbox(key="before").set_value("PLN-2").run()
    running.selectbox(key="after").set_value("PLN-3").run()
    press(running, "Compare")
    assert "Against PLN-2, PLN-3 costs" in said(running)
    running.selectbox(key="after").set_value("PLN-4").run()
    assert "Against PLN-2, PLN-3" not in said(running)


def test_adopting_asks_first(pages: Copilot) -> None:
    running = app("plans")
    running.selectbox(key="wanted").set_value("PLN-3").run()
    press(running, "Adopt…")
    (question,) = running._tree.children[EVENT].get("markdown")
    assert "PLN\\-3" in question.value and "becomes the plan that is followed" in question.value
    assert pages.adoptions() == []


CONFIRM = """
from ui import opening, plans
plans.confirm(opening.opened(), {plan!r}, {plan!r})
"""


def test_adopting_takes_a_name_and_is_recorded(pages: Copilot) -> None:
    """Inside the dialog, which AppTest closes at the next run."""
    running = clean(AppTest.from_string(CONFIRM.format(plan="PLN-3")).run())
    assert running.button[0].disabled
    running.text_input[0].set_value("Ana").run()
    press(running, "Yes, adopt it")
    assert "Ana adopted it on" in said(app("plans"))
    assert pages.browse("plans", status="current").rows[0][0] == "PLN-3"


def test_a_plan_that_cannot_be_adopted_says_why(pages: Copilot) -> None:
    pages.run('plan(add_order("DUB1", "GPU-H100", 2, "2026-12-01"))')
    running = clean(AppTest.from_string(CONFIRM.format(plan="PLN-6")).run())
    running.text_input[0].set_value("Ana").run()
    press(running, "Yes, adopt it")
    assert "PLN-6 cannot be adopted" in running.error[0].value


def test_a_view_is_browsed_filtered_and_explained(pages: Copilot) -> None:
    running = app("data")
    running.selectbox(key="view").set_value("orders").run()
    everything = len(running.dataframe[0].value)
    assert "Days late | `days_late` | days docked after the due date" in said(running)
    running.multiselect(key="by-orders").set_value(["status", "quantity", "due_date", "order_id"]).run()
    running.multiselect(key="orders-status").set_value(["planned"]).run()
    running.number_input(key="orders-quantity-from").set_value(2).run()
    table = clean(running).dataframe[0].value
    assert 0 < len(table) < everything
    assert set(table["status"]) == {"planned"} and table["quantity"].min() >= 2


def test_a_filter_that_leaves_nothing_says_so(pages: Copilot) -> None:
    running = app("data")
    running.multiselect(key="by-inventory").set_value(["on_hand"]).run()
    running.number_input(key="inventory-on_hand-from").set_value(10**6).run()
    assert "There are no inventory with on hand at least 1000000." in said(clean(running))


@pytest.mark.parametrize("view", ["orders", "plans", "docks", "deliveries", "approvals", "plan_lines", "suppliers"])
def test_every_view_can_be_browsed(pages: Copilot, view: str) -> None:
    running = app("data")
    running.selectbox(key="view").set_value(view).run()
    assert len(clean(running).dataframe[0].value) > 0


def test_an_example_question_goes_to_the_chat(pages: Copilot) -> None:
    running = app("data")
    question = pages.examples("inventory")[0]
    press(running, question)
    assert pages.history(1)[0].question == question
    assert question in said(running)


def test_the_history_holds_what_the_terminal_asked_and_is_searched(pages: Copilot) -> None:
    pages.ask("How many orders")
    running = ask(app(), "Stock by warehouse")
    go(running, "history")
    assert list(running.dataframe[0].value["question"]) == ["Stock by warehouse", "How many orders"]
    running.text_input(key="search").set_value("how many").run()
    assert list(running.dataframe[0].value["question"]) == ["How many orders"]
    running.text_input(key="search").set_value("nothing like it").run()
    assert "No question matches." in said(running)


def test_a_history_without_questions_says_so(pages: Copilot) -> None:
    assert "No question was asked yet." in said(app("history"))


def test_what_is_prepared_is_shown_while_it_lasts(pages: Copilot, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def slow(progress: object) -> Copilot:
        progress("building the demo world", 0.4)  # type: ignore[operator]
        go_on.wait(30)
        return pages

    monkeypatch.setattr(Copilot, "open", slow)
    running = AppTest.from_file(str(Path("ui/app.py").resolve()), default_timeout=1)
    with pytest.raises(RuntimeError, match="timed out"):
        running.run()
    go_on.set()
    assert clean(AppTest.from_file(str(Path("ui/app.py").resolve()), default_timeout=30).run()).chat_input


def test_what_is_missing_is_a_page_that_says_what_to_do(pages: Copilot, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(progress: object) -> Copilot:
        raise SetupError("there is no model at nowhere.gguf; set COPILOT_MODEL to a GGUF file or leave it unset")

    with monkeypatch.context() as patched:
        patched.setattr(Copilot, "open", missing)
        running = app()
        assert running.header[0].value == "Something is in the way"
        assert "set COPILOT_MODEL to a GGUF file" in running.error[0].value
    press(running, "Look again")
    assert running.chat_input and "scripted" in drawn(running)


def test_a_database_that_goes_away_is_a_page_too(pages: Copilot) -> None:
    running = app("data")
    Path(str(pages.database.url.database)).unlink()
    pages._world = None
    pages.database.engine.dispose()
    assert "the database cannot be used" in clean(running.run()).error[0].value
