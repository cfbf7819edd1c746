"""A question on its way: its stages as they happen, while the page stays free to be stopped."""

from __future__ import annotations

import html
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from streamlit.delta_generator import DeltaGenerator

from copilot import Answer, GivenUp, Stage
from ui.words import STAGES, milliseconds

PULSE = 0.1
"""Seconds between two looks at the page: each is a chance to leave the script."""

Events = Callable[[Callable[[], bool]], Iterator[Stage | Answer]]
"""Given what tells whether to stop: the stages, and last the answer."""


def follow(events: Events, place: DeltaGenerator) -> Answer:
    """Draw the stages in a place until the answer is there, and return it. Raises what the SDK raises.

    The work is done on a thread of its own: a script that waits inside the model or the planner could not be left.
    When it is left, as when a person clicks Stop or another page, the work is told to stop on the way out.
    """
    gone, box = threading.Event(), queue.SimpleQueue[Any]()
    threading.Thread(target=_work, args=(events, gone.is_set, box), daemon=True).start()
    stages: list[Stage] = []
    began = time.monotonic()
    try:
        while True:
            try:
                event = box.get(timeout=PULSE)
            except queue.Empty:
                event = None
            if isinstance(event, Answer):
                return event
            if isinstance(event, BaseException):
                raise event
            stages, began = _with(stages, event, began)
            place.html(_drawn(stages, time.monotonic() - began))
    finally:
        gone.set()


def _work(events: Events, stopped: Callable[[], bool], box: queue.SimpleQueue[Any]) -> None:
    try:
        for event in events(stopped):
            box.put(event)
    except GivenUp:
        pass  # nobody waits
    except Exception as error:
        box.put(error)


def _with(stages: list[Stage], event: Stage | None, began: float) -> tuple[list[Stage], float]:
    """The stages with one that began, or ended in its stead, and when the last one began."""
    if event is None:
        return stages, began
    if event.ms is None:
        return [*stages, event], time.monotonic()
    return [*stages[:-1], event], began


def _drawn(stages: list[Stage], waited: float) -> str:
    lines = "".join(_line(stage, waited) for stage in stages)
    return f'<div class="stages" role="status" aria-live="polite">{lines}</div>'


def _line(stage: Stage, waited: float) -> str:
    name = STAGES.get(stage.name, stage.name)
    if stage.ms is None:
        so_far = f"{waited:.0f} s" if waited >= 1 else ""
        return f'<div><span>…</span><b>{name}</b><span>under way</span><span class="ms">{so_far}</span></div>'
    shows = f"<code>{html.escape(stage.shows)}</code>" if stage.shows else ""
    return f'<div><span>✓</span><b>{name}</b><span>{shows}</span><span class="ms">{milliseconds(stage.ms)}</span></div>'
