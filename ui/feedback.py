"""How an answer was got, to be looked at, copied and corrected; and what a person says of it."""

from __future__ import annotations

import streamlit as st

from copilot import Answer, CopilotError, Verdict
from ui.session import Session, Turn

DOWN, UP = 0, 1


@st.fragment
def show(session: Session, turn: Turn) -> None:
    """The program and its SQL, one click away, and the thumbs."""
    answer = turn.answer
    if answer is None:
        return
    if answer.program:
        _program(session, turn, answer)
    thumb = st.feedback("thumbs", key=f"thumb-{turn.key}", on_change=_judged, args=(session, turn, answer))
    if thumb == DOWN:
        _meant(session, turn, answer)
    elif thumb == UP:
        st.caption("Thank you: kept as a good answer.")


def _program(session: Session, turn: Turn, answer: Answer) -> None:
    with st.expander("Program and SQL", icon=":material/code:"):
        st.code(answer.program, language="python", wrap_lines=True)
        for sql in answer.sql:
            st.code(sql, language="sql", wrap_lines=True)
        edited = st.text_area("Correct the program", answer.program, key=f"edit-{turn.key}", height="content")
        if st.button("Run it", key=f"run-{turn.key}", icon=":material/play_arrow:"):
            session.ask(answer.question or turn.question, edited)
            st.rerun()


def _judged(session: Session, turn: Turn, answer: Answer) -> None:
    thumb = st.session_state[f"thumb-{turn.key}"]
    if thumb is not None:
        _keep(session, answer, "accepted" if thumb == UP else "rejected", "", "")


def _meant(session: Session, turn: Turn, answer: Answer) -> None:
    said, program, sent = (f"{what}-{turn.key}" for what in ("said", "meant", "sent"))
    if st.session_state.get(sent):
        st.caption("Thank you: kept, with what you meant.")
        return
    with st.form(f"form-{turn.key}"):
        st.text_input("What did you mean?", placeholder="In your own words", key=said)
        st.text_area("Or the program that it should have been", answer.program, height="content", key=program)
        st.form_submit_button("Send", type="primary", on_click=_sent, args=(session, answer, said, program, sent))


def _sent(session: Session, answer: Answer, said: str, program: str, sent: str) -> None:
    state = st.session_state
    corrected = state[program].strip() if state[program].strip() != answer.program else ""
    verdict: Verdict = "corrected" if corrected else "rejected"
    state[sent] = _keep(session, answer, verdict, corrected, state[said].strip())


def _keep(session: Session, answer: Answer, verdict: Verdict, program: str, comment: str) -> bool:
    """Keep what a person says of an answer; whether that could be done."""
    try:
        session.copilot.feedback(answer.id, verdict, program or None, comment or None)
    except CopilotError as error:
        st.toast(str(error), icon=":material/error:")
        return False
    return True
