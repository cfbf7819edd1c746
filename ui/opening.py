"""The first thing a browser meets: the copilot being made ready, or what is in the way of it."""

from __future__ import annotations

import threading
import time

import streamlit as st

from copilot import Copilot, CopilotError

PULSE = 0.2


class Opening:
    """A copilot on its way, on a thread of its own, so that every session sees how far it is.

    Attributes:
        doing: what is being prepared.
        share: how far that is, 0..1, where it is known.
        trouble: why it cannot be opened; empty if nothing is wrong.
    """

    def __init__(self) -> None:
        self.doing, self.trouble = "Opening", ""
        self.share: float | None = None
        self.copilot: Copilot | None = None
        self._thread = threading.Thread(target=self._open, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether it is over, well or not, within so many seconds."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _open(self) -> None:
        try:
            copilot = Copilot.open(self._tell)
            self._tell("Loading the model", None)
            copilot.ready()
            self.copilot = copilot
        except CopilotError as error:
            self.trouble = str(error)

    def _tell(self, doing: str, share: float | None) -> None:
        self.doing, self.share = doing, share


@st.cache_resource(show_spinner=False)
def opening() -> Opening:
    """The one opening that all sessions of this server share."""
    return Opening()


def opened() -> Copilot:
    """The copilot, ready to answer; until it is, the page shows how far it is, and goes no further."""
    found = opening()
    if not found.wait(PULSE):
        _preparing(found)
    if found.copilot is None:
        in_the_way(found.trouble)
        st.stop()
    return found.copilot


def in_the_way(trouble: str) -> None:
    """A page for what is missing or wrong: what it is, what to do, and a button to look again."""
    st.header("Something is in the way", anchor=False)
    st.error(trouble, icon=":material/build:")
    st.markdown(
        "Put it right, then look again. `copilot doctor` in a terminal says all that is in use and what is wrong."
    )
    st.button("Look again", type="primary", icon=":material/refresh:", on_click=opening.clear)


def _preparing(found: Opening) -> None:
    st.header("Getting ready", anchor=False)
    st.markdown("The first start builds the demo world and prepares the model; later ones take seconds.")
    place, began = st.empty(), time.monotonic()
    while not found.wait(PULSE):
        said = f"{found.doing[:1].upper()}{found.doing[1:]} … {time.monotonic() - began:.0f} s"
        place.progress(found.share or 0.0, text=said)
    st.rerun()
