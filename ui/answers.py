"""How an answer is drawn: the sentence, the picture, the table, what to click, how it was got, what it took."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from copilot import Answer, Copilot
from ui import charts, feedback, tables, timing, what_if
from ui.session import Session, Turn
from ui.words import OUTCOMES, dated, literal

COLOURS: dict[str, Literal["orange", "gray", "red"]] = {
    "clarify": "orange",
    "steered": "orange",
    "declined": "gray",
    "empty": "gray",
    "failed": "red",
}


def show(session: Session, turn: Turn, latest: bool) -> None:
    """Draw what became of a turn; what it offers to click, only while it is the latest."""
    if turn.answer is None:
        _unanswered(turn)
        return
    answer = turn.answer
    if answer.outcome in COLOURS:
        st.badge(OUTCOMES[answer.outcome], color=COLOURS[answer.outcome])
    st.markdown(f"**{literal(dated(answer.text))}**")
    result(session.copilot, answer)
    if latest:
        _actions(session, answer)
    timing.bar(answer, turn.at)
    feedback.show(session, turn)
    if latest and answer.suggestions and not answer.choices:
        asked = {turn.question for turn in session.turns}
        _buttons(session, [q for q in answer.suggestions if q not in asked], f"next-{answer.id}", "tertiary")


def _unanswered(turn: Turn) -> None:
    if turn.trouble:
        st.error(literal(turn.trouble), icon=":material/build:")
    else:
        st.caption(":material/stop_circle: Stopped. Nothing was changed.")


def result(copilot: Copilot, answer: Answer) -> None:
    """The picture and the tables of an answer."""
    if answer.chart and answer.chart.kind == "before_after":
        what_if.show(copilot, answer)
        return
    if answer.columns == ["measure", "value"]:
        what_if.figures(copilot, answer)
        return
    charts.show(copilot, answer)
    if len(answer.rows) > 1 or (len(answer.columns) > 1 and answer.rows):
        tables.show(copilot, answer.columns, answer.rows, answer.id)
    for number, (title, table) in enumerate(answer.details.items()):
        st.markdown(f"**{literal(title.capitalize())}**")
        tables.show(copilot, table.columns, table.rows, f"{answer.id}-{number}")


def _actions(session: Session, answer: Answer) -> None:
    """What can be done with it: choices to click when asked back, drafts to save, a draft to look at."""
    if answer.choices:
        _buttons(session, answer.choices, f"choice-{answer.id}", "secondary")
    for number, program in enumerate(answer.drafts):
        st.button(
            "Save as a draft" if len(answer.drafts) == 1 else f"Save as a draft: {literal(program)}",
            key=f"draft-{answer.id}-{number}", icon=":material/save:",
            on_click=session.ask, args=("Save it as a draft", program),
        )  # fmt: skip
    if answer.saved:
        st.page_link(st.session_state["pages"]["Plans"], label="Compare or adopt it", icon=":material/arrow_forward:")


def _buttons(session: Session, questions: list[str], key: str, kind: Literal["secondary", "tertiary"]) -> None:
    with st.container(horizontal=True, gap="small", key=key):
        for number, question in enumerate(questions):
            st.button(literal(question), key=f"{key}-{number}", type=kind, on_click=session.ask, args=(question,))
