"""A copilot for a fulfilment planner: questions in plain words, answered by typed, checked programs."""

from copilot.answer import Answer
from copilot.app import App, Context
from copilot.copilot import Copilot
from copilot.errors import CopilotError
from copilot.query import Column, View

__all__ = ["Answer", "App", "Column", "Context", "Copilot", "CopilotError", "View"]
