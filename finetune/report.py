"""An evaluation as one HTML file that needs nothing beside it: figures, plots, every miss beside its gold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import vl_convert
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

TEMPLATE = "report.html.j2"
WIDTH = 420


def write_report(figures: dict[str, Any], title: str, path: Path) -> None:
    """Write the report.

    Args:
        figures: as `evaluate.report` gives them.
        title: what was evaluated.
    """
    here = FileSystemLoader(Path(__file__).parent)
    template = Environment(loader=here, autoescape=True, trim_blocks=True, lstrip_blocks=True).get_template(TEMPLATE)
    plots = {
        "Right, by family": shares(figures["by_family"], figures["intervals"]["by_family"]),
        "Right, by task": shares(figures["by_task"], figures["intervals"]["by_task"]),
        "Right, against the confidence told (the line is what it should be)": worth(figures["confidence"]["curve"]),
        "What asking back below a confidence costs and gains": trade(figures["confidence"]["thresholds"]),
        "Milliseconds, by stage: half and 95% of the questions take less": times(figures["ms"]["stages"]),
        "Milliseconds, by family: half and 95% of the questions take less": times(figures["ms"]["by_family"]),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(template.render(title=title, plots=plots, **figures), encoding="utf-8")


def shares(groups: dict[str, dict[str, float]], intervals: dict[str, Any]) -> Markup:
    """Bars of the share right in each group, with its 95% interval."""
    rows = [
        {"group": f"{name} ({group['questions']})", "right": group["right"], "low": low, "high": high}
        for name, group in groups.items()
        for low, high in [intervals[name]]
    ]
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=alt.Y("group:N", title=None, sort=None))
    bars = base.mark_bar(color="#4c78a8").encode(x=alt.X("right:Q", scale=scale, axis=alt.Axis(format="%"), title=None))
    whiskers = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    return drawn(bars + whiskers)


def times(groups: dict[str, dict[str, float]]) -> Markup:
    """A line from p50 to p95 for each group."""
    rows = [{"group": name, **quantiles} for name, quantiles in groups.items()]
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=alt.Y("group:N", title=None, sort=None))
    lines = base.mark_rule(strokeWidth=2).encode(x=alt.X("p50:Q", title=None), x2="p95:Q")
    middles = base.mark_point(filled=True, size=60).encode(x="p50:Q")
    ends = base.mark_tick(thickness=2).encode(x="p95:Q")
    return drawn(lines + middles + ends)


def worth(bins: list[dict[str, float]]) -> Markup:
    """The share right of answers of like confidence, beside the line on which both are the same."""
    scale, axis = alt.Scale(domain=[0, 1]), alt.Axis(format="%")
    ends = [{"confidence": at, "right": at} for at in (0, 1)]
    x = alt.X("confidence:Q", scale=scale, axis=axis, title="confidence told")
    y = alt.Y("right:Q", scale=scale, axis=axis, title="right")
    line = alt.Chart(alt.InlineData(values=ends)).mark_line(color="#bbb").encode(x=x, y=y)
    points = alt.Chart(alt.InlineData(values=bins)).mark_point(filled=True)
    return drawn(line + points.encode(x=x, y=y, size=alt.Size("questions:Q", title="questions")))


def trade(prices: list[dict[str, float]]) -> Markup:
    """Each threshold's price (asked needlessly) and gain (silently wrong avoided), and what is right."""
    kinds = ("right", "silently_wrong", "asked_needlessly")
    rows = [
        {"ask below": p["ask_below"], "of": kind.replace("_", " "), "share": p[kind]} for p in prices for kind in kinds
    ]
    x = alt.X("ask below:Q", axis=alt.Axis(format="%"))
    y = alt.Y("share:Q", axis=alt.Axis(format="%"), title="of all questions")
    color = alt.Color("of:N", title=None)
    return drawn(alt.Chart(alt.InlineData(values=rows)).mark_line().encode(x=x, y=y, color=color))


def drawn(chart: Any) -> Markup:
    """A chart as inline SVG."""
    svg: str = vl_convert.vegalite_to_svg(chart.properties(width=WIDTH).to_dict())
    return Markup(svg)
