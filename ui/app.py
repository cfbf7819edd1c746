"""The script that Streamlit runs: the frame around the pages."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from copilot import CopilotError
from ui import chat, data, history, opening, plans, timing
from ui.session import Session

STYLE = Path(__file__).with_name("style.css")


def main() -> None:
    """Open the copilot, then draw the page that was picked, and beside it what is in use."""
    st.set_page_config("Fulfilment copilot", ":material/inventory_2:", layout="wide")
    st.html(STYLE)
    found = _pages()
    page = st.navigation(list(found.values()))
    try:
        session = Session.here(opening.opened())
        _beside(session, page)
    except CopilotError as error:
        opening.in_the_way(str(error))


def _beside(session: Session, page: Page) -> None:
    """Draw a page, and beside it what is in use: before, to stand there meanwhile; and after, with what it added."""
    with st.sidebar:
        st.button("New conversation", icon=":material/add_comment:", on_click=session.clear, width="stretch")
        beside = st.empty()
    timing.beside(session, beside)
    page.run()
    timing.beside(session, beside)


def _pages() -> dict[str, Page]:
    pages = [
        st.Page(chat.page, title="Ask", icon=":material/forum:", url_path="ask", default=True),
        st.Page(plans.page, title="Plans", icon=":material/route:", url_path="plans"),
        st.Page(data.page, title="Data", icon=":material/table:", url_path="data"),
        st.Page(history.page, title="History", icon=":material/history:", url_path="history"),
    ]
    named = {page.title: page for page in pages}
    st.session_state["pages"] = named
    return named


main()
