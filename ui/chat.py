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
IN_SIGHT = """<script> // {when}
for (const wait of [0, 200, 600])
    setTimeout(() => document.querySelector(".st-key-{key}")?.scrollIntoView({{block: "start"}}), wait);
</script>"""
"""Streamlit scrolls to the end of what is new; of a long answer, the sentence is at its beginning."""


def page() -> None:
    """Draw the conversation, and answer what is wanted next."""
    session = Session.here(opened())
    if asked := st.chat_input("Ask about your orders, stock and plans", key="asked"):
        session.ask(asked)
    wanted = session.take()
    welcome = st.empty()
    if wanted:
        session.turns.append(wanted)
    if not session.turns:
        with welcome.container():
            _welcome(session)
    for turn, place in reversed(_places(session.turns)):
        with place:
            _draw(session, turn, asked_now=turn is wanted)


def _places(turns: list[Turn]) -> list[tuple[Turn, DeltaGenerator]]:
    """A place for each turn, to be filled from the newest back: an answer does not wait for those that stand there."""
    for _ in turns[:-SHOWN]:
        st.empty()  # each turn keeps its position on the page
    shown = turns[-SHOWN:]
    return [(turn, st.container(key=_key(turn, latest=turn is shown[-1]))) for turn in shown]


def _key(turn: Turn, latest: bool) -> str:
    return f"{'latest' if latest else 'turn'}-{turn.key}"


def _draw(session: Session, turn: Turn, asked_now: bool) -> None:
    latest = turn is session.turns[-1]
    with st.chat_message("user", avatar=":material/person:"):
        st.markdown(literal(turn.question))
        if turn.program:
            st.code(turn.program, language="python", wrap_lines=True)
    with st.chat_message("assistant", avatar=":material/inventory_2:"):
        place = st.empty()
        sight = st.empty()
        if asked_now:
            _in_sight(sight, turn, "asked")
            _answer(session, turn, place)
            _in_sight(sight, turn, "answered")
        with place.container():
            answers.show(session, turn, latest)


def _in_sight(place: DeltaGenerator, turn: Turn, when: str) -> None:
    place.html(IN_SIGHT.format(key=_key(turn, latest=True), when=when), unsafe_allow_javascript=True)


def _answer(session: Session, turn: Turn, place: DeltaGenerator) -> None:
    def events(stopped: Callable[[], bool]) -> Iterator[Stage | Answer]:
        if turn.program:
            return session.chat.stream_run(turn.program, turn.question, stopped)
        return session.chat.stream(turn.question, stopped)

    try:
        turn.answer = live.follow(events, _stages(turn, place))
    except CopilotError as error:
        turn.trouble = str(error)


def _stages(turn: Turn, place: DeltaGenerator) -> DeltaGenerator:
    """Where the stages are drawn, above a button that stops them: any click runs the script anew, and leaves this."""
    with place.container():
        stages = st.empty()
        st.button("Stop", key=f"stop-{turn.key}", icon=":material/stop_circle:", shortcut="Escape")
    return stages


def _welcome(session: Session) -> None:
    st.header("What would you like to know?", anchor=False)
    st.markdown(f"Ask in plain words about {literal(session.copilot.app.about)}. For example:")
    with st.container(horizontal=True, gap="small"):
        for number, question in enumerate(_varied(session.copilot.examples())):
            st.button(literal(question), key=f"example-{number}", on_click=session.ask, args=(question,))


def _varied(questions: list[str]) -> list[str]:
    """A few of all, spread over the list, which goes by kind."""
    return questions[:: max(1, len(questions) // OFFERED)][:OFFERED]
