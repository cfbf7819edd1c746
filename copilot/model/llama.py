"""The fine-tuned model in this process: llama.cpp, greedy, one lock, layers on the GPU by setting."""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np

from copilot.confidence import UNCALIBRATED, Calibration
from copilot.errors import GivenUp, SetupError
from copilot.model.prompt import END, prompt
from copilot.model.writer import Beginning, Request, Written
from copilot.progress import Stopped, never

CONTEXT = 1024
MOST_TOKENS = 200
MOST_THREADS = 4
"""A model this small waits for memory, not for more cores."""
MOST_OTHERS = 4
NOTHING = Beginning((), 1.0)
GGUF_MAGIC = b"GGUF"


class LlamaWriter:
    """A GGUF file that writes programs.

    Args:
        path: of the merged model.
        gpu_layers: how many to offload; None offloads all if this build of llama.cpp can.
        threads: None for one a core, up to MOST_THREADS.
        calibration: how its probabilities are to be taken.

    Raises:
        SetupError: there is no such file, or llama.cpp cannot load it.
    """

    def __init__(
        self, path: Path, gpu_layers: int | None = None, threads: int | None = None, name: str = "",
        calibration: Calibration = UNCALIBRATED,
    ) -> None:  # fmt: skip
        self.path, self.name, self.calibration = path, name or path.stem, calibration
        self._lock = threading.Lock()
        self._llm = loaded(path, gpu_layers, threads)
        self.gpu_layers = layers_to_offload(gpu_layers)
        try:
            self._warm_up()
        except RuntimeError as error:
            raise SetupError(f"{path} cannot write text ({error}); set COPILOT_MODEL to a model that can") from error

    def write(self, request: Request) -> Written:
        """The likeliest program, token by token. Raises GivenUp between two of them, if nobody waits any more."""
        return self.complete(_prompt(request), request.stopped)

    def write_from(self, request: Request, beginning: Beginning) -> Written:
        """The likeliest program that begins so; the beginning's chance counts among those of its tokens."""
        with self._lock:
            return self._completed(self._tokens(_prompt(request)), request.stopped, beginning)

    def complete(self, text: str, stopped: Stopped = never) -> Written:
        """The likeliest completion of a prompt, up to the end of its line."""
        with self._lock:
            return self._completed(self._tokens(text), stopped)

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = self._llm.tokenize(text.encode(), add_bos=False, special=False)
        room = CONTEXT - MOST_TOKENS
        return tokens if len(tokens) <= room else tokens[-room:]

    def _completed(self, tokens: list[int], stopped: Stopped, begun: Beginning = NOTHING) -> Written:
        self._llm.reset()
        self._llm.eval([*tokens, *begun.tokens])
        written, least, others = list(begun.tokens), begun.chance, list[Beginning]()
        while len(written) < MOST_TOKENS and not self._ended(written):
            token, chance, second, rival = self._likeliest()
            least = min(least, chance)
            others.append(Beginning((*written, second), rival))
            written.append(token)
            if stopped():
                raise GivenUp("stopped while the program was being written")
            if not self._ended(written):
                self._llm.eval([token])
        others.sort(key=lambda other: -other.chance)
        return Written(self._text(written), len(tokens), len(written), least, tuple(others[:MOST_OTHERS]))

    def _ended(self, written: list[int]) -> bool:
        return bool(written) and written[-1] in self._ends

    def _likeliest(self) -> tuple[int, float, int, float]:
        """The likeliest next token and the one after it, each with its probability."""
        logits = last_logits(self._llm)
        second, best = np.argpartition(logits, -2)[-2:]
        second, best = (second, best) if logits[second] <= logits[best] else (best, second)
        chances = np.exp(logits - logits[best])
        total = float(chances.sum())
        return int(best), 1.0 / total, int(second), float(chances[second]) / total

    def _text(self, tokens: list[int]) -> str:
        raw: bytes = self._llm.detokenize([token for token in tokens if token not in self._ends], special=False)
        return raw.decode(errors="replace").strip()

    @property
    def _ends(self) -> set[int]:
        return {self._llm.token_eos(), self._newline}

    def _warm_up(self) -> None:
        self._newline = int(self._llm.tokenize(END.encode(), add_bos=False)[-1])
        self._llm.eval(self._tokens(prompt("warm up")))


def _prompt(request: Request) -> str:
    return prompt(request.question, request.links, request.context)


def last_logits(llm: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The logits of the next token, one for each of the vocabulary; they are llama.cpp's own until it reads on."""
    import llama_cpp

    pointer = llama_cpp.llama_get_logits_ith(llm.ctx, -1)
    return np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (llm.n_vocab(),))


def layers_to_offload(wanted: int | None) -> int:
    """How many layers go to the GPU: as wanted, or all (-1) if this build can offload, else 0."""
    import llama_cpp

    if not llama_cpp.llama_supports_gpu_offload():
        return 0
    return -1 if wanted is None else wanted


def loaded(
    path: Path, gpu_layers: int | None, threads: int | None, context: int = CONTEXT, vocab_only: bool = False
) -> Any:
    """A model of llama.cpp with a context of so many tokens. Raises SetupError if it cannot be loaded."""
    _must_be_gguf(path)
    import llama_cpp

    layers = layers_to_offload(gpu_layers)
    threads = threads or min(os.cpu_count() or 1, MOST_THREADS)
    try:
        return llama_cpp.Llama(
            str(path),
            n_gpu_layers=layers,
            n_threads=threads,
            n_threads_batch=threads,
            n_ctx=context,
            n_batch=512,
            vocab_only=vocab_only,
            verbose=False,
        )
    except (ValueError, RuntimeError, OSError) as error:
        raise SetupError(f"llama.cpp cannot load {path}: {_what_is_wrong(path)}") from error


def _what_is_wrong(path: Path) -> str:
    """Why a GGUF file cannot be loaded, as far as its header tells."""
    from copilot.model.merge import read_gguf

    try:
        fields = read_gguf(path).fields
    except SetupError:
        return "it is cut short; delete it, and fetch or make it again"
    if "adapter.lora.alpha" in fields:
        return f"it is an adapter, and its card {path.stem}.json is not beside it"
    architecture = fields["general.architecture"].contents() if "general.architecture" in fields else "not told"
    todo = "update llama-cpp-python, or use another model"
    return f"its architecture ({architecture}) or form is none that this build knows; {todo}"


def _must_be_gguf(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise SetupError(f"there is no model at {path}; set COPILOT_MODEL to a GGUF file or leave it unset") from error
    if magic != GGUF_MAGIC:
        raise SetupError(f"{path} is not a GGUF file; set COPILOT_MODEL to one or leave it unset")
