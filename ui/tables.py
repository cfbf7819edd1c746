"""Tables: sortable, with units and dates as people read them, to be downloaded as CSV."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from copilot import Column, Copilot

ROWS_IN_SIGHT = 10
ROW = 35
"""Pixels."""
CENTS_MATTER = 1000
"""US dollars under which cents are shown."""
DATE = re.compile(r"\d{4}-\d\d-\d\d$")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")


def show(
    copilot: Copilot,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    key: str,
    about: Mapping[str, Column] | None = None,
) -> None:
    """Draw a table, and above it the button that downloads it.

    Args:
        key: tells this table from others on the page.
        about: what columns mean, by name.
    """
    table = frame(columns, rows)
    configured = {name: _column(copilot, name, table[name], (about or {}).get(name)) for name in table}
    st.download_button(
        "CSV", lambda: table.to_csv(index=False), f"{key}.csv", "text/csv", key=f"csv-{key}", type="tertiary",
        icon=":material/download:", on_click="ignore", help="Download the table",
    )  # fmt: skip
    st.dataframe(
        table, hide_index=True, height=height(len(table)), column_config=configured, key=f"table-{key}", placeholder="–"
    )


def frame(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """A result as a frame, its ISO dates as dates."""
    table = pd.DataFrame([list(row) for row in rows], columns=list(columns))
    for name in table:
        if _all(table[name], DATE):
            table[name] = pd.to_datetime(table[name]).dt.date
        elif _all(table[name], MOMENT):
            table[name] = pd.to_datetime(table[name])
    return table


def _all(cells: pd.Series, pattern: re.Pattern[str]) -> bool:
    texts = cells.dropna()
    return len(texts) > 0 and all(isinstance(cell, str) and pattern.match(cell) for cell in texts)


def _column(copilot: Copilot, name: str, cells: pd.Series, about: Column | None) -> ColumnConfig:
    label, unit, doc = copilot.label(name), copilot.unit(name), about.doc if about else None
    if pd.api.types.is_datetime64_any_dtype(cells):
        return st.column_config.DatetimeColumn(label, format="D MMM YYYY, HH:mm", help=doc)
    if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
        return st.column_config.NumberColumn(_with_unit(label, unit), format=_format(cells, unit), help=doc)
    if len(found := cells.dropna()) and found.map(lambda cell: isinstance(cell, date)).all():
        return st.column_config.DateColumn(label, format="D MMM YYYY", help=doc)
    return st.column_config.TextColumn(label, help=doc)


def _with_unit(label: str, unit: str) -> str:
    """``Total available (racks)``; a unit that the label says, or that the number itself shows, is not repeated."""
    said = unit in ("", "USD", "share") or unit.removesuffix("s") in label.lower()
    return label if said else f"{label} ({unit})"


def _format(cells: pd.Series, unit: str) -> str:
    if unit == "USD":
        return "$%,d" if cells.min() >= 0 and cells.max() >= CENTS_MATTER else "dollar"
    return "percent" if unit == "share" else "localized"


def height(rows: int, most: int = ROWS_IN_SIGHT) -> int:
    """Pixels for a header and so many rows, at most as many as given."""
    return ROW * (min(rows, most) + 1) + 3
