"""The views to browse and filter, with what each column means, and questions to ask about them."""

from __future__ import annotations

from datetime import date
from typing import Any

import streamlit as st

from copilot import Column, Copilot, View
from ui import tables
from ui.opening import opened
from ui.session import Session
from ui.words import dated, literal

Lookups = dict[str, Any]


def page() -> None:
    """Draw one view, as it is filtered."""
    copilot = opened()
    st.header("Data", anchor=False)
    views = copilot.app.views
    name = st.selectbox("View", views, format_func=_titled, key="view")
    view = views[name]
    st.markdown(f"One row is {literal(view.doc)}.")
    shown = copilot.browse(name, **_filters(copilot, view))
    st.markdown(f"**{literal(dated(shown.text))}**")
    if shown.rows:
        tables.show(copilot, shown.columns, shown.rows, name, {column.name: column for column in view.columns})
    _meanings(copilot, view)
    _examples(Session.here(copilot), name)


def _titled(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _filters(copilot: Copilot, view: View) -> Lookups:
    """What the rows shown must hold, by the columns that a person filters by."""
    columns = {column.name: column for column in view.columns}
    picked = st.multiselect(
        "Filter by", columns, format_func=copilot.label, key=f"by-{view.name}", placeholder="Column"
    )
    found: Lookups = {}
    with st.container(horizontal=True, gap="small"):
        for name in picked:
            found |= _filter(copilot, view, columns[name])
    return found


def _filter(copilot: Copilot, view: View, column: Column) -> Lookups:
    key, label = f"{view.name}-{column.name}", copilot.label(column.name)
    if column.type == "text":
        return _text(copilot, column, label, key)
    if column.type in ("date", "datetime"):
        return _dates(column, label, key)
    return _numbers(column, label, key)


def _text(copilot: Copilot, column: Column, label: str, key: str) -> Lookups:
    if options := copilot.values_of(column):
        among = st.multiselect(label, options, key=key, placeholder="Any", width=260)
        return {f"{column.name}__in": among} if among else {}
    part = st.text_input(label, key=key, placeholder="Part of it", width=260)
    return {f"{column.name}__contains": part} if part else {}


def _dates(column: Column, label: str, key: str) -> Lookups:
    since = st.date_input(f"{label} from", None, key=f"{key}-from", format="YYYY-MM-DD", width=160)
    until = st.date_input(f"{label} to", None, key=f"{key}-to", format="YYYY-MM-DD", width=160)
    bounds = {f"{column.name}__gte": since, f"{column.name}__lte": until}
    return {lookup: day.isoformat() for lookup, day in bounds.items() if isinstance(day, date)}


def _numbers(column: Column, label: str, key: str) -> Lookups:
    step = 1 if column.type == "int" else 0.01
    least = st.number_input(f"{label} from", value=None, step=step, key=f"{key}-from", width=160)
    most = st.number_input(f"{label} to", value=None, step=step, key=f"{key}-to", width=160)
    bounds = {f"{column.name}__gte": least, f"{column.name}__lte": most}
    return {lookup: bound for lookup, bound in bounds.items() if bound is not None}


def _meanings(copilot: Copilot, view: View) -> None:
    with st.expander("What each column means", icon=":material/menu_book:"):
        lines = [f"| {copilot.label(c.name)} | `{c.name}` | {literal(c.doc)} |" for c in view.columns]
        st.markdown("\n".join(["| Column | In a program | Meaning |", "|---|---|---|", *lines]))


def _examples(session: Session, view: str) -> None:
    st.caption("Ask about it")
    with st.container(horizontal=True, gap="small"):
        for number, question in enumerate(session.copilot.examples(view)):
            if st.button(literal(question), key=f"ask-{number}"):
                session.ask(question)
                st.switch_page(st.session_state["pages"]["Ask"])
