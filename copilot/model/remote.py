"""A model behind a URL that speaks as OpenAI's does: `/chat/completions`, prompted in-context like the others."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from copilot.errors import SetupError
from copilot.model.incontext import Shot, messages, program_in
from copilot.model.llama import MOST_TOKENS
from copilot.model.writer import Request, Written

KEY = "OPENAI_API_KEY"
SECONDS = 120.0


class RemoteWriter:
    """A model of another process or machine.

    Args:
        url: up to and without `/chat/completions`, such as ``http://127.0.0.1:8080/v1``.
        model: what the server calls it; empty for a server of one.
        shots: worked examples that stand before the question.
        seconds: how long an answer may take.
    """

    def __init__(self, url: str, model: str = "", shots: Sequence[Shot] = (), seconds: float = SECONDS) -> None:
        self.url = f"{url.rstrip('/').removesuffix('/chat/completions')}/chat/completions"
        self.name, self.model, self.shots, self.seconds = model or url, model, tuple(shots), seconds

    def write(self, request: Request) -> Written:
        """The program in the model's reply. Raises SetupError if none comes."""
        reply = self._answered(self._asked(request))
        try:
            text = str(reply["choices"][0]["message"]["content"] or "")
            usage = reply.get("usage") or {}
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise SetupError(f"{self.url} answers, but not as /chat/completions does") from error
        return Written(program_in(text), usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0))

    def _asked(self, request: Request) -> urllib.request.Request:
        told = [{"role": role, "content": text} for role, text in messages(request, self.shots)]
        body = {"messages": told, "temperature": 0, "max_tokens": MOST_TOKENS}
        body |= {"model": self.model} if self.model else {}
        headers = {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {key}"} if (key := os.environ.get(KEY)) else {}
        return urllib.request.Request(self.url, json.dumps(body).encode(), headers)

    def _answered(self, asked: urllib.request.Request) -> Any:
        try:
            with urllib.request.urlopen(asked, timeout=self.seconds) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            hint = f"; is {KEY} right?" if error.code in (401, 403) else ""
            raise SetupError(f"{self.url} answers {error.code} {error.reason}{hint}") from error
        except (OSError, ValueError, http.client.HTTPException) as error:  # refused, too slow, or no JSON
            raise SetupError(f"{self.url} does not answer: {getattr(error, 'reason', error)}") from error
