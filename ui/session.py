"""What one browser session holds: its own conversation, over the copilot that all of them share."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

import streamlit as st

from copilot import Answer, Chat, Copilot


@dataclass
class Turn:
    """A question, or a program by hand, and what became of it.

    Args:
        question: as it was asked; of a program, what it is to do.
        program: run as it stands, if given.
        answer: None until there is one.
        trouble: why there is none; neither it nor an answer if it was stopped.
    """

    question: str
    program: str = ""
    answer: Answer | None = None
    trouble: str = ""
    at: datetime = field(default_factory=datetime.now)
    key: str = field(default_factory=lambda: uuid.uuid4().hex[:8])


@dataclass
class Session:
    """One person's conversation.

    Args:
        turns: oldest first.
        wanted: what is to be answered next.
    """

    copilot: Copilot
    chat: Chat
    turns: list[Turn] = field(default_factory=list)
    wanted: Turn | None = None

    @classmethod
    def here(cls, copilot: Copilot) -> Session:
        """This browser's session, begun anew if the copilot was opened anew."""
        known = st.session_state.get("session")
        if not isinstance(known, cls) or known.copilot is not copilot:
            known = st.session_state["session"] = cls(copilot, copilot.chat())
        return known

    def ask(self, question: str, program: str = "") -> None:
        """Have a question answered, or a program run, when the chat is drawn next."""
        self.wanted = Turn(question, program)

    def take(self) -> Turn | None:
        """What is to be answered now, once."""
        wanted, self.wanted = self.wanted, None
        return wanted

    def clear(self) -> None:
        """Begin a new conversation."""
        self.turns, self.chat, self.wanted = [], self.copilot.chat(), None
