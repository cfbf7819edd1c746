"""Holds a model to a grammar: the likeliest token that the grammar allows, of llama.cpp's own grammar."""

from __future__ import annotations

import ctypes
import weakref
from typing import Any

import numpy as np

from copilot.errors import SetupError

FEW = 64
"""Candidates tried before the whole vocabulary, which takes a hundred times as long."""
Logits = np.ndarray[Any, np.dtype[np.float32]]


class Held:
    """A grammar under way.

    Args:
        llm: a model of llama.cpp, for its vocabulary.
        text: GBNF with a rule `root`.

    Raises:
        SetupError: the grammar is none; llama.cpp would crash over it later.
    """

    def __init__(self, llm: Any, text: str) -> None:
        import llama_cpp

        self._vocab = llama_cpp.llama_model_get_vocab(llm.model)
        self._sampler = llama_cpp.llama_sampler_init_grammar(self._vocab, text.encode(), b"root")
        if not self._sampler:
            raise SetupError("llama.cpp does not take the grammar that was made from the app")

        weakref.finalize(self, llama_cpp.llama_sampler_free, self._sampler)

    def reset(self) -> None:
        """Begin again."""
        import llama_cpp

        llama_cpp.llama_sampler_reset(self._sampler)

    def likeliest(self, logits: Logits) -> int:
        """The likeliest token that may come next; it is taken as written."""
        best = int(logits.argmax())
        token = best if self.allows(best) else self._among(np.argpartition(logits, -FEW)[-FEW:], logits)
        return self.take(token if token is not None else self._among(np.arange(len(logits)), logits))

    def take(self, token: int | None) -> int:
        """Goes on after a token that is allowed."""
        import llama_cpp

        if token is None:
            raise SetupError("the grammar that was made from the app allows nothing to follow")
        llama_cpp.llama_sampler_accept(self._sampler, token)
        return token

    def allows(self, token: int) -> bool:
        """Whether a token may come next."""
        return self._among(np.array([token]), np.zeros(token + 1, np.float32)) is not None

    def _among(self, tokens: Any, logits: Logits) -> int | None:
        """The likeliest of some tokens that may come next, if any may."""
        import llama_cpp

        data = (llama_cpp.llama_token_data * len(tokens))()
        view = np.ctypeslib.as_array(data)
        view["id"], view["logit"], view["p"] = tokens, logits[tokens], 0.0
        array = llama_cpp.llama_token_data_array(data=data, size=len(tokens), selected=-1, sorted=False)
        llama_cpp.llama_sampler_apply(self._sampler, ctypes.byref(array))
        best = int(view["logit"].argmax())
        return int(view["id"][best]) if np.isfinite(view["logit"][best]) else None
