"""The copilot as a part of LangChain: a tool for an agent, a Runnable for a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.tools import BaseTool, StructuredTool

from copilot.answer import Answer
from copilot.printable import one_line

if TYPE_CHECKING:
    from copilot.copilot import Copilot

ROWS_TOLD = 20
LONGEST_CELL = 200


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
        lines.append("Choices: " + ", ".join(map(_told, answer.choices)))
    if len(answer.rows) > 1:
        lines.append(" | ".join(answer.columns))
        lines += [" | ".join(map(_told, row)) for row in answer.rows[:ROWS_TOLD]]
    return "\n".join(lines)


def _told(cell: Any) -> str:
    """On one line: a name of the database makes no row of its own."""
    return one_line(str(cell), LONGEST_CELL)
