"""The copilot as a part of LangChain: a tool for an agent, a Runnable for a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.tools import BaseTool, StructuredTool

from copilot.answer import Answer

if TYPE_CHECKING:
    from copilot.copilot import Copilot

ROWS_TOLD = 20


def runnable(copilot: Copilot) -> Runnable[str, Answer]:
    """From a question to an Answer."""
    return RunnableLambda(copilot.ask, name=f"{copilot.app.name}_copilot")


def tool(copilot: Copilot) -> BaseTool:
    """A tool that answers a question as text: the sentence, then the first rows."""

    def ask(question: str) -> str:
        return told(copilot.ask(question))

    about = f"Answers a question about {copilot.app.about}, read-only. Give it one question in plain words."
    return StructuredTool.from_function(ask, name=f"{copilot.app.name}_copilot", description=about)


def told(answer: Answer) -> str:
    """An answer as text: its sentence, its choices or its first rows."""
    lines = [answer.text]
    if answer.choices:
        lines.append("Choices: " + ", ".join(answer.choices))
    if len(answer.rows) > 1:
        lines.append(" | ".join(answer.columns))
        lines += [" | ".join(map(str, row)) for row in answer.rows[:ROWS_TOLD]]
    return "\n".join(lines)
