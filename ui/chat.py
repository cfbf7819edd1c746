"""The chat: a question, its stages as they happen, and what it came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from copilot import Answer, CopilotError, Stage
from ui import answers, live
from ui.opening import opened
from ui.session import Session, Turn
from ui.words import literal

SHOWN = 20
"""Turns that are drawn; the history has all of them."""
OFFERED = 8
IN_SIGHT = """<script>
for (const wait of [0, 200, 600])
    setTimeout(() => document.querySelector(".st-key-{key}")?.scrollIntoView({{block: "start"}}), wait);
</script>"""
"""Streamlit scrolls to the end of what is new; of a long answer, the sentence is at its beginning."""


def page() -> None:
    """Draw the conversation, and answer what is wanted next."""
    session = Session.here(opened())
    if asked := st.chat_input("Ask about your orders, stock and plans", key="asked", submit_mode="stop"):
        session.ask(asked)
    wanted = session.take()
    welcome = st.empty()
    if wanted is None and not session.turns:
        with welcome.container():
            _welcome(session)
    shown = session.turns[-SHOWN:]
    for turn in shown:
        _draw(session, turn, latest=wanted is None and turn is shown[-1])
    if wanted:
        session.turns.append(wanted)
        _draw(session, wanted, latest=True, answer=lambda place: _answer(session, wanted, place))


def _draw(session: Session, turn: Turn, latest: bool, answer: Callable[..., None] | None = None) -> None:
    key = f"{'latest' if latest else 'turn'}-{turn.key}"
    with st.container(key=key):
        with st.chat_message("user", avatar=":material/person:"):
            st.markdown(literal(turn.question))
            if turn.program:
                st.code(turn.program, language="python", wrap_lines=True)
        with st.chat_message("assistant", avatar=":material/inventory_2:"):
            place = st.empty()
            if answer:
                answer(place)
                st.html(IN_SIGHT.format(key=key), unsafe_allow_javascript=True)
            with place.container():
                answers.show(session, turn, latest)


def _answer(session: Session, turn: Turn, place: DeltaGenerator) -> None:
    def events(stopped: Callable[[], bool]) -> Iterator[Stage | Answer]:
        if turn.program:
            return session.chat.stream_run(turn.program, turn.question, stopped)
        return session.chat.stream(turn.question, stopped)

    turn.trouble = "Stopped. Nothing was changed."
    try:
        turn.answer = live.follow(events, place)
    except CopilotError as error:
        turn.trouble = str(error)


def _welcome(session: Session) -> None:
    st.header("What would you like to know?", anchor=False)
    st.markdown(f"Ask in plain words about {literal(session.copilot.app.about)}. For example:")
    with st.container(horizontal=True, gap="small"):
        for number, question in enumerate(_varied(session.copilot.examples())):
            st.button(literal(question), key=f"example-{number}", on_click=session.ask, args=(question,))


def _varied(questions: list[str]) -> list[str]:
    """A few of all, spread over the list, which goes by kind."""
    return questions[:: max(1, len(questions) // OFFERED)][:OFFERED]
