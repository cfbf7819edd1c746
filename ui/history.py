"""Every question that was asked, here or in the terminal, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from copilot import Copilot, Entry
from ui.opening import opened
from ui.session import Session
from ui.tables import height
from ui.words import OUTCOMES, dated, literal, milliseconds, moment

MOST = 500


def page() -> None:
    """Draw the log, searchable, and the entry that is picked."""
    copilot = opened()
    st.header("History", anchor=False)
    entries = _found(copilot)
    if not entries:
        st.info("No question matches." if _searching() else "No question was asked yet.", icon=":material/search:")
        return
    st.caption(f"{len(entries):,} {'entry' if len(entries) == 1 else 'entries'}, newest first")
    picked = st.dataframe(
        _frame(entries), hide_index=True, height=height(len(entries), 15), key="log", on_select="rerun",
        selection_mode="single-row", column_config=_columns(),
    ).selection.rows  # fmt: skip
    if picked and picked[0] < len(entries):
        _details(Session.here(copilot), entries[picked[0]])
    else:
        st.caption("Pick a row to see its program and to ask it again.")


def _found(copilot: Copilot) -> list[Entry]:
    text = st.text_input("Search", key="search", placeholder="A word of the question, the program or the answer")
    outcome = st.pills("Outcome", list(OUTCOMES), format_func=OUTCOMES.__getitem__, key="outcome")
    return copilot.history(MOST, text.strip(), outcome)


def _searching() -> bool:
    return bool(st.session_state.get("search") or st.session_state.get("outcome"))


def _frame(entries: list[Entry]) -> pd.DataFrame:
    rows = [
        (_local(e.at), e.question or e.program, OUTCOMES.get(e.outcome, e.outcome), round(e.total_ms), e.text)
        for e in entries
    ]
    return pd.DataFrame(rows, columns=["at", "question", "outcome", "ms", "answer"])


def _columns() -> dict[str, ColumnConfig]:
    config = st.column_config
    return {
        "at": config.DatetimeColumn("When", format="D MMM YYYY, HH:mm"),
        "question": config.TextColumn("Question or program", width="large"),
        "outcome": config.TextColumn("Outcome"),
        "ms": config.NumberColumn("Time (ms)", format="localized"),
        "answer": config.TextColumn("Answer", width="large"),
    }


def _details(session: Session, entry: Entry) -> None:
    with st.container(border=True):
        st.markdown(f"**{literal(entry.question or 'A program by hand')}**")
        st.markdown(literal(dated(entry.text)))
        st.caption(
            f"{moment(_local(entry.at))} · {milliseconds(entry.total_ms)} · {literal(entry.model or 'no model')}"
        )
        if entry.program:
            st.code(entry.program, language="python", wrap_lines=True)
        if st.button("Ask it again", type="primary", icon=":material/replay:"):
            session.ask(entry.question or "Run it again", "" if entry.question else entry.program)
            st.switch_page(st.session_state["pages"]["Ask"])


def _local(at: datetime) -> datetime:
    """SQLite forgets that it is UTC."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone()
