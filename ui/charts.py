"""Charts: bars for groups, a line over time, before and after for a what-if. Titles and units are the result's."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from copilot import Answer, Chart, Copilot
from ui.tables import frame

BAR, LINE = 26, 220
"""Pixels: the height of a bar with its gap, and of a line's plot."""
FORMATS = {"USD": "$,.0f", "share": ".1%"}
TICKS = {"USD": "'$~s'", "share": "'~%'"}
UNITS = {"USD": "US dollars"}
BEFORE_AFTER = ["before", "after"]


def show(copilot: Copilot, answer: Answer) -> None:
    """Draw the chart that suits an answer, if there is one."""
    chart = answer.chart
    if chart is None or not answer.rows:
        return
    unit, data = copilot.unit(chart.y[0]), _long(copilot, answer, chart)
    draw, height = (_line, LINE) if chart.kind == "line" else (_bars, BAR * len(data))
    _show(draw(data, copilot.label(chart.x), unit), chart.title, unit, height, answer.id)


def before_after(kinds: Sequence[tuple[str, float, float]], title: str, unit: str, key: str) -> None:
    """Grouped bars: of each kind, how much before and after."""
    rows = [(name, when, value) for name, *values in kinds for when, value in zip(BEFORE_AFTER, values, strict=True)]
    data = pd.DataFrame(rows, columns=["along", "measure", "value"])
    _show(_bars(data, "kind", unit, BEFORE_AFTER), title, unit, BAR * len(data), key)


def _long(copilot: Copilot, answer: Answer, chart: Chart) -> pd.DataFrame:
    """One row a bar or point: along, measure, value; only of the measures that have the first one's unit."""
    unit = copilot.unit(chart.y[0])
    ups = [name for name in chart.y if copilot.unit(name) == unit]
    table = frame(answer.columns, answer.rows)[[chart.x, *ups]].dropna()
    table = table.rename(columns={chart.x: "along", **{name: copilot.label(name) for name in ups}})
    return table.melt("along", var_name="measure", value_name="value")


def _bars(data: pd.DataFrame, along: str, unit: str, order: list[str] | None = None) -> alt.Chart:
    sort = list(dict.fromkeys(data["along"]))
    drawn: alt.Chart = (
        alt.Chart(data)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=alt.Y("along:N", sort=sort, title=None, axis=alt.Axis(labelLimit=140)),
            x=alt.X("value:Q", title=None, axis=_axis(unit)),
            tooltip=[alt.Tooltip("along:N", title=along), *_told(unit)],
        )
    )
    if data["measure"].nunique() > 1:
        drawn = drawn.encode(yOffset=alt.YOffset("measure:N", sort=order), color=_measures(order))
    return drawn


def _line(data: pd.DataFrame, along: str, unit: str) -> alt.Chart:
    drawn: alt.Chart = (
        alt.Chart(data)
        .mark_line(point=True)
        .encode(
            x=alt.X("along:T", title=None, axis=alt.Axis(format="%-d %b", labelOverlap=True)),
            y=alt.Y("value:Q", title=None, axis=_axis(unit)),
            tooltip=[alt.Tooltip("along:T", title=along, format="%-d %b %Y"), *_told(unit)],
        )
    )
    return drawn.encode(color=_measures()) if data["measure"].nunique() > 1 else drawn


def _measures(order: list[str] | None = None) -> alt.Color:
    return alt.Color("measure:N", sort=order, title=None, legend=alt.Legend(orient="top", offset=4))


def _told(unit: str) -> list[alt.Tooltip]:
    return [alt.Tooltip("measure:N"), alt.Tooltip("value:Q", format=FORMATS.get(unit, ",.4~g"))]


def _axis(unit: str) -> alt.Axis:
    """Each tick by itself, so that none reads $0M; whole numbers where things are counted."""
    least = 0 if unit in FORMATS else 1
    ticks = f"datum.value == 0 ? '0' : format(datum.value, {TICKS.get(unit, repr('~s'))})"
    return alt.Axis(labelExpr=ticks, tickCount=5, tickMinStep=least)


def _show(drawn: alt.Chart, title: str, unit: str, height: int, key: str) -> None:
    """Draw a chart as wide as its place, whose plot is so high: title, legend and labels come on top of it."""
    text = f"{title} ({UNITS.get(unit, unit)})" if unit not in ("", "share") and unit not in title.lower() else title
    heading = alt.TitleParams(text, anchor="start", frame="group", fontSize=14, fontWeight=600, offset=8)
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    st.altair_chart(drawn.properties(title=heading, height=height, autosize=fit), key=f"chart-{key}")
