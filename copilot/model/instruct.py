"""A model that was not fine-tuned, in this process: prompted in-context, greedy, its fixed text read once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from copilot.app import App
from copilot.errors import GivenUp, QuestionError, SetupError
from copilot.model import incontext
from copilot.model.held import Held
from copilot.model.incontext import Message, Shot
from copilot.model.llama import MOST_TOKENS, layers_to_offload, loaded
from copilot.model.passes import logits_of
from copilot.model.writer import Request, Written
from copilot.program.grammar import grammar
from copilot.progress import Stopped

CONTEXT = 8192
ROOM = 1024
"""Tokens for what is not fixed: earlier turns, the question, the program."""
STEP = 256
CHATML = """{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""


class InstructWriter:
    """A GGUF file of an instruct model that writes programs, told what there is.

    The context is no longer than its fixed text needs; that is read at the first question, or by `warm_up`.

    Args:
        path: of the model.
        shots: worked examples.
        held: hold it to the app's grammar.
        gpu_layers, threads: as LlamaWriter takes them.
    """

    def __init__(
        self, path: Path, shots: Sequence[Shot] = (), held: bool = False,
        gpu_layers: int | None = None, threads: int | None = None, name: str = "",
    ) -> None:  # fmt: skip
        self.path, self.shots, self.name = path, tuple(shots), name or path.stem
        self._held, self._options = held, (gpu_layers, threads)
        self.gpu_layers = layers_to_offload(gpu_layers)
        self._lock = threading.RLock()
        with redirect_stderr(StringIO()):  # a context is longer than that of a model without layers, says llama.cpp
            self._chat = _Chat(loaded(path, *self._options, vocab_only=True))
        self._app: App | None = None

    def warm_up(self, app: App) -> None:
        """Load the model and read what every question begins with. Raises SetupError if that finds no room."""
        with self._lock:
            if self._app is not app:
                self._begin(app)

    def write(self, request: Request) -> Written:
        """The likeliest program, token by token. Raises GivenUp between two of them, if nobody waits any more.

        Raises:
            QuestionError: the question leaves no room for an answer.
        """
        with self._lock:
            self.warm_up(request.app)
            tokens = self._chat.tokens(incontext.messages(request, self.shots))
            if len(tokens) > self._llm.n_ctx() - MOST_TOKENS:
                raise QuestionError(
                    f"the question and the turns before it are too long for {self.name}; ask it in fewer words"
                )
            self._read_on(tokens)
            written = self._completed(request.stopped)
            text = self._chat.text(written)
            return Written(incontext.program_in(text), len(tokens), len(written))

    def _begin(self, app: App) -> None:
        tokens = self._chat.tokens(incontext.fixed(app, self.shots), begin_answer=False)
        needed = _rounded(len(tokens) + ROOM)
        if needed > self._chat.most:
            raise SetupError(f"{self.name} reads {self._chat.most:,} tokens at most, and is to read {needed:,}")
        self._llm = loaded(self.path, *self._options, context=needed)
        self._grammar = Held(self._llm, grammar(app)) if self._held else None
        self._read: list[int] = []
        self._read_on(tokens)
        self._app = app

    def _read_on(self, tokens: list[int]) -> None:
        """Read a prompt, from where it leaves what was read before."""
        same = next((n for n, (a, b) in enumerate(zip(self._read, tokens, strict=False)) if a != b), None)
        kept = min(len(self._read), len(tokens) - 1) if same is None else same
        self._llm.n_tokens = kept  # what lies behind is dropped by eval
        self._llm.eval(tokens[kept:])
        self._read = list(tokens)

    def _completed(self, stopped: Stopped) -> list[int]:
        written: list[int] = []
        if self._grammar:
            self._grammar.reset()
        while len(written) < MOST_TOKENS:
            token = self._next()
            if self._chat.ends(token):
                break
            written.append(token)
            if stopped():
                raise GivenUp("stopped while the program was being written")
            if incontext.ended(self._chat.text(written)):
                break
            self._llm.eval([token])
        return written

    def _next(self) -> int:
        logits = logits_of(self._llm.ctx, -1, self._llm.n_vocab())
        return self._grammar.likeliest(logits) if self._grammar else int(logits.argmax())


class _Chat:
    """A model's tokens and chat template.

    Args:
        vocabulary: a model of llama.cpp, of which no more than the vocabulary need be loaded.

    Attributes:
        most: the tokens that it was trained to read.
    """

    def __init__(self, vocabulary: Any) -> None:
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        self._llm = vocabulary
        architecture = vocabulary.metadata.get("general.architecture", "")
        self.most = int(vocabulary.metadata.get(f"{architecture}.context_length", CONTEXT))
        template = vocabulary.metadata.get("tokenizer.chat_template", CHATML)
        begin, end = (self._special(token) for token in (vocabulary.token_bos(), vocabulary.token_eos()))
        self._with, self._without = (Jinja2ChatFormatter(template, end, begin, answer) for answer in (True, False))

    def tokens(self, messages: Sequence[Message], begin_answer: bool = True) -> list[int]:
        """The tokens of some messages, with the beginning of an answer if wanted."""
        formatter = self._with if begin_answer else self._without
        told: Any = [{"role": role, "content": _plain(text)} for role, text in messages]
        text = formatter(messages=told).prompt
        tokens: list[int] = self._llm.tokenize(text.encode(), add_bos=False, special=True)
        return tokens

    def text(self, tokens: list[int]) -> str:
        """What was written, as text."""
        raw: bytes = self._llm.detokenize(tokens, special=False)
        return raw.decode(errors="replace")

    def ends(self, token: int) -> bool:
        """Whether a token ends an answer."""
        import llama_cpp

        return bool(llama_cpp.llama_vocab_is_eog(llama_cpp.llama_model_get_vocab(self._llm.model), token))

    def _special(self, token: int) -> str:
        raw: bytes = self._llm.detokenize([token], special=True) if token >= 0 else b""
        return raw.decode(errors="replace")


def _plain(text: str) -> str:
    """A text without what a tokenizer would take for the end of a message."""
    return text.replace("<|", "< |")


def _rounded(tokens: int) -> int:
    return -(-tokens // STEP) * STEP
