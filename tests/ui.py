"""Driving the pages without a browser: the app's own script, on a copilot whose model is scripted."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from copilot import Copilot
from copilot.testing import Scripted
from ui import serve

EVENT = 2
"""Where AppTest keeps dialogs."""

SCRIPT = {
    "Stock by warehouse": 'inventory.by("warehouse").sum("available")',
    "Late orders by week": 'orders.where(days_late__gt=0).by("due_date__week").count()',
    "How many orders": "orders.count()",
    "What if Memphis closes?": 'what_if(close_warehouse("Memphis"))',
    "Limit Dublin": 'what_if(limit_dock("Dublin", 20))',
    "Limit DUB2": 'what_if(limit_dock("DUB2", 20))',
    "Mail them": 'unsupported("e-mail")',
    "Very late orders": "orders.where(days_late__gt=5000)",
    "Wrong": 'orders.by("colour")',
    "Orders with their dates": 'orders.select("order_id", "due_date", "total_cost").top(5)',
    "Why not": 'why_not("ORD-1001", warehouse="Santos")',
}


def scripted(copilot: Copilot, monkeypatch: pytest.MonkeyPatch) -> Copilot:
    """Have the pages open this copilot, with the script as its model."""
    copilot._writer = Scripted(SCRIPT)
    monkeypatch.setattr(Copilot, "open", lambda progress: copilot)
    st.cache_resource.clear()
    st.cache_data.clear()
    return copilot


def app(page: str = "") -> AppTest:
    """The app as a browser that has just come sees it, on one of its pages."""
    running = AppTest.from_file(str(serve.SCRIPT), default_timeout=30)
    clean(running.run())
    return go(running, page) if page else running


def go(running: AppTest, page: str) -> AppTest:
    """Click a page in the navigation. (AppTest's own way knows only pages that are files.)"""
    pages = {info["url_pathname"]: key for key, info in running._registered_pages.items()}
    running._page_hash = pages[page]
    return clean(running.run())


def clean(running: AppTest) -> AppTest:
    """The same, once it is sure that no traceback is shown."""
    assert not running.exception, running.exception[0].message
    return running


def ask(running: AppTest, question: str) -> AppTest:
    """Type a question and press enter."""
    return clean(running.chat_input[0].set_value(question).run())


def press(running: AppTest, label: str) -> AppTest:
    """Press the last button of that label."""
    found = [button for button in running.button if button.label == label]
    assert found, f"no button {label!r} among {[button.label for button in running.button]}"
    return clean(found[-1].click().run())


def said(running: AppTest) -> str:
    """All text that is shown, escapes aside."""
    kinds = (running.header, running.markdown, running.caption, running.warning, running.error, running.info)
    shown = [element for kind in kinds for element in kind]
    return "\n".join(str(element.value) for element in shown).replace("\\", "")


def drawn(running: AppTest) -> str:
    """All HTML of our own that is shown."""
    return "\n".join(str(element.proto.body) for element in running.get("html"))
