"""Any LangChain chat model behind the same seam: prompted in-context with the app's brief."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from copilot.errors import SetupError
from copilot.model.incontext import messages, program_in
from copilot.model.writer import Request, Written

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class ChatWriter:
    """A chat model that writes programs.

    Args:
        model: of LangChain.
    """

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model
        self.name = str(getattr(model, "model_name", None) or getattr(model, "model", None) or type(model).__name__)

    def write(self, request: Request) -> Written:
        """The program in the model's reply."""
        try:
            reply = self._model.invoke(messages(request))
        except Exception as error:
            raise SetupError(f"the chat model {self.name} does not answer: {str(error).splitlines()[0]}") from error
        usage: Any = getattr(reply, "usage_metadata", None) or {}
        return Written(program_in(reply.text), usage.get("input_tokens", 0), usage.get("output_tokens", 0))
