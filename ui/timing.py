"""What an answer took, stage by stage, and how fast a session was."""

from __future__ import annotations

import html
from datetime import date, datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from copilot import Answer, Copilot
from ui.session import Session
from ui.words import STAGES, day, milliseconds

LAYERS = {None: "elsewhere", -1: "all", 0: "none"}


def bar(answer: Answer, at: datetime) -> None:
    """A small bar of the stages in milliseconds, and how fresh the data is."""
    took = {name: getattr(answer.timings, name) for name in STAGES if getattr(answer.timings, name)}
    parts = "".join(f'<i class="{name}" style="flex:{ms:.3f}"></i>' for name, ms in took.items())
    words = "".join(
        f'<span><span class="dot {name}"></span>{STAGES[name]} {milliseconds(ms)}</span>' for name, ms in took.items()
    )
    total = f"<b>{milliseconds(answer.timings.total)}</b>"
    fresh = f"<span>data of {day(answer.as_of)}, read at {at:%H:%M}</span>"
    st.html(
        f'<div class="bar" role="img" aria-label="what each stage took">{parts}</div>'
        f'<div class="pace" data-total="{answer.timings.total:.1f}">{total}{words}{fresh}</div>'
    )


def beside(session: Session, place: DeltaGenerator) -> None:
    """What is in use, and how fast this session was answered."""
    with place.container():
        _drawn(session)


def _drawn(session: Session) -> None:
    pace, info = session.chat.pace(), facts(session.copilot)
    st.caption("This session")
    _listed(
        {
            "questions": f"{pace.questions}",
            "p50 / p95": f"{milliseconds(pace.p50)} / {milliseconds(pace.p95)}" if pace.questions else "none yet",
            "tokens per second": f"{pace.tokens_per_second:.0f}" if pace.tokens_per_second else "none yet",
        }
    )
    st.caption("In use")
    _listed(info)


@st.cache_data(ttl=30, show_spinner=False)
def facts(_copilot: Copilot) -> dict[str, str]:
    """Model, adapter, GPU layers, database and today, in words."""
    info = _copilot.info()
    return {
        "model": info.model,
        "adapter": info.adapter or "none",
        "GPU layers": LAYERS.get(info.gpu_layers, str(info.gpu_layers)),
        "database": info.database.rpartition("/")[2],
        "today": day(date.fromisoformat(info.today)),
    }


def _listed(found: dict[str, str]) -> None:
    lines = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in found.items())
    st.html(f'<dl class="facts">{lines}</dl>')
