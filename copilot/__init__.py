"""A copilot for a fulfilment planner: questions in plain words, answered by typed, checked programs."""

from copilot.answer import Answer, Chart, Table
from copilot.app import App, Context
from copilot.copilot import Chat, Copilot
from copilot.errors import CopilotError, GivenUp, SetupError
from copilot.history import Entry, Verdict
from copilot.pipeline import Stage
from copilot.query import Column, View
from copilot.show import paired

__all__ = [
    "Answer",
    "App",
    "Chart",
    "Chat",
    "Column",
    "Context",
    "Copilot",
    "CopilotError",
    "Entry",
    "GivenUp",
    "SetupError",
    "Stage",
    "Table",
    "Verdict",
    "View",
    "paired",
]
