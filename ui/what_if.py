"""A what-if, or two plans side by side, as a picture: what it costs by kind, what docks on time, what changes."""

from __future__ import annotations

import streamlit as st

from copilot import Answer, Copilot, Table, paired
from ui import charts, tables
from ui.words import amount, change, dated, literal


def show(copilot: Copilot, answer: Answer) -> None:
    """Draw measures before and after: figures, costs by kind, then the other tables of the answer."""
    measures = [(str(name), before, after) for name, before, after, *_ in answer.rows]
    costs = [row for row in measures if copilot.unit(row[0]) == "USD"]
    _changed(copilot, [costs[0], *(row for row in measures if row not in costs)])
    left, right = st.columns([3, 2], gap="medium")
    with left:
        charts.before_after([_named(row) for row in costs[1:]], "Cost by kind", "USD", f"{answer.id}-cost")
    for number, (title, table) in enumerate(answer.details.items()):
        if table.columns[1:] == list(charts.BEFORE_AFTER):
            with right:
                rows = [(str(row[0]), row[1], row[2]) for row in table.rows]
                charts.before_after(rows, title.capitalize(), "orders", f"{answer.id}-{number}")
        elif table.rows:
            _changes(copilot, title, table, f"{answer.id}-{number}")


def _changes(copilot: Copilot, title: str, table: Table, key: str) -> None:
    told = paired(table)
    rows = [[dated(cell) if isinstance(cell, str) else cell for cell in row] for row in told.rows]
    with st.expander(literal(title.capitalize()), icon=":material/swap_horiz:"):
        tables.show(copilot, told.columns, rows, key)


def figures(copilot: Copilot, answer: Answer) -> None:
    """Draw measures and their values, such as those of a plan that was made."""
    with st.container(horizontal=True, gap="medium"):
        for name, value in answer.rows:
            st.metric(str(name).capitalize(), amount(value, _dollars(copilot, name)), width="content")


def _changed(copilot: Copilot, measures: list[tuple[str, float, float]]) -> None:
    """The total and the counts as figures, each with its change; less is better."""
    with st.container(horizontal=True, gap="medium"):
        for name, before, after in measures:
            unit = _dollars(copilot, name)
            moved = change(after - before, unit) if after != before else None
            st.metric(name.capitalize(), amount(after, unit), moved, delta_color="inverse", width="content")


def _dollars(copilot: Copilot, measure: str) -> str:
    """The unit that a figure shows: dollars; what else is counted, its name says."""
    return "USD" if copilot.unit(measure) == "USD" else ""


def _named(row: tuple[str, float, float]) -> tuple[str, float, float]:
    return row[0].removesuffix(" cost").capitalize(), row[1], row[2]
